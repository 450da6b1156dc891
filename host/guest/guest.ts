// Guest: what the host may ask of a component, and what can come back. The interface between entities and the engine.
//
// G1. Every call returns checked values that are the host's own copies, or throws a GuestFault. Nothing else is thrown.
// G2. After a fault the instance is gone, and every state that it held: `generation` tells a caller that its token is void.
// G3. Calls are synchronous and bounded by fuel; a guest keeps nothing that changes an answer (law L6).
//
// Owns: the words.   instance.ts owns: running them.   Entities own: when to call, and what to do after a fault.

import type { Command } from '../command.ts'
import type { Metadata } from '../metadata.ts'
import type { Change, Outcome, Typed } from '../outcome.ts'

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

export function guestCommand({ method, payload, metadata }: Command, nowMs: number, seed: Uint8Array): GuestCommand {
  return { method, payload, metadata, nowMs, seed }
}

/** What a call starts from. */
export type Basis =
  | { readonly kind: 'initial' }
  | { readonly kind: 'state'; readonly bytes: Uint8Array }
  /** `sizeMax`: as the guest said with the token; it brings fuel as the bytes would. */
  | { readonly kind: 'held'; readonly token: number; readonly sizeMax?: number }

/** How the next call may start. */
export type Next =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'state'; readonly bytes: Uint8Array }
  /** `sizeMax`: the encoded state's bytes, or a bound of it. `bytes` comes where it was asked for. */
  | { readonly kind: 'held'; readonly token: number; readonly sizeMax: number; readonly bytes: Uint8Array | undefined }

export interface Decision {
  /** Of event-sourced entities. */
  readonly events: readonly Typed[]
  /** Of values; `undefined`: it stays as it is. */
  readonly change: Change | undefined
  readonly outcome: Outcome
}

export type Decided =
  | { readonly kind: 'decided'; readonly decisions: readonly Decision[]; readonly next: Next }
  | { readonly kind: 'unknown' }

export type Evolved = Exclude<Next, { kind: 'unchanged' }> | { readonly kind: 'unknown' }

/** What the last call cost, if it did not fault: units used, of those it was given. */
export interface CallFuel {
  readonly used: number
  readonly given: number
}

export interface EventSourcedGuest {
  readonly lastCall: CallFuel
  /** Rises with every fresh instance: a token of an older one is void. */
  readonly generation: number
  /** Decide on a batch. One decision for each command is guaranteed. @throws GuestFault */
  decide(service: string, entity: string, basis: Basis, commands: readonly GuestCommand[], wantState: boolean): Decided
  /** Fold events. With `wantState`, a `held` answer brings bytes. @throws GuestFault */
  evolve(service: string, entity: string, basis: Basis, events: readonly Typed[], wantState: boolean): Evolved
  /** Drop the instance and what it holds; the next call makes a fresh one. */
  drop(): void
}

/** What a value guest starts from. */
export type ValueBasis =
  | { readonly kind: 'absent' }
  | { readonly kind: 'value'; readonly bytes: Uint8Array }
  | { readonly kind: 'held'; readonly token: number; readonly sizeMax?: number }

export type ValueDecided =
  /** `held`: a token for the value after the batch. */
  | { readonly kind: 'decided'; readonly decisions: readonly Decision[]; readonly held: number | undefined }
  | { readonly kind: 'unknown' }

export interface ValueGuest {
  readonly lastCall: CallFuel
  readonly generation: number
  /** Decide on a batch. One decision for each command is guaranteed. @throws GuestFault */
  decide(service: string, entity: string, basis: ValueBasis, commands: readonly GuestCommand[]): ValueDecided
  drop(): void
}

/** A stream that a client keeps open on a replicated entity. */
export interface GuestSubscription {
  readonly id: string
  readonly method: string
  /** What the guest wanted to remember of it. */
  readonly note: Uint8Array
}

export interface ReplicatedDecision {
  /** `after`: the outcome is to be rendered from the value after the operations, with this note. */
  readonly answer:
    | { readonly kind: 'now'; readonly outcome: Outcome }
    | { readonly kind: 'after'; readonly note: Uint8Array }
  /** Bytes of innkeeper.crdt.v1.Operations; empty: none. */
  readonly operations: Uint8Array
  readonly delete: boolean
  /** The note of the subscription that the command opens. */
  readonly subscribe: Uint8Array | undefined
}

