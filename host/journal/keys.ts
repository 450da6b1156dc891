// Keys: the layout of every column family. Numbers are big endian, so that keys sort as numbers do.
//
//   journal      | storage 4 | entity ... 00 01 | revision 8 |                    -> Record
//   snapshots    | storage 4 | entity ... 00 01 | sequence 8 |                    -> Snapshot
//   bases        | storage 4 | entity ... 00 01 |                                 -> Base
//   subscriptions| storage 4 | entity ... 00 01 | id ... |                        -> Subscription
//   idempotency  | 0 | storage 4 | entity ... 00 01 | key ... |                   -> Idempotency
//                | 1 | at-ms 8 | storage 4 | entity ... 00 01 | key ... |         -> (empty; for expiry)
//   outbox       | id 8 |                                                         -> Outbox
//   pending      | ... |                                                          -> pending-rows.ts
//   tickets      | ... |                                                          -> ticket-rows.ts
//   commits      | 0 | 0 | number 8 |                                             -> Commit
//                | 0 | 1 | storage 4 | entity ... 00 01 |                         -> Commit (names the entity; the commit that did is trimmed)
//   components   | text |                                                         -> raw bytes (catalog)
//   default      | text |                                                         -> framed JSON (catalog, meta)
//                | receipt/ID |                                                   -> (empty; an effect of another partition)
//                | run/NUMBER |                                                   -> framed JSON (runs.ts)
//                | feed/..., consumer/NAME |                                      -> framed JSON (host/feed)
//                | schedule/SERVICE/NAME |                                        -> framed JSON (host/schedules)
//                | pending/SERVICE |                                              -> framed JSON (delivery/pending.ts)
//
// Where there are several partitions, each key of one has its number, 2 bytes, before all this (partitioned.ts).
//
// K1. `entity` is UTF-8 with every 00 written as 00 FF; its end is 00 01. So no entity's keys lie among another's, and entities
//     sort by their ids, which length prefixes would not give (decision 0003).
//
// Nothing here is ever reused with another meaning; what is retired stays in this drawing.

import type { EntityRef, StorageId } from './journal.ts'

/** Before the number of a commit, from before there were several partitions (partitioned.ts); and before a name. */
const commitTag = 0
const nameTag = 1

/** storage and entity: what all keys of one entity start with. */
export function entityPrefix({ storage, key }: EntityRef): Buffer {
  const text = Buffer.from(key, 'utf8')
  const escaped = text.includes(0) ? escapeNul(text) : text
  const prefix = Buffer.allocUnsafe(4 + escaped.length + 2)
  prefix.writeUInt32BE(storage, 0)
  escaped.copy(prefix, 4)
  prefix.writeUInt16BE(1, 4 + escaped.length)
  return prefix
}

/** storage and the start of an entity's key: what the keys of all entities with that prefix start with. */
export function listPrefix(storage: StorageId, start: string): Buffer {
  return entityPrefix({ storage, key: start }).subarray(0, -2)
}

export function numbered(prefix: Buffer, number: number): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + 8)
  prefix.copy(key)
  writeNumber(key, number, prefix.length)
  return key
}

/** The entity of a key in `journal` or `snapshots`. */
export function entityOf(key: Buffer): EntityRef {
  return entityOfPrefix(key.subarray(0, key.length - 8))
}

/** The entity of a key in `bases`, which is its prefix. */
export function entityOfPrefix(prefix: Buffer): EntityRef {
  const escaped = prefix.subarray(4, prefix.length - 2)
  const key = prefix
  return { storage: key.readUInt32BE(0), key: (escaped.includes(0) ? unescapeNul(escaped) : escaped).toString('utf8') }
}

export function numberOf(key: Buffer): number {
  return readNumber(key, key.length - 8)
}

export function subscriptionKey(entity: EntityRef, id: string): Buffer {
  return Buffer.concat([entityPrefix(entity), Buffer.from(id, 'utf8')])
}

/** The prefix and the id of a key in `subscriptions`: the first 00 01 ends the entity. */
export function subscriptionParts(key: Buffer): { prefix: Buffer; id: string } {
  let end = 4
  while (key[end] !== 0 || key[end + 1] !== 1) end += key[end] === 0 ? 2 : 1
  return { prefix: key.subarray(0, end + 2), id: key.toString('utf8', end + 2) }
}

export function idempotencyKey(entity: EntityRef, key: string): Buffer {
  return Buffer.concat([Buffer.from([0]), entityPrefix(entity), Buffer.from(key, 'utf8')])
}

/** First byte of the expiry keys in `idempotency`. */
export const expiryKeyTag = 1

export function expiryKey(atMs: number, entry: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head[0] = expiryKeyTag
  writeNumber(head, atMs, 1)
  return Buffer.concat([head, entry.subarray(1)])
}

/** The entry that an expiry key stands for. */
export function expiredEntry(key: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0]), key.subarray(9)])
}

export function commitKey(number: number): Buffer {
  const key = Buffer.alloc(10)
  key.writeUInt16BE(commitTag, 0)
  writeNumber(key, number, 2)
  return key
}

/** What stays of the commit that wrote an entity's first record: its name. */
export function nameKey(entityPrefix: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, nameTag]), entityPrefix])
}

/** The entity's prefix of such a key; `undefined` for that of a commit. */
export function namePrefixOf(key: Buffer): Buffer | undefined {
  return key.readUInt16BE(0) === nameTag ? key.subarray(2) : undefined
}

export function outboxKey(id: number): Buffer {
  const key = Buffer.alloc(8)
  writeNumber(key, id, 0)
  return key
}

const receiptPrefix = 'receipt/'

/** That an effect of another partition has arrived in this one. */
export function receiptKey(id: number): Buffer {
  return Buffer.from(`${receiptPrefix}${String(id).padStart(16, '0')}`)
}

export function receiptId(key: Buffer): number {
  return Number(key.toString().slice(receiptPrefix.length))
}

export function writeNumber(into: Buffer, number: number, at: number): void {
  into.writeUInt32BE(Math.floor(number / 0x1_0000_0000), at)
  into.writeUInt32BE(number >>> 0, at + 4)
}

export function readNumber(from: Buffer, at: number): number {
  return from.readUInt32BE(at) * 0x1_0000_0000 + from.readUInt32BE(at + 4)
}

function escapeNul(text: Buffer): Buffer {
  const out: number[] = []
  for (const byte of text) {
    out.push(byte)
    if (byte === 0) out.push(255)
  }
  return Buffer.from(out)
}

function unescapeNul(escaped: Buffer): Buffer {
  const out: number[] = []
  for (let at = 0; at < escaped.length; at++) {
    out.push(escaped[at]!)
    if (escaped[at] === 0) at += 1
  }
  return Buffer.from(out)
}
