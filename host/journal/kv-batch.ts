// A batch over a Kv: the writes of one commit, encoded as they come, so that nothing of them is held on to.
//
// B1. A record must follow its entity's last one, stored or earlier in the batch (J2); the journal looks again at commit,
//     since another batch may have come first.

import assert from 'node:assert/strict'
import type { Batch, CommitRecord, EntityRef, IdempotencyEntry, JournalRecord, OutboxEntry } from './journal.ts'
import { entityPrefix, expiryKey, idempotencyKey, numbered, outboxKey } from './keys.ts'
import type { Write } from './kv.ts'
import { encodeIdempotency, encodeOutbox, encodeRecord } from './record.ts'

export interface Head {
  readonly revision: number
  readonly sequence: number
}

export interface BatchHead extends Head {
  readonly entity: EntityRef
  /** Revision that the batch's first record of the entity follows. */
  readonly base: number
}

const nothing = Buffer.alloc(0)

export class KvBatch implements Batch {
  readonly writes: Write[] = []
  readonly wrote: CommitRecord['wrote'][number][] = []
  readonly heads = new Map<string, BatchHead>()
  /** Highest id enqueued, 0 if none was. */
  outboxId = 0
  private readonly headOf: (entity: EntityRef) => Head

  constructor(headOf: (entity: EntityRef) => Head) {
    this.headOf = headOf
  }

  get empty(): boolean {
    return this.writes.length === 0
  }

  append(entity: EntityRef, record: JournalRecord): void {
    const key = headKey(entity)
    const earlier = this.heads.get(key)
    const { revision, sequence } = earlier ?? this.headOf(entity)
    assert(
      record.revision === revision + 1 && record.sequence === sequence + record.events.length,
      `sequence_conflict: record ${record.revision}/${record.sequence} after ${revision}/${sequence}`,
    )
    const base = earlier?.base ?? revision
    this.heads.set(key, { entity, base, revision: record.revision, sequence: record.sequence })
    this.writes.push(['journal', numbered(entityPrefix(entity), record.revision), encodeRecord(record)])
    this.wrote.push({ entity, revision: record.revision })
  }

  remember(entity: EntityRef, key: string, entry: IdempotencyEntry): void {
    const stored = idempotencyKey(entity, key)
    this.writes.push(
      ['idempotency', stored, encodeIdempotency(entry)],
      ['idempotency', expiryKey(entry.atMs, stored), nothing],
    )
  }

  enqueue(entry: OutboxEntry): void {
    this.writes.push(['outbox', outboxKey(entry.id), encodeOutbox(entry)])
    this.outboxId = Math.max(this.outboxId, entry.id)
  }

  dequeue(id: number): void {
    this.writes.push(['outbox', outboxKey(id), undefined])
  }
}

export function headKey({ storage, key }: EntityRef): string {
  return `${storage}\0${key}`
}
