// The journal over a Kv: one implementation of the rules of journal.ts for every storage engine.
//
// Owns: what is written where, and the refusal of everything after a failure (J4).   The Kv owns: bytes on disk.

import assert from 'node:assert/strict'
import { InnkeeperError } from '../errors.ts'
import type { Typed } from '../outcome.ts'
import type {
  Base,
  Batch,
  CommitRecord,
  EntityHead,
  EntityRef,
  EntitySummary,
  EventsPage,
  IdempotencyEntry,
  Journal,
  JournalRecord,
  OutboxEntry,
  RecordsPage,
  Snapshot,
  StorageId,
  StoredSubscription,
} from './journal.ts'
import {
  after,
  commitKey,
  entityOf,
  entityOfPrefix,
  entityPrefix,
  expiredEntry,
  expiryKey,
  idempotencyKey,
  listPrefix,
  numbered,
  numberOf,
  outboxKey,
  subscriptionParts,
} from './keys.ts'
import type { Kv, Write } from './kv.ts'
import type { Head } from './kv-batch.ts'
import { headKey, KvBatch } from './kv-batch.ts'
import {
  DamagedValue,
  decodeBase,
  decodeCommit,
  decodeCommitOutboxId,
  decodeEvents,
  decodeHead,
  decodeIdempotency,
  decodeOutbox,
  decodeRecord,
  decodeSnapshot,
  decodeSubscription,
  encodeCommit,
  encodeSnapshot,
} from './record.ts'

/** Snapshots kept of one entity: the newest to start from, older ones for a state at a point in time (decision 0004). */
const snapshotsKept = 3
/** Heads remembered so that appending need not read them. */
const headsMax = 20_000

export type Warn = (message: string, fields?: Record<string, unknown>) => void

export class KvJournal implements Journal {
  private readonly kv: Kv
  private readonly warn: Warn
  private readonly heads = new Map<string, Head>()
  private commitNumber: number
  /** Highest id that was ever enqueued: ids of entries that are long gone are not given again. */
  private outboxId: number
  private broken: InnkeeperError | undefined

  constructor(kv: Kv, warn: Warn) {
    this.kv = kv
    this.warn = warn
    const { commitNumber, outboxId } = this.readEnd()
    this.commitNumber = commitNumber
    this.outboxId = outboxId
  }

  batch(): Batch {
    return new KvBatch(this.headOf)
  }

  commit(batch: Batch, done: (error: Error | undefined) => void): void {
    assert(batch instanceof KvBatch, 'a batch of another journal')
    if (this.broken !== undefined) {
      done(this.refusal())
      return
    }
    if (batch.empty) {
      done(undefined)
      return
    }
    for (const { entity, base, by } of batch.heads.values()) {
      const { revision } = this.headOf(entity, by)
      assert(revision === base, `sequence_conflict: a batch made after revision ${base}, committed after ${revision}`)
    }
    const outboxId = Math.max(this.outboxId, batch.outboxId)
    try {
      this.kv.write([...batch.writes, this.commitWrite(batch.wrote, outboxId)], true)
    } catch (error) {
      this.fail(error)
      const message =
        'the outcome of this command is unknown: storage failed while it was written; a retry with an idempotency key finds out'
      done(new InnkeeperError('outcome_unknown', message, error))
      return
    }
    this.commitNumber += 1
    this.outboxId = outboxId
    for (const [key, head] of batch.heads) {
      if (this.heads.size >= headsMax) this.heads.clear()
      this.heads.set(key, head)
    }
    done(undefined)
  }

  head(entity: EntityRef): EntityHead | undefined {
    const prefix = entityPrefix(entity)
    return this.reading(() => {
      const [key, value] = this.kv.range('journal', { from: prefix, to: after(prefix), reverse: true, limit: 1 })
      if (key === undefined || value === undefined) return undefined
      return { revision: numberOf(key), ...decodeHead(value) }
    })
  }

  base(entity: EntityRef): Base | undefined {
    return this.reading(() => {
      const value = this.kv.get('bases', entityPrefix(entity))
      return value && decodeBase(value)
    })
  }

