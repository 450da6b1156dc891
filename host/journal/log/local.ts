// Local log: the log of one machine is the synced write of the state itself. RocksDB's own log is the commit log, so nothing is written twice.
//
// O1. Entries are kept only while somebody follows, and only until trimmed: what lies further back is in the state.
//
// Owns: the fence and the followers of one process.   The engine owns: durability.

import type { Kv } from '../../storage/kv.ts'
import type { CommitLog, Entry, Following, Position } from './log.ts'
import { LogError } from './log.ts'

export class LocalLog implements CommitLog {
  last: Position
  private readonly state: Pick<Kv, 'commit' | 'erase'>
  private readonly followers = new Set<(entry: Entry) => void>()
  /** Consecutive, up to the last. */
  private kept: Entry[] = []

  /** @param last what the state has reached */
  constructor(state: Pick<Kv, 'commit' | 'erase'>, last: Position) {
    this.state = state
    this.last = last
  }

  append(expected: Position, entry: Entry, done: (error: Error | undefined) => void): void {
    if (expected !== this.last || entry.position !== expected + 1) {
      done(new LogError('fenced', `the log is at ${this.last}, and not at ${expected}`))
      return
    }
    const appended = (error: Error | undefined) => {
      if (error === undefined) this.appended(entry)
      done(error)
    }
    if (entry.clears.length === 0) this.state.commit(entry.writes, appended)
    else this.state.erase(entry.writes, entry.clears, appended)
  }

  follow(after: Position, take: (entry: Entry) => void): Following {
    const first = this.kept[0]?.position ?? this.last + 1
    if (after + 1 < first || after > this.last)
      throw new LogError('gone', `entries after ${after} are no longer kept; the first kept entry is ${first}`)
    for (const entry of this.kept) if (entry.position > after) take(entry)
    this.followers.add(take)
    return { stop: () => void (this.followers.delete(take) && this.followers.size === 0 && (this.kept = [])) }
  }

  trim(before: Position): void {
    this.kept = this.kept.filter(({ position }) => position >= before)
  }

  private appended(entry: Entry): void {
    this.last = entry.position
    if (this.followers.size === 0) return
    this.kept.push(entry)
    for (const take of this.followers) take(entry)
  }
}
