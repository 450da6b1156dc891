// Replica state: an entity's replica, loaded from its base and the deltas after it, and when to write a new base.
//
// R1. What is on disk and what is here differ only by the turn that is under way.
// R2. Deltas are folded into a base once they are as large as the base, or many: so what a start reads, and what is on
//     disk, stays within about twice the replica, however busy it is, and writing bases costs no more than the deltas did.
//
// Owns: loading, compacting.   host/crdt owns: merging.   replica-turn.ts owns: turns.

import { DamagedReplica } from '../../crdt/decode.ts'
import { Replica } from '../../crdt/replica.ts'
import type { Batch, EntityRef, Journal, JournalRecord } from '../../journal/journal.ts'
import { damagedError } from '../../storage/damage.ts'

/** Deltas read at once while loading. */
const pageRecords = 1_000
const pageBytes = 1024 * 1024
/** Deltas worth a new base. Their number bounds how many keys one commit deletes. */
const compactBytesMin = 64 * 1024
const compactRecordsMax = 4_096

export class ReplicaState {
  readonly replica: Replica
  revision = 0
  readonly nowMs: number
  private readonly journal: Pick<Journal, 'base' | 'head' | 'records'>
  private readonly entity: EntityRef
  /** Revision of the last record that is in `replica`. */
  private folded = 0
  private baseRevision = 0
  private baseBytes = 0
  private bytesSince = 0

  /** @throws InnkeeperError `storage_unavailable`, `data_damaged` */
  constructor(journal: Pick<Journal, 'base' | 'head' | 'records'>, entity: EntityRef) {
    this.journal = journal
    this.entity = entity
    const base = journal.base(entity)
    const head = journal.head(entity)
    this.revision = head?.revision ?? 0
    this.nowMs = Math.max(head?.nowMs ?? 0, base?.nowMs ?? 0)
    this.replica = base?.state === undefined ? new Replica() : whole(() => Replica.decode(base.state!))
    if (base === undefined) return
    this.baseRevision = base.revision
    this.baseBytes = base.state?.length ?? 0
    this.folded = base.revision
  }

  get ready(): boolean {
    return this.folded === this.revision
  }

  /** Merge one page of deltas. @throws InnkeeperError `storage_unavailable`, `data_damaged` */
  step(): void {
    const { records } = this.journal.records(this.entity, this.folded, pageRecords, pageBytes)
    for (const { revision, change } of records) {
      if (change?.kind === 'delta') whole(() => this.replica.merge(change.delta))
      this.folded = revision
      this.bytesSince += change?.kind === 'delta' ? change.delta.length : 0
    }
  }

  /** What a turn leaves, into its batch; with a new base if one is due. */
  write(batch: Batch, records: readonly JournalRecord[], deployment: number): void {
    for (const record of records) batch.append(this.entity, record)
    const last = records.at(-1)
    if (last === undefined) return
    this.bytesSince += bytesOf(records)
    this.revision = last.revision
    this.folded = last.revision
    if (!this.compactionDue) return
    const state = this.replica.encode()
    const base = { revision: last.revision, deployment, nowMs: last.command.nowMs, state }
    batch.compact(this.entity, this.baseRevision, base, this.baseBytes)
    this.baseRevision = last.revision
    this.baseBytes = state.length
    this.bytesSince = 0
  }

  private get compactionDue(): boolean {
    return (
      this.bytesSince > Math.max(compactBytesMin, this.baseBytes) ||
      this.revision - this.baseRevision >= compactRecordsMax
    )
  }
}

function bytesOf(records: readonly JournalRecord[]): number {
  let bytes = 0
  for (const { change, command } of records) {
    bytes += 64 + command.payload.length + (change?.kind === 'delta' ? change.delta.length : 0)
  }
  return bytes
}

/** Bytes of the disk. */
function whole<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof DamagedReplica)) throw error
    throw damagedError('the stored data of this entity', error)
  }
}
