// Actions: the definition that an author writes, and its types. A service without state, whose methods may stream.
//
// T1. A missing or misspelt method, a handler of another shape than the .proto's, and a reply of another type are compile
//     errors.
// T2. A stream is a step function over a state of its own, which the host keeps: nothing is remembered in between.

import type { MessageType, Method, Methods, ServiceType, Shape } from './codec/message.ts'
import type { CallContext, Moment } from './context.ts'
import type { Accepted, Accepting, Refused, RefusedWithEffects } from './decision.ts'
import type { ServiceOptions } from './definition.ts'
import type { ActionExports } from './guest/action.ts'
import { actionExports } from './guest/action.ts'
import type { Step } from './step.ts'

type Refusal = Refused | RefusedWithEffects
type ActionAnswer<Reply> = Accepted<never, Reply, undefined> | Refusal

/** What a stream emits: a message, or `accept()` with a reply or a forward, or `refuse`, which ends the client's stream. */
export type Output<Reply extends object> = Reply | ActionAnswer<Reply>

type UnaryHandler<Request, Reply> = (request: Request, context: CallContext) => ActionAnswer<Reply>

// Requests and replies are those of the method (from where the handler stands), the state is what `start` gives: nothing of
// them is inferred from the other functions, so a mistake in one is told there.
interface StreamParts<State> {
  /** Keep the state as this message. Default: as JSON. */
  readonly state?: State extends object ? MessageType<State> : never
  /** The client has left. Effects run; nothing is sent. */
  readonly cancelled?: (state: NoInfer<State>, moment: Moment) => Accepting<never>
}

/** Many requests, one reply. */
export interface ClientStreamParts<Request extends object, Reply extends object, State> extends StreamParts<State> {
  /** The state to begin with. Default: none. */
  readonly start?: (context: CallContext) => State | Refusal
  /** The next request: a step such as `keep(state)`, or an answer, which ends the call early. */
  readonly item: (
    state: NoInfer<State>,
    request: Request,
    moment: Moment,
  ) => Step<NoInfer<State>, readonly []> | ActionAnswer<NoInfer<Reply>>
  /** The client has sent all. */
  readonly end: (state: NoInfer<State>, moment: Moment) => ActionAnswer<NoInfer<Reply>>
}

/** One request, many replies. */
export interface ServerStreamParts<Request extends object, Reply extends object, State> extends StreamParts<State> {
  readonly start: (request: Request, context: CallContext) => State | Refusal
  /** The next elements: `emit(...)`, with `.keep(state)`, or `end(...)`. Called again once the client has taken them. */
  readonly next: (
    state: NoInfer<State>,
    moment: Moment,
  ) => Step<NoInfer<State>, readonly Output<NoInfer<Reply>>[]> | Refusal
}

/** Many requests, many replies. */
export interface BidiParts<Request extends object, Reply extends object, State> extends StreamParts<State> {
  /** The state to begin with. Default: none. */
  readonly start?: (context: CallContext) => State | Refusal
  readonly item: (
    state: NoInfer<State>,
    request: Request,
    moment: Moment,
  ) => Step<NoInfer<State>, readonly Output<NoInfer<Reply>>[]> | Refusal
  /** After a step that says `.more()`: what else there is, once the client has taken the last elements. */
  readonly next?: (
    state: NoInfer<State>,
    moment: Moment,
  ) => Step<NoInfer<State>, readonly Output<NoInfer<Reply>>[]> | Refusal
  /** The client has sent all. Default: the stream ends. */
  readonly end?: (
    state: NoInfer<State>,
    moment: Moment,
  ) => Step<NoInfer<State>, readonly Output<NoInfer<Reply>>[]> | Refusal
}

declare const types: unique symbol

/** A streamed method's handlers. Made by `clientStream`, `serverStream` and `bidi`. */
export interface StreamHandler<S extends Shape, Request, Reply> {
  readonly [types]?: (request: Request) => Reply
  readonly shape: S
  readonly parts: RunningParts
}

export function clientStream<Request extends object, Reply extends object, State = undefined>(
  parts: ClientStreamParts<Request, Reply, State>,
): StreamHandler<'clientStream', Request, Reply> {
  return { shape: 'clientStream', parts: parts as unknown as RunningParts }
}

export function serverStream<Request extends object, Reply extends object, State>(
  parts: ServerStreamParts<Request, Reply, State>,
): StreamHandler<'serverStream', Request, Reply> {
  return { shape: 'serverStream', parts: parts as unknown as RunningParts }
}

export function bidi<Request extends object, Reply extends object, State = undefined>(
  parts: BidiParts<Request, Reply, State>,
): StreamHandler<'bidi', Request, Reply> {
  return { shape: 'bidi', parts: parts as unknown as RunningParts }
}

type ActionHandler<M> =
  M extends Method<infer Request, infer Reply, infer S extends Shape>
    ? S extends 'unary'
      ? UnaryHandler<Request, Reply>
      : StreamHandler<S, Request, Reply>
    : never

/** A definition as the guest entry and the test kit run it. `M` only carries types to the test kit. */
export interface Action<M extends Methods = Methods> {
  readonly kind: 'action'
  readonly service: ServiceType<M>
  readonly methods: Readonly<Record<string, RunningUnary | StreamHandler<Shape, object, object>>>
  readonly options: ServiceOptions
  exports(definitions: readonly Action[]): ActionExports
}

export type RunningUnary = (request: object, context: CallContext) => unknown

/** The handlers of a stream of any shape. */
export interface RunningParts {
  readonly state?: MessageType<object>
  readonly start?: (...args: readonly unknown[]) => unknown
  readonly item?: (state: unknown, request: object, moment: Moment) => unknown
  readonly next?: (state: unknown, moment: Moment) => unknown
  readonly end?: (state: unknown, moment: Moment) => unknown
  readonly cancelled?: (state: unknown, moment: Moment) => unknown
}

/** Define a service without state. A unary method's handler gets `(request, context)` and answers as everywhere; a streamed
 *  one is made by `clientStream`, `serverStream` or `bidi`, whichever the .proto says. */
export function action<M extends Methods>(
  service: ServiceType<M>,
  definition: ServiceOptions & { readonly methods: { readonly [K in keyof M]: ActionHandler<M[K]> } },
): Action<M> {
  const { methods, ...options } = definition
  const handlers = methods as unknown as Action['methods']
  for (const [key, { name, shape }] of Object.entries(service.methods)) {
    const handler = handlers[key]
    const given = typeof handler === 'function' ? 'unary' : handler?.shape
    if (given === undefined) throw new TypeError(`${service.typeName}: methods.${key} is missing`)
    if (given !== shape) throw new TypeError(`${service.typeName}/${name} is ${shape}, but methods.${key} is ${given}`)
  }
  return { kind: 'action', service, methods: handlers, options, exports: actionExports }
}
