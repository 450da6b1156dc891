// Replicated entities: the definition that an author writes, and its types.
//
// T1. A missing or misspelt method, a reply of another type, an operation of nothing, a stream that a unary method opens and
//     a streamed method without `changed` are compile errors.
// T2. A handler changes nothing: it reads a view, and accepts the operations that the view makes.

import type { Method, Methods, ReplyOf, RequestOf, ServiceType } from './codec/message.ts'
import type { Context, Occasion } from './context.ts'
import { kinds } from './crdt/content.ts'
import type { AnyKind, ElementOf, ViewOf } from './crdt/kinds.ts'
import type { Operation } from './crdt/operation.ts'
import type { Accepted, Accepting, Refused, Removed, Streamed } from './decision.ts'
import type { EntityOptions } from './definition.ts'
import { checkHandlers, checkShapes } from './definition.ts'
import type { ReplicatedExports } from './guest/replicated.ts'
import { replicatedExports } from './guest/replicated.ts'
import type { WireMethodView } from './guest/wire.ts'
import type { EntitySaid } from './said.ts'
import type { Step } from './step.ts'

type Answer<Reply, View, Says> = Accepted<Operation | Removed, Reply, View, Says> | Refused

/** A method that streams may also answer once; one that does not cannot open a stream. */
type AnswerOf<M, View, Says> =
  M extends Method<object, infer Reply, 'unary'>
    ? Answer<Reply, View, Says>
    : M extends Method<object, infer Reply, 'serverStream'>
      ? Answer<Reply, View, never> | Streamed<Operation, Reply, View>
      : never

type ReplicatedHandler<M, View, Says> = (view: View, request: RequestOf<M>, context: Context) => AnswerOf<M, View, Says>

/** What becomes of the streams that a method has opened. `request` is the one that opened the stream. */
export interface StreamHandlers<M, View> {
  /** After every change of the value: `emit(message)`, `silent()`, `end()`, `end(message)` or `refuse(...)`. */
  readonly changed: (
    view: View,
    request: RequestOf<M>,
    occasion: Occasion,
  ) => Step<never, readonly [ReplyOf<M>] | readonly []> | Refused
  /** The client has left: operations and effects count. */
  readonly cancelled?: (view: View, request: RequestOf<M>, occasion: Occasion) => Accepting<Operation | Removed>
}

type StreamedNames<M extends Methods> = {
  [K in keyof M]: M[K] extends Method<object, object, 'serverStream'> ? K : never
}[keyof M]

type StreamsOf<M extends Methods, View> = [StreamedNames<M>] extends [never]
  ? { readonly streams?: never }
  : { readonly streams: { readonly [K in StreamedNames<M>]: StreamHandlers<M[K], View> } }

declare const looks: unique symbol

/** Only the element or key that a field of the request names. */
interface ElementView<Field extends string> {
  readonly element: Field
}

/** Only these elements or keys. */
interface DynamicView<Request, Element> {
  readonly [looks]?: (request: Request) => readonly Element[]
  readonly dynamic: (request: never) => readonly unknown[]
}

export type MethodView<Request, Element> =
  | 'all'
  | 'nothing'
  | ElementView<keyof Request & string>
  | DynamicView<Request, Element>

/** See only the element or key that this field of the request names: a large set costs nothing then. The field is text,
 *  bytes, a whole number or a boolean, and so is the element. */
export function element<const Field extends string>(field: Field): ElementView<Field> {
  return { element: field }
}

/** See only the elements or keys that are computed from the request. */
export function dynamic<Request, Element>(
  look: (request: Request) => readonly Element[],
): DynamicView<Request, Element> {
  return { dynamic: look }
}

/** A definition as the guest entry and the test kit run it. `M` and `K` only carry types to the test kit. */
export interface Replicated<M extends Methods = Methods, K extends AnyKind = AnyKind> {
  readonly kind: 'replicated'
  readonly service: ServiceType<M>
  readonly value: K
  readonly decide: Readonly<Record<string, RunningReplicatedHandler>>
  readonly streams: Readonly<Record<string, RunningStreamHandlers>>
  readonly look: Readonly<Record<string, MethodView<object, unknown>>>
  readonly options: EntityOptions
  exports(definitions: readonly Replicated[]): ReplicatedExports
  views(): readonly WireMethodView[]
}

