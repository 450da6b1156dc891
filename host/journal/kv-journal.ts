// The journal over a Kv: one implementation of the rules of journal.ts for every storage engine.
//
// Owns: what is written where, and the refusal of everything after a failure (journal.J4).   The Kv owns: bytes on disk.

import assert from 'node:assert/strict'
import { type Clock, systemClock } from '../clock.ts'
import type { EffectEntry } from '../effect.ts'
import { InnkeeperError } from '../errors.ts'
import type { Typed } from '../outcome.ts'
import type { Column } from '../storage/columns.ts'
import { after } from '../storage/columns.ts'
import { DamagedBlock, DamagedValue, damagedError, isDamaged } from '../storage/damage.ts'
import type { Warn } from '../storage/health.ts'
import { Health } from '../storage/health.ts'
import type { Clear, Kv, Write } from '../storage/kv.ts'
import type { Pace } from '../storage/pace.ts'
import type { Gap } from '../storage/walk.ts'
import { gapEnd, walk } from '../storage/walk.ts'
import { Census } from './census.ts'
import { type Head, Heads } from './heads.ts'
import type {
  Base,
  Batch,
  CommitRecord,
  EntityHead,
  EntityRef,
  EntitySummary,
  EventsPage,
  Expired,
  Gone,
  IdempotencyEntry,
  Journal,
  JournalRecord,
  MetDamage,
  RecordsPage,
  Snapshot,
  StorageId,
  StoredSubscription,
  Wrote,
} from './journal.ts'
import {
  commitKey,
  entityOf,
  entityOfPrefix,
  entityPrefix,
  expiredEntry,
  expiryKey,
  idempotencyKey,
  listPrefix,
  nameKey,
  numbered,
  numberOf,
  outboxKey,
  receiptId,
  receiptKey,
  subscriptionParts,
} from './keys.ts'
import type { StoredBytes } from './kv-batch.ts'
import { KvBatch } from './kv-batch.ts'
import { LocalLog } from './log/local.ts'
import type { CommitLog, Position } from './log/log.ts'
import type { Numbering } from './numbering.ts'
import { alone, nextOf } from './numbering.ts'
import { isWhole, type Opening, type OpeningAsked, Openings } from './opening.ts'
import type { NeverStored } from './record.ts'
import {
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
import { Runs } from './runs.ts'
import { keyBytes, Usage } from './usage.ts'
import { within } from './what.ts'

/** Snapshots kept of one entity: the newest to start from, older ones for a state at a point in time (decision 0004). */
const snapshotsKept = 3
/** More than a host commits, and effects that it sends, in the second that may not be noted. */
const commitsSkipped = 100_000
const effectsSkipped = 2 ** 32
/** Damaged parts that are remembered. */
const metMax = 1_000

/** Where the state's entries come from. `last`: what the state has reached. */
export type LogOf = (state: Kv, last: Position) => CommitLog

interface KvJournalParts {
  readonly kv: Kv
  readonly warn: Warn
  /** Names of metadata that is never stored. */
  readonly never?: NeverStored
  /** The last commit as far as it is known beside the store. */
  readonly noted?: () => number
  /** Which of so many partitions it is: effects have ids of their own in each. */
  readonly partition?: Numbering
  /** What the partitions of one store fail with, all together. */
  readonly health?: Health
  readonly log?: LogOf
  readonly clock?: Clock
  /** Of a run (runs.ts); random ones without it. */
  readonly runId?: (() => string) | undefined
}

export class KvJournal implements Journal {
  private readonly kv: Kv
  private readonly warn: Warn
  private readonly never: NeverStored
  private readonly noted: () => number
  private readonly numbering: Numbering
  private readonly health: Health
  private readonly logOf: LogOf
  private readonly clock: Clock
  private log: CommitLog
  private counting: Census
  private account: Usage
  /** So that appending need not read them: of records, and of values. */
  private readonly heads = { records: new Heads(), base: new Heads() }
  private openings: Openings
  /** Highest id that was ever enqueued: ids of entries that are long gone are not given again. */
  private outboxId: number
  private committing = false
  private readonly runId: (() => string) | undefined
  private runs: Runs
  commitBytes = 0
  private readonly hearers = new Set<() => void>()
  private readonly damage = new Map<string, MetDamage>()

  constructor({
    kv,
    warn,
    never = new Set(),
    noted = () => 0,
    partition = alone,
    health,
    log,
    clock,
    runId,
  }: KvJournalParts) {
    this.runId = runId
    this.clock = clock ?? systemClock
    this.kv = kv
    this.never = never
    this.warn = warn
    this.noted = noted
    this.numbering = partition
    this.health = health ?? new Health(warn)
    this.logOf = log ?? ((state, last) => new LocalLog(state, last))
    const { commitNumber, outboxId } = this.readEnd()
    this.log = this.logOf(kv, commitNumber)
    this.runs = new Runs(kv, runId)
    this.openings = new Openings(kv, this)
    this.outboxId = outboxId
    this.counting = new Census(kv, commitNumber, this.clock)
    this.account = new Usage(kv, commitNumber === 0, this.clock)
  }

  get usage(): Usage {
    return this.account
  }

  get census(): Census {
    return this.counting
  }

  batch(): Batch {
    return new KvBatch(this.headOf, this.stored, this.census, this.never)
  }

  commit(batch: Batch, done: (error: Error | undefined) => void): void {
    assert(batch instanceof KvBatch, 'a batch of another journal')
    assert(!this.committing, 'a commit is under way')
    if (this.health.broken !== undefined) {
      done(this.health.refusal())
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
    batch.close()
    const outboxId = Math.max(this.outboxId, batch.outboxId)
    const used = [...this.usage.commit(batch.used), ...this.usage.expire(batch.expired)]
    const writes = [...batch.writes, ...used, this.commitWrite(batch.wrote, outboxId, batch.gone)]
    this.append(writes, [], (error) => {
      if (error === undefined) {
        this.committed(batch, outboxId)
        done(undefined)
        return
      }
      this.census.failed()
      const message =
        'the outcome of this command is unknown: storage failed while it was written; a retry with an idempotency key finds out'
      done(new InnkeeperError('outcome_unknown', message, error))
    })
  }

  /** The next entry of the log. */
  private append(writes: readonly Write[], clears: readonly Clear[], done: (error: Error | undefined) => void): void {
    const { last } = this.log
    this.committing = true
    const begun = this.runs.begin(last + 1)
    const all = begun === undefined ? writes : [...writes, begun]
    this.log.append(last, { position: last + 1, writes: all, clears }, (error) => {
      this.committing = false
      if (error !== undefined) this.health.fail(error)
      done(error)
      if (error === undefined) for (const hear of this.hearers) hear()
    })
  }

  private committed(batch: KvBatch, outboxId: number): void {
    this.outboxId = outboxId
    this.census.committed(batch.brought)
    for (const { entity, by, revision, sequence } of batch.heads.values())
      this.heads[by].set(entity, { revision, sequence })
  }

  get pace(): Pace {
    return this.kv.pace
  }

  head(entity: EntityRef): EntityHead | undefined {
    const prefix = entityPrefix(entity)
    return this.reading(() => {
      const [key, value] = this.kv.range('journal', { from: prefix, to: after(prefix), reverse: true, limit: 1 })
      if (key === undefined || value === undefined) return undefined
      return { revision: numberOf(key), ...within('journal', key, () => decodeHead(value)) }
    }, entity)
  }

  opening(entity: EntityRef, asked: OpeningAsked): Opening {
    const opening = this.reading(() => this.openings.open(entity, asked), entity)
    const { revision, sequence } = opening.head ?? noHead
    this.heads.records.set(entity, { revision, sequence })
    return opening
  }

  base(entity: EntityRef): Base | undefined {
    const found = this.reading(() => {
      const key = entityPrefix(entity)
      const value = this.kv.get('bases', key)
      return value && within('bases', key, () => decodeBase(value))
    }, entity)
    this.heads.base.set(entity, { revision: found?.revision ?? 0, sequence: 0 })
    return found
  }

  subscriptions(entity: EntityRef): readonly StoredSubscription[] {
    const from = entityPrefix(entity)
    return this.reading(() => {
      const rows = this.kv.range('subscriptions', { from, to: after(from), limit: Number.MAX_SAFE_INTEGER })
      const found: StoredSubscription[] = []
      for (let at = 0; at < rows.length; at += 2) {
        const key = rows[at]!
        found.push(within('subscriptions', key, () => decodeSubscription(subscriptionParts(key).id, rows[at + 1]!)))
      }
      return found
    }, entity)
  }

  subscribed(last: EntityRef | undefined, max: number): readonly EntityRef[] {
    return this.reading(() => {
      const found: EntityRef[] = []
      const to = Buffer.alloc(5, 255)
      let from: Buffer = last === undefined ? Buffer.alloc(1) : after(entityPrefix(last))
      while (found.length < max) {
        const first = this.firstReadable('subscriptions', from, to)
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
      for (let at = 0; at < rows.length; at += 2) records.push(recordOf(rows[at]!, rows[at + 1]!))
      const rest = {
        from: numbered(prefix, (records.at(-1)?.revision ?? afterRevision) + 1),
        to: after(prefix),
        limit: 1,
      }
      return { records, more: this.kv.range('journal', { ...rest, keysOnly: true }).length > 0 }
    }, entity)
  }

  records(entity: EntityRef, afterRevision: number, recordsMax: number, bytesMax: number): RecordsPage {
    const rows = this.recordRows(entity, afterRevision, recordsMax + 1, bytesMax)
    return this.reading(() => {
      const records: JournalRecord[] = []
      for (let at = 0; at < rows.length && records.length < recordsMax; at += 2) {
        records.push(recordOf(rows[at]!, rows[at + 1]!))
      }
      const last = records.at(-1)?.revision ?? afterRevision
      const rest = () => !isWhole(rows, recordsMax + 1, bytesMax) && this.recordRows(entity, last, 1, 1).length > 0
      const more = rows.length / 2 > records.length || rest()
      return { records, more }
    }, entity)
  }

  events(entity: EntityRef, afterRevision: number, eventsMax: number, bytesMax: number): EventsPage {
    const rows = this.recordRows(entity, afterRevision, eventsMax, bytesMax)
    return this.reading(() => {
      const events: Typed[] = []
      let revision = afterRevision
      let sequence = 0
      let at = 0
      while (at < rows.length && (at === 0 || events.length < eventsMax)) {
        const [key, value] = [rows[at]!, rows[at + 1]!]
        sequence = within('journal', key, () => decodeEvents(value, events))
        revision = numberOf(rows[at]!)
        at += 2
      }
      return { events, revision, sequence }
    }, entity)
  }

  record(entity: EntityRef, revision: number): JournalRecord | undefined {
    return this.reading(() => {
      const key = numbered(entityPrefix(entity), revision)
      const value = this.kv.get('journal', key)
      return value && recordOf(key, value)
    }, entity)
  }

  snapshot(entity: EntityRef, sequenceMax = Number.MAX_SAFE_INTEGER): Snapshot | undefined {
    const prefix = entityPrefix(entity)
    const to = sequenceMax === Number.MAX_SAFE_INTEGER ? after(prefix) : numbered(prefix, sequenceMax + 1)
    const passedOver = (error: unknown) => {
      if (!(error instanceof DamagedValue)) throw error
      const { storage, key } = entity
      const { message: reason } = error
      if (this.meet({ column: 'snapshots', entity, what: 'a snapshot', reason }))
        this.warn('a snapshot is damaged and was skipped', { storage, entity: key, reason })
    }
    return this.reading(() => {
      const rows = this.snapshotRows(prefix, to, passedOver)
      for (let at = 0; at < rows.length; at += 2) {
        try {
          return within('snapshots', rows[at]!, () => decodeSnapshot(rows[at + 1]!))
        } catch (error) {
          passedOver(error)
        }
      }
      return undefined
    }, entity)
  }

  /** The newest that can be read: those before a damaged block, or none. */
  snapshotVersions(
    storage: StorageId,
    afterKey: string | undefined,
    max: number,
  ): readonly { readonly key: string; readonly stateVersion: string | undefined }[] {
    return this.reading(() => {
      const start = listPrefix(storage, '')
      const to = after(start)
      const found: { key: string; stateVersion: string | undefined }[] = []
      let from = afterKey === undefined ? start : after(entityPrefix({ storage, key: afterKey }))
      while (found.length < max && from.compare(to) < 0) {
        const first = this.firstReadable('snapshots', from, to)
        if (first === undefined) break
        const entity = entityOf(first)
        found.push({ key: entity.key, stateVersion: this.snapshot(entity)?.stateVersion })
        from = after(entityPrefix(entity))
      }
      return found
    })
  }

  private snapshotRows(from: Buffer, to: Buffer, passedOver: (error: unknown) => void): Buffer[] {
    for (let limit = snapshotsKept; limit > 0; limit--) {
      try {
        return this.kv.range('snapshots', { from, to, reverse: true, limit })
      } catch (error) {
        passedOver(error)
      }
    }
    return []
  }

  putSnapshot(entity: EntityRef, snapshot: Snapshot): void {
    if (this.health.broken !== undefined) return
    this.openings.snapshotTaken(entity.storage)
    const prefix = entityPrefix(entity)
    try {
      const older = this.olderSnapshots(prefix, snapshot.sequence)
      const key = numbered(prefix, snapshot.sequence)
      const value = encodeSnapshot(snapshot)
      const writes: Write[] = [['snapshots', key, value]]
      let bytes = key.length + value.length - this.bytesOf('snapshots', key)
      for (let at = 2 * (snapshotsKept - 1); at < older.length; at += 2) {
        writes.push(['snapshots', older[at]!, undefined])
        bytes -= this.bytesOf('snapshots', older[at]!)
      }
      this.kv.write([...writes, ...this.usage.snapshot(entity.storage, bytes)], false)
    } catch (error) {
      this.health.fail(error)
    }
  }

  private olderSnapshots(prefix: Buffer, before: number): readonly Buffer[] {
    const limit = snapshotsKept + 8
    try {
      return this.kv.range('snapshots', {
        from: prefix,
        to: numbered(prefix, before),
        reverse: true,
        limit,
        keysOnly: true,
      })
    } catch (error) {
      // They are passed over; the new one is all that is needed.
      if (error instanceof DamagedBlock) return []
      throw error
    }
  }

  idempotency(entity: EntityRef, key: string): IdempotencyEntry | undefined {
    return this.reading(() => {
      const stored = idempotencyKey(entity, key)
      const value = this.kv.get('idempotency', stored)
      return value && within('idempotency', stored, () => decodeIdempotency(value))
    }, entity)
  }

  expired(beforeMs: number, max: number): Expired {
    return this.reading(() => {
      const to = expiryKey(Math.max(0, beforeMs), Buffer.alloc(1))
      const expired = { keys: [] as Buffer[], bytes: new Map<StorageId, number>(), found: 0 }
      for (const step of walk(this.kv, {
        column: 'idempotency',
        from: Buffer.from([1]),
        to,
        rowsMax: max,
        keysOnly: true,
      })) {
        if (step.kind === 'gap') {
          this.lost('idempotency', step)
          continue
        }
        for (let at = 0; at < step.rows.length; at += 2) this.expire(step.rows[at]!, beforeMs, expired)
        expired.found += step.rows.length / 2
        if (expired.found >= max) break
      }
      return expired
    })
  }

  private expire(
    key: Buffer,
    beforeMs: number,
    { keys, bytes }: { keys: Buffer[]; bytes: Map<StorageId, number> },
  ): void {
    const entry = expiredEntry(key)
    keys.push(key)
    try {
      // The key may have been given again since, after a purge: then another expiry key stands for it.
      const stored = this.kv.get('idempotency', entry)
      if (stored === undefined || decodeIdempotency(stored).atMs >= beforeMs) return
      keys.push(entry)
      const storage = entry.readUInt32BE(1)
      bytes.set(storage, (bytes.get(storage) ?? 0) + keyBytes(entry, stored))
    } catch (error) {
      if (!(error instanceof DamagedValue)) throw error
      // Nobody can read it; its time has come all the same.
      keys.push(entry)
    }
  }

  outbox(afterId: number, max: number): readonly EffectEntry[] {
    return this.reading(() => {
      const to = Buffer.alloc(9, 255)
      const entries: EffectEntry[] = []
      for (const step of walk(this.kv, { column: 'outbox', from: outboxKey(afterId + 1), to, rowsMax: max })) {
        if (step.kind === 'gap') this.lost('outbox', step)
        else
          for (let at = 0; at < step.rows.length; at += 2) this.outboxRow(step.rows[at]!, step.rows[at + 1]!, entries)
        if (entries.length > 0) break
      }
      return entries
    })
  }

  nextOutboxId(): number {
    return this.reading(() => nextOf(this.numbering, this.outboxId))
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
        const first = this.firstReadable(column, from, to)
        if (first === undefined) break
        const entity = by === 'records' ? entityOf(first) : entityOfPrefix(first)
        found.push(this.summary(entity, by))
        // From here to the next entity in one step: this one may have millions of records.
        from = after(entityPrefix(entity))
      }
      return found
    })
  }

  purge(storage: StorageId): Promise<void> {
    assert(!this.committing, 'a purge meets a commit under way')
    const from = listPrefix(storage, '')
    const to = after(from)
    const tagged = (key: Buffer) => Buffer.concat([Buffer.from([0]), key])
    const clears: readonly Clear[] = [
      { column: 'snapshots', from, to },
      { column: 'idempotency', from: tagged(from), to: tagged(to) },
      { column: 'subscriptions', from, to },
      { column: 'bases', from, to },
      { column: 'tickets', from: tagged(from), to: tagged(to) },
      { column: 'commits', from: nameKey(from), to: nameKey(to) },
      { column: 'journal', from, to },
    ]
    return new Promise((resolve, reject) => {
      if (this.health.broken !== undefined) throw this.health.refusal()
      const number = this.log.last + 1
      const forgotten = [...this.census.forget(storage, number), ...this.usage.forget(storage)]
      const commit = this.commitWrite([], this.outboxId, [{ storage, why: 'purged' }])
      this.append([...forgotten, commit], clears, (error) => {
        // Also of what was read while it was under way.
        this.forgetHeads()
        if (error === undefined) resolve()
        else reject(this.health.refusal())
      })
    })
  }

  receipts(afterId: number, max: number): readonly number[] {
    return this.reading(() => {
      const range = {
        from: receiptKey(afterId + 1),
        to: receiptKey(Number.MAX_SAFE_INTEGER),
        limit: max,
        keysOnly: true,
      }
      const rows = this.kv.range('default', range)
      return rows.filter((_, at) => at % 2 === 0).map(receiptId)
    })
  }

  lastCommit(): number {
    return this.log.last
  }

  commits(afterNumber: number, max: number, bytesMax: number = Number.MAX_SAFE_INTEGER): readonly CommitRecord[] {
    return this.reading(() => {
      const [from, to] = [commitKey(afterNumber + 1), commitKey(Number.MAX_SAFE_INTEGER)]
      const rows = this.kv.range('commits', { from, to, limit: max, bytesMax })
      const commits: CommitRecord[] = []
      for (let at = 0; at < rows.length; at += 2) commits.push(decodeCommit(numberOf(rows[at]!), rows[at + 1]!))
      return commits
    })
  }

  readonly rows: Pick<Kv, 'get' | 'range'> = {
    get: (column, key) => this.health.using(() => this.kv.get(column, key), asItIs),
    range: (column, range) => this.health.using(() => this.kv.range(column, range), asItIs),
  }

  runOf(commit: number): string {
    return this.reading(() => this.runs.of(commit))
  }

  onCommit(hear: () => void): () => void {
    this.hearers.add(hear)
    return () => void this.hearers.delete(hear)
  }

  failure(): Error | undefined {
    return this.health.broken
  }

  examine(): void {
    if (this.health.broken === undefined && this.kv.ailing)
      this.health.fail(new Error('RocksDB found damage while it rewrote its tables, and accepts no more writes'))
  }

  async reopen(): Promise<void> {
    await this.kv.reopen()
    this.reread()
    this.health.mended()
  }

  /** The engine was opened again: forget what was believed of it. */
  reread(): void {
    this.forgetHeads()
    this.openings = new Openings(this.kv, this)
    const { commitNumber, outboxId } = this.readEnd()
    this.log = this.logOf(this.kv, commitNumber)
    this.runs = new Runs(this.kv, this.runId)
    this.outboxId = outboxId
    // A commit whose outcome was unknown may be there after all.
    this.counting.stop()
    this.counting = new Census(this.kv, commitNumber, this.clock)
    this.account.stop()
    this.account = new Usage(this.kv, commitNumber === 0, this.clock)
  }

  /** Nothing is counted any more. */
  stop(): void {
    this.census.stop()
    this.usage.stop()
  }

  close(): Promise<void> {
    this.stop()
    return this.kv.close()
  }

  private summary(entity: EntityRef, by: 'records' | 'base'): EntitySummary {
    try {
      const { revision, sequence, nowMs } =
        by === 'records' ? this.head(entity)! : { ...this.base(entity)!, sequence: 0 }
      return { key: entity.key, revision, sequence, lastChangeMs: nowMs }
    } catch (error) {
      if (!isDamaged(error)) throw error
      const damaged = error.cause instanceof Error ? error.cause.message : error.message
      return { key: entity.key, revision: 0, sequence: 0, lastChangeMs: 0, damaged }
    }
  }

  private outboxRow(key: Buffer, value: Buffer, into: EffectEntry[]): void {
    try {
      into.push(decodeOutbox(numberOf(key), value))
    } catch (error) {
      if (!(error instanceof DamagedValue)) throw error
      const { message: reason } = error
      if (this.meet({ column: 'outbox', entity: undefined, what: `effect ${numberOf(key)}`, reason }))
        this.warn('an effect is damaged and cannot be delivered', { effect: numberOf(key), reason })
    }
  }

  /** The first key of a range, past what is damaged. */
  private firstReadable(column: Column, from: Buffer, to: Buffer): Buffer | undefined {
    for (let at = from; at.compare(to) < 0; ) {
      try {
        return this.kv.range(column, { from: at, to, limit: 1, keysOnly: true })[0]
      } catch (error) {
        if (!(error instanceof DamagedBlock)) throw error
        const end = gapEnd(this.kv, column, at, to)
        this.lost(column, { kind: 'gap', after: at, to: end, reason: error })
        at = end
      }
    }
    return undefined
  }

  get met(): readonly MetDamage[] {
    return [...this.damage.values()]
  }

  /** False if it was met before. */
  private meet(met: MetDamage): boolean {
    const { column, entity, what, reason } = met
    const name = `${column} ${entity?.storage} ${entity?.key} ${what} ${reason}`
    if (this.damage.has(name) || this.damage.size >= metMax) return false
    this.damage.set(name, met)
    return true
  }

  private lost(column: Column, { reason: { message: reason } }: Gap): void {
    if (this.meet({ column, entity: undefined, what: 'a part that is passed over', reason }))
      this.warn('a part of the store is damaged and was skipped; `inn doctor --data` says what was in it', {
        column,
        reason,
      })
  }

  /** What a batch deletes or replaces. What is damaged counts as nothing. */
  private readonly stored: StoredBytes = {
    records: (from, to) => {
      try {
        const rows = this.kv.range('journal', { from, to, limit: Number.MAX_SAFE_INTEGER })
        return rows.reduce((bytes, { length }) => bytes + length, 0)
      } catch (error) {
        if (error instanceof DamagedBlock) return 0
        throw error
      }
    },
    key: (stored) => {
      const bytes = this.bytesOf('idempotency', stored)
      return bytes === 0 ? 0 : bytes + stored.length + 8
    },
  }

  /** Key and value, if there is one. */
  private bytesOf(column: Column, key: Buffer): number {
    try {
      const value = this.kv.get(column, key)
      return value === undefined ? 0 : key.length + value.length
    } catch (error) {
      if (error instanceof DamagedBlock) return 0
      throw error
    }
  }

  private readonly headOf = (entity: EntityRef, by: 'records' | 'base'): Head => {
    const known = this.heads[by].get(entity)
    if (known !== undefined) return known
    if (by === 'base') {
      const { revision } = this.base(entity) ?? noHead
      return { revision, sequence: 0 }
    }
    const { revision, sequence } = this.head(entity) ?? noHead
    const head = { revision, sequence }
    this.heads.records.set(entity, head)
    return head
  }

  private forgetHeads(): void {
    this.heads.records.clear()
    this.heads.base.clear()
  }

  private commitWrite(wrote: readonly Wrote[], outboxId: number, gone: readonly Gone[]): Write {
    const [key, value] = [commitKey(this.log.last + 1), encodeCommit(wrote, outboxId, gone)]
    this.commitBytes += key.length + value.length
    return ['commits', key, value]
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
    }, entity)
  }

  /** What the last commit left. Where that cannot be read, numbers go on far behind all that can have been given: of commits
   *  behind the one that was noted beside the journal a second ago at most, of effects behind those that wait. */
  private readEnd(): { commitNumber: number; outboxId: number } {
    const range = { from: commitKey(0), to: commitKey(Number.MAX_SAFE_INTEGER), reverse: true, limit: 1 }
    try {
      const [key, value] = this.kv.range('commits', range)
      if (key === undefined || value === undefined) return { commitNumber: 0, outboxId: 0 }
      return { commitNumber: numberOf(key), outboxId: decodeCommitOutboxId(value) }
    } catch (error) {
      if (!(error instanceof DamagedValue)) throw error
      const waiting = this.outboxKeys().at(-1)
      const end = {
        commitNumber: this.noted() + commitsSkipped,
        outboxId: (waiting === undefined ? 0 : numberOf(waiting)) + effectsSkipped,
      }
      this.warn('the last commits are damaged; new commits get the numbers after them', {
        reason: error.message,
        ...end,
      })
      return end
    }
  }

  private outboxKeys(): Buffer[] {
    const keys: Buffer[] = []
    const outbox = {
      column: 'outbox',
      from: outboxKey(0),
      to: Buffer.alloc(9, 255),
      rowsMax: 1_000,
      keysOnly: true,
    } as const
    for (const step of walk(this.kv, outbox)) {
      if (step.kind === 'rows') keys.push(step.rows.at(-2)!)
    }
    return keys
  }

  /** Reads are refused while the store is broken, and break it when the engine fails (journal.J4). Damage refuses what was asked for,
   *  and breaks nothing. */
  private reading<T>(read: () => T, entity?: EntityRef): T {
    return this.health.using(read, (error) => this.refused(error, entity))
  }

  /** Damage was met, in what is stored of an entity or somewhere else: it is remembered, and refuses what was asked for. */
  refused(error: DamagedValue, entity?: EntityRef): InnkeeperError {
    const { message: reason } = error
    const [what, told] =
      entity === undefined
        ? ['a part of the store', 'a part of the store']
        : ['its stored data', 'the stored data of this entity']
    this.meet({ column: undefined, entity, what, reason })
    return damagedError(told, error)
  }
}

const noHead: Head = { revision: 0, sequence: 0 }

const asItIs = (damage: DamagedValue): Error => damage

function recordOf(key: Buffer, value: Buffer): JournalRecord {
  return within('journal', key, () => decodeRecord(numberOf(key), value))
}
