// Entity key: which entity a command is for, read straight from the request's bytes.
//
// K1. Marked fields in declaration order, joined by key.ts.
// K2. An unset field counts as its type's default. Text and bytes that are empty are a request that forgot its key, and a bad one,
//     unless the field allows it. A number's 0 is a key: proto3 does not tell it from a missing one.
// K3. The last of repeated occurrences wins, as protobuf says.
//
// Owns: reading keys.   Deploy owns: refusing methods without one.   The journal owns: what a key looks like on disk.

import { InnkeeperError } from '../errors.ts'
import { joinKey } from '../key.ts'
import type { Field, MessageType, ScalarType } from './schema.ts'
import { WireCursor, WireError, wireTypeOfScalar } from './wire.ts'

export { entityId } from '../key.ts'

/** Field types that can be part of a key. */
export function isKeyField(field: Field): boolean {
  return !field.repeated && (field.type.kind === 'scalar' || field.type.kind === 'enum')
}

export function keyFields(message: MessageType): readonly Field[] {
  return message.fields.filter((field) => field.entityKey)
}

/** Field types that can be empty, and not only zero. */
export function canBeEmpty({ type }: Field): boolean {
  return type.kind === 'scalar' && (type.scalar === 'string' || type.scalar === 'bytes')
}

/** The reader for the requests of one method, made once at deployment. `method`: as callers are told of it. */
export function keyReader(message: MessageType, method: string, keyBytesMax: number): (payload: Uint8Array) => string {
  const fields = keyFields(message)
  const places = new Map(fields.map((field, place) => [field.number, place]))
  const types = fields.map((field) => (field.type.kind === 'scalar' ? field.type.scalar : 'int32'))
  const defaults = types.map(defaultText)
  const filled = fields.flatMap((field, place) => (canBeEmpty(field) && !field.allowEmptyKey ? [place] : []))
  return (payload) => {
    const values = defaults.slice()
    try {
      const cursor = new WireCursor(payload)
      while (!cursor.done) {
        const tag = cursor.tag()
        const place = places.get(tag >>> 3)
        if (place !== undefined && (tag & 7) === wireTypeOfScalar(types[place]!))
          values[place] = readText(cursor, types[place]!)
        else cursor.skip(tag & 7)
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      throw new InnkeeperError('bad_request', `the request is not a ${message.fullName}: ${error.message}`)
    }
    for (const place of filled) {
      if (values[place] === '') throw emptyKey(method, fields[place]!)
    }
    const key = joinKey(values)
    // A character has at most three bytes of UTF-8 (a surrogate pair four for two), so most keys need no count.
    if (key.length * 3 > keyBytesMax && Buffer.byteLength(key) > keyBytesMax) {
      throw new InnkeeperError('bad_request', `the entity key is longer than ${keyBytesMax} bytes; shorten it`)
    }
    return key
  }
}

function emptyKey(method: string, { name }: Field): InnkeeperError {
  return new InnkeeperError(
    'bad_request',
    `${method}: the field ${name} names the entity and is empty; set it in the request`,
  )
}

function defaultText(type: ScalarType): string {
  return type === 'string' || type === 'bytes' ? '' : type === 'bool' ? 'false' : '0'
}

/** Numbers in decimal, bool as true and false, bytes in base64: only strings are portable (§key-2). */
function readText(cursor: WireCursor, type: ScalarType): string {
  switch (type) {
    case 'string':
      return cursor.string()
    case 'bytes':
      return Buffer.from(cursor.view()).toString('base64')
    case 'bool':
      return String(cursor.varint64() !== 0n)
    case 'int32':
      return String(cursor.varint32() | 0)
    case 'uint32':
      return String(cursor.varint32())
    case 'sint32': {
      const value = cursor.varint32()
      return String((value >>> 1) ^ -(value & 1))
    }
    case 'int64':
      return String(BigInt.asIntN(64, cursor.varint64()))
    case 'uint64':
      return String(cursor.varint64())
    case 'sint64': {
      const value = cursor.varint64()
      return String(BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n)))
    }
    case 'fixed32':
      return String(cursor.fixed32())
    case 'sfixed32':
      return String(cursor.fixed32() | 0)
    case 'fixed64':
      return String(cursor.fixed64())
    case 'sfixed64':
      return String(BigInt.asIntN(64, cursor.fixed64()))
    case 'float':
      return String(new DataView(new Uint32Array([cursor.fixed32()]).buffer).getFloat32(0, true))
    case 'double':
      return String(new DataView(new BigUint64Array([cursor.fixed64()]).buffer).getFloat64(0, true))
  }
}
