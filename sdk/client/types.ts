// Types: what the methods of a client are.
//
// Leaves to others: what each does (repeating.ts, following.ts).

import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import type { Core } from './core.ts'

/** `command`: of an entity. `read`: of an entity, and says that it changes nothing. `action`: nothing is known of what it changes. `query`: of
 *  a view, with one row; `rows`: with many. `live` and `watch` go on, and come again by themselves. `stream`: any other. */
export type Kind = UnaryKind | 'rows' | FollowedKind | 'stream'
type UnaryKind = 'command' | 'read' | 'action' | 'query'
type FollowedKind = 'live' | 'watch'

/** The messages of a method, as generated code has them. */
export interface Messages {
  readonly input: DescMessage
  readonly output: DescMessage
}

export type Request<M extends Messages> = MessageInitShape<M['input']>
export type Answer<M extends Messages> = MessageShape<M['output']>

interface Described<K extends Kind> {
  readonly kind: K
  readonly method: DescMethod
  readonly core: Core
}

export interface Unary<M extends Messages, K extends UnaryKind = UnaryKind> extends Described<K> {
  (request: Request<M>, options?: CallOptions): Promise<Answer<M>>
}

/** Each iteration is a call of its own. */
export interface Streamed<M extends Messages, K extends 'rows' | 'stream' = 'rows' | 'stream'> extends Described<K> {
  (request: Request<M>, options?: CallOptions): AsyncIterable<Answer<M>>
}

/** Each iteration is a call of its own, which is made again when it is lost. */
export interface Followed<M extends Messages, K extends FollowedKind = FollowedKind> extends Described<K> {
  (request: Request<M>, options?: FollowOptions): AsyncIterable<Answer<M>>
}

/** Headers, an object, or pairs. */
export type HeadersLike = ConstructorParameters<typeof Headers>[0]

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Of all tries together. Without it, the host's deadline for each. */
  readonly timeoutMs?: number
  readonly headers?: HeadersLike
  /** Of a command, in place of a random one: whoever sends it again gets the same answer. */
  readonly idempotencyKey?: string
  /** How often a call is tried at most, where a failure lets it be tried again. */
  readonly tries?: number
}

export interface FollowOptions extends CallOptions {
  /** The connection is lost, and made again. */
  readonly onLost?: (error: Error) => void
  /** It is there again, whether or not there is a new answer. */
  readonly onFound?: () => void
}
