// Store: what the eight kinds have in common. A store holds dots, and what they stand for; it has no context of its own.
//
// Owns: the words.   counter.ts, set.ts, register.ts, flag.ts, vote.ts, map.ts own: one kind (or two alike) each.

import type { Dot } from './dot.ts'
import type { Edit } from './edit.ts'
import type { Kind } from './kind.ts'
import type { Candidates, Meeting } from './meeting.ts'

export interface Store {
  readonly kind: Kind
  /** No dot lives in it. Its value is the default of its kind. */
  readonly empty: boolean
  eachDot(visit: (dot: Dot) => void): void
  /** Bytes in memory, roughly, the object itself not counted. Walks all of it. */
  weigh(): number
  /** Take in the same kind of store from the other side, which may be empty. True if the visible value is another one now. */
  join(theirs: Store, meeting: Meeting, candidates: Candidates): boolean
  /** Carry out the plan. Answers the part for the delta, or undefined if there was no net effect. */
  commit(edit: Edit): Store | undefined
}
