// Chains: how many effects come of one command: its own, those of these effects, and so on.
//
// H1. Every effect has its place in its chain, given when it is planned; no place is given twice, also after a crash.
// H2. So that a restart knows the count, some entry of every chain that is on disk says it: each write of an entry does, and where
//     the last one to say it leaves, another one is written again in the same commit. No rows of its own, and no write more while
//     effects arrive in their order. Where all that are left lie in other partitions, one of these writes it in a commit of its own: a
//     crash in between forgets some of the count, and the chain may have as many more.
// H3. A chain is known while an effect of it is.
//
// Owns: the count.   outbox.ts owns: what becomes of the one beyond.   plan.ts owns: which effect begins one; what a client's stream causes
// is a chain for each outcome.

import { type Clock, systemClock } from '../clock.ts'
import type { Command } from '../command.ts'
import type { EffectEntry, Outward } from '../effect.ts'
import type { Batch } from '../journal/journal.ts'

/** An effect that has no content yet. */
export type InChain = Pick<EffectEntry, 'id' | 'chain' | 'place' | 'chainEffects'>
/** Where effects of one partition get their ids. */
export interface Places {
  /** Another effect of a chain; `undefined` begins one. */
  next(chain: number | undefined): InChain
  /** The id was given in this partition. */
  owns(id: number): boolean
  /** For an entry of another partition that goes on in this one: the same place of the same chain. */
  moved(entry: EffectEntry): InChain
  /** Where a service of this name is a connector to the service `by`: what its effect has besides. `metadata`: of the command that sends it. */
  outward(by: string, service: string, metadata?: Command['metadata']): Outward | undefined
}

/** The chain that the effects of a command are part of, if it has one yet. */
export function chainOf({ effect, chain }: Pick<Command, 'effect' | 'chain'>): number | undefined {
  return effect === undefined ? chain : nameOf(effect)
}

interface Chain {
  count: number
  /** What is on disk, or in a batch on its way there, by id. */
  readonly live: Map<number, EffectEntry>
  /** The one on disk that says `count`. */
  bearer: number
}

interface ChainsParts {
  readonly clock: Pick<Clock, 'soon'>
  /** Both are on disk in the same partition. */
  readonly together: (one: number, other: number) => boolean
  /** An entry of another partition is to say the count from now on: its partition writes it. */
  readonly write: (entry: EffectEntry) => void
}

const onePartition: ChainsParts = { clock: systemClock, together: () => true, write() {} }

export class Chains {
  private readonly parts: ChainsParts
  private readonly chains = new Map<number, Chain>()
  /** Begun in this turn of the loop, and not written yet. A turn that fails leaves its own here, until the loop turns. */
  private readonly planned = new Map<number, Chain>()

  constructor(parts: ChainsParts = onePartition) {
    this.parts = parts
  }

  get size(): number {
    return this.chains.size
  }

  next(id: number, name = id): InChain {
    const chain = this.chains.get(name) ?? this.plan(name)
    chain.count += 1
    return { id, chain: name, place: chain.count, chainEffects: chain.count }
  }

  /** It came to nothing, before anything after it was planned. */
  giveBack(entry: InChain): void {
    const chain = this.chains.get(nameOf(entry))
    if (chain !== undefined) chain.count -= 1
  }

  /** Its commit did not come about. */
  lost(entry: InChain): void {
    const name = nameOf(entry)
    const chain = this.chains.get(name)
    chain?.live.delete(entry.id)
    if (chain?.live.size === 0) this.chains.delete(name)
  }

  /** It is on disk: after a start. */
  found(entry: EffectEntry): void {
    const chain = this.of(nameOf(entry))
    chain.live.set(entry.id, entry)
    const says = Math.max(entry.place, entry.chainEffects, 1)
    if (says < chain.count) return
    chain.count = says
    chain.bearer = entry.id
  }

  /** Add or replace. */
  write(batch: Pick<Batch, 'enqueue'>, entry: EffectEntry): void {
    const chain = this.of(nameOf(entry))
    // Of an older host, alone.
    chain.count = Math.max(chain.count, 1)
    const written = entry.chainEffects === chain.count ? entry : { ...entry, chainEffects: chain.count }
    batch.enqueue(written)
    chain.live.set(entry.id, written)
    chain.bearer = entry.id
  }

  /** Take out. `leaving`: other commits on their way replace or take these out, so nothing is to be written of them. */
  remove(
    batch: Pick<Batch, 'enqueue' | 'dequeue'>,
    entry: EffectEntry | undefined,
    id: number,
    leaving: ReadonlySet<number>,
  ): void {
    batch.dequeue(id)
    if (entry !== undefined) this.leave(batch, nameOf(entry), id, leaving)
  }

  /** One has left this chain: for good, or for another one. */
  leave(batch: Pick<Batch, 'enqueue'>, name: number, id: number, leaving: ReadonlySet<number>): void {
    const chain = this.chains.get(name)
    if (chain === undefined) return
    chain.live.delete(id)
    if (chain.live.size === 0) {
      this.chains.delete(name)
      return
    }
    if (chain.bearer !== id) return
    const others = [...chain.live.values()].filter((other) => !leaving.has(other.id))
    const near = others.find((other) => this.parts.together(other.id, id))
    if (near !== undefined) this.write(batch, near)
    else if (others[0] !== undefined) this.parts.write(others[0])
  }

  clear(): void {
    this.chains.clear()
    this.planned.clear()
  }

  private plan(name: number): Chain {
    const known = this.planned.get(name)
    if (known !== undefined) return known
    if (this.planned.size === 0) this.parts.clock.soon(() => this.planned.clear())
    const chain = empty()
    this.planned.set(name, chain)
    return chain
  }

  private of(name: number): Chain {
    let chain = this.chains.get(name)
    if (chain === undefined) {
      chain = this.planned.get(name) ?? empty()
      this.planned.delete(name)
      this.chains.set(name, chain)
    }
    return chain
  }
}

function empty(): Chain {
  return { count: 0, live: new Map(), bearer: 0 }
}

export function nameOf({ id, chain }: Pick<EffectEntry, 'id' | 'chain'>): number {
  return chain === 0 ? id : chain
}
