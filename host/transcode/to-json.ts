// To JSON: the bytes of a message become canonical proto3 JSON text.
//
// O1. Scalars and lists with their defaults are included; unset messages and unset optional fields are not (§answer-1). 64-bit
//     integers are text, enums names, bytes base64, keys in declaration order, no white space.
// O2. Text is built directly: no object is made, so no name from a stranger becomes a property.
// O3. The bytes come from a guest: whatever is not that message throws WireError; depth is bounded.
// O4. As protobuf says: the last scalar wins, messages merge, packed and unpacked lists are both read, unknown fields skipped.
// O5. Few bytes may be long text: each empty message of a list has all its fields. So steps are counted, and bounded by the caller: a field
//     of a message, a value, or a character that the bytes do not have.

import { positionOf } from '../schema/positions.ts'
import type { Field, FieldType, MessageType, ScalarType, Schema } from '../schema/schema.ts'
import { WireCursor, WireError } from '../schema/wire.ts'
import { wireTypeOf } from './to-message.ts'
import { wellKnownToJson } from './well-known-to-json.ts'

const depthMax = 100

/** The text takes more steps than the caller allows (O5). */
export class TextTooLong extends WireError {
  constructor() {
    super('a message whose JSON is too long', 0)
    this.name = 'TextTooLong'
  }
}

/** Of a name: its quotes, colon and comma, and a default. */
const frameSteps = 6

/** Steps that are left to the text that is made. It is made in one go. */
let stepsLeft = 0

/** @throws WireError if the bytes are not that message, TextTooLong */
export function toJson(
  schema: Schema,
  type: MessageType,
  bytes: Uint8Array,
  stepsMax = Number.POSITIVE_INFINITY,
): string {
  stepsLeft = stepsMax
  return messageText(schema, type, bytes, 0)
}

/** One field's JSON: the form of `response_body`. */
export function fieldToJson(
  schema: Schema,
  type: MessageType,
  field: Field,
  bytes: Uint8Array,
  stepsMax = Number.POSITIVE_INFINITY,
): string {
  stepsLeft = stepsMax
  const slot = readSlots(schema, type, bytes, 0)[positionOf(type, field)]
  return slotText(schema, field, slot, 0) ?? defaultText(field)
}

function take(steps: number): void {
  stepsLeft -= steps
  if (stepsLeft < 0) throw new TextTooLong()
}

/** What was read of a message, part by part. Parts are put together once, at the end, or many small ones would be copied for ever. */
class Merged {
  private readonly parts: Uint8Array[] = []

  add(part: Uint8Array): this {
    this.parts.push(part)
    return this
  }

  get bytes(): Uint8Array {
    return this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts)
  }
}

/** What was read for one field: bytes of a message (one after the other: that is how messages merge), text of a scalar, or a list. */
type Slot = string | Merged | string[] | Map<string, string> | undefined

export function messageText(schema: Schema, type: MessageType, bytes: Uint8Array, depth: number): string {
  if (depth > depthMax) throw new WireError(`a message nested more than ${depthMax} deep`, 0)
  const special = wellKnownToJson(type.fullName)
  if (special !== undefined) return special(schema, type, bytes, depth)
  return `{${fieldsText(schema, type, bytes, depth)}}`
}

export function fieldsText(schema: Schema, type: MessageType, bytes: Uint8Array, depth: number): string {
  const slots = readSlots(schema, type, bytes, depth)
  let result = ''
  for (let index = 0; index < type.fields.length; index++) {
    const field = type.fields[index]!
    const value = slotText(schema, field, slots[index], depth) ?? (field.presence ? undefined : defaultText(field))
    if (value === undefined) continue
    take(field.jsonName.length + frameSteps)
    if (result !== '') result += ','
    result += `${JSON.stringify(field.jsonName)}:${value}`
  }
  return result
}

