// The feed of a journal for tests: with its consumers and its trimming, on a clock that stands still, and commits that are written at once.

import type { Clock } from '../../host/clock.ts'
import { systemClock } from '../../host/clock.ts'
import type { FeedChange } from '../../host/feed/change.ts'
import { Consumers } from '../../host/feed/consumers.ts'
import type { FeedPage, PageSize } from '../../host/feed/feed.ts'
import { Feed } from '../../host/feed/feed.ts'
import type { Lost, Offset } from '../../host/feed/offset.ts'
import type { TrimmingParts } from '../../host/feed/trimming.ts'
import { Trimming } from '../../host/feed/trimming.ts'
import type { Joining } from '../../host/journal/group-commit.ts'
import type { Journal } from '../../host/journal/journal.ts'
import { commit } from './journal.ts'
import type { TestStore } from './store.ts'
import { numbering } from './store.ts'

const still: Clock = { ...systemClock, steady: () => 0 }

export interface TestFeed {
  readonly journal: Journal
  readonly feed: Feed
  readonly consumers: Consumers
  readonly trimming: Trimming
  /** The age of the directory. */
  readonly age: { ms: number; now(): number }
  readonly warned: string[]
  /** What housekeeping writes now and then. */
  note(): Promise<void>
  trim(): Promise<void>
}

export function feedOf(
  { journal, catalog }: Pick<TestStore, 'catalog' | 'journal'>,
  {
    hours = 0,
    bytesMax = 1e9,
    clock = still,
    commits = joining(journal),
  }: Partial<Pick<TrimmingParts, 'hours' | 'bytesMax' | 'clock' | 'commits'>> = {},
): TestFeed {
  const partition = numbering.index
  const age = { ms: 1_000_000_000, now: () => age.ms }
  const warned: string[] = []
  const feed = new Feed({ journal, directory: catalog.directoryId, partition, clock })
  const consumers = new Consumers(feed, journal.rows, commits)
  const trimming = new Trimming({
    ...{ journal, partition, commits, consumers, clock, age, hours, bytesMax },
    warn: (what, fields) => warned.push(`${what} ${fields?.['consumer']}`),
  })
  return {
    ...{ journal, feed, consumers, trimming, age, warned },
    note: async () => {
      await journal.census.complete()
      const { writes, written } = trimming.notes()
      await commit(journal, (batch) => {
        batch.note(journal.census.notes(journal.lastCommit()))
        batch.note(writes)
      })
      written()
    },
    trim: () => trimming.trim(() => false),
  }
}

/** Each that joins is a commit of its own. */
function joining(journal: Journal): Joining {
  let last = Promise.resolve()
  return {
    join(write, done) {
      last = last
        .then(() => commit(journal, write))
        .then(
          () => done(undefined),
          (error: Error) => done(error),
        )
    },
  }
}

/** A page, where there is one. */
export function page(feed: Feed, after: Offset, size?: PageSize): FeedPage {
  const found = feed.follow(after, size)
  if ('lost' in found) throw new Error(`lost: ${found.lost}`)
  return found
}

export function lost(feed: Feed, after: Offset): Lost['lost'] | undefined {
  const found = feed.follow(after)
  return 'lost' in found ? found.lost : undefined
}

/** Everything behind an offset, page by page, and where that ends. */
export function all(feed: Feed, after: Offset, size?: PageSize): { changes: readonly FeedChange[]; end: Offset } {
  const changes: FeedChange[] = []
  for (let at = after; ; ) {
    const { changes: some, next, more } = page(feed, at, size)
    changes.push(...some)
    if (!more) return { changes, end: next }
    at = next
  }
}

/** In words: `3 a/2 x,y` is commit 3, entity a at revision 2, events x and y. */
export function told(changes: readonly FeedChange[]): readonly string[] {
  return changes.map((change) => {
    const { commit: number } = change
    if (change.kind === 'purged' || change.kind === 'undeployed') return `${number} ${change.kind} ${change.storage}`
    const entity = `${number} ${change.entity.key}/${change.revision}`
    if (change.kind === 'events')
      return `${entity} ${change.events.map(({ data }) => Buffer.from(data).toString()).join()}`
    if (change.kind === 'value') return `${entity} = ${change.state === undefined ? 'none' : Buffer.from(change.state)}`
    return `${entity} ${change.kind}`
  })
}
