// Values: fields of a message become values of SQLite: those of a row for its columns, those of a request for its parameters.
//
// V1. As protobuf says: the last scalar wins, of a oneof the last member, messages merge, packed and unpacked lists are both read. What is absent
//     is NULL where that can be told, and else its default.
// V2. No digit is lost: integers are bigints.
//
// Owns: reading.   columns.ts owns: what becomes of which type.   reply.ts owns: the way back.

import type { Field, MessageType, ScalarType, Schema } from '../schema/schema.ts'
import { WireCursor, WireError } from '../schema/wire.ts'
import { fieldToJson } from '../transcode/to-json.ts'
import { wireTypeOf } from '../transcode/to-message.ts'
import { secondsAndNanos } from '../transcode/well-known-to-json.ts'
import type { ColumnPlan } from './columns.ts'
import { elementKind, type Kind, kindOf, wrappedScalar } from './columns.ts'
import { durationNanos, timestampText } from './times.ts'

export type SqlValue = null | bigint | number | string | Uint8Array

/** What an unsigned number is kept less (columns.C1). */
export const unsignedOffset = 2n ** 63n

/** How lists are read: as canonical JSON (columns), or as a JSON array of what columns have (parameters), so that `json_each` gives values that
 *  compare with them. */
type Lists = 'canonical' | 'values'

/** Values of these fields, in their order. @throws WireError if the bytes are not that message, or say what no column holds */
export function readValues(
  schema: Schema,
  type: MessageType,
  fields: readonly Field[],
  bytes: Uint8Array,
  lists: Lists,
): SqlValue[] {
  const wanted = new Map(fields.map((field, at) => [field.number, at]))
  const slots: Slot[] = fields.map((field) => slotOf(field, lists))
  const cursor = new WireCursor(bytes)
  while (!cursor.done) {
    const start = cursor.at
    const tag = cursor.tag()
    const field = type.byNumber.get(tag >>> 3)
    const at = wanted.get(tag >>> 3)
    if (field?.oneof !== undefined && (tag & 7) === wireTypeOf(field.type))
      for (const [other, { oneof, number }] of fields.entries())
        if (oneof === field.oneof && number !== field.number) slots[other] = slotOf(fields[other]!, lists)
    if (field === undefined || at === undefined) cursor.skip(tag & 7)
    else slots[at]!.read(cursor, tag & 7, start)
  }
  return slots.map((slot) => slot.value(schema, type))
}

/** What was read of a field so far. */
interface Slot {
  /** The cursor stands behind the tag, which begins at `start`. */
  read(cursor: WireCursor, wire: number, start: number): void
  value(schema: Schema, type: MessageType): SqlValue
}

function slotOf(field: Field, lists: Lists): Slot {
  const kind = kindOf(field)
  if (kind !== 'json') return new Single(field, kind)
  return lists === 'values' && field.type.kind !== 'map' ? new List(field) : new Whole(field)
}

/** A field of one value. */
class Single implements Slot {
  private readonly field: Field
  private readonly kind: Kind
  private scalar: SqlValue | undefined
  private parts: Uint8Array[] | undefined

  constructor(field: Field, kind: Kind) {
    this.field = field
    this.kind = kind
  }

  read(cursor: WireCursor, wire: number): void {
    const { type } = this.field
    if (wire !== wireTypeOf(type)) cursor.skip(wire)
    else if (type.kind === 'message') (this.parts ??= []).push(cursor.view())
    else this.scalar = readElement(cursor, type, this.kind)
  }

  value(): SqlValue {
    const { type, presence } = this.field
    if (this.parts !== undefined && type.kind === 'message')
      return messageValue(type.message, this.kind, this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts))
    if (this.scalar !== undefined) return this.scalar
    return presence ? null : defaults[this.kind]
  }
}

/** A list as an array of values. */
class List implements Slot {
  private readonly field: Field
  private readonly items: string[] = []

  constructor(field: Field) {
    this.field = field
  }

  read(cursor: WireCursor, wire: number): void {
    const { type } = this.field
    if (wire === wireTypeOf(type)) this.item(cursor)
    else if (wire === 2) {
      const end = cursor.length()
      for (const packed = new WireCursor(cursor.bytes, cursor.at, end); !packed.done; ) this.item(packed)
      cursor.at = end
    } else cursor.skip(wire)
  }

  value(): SqlValue {
    return `[${this.items.join(',')}]`
  }

  private item(cursor: WireCursor): void {
    const { type } = this.field
    const kind = elementKind(type)
    const value =
      type.kind === 'message' ? messageValue(type.message, kind, cursor.view()) : readElement(cursor, type, kind)
    this.items.push(jsonOf(value))
  }
}

