// Command: a request for one service, as it travels from the ingress to an entity, and the answer that travels back.

import type { InnkeeperError } from './errors.ts'
import type { OutboxEntry } from './journal/journal.ts'
import type { Metadata } from './metadata.ts'
import type { Failure } from './outcome.ts'

/** What the ingress, a forward or an effect hands to the router. */
export interface Command {
  /** Full protobuf name, no leading dot. */
  readonly service: string
  readonly method: string
  /** The request message, protobuf. */
  readonly payload: Uint8Array
  /** What the guest sees: already without transport and credential headers (ingress/headers.ts). */
  readonly metadata: Metadata
  /** From the client (A9), or derived from the caller's for a forward. Text of at most 256 characters. */
  readonly idempotencyKey: string | undefined
  /** Milliseconds since 1970 after which nobody waits any more. */
  readonly deadlineMs: number
  /** Forwards and effects between the client's call and this one (A8: at most 16). */
  readonly hops: number
  /** Names this call in the log and in what callers are told. */
  readonly requestId: string
  /** The outbox entry that this command delivers, if it is an effect: whoever commits its outcome takes the entry out. */
  readonly effect: OutboxEntry | undefined
}

/** What a command came to. Called exactly once for each dispatched command, after everything it tells of is durable. */
export type Reply = (answer: Answer) => void

export type Answer =
  | { readonly kind: 'reply'; readonly payload: Uint8Array; readonly metadata: Metadata }
  | { readonly kind: 'refusal'; readonly failure: Failure; readonly metadata: Metadata }
  | { readonly kind: 'error'; readonly error: InnkeeperError }

/** The way into the host: the router's entry, handed to the ingress and to effects and forwards.
 *  Never throws; every failure is an answer. */
export type Dispatch = (command: Command, reply: Reply) => void
