// Pending rows: effects that are due later, as they lie in the column `pending`.
//
//   | 0 | due-ms 8 | id 8 |                                    -> Outbox: in the order in which they are due
//   | 1 | storage 4 | entity ... 00 01 | 0 | name ... |        -> Place: by entity; one without a name has 1 and its id
//   Place: due-ms 8, id 8, bytes 4, cause ... 00 service ... 00 method ... 00 answer ...: all that the effect is taken back by
//
// An action's lie under its storage id and an empty entity.
//
// Owns: keys and values.   delivery/pending.ts owns: what becomes of them.

import type { EffectEntry } from '../effect.ts'
import type { Write } from '../storage/kv.ts'
import type { EntityRef } from './journal.ts'
import { entityPrefix, listPrefix, readNumber, writeNumber } from './keys.ts'
import type { NeverStored } from './record.ts'
import { encodeOutbox } from './record.ts'

/** A pending effect, by all that its rows are found by. */
export interface PendingRef {
  readonly id: number
  readonly dueMs: number
  readonly from: EntityRef
  readonly name: string | undefined
  readonly cause: string
  readonly service: string
  readonly method: string
  /** That hears its answer. */
  readonly answer: string | undefined
  /** What it takes on disk, roughly. */
  readonly bytes: number
}

const dueTag = 0
const entityTag = 1
const placeBytes = 20

export function refOf(entry: EffectEntry): PendingRef {
  const { id, dueMs = 0, from = { storage: 0, key: '' }, name, call, cause } = entry
  let bytes = 160 + call.payload.length + 2 * from.key.length + (name?.length ?? 0) + (entry.answer?.note.length ?? 0)
  for (const [key, value] of call.metadata) bytes += key.length + value.length
  const { service, method } = call
  return { id, dueMs, from, name, cause: cause.service, service, method, answer: entry.answer?.method, bytes }
}

export function pendWrites(entry: EffectEntry, never: NeverStored): readonly Write[] {
  const ref = refOf(entry)
  return [
    ['pending', dueKey(ref.dueMs, ref.id), encodeOutbox(entry, never)],
    ['pending', entityKey(ref), encodePlace(ref)],
  ]
}

export function unpendWrites(ref: PendingRef): readonly Write[] {
  return [
    ['pending', dueKey(ref.dueMs, ref.id), undefined],
    ['pending', entityKey(ref), undefined],
  ]
}

function encodePlace({ dueMs, id, bytes, cause, service, method, answer = '' }: PendingRef): Buffer {
  const names = `${cause}\0${service}\0${method}\0${answer}`
  // Of latin letters, as the names of protobuf are.
  const place = Buffer.allocUnsafe(placeBytes + names.length)
  writeNumber(place, dueMs, 0)
  writeNumber(place, id, 8)
  place.writeUInt32BE(bytes, 16)
  place.write(names, placeBytes, 'latin1')
  return place
}

export function dueKey(dueMs: number, id: number): Buffer {
  const key = Buffer.allocUnsafe(17)
  key[0] = dueTag
  writeNumber(key, dueMs, 1)
  writeNumber(key, id, 9)
  return key
}

/** When, and its id, of a key by when it is due. */
export function placeOf(key: Buffer): { dueMs: number; id: number } {
  return { dueMs: readNumber(key, 1), id: readNumber(key, 9) }
}

/** When, and its id, of a row by entity. */
export function placeIn(value: Buffer): { dueMs: number; id: number } {
  return { dueMs: readNumber(value, 0), id: readNumber(value, 8) }
}

/** Of the row of a name. */
export function refIn(from: EntityRef, name: string, value: Buffer): PendingRef {
  const names = value.toString('latin1', placeBytes).split('\0')
  const [cause = '', service = '', method = '', answer = ''] = names
  const bytes = value.readUInt32BE(16)
  return { ...placeIn(value), from, name, cause, service, method, answer: answer === '' ? undefined : answer, bytes }
}

/** All that are by when they are due. */
export const dueEnd = Buffer.of(entityTag)

export function nameKey(entity: EntityRef, name: string): Buffer {
  return Buffer.concat([Buffer.of(entityTag), entityPrefix(entity), Buffer.of(0), Buffer.from(name, 'utf8')])
}

/** What the rows of an entity begin with. */
export function entityRows(entity: EntityRef): Buffer {
  return Buffer.concat([Buffer.of(entityTag), entityPrefix(entity)])
}

/** What the rows of all entities of a storage id begin with. */
export function storageRows(storage: number): Buffer {
  return Buffer.concat([Buffer.of(entityTag), listPrefix(storage, '')])
}

function entityKey({ from, name, id }: PendingRef): Buffer {
  if (name !== undefined) return nameKey(from, name)
  const place = Buffer.alloc(9)
  place[0] = 1
  writeNumber(place, id, 1)
  return Buffer.concat([entityRows(from), place])
}
