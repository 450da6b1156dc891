// Journal: the durable log of what entities decided, and what hangs on it. The interface; kv-journal.ts implements it.
//
// J1. A batch is all or nothing: records, idempotency entries, outbox changes. `commit` answers after the sync, never before.
// J2. Of one entity, revisions and event sequences start at 1 and have no gaps and no repeats; a batch that would break that
//     is refused whole (`sequence_conflict` is a bug of the caller, so an assert).
// J3. Commits are numbered without gaps within a partition, by their places in its log (log/log.ts). Each leaves one small record naming
//     what it changed: the order that the feed follows (host/feed), and how far the state has come. Old ones are trimmed, never the last.
// J4. A commit that failed leaves the outcome unknown. The journal then refuses everything, reads included, with
//     `storage_unavailable` until `reopen` succeeded. Damage is no failure: what lies in it is refused with `data_damaged`, and
//     everything else goes on.
// J5. Snapshots are a cache's business: written beside the log and without sync, their loss changes no state. All else is in commits.
// J6. Nothing above may assume that a commit is local or instant: `done` may be called in the same tick or much later,
//     always in the order of the commits.
//
// J7. Of entities that keep no events there is a base beside the records: the value, or the replica as of a revision. It is
//     written in synced commits, and what it covers may be gone: a value's records unless its history is kept, a replica's
//     but the last.
// J8. An open subscription of a replicated entity is stored by the commit that opened it, and goes with that of its end.
//
// Owns: bytes on disk (record.ts, keys.ts), order, sync.   Group commit owns: what goes into one batch.   Entities own: meaning.

import type { Cause, EffectEntry } from '../effect.ts'
import type { Metadata } from '../metadata.ts'
import type { Call, Change, Effect, GuestAnswer, Resolution, Typed } from '../outcome.ts'
import type { Column } from '../storage/columns.ts'
import type { Kv, Write } from '../storage/kv.ts'
import type { Pace } from '../storage/pace.ts'
import type { Census } from './census.ts'
import type { Opening, OpeningAsked } from './opening.ts'
import type { PendingRef } from './pending-rows.ts'
import type { TicketChange } from './ticket-rows.ts'
import type { Usage } from './usage.ts'

/** Short number that a persistence id was given at its first deployment; never used again for another. */
export type StorageId = number

/** One entity. `key` is the unambiguous form (schema/entity-key.ts): for one key field the value itself. */
export interface EntityRef {
  readonly storage: StorageId
  readonly key: string
}

/** A command as it was decided, complete enough to decide it again. */
export interface RecordedCommand {
  readonly method: string
  readonly payload: Uint8Array
  readonly metadata: Metadata
  readonly nowMs: number
  readonly seed: Uint8Array
  readonly idempotencyKey: string | undefined
  /** Of a command that an effect brought: where that came from. */
  readonly cause?: Cause | undefined
}

/** Who caused a record: a caller, a client that left its stream, a change that subscribers were told of, or a peer. */
export type Origin = 'command' | 'cancelled' | 'changed' | 'peer'

/** One decision that was worth writing (turn.T2). */
export interface JournalRecord {
  /** Place among the entity's records, from 1. */
  readonly revision: number
  /** Sequence of the entity's last event after this record. The record's own events end here. */
  readonly sequence: number
  /** Number of the deployment that decided. */
  readonly deployment: number
  readonly command: RecordedCommand
  readonly origin: Origin
  readonly events: readonly Typed[]
  /** Of entities that keep no events. */
  readonly change: Change | undefined
  readonly effects: readonly Effect[]
  readonly cancels?: readonly string[] | undefined
  readonly resolves?: readonly Resolution[] | undefined
  /** Accepted answers only; a refusal is recorded nowhere. */
  readonly answer: Exclude<GuestAnswer, { kind: 'failure' }>
  readonly answerMetadata: Metadata
}

export interface EntityHead {
  readonly revision: number
  readonly sequence: number
  /** `nowMs` of the last recorded command: time never goes backwards for an entity. */
  readonly nowMs: number
}

/** What entities without events are built from (J7). */
export interface Base {
  /** Last revision that it covers. */
  readonly revision: number
  readonly deployment: number
  /** Time of the last command that it covers. */
  readonly nowMs: number
  /** The value, or the replica in bytes of host/crdt; `undefined`: there is none, or none any more. */
  readonly state: Uint8Array | undefined
}

export interface StoredSubscription {
  readonly id: string
  readonly method: string
  /** The request that opened it: views may depend on it. */
  readonly payload: Uint8Array
  readonly note: Uint8Array
}

