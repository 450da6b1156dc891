// Group commit: everything that wants to be written in one turn of the loop is one batch and one sync.
//
// G1. Nobody hears of its write before the sync of the batch that holds it; `done`s are called in the order of joining.
// G2. A writer must not throw: a half-written batch cannot be taken apart. It is a bug, and fails the whole batch: nothing
//     of it is written, and all who joined it hear why. One that finds its entity damaged before it has written anything is the
//     exception: it alone hears so.
// G3. Every `done` is called, also after one that throws.
// G4. What joins while a commit is in flight goes into the next one.
// G5. Where syncs are slow the next commit waits a part of one, until as many have joined as the last one answered: those who call
//     again at once would otherwise split in two halves, and each would wait for the sync of the other.
//
// Owns: the gathering.   The journal owns: the write and the sync.

import { toInnkeeperError } from '../errors.ts'
import { isDamaged } from './damage.ts'
import type { Batch, Journal } from './journal.ts'

type Done = (error: Error | undefined) => void

interface Joined {
  readonly done: Done
  /** It is not in the batch. */
  readonly refused: Error | undefined
}

export class GroupCommit {
  private readonly journal: Journal
  private batch: Batch | undefined
  private waiting: Joined[] = []
  private spoiled: Error | undefined
  private committing = false
  private armed = false
  /** A commit is held back until so many have joined, or its time has passed (G5). */
  private gathering: { readonly wanted: number; readonly timer: NodeJS.Timeout } | undefined
  /** Who waits for `drain`. */
  private ended: (() => void)[] = []
  /** What joins while somebody is alone, or waits for that. */
  private alones = 0
  private putOff: { readonly write: (batch: Batch) => void; readonly done: Done }[] = []

  private readonly onBug: (error: unknown) => void

  /** `onBug` hears of a `done` that threw, after all others have been called. */
  constructor(journal: Journal, onBug: (error: unknown) => void = rethrow) {
    this.journal = journal
    this.onBug = onBug
  }

  /** Add to this turn's batch; `done` is called once it is on disk, or with why that is not known. */
  join(write: (batch: Batch) => void, done: Done): void {
    if (this.alones > 0) {
      this.putOff.push({ write, done })
      return
    }
    this.batch ??= this.journal.batch()
    const { size } = this.batch
    let refused: Error | undefined
    try {
      if (this.spoiled === undefined) write(this.batch)
    } catch (error) {
      if (isDamaged(error) && this.batch.size === size) refused = error
      else this.spoiled = toInnkeeperError(error)
    }
    this.waiting.push({ done, refused })
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
    if (this.gathering !== undefined && this.waiting.length < this.gathering.wanted) return
    this.gathered()
    const { batch, waiting, spoiled } = this
    this.batch = undefined
    this.waiting = []
    this.spoiled = undefined
    if (spoiled !== undefined) {
      this.tell(waiting, spoiled)
      return
    }
    this.committing = true
    const committed = (error: Error | undefined) => {
      this.committing = false
      if (error === undefined) this.gather(waiting.length)
      this.tell(waiting, error)
      // What a `done` has just added waits for its turn like all else, or an answer could keep the loop to itself.
      if (!this.armed) this.flush()
      for (const resolve of this.ended.splice(0)) resolve()
    }
    try {
      this.journal.commit(batch, committed)
    } catch (error) {
      // Refused whole: the assert of a sequence conflict.
      if (this.committing) committed(toInnkeeperError(error))
    }
  }

  /** Resolves when everything that has joined is on disk or has failed. */
  async drain(): Promise<void> {
    while (this.committing || this.batch !== undefined) {
      this.gathered()
      this.flush()
      if (this.committing) await new Promise<void>((resolve) => this.ended.push(resolve))
    }
    // Nobody is to be waited for.
    this.gathered()
  }

  /** Run what must meet no commit, when all that has joined has ended and before anything else does. */
  async alone<T>(run: () => T): Promise<T> {
    this.alones += 1
    try {
      await this.drain()
      return run()
    } finally {
      this.alones -= 1
      if (this.alones === 0) for (const { write, done } of this.putOff.splice(0)) this.join(write, done)
    }
  }

  /** So many were answered, and may come again. */
  private gather(answered: number): void {
    const { gatherMs } = this.journal.pace
    if (gatherMs === 0) return
    const timer = setTimeout(() => {
      this.gathered()
      this.flush()
    }, gatherMs)
    this.gathering = { wanted: answered + this.waiting.length, timer }
  }

  private gathered(): void {
    clearTimeout(this.gathering?.timer)
    this.gathering = undefined
  }

  /** Each hears, whatever another one does with it: its caller is waiting. */
  private tell(waiting: readonly Joined[], error: Error | undefined): void {
    for (const { done, refused } of waiting) {
      try {
        done(refused ?? error)
      } catch (bug) {
        this.onBug(bug)
      }
    }
  }
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
