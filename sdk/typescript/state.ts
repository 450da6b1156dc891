// States as bytes: a protobuf message, or JSON that can also hold bigint, bytes, Map, Set and every number.
//
// S1. decode(encode(state)) equals state in everything a handler can see, order of keys included (law L6).
// S2. Same state, same bytes. What cannot be kept (functions, dates, class instances) is refused with its path.
// S3. `sizeMax` bounds the encoded size without encoding: it is asked after every batch.

import { MalformedError } from './codec/errors.ts'
import type { MessageType } from './codec/message.ts'
import { decodeText, encodeText } from './codec/text.ts'
import { deepFreeze } from './frozen.ts'

export interface Codec<T> {
  /** Full name, if it is a message. */
  readonly typeName: string | undefined
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
  sizeMax(value: T): number
}

export interface StateCodec<State> extends Codec<State> {
  /** Of an entity without events. */
  readonly initial: State
}

export function messageState<State extends object>(type: MessageType<State>): StateCodec<State> {
  return { initial: deepFreeze(type.decode(new Uint8Array(0))), ...messageCodec(type) }
}

export function jsonState<State>(initial: State): StateCodec<State> {
  encodeJson(initial)
  return { initial: deepFreeze(initial), ...jsonCodec<State>() }
}

export function messageCodec<T extends object>(type: MessageType<T>): Codec<T> {
  return {
    typeName: type.typeName,
    encode: (value) => type.encode(value),
    decode: (bytes) => type.decode(bytes),
    sizeMax: (value) => type.sizeMax(value),
  }
}

export function jsonCodec<T>(): Codec<T> {
  return { typeName: undefined, encode: encodeJson, decode: decodeJson as Codec<T>['decode'], sizeMax: jsonSizeMax }
}

function encodeJson(value: unknown): Uint8Array {
  return encodeText(toJsonText(value, 'state'))
}

function decodeJson(bytes: Uint8Array): unknown {
  const text = decodeText(bytes, 0, bytes.length)
  try {
    return fromJsonText(text)
  } catch {
    throw new MalformedError('a state is not the JSON that this service writes')
  }
}

/** `sorted`: keys in one order, whatever the order in which they were set. @throws TypeError for what cannot be kept. */
export function toJsonText(value: unknown, path: string, sorted = false): string {
  const plain = toJson(value, path)
  return JSON.stringify(sorted ? sortedKeys(plain) : plain)
}

/** @throws whatever is wrong with the text. */
export function fromJsonText(text: string): unknown {
  const value: unknown = JSON.parse(text)
  // Only an escape puts `{"$` into our JSON outside of a string; within one it costs a needless walk.
  return text.includes('{"$') ? fromJson(value) : value
}

function sortedKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sortedKeys)
  const record = value as Record<string, unknown>
  const sorted: Record<string, unknown> = {}
  for (const key of Object.keys(record).sort()) sorted[key] = sortedKeys(record[key])
  return sorted
}

type Escape =
  | { readonly $bigint: string }
  | { readonly $bytes: string }
  | { readonly $map: readonly (readonly [unknown, unknown])[] }
  | { readonly $set: readonly unknown[] }
  | { readonly $number: string }
  | { readonly $object: readonly (readonly [string, unknown])[] }
  | { readonly $undefined: true }

/** The value as plain JSON; itself where it already is, so that most of a state is not copied. */
function toJson(value: unknown, path: string): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value
      return { $number: Object.is(value, -0) ? '-0' : String(value) } satisfies Escape
    case 'bigint':
      return { $bigint: value.toString() } satisfies Escape
    case 'undefined':
      return { $undefined: true } satisfies Escape
    case 'object':
      return value === null ? null : objectToJson(value, path)
    default:
      throw new TypeError(`${path} is a ${typeof value}, which a state cannot keep`)
  }
}

