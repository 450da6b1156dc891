// Feed: a partition followed from an offset on, in the order of its commits, with what they changed. For views, topics, watches, peers, backup
// and whatever else wants to hear of all changes; nothing else reads commits but the census, which counts them where they are made.
//
// F1. From an offset on every change comes once, in the order of commits and within each in the order of its writing; whatever the sizes of
//     pages. Only what is durable comes.
// F2. Nothing is passed over: an offset whose next commit is not there, or whose own commit was written in another history, is answered
//     `lost`, and whoever has it builds anew from what is stored.
// F3. A page is bounded by changes, bytes and time, so it may end within a commit. `next.part` is 0 where it does not: who shows commits as a whole
//     shows what it has there.
// F4. A subscriber hears after a commit is durable, once for all of a turn of the loop, in a turn of its own. There is no need to ask.
//
// Owns: order, and whether an offset holds.   change.ts owns: what is read.   consumers.ts and trimming.ts own: what stays.

import type { Clock } from '../clock.ts'
import type { CommitRecord, Journal } from '../journal/journal.ts'
import { read } from '../journal/rows.ts'
import { DamagedValue, isDamaged } from '../storage/damage.ts'
import type { FeedChange, Reading } from './change.ts'
import { ChangeReader } from './change.ts'
import type { Lost, Offset } from './offset.ts'

type FeedJournal = Reading & Pick<Journal, 'commits' | 'lastCommit' | 'onCommit' | 'rows' | 'runOf'>

interface FeedParts {
  readonly journal: FeedJournal
  readonly directory: string
  readonly partition: number
  readonly clock: Clock
}

export interface FeedPage {
  readonly changes: readonly FeedChange[]
  /** Where to go on. */
  readonly next: Offset
  /** There is more already. */
  readonly more: boolean
}

/** At least one change comes, if there is one. */
export interface PageSize {
  readonly changesMax?: number
  readonly bytesMax?: number
}

/** Read at once, for a page that may need more: what it does not need is read again. */
const commitsAtOnce = 32
const commitBytesAtOnce = 8 * 1024
/** Of the loop, for one page. */
const pageMs = 4

export const trimmedKey = 'feed/trimmed'

export class Feed {
  private readonly parts: FeedParts
  private readonly subscribers = new Set<() => void>()
  private stopHearing: (() => void) | undefined
  private called = false

  constructor(parts: FeedParts) {
    this.parts = parts
  }

  /** Commits up to this one are trimmed. */
  get trimmed(): number {
    return read<number>(this.parts.journal.rows, trimmedKey) ?? 0
  }

  /** Before everything that can still be followed. */
  get start(): Offset {
    return this.at(this.trimmed)
  }

  /** Behind the last commit: where a reader goes on that reads now what is stored. */
  get end(): Offset {
    return this.at(this.parts.journal.lastCommit())
  }

  /** @throws InnkeeperError `storage_unavailable` */
  follow(after: Offset, { changesMax = 256, bytesMax = 1024 * 1024 }: PageSize = {}): FeedPage | Lost {
    const lost = this.lost(after)
    if (lost !== undefined) return lost
    const page = new Page(this.parts, after, changesMax, bytesMax)
    try {
      const last = this.parts.journal.lastCommit()
      while (page.due <= last && !page.full) {
        const commits = this.parts.journal.commits(page.due - 1, commitsAtOnce, commitBytesAtOnce)
        for (const commit of commits) {
          if (commit.number > last || page.full) break
          if (commit.number !== page.due) return { lost: 'damaged' }
          page.take(commit)
        }
        if (commits.length === 0) return { lost: 'damaged' }
      }
      return { changes: page.changes, next: this.at(page.commit, page.part), more: page.due <= last }
    } catch (error) {
      if (isDamaged(error) || error instanceof DamagedValue) return { lost: 'damaged' }
      throw error
    }
  }

  /** Why nothing can be followed from there. @throws InnkeeperError `storage_unavailable` */
  lost({ directory, partition, commit, part, run }: Offset): Lost | undefined {
    const { journal, ...here } = this.parts
    if (directory !== here.directory || partition !== here.partition) return { lost: 'history' }
    if (commit > journal.lastCommit()) return { lost: 'beyond' }
    const { trimmed } = this
    if (commit < trimmed || (part > 0 && commit === trimmed)) return { lost: 'trimmed' }
    return journal.runOf(commit) === run ? undefined : { lost: 'history' }
  }

  /** `hear` is called when there is more (F4). Answers how to stop that. */
  subscribe(hear: () => void): () => void {
    this.subscribers.add(hear)
    this.stopHearing ??= this.parts.journal.onCommit(this.committed)
    return () => {
      this.subscribers.delete(hear)
      if (this.subscribers.size > 0) return
      this.stopHearing?.()
      this.stopHearing = undefined
    }
  }

  private readonly committed = (): void => {
    if (this.called) return
    this.called = true
    this.parts.clock.soon(() => {
      this.called = false
      for (const hear of this.subscribers) hear()
    })
  }

  private at(commit: number, part = 0): Offset {
    const { directory, partition, journal } = this.parts
    return { directory, partition, commit, part, run: journal.runOf(commit) }
  }
}

/** What one call gives. */
class Page {
  readonly changes: FeedChange[] = []
  /** How far it has come, as an offset says it. */
  commit: number
  part: number
  private empty = true
  private readonly reader: ChangeReader
  private readonly changesMax: number
  private readonly bytesMax: number
  private readonly clock: Clock
  private readonly untilMs: number

  constructor({ journal, clock }: FeedParts, { commit, part }: Offset, changesMax: number, bytesMax: number) {
    this.commit = commit
    this.part = part
    this.reader = new ChangeReader(journal)
    this.changesMax = changesMax
    this.bytesMax = bytesMax
    this.clock = clock
    this.untilMs = clock.steady() + pageMs
  }

  /** The commit that comes next. */
  get due(): number {
    return this.part === 0 ? this.commit + 1 : this.commit
  }

  /** All that there is room for. */
  take({ number, wrote, gone = [] }: CommitRecord): void {
    const all = gone.length + wrote.length
    const from = this.part
    for (let at = from; at < all; at++) {
      if (this.full) return
      this.empty = false
      const change =
        at < gone.length ? this.reader.gone(number, gone[at]!) : this.reader.wrote(number, wrote[at - gone.length]!)
      if (change !== undefined) this.changes.push(change)
      this.commit = number
      this.part = at + 1
    }
    this.empty = false
    this.commit = number
    this.part = 0
  }

  get full(): boolean {
    if (this.empty) return false
    const { changes, reader } = this
    return changes.length >= this.changesMax || reader.bytes >= this.bytesMax || this.clock.steady() >= this.untilMs
  }
}
