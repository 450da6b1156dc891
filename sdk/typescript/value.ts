// Value entities: the definition that an author writes, and its types.
//
// T1. A missing or misspelt method, a reply or a value of another type are compile errors.
// T2. Values are read-only in the types.

import type { MessageType, Methods, ServiceType } from './codec/message.ts'
import type { Context } from './context.ts'
import type { Json } from './crdt/codec.ts'
import type { Accepted, Refused, Removed, Updated } from './decision.ts'
import type { DeepReadonly, EntityOptions, UnaryReply, UnaryRequest } from './definition.ts'
import { checkHandlers, checkUnary, isMessageType } from './definition.ts'
import type { ValueExports } from './guest/value.ts'
import { valueExports } from './guest/value.ts'
import type { EntitySaid } from './said.ts'
import type { Codec } from './state.ts'
import { jsonCodec, messageCodec } from './state.ts'

type ValueHandler<Method, V, Says> = (
  current: DeepReadonly<V> | undefined,
  request: UnaryRequest<Method>,
  context: Context,
) => Accepted<Updated<DeepReadonly<V>> | Removed, UnaryReply<Method>, DeepReadonly<V> | undefined, Says> | Refused

/** A definition as the guest entry and the test kit run it. `M` and `V` only carry types to the test kit. */
export interface Value<M extends Methods = Methods, V = unknown> {
  readonly kind: 'value'
  readonly service: ServiceType<M>
  readonly value: Codec<V>
  readonly decide: Readonly<Record<string, RunningValueHandler>>
  readonly options: EntityOptions
  exports(definitions: readonly Value[]): ValueExports
  stateType(): string | undefined
}

export type RunningValueHandler = (current: unknown, request: object, context: Context) => unknown

/** Define a service whose entities keep one value each.
 *
 *  `value` is a message type (kept as that message, and tools can show it), or `json<T>()` for a plain value.
 *
 *  A handler gets the value, or undefined where there is none, and answers `accept()` to leave it, `update(value)` to put
 *  another in its place, `remove()` to delete it, or `refuse(...)`. Handlers are pure. */
export function value<M extends Methods, V>(
  service: ServiceType<M>,
  definition: EntityOptions & {
    readonly value: Json<V> | (V extends object ? MessageType<V> : never)
    readonly decide: { readonly [K in keyof M]: ValueHandler<M[K], NoInfer<V>, EntitySaid<NoInfer<M>>> }
  },
): Value<M, V> {
  const { value: type, decide, ...options } = definition
  checkUnary(service, 'a value entity')
  checkHandlers(service, 'decide', decide)
  const codec = isMessageType<V & object>(type) ? messageCodec(type) : jsonCodec<V>()
  return {
    kind: 'value',
    service,
    value: codec as Codec<V>,
    decide: decide as unknown as Readonly<Record<string, RunningValueHandler>>,
    options,
    exports: valueExports,
    stateType: () => codec.typeName,
  }
}
