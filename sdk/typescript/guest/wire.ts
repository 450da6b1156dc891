// Wire: the shapes of wit/event-sourced.wit, types.wit and about.wit as componentize-qjs hands them over: camel case,
// variants as { tag, val }, option none as undefined, enums as kebab-case strings.

import type { WireCommand, WireMetadataEntry } from '../context.ts'

export type { WireCommand, WireMetadataEntry }

export interface WireTyped {
  readonly typeName: string
  readonly data: Uint8Array
}

export interface WireCall {
  readonly service: string
  readonly method: string
  readonly payload: Uint8Array
  readonly metadata: readonly WireMetadataEntry[]
}

export type WireReply =
  | { readonly tag: 'message'; readonly val: Uint8Array }
  | { readonly tag: 'forward'; readonly val: WireCall }

export interface WireFailure {
  readonly code: string
  readonly message: string
  readonly details: readonly WireTyped[]
}

export interface WireOutcome {
  readonly answer: { readonly tag: 'ok'; readonly val: WireReply } | { readonly tag: 'err'; readonly val: WireFailure }
  readonly effects: readonly { readonly call: WireCall; readonly synchronous: boolean }[]
  readonly metadata: readonly WireMetadataEntry[]
}

export interface WireDecision {
  readonly events: readonly WireTyped[]
  readonly outcome: WireOutcome
}

export type WireBasis =
  | { readonly tag: 'initial' }
  | { readonly tag: 'state'; readonly val: Uint8Array }
  | { readonly tag: 'held'; readonly val: number }

export interface WireHeld {
  readonly token: number
  readonly size: number
  readonly state: Uint8Array | undefined
}

export type WireState =
  | { readonly tag: 'state'; readonly val: Uint8Array }
  | { readonly tag: 'held'; readonly val: WireHeld }
export type WireNext = { readonly tag: 'unchanged' } | WireState

export type WireDecided =
  | { readonly tag: 'decided'; readonly val: { readonly decisions: readonly WireDecision[]; readonly next: WireNext } }
  | { readonly tag: 'unknown' }

export type WireEvolved = WireState | { readonly tag: 'unknown' }

export interface WireDescription {
  readonly sdkName: string
  readonly sdkVersion: string
  readonly services: readonly WireService[]
  readonly descriptors: Uint8Array
}

export interface WireService {
  readonly name: string
  readonly kind: string
  readonly persistenceId: string | undefined
  readonly snapshotEvery: number
  readonly passivateAfterMs: number
  readonly stateType: string | undefined
  readonly stateVersion: string | undefined
  readonly headers: readonly string[]
  readonly views: readonly never[]
}
