// Keeper: puts what outcomes send into the commit of what caused it: room, commit, and what is known of it afterwards.
//
// K1. Nothing is added for which the outbox has no room; then nothing of the commit happened.
// K2. What a commit takes out or replaces is known from its joining on, so that nothing that was planned before it is written after it.
// K3. A commit that did not come about leaves the outbox as it was.
//
// Owns: the order of these steps.   outbox.ts owns: the entries.   plan.ts owns: what is sent.

import type { EffectEntry } from '../effect.ts'
import type { InnkeeperError } from '../errors.ts'
import type { Joining } from '../journal/group-commit.ts'
import type { Batch } from '../journal/journal.ts'
import { isDamaged } from '../storage/damage.ts'
import type { Places } from './chains.ts'
import type { Outbox } from './outbox.ts'

/** What a commit does to the outbox. */
export interface Sending {
  /** New entries, and entries that became a forward. */
  readonly enqueued: readonly EffectEntry[]
  /** Ids of entries that arrived. */
  readonly arrived: readonly number[]
}

/** Of one partition. */
export class Keeper {
  /** Where effects that are caused in this partition get their ids. */
  readonly places: Places
  private readonly outbox: Outbox
  private readonly commits: Joining
  private readonly partition: number

  constructor(outbox: Outbox, commits: Joining, partition: number) {
    this.outbox = outbox
    this.commits = commits
    this.partition = partition
    this.places = outbox.places(partition)
  }

  /** Commit what `write` adds, with what is sent. `done` is called once it is on disk, or with why that is not known.
   *  Answers why there is no room; then nothing happens. */
  keep(
    { enqueued, arrived }: Sending,
    write: (batch: Batch) => void,
    done: (error: Error | undefined) => void,
  ): InnkeeperError | undefined {
    const { outbox, partition } = this
    if (enqueued.length > 0 && !outbox.admits(enqueued)) return outbox.full(enqueued[0]!.cause.service)
    outbox.joined(enqueued, arrived)
    this.commits.join(
      (batch) => {
        write(batch)
        outbox.write(partition, batch, enqueued, arrived)
      },
      (error) => {
        if (error === undefined) outbox.committed(partition, enqueued, arrived)
        // One whose entity is damaged leaves the batch by itself; a store that failed is read anew.
        else if (isDamaged(error)) outbox.parted(enqueued, arrived)
        done(error)
      },
    )
    return undefined
  }
}
