// Consumers: who follows a partition by name, and how far each has come, so that what it has not read stays.
//
// U1. One is registered by a commit, with the offset from which on it follows; nothing behind that is trimmed from then on. Whether something
//     was, also by a commit on its way, is answered.
// U2. How far it has come is known here at once, and written with the next note (housekeeping). A crash takes it back to what was written, and
//     so never forward. A commit for each step would be a change that all hear of, and take a step for.
// U3. One that holds more than may be held loses its place (`rebuild`): it holds nothing any more, and registers again when it was
//     built anew. What it says of its progress until then counts for nothing.
// U4. A part of a commit counts as not read.
//
// Owns: the rows.   trimming.ts owns: who loses its place.   A consumer keeps its own offset, beside what it made of what it read.

import assert from 'node:assert/strict'
import type { Joining } from '../journal/group-commit.ts'
import { committed } from '../journal/group-commit.ts'
import type { Rows } from '../journal/rows.ts'
import { readAll, write } from '../journal/rows.ts'
import type { Write } from '../storage/kv.ts'
import type { Feed } from './feed.ts'
import type { Lost, Offset } from './offset.ts'
import { readThrough } from './offset.ts'

export interface Consumer {
  readonly name: string
  readonly state: 'follows' | 'rebuild'
  readonly offset: Offset
}

type Row = Pick<Consumer, 'state' | 'offset'>

const prefix = 'consumer/'
const consumersMax = 1_000
const nameForm = /^[\w.\-/:]{1,200}$/

export class Consumers {
  private readonly feed: Pick<Feed, 'lost'>
  private readonly kv: Rows
  private readonly commits: Joining
  /** Registered by a commit that is under way. */
  private readonly coming = new Map<string, Offset>()
  /** Come further than is written. */
  private readonly further = new Map<string, Offset>()

  constructor(feed: Pick<Feed, 'lost'>, kv: Rows, commits: Joining) {
    this.feed = feed
    this.kv = kv
    this.commits = commits
  }

  list(): readonly Consumer[] {
    return [...readAll<Row>(this.kv, prefix, consumersMax)].map(([name, { state, offset }]) => ({
      ...{ name, state },
      offset: state === 'follows' ? (this.further.get(name) ?? offset) : offset,
    }))
  }

  /** Follows from there on, whether it is new or was known. Rejects if that could not be written. */
  async register(name: string, offset: Offset): Promise<Lost | undefined> {
    assert(nameForm.test(name), `a consumer of the name ${name}`)
    assert(this.list().length < consumersMax, 'more consumers than can be')
    this.coming.set(name, offset)
    this.further.delete(name)
    try {
      await this.commit([write(prefix + name, { state: 'follows', offset } satisfies Row)])
    } finally {
      if (this.coming.get(name) === offset) this.coming.delete(name)
    }
    return this.feed.lost(offset)
  }

  /** It has read up to there, and needs nothing before it, also after a crash of its own. */
  advance(name: string, offset: Offset): void {
    this.further.set(name, offset)
  }

  /** It is no consumer any more. */
  forget(name: string): Promise<void> {
    this.further.delete(name)
    return this.commit([write(prefix + name, undefined)])
  }

  /** Progress that is to be written; and, once it is on disk, that it was. */
  notes(): { readonly writes: readonly Write[]; written(): void } {
    const rows = readAll<Row>(this.kv, prefix, consumersMax)
    const noted = [...this.further].filter(([name]) => rows.get(name)?.state === 'follows')
    return {
      writes: noted.map(([name, offset]) => write(prefix + name, { state: 'follows', offset } satisfies Row)),
      written: () => {
        for (const [name, offset] of noted) if (this.further.get(name) === offset) this.further.delete(name)
      },
    }
  }

  /** Each that holds the log, with the last commit that it needs no more: by what is on disk, and by what will be. */
  *holding(): Generator<readonly [consumer: Consumer, through: number], undefined> {
    for (const [name, { state, offset }] of readAll<Row>(this.kv, prefix, consumersMax))
      if (state === 'follows') yield [{ name, state, offset }, readThrough(offset)]
    for (const [name, offset] of this.coming) yield [{ name, state: 'follows', offset }, readThrough(offset)]
    return undefined
  }

  /** It loses its place (U3). */
  lose({ name, offset }: Consumer): Promise<void> {
    this.further.delete(name)
    return this.commit([write(prefix + name, { state: 'rebuild', offset } satisfies Row)])
  }

  private commit(writes: readonly Write[]): Promise<void> {
    return committed(this.commits, (batch) => batch.note(writes))
  }
}
