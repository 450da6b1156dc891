// Ticket rows: deferred replies that are not resolved yet, as they lie in the column `tickets`.
//
//   | 0 | storage 4 | entity ... 00 01 | ticket ... |                     -> Ticket
//   | 1 | ends-ms 8 | storage 4 | entity ... 00 01 | ticket ... |      -> (empty; for expiry)
//
// Owns: keys and values.   delivery/tickets.ts owns: what becomes of them.

import type { Write } from '../storage/kv.ts'
import type { EntityRef } from './journal.ts'
import { entityOfPrefix, entityPrefix, listPrefix, readNumber, subscriptionParts, writeNumber } from './keys.ts'
import type { NeverStored, Ticket } from './record.ts'
import { encodeTicket } from './record.ts'

const rowTag = 0
const expiryTag = 1
const nothing = Buffer.alloc(0)

export function ticketKey(entity: EntityRef, name: string): Buffer {
  return Buffer.concat([Buffer.of(rowTag), entityPrefix(entity), Buffer.from(name, 'utf8')])
}

/** What the rows of all tickets of a storage id begin with. */
export function ticketRows(storage: number): Buffer {
  return Buffer.concat([Buffer.of(rowTag), listPrefix(storage, '')])
}

export const allTickets = { from: Buffer.of(rowTag), to: Buffer.of(expiryTag) }

export function ticketWrites({ entity, name, before, after }: TicketChange, never: NeverStored): readonly Write[] {
  const key = ticketKey(entity, name)
  const writes: Write[] = [['tickets', key, after && encodeTicket(after, never)]]
  const [was, is] = [endOf(before), endOf(after)]
  if (was !== is && was > 0) writes.push(['tickets', expiryOf(key, was), undefined])
  if (was !== is && is > 0) writes.push(['tickets', expiryOf(key, is), nothing])
  return writes
}

/** When something of it ends first: it, or what an ask has of time. 0: never. In milliseconds since 1970. */
export function endOf(ticket: Ticket | undefined): number {
  if (ticket === undefined) return 0
  const ends = [ticket.expiresMs, ...ticket.asks.map(({ untilMs = 0 }) => untilMs)].filter((ms) => ms > 0)
  return ends.length === 0 ? 0 : Math.min(...ends)
}

/** Bytes that it takes on disk, roughly; 0: there is none. */
export function ticketBytes(ticket: Ticket | undefined): number {
  if (ticket === undefined) return 0
  let bytes = 200 + ticket.method.length
  for (const key of ticket.keys) bytes += 8 + key.length
  for (const { call, answer } of ticket.asks) bytes += 300 + call.payload.length + (answer?.note.length ?? 0)
  return bytes
}

/** What a commit does to a ticket. */
export interface TicketChange {
  readonly entity: EntityRef
  readonly name: string
  readonly before: Ticket | undefined
  /** Undefined: it is resolved. */
  readonly after: Ticket | undefined
}

/** Before all tickets that expire at this time or later. */
export function expiryBound(ms: number): Buffer {
  const key = Buffer.alloc(9)
  key[0] = expiryTag
  writeNumber(key, ms, 1)
  return key
}

/** Behind all tickets that expire. */
export const expiryEnd = Buffer.of(expiryTag + 1)

/** The ticket that an expiry row stands for. */
export function expiring(key: Buffer): { expiresMs: number; entity: EntityRef; name: string } {
  return { expiresMs: readNumber(key, 1), ...ticketOf(Buffer.concat([Buffer.of(rowTag), key.subarray(9)])) }
}

/** Entity and name of the key of a ticket: behind its tag it has the form of a subscription's. */
export function ticketOf(key: Buffer): { entity: EntityRef; name: string } {
  const { prefix, id } = subscriptionParts(key.subarray(1))
  return { entity: entityOfPrefix(prefix), name: id }
}

function expiryOf(key: Buffer, ms: number): Buffer {
  return Buffer.concat([expiryBound(ms), key.subarray(1)])
}
