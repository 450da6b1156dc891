// Model: how one state model keeps an entity between turns. An activation is given one, and leads it:
//
//     step, step, … ready ──▶ settle ──▶ plan ──▶ write ──▶ apply ──▶ settle ──▶ …
//
// M1. A model is one loading of one entity by one version of a service: where what it planned cannot be kept, or another version
//     takes over, it is void, and a fresh one loads.
// M2. `plan` answers with data. It changes nothing but the model's own memory, and nobody hears of anything by it.
// M3. `write` and `apply` carry out the last plan and no other: `write` within its commit, `apply` once that is on disk, or at
//     once where there was nothing to write.
//
// Implemented by: event-sourced.ts, value.ts, replicated/replicated.ts. Actions are no models: they keep nothing between two
// calls, so there is nothing to load, to passivate or to be stuck at, and their calls have no order (action/calls.ts).
//
// Owns: the words.   Activation owns: when.

import type { Places } from '../delivery/chains.ts'
import type { Standing } from '../delivery/standing.ts'
import type { InnkeeperError } from '../errors.ts'
import type { Batch, EntityRef } from '../journal/journal.ts'
import type { EntityService } from '../services.ts'
import type { EntityContext } from './context.ts'
import type { Work } from './mailbox.ts'
import type { TurnPlan } from './turn.ts'

/** What a turn is planned from, besides the model. */
export interface Turn {
  /** The turn's time. Never goes back for an entity. */
  readonly nowMs: number
  /** Age of the data directory, in milliseconds (journal/age.ts). */
  readonly ageMs: number
  readonly places: Places
  readonly standing: Standing
  /** The next of what waits and needs a decision; undefined: the rest is for another turn. */
  next(): Work | undefined
  /** Fresh chance for one command. */
  seed(): Uint8Array
  /** Why nothing more may be written, if so; `keyed`: under an idempotency key. */
  refusal(keyed: boolean): InnkeeperError | undefined
}

export interface Model {
  /** All that is committed is loaded. */
  readonly ready: boolean
  /** What it takes of memory, in bytes, roughly. */
  readonly size: number
  /** The latest time any recorded command saw, when it was loaded. */
  readonly nowMs: number
  /** Work that earlier lives left, to be done before all that waits. */
  readonly leftOver: readonly Work[]
  /** There is work for a turn though nothing waits. */
  readonly due: boolean
  /** Streams that clients keep open: the entity stays in memory for them. */
  readonly openStreams: number
  /** Load one chunk of what is missing. @throws ReplayFault */
  step(): void
  /** Housekeeping between turns: a snapshot that is due, or bytes that shorten the way back. @throws GuestFault */
  settle(): void
  /** Decide what waits. A plan that does nothing leaves `ready` false where the guest had forgotten the state. */
  plan(turn: Turn): TurnPlan
  /** What the plan leaves, into the turn's batch. */
  write(batch: Batch, plan: TurnPlan): void
  apply(plan: TurnPlan): void
  /** End the streams that it has open, well or not; what is on disk of them stays. */
  endStreams(error: InnkeeperError | undefined): void
}

/** Whom a model is of. */
export interface OneEntity {
  readonly entity: EntityRef
  /** Outward id. */
  readonly id: string
}

export type MakeModel = (context: EntityContext, service: EntityService, one: OneEntity) => Model
