// Protocol: what the host asks of the processes of views, and what they answer: structured clones over Node's channel.
//
// Owns: the messages.   serve.ts and child.ts own: the two ends.

import type { ErrorCode } from '../../errors.ts'
import type { Limits } from '../../limits.ts'
import type { Batch, OffsetRecord, SourceRecord, Step, ViewsComponent } from '../component.ts'
import type { GivenTable } from './ad-hoc.ts'

/** A table, of a component that the process has learned. */
export interface TableName {
  readonly component: number
  readonly service: string
  readonly path: string
}

export type Learn = { readonly kind: 'learn'; readonly component: number } & ViewsComponent

export type ReaderRequest =
  | Learn
  | {
      readonly kind: 'query'
      readonly component: number
      readonly service: string
      readonly method: string
      /** Of the views that it reads, in their order. */
      readonly paths: readonly string[]
      readonly request: Uint8Array
    }
  | { readonly kind: 'check'; readonly component: number; readonly service: string; readonly method: string }
  | {
      readonly kind: 'raw'
      readonly tables: readonly TableName[]
      readonly given: readonly GivenTable[]
      readonly sql: string
    }
  /** Its file goes. */
  | { readonly kind: 'forget'; readonly path: string }

export type WriterRequest =
  | Learn
  | ({ readonly kind: 'open' | 'checkpoint' | 'size' } & TableName)
  | ({ readonly kind: 'apply'; readonly batch: Batch } & TableName)
  | ({
      readonly kind: 'project'
      readonly steps: readonly Step[]
      readonly offsets: readonly OffsetRecord[]
    } & TableName)
  | ({ readonly kind: 'rows'; readonly keys: readonly string[] } & TableName)
  | ({ readonly kind: 'sources'; readonly of: readonly Pick<SourceRecord, 'service' | 'entity'>[] } & TableName)
  | { readonly kind: 'drop'; readonly path: string }

export interface Asked {
  readonly id: number
  readonly request: unknown
}

export type Answered =
  /** It can be asked. */
  | { readonly ready: true }
  /** It cannot run here; a sentence. */
  | { readonly unfit: string }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure }

export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  /** For the log. */
  readonly detail: string | undefined
}

/** Bounds of functions. */
export type WriterOptions = Limits

export interface ReaderOptions {
  readonly rowsMax: number
  readonly bytesMax: number
}
