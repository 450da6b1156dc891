// Message types and services, as generated code declares them.
//
// M1. A message type is a function that makes messages and an object that encodes and decodes them.
// M2. What it makes is normal: equal to what decoding its own bytes gives, nested messages and lists copied. So an event
//     that was just emitted and the same event read back from the journal are the same to `evolve` (law L2).
// M3. What it makes knows its type: `accept` needs no second argument.

import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

declare const nameTag: unique symbol

/** Where a made message keeps its type; a symbol, so that it is no field. */
const typeOf: unique symbol = Symbol('innkeeper.type')

/** A message that was made by its type, and so can be an event. */
export type Tagged<T, Name extends string> = T & { readonly [nameTag]: Name }

/** Fields that are left out have their default. */
export type Init<T> = { readonly [K in keyof T]?: T[K] | undefined }

export interface MessageType<T extends object, Name extends string = string> {
  (init?: Init<T>): Tagged<T, Name>
  /** Full protobuf name. */
  readonly typeName: string
  /** @throws RangeError for a value that its field cannot hold. */
  encode(value: T): Uint8Array
  /** @throws MalformedError */
  decode(bytes: Uint8Array): T
  /** An upper bound of the encoded size in bytes, without looking at the characters of strings. */
  sizeMax(value: T): number
}

interface MessageParts<T> {
  readonly create: (init: Init<T>) => T
  readonly write: (writer: Writer, value: T) => void
  readonly read: (reader: Reader) => T
  readonly size: (value: T) => number
}

const writer = new Writer()

/** For generated code. */
export function message<T extends object, Name extends string>(
  typeName: string,
  { create, write, read, size }: MessageParts<T>,
): MessageType<T, Name> {
  const make = (init: Init<T> = {}): Tagged<T, Name> => {
    const value = withAnything(create, init) as Tagged<T, Name> & { [typeOf]: MessageType<T, Name> }
    value[typeOf] = type
    return value
  }
  const type: MessageType<T, Name> = Object.assign(make, {
    typeName,
    encode(value: T): Uint8Array {
      writer.reset()
      try {
        write(writer, value)
      } catch (error) {
        if (error instanceof Error) error.message = `${typeName}: ${error.message}`
        throw error
      }
      return writer.finish()
    },
    decode: (bytes: Uint8Array): T => read(new Reader(bytes)),
    sizeMax: size,
  })
  return type
}

/** In a message that a test expects: whatever comes. Only the test kit reads it. */
export const anything: unique symbol = Symbol('any')

/** A message whose fields that may be anything are that. */
function withAnything<T extends object>(create: (init: Init<T>) => T, init: Init<T>): T {
  const wild = Object.entries(init).filter(([, value]) => value === anything)
  if (wild.length === 0) return create(init)
  return Object.assign(create({ ...init, ...Object.fromEntries(wild.map(([key]) => [key, undefined])) }), {
    ...Object.fromEntries(wild),
  })
}

/** The type that made a message, or undefined for an object that was only written down. */
export function messageTypeOf(value: object): MessageType<object> | undefined {
  return (value as { [typeOf]?: MessageType<object> })[typeOf]
}

/** How many messages go each way. */
export type Shape = 'unary' | 'clientStream' | 'serverStream' | 'bidi'

export interface Method<Request extends object, Response extends object, S extends Shape = 'unary'> {
  /** As in the .proto. */
  readonly name: string
  readonly request: MessageType<Request>
  readonly reply: MessageType<Response>
  readonly shape: S
  /** The request's properties that name the entity. */
  readonly key?: readonly string[]
  /** It hears what this method was answered: `payments.v1.Payments/Charge`. */
  readonly answers?: string | undefined
}

/** A method that hears what another one was answered, whom its entity asked. */
export interface AnswerMethod<Request extends object, Response extends object> extends Method<Request, Response> {
  readonly answers: string
}

export type AnyMethod = Method<object, object, Shape>
export type Methods = Readonly<Record<string, AnyMethod>>
export type Messages = Readonly<Record<string, MessageType<object>>>

/** The request of a method of any shape; of a stream, one of its messages. */
export type RequestOf<M> = M extends Method<infer Request, object, Shape> ? Request : never
export type ReplyOf<M> = M extends Method<object, infer Reply, Shape> ? Reply : never

export interface ServiceType<M extends Methods = Methods, E extends Messages = Messages> {
  /** Full protobuf name. */
  readonly typeName: string
  /** By the name that handlers have: the method's, beginning in lower case. */
  readonly methods: M
  /** The messages of the service's file, from which its events come. */
  readonly messages: E
}

/** For generated code. */
export function service<M extends Methods, E extends Messages>(
  typeName: string,
  methods: M,
  messages: E,
): ServiceType<M, E> {
  return { typeName, methods, messages }
}

/** For generated code. */
export function method<Request extends object, Response extends object>(
  name: string,
  request: MessageType<Request>,
  reply: MessageType<Response>,
): Method<Request, Response>
export function method<Request extends object, Response extends object, S extends Shape>(
  name: string,
  request: MessageType<Request>,
  reply: MessageType<Response>,
  shape: S,
  key?: readonly string[],
): Method<Request, Response, S>
export function method<Request extends object, Response extends object>(
  name: string,
  request: MessageType<Request>,
  reply: MessageType<Response>,
  shape: 'unary',
  key: readonly string[],
  answers: string,
): AnswerMethod<Request, Response>
export function method(
  name: string,
  request: MessageType<object>,
  reply: MessageType<object>,
  shape: Shape = 'unary',
  key: readonly string[] = [],
  answers?: string,
): AnyMethod {
  return { name, request, reply, shape, key, answers }
}
