// To message: proto3 JSON (or text from a path or query) becomes the bytes of a message.
//
// J1. Canonical proto3 JSON: camelCase and proto names, integers as numbers or text (`1`, `1.0`, `10e-1`) without loss of a digit, enums by name or
//     number, bytes in base64 of either alphabet, the well-known types' own forms.
// J2. What does not fit is refused with the place: `$.items[2].quantity: expected int32` (§request-6). Unknown fields do not fit.
// J3. Deterministic: fields in declaration order, map entries by key, whatever the order in the JSON, so that equal requests
//     are equal bytes (idempotency compares them).
// J4. Depth is bounded, and so is size, by what the ingress read.

import { positionOf } from '../schema/positions.ts'
import type { Field, FieldType, MessageType, ScalarType, Schema } from '../schema/schema.ts'
import { wireType, wireTypeOfScalar } from '../schema/wire.ts'
import type { Json } from './json.ts'
import { ExactNumber, isObject, wholeNumber } from './json.ts'
import { Sink } from './sink.ts'
import { wellKnownToMessage } from './well-known-to-message.ts'

const depthMax = 100
/** A message with more is looked through by what is given. */
const fewFields = 16

export class TranscodeError extends Error {
  private readonly path: (string | number)[] = []
  private readonly what: string

  constructor(what: string) {
    super(what)
    this.name = 'TranscodeError'
    this.what = what
  }

  /** What is wrong, with the place from the top: `$.items[2].quantity: expected int32`. */
  get placed(): string {
    return this.path.length === 0 ? `$: ${this.what}` : this.message
  }

  /** The error as seen from one level up. */
  inside(place: string | number): this {
    this.path.unshift(place)
    const path = this.path.map((p) =>
      typeof p === 'number' ? `[${p}]` : /^\w+$/.test(p) ? `.${p}` : `[${JSON.stringify(p)}]`,
    )
    this.message = `$${path.join('')}: ${this.what}`
    return this
  }
}

export interface ToMessage {
  readonly schema: Schema
  readonly sink: Sink
}

/** @throws TranscodeError */
export function toMessage(schema: Schema, type: MessageType, json: Json): Uint8Array {
  const sink = new Sink()
  writeMessage({ schema, sink }, type, json, 0)
  return sink.finish()
}

/** The fields of a message, without length. */
export function writeMessage(out: ToMessage, type: MessageType, json: Json, depth: number): void {
  if (depth > depthMax) throw new TranscodeError(`nested more than ${depthMax} deep`)
  const special = wellKnownToMessage(type.fullName)
  if (special !== undefined) {
    special(out, type, json, depth)
    return
  }
  if (!isObject(json)) throw new TranscodeError(`expected an object for ${type.fullName}`)
  writeFields(out, type, json, depth)
}

export function writeFields(out: ToMessage, type: MessageType, json: { [name: string]: Json }, depth: number): void {
  let known = 0
  let oneofs: Map<string, string> | undefined
  for (const field of fieldsFor(type, json)) {
    let value: Json | undefined
    if (Object.hasOwn(json, field.jsonName)) {
      value = json[field.jsonName]!
      known += 1
    }
    if (field.name !== field.jsonName && Object.hasOwn(json, field.name)) {
      if (value !== undefined) throw new TranscodeError('given twice').inside(field.name)
      value = json[field.name]!
      known += 1
    }
    if (value === undefined || (value === null && !takesNull(field))) continue
    if (field.oneof !== undefined) {
      oneofs ??= new Map()
      const other = oneofs.get(field.oneof)
      if (other !== undefined)
        throw new TranscodeError(`only one of ${other} and ${field.name} may be given`).inside(field.jsonName)
      oneofs.set(field.oneof, field.name)
    }
    try {
      writeField(out, field, value, depth)
    } catch (error) {
      if (error instanceof TranscodeError) throw error.inside(field.jsonName)
      throw error
    }
  }
  if (known === 0 && Object.keys(json).length === 0) return
  for (const name of Object.keys(json)) {
    if (!type.byName.has(name)) throw new TranscodeError(`unknown field of ${type.fullName}`).inside(name.slice(0, 100))
  }
}

/** The fields among which are those that are given, in declaration order. */
export function fieldsFor(type: MessageType, json: { [name: string]: Json }): readonly Field[] {
  return type.fields.length > fewFields ? givenFields(type, json) : type.fields
}

/** Those of many fields that are given, in declaration order: what a message costs is what is written of it, not what it might have. */
function givenFields(type: MessageType, json: { [name: string]: Json }): readonly Field[] {
  const given = new Set<Field>()
  for (const name of Object.keys(json)) {
    const field = type.byName.get(name)
    if (field !== undefined) given.add(field)
  }
  return [...given].sort((a, b) => positionOf(type, a) - positionOf(type, b))
}