  subscriptions(entity: EntityRef): readonly StoredSubscription[] {
    const from = entityPrefix(entity)
    return this.reading(() => {
      const rows = this.kv.range('subscriptions', { from, to: after(from), limit: Number.MAX_SAFE_INTEGER })
      const found: StoredSubscription[] = []
      for (let at = 0; at < rows.length; at += 2) {
        found.push(decodeSubscription(subscriptionParts(rows[at]!).id, rows[at + 1]!))
      }
      return found
    })
  }

  subscribed(max: number): readonly EntityRef[] {
    return this.reading(() => {
      const found: EntityRef[] = []
      const to = Buffer.alloc(5, 255)
      let from: Buffer = Buffer.alloc(1)
      while (found.length < max) {
        const [first] = this.kv.range('subscriptions', { from, to, limit: 1, keysOnly: true })
        if (first === undefined) break
        const { prefix } = subscriptionParts(first)
        found.push(entityOfPrefix(prefix))
        from = after(prefix)
      }
      return found
    })
  }

  history(entity: EntityRef, afterRevision: number, recordsMax: number, bytesMax: number): RecordsPage {
    const prefix = entityPrefix(entity)
    return this.reading(() => {
      const from = numbered(prefix, afterRevision + 1)
      const rows = this.kv.range('journal', { from, to: after(prefix), limit: recordsMax, bytesMax })
      const records: JournalRecord[] = []
      for (let at = 0; at < rows.length; at += 2) records.push(decodeRecord(numberOf(rows[at]!), rows[at + 1]!))
      const rest = {
        from: numbered(prefix, (records.at(-1)?.revision ?? afterRevision) + 1),
        to: after(prefix),
        limit: 1,
      }
      return { records, more: this.kv.range('journal', { ...rest, keysOnly: true }).length > 0 }
    })
  }

  records(entity: EntityRef, afterRevision: number, recordsMax: number, bytesMax: number): RecordsPage {
    const rows = this.recordRows(entity, afterRevision, recordsMax + 1, bytesMax)
    return this.reading(() => {
      const records: JournalRecord[] = []
      for (let at = 0; at < rows.length && records.length < recordsMax; at += 2) {
        records.push(decodeRecord(numberOf(rows[at]!), rows[at + 1]!))
      }
      const last = records.at(-1)?.revision ?? afterRevision
      const more = rows.length / 2 > records.length || this.recordRows(entity, last, 1, 1).length > 0
      return { records, more }
    })
  }

  events(entity: EntityRef, afterRevision: number, eventsMax: number, bytesMax: number): EventsPage {
    const rows = this.recordRows(entity, afterRevision, eventsMax, bytesMax)
    return this.reading(() => {
      const events: Typed[] = []
      let revision = afterRevision
      let sequence = 0
      let at = 0
      while (at < rows.length && (at === 0 || events.length < eventsMax)) {
        sequence = decodeEvents(rows[at + 1]!, events)
        revision = numberOf(rows[at]!)
        at += 2
      }
      const more = at < rows.length || this.recordRows(entity, revision, 1, 1).length > 0
      return { events, revision, sequence, more }
    })
  }

  record(entity: EntityRef, revision: number): JournalRecord | undefined {
    return this.reading(() => {
      const value = this.kv.get('journal', numbered(entityPrefix(entity), revision))
      return value && decodeRecord(revision, value)
    })
  }

  snapshot(entity: EntityRef, sequenceMax = Number.MAX_SAFE_INTEGER): Snapshot | undefined {
    const prefix = entityPrefix(entity)
    const to = sequenceMax === Number.MAX_SAFE_INTEGER ? after(prefix) : numbered(prefix, sequenceMax + 1)
    const rows = this.reading(() =>
      this.kv.range('snapshots', { from: prefix, to, reverse: true, limit: snapshotsKept }),
    )
    for (let at = 0; at < rows.length; at += 2) {
      try {
        return decodeSnapshot(rows[at + 1]!)
      } catch (error) {
        if (!(error instanceof DamagedValue)) throw error
        this.warn('a snapshot is damaged and passed over', {
          storage: entity.storage,
          entity: entity.key,
          reason: error.message,
        })
      }
    }
    return undefined
  }