export interface StreamStep {
  readonly subscription: string
  /** `undefined`: nothing to tell. */
  readonly outcome: Outcome | undefined
  readonly end: boolean
}

/** Views are bytes of innkeeper.crdt.v1.View. */
export interface ReplicatedGuest {
  readonly lastCall: CallFuel
  /** Elements or keys that a command needs to see; asked for methods that are declared dynamic. @throws GuestFault */
  reads(service: string, command: GuestCommand): readonly Uint8Array[]
  decide(service: string, entity: string, view: Uint8Array, command: GuestCommand): ReplicatedDecision
  render(service: string, entity: string, view: Uint8Array, command: GuestCommand, note: Uint8Array): Outcome
  /** At most one step for each of `subscriptions` is guaranteed, and none for any other. */
  changed(
    service: string,
    entity: string,
    view: Uint8Array,
    subscriptions: readonly GuestSubscription[],
    nowMs: number,
  ): readonly StreamStep[]
  cancelled(
    service: string,
    entity: string,
    view: Uint8Array,
    subscription: GuestSubscription,
    nowMs: number,
  ): ReplicatedDecision
  drop(): void
}

/** What became of an entity, for a view. */
export interface ViewChange {
  readonly service: string
  readonly entity: string
  /** Of the event, or of the record that changed the value. */
  readonly sequence: number
  readonly atMs: number
  readonly what:
    | { readonly kind: 'event' | 'updated'; readonly typeName: string; readonly data: Uint8Array }
    | { readonly kind: 'deleted' }
  /** Of the rows that earlier changes of this entity have put and not deleted since, as it is before the call. */
  readonly keys: readonly string[]
}

/** Bytes of a row's message; `undefined`: there is none. */
export interface RowPut {
  readonly key: string
  readonly row: Uint8Array | undefined
}

export interface ViewGuest {
  readonly lastCall: CallFuel
  readonly generation: number
  /** Keys of the rows that each change may touch, its own among them. @throws GuestFault */
  keys(view: string, changes: readonly ViewChange[]): readonly (readonly string[])[]
  /** What each change does to rows; each key is one of those that `keys` answers for it. `keys`: that answer; `rows`: those of these keys that
   *  are there. @throws GuestFault */
  project(
    view: string,
    changes: readonly ViewChange[],
    keys: readonly (readonly string[])[],
    rows: readonly RowPut[],
  ): readonly (readonly RowPut[])[]
  drop(): void
}

export type StreamInput =
  | { readonly kind: 'start'; readonly metadata: Metadata }
  | { readonly kind: 'item'; readonly payload: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'cancelled' }

export interface ActionStep {
  readonly outputs: readonly Outcome[]
  readonly state: Uint8Array | undefined
  /** The stream ends after these outputs. */
  readonly done: boolean
  /** Call again, without new input, once the client has taken the outputs. */
  readonly more: boolean
}

export interface ActionGuest {
  /** One outcome for each command is guaranteed. @throws GuestFault */
  call(service: string, commands: readonly GuestCommand[]): readonly Outcome[]
  /** One step of one stream. @throws GuestFault */
  stream(
    service: string,
    method: string,
    state: Uint8Array | undefined,
    inputs: readonly StreamInput[],
    nowMs: number,
    seed: Uint8Array,
  ): ActionStep
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
  /** A state, or a value, is larger than its bound. */
  | 'state_too_large'
  /** Could not be instantiated. */
  | 'start'

export class GuestFault extends Error {
  readonly reason: FaultReason
  // No field: a log line has the words once, beside the error.
  readonly #words: string | undefined

  constructor(reason: FaultReason, message: string, cause?: unknown, words?: string) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'GuestFault'
    this.reason = reason
    this.#words = words
  }

  /** What the guest itself said of it, escaped and bounded (fault-text.ts). For the log, never for a caller. */
  get words(): string | undefined {
    return this.#words
  }

  /** For an operator or an author: what happened, and what the guest said of it. */
  get told(): string {
    return this.words === undefined ? this.message : `${this.message}: ${this.words}`
  }
}

/** Of a fault, for a log line. */
export function faultFields(fault: GuestFault): { reason: FaultReason; words: string | undefined; err: GuestFault } {
  return { reason: fault.reason, words: fault.words, err: fault }
}
