// Commit log: the order of what a partition committed, one entry for each commit. The interface; local.ts and memory.ts implement it, and
// test/contract/log.ts holds them to it.
//
// L1. `done` is called once: after the entry is durable and the state has it, or with why that is not known. In the order of appending.
// L2. An entry is appended only behind `expected`. Whoever is not the last to have appended is fenced: nothing of the entry is there.
// L3. An entry is all or nothing, and its position is one more than that of the entry before.
// L4. A follower gets every entry behind the position that it names, once and in order.
// L5. Which entries can still be followed is the log's own affair; one that asks for what is gone is refused, and never skips.
//
// Owns: order, durability, the fence.   kv-journal.ts owns: what an entry is made of.   A state is what its entries leave.

import type { Clear, Write } from '../../storage/kv.ts'

/** Number of an entry, from 1; 0 lies before the first. */
export type Position = number

/** What one commit does to the state. */
export interface Entry {
  readonly position: Position
  readonly writes: readonly Write[]
  /** Ranges that are gone. Nothing of `writes` lies in them. */
  readonly clears: readonly Clear[]
}

type LogFailure =
  /** Somebody else has appended: the entry is not there. */
  | 'fenced'
  /** The entry may be there. */
  | 'unknown'
  /** It was trimmed, or was never kept. */
  | 'gone'

export class LogError extends Error {
  readonly failure: LogFailure

  constructor(failure: LogFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'LogError'
    this.failure = failure
  }
}

export interface Following {
  stop(): void
}

export interface CommitLog {
  /** Of the last entry that is durable. */
  readonly last: Position
  /** `entry.position` is `expected + 1`. One at a time. `done` gets a LogError, or what the state failed with. */
  append(expected: Position, entry: Entry, done: (error: Error | undefined) => void): void
  /** Every entry behind `after`, from now on. @throws LogError `gone` */
  follow(after: Position, take: (entry: Entry) => void): Following
  /** Entries before this one are needed no more. */
  trim(before: Position): void
}
