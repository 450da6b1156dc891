// Group commit: everything that wants to be written in one turn of the loop is one commit for each partition, and one sync for all that lie in
// one store.
//
// G1. Nobody hears of its write before the sync of the batch that holds it; `done`s are called in the order of joining, whatever
//     their partitions.
// G2. A writer must not throw: a half-written batch cannot be taken apart. It is a bug, and fails the whole batch: nothing
//     of it is written, and all who joined it hear why. One that finds its entity damaged before it has written anything is the
//     exception: it alone hears so.
// G3. Every `done` is called, also after one that throws.
// G4. What joins while a commit is in flight goes into the next one.
// G5. Where syncs are slow the next commit waits a part of one, until as many have joined as the last one answered: those who call
//     again at once would otherwise split in two halves, and each would wait for the sync of the other.
//
// Owns: the gathering.   The journal owns: the write and the sync.

import { type Clock, systemClock, type Timer } from '../clock.ts'
import { toInnkeeperError } from '../errors.ts'
import { isDamaged } from '../storage/damage.ts'
import type { Batch, Journal } from './journal.ts'

type Done = (error: Error | undefined) => void

/** What one partition's writers are given. */
export interface Joining {
  /** Add to this turn's batch; `done` is called once it is on disk, or with why that is not known. */
  join(write: (batch: Batch) => void, done: Done): void
}

/** What is written: the journals of its partitions, and one write for all that they hand in (partitioned.ts). */
export interface Written {
  readonly journals: readonly Journal[]
  readonly flush: () => void
}

interface Joined {
  readonly done: Done
  /** It is not in the batch. */
  readonly refused: Error | undefined
}

export class GroupCommit {
  private readonly store: Written
  private readonly joinings: readonly Joining[]
  /** By partition. */
  private batches: (Batch | undefined)[] = []
  private waiting: Joined[] = []
  private spoiled: Error | undefined
  private committing = false
  private armed = false
  /** A commit is held back until so many have joined, or its time has passed (G5). */
  private gathering: { readonly wanted: number; readonly timer: Timer } | undefined
  /** Who waits for `drain`. */
  private ended: (() => void)[] = []
  /** What joins while somebody is alone, or waits for that. */
  private alones = 0
  private putOff: { readonly partition: number; readonly write: (batch: Batch) => void; readonly done: Done }[] = []

  private readonly clock: Clock
  private readonly onBug: (error: unknown) => void

  /** `onBug` hears of a `done` that threw, after all others have been called. */
  /** `onBug`: gets what an answer threw. */
  constructor(store: Written, clock = systemClock, onBug: (error: unknown) => void = rethrow) {
    this.store = store
    this.clock = clock
    this.onBug = onBug
    this.joinings = store.journals.map((_, partition) => ({ join: (write, done) => this.join(partition, write, done) }))
  }

  of(partition: number): Joining {
    return this.joinings[partition]!
  }

  private join(partition: number, write: (batch: Batch) => void, done: Done): void {
    if (this.alones > 0) {
      this.putOff.push({ partition, write, done })
      return
    }
    const batch = (this.batches[partition] ??= this.store.journals[partition]!.batch())
    const { size } = batch
    let refused: Error | undefined
    try {
      if (this.spoiled === undefined) write(batch)
    } catch (error) {
      if (isDamaged(error) && batch.size === size) refused = error
      else this.spoiled = toInnkeeperError(error)
    }
    this.waiting.push({ done, refused })
    if (this.armed) return
    this.armed = true
    this.clock.soon(() => {
      this.armed = false
      this.flush()
    })
  }

  /** Commit what has joined now, rather than at the end of the turn. */
  flush(): void {
    if (this.committing || this.waiting.length === 0) return
    if (this.gathering !== undefined && this.waiting.length < this.gathering.wanted) return
    this.gathered()
    const { batches, waiting, spoiled } = this
    this.batches = []
    this.waiting = []
    this.spoiled = undefined
    if (spoiled !== undefined) {
      this.tell(waiting, spoiled)
      return
    }
    this.committing = true
    this.commit(batches, (error) => {
      this.committing = false
      if (error === undefined) this.gather(waiting.length)
      this.tell(waiting, error)
      // What a `done` has just added waits for its turn like all else, or an answer could keep the loop to itself.
      if (!this.armed) this.flush()
      for (const resolve of this.ended.splice(0)) resolve()
    })
  }

  /** `done` is called once, when every partition's batch is on disk, with the first failure. */
  private commit(batches: readonly (Batch | undefined)[], done: Done): void {
    let left = 1
    let failed: Error | undefined
    const ended = (error: Error | undefined) => {
      failed ??= error
      left -= 1
      if (left === 0) done(failed)
    }
    for (let partition = 0; partition < batches.length; partition++) {
      const batch = batches[partition]
      if (batch === undefined) continue
      left += 1
      try {
        this.store.journals[partition]!.commit(batch, ended)
      } catch (error) {
        // Refused whole: the assert of a sequence conflict.
        ended(toInnkeeperError(error))
      }
    }
    this.store.flush()
    ended(undefined)
  }

  /** Resolves when everything that has joined is on disk or has failed. */
  async drain(): Promise<void> {
    while (this.committing || this.waiting.length > 0) {
      this.gathered()
      this.flush()
      if (this.committing) await new Promise<void>((resolve) => this.ended.push(resolve))
    }
    // Nobody is to be waited for.
    this.gathered()
  }

  /** Run what must meet no commit, when all that has joined has ended and before anything else does. */
  async alone<T>(run: () => T | Promise<T>): Promise<T> {
    this.alones += 1
    try {
      await this.drain()
      return await run()
    } finally {
      this.alones -= 1
      if (this.alones === 0)
        for (const { partition, write, done } of this.putOff.splice(0)) this.join(partition, write, done)
    }
  }

  /** So many were answered, and may come again. */
  private gather(answered: number): void {
    const { gatherMs } = this.store.journals[0]!.pace
    if (gatherMs === 0) return
    const timer = this.clock.after(gatherMs, () => {
      this.gathered()
      this.flush()
    })
    this.gathering = { wanted: answered + this.waiting.length, timer }
  }

  private gathered(): void {
    this.gathering?.timer.cancel()
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

/** A commit of what `write` adds: resolves once it is on disk, rejects with why that is not known. */
export function committed(commits: Joining, write: (batch: Batch) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    commits.join(write, (error) => (error === undefined ? resolve() : reject(error)))
  })
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
