// Record: the values of the store as bytes, and back. record.proto is their schema.
//
// R1. Every value has a version and a checksum; what fails either, or does not parse, throws DamagedValue.
// R2. What is written reads back equal, but for R3; fields that this version does not know are skipped.
// R3. Metadata under a name that is never stored is left out, whoever said it and wherever it stands: of commands, of answers, of calls.
//
// By hand: a record is written for each command, and replay reads only its events.

import { crc32 } from 'node:zlib'
import type { Asked, Cause, EffectEntry, Outward } from '../effect.ts'
import type { Metadata, MetadataEntry } from '../metadata.ts'
import { noMetadata } from '../metadata.ts'
import type { AnswerTo, Call, Change, Due, Effect, Failure, Resolution, Typed } from '../outcome.ts'
import { WireCursor, WireError } from '../schema/wire.ts'
import { DamagedValue } from '../storage/damage.ts'
import { Sink } from '../transcode/sink.ts'
import type {
  Base,
  CommitRecord,
  EntityRef,
  Gone,
  IdempotencyEntry,
  JournalRecord,
  Origin,
  RecordedCommand,
  Snapshot,
  StoredAnswer,
  StoredSubscription,
  Wrote,
} from './journal.ts'

const version = 1
const headBytes = 5

export function frame(body: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(headBytes + body.length)
  framed[0] = version
  framed.writeUInt32LE(crc32(body), 1)
  framed.set(body, headBytes)
  return framed
}

/** @throws DamagedValue */
export function unframe(framed: Buffer): Buffer {
  if (framed.length < headBytes) throw new DamagedValue('a value of less than 5 bytes')
  if (framed[0] !== version)
    throw new DamagedValue(`a value of version ${framed[0]}; this host reads version ${version}`)
  const body = framed.subarray(headBytes)
  if (crc32(body) !== framed.readUInt32LE(1)) throw new DamagedValue('a value whose checksum is wrong')
  return body
}

/** One buffer for all records: nothing here waits between `reset` and `finish`. */
const sink = new Sink()

function write(fill: () => void): Buffer {
  sink.reset()
  fill()
  return frame(sink.finish())
}

function read<T>(framed: Buffer, parse: (cursor: WireCursor) => T): T {
  try {
    return parse(new WireCursor(unframe(framed)))
  } catch (error) {
    if (error instanceof WireError) throw new DamagedValue(error.message)
    throw error
  }
}

function text(field: number, value: string): void {
  if (value === '') return
  sink.varint((field << 3) | 2)
  sink.string(value)
}

function bytes(field: number, value: Uint8Array): void {
  sink.varint((field << 3) | 2)
  sink.view(value)
}

function number(field: number, value: number): void {
  if (value === 0) return
  sink.varint(field << 3)
  sink.varintSafe(value)
}

function part(field: number, fill: () => void): void {
  sink.varint((field << 3) | 2)
  const start = sink.open()
  fill()
  sink.close(start)
}

/** Names of metadata that is never stored, in lower case (metadata.M1). */
export type NeverStored = ReadonlySet<string>

function writeMetadata(field: number, metadata: Metadata, never: NeverStored): void {
  for (const [name, value] of metadata) {
    if (never.has(name)) continue
    part(field, () => {
      text(1, name)
      if (typeof value !== 'string') bytes(3, value)
      else {
        sink.varint(18)
        sink.string(value)
      }
    })
  }
}

function writeTyped(field: number, { typeName, data }: Typed): void {
  sink.varint((field << 3) | 2)
  const start = sink.open()
  text(1, typeName)
  bytes(2, data)
  sink.close(start)
}

function writeCall(field: number, { service, method, payload, metadata }: Call, never: NeverStored): void {
  part(field, () => {
    text(1, service)
    text(2, method)
    bytes(3, payload)
    writeMetadata(4, metadata, never)
  })
}

