// Keeper: puts what outcomes send into the commit of what caused it: room, commit, and what is known of it afterwards.
//
// K1. Nothing is added for which the outbox, or what is pending, has no room; then nothing of the commit happened.
// K2. What a commit takes out or replaces is known from its joining on, so that nothing that was planned before it is written after it.
// K3. A commit that did not come about leaves the outbox, and what is pending, as it was.
//
// Owns: the order of these steps.   outbox.ts, pending.ts, tickets.ts own: the entries.   plan.ts owns: what is sent.

import { Newest } from '../commits.ts'
import type { EffectEntry } from '../effect.ts'
import type { InnkeeperError } from '../errors.ts'
import type { Joining } from '../journal/group-commit.ts'
import type { Batch, Journal } from '../journal/journal.ts'
import type { PendingRef } from '../journal/pending-rows.ts'
import type { TicketChange } from '../journal/ticket-rows.ts'
import { isDamaged } from '../storage/damage.ts'
import type { Places } from './chains.ts'
import type { Outbox } from './outbox.ts'
import type { Pending } from './pending.ts'
import { brought } from './room.ts'
import type { Standing } from './standing.ts'
import type { Tickets } from './tickets.ts'

/** What a commit does to the outbox. */
export interface Sending {
  /** New entries, and entries that became a forward or an answer. */
  readonly enqueued: readonly EffectEntry[]
  /** Ids of entries that arrived. */
  readonly arrived: readonly number[]
  /** Ids of entries that were taken back. */
  readonly dropped?: readonly number[] | undefined
  /** Entries that are due later, and such that are taken back, or are due now. */
  readonly pended?: readonly EffectEntry[] | undefined
  readonly unpended?: readonly PendingRef[] | undefined
  readonly tickets?: readonly TicketChange[] | undefined
}

const none: readonly never[] = Object.freeze([])

/** Of one partition. */
export class Keeper {
  /** Where effects that are caused in this partition get their ids. */
  readonly places: Places
  readonly standing: Standing
  readonly tickets: Tickets
  /** The last commit of the partition. */
  readonly newest: Newest
  private readonly outbox: Outbox
  private readonly pending: Pending
  private readonly commits: Joining
  private readonly partition: number

  constructor(
    outbox: Outbox,
    pending: Pending,
    tickets: Tickets,
    commits: Joining,
    partition: number,
    journal: Pick<Journal, 'lastCommit'>,
  ) {
    this.newest = new Newest(partition, journal)
    this.outbox = outbox
    this.pending = pending
    this.tickets = tickets
    this.commits = commits
    this.partition = partition
    this.places = outbox.places(partition)
    this.standing = {
      get nowMs() {
        return tickets.nowMs
      },
      ticketMs: tickets.ticketMs,
      named: (entity, name) => outbox.named(entity, name) ?? pending.named(entity, name),
      ticket: (entity, name) => tickets.find(entity, name),
      kept: (entity, key) => tickets.kept(entity, key),
    }
  }

  /** Commit what `write` adds, with what is sent. `done` is called once it is on disk, or with why that is not known.
   *  Answers why there is no room; then nothing happens. */
  keep(
    sending: Sending,
    write: (batch: Batch) => void,
    done: (error: Error | undefined) => void,
  ): InnkeeperError | undefined {
    const { outbox, pending, tickets, partition } = this
    const { enqueued, arrived, dropped = none, pended = none, unpended = none, tickets: changed = none } = sending
    const leaving = dropped.length === 0 ? arrived : [...arrived, ...dropped]
    if (enqueued.length > 0 && !outbox.admits(enqueued, leaving)) return outbox.full(enqueued[0]!.cause.service)
    const isLater = pended.length > 0 || unpended.length > 0 || changed.length > 0
    const later = isLater ? brought(pended, unpended, changed) : undefined
    const refusal = later && pending.refusal(later)
    if (refusal !== undefined) return refusal
    outbox.joined(enqueued, leaving)
    if (later !== undefined) pending.joined(later)
    tickets.joined(changed)
    this.commits.join(
      (batch) => {
        write(batch)
        outbox.write(partition, batch, enqueued, leaving)
        if (later !== undefined) pending.write(batch, later)
        for (const change of changed) batch.ticket(change)
      },
      (error) => {
        if (error === undefined) {
          outbox.committed(partition, enqueued, arrived, dropped)
          if (later !== undefined) pending.committed(later)
        }
        // One whose entity is damaged leaves the batch by itself; a store that failed is read anew.
        else if (isDamaged(error)) {
          outbox.parted(enqueued, leaving)
          if (later !== undefined) pending.parted(later)
        }
        tickets.left(changed)
        done(error)
      },
    )
    return undefined
  }
}
