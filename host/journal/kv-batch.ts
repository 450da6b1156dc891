// A batch over a Kv: the writes of one commit, encoded as they come; of records only what the census counts is held on to.
//
// B1. A record must follow its entity's last one, stored or earlier in the batch (journal.J2), and a value its last revision; the
//     journal looks again at commit, since another batch may have come first.

import assert from 'node:assert/strict'
import type { EffectEntry } from '../effect.ts'
import type { Column } from '../storage/columns.ts'
import type { Write } from '../storage/kv.ts'
import type { Census } from './census.ts'
import type { Counted } from './counts.ts'
import { type Head, headKey } from './heads.ts'
import type {
  Base,
  Batch,
  EntityRef,
  Expired,
  Gone,
  IdempotencyEntry,
  JournalRecord,
  StorageId,
  StoredSubscription,
  Wrote,
} from './journal.ts'
import { entityPrefix, expiryKey, idempotencyKey, numbered, outboxKey, receiptKey, subscriptionKey } from './keys.ts'
import type { PendingRef } from './pending-rows.ts'
import { pendWrites, unpendWrites } from './pending-rows.ts'
import type { NeverStored } from './record.ts'
import { encodeBase, encodeIdempotency, encodeOutbox, encodeRecord, encodeSubscription } from './record.ts'
import type { TicketChange } from './ticket-rows.ts'
import { ticketWrites } from './ticket-rows.ts'
import type { Change } from './usage.ts'
import { keyBytes } from './usage.ts'

/** Where an entity's last revision is read: at its last record, or at its base. */
type HeadOf = (entity: EntityRef, by: 'records' | 'base') => Head

interface BatchHead extends Head {
  readonly entity: EntityRef
  /** Revision that the batch's first record of the entity follows. */
  readonly base: number
  readonly by: 'records' | 'base'
}

/** Bytes of what a batch deletes or replaces, as they are on disk. */
export interface StoredBytes {
  records(from: Buffer, to: Buffer): number
  /** Of an idempotency entry. */
  key(stored: Buffer): number
}

const nothing = Buffer.alloc(0)

export class KvBatch implements Batch {
  readonly writes: Write[] = []
  readonly wrote: Wrote[] = []
  readonly gone: Gone[] = []
  readonly heads = new Map<string, BatchHead>()
  /** Highest id enqueued, 0 if none was. */
  outboxId = 0
  /** For the census. */
  readonly brought: Counted[] = []
  /** For the account of bytes. */
  readonly used = new Map<StorageId, Change>()
  /** Bytes of idempotency keys whose time has come. */
  readonly expired = new Map<StorageId, number>()
  private readonly last = new Map<object, () => readonly Write[]>()
  /** Bytes of what `wrote` names. */
  private readonly sizes: number[] = []
  /** Of keys that were stored before, by what this batch makes of them. */
  private readonly again = new Map<string, number>()
  private readonly stored: StoredBytes
  private readonly headOf: HeadOf
  private readonly census: Pick<Census, 'firstOf'>
  private readonly never: NeverStored

  constructor(headOf: HeadOf, stored: StoredBytes, census: Pick<Census, 'firstOf'>, never: NeverStored) {
    this.stored = stored
    this.headOf = headOf
    this.census = census
    this.never = never
  }

  get empty(): boolean {
    return this.writes.length === 0 && this.gone.length === 0
  }

  get size(): number {
    return this.writes.length
  }

  append(entity: EntityRef, record: JournalRecord): void {
    const key = headKey(entity)
    const earlier = this.heads.get(key)
    const { revision, sequence } = earlier ?? this.headOf(entity, 'records')
    assert(
      record.revision === revision + 1 && record.sequence === sequence + record.events.length,
      `sequence_conflict: record ${record.revision}/${record.sequence} after ${revision}/${sequence}`,
    )
    const base = earlier?.base ?? revision
    this.heads.set(key, { entity, base, by: 'records', revision: record.revision, sequence: record.sequence })
    const size = this.put('journal', numbered(entityPrefix(entity), record.revision), encodeRecord(record, this.never))
    this.use(entity.storage, size, 0)
    const { revision: written, change } = record
    this.wrote.push(
      change?.kind === 'delta' ? { entity, revision: written, kind: 'replica' } : { entity, revision: written },
    )
    this.sizes.push(size)
    this.count(entity, record)
  }

  private count({ storage, key }: EntityRef, { revision, sequence, events }: JournalRecord): void {
    let at = sequence - events.length
    for (const { typeName } of events) {
      at += 1
      const first = this.census.firstOf(storage, typeName, key, at)
      if (first !== undefined) this.writes.push(first)
    }
    this.brought.push({ storage, key, born: revision === 1, size: sequence, events })
  }