export function encodeRecord(record: JournalRecord, never: NeverStored): Buffer {
  const { sequence, deployment, command, events, effects, answer, answerMetadata, change, origin } = record
  sink.reset()
  number(1, sequence)
  number(2, deployment)
  sink.varint(26)
  const start = sink.open()
  text(1, command.method)
  bytes(2, command.payload)
  writeMetadata(3, command.metadata, never)
  number(4, command.nowMs)
  bytes(5, command.seed)
  if (command.idempotencyKey !== undefined) {
    sink.varint(50)
    sink.string(command.idempotencyKey)
  }
  if (command.cause !== undefined) writeCause(7, command.cause)
  sink.close(start)
  for (const event of events) writeTyped(4, event)
  for (const effect of effects) writeEffect(5, effect, never)
  part(6, () => {
    if (answer.kind === 'message') bytes(1, answer.payload)
    else if (answer.kind === 'forward') writeCall(2, answer.call, never)
    else if (answer.kind === 'none') number(3, 1)
    else {
      const { ticket, withinS } = answer.deferred
      part(4, () => {
        text(1, ticket)
        number(2, withinS ?? 0)
      })
    }
  })
  writeMetadata(7, answerMetadata, never)
  if (change !== undefined) writeChange(8, change)
  number(9, origins.indexOf(origin))
  for (const name of record.cancels ?? []) {
    sink.varint(82)
    sink.string(name)
  }
  for (const resolution of record.resolves ?? []) writeResolution(11, resolution, never)
  return frame(sink.finish())
}

/** By their number on disk, less one. */
const dues: readonly Due['kind'][] = ['after', 'at']

function writeEffect(field: number, effect: Effect, never: NeverStored): void {
  const { call, synchronous, due, name, answer, withinMs } = effect
  part(field, () => {
    writeCall(1, call, never)
    number(2, synchronous ? 1 : 0)
    if (due !== undefined) {
      number(3, dues.indexOf(due.kind) + 1)
      number(4, due.ms)
    }
    if (name !== undefined) text(5, name)
    if (answer !== undefined) writeAnswerTo(6, answer)
    if (withinMs !== undefined) number(7, withinMs)
  })
}

function writeAnswerTo(field: number, { method, note }: AnswerTo, hops = 0): void {
  part(field, () => {
    text(1, method)
    bytes(2, note)
    number(3, hops)
  })
}

function writeResolution(field: number, { ticket, method, answer, metadata }: Resolution, never: NeverStored): void {
  part(field, () => {
    text(1, ticket)
    text(2, method)
    if (answer.kind === 'message') bytes(3, answer.payload)
    else part(4, () => writeFailure(answer.failure))
    writeMetadata(5, metadata, never)
  })
}

function readResolution(cursor: WireCursor): Resolution {
  const resolution = { ticket: '', method: '' }
  const metadata: MetadataEntry[] = []
  let answer: Resolution['answer'] = { kind: 'message', payload: new Uint8Array() }
  fields(cursor, (tag) => {
    if (tag === 10) resolution.ticket = cursor.string()
    else if (tag === 18) resolution.method = cursor.string()
    else if (tag === 26) answer = { kind: 'message', payload: cursor.view() }
    else if (tag === 34) answer = { kind: 'failure', failure: readFailure(inner(cursor)) }
    else if (tag === 42) metadata.push(readMetadata(inner(cursor)))
    else return false
    return true
  })
  return { ...resolution, answer, metadata }
}

function writeCause(field: number, { service, entity, revision }: Cause): void {
  part(field, () => {
    text(1, service)
    text(2, entity)
    number(3, revision)
  })
}

function readCause(cursor: WireCursor): Cause {
  const cause = { service: '', entity: '', revision: 0 }
  fields(cursor, (tag) => {
    if (tag === 10) cause.service = cursor.string()
    else if (tag === 18) cause.entity = cursor.string()
    else if (tag === 24) cause.revision = cursor.varintSafe()
    else return false
    return true
  })
  return cause
}

