// Event-sourced services: the definition that an author writes, and its types.
//
// T1. A missing or misspelt method, a reply of another type, an emitted event without `evolve` and an `evolve` for a
//     message that is not in the .proto are compile errors.
// T2. States are read-only in the types; the initial state, which all entities share, is frozen.

import type { Messages, MessageType, Methods, ServiceType } from './codec/message.ts'
import type { Context } from './context.ts'
import type { Accepted, Refused } from './decision.ts'
import type { DeepReadonly, EntityOptions, UnaryReply, UnaryRequest } from './definition.ts'
import { checkHandlers, checkUnary, isMessageType } from './definition.ts'
import type { EventSourcedExports } from './guest/event-sourced.ts'
import { eventSourcedExports } from './guest/event-sourced.ts'
import type { EntitySaid } from './said.ts'
import type { StateCodec } from './state.ts'
import { jsonState, messageState } from './state.ts'

type MessageOf<T> = T extends MessageType<infer M> ? M : never

type Handler<Method, State, Emitted extends string, Says> = (
  state: DeepReadonly<State>,
  request: UnaryRequest<Method>,
  context: Context,
) => Accepted<Emitted, UnaryReply<Method>, DeepReadonly<State>, Says> | Refused

/** `Name` is there for TypeScript: over `keyof M` it would infer `M` from the handlers, and not `Emitted`. */
type Decide<M extends Methods, Name extends string, State, Emitted extends string> = {
  readonly [K in Name]: Handler<M[K & keyof M], State, Emitted, EntitySaid<NoInfer<M>>>
} & {
  readonly [K in Exclude<keyof M, Name>]: Handler<M[K], State, string, EntitySaid<NoInfer<M>>>
} & {
  readonly [K in Exclude<Name, keyof M>]: never
}

type Evolve<E extends Messages, State, Emitted extends string> = {
  readonly [K in keyof E & Emitted]: Fold<E[K], State>
} & {
  // Events that are no longer emitted still have a history.
  readonly [K in Exclude<keyof E & string, Emitted>]?: Fold<E[K], State>
}

/** Where nothing can be inferred, since nothing is emitted, TypeScript takes all messages: then none is meant. */
type Known<E extends Messages, Emitted extends string> = [keyof E & string] extends [Emitted] ? never : Emitted

type Fold<T, State> = (state: DeepReadonly<State>, event: MessageOf<T>) => DeepReadonly<State>

export interface Options extends EntityOptions {
  /** Events between two snapshots. Default: the host's; a negative number: never. */
  readonly snapshotEvery?: number
  /** Declare one if new code reads the states that the old code wrote. Default: every build has its own. */
  readonly stateVersion?: string
}

/** A definition as the guest entry and the test kit run it. `M`, `E` and `State` only carry types to the test kit. */
export interface EventSourced<M extends Methods = Methods, E extends Messages = Messages, State = unknown> {
  readonly kind: 'event-sourced'
  readonly service: ServiceType<M, E>
  readonly state: StateCodec<State>
  readonly decide: Readonly<Record<string, RunningHandler>>
  readonly evolve: Readonly<Record<string, RunningFold>>
  readonly options: Options
  exports(definitions: readonly EventSourced[]): EventSourcedExports
  stateType(): string | undefined
  events(): readonly string[]
}

export type RunningHandler = (state: unknown, request: object, context: Context) => unknown
export type RunningFold = (state: unknown, event: object) => unknown

/** Define an event-sourced service: handlers that decide, folds that evolve.
 *
 *  `state` is what an entity starts with: a value (kept as JSON, with bigint, bytes, Map and Set), or a message type
 *  (kept as that message, starting with all defaults; leaner, and tools can show it).
 *
 *  Handlers and folds are pure: same input, same answer, and what they are given stays as it is. */
export function eventSourced<
  M extends Methods,
  E extends Messages,
  State,
  Name extends string,
  Emitted extends keyof E & string,
>(
  service: ServiceType<M, E>,
  definition: Options & {
    readonly state: State | MessageType<State & object>
    readonly decide: Decide<M, Name, State, Emitted>
    // Not inferred from: else an event without its fold would be an error of the handler that emits it.
    readonly evolve: Evolve<E, State, Known<E, NoInfer<Emitted>>>
  },
): EventSourced<M, E, State> {
  const { state, decide, evolve, ...options } = definition
  checkUnary(service, 'an event-sourced service')
  checkHandlers(service, 'decide', decide)
  for (const name of Object.keys(evolve)) {
    if (!Object.hasOwn(service.messages, name)) {
      throw new TypeError(`${service.typeName}: evolve.${name} is no message of the service's .proto`)
    }
  }
  const codec = isMessageType<State & object>(state) ? messageState(state) : jsonState(state as State)
  return {
    kind: 'event-sourced',
    service,
    state: codec as StateCodec<State>,
    decide: decide as unknown as Readonly<Record<string, RunningHandler>>,
    evolve: evolve as unknown as Readonly<Record<string, RunningFold>>,
    options,
    exports: eventSourcedExports,
    stateType: () => codec.typeName,
    events: () =>
      Object.keys(evolve)
        .map((name) => service.messages[name]!.typeName)
        .sort(),
  }
}
