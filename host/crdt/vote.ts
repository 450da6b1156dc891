// Vote: who is for it. A replica is, as long as a dot of its own lives here; only it makes or drops that dot.
//
// V1. Voting as before is nothing; a vote against is the default and leaves nothing behind.
// V2. The counts are taken against the members that the caller names: a replica that left does not count (§vote-2).
// V3. A merge counts as a change if any replica's vote is another one, member or not: membership is not ours to know.

import type { Dot, Dots } from './dot.ts'
import { countOf, dotsOf, listOf, replicaOf } from './dot.ts'
import type { Edit } from './edit.ts'
import type { Ids, ReplicaId } from './ids.ts'
import { kind } from './kind.ts'
import type { Candidates, Meeting } from './meeting.ts'
import type { Store } from './store.ts'

export interface Tally {
  readonly self: boolean
  readonly votesFor: number
  readonly voters: number
}

interface Plan {
  vote: boolean
}

export class Vote implements Store {
  readonly kind = kind.vote
  dots: Dots | undefined

  get empty(): boolean {
    return this.dots === undefined
  }

  tally(ids: Ids, self: ReplicaId, members: readonly ReplicaId[]): Tally {
    const votersFor = this.votersFor()
    const isFor = (name: ReplicaId) => {
      const replica = ids.find(name)
      return replica !== undefined && votersFor.has(replica)
    }
    const voters = new Set(members)
    let votesFor = 0
    for (const name of voters) if (isFor(name)) votesFor += 1
    return { self: isFor(self), votesFor, voters: voters.size }
  }

  cast(edit: Edit, vote: boolean): void {
    edit.plan<Plan>(this, () => ({ vote })).vote = vote
  }

  eachDot(visit: (dot: Dot) => void): void {
    listOf(this.dots).forEach(visit)
  }

  weigh(): number {
    return countOf(this.dots) * 16
  }

  join(theirs: Vote, meeting: Meeting, _candidates: Candidates): boolean {
    const before = this.dots
    const votersBefore = this.votersFor()
    this.dots = meeting.dots(before, theirs.dots)
    if (this.dots === before) return false
    meeting.weight += (countOf(this.dots) - countOf(before)) * 16
    return this.votersFor().symmetricDifference(votersBefore).size > 0
  }

  commit(edit: Edit): Vote | undefined {
    const plan = edit.planned<Plan>(this)
    const before = this.dots
    const own = listOf(before).filter((dot) => replicaOf(dot) === edit.self)
    if (plan === undefined || plan.vote === own.length > 0) return undefined
    const part = new Vote()
    edit.drop(own)
    if (plan.vote) part.dots = edit.dot()
    const others = listOf(before).filter((dot) => replicaOf(dot) !== edit.self)
    this.dots = dotsOf([...others, ...listOf(part.dots)])
    edit.weight += (countOf(this.dots) - countOf(before)) * 16
    edit.changed = true
    edit.undo.push(() => {
      this.dots = before
    })
    return part
  }

  private votersFor(): Set<number> {
    return new Set(listOf(this.dots).map(replicaOf))
  }
}
