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

export interface Effect {
  readonly call: Call
  /** The reply waits until it ended. */
  readonly synchronous: boolean
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
}

/** What a decision did to an entity that keeps no events. */
export type Change =
  | { readonly kind: 'updated'; readonly value: Uint8Array }
  | { readonly kind: 'deleted' }
  /** To a replica: bytes of host/crdt. */
  | { readonly kind: 'delta'; readonly delta: Uint8Array }
