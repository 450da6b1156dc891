// Register: LWWRegister. Writes under their dots, each with a timestamp; the highest is seen.
//
// G1. Equal timestamps: the lower replica id wins; of one replica, the later write.
// G2. A write that wins drops every write that it saw; one that loses is nothing. Concurrent winners stay side by side until
//     the next one.
// G3. Clocks (§register), p being the timestamp that is seen: default max(now, p + 1) · reverse min(-now, p - 1) · custom c ·
//     custom auto-increment c, or p + 1 if c <= p. Nothing seen: now, -now, c, c. They stay within int64.
// G4. The value that is seen, with the default clock, is no write; with another clock it is.
// G5. `create` writes the empty value with the default clock, unless the same command assigns: that takes its place.

import type { Dot } from './dot.ts'
import { counterOf, replicaOf } from './dot.ts'
import type { Edit } from './edit.ts'
import type { Ids } from './ids.ts'
import { kind } from './kind.ts'
import type { Candidates, Meeting } from './meeting.ts'
import type { Clock } from './operations.ts'
import { clock } from './operations.ts'
import type { Store } from './store.ts'

export interface Write {
  readonly timestamp: bigint
  /** Bytes, one character each. */
  readonly value: string
}

interface Plan {
  write: Write | undefined
  /** G5: the planned write is that of `create`. */
  created: boolean
}

const low = -(2n ** 63n)
const high = 2n ** 63n - 1n

export class Register implements Store {
  readonly kind = kind.lwwRegister
  writes = new Map<Dot, Write>()

  get empty(): boolean {
    return this.writes.size === 0
  }

  value(ids: Ids): string {
    return this.seen(ids)?.[1].value ?? ''
  }

  create(edit: Edit): void {
    const plan = this.plan(edit)
    plan.write = { timestamp: timestampOf(clock.default, 0n, edit.nowMs, undefined), value: '' }
    plan.created = true
  }

  assign(edit: Edit, value: string, by: Clock, custom: bigint): void {
    const plan = this.plan(edit)
    const before = this.seen(edit.ids)
    const previous = plan.write ?? before?.[1]
    if (by === clock.default && previous?.value === value) return
    const write = { timestamp: timestampOf(by, custom, edit.nowMs, plan.created ? undefined : previous), value }
    if (!plan.created) {
      // The dot that it would get is later than any of this replica's.
      const loses =
        plan.write === undefined
          ? before !== undefined && !beats(edit.ids, write, edit.self, before[1], replicaOf(before[0]))
          : write.timestamp < plan.write.timestamp
      if (loses) return
    }
    plan.write = write
    plan.created = false
  }

  eachDot(visit: (dot: Dot) => void): void {
    for (const dot of this.writes.keys()) visit(dot)
  }

  weigh(): number {
    let weight = 0
    for (const { value } of this.writes.values()) weight += 112 + value.length
    return weight
  }

  join(theirs: Register, meeting: Meeting, _candidates: Candidates): boolean {
    const before = this.value(meeting.ids)
    const weight = this.weigh()
    if (!meeting.slots(this.writes, theirs.writes)) return false
    meeting.weight += this.weigh() - weight
    return this.value(meeting.ids) !== before
  }

  commit(edit: Edit): Register | undefined {
    const write = edit.planned<Plan>(this)?.write
    if (write === undefined) return undefined
    const before = this.writes
    if (this.value(edit.ids) !== write.value) edit.changed = true
    edit.weight -= this.weigh()
    for (const dot of before.keys()) edit.drop(dot)
    this.writes = new Map([[edit.dot(), write]])
    edit.weight += this.weigh()
    edit.undo.push(() => {
      this.writes = before
    })
    const part = new Register()
    part.writes = this.writes
    return part
  }

  private plan(edit: Edit): Plan {
    return edit.plan<Plan>(this, () => ({ write: undefined, created: false }))
  }

  private seen(ids: Ids): readonly [Dot, Write] | undefined {
    let best: readonly [Dot, Write] | undefined
    for (const entry of this.writes) {
      if (best === undefined) best = entry
      else if (replicaOf(entry[0]) === replicaOf(best[0]) && entry[1].timestamp === best[1].timestamp) {
        if (counterOf(entry[0]) > counterOf(best[0])) best = entry
      } else if (beats(ids, entry[1], replicaOf(entry[0]), best[1], replicaOf(best[0]))) best = entry
    }
    return best
  }
}

/** G1. A replica beats itself: the first of the two is the later one. */
function beats(ids: Ids, write: Write, by: number, other: Write, otherBy: number): boolean {
  if (write.timestamp !== other.timestamp) return write.timestamp > other.timestamp
  return ids.names[by]! <= ids.names[otherBy]!
}

/** G3 */
function timestampOf(by: Clock, custom: bigint, nowMs: number, previous: Write | undefined): bigint {
  const now = BigInt(Math.trunc(nowMs))
  const seen = previous?.timestamp
  let timestamp: bigint
  if (by === clock.reverse) timestamp = seen === undefined || -now < seen - 1n ? -now : seen - 1n
  else if (by === clock.custom) timestamp = custom
  else if (by === clock.customAutoIncrement) timestamp = seen === undefined || custom > seen ? custom : seen + 1n
  else timestamp = seen === undefined || now > seen + 1n ? now : seen + 1n
  return timestamp < low ? low : timestamp > high ? high : timestamp
}