/** By their number on disk. */
const origins: readonly Origin[] = ['command', 'cancelled', 'changed', 'peer']

function writeChange(field: number, change: Change): void {
  part(field, () => {
    if (change.kind === 'updated') bytes(1, change.value)
    else if (change.kind === 'deleted') number(2, 1)
    else bytes(3, change.delta)
  })
}

function readChange(cursor: WireCursor): Change | undefined {
  let change: Change | undefined
  fields(cursor, (tag) => {
    if (tag === 10) change = { kind: 'updated', value: cursor.view() }
    else if (tag === 16) change = cursor.varint32() === 1 ? { kind: 'deleted' } : undefined
    else if (tag === 26) change = { kind: 'delta', delta: cursor.view() }
    else return false
    return true
  })
  return change
}

export function encodeBase({ revision, deployment, nowMs, state }: Base): Buffer {
  return write(() => {
    number(1, revision)
    number(2, deployment)
    number(3, nowMs)
    if (state !== undefined) bytes(4, state)
  })
}

/** @throws DamagedValue */
export function decodeBase(framed: Buffer): Base {
  return read(framed, (cursor) => {
    const base = { revision: 0, deployment: 0, nowMs: 0, state: undefined as Uint8Array | undefined }
    fields(cursor, (tag) => {
      if (tag === 8) base.revision = cursor.varintSafe()
      else if (tag === 16) base.deployment = cursor.varintSafe()
      else if (tag === 24) base.nowMs = cursor.varintSafe()
      else if (tag === 34) base.state = cursor.view()
      else return false
      return true
    })
    return base
  })
}

export function encodeSubscription({ method, payload, note }: StoredSubscription): Buffer {
  return write(() => {
    text(1, method)
    bytes(2, payload)
    bytes(3, note)
  })
}

/** @throws DamagedValue */
export function decodeSubscription(id: string, framed: Buffer): StoredSubscription {
  return read(framed, (cursor) => {
    const empty: Uint8Array = new Uint8Array()
    const subscription = { id, method: '', payload: empty, note: empty }
    fields(cursor, (tag) => {
      if (tag === 10) subscription.method = cursor.string()
      else if (tag === 18) subscription.payload = cursor.view()
      else if (tag === 26) subscription.note = cursor.view()
      else return false
      return true
    })
    return subscription
  })
}

/** Fields of one message, unknown ones skipped. `on` reads a field that it knows and says so. */
function fields(cursor: WireCursor, on: (tag: number) => boolean): void {
  while (!cursor.done) {
    const tag = cursor.tag()
    if (!on(tag)) cursor.skip(tag & 7)
  }
}

/** A cursor over the embedded message that starts here; the outer one moves past it. */
function inner(cursor: WireCursor): WireCursor {
  const end = cursor.length()
  const result = new WireCursor(cursor.bytes, cursor.at, end)
  cursor.at = end
  return result
}

function readMetadata(cursor: WireCursor): MetadataEntry {
  let name = ''
  let value: string | Uint8Array = ''
  fields(cursor, (tag) => {
    if (tag === 10) name = cursor.string()
    else if (tag === 18) value = cursor.string()
    else if (tag === 26) value = cursor.view()
    else return false
    return true
  })
  return [name, value]
}

function readTyped(cursor: WireCursor): Typed {
  let typeName = ''
  let data: Uint8Array = new Uint8Array()
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) typeName = cursor.string()
    else if (tag === 18) data = cursor.view()
    else cursor.skip(tag & 7)
  }
  return { typeName, data }
}

function readCall(cursor: WireCursor): Call {
  const call = { service: '', method: '', payload: new Uint8Array() as Uint8Array }
  const metadata: MetadataEntry[] = []
  fields(cursor, (tag) => {
    if (tag === 10) call.service = cursor.string()
    else if (tag === 18) call.method = cursor.string()
    else if (tag === 26) call.payload = cursor.view()
    else if (tag === 34) metadata.push(readMetadata(inner(cursor)))
    else return false
    return true
  })
  return { ...call, metadata }
}

