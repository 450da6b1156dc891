// Counter: GCounter and PNCounter. Each replica has a share, under the dot of its last change.
//
// N1. A change drops the replica's old dot and puts the new sum under a fresh one. A removal that saw the old dot and not the
//     new one loses against the whole share (add wins); one that saw it takes the share away, and the next starts at 0.
// N2. A replica's share and the sum it sees stay within uint64 (GCounter) or int64 (PNCounter); a change beyond is refused.
//     Shares of several replicas may still add up to more when they meet: then the value stands at the end of its range.
// N3. Changes of one command are one; a net 0 is none.

import type { Dot } from './dot.ts'
import { replicaOf } from './dot.ts'
import type { Edit } from './edit.ts'
import { kind } from './kind.ts'
import type { Candidates, Meeting } from './meeting.ts'
import { OperationError } from './operations.ts'
import type { Store } from './store.ts'

const shareWeight = 64

export const ranges = {
  [kind.gCounter]: { low: 0n, high: 2n ** 64n - 1n },
  [kind.pnCounter]: { low: -(2n ** 63n), high: 2n ** 63n - 1n },
} as const

interface Plan {
  by: bigint
  /** Of all shares, and of the replica's own, before the command: a command may add as often as it has operations. */
  readonly all: bigint
  readonly own: bigint
}

export class Counter implements Store {
  readonly kind: typeof kind.gCounter | typeof kind.pnCounter
  readonly shares = new Map<Dot, bigint>()

  constructor(of: Counter['kind']) {
    this.kind = of
  }

  get empty(): boolean {
    return this.shares.size === 0
  }

  /** N2: within the range of its kind. */
  get value(): bigint {
    const { low, high } = ranges[this.kind]
    const sum = this.sum()
    return sum < low ? low : sum > high ? high : sum
  }

  /** @throws OperationError */
  add(edit: Edit, by: bigint): void {
    const plan = edit.plan<Plan>(this, () => ({ by: 0n, all: this.sum(), own: this.sum(edit.self) }))
    const net = plan.by + by
    const { low, high } = ranges[this.kind]
    for (const sum of [plan.all + net, plan.own + net]) {
      if (sum < low || sum > high) throw new OperationError(`the counter would leave its range, ${low} to ${high}`)
    }
    plan.by = net
  }

  eachDot(visit: (dot: Dot) => void): void {
    for (const dot of this.shares.keys()) visit(dot)
  }

  weigh(): number {
    return this.shares.size * shareWeight
  }

  join(theirs: Counter, meeting: Meeting, _candidates: Candidates): boolean {
    const before = this.value
    const count = this.shares.size
    if (!meeting.slots(this.shares, theirs.shares)) return false
    meeting.weight += (this.shares.size - count) * shareWeight
    return this.value !== before
  }

  commit(edit: Edit): Counter | undefined {
    const by = edit.planned<Plan>(this)?.by ?? 0n
    if (by === 0n) return undefined
    const before = this.value
    const share = this.sum(edit.self) + by
    const own = [...this.shares].filter(([dot]) => replicaOf(dot) === edit.self)
    for (const [dot] of own) {
      this.shares.delete(dot)
      edit.drop(dot)
    }
    const dot = edit.dot()
    this.shares.set(dot, share)
    edit.undo.push(() => {
      this.shares.delete(dot)
      for (const [dot, share] of own) this.shares.set(dot, share)
    })
    edit.weight += (1 - own.length) * shareWeight
    if (this.value !== before) edit.changed = true
    const part = new Counter(this.kind)
    part.shares.set(dot, share)
    return part
  }

  /** Of all, or of one replica. */
  private sum(replica?: number): bigint {
    let sum = 0n
    for (const [dot, share] of this.shares) if (replica === undefined || replicaOf(dot) === replica) sum += share
    return sum
  }
}