export interface Snapshot {
  readonly revision: number
  readonly sequence: number
  readonly stateVersion: string
  readonly state: Uint8Array
}

export interface IdempotencyEntry {
  readonly method: string
  /** SHA-256 of the payload. */
  readonly payloadHash: Uint8Array
  /** Age of the data directory when the first accepted outcome was stored (age.ts). */
  readonly atMs: number
  /** The record that holds the answer, where `final` does not. */
  readonly revision: number
  /** The answer: of entities whose records may go, and of a forward once it arrived. */
  readonly final: StoredAnswer | undefined
}

export type StoredAnswer =
  | { readonly kind: 'message'; readonly payload: Uint8Array; readonly metadata: Metadata }
  | {
      readonly kind: 'failure'
      readonly code: number
      readonly message: string
      readonly details: readonly Typed[]
      readonly metadata: Metadata
    }
  /** The forward itself, until its answer arrives. */
  | { readonly kind: 'forward'; readonly call: Call; readonly metadata: Metadata }
  /** The ticket that it waits for, until that is resolved. */
  | { readonly kind: 'later'; readonly ticket: string; readonly metadata: Metadata }

/** Collects the writes of one commit. Not to be used after it was given to `commit`. */
export interface Batch {
  readonly empty: boolean
  /** Grows with everything that is written. */
  readonly size: number
  append(entity: EntityRef, record: JournalRecord): void
  /** Replace the base of an entity that keeps a value, of `replacedBytes`; it must follow revision `after`. `history`: records to
   *  keep besides. */
  keep(entity: EntityRef, after: number, base: Base, history: readonly JournalRecord[], replacedBytes?: number): void
  /** Replace the base of a replica, of `replacedBytes`, and forget the records after `after` that come before `base.revision`. */
  compact(entity: EntityRef, after: number, base: Base, replacedBytes?: number): void
  subscribe(entity: EntityRef, subscription: StoredSubscription): void
  unsubscribe(entity: EntityRef, id: string): void
  /** `again`: it replaces what is remembered of the key. */
  remember(entity: EntityRef, idempotencyKey: string, entry: IdempotencyEntry, again?: boolean): void
  /** Add or replace. */
  enqueue(entry: EffectEntry): void
  dequeue(id: number): void
  /** An effect that is due later. */
  pend(entry: EffectEntry): void
  unpend(ref: PendingRef): void
  /** Open a ticket, let another one join, or resolve it. */
  ticket(change: TicketChange): void
  /** An effect of another partition has arrived here: told to that partition, and kept until it knows. */
  receive(id: number): void
  /** That partition knows. */
  settle(id: number): void
  forget(expired: Expired): void
  /** Of all entities of a storage id, for those who follow. */
  tell(gone: Gone): void
  /** What the census has counted, so that the next start need not; and rows of the feed. */
  note(writes: readonly Write[]): void
  /** Rows of an owner that are made when the batch is committed, once. */
  noteLast(owner: object, rows: () => readonly Write[]): void
}

/** Idempotency keys whose time has come. */
export interface Expired {
  /** Entries looked at. */
  readonly found: number
  readonly keys: readonly Buffer[]
  /** What they took. */
  readonly bytes: ReadonlyMap<StorageId, number>
}

export interface EntitySummary {
  readonly key: string
  readonly revision: number
  readonly sequence: number
  readonly lastChangeMs: number
  /** Why it cannot be read: then the other numbers say nothing. */
  readonly damaged?: string
}

/** Damage that was met while reading: of an entity, or of a part of a column that was passed over. */
export interface MetDamage {
  readonly column: Column | undefined
  readonly entity: EntityRef | undefined
  readonly what: string
  readonly reason: string
}

export interface RecordsPage {
  readonly records: readonly JournalRecord[]
  /** There are more after the last one. */
  readonly more: boolean
}

/** Events of consecutive records, for replay. */
export interface EventsPage {
  readonly events: readonly Typed[]
  /** Revision and sequence up to which this page reaches. */
  readonly revision: number
  readonly sequence: number
}

export interface Journal {
  batch(): Batch
  /** Write and sync. `done` gets an InnkeeperError `outcome_unknown` or `storage_unavailable`, or nothing. An empty batch is fine.
   *  One commit at a time: the next one is given once `done` was called. */
  commit(batch: Batch, done: (error: Error | undefined) => void): void

