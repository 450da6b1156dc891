// Native: what the engine does itself (../src), under the names that it gives while a bundle loads. Nothing else names them.

import type { MessageType } from '../../codec/message.ts'
import type { MetadataEntry } from '../../decision.ts'
import type { WireLevel, WireLogLine } from '../../guest/wire.ts'

type Functions = 'accept' | 'update' | 'remove' | 'refuse'

/** A method, its messages, and its handler; undefined where it streams. */
type NativeMethod = readonly [name: string, request: unknown, reply: unknown, handler: unknown, key: string]
type NativeEvent = readonly [type: unknown, fold: unknown]
export type NativeService = readonly [
  name: string,
  methods: readonly NativeMethod[],
  events: readonly NativeEvent[],
  state: unknown,
]

/** Words that the engine has not. */
interface Words {
  /** Of what ends a call. Never throws. */
  readonly fault: (thrown: unknown) => string
  /** Of a value that a field of the type cannot hold; without a type: a string with half of a surrogate pair. */
  readonly unfit: (type: string, value: unknown) => string
  readonly metadata: (entries: readonly MetadataEntry[]) => object
  /** @throws TypeError, RangeError */
  readonly entry: (name: string, value: string | Uint8Array) => MetadataEntry
  readonly malformed: new (message: string) => Error
  /** What an answer says through them, made and checked. @throws TypeError, RangeError */
  readonly answers: Readonly<
    Record<'effect' | 'after' | 'at' | 'ask' | 'cancel' | 'resolve' | 'later', (...given: never[]) => unknown>
  >
  readonly frozenMap: object
  readonly frozenSet: object
}

interface Native extends Readonly<Record<Functions, unknown>> {
  words(words: Words): void
  /** After the messages. `kind`: its number in wit/about.wit. */
  services(kind: number, services: readonly NativeService[]): void
  component(functions: Readonly<Record<string, unknown>>): void
  messageTypeOf(value: object): MessageType<object> | undefined
  freeze<T>(value: T): T
  /** By `freeze`. */
  isFrozen(value: unknown): boolean
  log(level: WireLevel, text: string): void
  hasLogs(): boolean
  takeLogs(): readonly WireLogLine[]
  encodeText(text: string): Uint8Array
  decodeText(bytes: Uint8Array, start: number, end: number): string
  readonly Acceptance: unknown
  readonly Refusal: unknown
  readonly kept: unknown
  readonly removed: unknown
}

export const native: Native = (globalThis as unknown as { readonly __innkeeper: Native }).__innkeeper
