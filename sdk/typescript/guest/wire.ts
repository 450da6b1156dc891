// Wire: the shapes of wit/*.wit as the engine hands them over, and the test kit: camel case, variants as { tag, val }, enums as kebab-case
// strings. An option that is none comes in as null, and goes out as undefined.

import type { WireCommand, WireMetadataEntry } from '../context.ts'
import type { Seed } from '../random.ts'

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
  | { readonly tag: 'none' }
  | { readonly tag: 'later'; readonly val: WireDeferred }

/** `within`: whole seconds. */
interface WireDeferred {
  readonly ticket: string
  readonly within: number | undefined
}

export interface WireFailure {
  readonly code: string
  readonly message: string
  readonly details: readonly WireTyped[]
}

export type WireLevel = 'debug' | 'info' | 'warn' | 'error'

export interface WireLogLine {
  readonly level: WireLevel
  readonly text: string
}

type WireDue = { readonly tag: 'at-once' } | { readonly tag: 'after' | 'at'; readonly val: number }

export interface WireEffect {
  readonly call: WireCall
  readonly synchronous: boolean
  readonly due: WireDue
  readonly name: string | undefined
  readonly answer: { readonly method: string; readonly note: Uint8Array } | undefined
  readonly within: number | undefined
}

export interface WireResolution {
  readonly ticket: string
  readonly method: string
  readonly answer: { readonly tag: 'ok'; readonly val: Uint8Array } | { readonly tag: 'err'; readonly val: WireFailure }
  readonly metadata: readonly WireMetadataEntry[]
}

export interface WireOutcome {
  readonly answer: { readonly tag: 'ok'; readonly val: WireReply } | { readonly tag: 'err'; readonly val: WireFailure }
  readonly effects: readonly WireEffect[]
  readonly metadata: readonly WireMetadataEntry[]
  readonly logs: readonly WireLogLine[]
  readonly cancels: readonly string[]
  readonly resolves: readonly WireResolution[]
}

export interface WireDecision {
  readonly events: readonly WireTyped[]
  readonly outcome: WireOutcome
}

export type WireBasis =
  | { readonly tag: 'initial' }
  | { readonly tag: 'state'; readonly val: Uint8Array }
  | { readonly tag: 'held'; readonly val: number }

interface WireHeld {
  readonly token: number
  readonly size: number
  readonly state: Uint8Array | undefined
}

export type WireState =
  | { readonly tag: 'state'; readonly val: Uint8Array }
  | { readonly tag: 'held'; readonly val: WireHeld }
type WireNext = { readonly tag: 'unchanged' } | WireState

export type WireDecided =
  | { readonly tag: 'decided'; readonly val: { readonly decisions: readonly WireDecision[]; readonly next: WireNext } }
  | { readonly tag: 'unknown' }

export type WireEvolved = WireState | { readonly tag: 'unknown' }

// value.wit

export type WireValueBasis =
  | { readonly tag: 'absent' }
  | { readonly tag: 'value'; readonly val: Uint8Array }
  | { readonly tag: 'held'; readonly val: number }

export type WireChange =
  | { readonly tag: 'unchanged' }
  | { readonly tag: 'updated'; readonly val: Uint8Array }
  | { readonly tag: 'deleted' }

export interface WireValueDecision {
  readonly change: WireChange
  readonly outcome: WireOutcome
}

export type WireValueDecided =
  | {
      readonly tag: 'decided'
      readonly val: { readonly decisions: readonly WireValueDecision[]; readonly held: number | undefined }
    }
  | { readonly tag: 'unknown' }

// replicated.wit

export interface WireSubscription {
  readonly id: string
  readonly method: string
  readonly note: Uint8Array
}

export interface WireReplicatedDecision {
  readonly answer:
    | { readonly tag: 'now'; readonly val: WireOutcome }
    | { readonly tag: 'after'; readonly val: Uint8Array }
  /** Bytes of innkeeper.crdt.v1.Operations. */
  readonly operations: Uint8Array
  readonly delete: boolean
  readonly subscribe: Uint8Array | undefined
}

export interface WireStreamStep {
  readonly subscription: string
  readonly outcome: WireOutcome | undefined
  readonly end: boolean
}

// action.wit

export type WireInput =
  | { readonly tag: 'start'; readonly val: readonly WireMetadataEntry[] }
  | { readonly tag: 'item'; readonly val: Uint8Array }
  | { readonly tag: 'end' }
  | { readonly tag: 'cancelled' }

export interface WireStep {
  readonly outputs: readonly WireOutcome[]
  readonly state: Uint8Array | undefined
  readonly done: boolean
  readonly more: boolean
}

// view.wit

export interface WireViewChange {
  readonly service: string
  readonly entity: string
  readonly sequence: number
  readonly atMs: number
  readonly what: { readonly tag: 'event' | 'updated'; readonly val: WireTyped } | { readonly tag: 'deleted' }
  /** Of the rows that earlier changes of the entity have put and not deleted since. */
  readonly keys: readonly string[]
}

export interface WireRow {
  readonly key: string
  readonly row: Uint8Array | undefined
}

// about.wit

export interface WireDescription {
  readonly sdkName: string
  readonly sdkVersion: string
  readonly services: readonly WireService[]
  readonly descriptors: Uint8Array
  readonly viewServices: readonly WireViewService[]
}

export interface WireViewService {
  readonly name: string
  readonly rowType: string
  readonly sources: readonly {
    readonly service: string
    readonly kind: string
    readonly types: readonly string[]
  }[]
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
  readonly views: readonly WireMethodView[]
  readonly events: readonly string[]
}

export interface WireMethodView {
  readonly method: string
  readonly view: { readonly tag: 'all' | 'nothing' | 'dynamic' } | { readonly tag: 'element'; readonly val: string }
}

export type { Seed }
