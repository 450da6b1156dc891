// Definition: what the definitions of all kinds share: options, types of what handlers see, and checks when they are made.

import type { MessageType, Method, Methods, ServiceType, Shape } from './codec/message.ts'

type Leaf =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | Uint8Array
  | ((...args: never[]) => unknown)

export type DeepReadonly<T> = T extends Leaf
  ? T
  : T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<DeepReadonly<K>, DeepReadonly<V>>
    : T extends ReadonlySet<infer V>
      ? ReadonlySet<DeepReadonly<V>>
      : { readonly [K in keyof T]: DeepReadonly<T[K]> }

/** In place of a message of a method that streams, where none can: its name is what the compiler says. */
interface OnlyActionsStream {
  readonly 'a method that streams belongs into an action': never
}

export type UnaryRequest<M> = M extends Method<infer Request, object, 'unary'> ? Request : OnlyActionsStream
export type UnaryReply<M> = M extends Method<object, infer Reply, 'unary'> ? Reply : OnlyActionsStream

export interface ServiceOptions {
  /** Request headers that handlers want to see, besides `ce-*`, `x-*` and `traceparent`. */
  readonly headers?: readonly string[]
}

export interface EntityOptions extends ServiceOptions {
  /** The name that stored data hangs on. Default: the service's full name. */
  readonly persistenceId?: string
  /** Idle time after which an entity leaves the memory. Default: the host's. */
  readonly passivateAfterMs?: number
}

/** @throws TypeError for a method without a handler. */
export function checkHandlers(service: ServiceType, where: string, handlers: object): void {
  for (const name of Object.keys(service.methods)) {
    const handler = (handlers as Readonly<Record<string, unknown>>)[name]
    if (typeof handler !== 'function') throw new TypeError(`${service.typeName}: ${where}.${name} is missing`)
  }
}

/** @throws TypeError for a method that streams, where none can. `what`: such as `a value`. */
export function checkUnary(service: ServiceType, what: string): void {
  checkShapes(service, what, ['unary'])
}

export function checkShapes(service: ServiceType, what: string, shapes: readonly Shape[]): void {
  for (const { name, shape } of Object.values(service.methods as Methods)) {
    if (!shapes.includes(shape)) {
      throw new TypeError(`${service.typeName}/${name}: ${what} has no methods that ${said[shape]}; an action has`)
    }
  }
}

const said: Readonly<Record<Shape, string>> = {
  unary: 'take one message and reply one',
  clientStream: 'take a stream',
  serverStream: 'reply a stream',
  bidi: 'take and reply streams',
}

export function isMessageType<T extends object>(value: unknown): value is MessageType<T> {
  return typeof value === 'function' && 'typeName' in value
}