function readCommand(cursor: WireCursor): RecordedCommand {
  const metadata: MetadataEntry[] = []
  const empty: Uint8Array = new Uint8Array()
  const command = { method: '', payload: empty, nowMs: 0, seed: empty, idempotencyKey: undefined as string | undefined }
  let cause: Cause | undefined
  fields(cursor, (tag) => {
    if (tag === 10) command.method = cursor.string()
    else if (tag === 18) command.payload = cursor.view()
    else if (tag === 26) metadata.push(readMetadata(inner(cursor)))
    else if (tag === 32) command.nowMs = cursor.varintSafe()
    else if (tag === 42) command.seed = cursor.view()
    else if (tag === 50) command.idempotencyKey = cursor.string()
    else if (tag === 58) cause = readCause(inner(cursor))
    else return false
    return true
  })
  const recorded = { ...command, metadata: metadata.length === 0 ? noMetadata : metadata }
  return cause === undefined ? recorded : { ...recorded, cause }
}

function readAnswer(cursor: WireCursor): JournalRecord['answer'] {
  let answer: JournalRecord['answer'] = { kind: 'none' }
  fields(cursor, (tag) => {
    if (tag === 10) answer = { kind: 'message', payload: cursor.view() }
    else if (tag === 18) answer = { kind: 'forward', call: readCall(inner(cursor)) }
    else if (tag === 34) answer = readDeferred(inner(cursor))
    else return false
    return true
  })
  return answer
}

function readDeferred(cursor: WireCursor): JournalRecord['answer'] {
  const deferred = { ticket: '', withinS: undefined as number | undefined }
  fields(cursor, (tag) => {
    if (tag === 10) deferred.ticket = cursor.string()
    else if (tag === 16) deferred.withinS = cursor.varint32()
    else return false
    return true
  })
  return { kind: 'later', deferred }
}

/** @throws DamagedValue */
export function decodeRecord(revision: number, framed: Buffer): JournalRecord {
  return read(framed, (cursor) => {
    const events: Typed[] = []
    const effects: Effect[] = []
    const answerMetadata: MetadataEntry[] = []
    const cancels: string[] = []
    const resolves: Resolution[] = []
    let sequence = 0
    let deployment = 0
    let command: RecordedCommand | undefined
    let answer: JournalRecord['answer'] = { kind: 'none' }
    let change: Change | undefined
    let origin: Origin | undefined = 'command'
    fields(cursor, (tag) => {
      if (tag === 8) sequence = cursor.varintSafe()
      else if (tag === 16) deployment = cursor.varintSafe()
      else if (tag === 26) command = readCommand(inner(cursor))
      else if (tag === 34) events.push(readTyped(inner(cursor)))
      else if (tag === 42) effects.push(readEffect(inner(cursor)))
      else if (tag === 50) answer = readAnswer(inner(cursor))
      else if (tag === 58) answerMetadata.push(readMetadata(inner(cursor)))
      else if (tag === 66) change = readChange(inner(cursor))
      else if (tag === 72) origin = origins[cursor.varint32()]
      else if (tag === 82) cancels.push(cursor.string())
      else if (tag === 90) resolves.push(readResolution(inner(cursor)))
      else return false
      return true
    })
    if (command === undefined) throw new DamagedValue('a record without a command')
    if (origin === undefined) throw new DamagedValue('a record of an origin that this host does not know')
    return {
      ...{ revision, sequence, deployment, command, origin, events, change, effects, answer, answerMetadata },
      ...(cancels.length > 0 && { cancels }),
      ...(resolves.length > 0 && { resolves }),
    }
  })
}