/** `null` is a value for these and "not given" for all others. */
function takesNull({ type, repeated }: Field): boolean {
  if (repeated) return false
  if (type.kind === 'message') return type.message.fullName === 'google.protobuf.Value'
  return type.kind === 'enum' && type.enum.fullName === 'google.protobuf.NullValue'
}

function writeField(out: ToMessage, field: Field, value: Json, depth: number): void {
  const { type, number } = field
  if (type.kind === 'map') {
    writeMap(out, number, type, value, depth)
  } else if (field.repeated) {
    writeRepeated(out, field, value, depth)
  } else if (field.presence || !isDefault(type, value)) {
    writeTagged(out, number, type, value, depth)
  }
}

function writeRepeated(out: ToMessage, field: Field, value: Json, depth: number): void {
  if (!Array.isArray(value)) throw new TranscodeError('expected an array')
  if (value.length === 0) return
  const { sink } = out
  if (field.packed) sink.varint((field.number << 3) | 2)
  const start = field.packed ? sink.open() : 0
  for (let index = 0; index < value.length; index++) {
    try {
      const item = value[index]!
      if (item === null && !takesNull({ ...field, repeated: false })) throw new TranscodeError('null in an array')
      if (field.packed) writeValue(out, field.type, item, depth)
      else writeTagged(out, field.number, field.type, item, depth)
    } catch (error) {
      if (error instanceof TranscodeError) throw error.inside(index)
      throw error
    }
  }
  if (field.packed) sink.close(start)
}

function writeMap(
  out: ToMessage,
  number: number,
  type: Extract<FieldType, { kind: 'map' }>,
  value: Json,
  depth: number,
): void {
  if (!isObject(value)) throw new TranscodeError('expected an object')
  const { sink } = out
  for (const key of Object.keys(value).sort()) {
    const item = value[key]!
    try {
      if (
        item === null &&
        !(type.value.kind === 'message' && type.value.message.fullName === 'google.protobuf.Value')
      ) {
        throw new TranscodeError('null in a map')
      }
      sink.varint((number << 3) | 2)
      const start = sink.open()
      writeTagged(out, 1, { kind: 'scalar', scalar: type.key }, mapKey(type.key, key), depth)
      writeTagged(out, 2, type.value, item, depth)
      sink.close(start)
    } catch (error) {
      if (error instanceof TranscodeError) throw error.inside(key.slice(0, 100))
      throw error
    }
  }
}

/** In the one form that a key has, or two of them could be the same. */
function mapKey(type: ScalarType, key: string): Json {
  if (type === 'string') return key
  if (type !== 'bool') {
    if (/^(0|-?[1-9]\d*)$/.test(key)) return key
    throw new TranscodeError(`expected ${type} as key`)
  }
  if (key === 'true') return true
  if (key === 'false') return false
  throw new TranscodeError('expected true or false as key')
}

export function writeTagged(out: ToMessage, number: number, type: FieldType, value: Json, depth: number): void {
  out.sink.varint((number << 3) | wireTypeOf(type))
  writeValue(out, type, value, depth)
}

function writeValue(out: ToMessage, type: FieldType, value: Json, depth: number): void {
  if (type.kind === 'scalar') {
    writeScalar(out.sink, type.scalar, value)
  } else if (type.kind === 'enum') {
    out.sink.varint64(BigInt(enumNumber(type.enum, value)))
  } else if (type.kind === 'message') {
    const start = out.sink.open()
    writeMessage(out, type.message, value, depth + 1)
    out.sink.close(start)
  }
}

function enumNumber(type: { fullName: string; byName: ReadonlyMap<string, number> }, value: Json): number {
  if (value === null && type.fullName === 'google.protobuf.NullValue') return 0
  if (typeof value === 'string') {
    const number = type.byName.get(value)
    if (number !== undefined) return number
    // Numbers in a path or query are text.
    if (!/^-?\d{1,10}$/.test(value)) throw new TranscodeError(`expected a name of ${type.fullName}`)
  }
  return integer(value, -0x8000_0000, 0x7fff_ffff, `a name or number of ${type.fullName}`)
}

/** Whether two values of a field are one key. One that says nothing, as a message that leaves out its defaults does, agrees with any.
 *  @throws TranscodeError if the second is no value of the field */
export function sameKey(type: FieldType, value: Json, other: Json): boolean {
  if (other === null || isDefault(type, other)) return true
  const [one, two] = [value, other].map((json) => {
    const sink = new Sink()
    if (type.kind === 'enum') sink.varint64(BigInt(enumNumber(type.enum, json)))
    else if (type.kind === 'scalar') writeScalar(sink, type.scalar, json)
    return sink.finish()
  })
  return Buffer.compare(one!, two!) === 0
}

export function wireTypeOf(type: FieldType): number {
  if (type.kind === 'scalar') return wireTypeOfScalar(type.scalar)
  return type.kind === 'enum' ? wireType.varint : wireType.bytes
}

