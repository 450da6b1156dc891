// Memory log: a log that forgets at exit, with the faults of one that is far away. For simulation and tests.
//
// M1. An entry that was acknowledged survives `crash`; one that was not may, as the faults say.
// M2. Followers get entries as bytes would bring them: what was encoded, decoded anew.
//
// Owns: the entries and their faults.   The state given to it is written after the log, unsynced, as behind any remote log.

import type { Kv } from '../../storage/kv.ts'
import { decodeEntry, encodeEntry } from './entry.ts'
import type { CommitLog, Entry, Following, Position } from './log.ts'
import { LogError } from './log.ts'

interface LogFaults {
  /** What becomes of this append. */
  fate(position: Position): Fate
  /** When an answer arrives: runs it later. Without it, at once. */
  later?(run: () => void): void
}

export type Fate =
  | 'kept'
  /** Nothing of it is there, and its caller hears that nobody knows. */
  | 'lost'
  /** It is there, and its caller hears that nobody knows. */
  | 'forgotten'
  /** Another owner has appended before. */
  | 'fenced'

const noFaults: LogFaults = { fate: () => 'kept' }

export class MemoryLog implements CommitLog {
  private readonly state: Pick<Kv, 'write' | 'erase'>
  private readonly faults: LogFaults
  private readonly followers = new Set<(entry: Entry) => void>()
  private readonly first: Position
  /** In bytes, from `first` on; `undefined` where trimmed. */
  private readonly entries: (Buffer | undefined)[] = []

  /** @param last what the state has reached */
  constructor(state: Pick<Kv, 'write' | 'erase'>, last: Position = 0, faults: LogFaults = noFaults) {
    this.state = state
    this.first = last + 1
    this.faults = faults
  }

  get last(): Position {
    return this.first + this.entries.length - 1
  }

  append(expected: Position, entry: Entry, done: (error: Error | undefined) => void): void {
    const later = this.faults.later ?? ((run: () => void) => run())
    const fate = expected === this.last && entry.position === expected + 1 ? this.faults.fate(entry.position) : 'fenced'
    if (fate === 'fenced') {
      later(() => done(new LogError('fenced', `the log is at ${this.last}, and not at ${expected}`)))
      return
    }
    if (fate !== 'lost') this.keep(entry)
    later(() => {
      if (fate === 'kept') done(undefined)
      else done(new LogError('unknown', `nobody knows whether entry ${entry.position} is in the log`))
    })
  }

  follow(after: Position, take: (entry: Entry) => void): Following {
    const behind = this.entries.slice(Math.max(0, after + 1 - this.first))
    if (after + 1 < this.first || after > this.last || behind.includes(undefined))
      throw new LogError('gone', `entries after ${after} are no longer kept`)
    for (const bytes of behind) take(decodeEntry(bytes!))
    this.followers.add(take)
    return { stop: () => void this.followers.delete(take) }
  }

  trim(before: Position): void {
    for (let position = this.first; position < Math.min(before, this.last + 1); position++)
      this.entries[position - this.first] = undefined
  }

  private keep(entry: Entry): void {
    const bytes = encodeEntry(entry)
    this.entries.push(bytes)
    const { writes, clears } = decodeEntry(bytes)
    if (clears.length === 0) this.state.write(writes, false)
    else this.state.erase(writes, clears, () => {})
    for (const take of this.followers) take(decodeEntry(bytes))
  }
}
