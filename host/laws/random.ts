// Random: what the laws are tried on: commands of a service's methods, the same again for the same seed.
//
// R1. Messages of the method's type with small values, so that commands meet. All name the same entity, as a host asks of each request for one.

import type { GuestCommand } from '../guest/guest.ts'
import type { FieldType, MessageType, MethodType, Schema } from '../schema/schema.ts'
import type { Json } from '../transcode/json.ts'
import { toMessage } from '../transcode/to-message.ts'

/** From 0 to 1, without 1. */
export type Random = () => number

export interface Input {
  readonly schema: Schema
  readonly random: Random
}

/** A command for one of these methods. */
export function randomCommand(methods: readonly MethodType[], { schema, random }: Input, round: number): GuestCommand {
  const method = oneOf(methods, random)
  const payload = randomPayload(method, { schema, random })
  return { method: method.name, payload, metadata: [], nowMs: timeOf(round), seed: randomSeed(random) }
}

export function randomBatch(methods: readonly MethodType[], input: Input, round: number): readonly GuestCommand[] {
  return Array.from({ length: 1 + below(8, input.random) }, () => randomCommand(methods, input, round))
}

export function randomPayload({ input }: MethodType, { schema, random }: Input): Uint8Array {
  return toMessage(schema, input, randomMessage(input, random, 3))
}

/** Bytes of any message of a type. */
export function randomBytesOf(type: MessageType, { schema, random }: Input): Uint8Array {
  return toMessage(schema, type, randomMessage(type, random, 3))
}

export function randomSeed(random: Random): Uint8Array {
  return Uint8Array.from({ length: 16 }, () => below(256, random))
}

/** Whole milliseconds; later in every round. */
export function timeOf(round: number): number {
  return 1_700_000_000_000 + round
}

export function below(count: number, random: Random): number {
  return Math.floor(random() * count)
}

export function oneOf<T>(items: readonly T[], random: Random): T {
  return items[below(items.length, random)]!
}

function randomMessage(type: MessageType, random: Random, depth: number): Json {
  if (type.fullName.startsWith('google.protobuf.')) return type.fields.length === 0 ? {} : wellKnown(type.fullName)
  if (depth < 0) return {}
  const json: { [name: string]: Json } = {}
  const taken = new Set<string>()
  for (const field of type.fields) {
    if ((random() < 0.2 && !field.entityKey) || (field.oneof !== undefined && taken.has(field.oneof))) continue
    if (field.oneof !== undefined) taken.add(field.oneof)
    if (field.type.kind === 'map') json[field.jsonName] = {}
    else if (field.repeated)
      json[field.jsonName] = Array.from({ length: Math.floor(random() * 3) }, () =>
        randomValue(field.type, random, depth),
      )
    else json[field.jsonName] = field.entityKey ? entityKeyValue(field.type) : randomValue(field.type, random, depth)
  }
  return json
}

/** All commands of a batch are for one entity. */
function entityKeyValue(type: FieldType): Json {
  if (type.kind === 'enum') return [...type.enum.byNumber.keys()].at(-1)!
  if (type.kind !== 'scalar') return 1
  if (type.scalar === 'bytes') return someBytes
  return type.scalar === 'string' ? 'law' : type.scalar === 'bool' ? true : 1
}

/** In base64. */
const someBytes = 'bGF3'

function wellKnown(name: string): Json {
  if (name === 'google.protobuf.Timestamp') return '2030-01-01T00:00:00Z'
  if (name === 'google.protobuf.Duration') return '1.5s'
  if (name === 'google.protobuf.FieldMask') return 'a,b'
  if (name === 'google.protobuf.ListValue') return []
  if (name === 'google.protobuf.StringValue') return 'text'
  if (name === 'google.protobuf.BytesValue') return someBytes
  if (name === 'google.protobuf.BoolValue') return true
  return /Value$/.test(name) && name !== 'google.protobuf.Value' ? 1 : {}
}

function randomValue(type: FieldType, random: Random, depth: number): Json {
  if (type.kind === 'message') return randomMessage(type.message, random, depth - 1)
  if (type.kind === 'enum') {
    const numbers = [...type.enum.byNumber.keys()]
    return numbers[Math.floor(random() * numbers.length)]!
  }
  if (type.kind === 'map') return {}
  const small = Math.floor(random() * 10)
  switch (type.scalar) {
    case 'string':
      return ['', 'a', 'b', 'c', 'gr\u00fc\u00df', '\u{1f600}'][small % 6]!
    case 'bytes':
      return Buffer.from([small]).toString('base64')
    case 'bool':
      return random() < 0.5
    case 'float':
    case 'double':
      return small / 4
    case 'uint32':
    case 'uint64':
    case 'fixed32':
    case 'fixed64':
      return small
    default:
      return small - 2
  }
}

/** A small generator with a seed: the same commands again for the same seed. */
export function mulberry(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
