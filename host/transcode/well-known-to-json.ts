// The JSON forms of google.protobuf's own types, on the way out. https://protobuf.dev/programming-guides/json
//
// What the JSON form has no words for is the guest's mistake: WireError. A timestamp out of range, a mask that would read back as another, a
// Value that is no number.

import type { MessageType, Schema } from '../schema/schema.ts'
import { WireCursor, WireError } from '../schema/wire.ts'
import { wrappers } from '../schema/wrappers.ts'
import { fieldsText, messageText, readSlots, realText } from './to-json.ts'

type Text = (schema: Schema, type: MessageType, bytes: Uint8Array, depth: number) => string

const table = new Map<string, Text>([
  ['google.protobuf.Timestamp', timestamp],
  ['google.protobuf.Duration', duration],
  ['google.protobuf.FieldMask', fieldMask],
  ['google.protobuf.Struct', struct],
  ['google.protobuf.Value', value],
  ['google.protobuf.ListValue', listValue],
  ['google.protobuf.Any', any],
  ...wrappers.map((name): [string, Text] => [name, wrapper]),
])

export function wellKnownToJson(fullName: string): Text | undefined {
  return fullName.startsWith('google.protobuf.') ? table.get(fullName) : undefined
}

/** Of a Timestamp or a Duration. @throws WireError */
export function secondsAndNanos(bytes: Uint8Array): { seconds: bigint; nanos: number } {
  const cursor = new WireCursor(bytes)
  let seconds = 0n
  let nanos = 0
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 8) seconds = BigInt.asIntN(64, cursor.varint64())
    else if (tag === 16) nanos = cursor.varint32() | 0
    else cursor.skip(tag & 7)
  }
  return { seconds, nanos }
}

/** None, three, six or nine digits, as the specification wants them. */
function fraction(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  if (digits.endsWith('000000')) return `.${digits.slice(0, 3)}`
  return digits.endsWith('000') ? `.${digits.slice(0, 6)}` : `.${digits}`
}

function timestamp(_schema: Schema, _type: MessageType, bytes: Uint8Array): string {
  const { seconds, nanos } = secondsAndNanos(bytes)
  if (seconds < -62_135_596_800n || seconds > 253_402_300_799n || nanos < 0 || nanos > 999_999_999) {
    throw new WireError('a timestamp out of range', 0)
  }
  return `"${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${fraction(nanos)}Z"`
}

function duration(_schema: Schema, _type: MessageType, bytes: Uint8Array): string {
  const { seconds, nanos } = secondsAndNanos(bytes)
  const negative = seconds < 0n || nanos < 0
  if (
    Math.abs(Number(seconds)) > 315_576_000_000 ||
    Math.abs(nanos) > 999_999_999 ||
    (negative && (seconds > 0n || nanos > 0))
  ) {
    throw new WireError('a duration out of range', 0)
  }
  return `"${negative ? '-' : ''}${seconds < 0n ? -seconds : seconds}${fraction(Math.abs(nanos))}s"`
}

function fieldMask(schema: Schema, type: MessageType, bytes: Uint8Array, depth: number): string {
  const [paths] = readSlots(schema, type, bytes, depth)
  if (!Array.isArray(paths)) return '""'
  return JSON.stringify(paths.map((path) => camelPath(JSON.parse(path) as string)).join(','))
}

/** A path whose JSON would be that of another one has none. */
function camelPath(path: string): string {
  if (/[A-Z]|_(?![a-z])/.test(path))
    throw new WireError(`a field mask with the path ${JSON.stringify(path.slice(0, 100))}, which JSON cannot carry`, 0)
  return path.replace(/_([a-z])/g, (_, next: string) => next.toUpperCase())
}

function struct(schema: Schema, type: MessageType, bytes: Uint8Array, depth: number): string {
  const [fields] = readSlots(schema, type, bytes, depth)
  if (!(fields instanceof Map)) return '{}'
  return `{${[...fields].map(([key, item]) => `${key}:${item}`).join(',')}}`
}

function listValue(schema: Schema, type: MessageType, bytes: Uint8Array, depth: number): string {
  const [values] = readSlots(schema, type, bytes, depth)
  return Array.isArray(values) ? `[${values.join(',')}]` : '[]'
}

function value(schema: Schema, type: MessageType, bytes: Uint8Array, depth: number): string {
  const cursor = new WireCursor(bytes)
  let result = 'null'
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 8) {
      cursor.varint64()
      result = 'null'
    } else if (tag === 17) {
      const bits = cursor.fixed64()
      const number = new DataView(new BigUint64Array([bits]).buffer).getFloat64(0, true)
      if (!Number.isFinite(number)) throw new WireError(`a google.protobuf.Value that is ${number}`, cursor.at)
      result = realText(number)
    } else if (tag === 26) {
      result = JSON.stringify(cursor.string())
    } else if (tag === 32) {
      result = cursor.varint64() === 0n ? 'false' : 'true'
    } else if (tag === 42 || tag === 50) {
      const part = type.byNumber.get(tag >>> 3)?.type
      if (part?.kind !== 'message') throw new WireError('google.protobuf.Value of an unknown shape', cursor.at)
      result = messageText(schema, part.message, cursor.view(), depth + 1)
    } else {
      cursor.skip(tag & 7)
    }
  }
  return result
}

function wrapper(schema: Schema, type: MessageType, bytes: Uint8Array, depth: number): string {
  // The only field, default included: `{"value":X}` without its frame.
  const text = fieldsText(schema, type, bytes, depth)
  return text.slice(text.indexOf(':') + 1)
}

function any(schema: Schema, _type: MessageType, bytes: Uint8Array, depth: number): string {
  const cursor = new WireCursor(bytes)
  let url = ''
  let data = new Uint8Array() as Uint8Array
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) url = cursor.string()
    else if (tag === 18) data = cursor.view()
    else cursor.skip(tag & 7)
  }
  if (url === '' && data.length === 0) return '{}'
  const inner = schema.messages.get(url.slice(url.lastIndexOf('/') + 1))
  const head = `"@type":${JSON.stringify(url)}`
  // What nobody here knows passes through, and whoever knows it can read it.
  if (inner === undefined) return `{${head},"value":"${Buffer.from(data).toString('base64')}"}`
  if (wellKnownToJson(inner.fullName) !== undefined)
    return `{${head},"value":${messageText(schema, inner, data, depth + 1)}}`
  const fields = fieldsText(schema, inner, data, depth + 1)
  return fields === '' ? `{${head}}` : `{${head},${fields}}`
}