export type RunningReplicatedHandler = (view: unknown, request: object, context: Context) => unknown

export interface RunningStreamHandlers {
  readonly changed: (view: unknown, request: object, occasion: Occasion) => unknown
  readonly cancelled?: (view: unknown, request: object, occasion: Occasion) => unknown
}

/** Define a service whose entities are replicated: `value` says of which kind, such as `orMap(text, pnCounter())`.
 *
 *  A handler gets a view of the value and answers `accept(...operations)`, with operations that the view makes, `remove()` to
 *  delete the entity for good, or `refuse(...)`. A streamed method that answers `.stream(first)` keeps its stream open;
 *  `streams` says what subscribers are told of changes, and what happens when they leave. Handlers are pure. */
export function replicated<M extends Methods, K extends AnyKind>(
  service: ServiceType<M>,
  definition: EntityOptions & {
    readonly value: K
    readonly decide: { readonly [Name in keyof M]: ReplicatedHandler<M[Name], ViewOf<K>, EntitySaid<NoInfer<M>>> }
    /** What a method sees of the value. Default: all of it. */
    readonly views?: { readonly [Name in keyof M]?: MethodView<RequestOf<M[Name]>, ElementOf<K>> }
  } & StreamsOf<M, ViewOf<K>>,
): Replicated<M, K> {
  const {
    value,
    decide,
    views = {},
    streams = {},
    ...options
  } = definition as EntityOptions & {
    readonly value: K
    readonly decide: object
    readonly views?: Readonly<Record<string, MethodView<never, never>>>
    readonly streams?: object
  }
  checkShapes(service, 'a replicated entity', ['unary', 'serverStream'])
  checkHandlers(service, 'decide', decide)
  checkStreams(service, streams)
  checkViews(service, value, views)
  return {
    kind: 'replicated',
    service,
    value,
    decide: decide as unknown as Readonly<Record<string, RunningReplicatedHandler>>,
    streams: streams as unknown as Readonly<Record<string, RunningStreamHandlers>>,
    look: views as unknown as Readonly<Record<string, MethodView<object, unknown>>>,
    options,
    exports: replicatedExports,
    views: () => Object.entries(views).map(([key, view]) => wireView(service.methods[key]!.name, view)),
  }
}

function checkStreams(service: ServiceType, streams: object): void {
  for (const [key, { name, shape }] of Object.entries(service.methods)) {
    const handlers = (streams as Readonly<Record<string, Partial<RunningStreamHandlers>>>)[key]
    if (shape === 'serverStream' && typeof handlers?.changed !== 'function') {
      throw new TypeError(`${service.typeName}/${name} streams: streams.${key}.changed is missing`)
    }
    if (shape !== 'serverStream' && handlers !== undefined) {
      throw new TypeError(`${service.typeName}/${name} does not stream, but streams.${key} is there`)
    }
  }
}

function checkViews(service: ServiceType, value: AnyKind, views: object): void {
  for (const [key, view] of Object.entries(views)) {
    if (service.methods[key] === undefined) throw new TypeError(`${service.typeName} has no method ${key} (views)`)
    if (typeof view === 'object' && !collections.has(value.number)) {
      throw new TypeError(`${service.typeName}: views.${key} looks at an element, but the value has none`)
    }
  }
}

const collections: ReadonlySet<number> = new Set([kinds.gSet, kinds.orSet, kinds.orMap])

function wireView(method: string, view: MethodView<never, never>): WireMethodView {
  if (typeof view === 'string') return { method, view: { tag: view } }
  if ('dynamic' in view) return { method, view: { tag: 'dynamic' } }
  return { method, view: { tag: 'element', val: protoName(view.element) } }
}

/** `userId` to `user_id`, as the .proto has it. A field named otherwise there is told at deployment; `dynamic` reaches it. */
function protoName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
