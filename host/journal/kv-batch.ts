// A batch over a Kv: the writes of one commit, encoded as they come; of records only what the census counts is held on to.
//
// B1. A record must follow its entity's last one, stored or earlier in the batch (J2), and a value its last revision; the
//     journal looks again at commit, since another batch may have come first.

import assert from 'node:assert/strict'
import type { Census, Counted } from './census.ts'
import type {
  Base,
  Batch,
  CommitRecord,
  EntityRef,
  IdempotencyEntry,
  JournalRecord,
  OutboxEntry,
  StoredSubscription,
} from './journal.ts'
import { entityPrefix, expiryKey, idempotencyKey, numbered, outboxKey, subscriptionKey } from './keys.ts'
import type { Write } from './kv.ts'
import type { NeverStored } from './record.ts'
import { encodeBase, encodeIdempotency, encodeOutbox, encodeRecord, encodeSubscription } from './record.ts'

export interface Head {
  readonly revision: number
  readonly sequence: number
}

/** Where an entity's last revision is read: at its last record, or at its base. */
export type HeadOf = (entity: EntityRef, by: 'records' | 'base') => Head

export interface BatchHead extends Head {
  readonly entity: EntityRef
  /** Revision that the batch's first record of the entity follows. */
  readonly base: number
  readonly by: 'records' | 'base'
}

const nothing = Buffer.alloc(0)

export class KvBatch implements Batch {
  readonly writes: Write[] = []
  readonly wrote: CommitRecord['wrote'][number][] = []
  readonly heads = new Map<string, BatchHead>()
  /** Highest id enqueued, 0 if none was. */
  outboxId = 0
  /** For the census. */
  readonly brought: Counted[] = []
  private readonly headOf: HeadOf
  private readonly census: Pick<Census, 'firstOf'>
  private readonly never: NeverStored

  constructor(headOf: HeadOf, census: Pick<Census, 'firstOf'>, never: NeverStored) {
    this.headOf = headOf
    this.census = census
    this.never = never
  }

  get empty(): boolean {
    return this.writes.length === 0
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
    this.writes.push(['journal', numbered(entityPrefix(entity), record.revision), encodeRecord(record, this.never)])
    this.wrote.push({ entity, revision: record.revision })
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

  keep(entity: EntityRef, after: number, base: Base, history: readonly JournalRecord[]): void {
    const key = headKey(entity)
    const earlier = this.heads.get(key)
    const { revision } = earlier ?? this.headOf(entity, 'base')
    assert(
      after === revision && base.revision > after,
      `sequence_conflict: value ${base.revision} made after ${after}, kept after ${revision}`,
    )
    this.heads.set(key, { entity, base: earlier?.base ?? after, by: 'base', revision: base.revision, sequence: 0 })
    const prefix = entityPrefix(entity)
    for (const record of history)
      this.writes.push(['journal', numbered(prefix, record.revision), encodeRecord(record, this.never)])
    this.writes.push(['bases', prefix, encodeBase(base)])
    this.wrote.push({ entity, revision: base.revision })
    const { storage, key: id } = entity
    this.brought.push({ storage, key: id, born: after === 0, size: base.state?.length ?? 0, events: [] })
  }

  compact(entity: EntityRef, after: number, base: Base): void {
    const prefix = entityPrefix(entity)
    for (let revision = Math.max(1, after); revision < base.revision; revision++)
      this.writes.push(['journal', numbered(prefix, revision), undefined])
    this.writes.push(['bases', prefix, encodeBase(base)])
  }

  subscribe(entity: EntityRef, subscription: StoredSubscription): void {
    this.writes.push(['subscriptions', subscriptionKey(entity, subscription.id), encodeSubscription(subscription)])
  }

  unsubscribe(entity: EntityRef, id: string): void {
    this.writes.push(['subscriptions', subscriptionKey(entity, id), undefined])
  }

  remember(entity: EntityRef, key: string, entry: IdempotencyEntry): void {
    const stored = idempotencyKey(entity, key)
    this.writes.push(
      ['idempotency', stored, encodeIdempotency(entry, this.never)],
      ['idempotency', expiryKey(entry.atMs, stored), nothing],
    )
  }

  enqueue(entry: OutboxEntry): void {
    this.writes.push(['outbox', outboxKey(entry.id), encodeOutbox(entry, this.never)])
    this.outboxId = Math.max(this.outboxId, entry.id)
  }

  dequeue(id: number): void {
    this.writes.push(['outbox', outboxKey(id), undefined])
  }
}

export function headKey({ storage, key }: EntityRef): string {
  return `${storage}\0${key}`
}
