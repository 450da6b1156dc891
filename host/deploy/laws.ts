// Laws: does a component keep L1, L2, L4 and L6 (guest contract)? Tried on random commands, without a host.
//
// W1. Deciding a batch = deciding one by one; the state left = the fold of the events; a warm and a fresh instance answer with
//     the same bytes. The first difference is named with its command and the seed that makes it come again.
// W2. Random commands are mostly well-formed messages of the method's type, over few keys and small values, so that they meet.

import type { Basis, Decided, EventSourcedGuest, GuestCommand } from '../guest/guest.ts'
import { GuestFault } from '../guest/guest.ts'
import type { Typed } from '../outcome.ts'
import type { FieldType, MessageType, Schema, ServiceType } from '../schema/schema.ts'
import type { Json } from '../transcode/to-message.ts'
import { toMessage } from '../transcode/to-message.ts'

export interface LawReport {
  readonly commands: number
  /** Sentences; empty if the laws held. */
  readonly broken: readonly string[]
}

type Random = () => number

/** Try a service. `fresh` makes a guest with an instance of its own. */
export function checkLaws(
  service: ServiceType,
  schema: Schema,
  fresh: () => EventSourcedGuest,
  seed: number,
  rounds = 50,
): LawReport {
  const random = mulberry(seed)
  const warm = fresh()
  let commands = 0
  for (let round = 0; round < rounds; round++) {
    const batch = Array.from({ length: 1 + Math.floor(random() * 8) }, () =>
      randomCommand(service, schema, random, round),
    )
    commands += batch.length
    const broken = tryBatch(service.fullName, batch, warm, fresh())
    if (broken !== undefined)
      return { commands, broken: [`${service.fullName}: ${broken} (seed ${seed}, round ${round + 1})`] }
  }
  return { commands, broken: [] }
}

function tryBatch(
  service: string,
  batch: readonly GuestCommand[],
  warm: EventSourcedGuest,
  cold: EventSourcedGuest,
): string | undefined {
  let together: Extract<Decided, { kind: 'decided' }>
  try {
    together = decide(warm, service, { kind: 'initial' }, batch)
  } catch (error) {
    if (error instanceof GuestFault) return `a fault (${error.reason}: ${error.message}) on ${describe(batch)}`
    throw error
  }
  const again = decide(cold, service, { kind: 'initial' }, batch)
  if (shown(together) !== shown(again))
    return `L4, L6: a warm and a fresh instance answer differently to ${describe(batch)}`
  let basis: Basis = { kind: 'initial' }
  const events: Typed[] = []
  for (const [index, command] of batch.entries()) {
    const alone = decide(cold, service, basis, [command])
    if (shownDecision(alone, 0) !== shownDecision(together, index)) {
      return `L1: ${command.method} is decided differently in a batch and alone, as number ${index + 1} of ${describe(batch)}`
    }
    events.push(...alone.decisions[0]!.events)
    basis = nextBasis(alone.next, basis)
  }
  const folded = events.length === 0 ? undefined : cold.evolve(service, 'law', { kind: 'initial' }, events, true)
  const left = stateOf(together.next)
  const state = folded === undefined || folded.kind === 'unknown' ? undefined : folded.bytes
  if (left !== undefined && state !== undefined && !Buffer.from(left).equals(state)) {
    return `L2: the state left by ${describe(batch)} is not the fold of its events`
  }
  return undefined
}

function decide(
  guest: EventSourcedGuest,
  service: string,
  basis: Basis,
  commands: readonly GuestCommand[],
): Extract<Decided, { kind: 'decided' }> {
  const decided = guest.decide(service, 'law', basis, commands, true)
  if (decided.kind === 'unknown')
    throw new GuestFault('malformed', 'it says that it does not hold a state that it was given')
  return decided
}

function stateOf(next: Extract<Decided, { kind: 'decided' }>['next']): Uint8Array | undefined {
  return next.kind === 'unchanged' ? undefined : next.bytes
}

function nextBasis(next: Extract<Decided, { kind: 'decided' }>['next'], before: Basis): Basis {
  const bytes = stateOf(next)
  return bytes === undefined ? before : { kind: 'state', bytes }
}

function shown(decided: Extract<Decided, { kind: 'decided' }>): string {
  const state = stateOf(decided.next)
  return JSON.stringify([decided.decisions, state === undefined ? null : [...state]], plain)
}

function shownDecision(decided: Extract<Decided, { kind: 'decided' }>, index: number): string {
  return JSON.stringify(decided.decisions[index], plain)
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}

function describe(batch: readonly GuestCommand[]): string {
  return batch.map((command) => `${command.method} ${Buffer.from(command.payload).toString('hex')}`).join(', ')
}

function randomCommand(service: ServiceType, schema: Schema, random: Random, round: number): GuestCommand {
  const methods = [...service.methods.values()]
  const method = methods[Math.floor(random() * methods.length)]!
  const payload = toMessage(schema, method.input, randomMessage(method.input, random, 3))
  const seed = Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256))
  return { method: method.name, payload, metadata: [], nowMs: 1_700_000_000_000 + round, seed }
}

function randomMessage(type: MessageType, random: Random, depth: number): Json {
  if (type.fullName.startsWith('google.protobuf.')) return type.fields.length === 0 ? {} : wellKnown(type.fullName)
  const json: { [name: string]: Json } = {}
  const taken = new Set<string>()
  for (const field of type.fields) {
    if (random() < 0.2 || (field.oneof !== undefined && taken.has(field.oneof))) continue
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
  return type.kind === 'scalar' && type.scalar === 'string'
    ? 'law'
    : type.kind === 'scalar' && type.scalar === 'bool'
      ? true
      : 1
}

function wellKnown(name: string): Json {
  if (name === 'google.protobuf.Timestamp') return '2030-01-01T00:00:00Z'
  if (name === 'google.protobuf.Duration') return '1.5s'
  if (name === 'google.protobuf.FieldMask') return 'a,b'
  if (name === 'google.protobuf.ListValue') return []
  if (name === 'google.protobuf.StringValue') return 'text'
  if (name === 'google.protobuf.BoolValue') return true
  return /Value$/.test(name) && name !== 'google.protobuf.Value' ? 1 : {}
}

function randomValue(type: FieldType, random: Random, depth: number): Json {
  if (type.kind === 'message') return depth === 0 ? {} : randomMessage(type.message, random, depth - 1)
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
function mulberry(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
