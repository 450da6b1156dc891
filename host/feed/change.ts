// Change: what a commit names, with what is stored of it.
//
// H1. A record with events is given as it was written. Of values and replicas no history is kept: a value is given as it is now, and a
//     replica is named, to be read as it is now. Either is at least as new as the commit.
// H2. Records that brought no events (effects, forwards) changed nothing, and are no change. Nor is what was purged since: the purge comes
//     later, and tells.
// H3. What is damaged is told in its place, and what follows goes on.
//
// Owns: reading one.   feed.ts owns: the order.

import type { Base, EntityRef, Gone, Journal, JournalRecord, Wrote } from '../journal/journal.ts'
import type { Typed } from '../outcome.ts'
import { DamagedValue, isDamaged } from '../storage/damage.ts'

export type FeedChange = { readonly commit: number } & (
  | {
      readonly kind: 'events'
      readonly entity: EntityRef
      readonly revision: number
      /** Of the last of these events. */
      readonly sequence: number
      readonly events: readonly Typed[]
      /** Of the command that caused them. */
      readonly nowMs: number
    }
  | {
      readonly kind: 'value'
      readonly entity: EntityRef
      /** Of what is given: that of the commit, or a later one. */
      readonly revision: number
      readonly nowMs: number
      /** `undefined`: it was deleted. */
      readonly state: Uint8Array | undefined
    }
  | { readonly kind: 'replica'; readonly entity: EntityRef; readonly revision: number }
  /** All entities of a storage id are gone. */
  | { readonly kind: 'purged'; readonly storage: number }
  /** They are there, and served no more. */
  | { readonly kind: 'undeployed'; readonly storage: number }
  | { readonly kind: 'damaged'; readonly entity: EntityRef; readonly revision: number; readonly reason: string }
)

export type Reading = Pick<Journal, 'base' | 'census' | 'record'>

/** Reads for one page: a value that many commits name is read once. */
export class ChangeReader {
  /** Of payloads that were read. */
  bytes = 0
  private readonly journal: Reading
  private readonly bases = new Map<string, Base | undefined>()

  constructor(journal: Reading) {
    this.journal = journal
  }

  gone(commit: number, { storage, why }: Gone): FeedChange {
    return { commit, kind: why, storage }
  }

  /** `undefined`: nothing changed (H2). */
  wrote(commit: number, wrote: Wrote): FeedChange | undefined {
    const { entity, revision } = wrote
    if (commit < this.journal.census.purgedAt(entity.storage)) return undefined
    try {
      return this.read(commit, wrote)
    } catch (error) {
      if (!(error instanceof DamagedValue || isDamaged(error))) throw error
      return { commit, kind: 'damaged', entity, revision, reason: error.message }
    }
  }

  private read(commit: number, { entity, revision, kind }: Wrote): FeedChange | undefined {
    if (kind === 'replica') return { commit, kind, entity, revision }
    if (kind === 'value') return this.value(commit, entity, revision)
    const record = this.journal.record(entity, revision)
    if (record !== undefined && record.change === undefined) return this.events(commit, entity, record)
    return this.older(commit, entity, revision, record)
  }

  private events(commit: number, entity: EntityRef, record: JournalRecord): FeedChange | undefined {
    const { revision, sequence, events, command } = record
    if (events.length === 0) return undefined
    for (const { data } of events) this.bytes += data.length
    return { commit, kind: 'events', entity, revision, sequence, events, nowMs: command.nowMs }
  }

  private value(commit: number, entity: EntityRef, revision: number): FeedChange {
    const base = this.base(entity)
    const { revision: newest = revision, nowMs = 0, state } = base ?? {}
    return { commit, kind: 'value', entity, revision: newest, nowMs, state }
  }

  private base(entity: EntityRef): Base | undefined {
    const name = `${entity.storage} ${entity.key}`
    if (this.bases.has(name)) return this.bases.get(name)
    const base = this.journal.base(entity)
    this.bytes += base?.state?.length ?? 0
    this.bases.set(name, base)
    return base
  }

  /** A commit of an older host, which did not say of what kind it is: that is seen by what is stored. */
  private older(
    commit: number,
    entity: EntityRef,
    revision: number,
    record: JournalRecord | undefined,
  ): FeedChange | undefined {
    if (record?.change?.kind === 'delta') return { commit, kind: 'replica', entity, revision }
    if (record !== undefined) return this.value(commit, entity, revision)
    const base = this.base(entity)
    if (base === undefined) return undefined
    // A replica's last record stays when a base takes in the others.
    const last = this.journal.record(entity, base.revision)?.change
    return last?.kind === 'delta' ? { commit, kind: 'replica', entity, revision } : this.value(commit, entity, revision)
  }
}
