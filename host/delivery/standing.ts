// Standing: what an entity has outstanding when it decides: pending effects by their names, open tickets, keys that were answered.
//
// Owns: the words.   pending.ts, tickets.ts, outbox.ts own: what there is.   turn.ts owns: what a decision makes of it.

import type { EntityRef, IdempotencyEntry } from '../journal/journal.ts'
import type { PendingRef } from '../journal/pending-rows.ts'
import type { Ticket } from '../journal/record.ts'

/** An effect that has a name, and where it is. */
export type Named =
  | { readonly where: 'pending'; readonly ref: PendingRef }
  /** Due, and in the outbox; not tried yet, or tried on its own entity. */
  | { readonly where: 'outbox'; readonly id: number }

export interface Standing {
  /** Milliseconds since 1970, by the host's clock. */
  readonly nowMs: number
  /** How long a ticket is open where nothing is said of it, in milliseconds. */
  readonly ticketMs: number
  /** Of this name, unless it can no longer be taken back. */
  named(entity: EntityRef, name: string): Named | undefined
  ticket(entity: EntityRef, name: string): Ticket | undefined
  /** What is kept under an idempotency key. */
  kept(entity: EntityRef, key: string): IdempotencyEntry | undefined
}

/** Of an entity that has nothing. */
export const nothingStanding: Standing = {
  nowMs: 0,
  ticketMs: 86_400_000,
  named: () => undefined,
  ticket: () => undefined,
  kept: () => undefined,
}