function readEffect(cursor: WireCursor): Effect {
  let call: Call = { service: '', method: '', payload: new Uint8Array(), metadata: noMetadata }
  let synchronous = false
  let kind: Due['kind'] | undefined
  let ms = 0
  const words: { name?: string; answer?: AnswerTo; withinMs?: number } = {}
  fields(cursor, (tag) => {
    if (tag === 10) call = readCall(inner(cursor))
    else if (tag === 16) synchronous = cursor.varint32() !== 0
    else if (tag === 24) kind = dues[cursor.varint32() - 1]
    else if (tag === 32) ms = cursor.varintSafe()
    else if (tag === 42) words.name = cursor.string()
    else if (tag === 50) {
      const { method, note } = readAnswerTo(inner(cursor))
      words.answer = { method, note }
    } else if (tag === 56) words.withinMs = cursor.varintSafe()
    else return false
    return true
  })
  return { call, synchronous, ...(kind && { due: { kind, ms } }), ...words }
}

function readAnswerTo(cursor: WireCursor): Asked {
  const answer = { method: '', note: new Uint8Array() as Uint8Array, hops: 0 }
  fields(cursor, (tag) => {
    if (tag === 10) answer.method = cursor.string()
    else if (tag === 18) answer.note = cursor.view()
    else if (tag === 24) answer.hops = cursor.varint32()
    else return false
    return true
  })
  return answer
}

/** Only a record's events and last sequence: what replay needs. @throws DamagedValue */
export function decodeEvents(framed: Buffer, into: Typed[]): number {
  return read(framed, (cursor) => {
    let sequence = 0
    while (!cursor.done) {
      const tag = cursor.tag()
      if (tag === 34) into.push(readTyped(inner(cursor)))
      else if (tag === 8) sequence = cursor.varintSafe()
      else cursor.skip(tag & 7)
    }
    return sequence
  })
}

/** Only what the next record builds on: the rest is not looked at. @throws DamagedValue */
export function decodeHead(framed: Buffer): { sequence: number; nowMs: number } {
  return read(framed, (cursor) => {
    const head = { sequence: 0, nowMs: 0 }
    fields(cursor, (tag) => {
      if (tag === 8) head.sequence = cursor.varintSafe()
      else if (tag === 26) {
        const command = inner(cursor)
        fields(command, (part) => {
          if (part !== 32) return false
          head.nowMs = command.varintSafe()
          return true
        })
      } else return false
      return true
    })
    return head
  })
}

export function encodeSnapshot({ revision, sequence, stateVersion, state }: Snapshot): Buffer {
  return write(() => {
    number(1, revision)
    number(2, sequence)
    text(3, stateVersion)
    bytes(4, state)
  })
}

/** @throws DamagedValue */
export function decodeSnapshot(framed: Buffer): Snapshot {
  return read(framed, (cursor) => {
    const snapshot = { revision: 0, sequence: 0, stateVersion: '', state: new Uint8Array() as Uint8Array }
    fields(cursor, (tag) => {
      if (tag === 8) snapshot.revision = cursor.varintSafe()
      else if (tag === 16) snapshot.sequence = cursor.varintSafe()
      else if (tag === 26) snapshot.stateVersion = cursor.string()
      else if (tag === 34) snapshot.state = cursor.view()
      else return false
      return true
    })
    return snapshot
  })
}

export function encodeIdempotency(
  { method, payloadHash, atMs, revision, final }: IdempotencyEntry,
  never: NeverStored,
): Buffer {
  return write(() => {
    text(1, method)
    bytes(2, payloadHash)
    number(3, atMs)
    number(4, revision)
    if (final !== undefined) part(5, () => writeStored(final, never))
  })
}

function writeStored(answer: StoredAnswer, never: NeverStored): void {
  if (answer.kind === 'message') bytes(1, answer.payload)
  else if (answer.kind === 'forward') writeCall(4, answer.call, never)
  else if (answer.kind === 'later') text(5, answer.ticket)
  else part(2, () => writeFailure(answer))
  writeMetadata(3, answer.metadata, never)
}

