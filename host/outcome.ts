// Outcome: what a guest answered to one command. The words of wit/types.wit as the host holds them.

import type { Metadata } from './metadata.ts'

/** A protobuf message with its full name (no leading dot). */
export interface Typed {
  readonly typeName: string
  readonly data: Uint8Array
}

/** A command for another service: the target of a forward or an effect. */
export interface Call {
  readonly service: string
  readonly method: string
  readonly payload: Uint8Array
  readonly metadata: Metadata
}

/** When an effect is delivered, in milliseconds: `after` the commit, or `at` a time since 1970. */
export type Due = { readonly kind: 'after' | 'at'; readonly ms: number }

/** The method of the sending entity that hears what an effect was answered. */
export interface AnswerTo {
  readonly method: string
  /** Bytes of a message that come back as they were given; empty: none. */
  readonly note: Uint8Array
}

export interface Effect {
  readonly call: Call
  /** The reply waits until it ended. */
  readonly synchronous: boolean
  /** Undefined: at once. */
  readonly due?: Due
  /** Unique within the entity. */
  readonly name?: string
  readonly answer?: AnswerTo
  /** Milliseconds in which the answer must come, from when it is due. */
  readonly withinMs?: number
}

/** A caller's call that stays open until a later decision of the entity resolves the ticket. */
export interface Deferred {
  readonly ticket: string
  /** Seconds; undefined: as long as idempotency keys are kept, and for an ask for ever. */
  readonly withinS: number | undefined
}

/** What all who wait for a ticket are answered. */
export interface Resolution {
  readonly ticket: string
  /** Of the commands that deferred. */
  readonly method: string
  readonly answer:
    | { readonly kind: 'message'; readonly payload: Uint8Array }
    | { readonly kind: 'failure'; readonly failure: Failure }
  readonly metadata: Metadata
}

/** A deliberate refusal: data, never thrown. `code` is a google.rpc.Code, 1 to 16. */
export interface Failure {
  readonly code: number
  readonly message: string
  readonly details: readonly Typed[]
}

export type GuestAnswer =
  | { readonly kind: 'message'; readonly payload: Uint8Array }
  | { readonly kind: 'forward'; readonly call: Call }
  | { readonly kind: 'none' }
  | { readonly kind: 'later'; readonly deferred: Deferred }
  | { readonly kind: 'failure'; readonly failure: Failure }

/** What a guest says to the host's log. Never journaled, never told to a caller. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly text: string
}

export interface Outcome {
  readonly answer: GuestAnswer
  readonly effects: readonly Effect[]
  readonly metadata: Metadata
  readonly logs: readonly LogLine[]
  /** Names of pending effects of the entity that are dropped before `effects` act. */
  readonly cancels?: readonly string[] | undefined
  readonly resolves?: readonly Resolution[] | undefined
}

/** What a decision did to an entity that keeps no events. */
export type Change =
  | { readonly kind: 'updated'; readonly value: Uint8Array }
  | { readonly kind: 'deleted' }
  /** To a replica: bytes of host/crdt. */
  | { readonly kind: 'delta'; readonly delta: Uint8Array }
