// Connector: what a call of the outside world is, and what comes of it. The words that the host and the modules of this folder share.
//
//   OutwardCall ── connectors.ts ──▶ grant, room, address, request, one try, reading ──▶ Answered
//
// W1. One call is one try. Whoever calls keeps what is to be tried again: nothing waits in memory here.
// W2. A failure says whether it happened. REFUSED: the provider decided against it. NOT_SENT: no byte of the request left the host. UNKNOWN: it may
//     have happened.
// W3. No secret is in what comes back: not in a reply, a failure, a log line, a figure or an error.
//
// Owns: types.   connectors.ts owns: the way of a call.   delivery owns: when to try, and again.

import type { Failure } from '../outcome.ts'
import type { ConnectorRule, MethodType, Schema } from '../schema/schema.ts'

/** Where a call goes. */
export type Place =
  | {
      readonly kind: 'connector'
      readonly rule: ConnectorRule
      /** Full name of the service that the `.proto` declares, and the schema which has it. */
      readonly service: string
      readonly method: MethodType
      readonly schema: Schema
    }
  /** `innkeeper.http.v1.Http/Fetch`: the grant is found by the URL. */
  | { readonly kind: 'fetch' }

export interface OutwardCall {
  readonly place: Place
  /** The service that asks: `services` of the grant is about it, and its share is. */
  readonly from: string
  /** Bytes of the method's request. */
  readonly request: Uint8Array
  /** The same for all tries of one effect. */
  readonly key: string
  readonly traceparent: string | undefined
  /** On the host's clock (`now`). Undefined: only the grant's `timeoutMs` bounds it. */
  readonly deadlineMs: number | undefined
  /** 1 for the first try. */
  readonly attempt: number
  /** An earlier try may have happened (its reason was UNKNOWN, or the host stopped while it was under way). What is tried after one is never
   *  certain not to have happened: its failure is UNKNOWN. */
  readonly unsure: boolean
}

/** Whether it happened (W2). */
export type Reason = 'REFUSED' | 'NOT_SENT' | 'UNKNOWN'

export type Answered =
  | { readonly kind: 'reply'; readonly payload: Uint8Array }
  | {
      readonly kind: 'failure'
      /** Without the google.rpc.ErrorInfo: whoever writes an answer adds it. */
      readonly failure: Failure
      readonly reason: Reason
      /** The grant wants another try, which may be another thing: `retry.on` has it, and `retry.max` is not reached. */
      readonly again: boolean
      /** Not before so many milliseconds; undefined: as the caller sees fit. */
      readonly afterMs: number | undefined
    }

/** Numbers of one connector since it was first granted. */
export interface ConnectorFigures {
  readonly connector: string
  readonly underWay: number
  /** How often a caller was told to wait. */
  readonly waits: number
  /** Tries that ended: by class of status (`2xx`, `4xx`, `OK`, a google.rpc.Code's name, or `none` where no answer came), and by attempt: `1`, `2`, `3+`. */
  readonly requests: readonly { readonly status: string; readonly attempt: string; readonly count: number }[]
  readonly failures: Readonly<Record<Reason, number>>
  readonly time: Histogram
}

/** `counts[i]`: tries of at most `boundsMs[i]`, those of lower bounds included; the last bound is infinite. */
export interface Histogram {
  readonly boundsMs: readonly number[]
  readonly counts: readonly number[]
  readonly sumMs: number
}

/** What the host has of the outside world; the class of connectors.ts. */
export interface Outside {
  /** Room for one call, taken if the answer is 0: then `call` follows in the same turn. Else milliseconds after which it is worth asking again; a call
   *  that ends before may make room, too. */
  enter(call: Pick<OutwardCall, 'place' | 'from' | 'request'>): number
  /** The connector whose room a call takes; '' where it is granted none. */
  connectorOf(call: Pick<OutwardCall, 'place' | 'from' | 'request'>): string
  /** Why the service `from` may not call a service of this connector: that is not granted. With what to add. */
  refused(rule: ConnectorRule, service: string, from: string): string | undefined
  /** One try, for which there is room. `done` is called once, never before `call` has returned. */
  call(call: OutwardCall, done: (answered: Answered) => void): void
  /** What innkeeper.json says under "connectors" and "secrets" is in force from now on, for calls that begin now. Problems, if there are any: then
   *  all stays as it was. */
  reload(file: OutsideFile): readonly string[]
  /** Why a component may not be deployed: what it needs that is not granted, each with the lines to add. Empty: all is granted. */
  missing(needs: readonly Need[]): readonly string[]
  figures(): readonly ConnectorFigures[]
  /** What is granted, for `inn connectors`: with names of secrets, never secrets. */
  granted(): readonly GrantShown[]
  /** Connections are closed, and what is under way fails. */
  close(): void
}

/** Of innkeeper.json, as it was parsed. */
export interface OutsideFile {
  readonly connectors?: unknown
  readonly secrets?: unknown
}

/** What a component needs of the operator. */
export interface Need {
  readonly rule: ConnectorRule
  /** The service that is elsewhere: its methods are looked through for paths. */
  readonly service: string
  readonly methods: readonly MethodType[]
  /** The component's services that may ask. */
  readonly from: readonly string[]
}

export interface GrantShown {
  readonly connector: string
  readonly url: string
  readonly proxy: string | undefined
  readonly services: readonly string[]
  readonly paths: readonly string[]
  /** Names of headers that the grant sets. */
  readonly headers: readonly string[]
  readonly timeoutMs: number
  readonly retryMax: number
  readonly ratePerSecond: number | undefined
  readonly concurrency: number
}