function writeFailure({ code, message, details }: Failure): void {
  number(1, code)
  text(2, message)
  for (const detail of details) writeTyped(3, detail)
}

function readStored(cursor: WireCursor): StoredAnswer {
  const metadata: MetadataEntry[] = []
  let payload: Uint8Array = new Uint8Array()
  let failure: { code: number; message: string; details: Typed[] } | undefined
  let call: Call | undefined
  let ticket: string | undefined
  fields(cursor, (tag) => {
    if (tag === 10) payload = cursor.view()
    else if (tag === 18) failure = readFailure(inner(cursor))
    else if (tag === 26) metadata.push(readMetadata(inner(cursor)))
    else if (tag === 34) call = readCall(inner(cursor))
    else if (tag === 42) ticket = cursor.string()
    else return false
    return true
  })
  if (ticket !== undefined) return { kind: 'later', ticket, metadata }
  if (call !== undefined) return { kind: 'forward', call, metadata }
  return failure === undefined ? { kind: 'message', payload, metadata } : { kind: 'failure', ...failure, metadata }
}

function readFailure(cursor: WireCursor): { code: number; message: string; details: Typed[] } {
  const failure = { code: 0, message: '', details: [] as Typed[] }
  fields(cursor, (tag) => {
    if (tag === 8) failure.code = cursor.varint32()
    else if (tag === 18) failure.message = cursor.string()
    else if (tag === 26) failure.details.push(readTyped(inner(cursor)))
    else return false
    return true
  })
  return failure
}

/** @throws DamagedValue */
export function decodeIdempotency(framed: Buffer): IdempotencyEntry {
  return read(framed, (cursor) => {
    const entry = {
      method: '',
      payloadHash: new Uint8Array() as Uint8Array,
      atMs: 0,
      revision: 0,
      final: undefined as StoredAnswer | undefined,
    }
    fields(cursor, (tag) => {
      if (tag === 10) entry.method = cursor.string()
      else if (tag === 18) entry.payloadHash = cursor.view()
      else if (tag === 24) entry.atMs = cursor.varintSafe()
      else if (tag === 32) entry.revision = cursor.varintSafe()
      else if (tag === 42) entry.final = readStored(inner(cursor))
      else return false
      return true
    })
    return entry
  })
}

export function encodeOutbox(entry: EffectEntry, never: NeverStored): Buffer {
  return write(() => writeEntry(entry, never))
}

function writeEntry(entry: EffectEntry, never: NeverStored): void {
  const { cause, call, synchronous, hops, attempts, parked, chain, place, chainEffects } = entry
  text(1, cause.service)
  text(2, cause.entity)
  number(3, cause.revision)
  writeCall(4, call, never)
  number(5, synchronous ? 1 : 0)
  number(6, hops)
  number(7, attempts)
  if (parked !== undefined) {
    sink.varint(66)
    sink.string(parked)
  }
  number(9, chain)
  number(10, place)
  number(11, chainEffects)
  const { from, name, answer, dueMs, untilMs, to, outward } = entry
  if (from !== undefined) writeEntity(12, from)
  if (name !== undefined) text(13, name)
  if (answer !== undefined) writeAnswerTo(14, answer, answer.hops)
  if (dueMs !== undefined) number(15, dueMs)
  if (untilMs !== undefined) number(16, untilMs)
  if (to !== undefined) writeEntity(17, to)
  if (outward !== undefined) writeOutward(18, outward)
}

function writeOutward(field: number, { by, key, unsure, traceparent }: Outward): void {
  part(field, () => {
    text(1, by)
    text(2, key)
    number(3, unsure ? 1 : 0)
    if (traceparent !== undefined) text(4, traceparent)
  })
}