  putSnapshot(entity: EntityRef, snapshot: Snapshot): void {
    if (this.broken !== undefined) return
    const prefix = entityPrefix(entity)
    try {
      const older = this.kv.range('snapshots', {
        from: prefix,
        to: numbered(prefix, snapshot.sequence),
        reverse: true,
        limit: snapshotsKept + 8,
        keysOnly: true,
      })
      const writes: Write[] = [['snapshots', numbered(prefix, snapshot.sequence), encodeSnapshot(snapshot)]]
      for (let at = 2 * (snapshotsKept - 1); at < older.length; at += 2)
        writes.push(['snapshots', older[at]!, undefined])
      this.kv.write(writes, false)
    } catch (error) {
      this.fail(error)
    }
  }

  idempotency(entity: EntityRef, key: string): IdempotencyEntry | undefined {
    return this.reading(() => {
      const value = this.kv.get('idempotency', idempotencyKey(entity, key))
      return value && decodeIdempotency(value)
    })
  }

  expireIdempotency(beforeMs: number, max: number): number {
    return this.reading(() => {
      const from = Buffer.from([1])
      const keys = this.kv.range('idempotency', {
        from,
        to: expiryKey(Math.max(0, beforeMs), Buffer.alloc(1)),
        limit: max,
        keysOnly: true,
      })
      const writes: Write[] = []
      for (let at = 0; at < keys.length; at += 2) {
        const entry = expiredEntry(keys[at]!)
        writes.push(['idempotency', keys[at]!, undefined])
        // The key may have been given again since, after a purge: then another expiry key stands for it.
        const stored = this.kv.get('idempotency', entry)
        if (stored !== undefined && decodeIdempotency(stored).atMs < beforeMs) {
          writes.push(['idempotency', entry, undefined])
        }
      }
      if (writes.length > 0) this.kv.write(writes, false)
      return keys.length / 2
    })
  }

  outbox(afterId: number, max: number): readonly OutboxEntry[] {
    return this.reading(() => {
      const rows = this.kv.range('outbox', { from: outboxKey(afterId + 1), to: Buffer.alloc(9, 255), limit: max })
      const entries: OutboxEntry[] = []
      for (let at = 0; at < rows.length; at += 2) entries.push(decodeOutbox(numberOf(rows[at]!), rows[at + 1]!))
      return entries
    })
  }

  nextOutboxId(): number {
    return this.reading(() => this.outboxId + 1)
  }

  entities(
    storage: StorageId,
    prefix: string,
    afterKey: string | undefined,
    max: number,
    by: 'records' | 'base' = 'records',
  ): readonly EntitySummary[] {
    const column = by === 'records' ? 'journal' : 'bases'
    return this.reading(() => {
      const start = listPrefix(storage, prefix)
      const to = after(start)
      const found: EntitySummary[] = []
      let from = afterKey === undefined ? start : after(entityPrefix({ storage, key: afterKey }))
      if (from.compare(start) < 0) from = start
      while (found.length < max && from.compare(to) < 0) {
        const [first] = this.kv.range(column, { from, to, limit: 1, keysOnly: true })
        if (first === undefined) break
        const entity = by === 'records' ? entityOf(first) : entityOfPrefix(first)
        const { revision, sequence, nowMs } =
          by === 'records' ? this.head(entity)! : { ...this.base(entity)!, sequence: 0 }
        found.push({ key: entity.key, revision, sequence, lastChangeMs: nowMs })
        // From here to the next entity in one step: this one may have millions of records.
        from = after(entityPrefix(entity))
      }
      return found
    })
  }

  purge(storage: StorageId): void {
    const from = listPrefix(storage, '')
    const to = after(from)
    this.reading(() => {
      const tagged = (key: Buffer) => Buffer.concat([Buffer.from([0]), key])
      // The records last: a crash in between must leave no snapshot of a history that is gone.
      this.kv.clear('snapshots', from, to)
      this.kv.clear('idempotency', tagged(from), tagged(to))
      this.kv.clear('subscriptions', from, to)
      this.kv.clear('bases', from, to)
      this.kv.clear('journal', from, to)
      this.heads.clear()
      // The clearing itself is not synced by every engine; an empty synced commit is.
      this.kv.write([this.commitWrite([], this.outboxId)], true)
      this.commitNumber += 1
    })
  }

