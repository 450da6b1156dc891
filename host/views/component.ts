// Component: the views of one component, as the processes that keep and query them are told of them, once each.
//
// Owns: that message.   plan.ts owns: what is in it.

import type { Artefact } from '../guest/artefact.ts'
import type { ViewChange } from '../guest/guest.ts'
import type { ViewPlan } from './plan.ts'

export interface ViewsComponent {
  /** A google.protobuf.FileDescriptorSet, standard files included. */
  readonly descriptors: Uint8Array
  readonly views: readonly ViewPlan[]
  /** What projects. Only whoever writes is told of it; not there: it is only queried. */
  readonly artefact?: Artefact | undefined
}

/** A view's table in a file of the folder of views. The file is of one generation: another row, another file. */
export interface TableRef {
  readonly component: ViewsComponent
  /** Full name of the view. */
  readonly service: string
  /** A name, without a folder. */
  readonly file: string
}

/** What was last written for an entity that a view is projected from. */
export interface SourceRecord {
  readonly service: string
  readonly entity: string
  /** The newest revision or sequence that was projected. */
  readonly revision: number
  /** Of its rows. */
  readonly keys: readonly string[]
}

/** Up to where a table reflects a partition. All but the number is the caller's, and is given back as it was. */
export interface OffsetRecord {
  readonly partition: number
  readonly commit: number
  readonly directory: string
  readonly incarnation: string
  readonly hash: string
}

/** Written as a whole, or not at all; in this order. */
export interface Batch {
  /** Services of entities: rows that only theirs have are deleted, and what is known of them. */
  readonly purges?: readonly string[]
  /** Keys of rows. */
  readonly deletes?: readonly string[]
  /** Rows: messages of the view's row. */
  readonly puts?: readonly Uint8Array[]
  readonly sources?: readonly SourceRecord[]
  readonly offsets?: readonly OffsetRecord[]
}

/** What became of one. */
export interface Written {
  /** Rows that a purge left, for entities of other services have them, too. Only a rebuild knows what they are now. */
  readonly shared: number
}

/** What became of an entity that a view is projected from. */
export type SourceChange = Omit<ViewChange, 'keys'>

export type Step =
  | { readonly kind: 'change'; readonly change: SourceChange }
  /** All entities of a service are gone. */
  | { readonly kind: 'purged'; readonly service: string }

/** A change that the function of a view cannot project. */
export interface ChokedAt {
  readonly service: string
  readonly entity: string
  readonly sequence: number
  /** Full name of the message, or `deleted`. */
  readonly type: string
  readonly reason: string
}

export interface Projected extends Written {
  /** Then nothing was written. */
  readonly choked: ChokedAt | undefined
}

export interface TableSize {
  readonly rows: number
  /** Of the file and its log. */
  readonly bytes: number
}
