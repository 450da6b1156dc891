// Replicas: the model service of replicated values, all kinds in one map.
import {
  Clock,
  Consistency,
  Context,
  Flag,
  GCounter,
  GSet,
  Hearing,
  LWWRegister,
  ORMap,
  ORSet,
  PNCounter,
  RecordView,
  Ticket,
  Vote,
} from '@innkeeper/sdk-assemblyscript/assembly'
import { Act, Change, Noted, ReplicasReplicated, ReplicasTickets, Said, Script } from './gen/conformance'
import { Model, perform } from './script'

export class All extends RecordView {
  get g(): GCounter {
    return this.member<GCounter>('g')
  }

  get p(): PNCounter {
    return this.member<PNCounter>('p')
  }

  get gs(): GSet {
    return this.member<GSet>('gs')
  }

  get os(): ORSet {
    return this.member<ORSet>('os')
  }

  get r(): LWWRegister {
    return this.member<LWWRegister>('r')
  }

  get f(): Flag {
    return this.member<Flag>('f')
  }

  get m(): ORMap<PNCounter> {
    return this.member<ORMap<PNCounter>>('m')
  }

  get v(): Vote {
    return this.member<Vote>('v')
  }

  get n(): ORMap<ORSet> {
    return this.member<ORMap<ORSet>>('n')
  }
}

export class Replicas extends ReplicasReplicated<All> implements Model {
  do(request: Script, context: Context): Said | null {
    return perform(request, context.entity, context, this)
  }

  change(act: Act): void {
    if (act.clear !== null) this.remove()
    const consistency = act.consistency
    if (consistency !== null && consistency.value <= 2) this.consistency(consistency.value as Consistency)
    const change = act.change
    if (change !== null) this.apply(change)
  }

  shown(): string {
    return shownOf(this.view)
  }

  size(): string {
    return '-'
  }

  has(): string {
    return '-'
  }

  knows(): bool {
    return true
  }

  ticket(method: string, name: string): Ticket<Said> | null {
    if (method == 'Do') return ReplicasTickets.do(name)
    return null
  }

  hears(note: Noted | null): Hearing | null {
    return null
  }

  private apply(change: Change): void {
    const all = this.view
    const increment = change.increment
    if (increment !== null) all.g.add(increment.value)
    const add = change.add
    if (add !== null) all.p.add(add.value)
    const grow = change.grow
    if (grow !== null) all.gs.add(grow)
    const insert = change.insert
    if (insert !== null) all.os.add(insert)
    const remove = change.remove
    if (remove !== null) all.os.remove(remove)
    if (change.clear !== null) all.os.clear()
    const assign = change.assign
    if (assign !== null) {
      const clock = (assign.clock > 3 ? 0 : assign.clock) as Clock
      all.r.set(assign.value, clock, assign.customClock)
    }
    if (change.enable !== null) all.f.enable()
    const vote = change.vote
    if (vote !== null) all.v.vote(vote.value)
    const count = change.count
    if (count !== null) all.m.at(count.key).add(count.by)
    const uncount = change.uncount
    if (uncount !== null) all.m.remove(uncount)
    if (change.clearCounts !== null) all.m.clear()
    const nest = change.nest
    if (nest !== null) all.n.at(nest.key).add(nest.element)
    const createCount = change.createCount
    if (createCount !== null) all.m.create(createCount)
    const createNest = change.createNest
    if (createNest !== null) all.n.create(createNest)
    const unnest = change.unnest
    if (unnest !== null) all.n.remove(unnest)
  }
}

export function shownOf(all: All): string {
  const counts: string[] = []
  const keys = all.m.keys()
  for (let i = 0; i < keys.length; i++) counts.push(`${keys[i]}:${all.m.at(keys[i]).value}`)
  const nested: string[] = []
  const sets = all.n.keys()
  for (let i = 0; i < sets.length; i++) nested.push(`${sets[i]}:${all.n.at(sets[i]).elements().join('+')}`)
  const v = all.v
  return (
    `g=${all.g.value} p=${all.p.value} gs=${all.gs.elements().join(',')} os=${all.os.elements().join(',')}` +
    ` r=${all.r.value} f=${all.f.enabled} m=${counts.join(',')} v=${v.votesFor}/${v.voters}/${v.self}` +
    ` n=${nested.join(',')}`
  )
}
