// Foreign JSON: JSON as the services of others write and read it, which is not always the canonical one of protobuf.
//
// F1. What is sent leaves out fields that have their default and no presence, as all others do; 64-bit integers are numbers up to 2^53, where a number
//     is exact, else text.
// F2. What comes is read as far as it is understood: unknown fields and unknown names of enums are left out, `null` is "not given", also in lists and
//     maps; of several members of a oneof the first that is given counts.
//     What it costs is what is given, and not what a message might have: a provider may send very many that are empty.
// F3. Nothing else is lost: what is no value of its field is refused by to-message.ts, with its place.
//
// Leaves to others: text (json.ts), bytes (to-json.ts, to-message.ts), the way of a request (outward.ts).

import type { Field, FieldType, MessageType, Schema } from '../schema/schema.ts'
import { ExactNumber, isObject, type Json, parseJson } from './json.ts'
import { toJson } from './to-json.ts'
import { fieldsFor } from './to-message.ts'
import { wellKnownToMessage } from './well-known-to-message.ts'

/** More than any request has that is meant well (to-json.O5): it is made on the loop that serves. */
const stepsMax = 1024 * 1024

/** A message's own JSON, all defaults included. @throws WireError if the bytes are not that message */
export function fullJson(schema: Schema, type: MessageType, bytes: Uint8Array): Json {
  return parseJson(toJson(schema, type, bytes, stepsMax))
}

/** What is sent of it (F1). */
export function sentJson(type: MessageType, full: Json): Json {
  if (is64BitWrapper(type)) return asNumber(full)
  if (wellKnownToMessage(type.fullName) !== undefined || !isObject(full)) return withZeros(full)
  const sent = object()
  for (const field of type.fields) {
    if (!Object.hasOwn(full, field.jsonName)) continue
    const value = sentField(field, full[field.jsonName]!)
    if (field.presence || !isDefaultJson(field, value)) sent[field.jsonName] = value
  }
  return sent
}

function sentField({ type, repeated }: Field, value: Json): Json {
  if (type.kind === 'map') {
    const sent = object()
    if (isObject(value)) for (const key of Object.keys(value)) sent[key] = sentValue(type.value, value[key]!)
    return sent
  }
  if (repeated && Array.isArray(value)) return value.map((item) => sentValue(type, item))
  return sentValue(type, value)
}

function sentValue(type: FieldType, value: Json): Json {
  if (type.kind === 'message') return sentJson(type.message, value)
  if (typeof value === 'number') return withZeros(value)
  return type.kind === 'scalar' && type.scalar.endsWith('64') ? asNumber(value) : value
}

/** `JSON.stringify` writes 0 for -0. */
function withZeros(json: Json): Json {
  if (Object.is(json, -0)) return new ExactNumber('-0')
  if (Array.isArray(json)) return json.map(withZeros)
  if (!isObject(json)) return json
  const result = object()
  for (const key of Object.keys(json)) result[key] = withZeros(json[key]!)
  return result
}

function asNumber(value: Json): Json {
  if (typeof value !== 'string' || !/^-?\d+$/.test(value)) return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function isDefaultJson({ type, repeated }: Field, value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (type.kind === 'map') return isObject(value) && Object.keys(value).length === 0
  if (repeated || type.kind === 'message') return false
  if (type.kind === 'enum') return value === (type.enum.byNumber.get(0) ?? 0) || value === 0
  return value === '' || value === false || value === 0
}

function is64BitWrapper({ fullName }: MessageType): boolean {
  return fullName === 'google.protobuf.Int64Value' || fullName === 'google.protobuf.UInt64Value'
}

/** What is understood of it (F2), for `toMessage`. */
export function understood(type: MessageType, json: Json): Json {
  if (wellKnownToMessage(type.fullName) !== undefined || !isObject(json)) return json
  let read: { [name: string]: Json } | undefined
  let oneofs: Set<string> | undefined
  for (const field of fieldsFor(type, json)) {
    const given = givenOf(field, json)
    if (given === undefined) continue
    const value = given === null ? nullOf(field) : understoodField(field, given)
    if (value === undefined) continue
    if (field.oneof !== undefined) {
      oneofs ??= new Set()
      if (oneofs.has(field.oneof)) continue
      oneofs.add(field.oneof)
    }
    read ??= object()
    read[field.jsonName] = value
  }
  return read ?? nothing
}

/** Of what nothing is understood: there may be very many. */
const nothing: { [name: string]: Json } = Object.freeze(object())

/** Under either name; `null` only where neither has more. */
function givenOf({ jsonName, name }: Field, json: { [name: string]: Json }): Json | undefined {
  const value = Object.hasOwn(json, jsonName) ? json[jsonName]! : undefined
  if ((value !== undefined && value !== null) || name === jsonName || !Object.hasOwn(json, name)) return value
  return json[name]!
}

/** For these `null` is a value. */
function nullOf(field: Field): Json | undefined {
  return !field.repeated && takesNull(field.type) ? null : undefined
}

function takesNull(type: FieldType): boolean {
  if (type.kind === 'message') return type.message.fullName === 'google.protobuf.Value'
  return type.kind === 'enum' && type.enum.fullName === 'google.protobuf.NullValue'
}

function understoodField({ type, repeated }: Field, value: Json): Json | undefined {
  if (type.kind === 'map') {
    if (!isObject(value)) return value
    const read = object()
    for (const key of Object.keys(value)) {
      const item = understoodValue(type.value, value[key]!)
      if (item !== undefined) read[key] = item
    }
    return read
  }
  if (!repeated || !Array.isArray(value)) return understoodValue(type, value)
  const read: Json[] = []
  for (const item of value) {
    const one = understoodValue(type, item)
    if (one !== undefined) read.push(one)
  }
  return read
}

function understoodValue(type: FieldType, value: Json): Json | undefined {
  if (value === null) return takesNull(type) ? null : undefined
  if (type.kind === 'message') return understood(type.message, value)
  if (type.kind !== 'enum' || typeof value !== 'string') return value
  return type.enum.byName.has(value) || /^-?\d{1,10}$/.test(value) ? value : undefined
}

/** Takes any name, `__proto__` too. */
function object(): { [name: string]: Json } {
  return Object.create(null) as { [name: string]: Json }
}
