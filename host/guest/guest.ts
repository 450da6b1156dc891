// Guest: what the host may ask of a component, and what can come back. The interface between entities and the engine.
//
// G1. Every call returns checked values that are the host's own copies, or throws a GuestFault. Nothing else is thrown.
// G2. After a fault the instance is gone, and every state that it held: `generation` tells a caller that its token is void.
// G3. Calls are synchronous and bounded by fuel; a guest keeps nothing that changes an answer (law L6).
//
// Owns: the words.   instance.ts owns: running them.   Entities own: when to call, and what to do after a fault.

import type { Metadata } from '../metadata.ts'
import type { Outcome, Typed } from '../outcome.ts'

/** One command as the guest sees it. */
export interface GuestCommand {
  readonly method: string
  readonly payload: Uint8Array
  readonly metadata: Metadata
  /** Whole milliseconds since 1970. */
  readonly nowMs: number
  /** 16 random bytes. */
  readonly seed: Uint8Array
}

/** What a call starts from. */
export type Basis =
  | { readonly kind: 'initial' }
  | { readonly kind: 'state'; readonly bytes: Uint8Array }
  | { readonly kind: 'held'; readonly token: number }

/** How the next call may start. */
export type Next =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'state'; readonly bytes: Uint8Array }
  /** `sizeMax`: the encoded state's bytes, or a bound of it. `bytes` comes where it was asked for. */
  | { readonly kind: 'held'; readonly token: number; readonly sizeMax: number; readonly bytes: Uint8Array | undefined }

export interface Decision {
  readonly events: readonly Typed[]
  readonly outcome: Outcome
}

export type Decided =
  | { readonly kind: 'decided'; readonly decisions: readonly Decision[]; readonly next: Next }
  | { readonly kind: 'unknown' }

export type Evolved = Exclude<Next, { kind: 'unchanged' }> | { readonly kind: 'unknown' }

export interface EventSourcedGuest {
  /** Rises with every fresh instance: a token of an older one is void. */
  readonly generation: number
  /** Decide on a batch. One decision for each command is guaranteed. @throws GuestFault */
  decide(service: string, entity: string, basis: Basis, commands: readonly GuestCommand[], wantState: boolean): Decided
  /** Fold events. With `wantState`, a `held` answer brings bytes. @throws GuestFault */
  evolve(service: string, entity: string, basis: Basis, events: readonly Typed[], wantState: boolean): Evolved
  /** Drop the instance and what it holds; the next call makes a fresh one. */
  drop(): void
}

export type FaultReason =
  /** A trap, or a throw of the guest's language. */
  | 'trap'
  /** Ran out of fuel. */
  | 'fuel'
  /** Answered something that is not an answer: bad pointers, counts, UTF-8, enums. */
  | 'malformed'
  /** Answered more than its budget. */
  | 'too_large'
  /** Could not be instantiated. */
  | 'start'

export class GuestFault extends Error {
  readonly reason: FaultReason

  constructor(reason: FaultReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'GuestFault'
    this.reason = reason
  }
}
