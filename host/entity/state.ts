// State: what an entity that decides in batches keeps between turns. One implementation for each state model: event-sourced.ts,
// value.ts.

import type { Decision, GuestCommand } from '../guest/guest.ts'
import type { Batch } from '../journal/journal.ts'
import type { TooDear } from './reading-cost.ts'
import type { TurnPlan } from './turn.ts'

export interface EntityState {
  /** Last committed record and event. */
  readonly revision: number
  readonly sequence: number
  /** The latest time any command of this entity saw. */
  nowMs: number
  /** It covers all that is committed. */
  readonly ready: boolean
  /** What it takes of memory, in bytes, roughly. */
  readonly size: number
  /** The records of a turn stay for ever; else an answer that must be given again is kept with its key. */
  readonly keepsRecords: boolean
  /** Load one chunk of what is missing. @throws ReplayFault */
  step(): void
  /** Housekeeping between turns: a snapshot that is due, or bytes that shorten the way back. @throws GuestFault */
  settle(): void
  /** Decide on the ready state. `undefined`: the guest no longer had it; `step` until ready and come again. @throws GuestFault */
  decide(commands: readonly GuestCommand[]): readonly Decision[] | undefined
  /** Why what the last `decide` leaves cannot be kept, if it is too dear to read again. Looked at only where it may be
   *  (reading-cost.C2). @throws GuestFault */
  weigh(decisions: readonly Decision[]): TooDear | undefined
  /** What the last `decide` left is not wanted. */
  discard(): void
  /** What the decisions leave, into the turn's batch. */
  write(batch: Batch, plan: TurnPlan): void
  /** The last `decide` is committed as planned, or wrote nothing. */
  advance(plan: TurnPlan | undefined): void
}