function readOutward(cursor: WireCursor): Outward {
  const outward: { by: string; key: string; unsure: boolean; traceparent?: string } = { by: '', key: '', unsure: false }
  fields(cursor, (tag) => {
    if (tag === 10) outward.by = cursor.string()
    else if (tag === 18) outward.key = cursor.string()
    else if (tag === 24) outward.unsure = cursor.varint32() !== 0
    else if (tag === 34) outward.traceparent = cursor.string()
    else return false
    return true
  })
  return outward
}

function writeEntity(field: number, { storage, key }: EntityRef): void {
  part(field, () => {
    number(1, storage)
    text(2, key)
  })
}

function readEntity(cursor: WireCursor): EntityRef {
  const entity = { storage: 0, key: '' }
  fields(cursor, (tag) => {
    if (tag === 8) entity.storage = cursor.varint32()
    else if (tag === 18) entity.key = cursor.string()
    else return false
    return true
  })
  return entity
}

/** @throws DamagedValue */
export function decodeOutbox(id: number, framed: Buffer): EffectEntry {
  return read(framed, (cursor) => readEntry(id, cursor))
}

function readEntry(id: number, cursor: WireCursor): EffectEntry {
  const cause = { service: '', entity: '', revision: 0 }
  let call: Call = { service: '', method: '', payload: new Uint8Array(), metadata: noMetadata }
  const words: {
    from?: EntityRef
    name?: string
    answer?: Asked
    dueMs?: number
    untilMs?: number
    to?: EntityRef
    outward?: Outward
  } = {}
  const rest = { synchronous: false, hops: 0, attempts: 0, parked: undefined as string | undefined }
  const chain = { chain: 0, place: 0, chainEffects: 0 }
  fields(cursor, (tag) => {
    if (tag === 10) cause.service = cursor.string()
    else if (tag === 18) cause.entity = cursor.string()
    else if (tag === 24) cause.revision = cursor.varintSafe()
    else if (tag === 34) call = readCall(inner(cursor))
    else if (tag === 40) rest.synchronous = cursor.varint32() !== 0
    else if (tag === 48) rest.hops = cursor.varint32()
    else if (tag === 56) rest.attempts = cursor.varint32()
    else if (tag === 66) rest.parked = cursor.string()
    else if (tag === 72) chain.chain = cursor.varintSafe()
    else if (tag === 80) chain.place = cursor.varint32()
    else if (tag === 88) chain.chainEffects = cursor.varint32()
    else if (tag === 98) words.from = readEntity(inner(cursor))
    else if (tag === 106) words.name = cursor.string()
    else if (tag === 114) words.answer = readAnswerTo(inner(cursor))
    else if (tag === 120) words.dueMs = cursor.varintSafe()
    else if (tag === 128) words.untilMs = cursor.varintSafe()
    else if (tag === 138) words.to = readEntity(inner(cursor))
    else if (tag === 146) words.outward = readOutward(inner(cursor))
    else return false
    return true
  })
  return { id, cause, call, ...rest, ...chain, ...words }
}

/** What waits for a deferred reply. */
export interface Ticket {
  readonly service: string
  /** Of the commands that deferred. */
  readonly method: string
  readonly openedMs: number
  /** Milliseconds since 1970; 0: never. */
  readonly expiresMs: number
  /** Idempotency keys of the callers. */
  readonly keys: readonly string[]
  /** What other entities ask for. */
  readonly asks: readonly EffectEntry[]
}

export function encodeTicket({ service, method, openedMs, expiresMs, keys, asks }: Ticket, never: NeverStored): Buffer {
  return write(() => {
    text(1, method)
    text(6, service)
    number(2, openedMs)
    number(3, expiresMs)
    for (const key of keys) {
      sink.varint(34)
      sink.string(key)
    }
    for (const ask of asks) {
      part(5, () => {
        number(1, ask.id)
        part(2, () => writeEntry(ask, never))
      })
    }
  })
}