function jsonOf(value: SqlValue): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return String(value)
  if (value === null || Number.isNaN(value)) return 'null'
  if (typeof value !== 'number') return `"${Buffer.from(value).toString('base64')}"`
  // SQLite's JSON reads what is too large as infinite.
  return Number.isFinite(value) ? JSON.stringify(value) : value > 0 ? '9e999' : '-9e999'
}

/** A message, list or map as its JSON. */
class Whole implements Slot {
  private readonly field: Field
  private readonly parts: Uint8Array[] = []

  constructor(field: Field) {
    this.field = field
  }

  read(cursor: WireCursor, wire: number, start: number): void {
    cursor.skip(wire)
    this.parts.push(cursor.bytes.subarray(start, cursor.at))
  }

  value(schema: Schema, type: MessageType): SqlValue {
    if (this.parts.length === 0 && this.field.presence) return null
    const text = fieldToJson(schema, type, this.field, Buffer.concat(this.parts))
    // A value of another wire type was none.
    return text === 'null' && !isNullable(this.field) ? null : text
  }
}

/** `null` is a value of it. */
function isNullable({ type }: Field): boolean {
  return type.kind === 'message' && type.message.fullName === 'google.protobuf.Value'
}

const defaults: Readonly<Record<Kind, SqlValue>> = {
  integer: 0n,
  unsigned: -unsignedOffset,
  bool: 0n,
  enum: 0n,
  real: 0,
  text: '',
  bytes: new Uint8Array(),
  timestamp: null,
  duration: null,
  json: null,
}

function messageValue(message: MessageType, kind: Kind, bytes: Uint8Array): SqlValue {
  if (kind === 'timestamp') {
    const text = timestampText(secondsAndNanos(bytes))
    if (text === undefined) throw new WireError('a timestamp out of range', 0)
    return text
  }
  if (kind === 'duration') return durationNanos(secondsAndNanos(bytes))
  const scalar = wrappedScalar(message)!
  let value = defaults[kind]
  const cursor = new WireCursor(bytes)
  const type = { kind: 'scalar', scalar } as const
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === (8 | wireTypeOf(type))) value = readElement(cursor, type, kind)
    else cursor.skip(tag & 7)
  }
  return value
}

function readElement(cursor: WireCursor, type: Field['type'], kind: Kind): SqlValue {
  if (type.kind === 'enum') return BigInt.asIntN(32, cursor.varint64())
  if (type.kind !== 'scalar') throw new WireError('a message for a scalar', cursor.at)
  const value = readScalar(cursor, type.scalar)
  return kind === 'unsigned' && typeof value === 'bigint' ? value - unsignedOffset : value
}

const scratch = new DataView(new ArrayBuffer(8))

function readScalar(cursor: WireCursor, type: ScalarType): SqlValue {
  switch (type) {
    case 'string':
      return cursor.string()
    case 'bytes':
      return cursor.view()
    case 'bool':
      return cursor.varint64() === 0n ? 0n : 1n
    case 'int32':
      return BigInt(cursor.varint32() | 0)
    case 'uint32':
      return BigInt(cursor.varint32())
    case 'sint32': {
      const value = cursor.varint32()
      return BigInt((value >>> 1) ^ -(value & 1))
    }
    case 'fixed32':
      return BigInt(cursor.fixed32())
    case 'sfixed32':
      return BigInt(cursor.fixed32() | 0)
    case 'int64':
      return BigInt.asIntN(64, cursor.varint64())
    case 'uint64':
      return cursor.varint64()
    case 'sint64': {
      const value = cursor.varint64()
      return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    case 'fixed64':
      return cursor.fixed64()
    case 'sfixed64':
      return BigInt.asIntN(64, cursor.fixed64())
    case 'float':
      scratch.setUint32(0, cursor.fixed32())
      return scratch.getFloat32(0)
    case 'double':
      scratch.setBigUint64(0, cursor.fixed64())
      return scratch.getFloat64(0)
  }
}

/** By what projections know a row: the text of its key column. @throws WireError if the message is no row */
export function keyOfRow(schema: Schema, type: MessageType, key: ColumnPlan, message: Uint8Array): string {
  const [value] = readValues(schema, type, [type.byNumber.get(key.field)!], message, 'canonical')
  return keyText(key, value!)
}

export function keyText({ kind }: Pick<ColumnPlan, 'kind'>, value: SqlValue): string {
  return kind === 'unsigned' ? String((value as bigint) + unsignedOffset) : String(value)
}