function writeScalar(sink: Sink, type: ScalarType, value: Json): void {
  switch (type) {
    case 'string':
      sink.string(text(value))
      return
    case 'bytes':
      sink.view(bytes(value))
      return
    case 'bool':
      if (typeof value !== 'boolean') throw new TranscodeError('expected bool')
      sink.varint(value ? 1 : 0)
      return
    case 'int32':
      {
        const number = integer(value, -0x8000_0000, 0x7fff_ffff, type)
        if (number < 0) sink.varint64(BigInt(number))
        else sink.varint(number)
      }
      return
    case 'uint32':
      sink.varint(integer(value, 0, 0xffff_ffff, type))
      return
    case 'sint32':
      {
        const number = integer(value, -0x8000_0000, 0x7fff_ffff, type)
        sink.varint((number << 1) ^ (number >> 31))
      }
      return
    case 'fixed32':
      sink.fixed32(integer(value, 0, 0xffff_ffff, type))
      return
    case 'sfixed32':
      sink.fixed32(integer(value, -0x8000_0000, 0x7fff_ffff, type))
      return
    case 'int64':
      if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 0x1_0000_0000)
        sink.varint(value)
      else sink.varint64(long(value, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, type))
      return
    case 'uint64':
      sink.varint64(long(value, 0n, 0xffff_ffff_ffff_ffffn, type))
      return
    case 'sint64': {
      const number = long(value, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, type)
      sink.varint64((number << 1n) ^ (number >> 63n))
      return
    }
    case 'fixed64':
      sink.fixed64(long(value, 0n, 0xffff_ffff_ffff_ffffn, type))
      return
    case 'sfixed64':
      sink.fixed64(long(value, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, type))
      return
    case 'float': {
      const number = real(value, type)
      // The largest float, plus half of its last place: what is above would silently become infinity.
      if (Math.abs(number) > 3.4028235677973366e38 && Number.isFinite(number))
        throw new TranscodeError('out of range for float')
      sink.float(number)
      return
    }
    case 'double':
      sink.double(real(value, type))
      return
  }
}

/** Proto3 writes no scalar that has its default; -0 is not the default. */
export function isDefault(type: FieldType, value: Json): boolean {
  if (type.kind === 'enum') return enumNumber(type.enum, value) === 0
  if (type.kind !== 'scalar') return false
  const { scalar } = type
  switch (scalar) {
    case 'string':
      return value === ''
    case 'bool':
      return value === false
    case 'bytes':
      return value === ''
    case 'double':
    case 'float':
      return Object.is(real(value, scalar), 0)
    default:
      return value === 0 || (typeof value !== 'number' && wholeOf(value) === 0n)
  }
}

export function text(value: Json): string {
  if (typeof value !== 'string') throw new TranscodeError('expected string')
  if (!value.isWellFormed()) throw new TranscodeError('half of a surrogate pair in a string')
  return value
}

/** Both base64 alphabets, with or without padding. */
export function bytes(value: Json): Uint8Array {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value))
    throw new TranscodeError('expected bytes in base64')
  const digits = value.replace(/=+$/, '')
  if (digits.length % 4 === 1) throw new TranscodeError('expected bytes in base64')
  return Buffer.from(digits, 'base64')
}

/** Undefined where it is none. */
function wholeOf(value: Json): bigint | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined
  if (typeof value === 'string') return wholeNumber(value)
  return value instanceof ExactNumber ? wholeNumber(value.text) : undefined
}

function integer(value: Json, min: number, max: number, expected: string): number {
  const whole = typeof value === 'number' ? value : wholeOf(value)
  if (whole === undefined || (typeof whole === 'number' && !Number.isInteger(whole)))
    throw new TranscodeError(`expected ${expected}`)
  if (whole < min || whole > max) throw new TranscodeError(`out of range for ${expected}`)
  return Number(whole)
}

function long(value: Json, min: bigint, max: bigint, expected: string): bigint {
  const whole = wholeOf(value)
  if (whole === undefined) throw new TranscodeError(`expected ${expected}`)
  if (whole < min || whole > max) throw new TranscodeError(`out of range for ${expected}`)
  return whole
}

export function real(value: Json, expected: string): number {
  if (typeof value === 'number') return value
  if (value instanceof ExactNumber) {
    const number = Number(value.text)
    if (!Number.isFinite(number)) throw new TranscodeError(`out of range for ${expected}`)
    return number
  }
  if (value === 'NaN') return Number.NaN
  if (value === 'Infinity') return Number.POSITIVE_INFINITY
  if (value === '-Infinity') return Number.NEGATIVE_INFINITY
  if (typeof value === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) && Number.isFinite(Number(value)))
    return Number(value)
  throw new TranscodeError(`expected ${expected}`)
}