/** @throws DamagedValue */
export function decodeTicket(framed: Buffer): Ticket {
  return read(framed, (cursor) => {
    const ticket = { service: '', method: '', openedMs: 0, expiresMs: 0 }
    const keys: string[] = []
    const asks: EffectEntry[] = []
    fields(cursor, (tag) => {
      if (tag === 10) ticket.method = cursor.string()
      else if (tag === 50) ticket.service = cursor.string()
      else if (tag === 16) ticket.openedMs = cursor.varintSafe()
      else if (tag === 24) ticket.expiresMs = cursor.varintSafe()
      else if (tag === 34) keys.push(cursor.string())
      else if (tag === 42) asks.push(readAsk(inner(cursor)))
      else return false
      return true
    })
    return { ...ticket, keys, asks }
  })
}

function readAsk(cursor: WireCursor): EffectEntry {
  let id = 0
  let entry: EffectEntry | undefined
  fields(cursor, (tag) => {
    if (tag === 8) id = cursor.varintSafe()
    else if (tag === 18) entry = readEntry(id, inner(cursor))
    else return false
    return true
  })
  if (entry === undefined) throw new DamagedValue('a ticket with an ask that is empty')
  return entry
}

const wroteKinds: readonly Wrote['kind'][] = [undefined, 'value', 'replica']
const goneWhys: readonly Gone['why'][] = ['purged', 'undeployed']

export function encodeCommit(wrote: readonly Wrote[], outboxId = 0, gone: readonly Gone[] = []): Buffer {
  sink.reset()
  for (const { entity, revision, kind } of wrote) {
    sink.varint(10)
    const start = sink.open()
    number(1, entity.storage)
    text(2, entity.key)
    number(3, revision)
    if (kind !== undefined) number(4, wroteKinds.indexOf(kind))
    sink.close(start)
  }
  number(2, outboxId)
  for (const { storage, why } of gone)
    part(3, () => {
      number(1, storage)
      number(2, goneWhys.indexOf(why))
    })
  return frame(sink.finish())
}

/** Highest id that the outbox had ever seen at this commit. @throws DamagedValue */
export function decodeCommitOutboxId(framed: Buffer): number {
  return read(framed, (cursor) => {
    let outboxId = 0
    fields(cursor, (tag) => {
      if (tag !== 16) return false
      outboxId = cursor.varintSafe()
      return true
    })
    return outboxId
  })
}

/** @throws DamagedValue */
export function decodeCommit(commitNumber: number, framed: Buffer): CommitRecord {
  return read(framed, (cursor) => {
    const wrote: Wrote[] = []
    const gone: Gone[] = []
    fields(cursor, (tag) => {
      if (tag === 10) wrote.push(readWrote(inner(cursor)))
      else if (tag === 26) gone.push(readGone(inner(cursor)))
      else return false
      return true
    })
    return { number: commitNumber, wrote, ...(gone.length > 0 && { gone }) }
  })
}

function readWrote(cursor: WireCursor): Wrote {
  const entity = { storage: 0, key: '' }
  let revision = 0
  let code = 0
  fields(cursor, (tag) => {
    if (tag === 8) entity.storage = cursor.varint32()
    else if (tag === 18) entity.key = cursor.string()
    else if (tag === 24) revision = cursor.varintSafe()
    else if (tag === 32) code = cursor.varint32()
    else return false
    return true
  })
  if (code === 0) return { entity, revision }
  const kind = wroteKinds[code]
  if (kind === undefined) throw new DamagedValue('a commit names a kind of change that this host does not know')
  return { entity, revision, kind }
}

function readGone(cursor: WireCursor): Gone {
  let storage = 0
  let code = 0
  fields(cursor, (tag) => {
    if (tag === 8) storage = cursor.varint32()
    else if (tag === 16) code = cursor.varint32()
    else return false
    return true
  })
  const why = goneWhys[code]
  if (why === undefined) throw new DamagedValue('a commit names an end of a service that this host does not know')
  return { storage, why }
}