function objectToJson(value: object, path: string): unknown {
  if (Array.isArray(value)) return mapArray(value, (item, index) => toJson(item, `${path}[${index}]`))
  if (value instanceof Uint8Array) return { $bytes: hexOf(value) } satisfies Escape
  if (value instanceof Map) {
    return { $map: [...value].map(([k, v]) => [toJson(k, `${path} key`), toJson(v, `${path} value`)]) } satisfies Escape
  }
  if (value instanceof Set) return { $set: [...value].map((item) => toJson(item, `${path} item`)) } satisfies Escape
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`${path} is an instance of a class, which a state cannot keep; use plain objects`)
  }
  const record = value as Record<string, unknown>
  const keys = Object.keys(record)
  if (keys.some((key) => key.startsWith('$') || key === '__proto__')) {
    return { $object: keys.map((key) => [key, toJson(record[key], `${path}.${key}`)]) } satisfies Escape
  }
  let copy: Record<string, unknown> | undefined
  for (const key of keys) {
    const json = toJson(record[key], `${path}.${key}`)
    if (json === record[key]) continue
    copy ??= { ...record }
    copy[key] = json
  }
  return copy ?? record
}

function fromJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return mapArray(value, fromJson)
  const record = value as Record<string, unknown>
  const escaped = record as Partial<Record<'$bigint' | '$bytes' | '$number', string>>
  if (escaped.$bigint !== undefined) return BigInt(escaped.$bigint)
  if (escaped.$bytes !== undefined) return bytesOf(escaped.$bytes)
  if (escaped.$number !== undefined) return Number(escaped.$number)
  if ('$undefined' in record) return undefined
  if ('$map' in record)
    return new Map((record['$map'] as [unknown, unknown][]).map(([k, v]) => [fromJson(k), fromJson(v)]))
  if ('$set' in record) return new Set((record['$set'] as unknown[]).map(fromJson))
  if ('$object' in record) {
    return Object.fromEntries((record['$object'] as [string, unknown][]).map(([k, v]) => [k, fromJson(v)]))
  }
  for (const key of Object.keys(record)) record[key] = fromJson(record[key])
  return record
}

function mapArray(array: readonly unknown[], change: (item: unknown, index: number) => unknown): readonly unknown[] {
  let copy: unknown[] | undefined
  for (let index = 0; index < array.length; index++) {
    const changed = change(array[index], index)
    if (copy === undefined && changed !== array[index]) copy = array.slice()
    if (copy !== undefined) copy[index] = changed
  }
  return copy ?? array
}

/** An upper bound of the JSON's bytes: six for a character (`\u0000`), and room for the longest escape of each kind. */
function jsonSizeMax(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return value.length * 6 + 2
    case 'number':
      return 28
    case 'bigint':
      // Two's complement halves it: comparing is cheaper than printing, and nearly all fit 64 bits.
      return value < 1n << 64n && value > -(1n << 64n) ? 36 : value.toString().length + 16
    case 'object':
      return value === null ? 4 : objectSizeMax(value)
    default:
      return 20
  }
}

function objectSizeMax(value: object): number {
  let size = 32
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) size += 1 + jsonSizeMax(value[index])
  } else if (value instanceof Uint8Array) {
    size += value.length * 2
  } else if (value instanceof Map) {
    for (const [key, item] of value) size += 4 + jsonSizeMax(key) + jsonSizeMax(item)
  } else if (value instanceof Set) {
    for (const item of value) size += 1 + jsonSizeMax(item)
  } else {
    // Quotes, colon, comma, and the brackets of an escaped entry.
    for (const key in value) size += 8 + key.length * 6 + jsonSizeMax((value as Record<string, unknown>)[key])
  }
  return size
}

const digits = '0123456789abcdef'

function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (let index = 0; index < bytes.length; index++) text += digits[bytes[index]! >>> 4]! + digits[bytes[index]! & 15]!
  return text
}

function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2)
  for (let index = 0; index < bytes.length; index++)
    bytes[index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16)
  return bytes
}
