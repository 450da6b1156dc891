// The JSON forms of google.protobuf's own types, on the way in. https://protobuf.dev/programming-guides/json

import type { MessageType } from '../schema/schema.ts'
import { wrappers } from '../schema/wrappers.ts'
import type { Json } from './json.ts'
import { ExactNumber, isObject } from './json.ts'
import type { ToMessage } from './to-message.ts'
import { bytes, isDefault, real, TranscodeError, text, writeFields, writeMessage, writeTagged } from './to-message.ts'

type Write = (out: ToMessage, type: MessageType, json: Json, depth: number) => void

const table = new Map<string, Write>([
  ['google.protobuf.Timestamp', timestamp],
  ['google.protobuf.Duration', duration],
  ['google.protobuf.FieldMask', fieldMask],
  ['google.protobuf.Struct', struct],
  ['google.protobuf.Value', value],
  ['google.protobuf.ListValue', listValue],
  ['google.protobuf.Any', any],
  ...wrappers.map((name): [string, Write] => [name, wrapper]),
])

export function wellKnownToMessage(fullName: string): Write | undefined {
  return fullName.startsWith('google.protobuf.') ? table.get(fullName) : undefined
}

/** 0001-01-01 to 9999-12-31, in seconds since 1970. */
const secondsMin = -62_135_596_800
const secondsMax = 253_402_300_799

function timestamp({ sink }: ToMessage, _type: MessageType, json: Json): void {
  const match = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(
    typeof json === 'string' ? json : '',
  )
  const ms = match === null ? Number.NaN : momentOf(match[1]!, match[2]!, match[4]!)
  if (match === null || Number.isNaN(ms))
    throw new TranscodeError('expected a timestamp such as 2030-01-31T08:00:00.5Z')
  const seconds = ms / 1000
  if (seconds < secondsMin || seconds > secondsMax) throw new TranscodeError('out of range for a timestamp')
  secondsAndNanos(sink, BigInt(seconds), nanos(match[3]))
}

/** Milliseconds since 1970; NaN for a day that its month has not, an hour that the day has not, and so on. */
function momentOf(day: string, time: string, zone: string): number {
  const midnight = Date.parse(`${day}T00:00:00Z`)
  // A day too many is carried over into the next month.
  const exists = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day)
  return exists && !time.startsWith('T24') ? Date.parse(`${day}${time}${zone}`) : Number.NaN
}

function duration({ sink }: ToMessage, _type: MessageType, json: Json): void {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(typeof json === 'string' ? json : '')
  if (match === null) throw new TranscodeError('expected a duration such as 1.5s')
  const sign = match[1] === '-' ? -1 : 1
  const seconds = Number(match[2])
  if (seconds > 315_576_000_000) throw new TranscodeError('out of range for a duration')
  secondsAndNanos(sink, BigInt(sign * seconds), sign * nanos(match[3]))
}

function nanos(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(9, '0'))
}

function secondsAndNanos(sink: ToMessage['sink'], seconds: bigint, nanos: number): void {
  if (seconds !== 0n) {
    sink.varint(8)
    sink.varint64(seconds)
  }
  if (nanos !== 0) {
    sink.varint(16)
    sink.varint64(BigInt(nanos))
  }
}

function fieldMask({ sink }: ToMessage, _type: MessageType, json: Json): void {
  if (typeof json !== 'string' || !/^[A-Za-z0-9.,]*$/.test(json))
    throw new TranscodeError('expected paths such as user.displayName,photo')
  if (json === '') return
  for (const path of json.split(',')) {
    sink.varint(10)
    sink.string(path.replace(/[A-Z]/g, (upper) => `_${upper.toLowerCase()}`))
  }
}