  keep(entity: EntityRef, after: number, base: Base, history: readonly JournalRecord[], replacedBytes = 0): void {
    const key = headKey(entity)
    const earlier = this.heads.get(key)
    const { revision } = earlier ?? this.headOf(entity, 'base')
    assert(
      after === revision && base.revision > after,
      `sequence_conflict: value ${base.revision} made after ${after}, kept after ${revision}`,
    )
    this.heads.set(key, { entity, base: earlier?.base ?? after, by: 'base', revision: base.revision, sequence: 0 })
    const prefix = entityPrefix(entity)
    this.put('bases', prefix, encodeBase(base))
    let size = baseBytes(prefix, after, base, replacedBytes)
    for (const record of history)
      size += this.put('journal', numbered(prefix, record.revision), encodeRecord(record, this.never))
    this.use(entity.storage, size, 0)
    this.wrote.push({ entity, revision: base.revision, kind: 'value' })
    this.sizes.push(0)
    const { storage, key: id } = entity
    this.brought.push({ storage, key: id, born: after === 0, size: base.state?.length ?? 0, events: [] })
  }

  compact(entity: EntityRef, after: number, base: Base, replacedBytes = 0): void {
    const prefix = entityPrefix(entity)
    for (let revision = Math.max(1, after); revision < base.revision; revision++)
      this.writes.push(['journal', numbered(prefix, revision), undefined])
    this.put('bases', prefix, encodeBase(base))
    let size = baseBytes(prefix, after, base, replacedBytes)
    const [from, to] = [Math.max(1, after), base.revision]
    size -= this.stored.records(numbered(prefix, from), numbered(prefix, to))
    for (const [at, { entity: written, revision }] of this.wrote.entries())
      if (written === entity && revision >= from && revision < to) size -= this.sizes[at]!
    this.use(entity.storage, size, 0)
  }

  subscribe(entity: EntityRef, subscription: StoredSubscription): void {
    this.writes.push(['subscriptions', subscriptionKey(entity, subscription.id), encodeSubscription(subscription)])
  }

  unsubscribe(entity: EntityRef, id: string): void {
    this.writes.push(['subscriptions', subscriptionKey(entity, id), undefined])
  }

  remember(entity: EntityRef, key: string, entry: IdempotencyEntry, again = false): void {
    const stored = idempotencyKey(entity, key)
    const value = encodeIdempotency(entry, this.never)
    this.writes.push(['idempotency', stored, value], ['idempotency', expiryKey(entry.atMs, stored), nothing])
    let bytes = keyBytes(stored, value)
    if (again) {
      const name = stored.toString('latin1')
      const before = this.again.get(name) ?? this.stored.key(stored)
      this.again.set(name, bytes)
      bytes -= before
    }
    this.use(entity.storage, bytes, bytes)
  }

  private put(column: Column, key: Buffer, value: Buffer): number {
    this.writes.push([column, key, value])
    return key.length + value.length
  }

  private use(storage: StorageId, bytes: number, keys: number): void {
    const used = this.used.get(storage)
    if (used === undefined) this.used.set(storage, { bytes, keys })
    else {
      used.bytes += bytes
      used.keys += keys
    }
  }

  enqueue(entry: EffectEntry): void {
    this.writes.push(['outbox', outboxKey(entry.id), encodeOutbox(entry, this.never)])
    this.outboxId = Math.max(this.outboxId, entry.id)
  }

  dequeue(id: number): void {
    this.writes.push(['outbox', outboxKey(id), undefined])
  }

  pend(entry: EffectEntry): void {
    this.writes.push(...pendWrites(entry, this.never))
    this.outboxId = Math.max(this.outboxId, entry.id)
  }

  unpend(ref: PendingRef): void {
    this.writes.push(...unpendWrites(ref))
  }

  ticket(change: TicketChange): void {
    this.writes.push(...ticketWrites(change, this.never))
  }

  receive(id: number): void {
    this.writes.push(['default', receiptKey(id), nothing])
  }

  settle(id: number): void {
    this.writes.push(['default', receiptKey(id), undefined])
  }

  forget({ keys, bytes }: Expired): void {
    for (const key of keys) this.writes.push(['idempotency', key, undefined])
    for (const [storage, gone] of bytes) {
      const before = this.expired.get(storage) ?? 0
      this.expired.set(storage, before + gone)
    }
  }

  tell(gone: Gone): void {
    this.gone.push(gone)
  }

  note(writes: readonly Write[]): void {
    this.writes.push(...writes)
  }

  noteLast(owner: object, rows: () => readonly Write[]): void {
    this.last.set(owner, rows)
  }

  /** Nothing is added after this. */
  close(): void {
    for (const rows of this.last.values()) this.writes.push(...rows())
    this.last.clear()
  }
}

/** What a base adds to the account: its key when it is the first, and the difference of what it keeps. */
function baseBytes(prefix: Buffer, after: number, { state }: Base, replacedBytes: number): number {
  return (after === 0 ? prefix.length : 0) + (state?.length ?? 0) - replacedBytes
}