  /** Last record's numbers, or undefined if nothing was ever recorded. */
  head(entity: EntityRef): EntityHead | undefined
  /** What an entity is loaded from (opening.ts). */
  opening(entity: EntityRef, asked: OpeningAsked): Opening
  base(entity: EntityRef): Base | undefined
  /** Subscriptions that were left open. */
  subscriptions(entity: EntityRef): readonly StoredSubscription[]
  /** Entities that have some, `max` of those after `last`. */
  subscribed(last: EntityRef | undefined, max: number): readonly EntityRef[]
  /** Records with revision > `after`, at most so many records and about so many bytes (at least one record). */
  records(entity: EntityRef, after: number, recordsMax: number, bytesMax: number): RecordsPage
  /** Events of the records with revision > `after`: at most so many events and bytes, but whole records, at least one. */
  events(entity: EntityRef, after: number, eventsMax: number, bytesMax: number): EventsPage
  record(entity: EntityRef, revision: number): JournalRecord | undefined
  /** Records of a value's history: as `records`, but there may be gaps, from when it was not kept. */
  history(entity: EntityRef, after: number, recordsMax: number, bytesMax: number): RecordsPage

  /** The latest snapshot, or the latest at or below `sequenceMax`. A damaged one counts as none (it is a cache), and is logged. */
  snapshot(entity: EntityRef, sequenceMax?: number): Snapshot | undefined
  /** State versions of the latest snapshots of entities after `after`, in key order; a damaged one counts as none. */
  snapshotVersions(
    storage: StorageId,
    after: string | undefined,
    max: number,
  ): readonly { readonly key: string; readonly stateVersion: string | undefined }[]
  /** Store a snapshot. Without sync, never awaited (J5). */
  putSnapshot(entity: EntityRef, snapshot: Snapshot): void

  idempotency(entity: EntityRef, idempotencyKey: string): IdempotencyEntry | undefined
  /** Entries stored before the age `beforeMs`, at most `max` of them: to be forgotten by a commit that is asked for at once. */
  expired(beforeMs: number, max: number): Expired

  /** Waiting and parked effects, in order of their ids. */
  outbox(afterId: number, max: number): readonly EffectEntry[]
  nextOutboxId(): number
  /** Ids of effects of other partitions that have arrived here, behind `afterId`. */
  receipts(afterId: number, max: number): readonly number[]

  /** Entities of a storage id in key order, whose key starts with `prefix` and lies after `after`: those with records, or
   *  those with a base (values). */
  entities(
    storage: StorageId,
    prefix: string,
    after: string | undefined,
    max: number,
    by?: 'records' | 'base',
  ): readonly EntitySummary[]
  /** Remove everything stored for a storage id, in an entry of its own. Not while a commit is under way (`GroupCommit.alone`).
   *  Rejects with `storage_unavailable`. */
  purge(storage: StorageId): Promise<void>

  /** Number of the last commit; 0 before the first. */
  lastCommit(): number
  /** Commits with number > `after`, in order: what each changed. At most so many, and about so many bytes (at least one). For the feed. */
  commits(after: number, max: number, bytesMax?: number): readonly CommitRecord[]
  /** What lies there, as it is, damage too: for the feed, which has rows of its own. */
  readonly rows: Pick<Kv, 'get' | 'range'>
  /** Which run of a host wrote a commit (runs.ts). */
  runOf(commit: number): string
  /** Bytes of the rows of all commits since the journal was made here. */
  readonly commitBytes: number
  /** `hear` is called after each commit, once it is durable and read by all. Answers how to stop that. */
  onCommit(hear: () => void): () => void

  /** How quick the disk is, and so where commits wait for it. */
  readonly pace: Pace

  /** What is stored, counted. */
  readonly census: Census
  /** Bytes of it. */
  readonly usage: Usage
  /** Damage that was met since the start, each once, up to a bound. */
  readonly met: readonly MetDamage[]

  /** Why nothing can be served, or undefined when all is well (J4). */
  failure(): Error | undefined
  /** Look whether the engine has stopped by itself; if so it has failed from now on. */
  examine(): void
  /** After a failure: close, check the WAL, open. Rejects if that does not work yet. */
  reopen(): Promise<void>
  /** Its engine was opened again by somebody else. */
  reread(): void
  close(): Promise<void>
}

export interface CommitRecord {
  readonly number: number
  readonly wrote: readonly Wrote[]
  readonly gone?: readonly Gone[]
}

export interface Wrote {
  readonly entity: EntityRef
  readonly revision: number
  /** Not said of records with events, and of nothing that an older host wrote. */
  readonly kind?: 'value' | 'replica'
}

/** Something became of all entities of a storage id. */
export interface Gone {
  readonly storage: StorageId
  readonly why: 'purged' | 'undeployed'
}
