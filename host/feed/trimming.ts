// Trimming: commits that nobody needs any more are deleted, in slices, each a commit like any other. Of the state nothing goes: events, values
// and replicas are elsewhere.
//
// T1. A commit stays until every consumer has read it, the census has counted it, and it is `hours` old; the last one always.
// T2. A consumer behind by more than `bytesMax` loses its place, and is told of in the log (consumers.U3). The census cannot be behind for
//     long, and loses none.
// T3. What only commits knew stays: the name of an entity whose first record's commit goes, for those who look at damage (named.ts).
// T4. A slice is taken once the one before is on disk, and a rest later.
//
// Owns: what goes, and the marks.   housekeeping.ts owns: when.

import type { Clock } from '../clock.ts'
import { pause } from '../clock.ts'
import type { Joining } from '../journal/group-commit.ts'
import { committed } from '../journal/group-commit.ts'
import type { Journal } from '../journal/journal.ts'
import { commitKey, entityPrefix, nameKey, numberOf } from '../journal/keys.ts'
import { decodeCommit, encodeCommit } from '../journal/record.ts'
import { read, write } from '../journal/rows.ts'
import { runsBefore } from '../journal/runs.ts'
import { DamagedValue } from '../storage/damage.ts'
import type { Warn } from '../storage/health.ts'
import type { Write } from '../storage/kv.ts'
import { walk } from '../storage/walk.ts'
import type { Consumer, Consumers } from './consumers.ts'
import { trimmedKey } from './feed.ts'
import { Marks } from './marks.ts'
import { readThrough } from './offset.ts'

/** In one commit. Fewer are left for another time. */
export const trimAtOnce = 250
/** For others: 50,000 commits a second go at most. In milliseconds. */
const restMs = 5
/** Marks set in the hours that commits are kept. */
const marksOfHours = 32
/** Rows of runs that go with one slice. */
const runsAtOnce = 100

export interface TrimmingParts {
  readonly journal: Pick<Journal, 'census' | 'commitBytes' | 'failure' | 'lastCommit' | 'rows'>
  readonly partition: number
  readonly commits: Joining
  readonly consumers: Consumers
  readonly clock: Clock
  /** Of the directory (journal/age.ts). */
  readonly age: { now(): number }
  readonly hours: number
  readonly bytesMax: number
  readonly warn: Warn
}

/** How far a consumer is behind. */
interface Behind extends Consumer {
  readonly commits: number
  readonly bytes: number
}

export class Trimming {
  private readonly parts: TrimmingParts
  private readonly marks: Marks

  constructor(parts: TrimmingParts) {
    this.parts = parts
    this.marks = new Marks(parts.journal, (parts.hours * 3_600_000) / marksOfHours)
  }

  /** Rows that go into a commit now and then, and what is to be called once it is on disk. */
  notes(): { readonly writes: readonly Write[]; written(): void } {
    const { consumers, age } = this.parts
    const { writes, written } = consumers.notes()
    return { writes: [...writes, this.marks.set(age.now(), this.trimmed)], written }
  }

  /** Nobody, while the store cannot be asked. */
  behind(): readonly Behind[] {
    const { consumers, journal } = this.parts
    if (journal.failure() !== undefined) return []
    return consumers.list().map((consumer) => {
      const through = readThrough(consumer.offset)
      return {
        ...consumer,
        commits: Math.max(0, journal.lastCommit() - through),
        bytes: this.marks.bytesBehind(through),
      }
    })
  }

  /** `unfit`: the store cannot be written now. */
  async trim(unfit: () => boolean): Promise<void> {
    const { clock, bytesMax, consumers, warn, partition } = this.parts
    for (const [consumer, through] of consumers.holding()) {
      const bytes = this.marks.bytesBehind(through)
      if (unfit()) return
      if (bytes <= bytesMax) continue
      const { name: who } = consumer
      warn('a consumer of the feed is too far behind and loses its place; it has to be built anew', {
        ...{ consumer: who, partition, bytes },
      })
      await consumers.lose(consumer)
    }
    while (!unfit() && (await this.slice())) await pause(clock, restMs)
  }

  /** False when there is not enough to trim. */
  private async slice(): Promise<boolean> {
    const { journal, commits } = this.parts
    const from = this.trimmed
    const until = from + trimAtOnce
    if (until > this.limit()) return false
    const writes = [...this.names(from, until), write(trimmedKey, until)]
    for (let number = from + 1; number <= until; number++) writes.push(['commits', commitKey(number), undefined])
    for (const key of runsBefore(journal.rows, until, runsAtOnce)) writes.push(['default', key, undefined])
    await committed(commits, (batch) => batch.note(writes))
    return true
  }

  private get trimmed(): number {
    return read<number>(this.parts.journal.rows, trimmedKey) ?? 0
  }

  /** The last commit that nobody needs (T1). */
  private limit(): number {
    const { journal, consumers, age, hours } = this.parts
    let limit = Math.min(
      journal.lastCommit() - 1,
      journal.census.noted,
      this.marks.lastAt(age.now() - hours * 3_600_000),
    )
    for (const [, through] of consumers.holding()) limit = Math.min(limit, through)
    return limit
  }

  private names(after: number, until: number): Write[] {
    const names: Write[] = []
    const range = {
      column: 'commits',
      from: commitKey(after + 1),
      to: commitKey(until + 1),
      rowsMax: trimAtOnce,
    } as const
    for (const step of walk(this.parts.journal.rows, range)) {
      if (step.kind === 'gap') continue
      for (let at = 0; at < step.rows.length; at += 2) this.namesIn(step.rows[at]!, step.rows[at + 1]!, names)
    }
    return names
  }

  private namesIn(key: Buffer, value: Buffer, into: Write[]): void {
    const number = numberOf(key)
    try {
      for (const wrote of decodeCommit(number, value).wrote) {
        const { entity, revision, kind } = wrote
        if (revision !== 1 || kind === 'value' || number < this.parts.journal.census.purgedAt(entity.storage)) continue
        into.push(['commits', nameKey(entityPrefix(entity)), encodeCommit([wrote])])
      }
    } catch (error) {
      if (!(error instanceof DamagedValue)) throw error
    }
  }
}
