// Age: how long a data directory has been at work, in milliseconds. What kept answers expire by.
//
// A1. It only grows, with the steady clock of the host that serves the directory: a machine's clock that jumps moves nothing, and
//     time in which no host ran does not count. So nothing expires too early.
// A2. It is noted now and then, unsynced; a crash gives back what was not noted, and things are kept that much longer.
//
// A new directory begins with the time of day, since entries of earlier versions were stamped with that.

import type { Clock } from '../clock.ts'

export interface AgeStore {
  age(): number | undefined
  /** Without sync. */
  putAge(ms: number): void
}

export class Age {
  private readonly store: AgeStore
  private readonly clock: Clock
  private readonly baseMs: number

  constructor(store: AgeStore, clock: Clock) {
    this.store = store
    this.clock = clock
    this.baseMs = (store.age() ?? clock.now()) - clock.steady()
  }

  /** Whole milliseconds. */
  now(): number {
    return Math.round(this.baseMs + this.clock.steady())
  }

  note(): void {
    this.store.putAge(this.now())
  }
}