function slotText(schema: Schema, field: Field, slot: Slot, depth: number): string | undefined {
  if (slot === undefined || typeof slot === 'string') return slot
  if (Array.isArray(slot)) return `[${slot.join(',')}]`
  if (slot instanceof Map) {
    const entries = [...slot].sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([key, value]) => `${key}:${value}`).join(',')}}`
  }
  if (field.type.kind !== 'message') throw new WireError('bytes for a scalar', 0)
  return messageText(schema, field.type.message, slot.bytes, depth + 1)
}

function defaultText(field: Field): string {
  const { type } = field
  if (type.kind === 'map') return '{}'
  if (field.repeated) return '[]'
  if (type.kind === 'enum') return enumText(type.enum, 0)
  if (type.kind === 'message') return 'null'
  return defaultScalar(type.scalar)
}

function defaultScalar(type: ScalarType): string {
  switch (type) {
    case 'string':
    case 'bytes':
      return '""'
    case 'bool':
      return 'false'
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return '"0"'
    default:
      return '0'
  }
}

export function readSlots(schema: Schema, type: MessageType, bytes: Uint8Array, depth: number): Slot[] {
  take(type.fields.length + 1)
  const slots: Slot[] = new Array(type.fields.length).fill(undefined)
  const cursor = new WireCursor(bytes)
  while (!cursor.done) {
    const tag = cursor.tag()
    const field = type.byNumber.get(tag >>> 3)
    const wire = tag & 7
    take(1)
    if (field === undefined) {
      cursor.skip(wire)
      continue
    }
    const index = positionOf(type, field)
    const expected = wireTypeOf(field.type)
    if (field.type.kind === 'map' && wire === 2) {
      slots[index] = readEntry(
        schema,
        field.type,
        cursor.view(),
        slots[index] as Map<string, string> | undefined,
        depth,
      )
    } else if (field.repeated && wire === expected) {
      push(slots, index, elementText(schema, field.type, cursor, depth))
    } else if (field.repeated && wire === 2) {
      const end = cursor.length()
      const packed = new WireCursor(bytes, cursor.at, end)
      while (!packed.done) {
        take(1)
        push(slots, index, elementText(schema, field.type, packed, depth))
      }
      cursor.at = end
    } else if (wire !== expected) {
      cursor.skip(wire)
    } else if (field.type.kind === 'message') {
      clearOneof(type, field, slots)
      const view = cursor.view()
      const before = slots[index]
      slots[index] = (before instanceof Merged ? before : new Merged()).add(view)
    } else {
      clearOneof(type, field, slots)
      slots[index] = elementText(schema, field.type, cursor, depth)
    }
  }
  return slots
}

/** The last member of a oneof on the wire is the one that is set. */
function clearOneof(type: MessageType, field: Field, slots: Slot[]): void {
  if (field.oneof === undefined) return
  take(slots.length)
  for (let index = 0; index < slots.length; index++) {
    const other = type.fields[index]!
    if (other !== field && other.oneof === field.oneof) slots[index] = undefined
  }
}

function push(slots: Slot[], index: number, item: string): void {
  const list = slots[index]
  if (Array.isArray(list)) list.push(item)
  else slots[index] = [item]
}

function readEntry(
  schema: Schema,
  type: Extract<FieldType, { kind: 'map' }>,
  bytes: Uint8Array,
  into: Map<string, string> | undefined,
  depth: number,
): Map<string, string> {
  const cursor = new WireCursor(bytes)
  let key: string | undefined
  let value: string | Merged | undefined
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === ((1 << 3) | wireTypeOf({ kind: 'scalar', scalar: type.key }))) key = scalarText(cursor, type.key)
    else if (tag !== ((2 << 3) | wireTypeOf(type.value))) cursor.skip(tag & 7)
    else if (type.value.kind === 'message') {
      value = (value instanceof Merged ? value : new Merged()).add(cursor.view())
    } else value = elementText(schema, type.value, cursor, depth)
  }
  const entries = into ?? new Map<string, string>()
  const keyText = key ?? defaultScalar(type.key)
  if (value === undefined && type.value.kind === 'message') value = new Merged()
  const valueText =
    value instanceof Merged && type.value.kind === 'message'
      ? messageText(schema, type.value.message, value.bytes, depth + 1)
      : ((value as string | undefined) ??
        (type.value.kind === 'enum'
          ? enumText(type.value.enum, 0)
          : defaultScalar((type.value as { scalar: ScalarType }).scalar)))
  entries.set(keyText.startsWith('"') ? keyText : `"${keyText}"`, valueText)
  return entries
}

function elementText(schema: Schema, type: FieldType, cursor: WireCursor, depth: number): string {
  if (type.kind === 'scalar') return scalarText(cursor, type.scalar)
  if (type.kind === 'enum') return enumText(type.enum, Number(BigInt.asIntN(32, cursor.varint64())))
  if (type.kind === 'message') return messageText(schema, type.message, cursor.view(), depth + 1)
  throw new WireError('a map as an element', cursor.at)
}

function enumText(type: { fullName: string; byNumber: ReadonlyMap<number, string> }, number: number): string {
  if (type.fullName === 'google.protobuf.NullValue') return 'null'
  const name = type.byNumber.get(number)
  if (name === undefined) return String(number)
  take(name.length)
  return `"${name}"`
}

function scalarText(cursor: WireCursor, type: ScalarType): string {
  switch (type) {
    case 'string':
      return JSON.stringify(cursor.string())
    case 'bytes':
      return `"${Buffer.from(cursor.view()).toString('base64')}"`
    case 'bool':
      return cursor.varint64() === 0n ? 'false' : 'true'
    case 'int32':
      return String(cursor.varint32() | 0)
    case 'uint32':
      return String(cursor.varint32())
    case 'sint32': {
      const value = cursor.varint32()
      return String((value >>> 1) ^ -(value & 1))
    }
    case 'fixed32':
      return String(cursor.fixed32())
    case 'sfixed32':
      return String(cursor.fixed32() | 0)
    case 'int64':
      return `"${BigInt.asIntN(64, cursor.varint64())}"`
    case 'uint64':
      return `"${cursor.varint64()}"`
    case 'sint64': {
      const value = cursor.varint64()
      return `"${BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))}"`
    }
    case 'fixed64':
      return `"${cursor.fixed64()}"`
    case 'sfixed64':
      return `"${BigInt.asIntN(64, cursor.fixed64())}"`
    case 'float':
      scratch.setUint32(0, cursor.fixed32())
      return floatText(scratch.getFloat32(0))
    case 'double':
      scratch.setBigUint64(0, cursor.fixed64())
      return realText(scratch.getFloat64(0))
  }
}

const scratch = new DataView(new ArrayBuffer(8))

export function realText(value: number): string {
  if (Number.isNaN(value)) return '"NaN"'
  if (value === Number.POSITIVE_INFINITY) return '"Infinity"'
  if (value === Number.NEGATIVE_INFINITY) return '"-Infinity"'
  return Object.is(value, -0) ? '-0' : String(value)
}

/** The shortest decimal that reads back as the same float. */
function floatText(value: number): string {
  if (!Number.isFinite(value) || value === 0) return realText(value)
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return realText(short)
  }
  return realText(Number(value.toPrecision(9)))
}
