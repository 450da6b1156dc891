// Group commit: everything that wants to be written in one turn of the loop is one batch and one sync.
//
// G1. Nobody hears of its write before the sync of the batch that holds it; `done`s are called in the order of joining.
// G2. A writer must not throw: a half-written batch cannot be taken apart. It is a bug, and fails the whole batch.
// G3. What joins while a commit is in flight goes into the next one.
//
// Owns: the gathering.   The journal owns: the write and the sync.

import type { Batch, Journal } from './journal.ts'

type Done = (error: Error | undefined) => void

export class GroupCommit {
  private readonly journal: Journal
  private batch: Batch | undefined
  private waiting: Done[] = []
  private committing = false
  private armed = false

  constructor(journal: Journal) {
    this.journal = journal
  }

  /** Add to this turn's batch; `done` is called once it is on disk, or with why that is not known. */
  join(write: (batch: Batch) => void, done: Done): void {
    this.batch ??= this.journal.batch()
    write(this.batch)
    this.waiting.push(done)
    if (this.armed) return
    this.armed = true
    setImmediate(() => {
      this.armed = false
      this.flush()
    })
  }

  /** Commit what has joined now, rather than at the end of the turn. */
  flush(): void {
    if (this.committing || this.batch === undefined) return
    const { batch, waiting } = this
    this.batch = undefined
    this.waiting = []
    this.committing = true
    this.journal.commit(batch, (error) => {
      this.committing = false
      for (const done of waiting) done(error)
      this.flush()
    })
  }
}