function struct(out: ToMessage, _type: MessageType, json: Json, depth: number): void {
  if (!isObject(json)) throw new TranscodeError('expected an object')
  const valueType = out.schema.messages.get('google.protobuf.Value')
  if (valueType === undefined) throw new TranscodeError('google.protobuf.Value is not in the descriptors')
  for (const key of Object.keys(json).sort()) {
    try {
      out.sink.varint(10)
      const start = out.sink.open()
      out.sink.varint(10)
      out.sink.string(text(key))
      writeTagged(out, 2, { kind: 'message', message: valueType }, json[key]!, depth)
      out.sink.close(start)
    } catch (error) {
      if (error instanceof TranscodeError) throw error.inside(key.slice(0, 100))
      throw error
    }
  }
}

function value(out: ToMessage, type: MessageType, json: Json, depth: number): void {
  const { sink } = out
  if (json === null) {
    sink.varint(8)
    sink.varint(0)
  } else if (typeof json === 'number' || json instanceof ExactNumber) {
    sink.varint(17)
    sink.double(real(json, 'double'))
  } else if (typeof json === 'string') {
    sink.varint(26)
    sink.string(text(json))
  } else if (typeof json === 'boolean') {
    sink.varint(32)
    sink.varint(json ? 1 : 0)
  } else {
    const number = Array.isArray(json) ? 6 : 5
    const part = type.byNumber.get(number)
    if (part === undefined) throw new TranscodeError('google.protobuf.Value has an unknown shape in the descriptors')
    writeTagged(out, number, part.type, json, depth)
  }
}

function listValue(out: ToMessage, type: MessageType, json: Json, depth: number): void {
  if (!Array.isArray(json)) throw new TranscodeError('expected an array')
  const values = type.byNumber.get(1)
  if (values === undefined)
    throw new TranscodeError('google.protobuf.ListValue has an unknown shape in the descriptors')
  for (let index = 0; index < json.length; index++) {
    try {
      writeTagged(out, 1, values.type, json[index]!, depth)
    } catch (error) {
      if (error instanceof TranscodeError) throw error.inside(index)
      throw error
    }
  }
}

function wrapper(out: ToMessage, type: MessageType, json: Json): void {
  const field = type.byNumber.get(1)
  if (field?.type.kind !== 'scalar')
    throw new TranscodeError(`${type.fullName} has an unknown shape in the descriptors`)
  if (!isDefault(field.type, json)) writeTagged(out, 1, field.type, json, 0)
}

function any(out: ToMessage, _type: MessageType, json: Json, depth: number): void {
  if (!isObject(json)) throw new TranscodeError('expected an object with "@type"')
  const { '@type': url, ...rest } = json
  if (Object.keys(json).length === 0) return
  if (typeof url !== 'string') throw new TranscodeError('expected a type URL').inside('@type')
  const name = url.slice(url.lastIndexOf('/') + 1)
  const inner = out.schema.messages.get(name)
  if (inner === undefined) {
    opaque(out, url, rest)
    return
  }
  out.sink.varint(10)
  out.sink.string(url)
  out.sink.varint(18)
  const start = out.sink.open()
  if (wellKnownToMessage(name) === undefined) writeFields(out, inner, rest, depth + 1)
  else if ('value' in rest && Object.keys(rest).length === 1) writeMessage(out, inner, rest['value']!, depth + 1)
  else throw new TranscodeError('expected only "@type" and "value"')
  out.sink.close(start)
}

/** Of a type that nobody here knows: its bytes, as they come out of `any` in well-known-to-json.ts. */
function opaque({ sink }: ToMessage, url: string, rest: { [name: string]: Json }): void {
  if (!/.\/[A-Za-z_][\w.]*$/.test(url))
    throw new TranscodeError('expected a type URL such as type.googleapis.com/a.b.C').inside('@type')
  const others = Object.keys(rest).filter((name) => name !== 'value')
  if (typeof rest['value'] !== 'string' || others.length > 0) {
    const name = url.slice(url.lastIndexOf('/') + 1, url.lastIndexOf('/') + 101)
    throw new TranscodeError(`${name} is not in the descriptors; send its bytes as "value" in base64`).inside('@type')
  }
  sink.varint(10)
  sink.string(text(url))
  try {
    const value = bytes(rest['value'])
    sink.varint(18)
    sink.view(value)
  } catch (error) {
    throw error instanceof TranscodeError ? error.inside('value') : error
  }
}