  lastCommit(): number {
    return this.commitNumber
  }

  commits(afterNumber: number, max: number): readonly CommitRecord[] {
    return this.reading(() => {
      const rows = this.kv.range('commits', {
        from: commitKey(afterNumber + 1),
        to: commitKey(Number.MAX_SAFE_INTEGER),
        limit: max,
      })
      const commits: CommitRecord[] = []
      for (let at = 0; at < rows.length; at += 2) commits.push(decodeCommit(numberOf(rows[at]!), rows[at + 1]!))
      return commits
    })
  }

  failure(): Error | undefined {
    return this.broken
  }

  async reopen(): Promise<void> {
    await this.kv.reopen()
    this.heads.clear()
    const { commitNumber, outboxId } = this.readEnd()
    this.commitNumber = commitNumber
    this.outboxId = outboxId
    this.broken = undefined
  }

  close(): Promise<void> {
    return this.kv.close()
  }

  private readonly headOf = (entity: EntityRef, by: 'records' | 'base'): Head => {
    const known = this.heads.get(headKey(entity))
    if (known !== undefined) return known
    if (by === 'records') return this.head(entity) ?? { revision: 0, sequence: 0 }
    return { revision: this.base(entity)?.revision ?? 0, sequence: 0 }
  }

  private commitWrite(wrote: CommitRecord['wrote'], outboxId: number): Write {
    return ['commits', commitKey(this.commitNumber + 1), encodeCommit(wrote, outboxId)]
  }

  private recordRows(entity: EntityRef, afterRevision: number, limit: number, bytesMax: number): Buffer[] {
    const prefix = entityPrefix(entity)
    return this.reading(() => {
      const from = numbered(prefix, afterRevision + 1)
      const rows = this.kv.range('journal', { from, to: after(prefix), limit, bytesMax })
      for (let at = 0, revision = afterRevision + 1; at < rows.length; at += 2, revision++) {
        if (numberOf(rows[at]!) !== revision) throw new DamagedValue(`record ${revision} of ${entity.key} is missing`)
      }
      return rows
    })
  }

  /** What the last commit left. @throws InnkeeperError `storage_unavailable` if its record is damaged. */
  private readEnd(): { commitNumber: number; outboxId: number } {
    const range = { from: commitKey(0), to: commitKey(Number.MAX_SAFE_INTEGER), reverse: true, limit: 1 }
    const [key, value] = this.kv.range('commits', range)
    if (key === undefined || value === undefined) return { commitNumber: 0, outboxId: 0 }
    try {
      return { commitNumber: numberOf(key), outboxId: decodeCommitOutboxId(value) }
    } catch (error) {
      throw new InnkeeperError('storage_unavailable', `the last commit is damaged: ${(error as Error).message}`, error)
    }
  }

  /** What else lies in the store (the catalog) fails and is refused together with the journal (J4). */
  readonly using = <T>(run: () => T): T => this.reading(run)

  /** Reads are refused while the store is broken, and break it when the engine fails (J4). */
  private reading<T>(read: () => T): T {
    if (this.broken !== undefined) throw this.refusal()
    try {
      return read()
    } catch (error) {
      if (error instanceof InnkeeperError) throw error
      if (error instanceof DamagedValue)
        throw new InnkeeperError('storage_unavailable', `the data directory is damaged: ${error.message}`, error)
      this.fail(error)
      throw this.refusal()
    }
  }

  private fail(error: unknown): void {
    if (this.broken !== undefined) return
    this.broken = new InnkeeperError('storage_unavailable', (error as Error).message, error)
    this.warn('storage failed', { err: error })
  }

  private refusal(): InnkeeperError {
    return new InnkeeperError(
      'storage_unavailable',
      `storage failed and is being reopened: ${this.broken!.message}`,
      this.broken,
    )
  }
}
