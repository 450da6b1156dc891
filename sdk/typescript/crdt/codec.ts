// Element codecs: what sets, registers and keys of maps hold, as bytes.
//
// E1. Same value, same bytes: the host compares elements and keys by them. JSON is written with its keys sorted; a message
//     with a map field has no such form and should not be an element.
// E2. Text, bytes, numbers and booleans are a message with the value as field 1, and no bytes at all for '', 0 and false
//     (§element-1), so that tools can show them and the host can make one of a request's field.

import { MalformedError } from '../codec/errors.ts'
import type { MessageType } from '../codec/message.ts'
import { Reader } from '../codec/reader.ts'
import { Writer } from '../codec/writer.ts'
import { isMessageType } from '../definition.ts'
import { fromJsonText, toJsonText } from '../state.ts'

export interface ElementCodec<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

/** A plain value, kept as JSON: with bigint, bytes, Map, Set and every number. */
export interface Json<T> extends ElementCodec<T> {
  readonly json: true
}

/** A codec, or a message type. */
export type Element<T> = ElementCodec<T> | (T extends object ? MessageType<T> : never)

const writer = new Writer()

/** `default` has no bytes. */
function field<T>(wireType: number, zero: T, write: (value: T) => void, read: (reader: Reader) => T): ElementCodec<T> {
  const tag = (1 << 3) | wireType
  return {
    encode(value) {
      writer.reset()
      if (value !== zero) {
        writer.varint32(tag)
        write(value)
      }
      return writer.finish()
    },
    decode(bytes) {
      const reader = new Reader(bytes)
      let value = zero
      while (reader.at < reader.end) {
        const found = reader.tag()
        if (found === tag) value = read(reader)
        else reader.skip(found)
      }
      return value
    },
  }
}

export const text: ElementCodec<string> = /* @__PURE__ */ field(
  2,
  '',
  (value) => writer.string(value),
  (reader) => reader.string(),
)
export const int32: ElementCodec<number> = /* @__PURE__ */ field(
  0,
  0,
  (value) => writer.int32(value),
  (reader) => reader.int32(),
)
export const int64: ElementCodec<bigint> = /* @__PURE__ */ field(
  0,
  0n,
  (value) => writer.int64(value),
  (reader) => reader.int64(),
)
export const bool: ElementCodec<boolean> = /* @__PURE__ */ field(
  0,
  false,
  (value) => writer.bool(value),
  (reader) => reader.bool(),
)

const raw = /* @__PURE__ */ field<Uint8Array>(
  2,
  new Uint8Array(0),
  (value) => writer.raw(value),
  (reader) => reader.raw(),
)
export const bytes: ElementCodec<Uint8Array> = {
  encode: (value) => (value.length === 0 ? new Uint8Array(0) : raw.encode(value)),
  decode: (value) => raw.decode(value),
}

/** A plain value as JSON: for values of entities, elements, registers and keys. */
export function json<T>(): Json<T> {
  return {
    json: true,
    encode: (value) => text.encode(toJsonText(value, 'element', true)),
    decode(value) {
      try {
        return fromJsonText(text.decode(value)) as T
      } catch {
        throw new MalformedError('an element is not the JSON that this service writes')
      }
    },
  }
}

export function codecOf<T>(element: Element<T>): ElementCodec<T> {
  if (!isMessageType<T & object>(element)) return element as ElementCodec<T>
  return { encode: (value) => element.encode(value as T & object), decode: (value) => element.decode(value) }
}

/** Bytes as a key of a Map: a character for a byte, so that keys sort as their bytes do. */
export function keyOf(data: Uint8Array): string {
  if (data.length <= chunkBytes) return binary(data)
  let key = ''
  for (let at = 0; at < data.length; at += chunkBytes) key += binary(data.subarray(at, at + chunkBytes))
  return key
}

/** Arguments of one `apply`, as in codec/text.ts. */
const chunkBytes = 8192

function binary(data: Uint8Array): string {
  // The cast: `apply` takes anything array-like, its type only arrays.
  return String.fromCharCode.apply(null, data as unknown as number[])
}
