// Opening: what an event-sourced entity is loaded from, with as few reads as can be: its head, its snapshot, and its first page of events.
//
//     few     the records with the numbers that it probably has, by their keys: one read, which touches no table without them, since each
//             has a filter for keys; a range would read a block of every level
//     many    the snapshot, then a range from its record on; and the last record, where the range does not reach it
//
// O1. Of few records nothing else is read, unless the service has snapshots: then the entity's is, since it may have been made of what
//     this version cannot fold.
// O2. What is read is what head, snapshot and events would say, damage included: a record that is missing between others is damage.
// O3. How many records an entity probably has goes by those of its service that were opened before: a wrong guess costs a read.
//
// Owns: which reads.   kv-journal.ts owns: what damage means.   folded-state.ts owns: what is made of it.

import type { Typed } from '../outcome.ts'
import { after } from '../storage/columns.ts'
import { DamagedBlock, DamagedValue } from '../storage/damage.ts'
import type { Kv } from '../storage/kv.ts'
import type { EntityHead, EntityRef, EventsPage, Journal, Snapshot, StorageId } from './journal.ts'
import { entityPrefix, listPrefix, numbered, numberOf } from './keys.ts'
import { decodeEvents, decodeHead } from './record.ts'
import { within } from './what.ts'

export interface Opening {
  /** Undefined: nothing was ever recorded. */
  readonly head: EntityHead | undefined
  /** The latest, if it has this state version. */
  readonly snapshot: Snapshot | undefined
  /** Events from the snapshot's or the first record on; undefined: nothing was read of them yet. */
  readonly page: EventsPage | undefined
}

export interface OpeningAsked {
  readonly stateVersion: string
  readonly eventsMax: number
  readonly bytesMax: number
}

/** Records that are asked for by their keys, at most; and their bytes, above which a range is read. */
const fewMax = 16
const fewBytesMax = 256 * 1024
/** Where nothing is known of a service. */
const guessAtFirst = 4

/** With nothing but a head and a snapshot: for journals that cannot do better. */
export function openedBy(
  journal: Pick<Journal, 'head' | 'snapshot'>,
  entity: EntityRef,
  { stateVersion }: OpeningAsked,
): Opening {
  const head = journal.head(entity)
  const snapshot = head && usable(journal.snapshot(entity), stateVersion, head)
  return { head, snapshot, page: undefined }
}

export class Openings {
  private readonly kv: Pick<Kv, 'getAll' | 'range'>
  private readonly journal: Pick<Journal, 'head' | 'snapshot'>
  /** Of records, one more than those opened before had; 0: many. */
  private readonly guesses = new Map<StorageId, number>()
  /** Services that may have snapshots, as looked for and as taken since. */
  private readonly snapshots = new Map<StorageId, boolean>()

  constructor(kv: Pick<Kv, 'getAll' | 'range'>, journal: Pick<Journal, 'head' | 'snapshot'>) {
    this.kv = kv
    this.journal = journal
  }

  /** @throws DamagedValue */
  open(entity: EntityRef, asked: OpeningAsked): Opening {
    const { storage } = entity
    const guess = this.guesses.get(storage) ?? guessAtFirst
    const opening = (guess > 0 ? this.few(entity, asked, guess) : undefined) ?? this.many(entity, asked)
    const records = opening.head?.revision ?? 0
    this.guesses.set(storage, records < fewMax ? Math.max(records + 1, guess - 1, 2) : 0)
    return opening
  }

  snapshotTaken(storage: StorageId): void {
    this.snapshots.set(storage, true)
  }

  /** Undefined: it has more, or they are long. */
  private few(entity: EntityRef, { stateVersion }: OpeningAsked, guess: number): Opening | undefined {
    const prefix = entityPrefix(entity)
    const keys = Array.from({ length: guess }, (_, at) => numbered(prefix, at + 1))
    const values = this.kv.getAll('journal', keys, fewBytesMax)
    if (values === undefined || values[guess - 1] !== undefined) return undefined
    const rows: Buffer[] = []
    for (const [at, value] of values.entries()) {
      if (value === undefined) continue
      if (rows.length !== 2 * at) throw missing(entity, rows.length / 2 + 1)
      rows.push(keys[at]!, value)
    }
    if (rows.length === 0) return { head: undefined, snapshot: undefined, page: undefined }
    const head = headIn(rows)
    return { head, snapshot: usable(this.snapshot(entity), stateVersion, head), page: pageOf(rows) }
  }

  private many(entity: EntityRef, asked: OpeningAsked): Opening {
    const { stateVersion, eventsMax, bytesMax } = asked
    const prefix = entityPrefix(entity)
    const latest = this.snapshot(entity)
    const snapshot = latest?.stateVersion === stateVersion ? latest : undefined
    const first = snapshot?.revision ?? 1
    const rows = this.kv.range('journal', {
      from: numbered(prefix, first),
      to: after(prefix),
      limit: eventsMax,
      bytesMax,
    })
    // Of a journal that was restored, a snapshot may be ahead.
    if (snapshot !== undefined && (rows.length === 0 || numberOf(rows[0]!) !== first))
      return openedBy(this.journal, entity, asked)
    for (let at = 0; at < rows.length; at += 2)
      if (numberOf(rows[at]!) !== first + at / 2) throw missing(entity, first + at / 2)
    if (rows.length === 0) return { head: undefined, snapshot, page: undefined }
    const head = isWhole(rows, eventsMax, bytesMax) ? headIn(rows) : this.journal.head(entity)
    return { head, snapshot, page: pageOf(rows) }
  }

  /** Not looked for where the service has none at all. */
  private snapshot(entity: EntityRef): Snapshot | undefined {
    const { storage } = entity
    let some = this.snapshots.get(storage)
    if (some === undefined) {
      some = this.someOf(storage)
      this.snapshots.set(storage, some)
    }
    return some ? this.journal.snapshot(entity) : undefined
  }

  private someOf(storage: StorageId): boolean {
    const from = listPrefix(storage, '')
    try {
      return this.kv.range('snapshots', { from, to: after(from), limit: 1, keysOnly: true }).length > 0
    } catch (error) {
      if (error instanceof DamagedBlock) return true
      throw error
    }
  }
}

/** Did a range of at most so many rows and bytes reach its end? */
export function isWhole(rows: readonly Buffer[], limit: number, bytesMax: number): boolean {
  if (rows.length >= 2 * limit) return false
  let bytes = 0
  for (const { length } of rows) bytes += length
  return bytes < bytesMax
}

function usable(snapshot: Snapshot | undefined, stateVersion: string, head: EntityHead): Snapshot | undefined {
  return snapshot?.stateVersion === stateVersion && snapshot.revision <= head.revision ? snapshot : undefined
}

function headIn(rows: readonly Buffer[]): EntityHead {
  const [key, value] = rows.slice(-2) as [Buffer, Buffer]
  return { revision: numberOf(key), ...within('journal', key, () => decodeHead(value)) }
}

function pageOf(rows: readonly Buffer[]): EventsPage {
  const events: Typed[] = []
  let sequence = 0
  for (let at = 0; at < rows.length; at += 2)
    sequence = within('journal', rows[at]!, () => decodeEvents(rows[at + 1]!, events))
  return { events, revision: numberOf(rows.at(-2)!), sequence }
}

function missing({ key }: EntityRef, revision: number): DamagedValue {
  return new DamagedValue(`record ${revision} of ${key} is missing`)
}
