// Partition: one part of all entities: the log and the state that the log leaves, what is committed together, and the effects that are caused there.
//
//   entity ── placement ──▶ partition ─┬─ journal (state and log)      read when the entity is loaded
//                                      ├─ commits (its place in the group commit of its store)
//                                      ├─ keeper  (what its outcomes send)
//                                      └─ feed    (what it has committed, for those who follow)
//
// P1. What one command of an entity writes is one commit of one partition.
// P2. Nothing of a partition hangs on another one's: what goes from one to another is an effect, a forward, or a delta.
//
// What is of the loop and of the whole host is not here: whose turn it is (turns.ts), who stays in memory (entity/entities.ts), how much may wait, what
// effects wait for (outbox.ts). These are bounded by service and by client, wherever entities lie.
//
// Owns: the composition of one, and which one it is.   main.ts owns: making them.   journal/ owns: bytes and order.

import type { Logger } from 'pino'
import type { Command } from './command.ts'
import { Keeper } from './delivery/keeper.ts'
import type { Outbox } from './delivery/outbox.ts'
import type { PendingParts } from './delivery/pending.ts'
import { Pending } from './delivery/pending.ts'
import { Tickets } from './delivery/tickets.ts'
import { Consumers } from './feed/consumers.ts'
import { Feed } from './feed/feed.ts'
import type { TrimmingParts } from './feed/trimming.ts'
import { Trimming } from './feed/trimming.ts'
import type { GroupCommit, Joining } from './journal/group-commit.ts'
import { committed } from './journal/group-commit.ts'
import type { Gone, Journal } from './journal/journal.ts'
import type { Stored } from './journal/stored.ts'
import { storedIn } from './journal/stored.ts'
import { Placement } from './placement.ts'
import type { Store } from './store/store.ts'

/** What the feeds of all partitions are to keep, and for how long. */
type Keeping = Pick<TrimmingParts, 'age' | 'bytesMax' | 'clock' | 'hours' | 'warn'>
/** What calls that are made or answered later need. */
type Later = Pick<PendingParts, 'callers' | 'log' | 'heldMs' | 'unfit' | 'unserved' | 'fell'> & {
  readonly pendingBytesMax: number
  readonly ticketMs: number
}

export class Partition {
  readonly index: number
  readonly journal: Journal
  readonly commits: Joining
  readonly keeper: Keeper
  readonly pending: Pending
  readonly tickets: Tickets
  readonly feed: Feed
  readonly consumers: Consumers
  readonly trimming: Trimming

  constructor(index: number, store: PartStore, commits: Joining, outbox: Outbox, keeping: Keeping, later: Later) {
    const journal = store.journals[index]!
    this.index = index
    this.journal = journal
    this.commits = commits
    const { clock } = keeping
    this.pending = new Pending({ journal, commits, outbox, clock, bytesMax: later.pendingBytesMax, ...later })
    this.tickets = new Tickets({ journal, outbox, clock, ...later })
    this.keeper = new Keeper(outbox, this.pending, this.tickets, commits, index, journal)
    const directory = store.catalog.directoryId
    this.feed = new Feed({ journal, directory, partition: index, clock: keeping.clock })
    const consumers = new Consumers(this.feed, journal.rows, commits)
    this.consumers = consumers
    this.trimming = new Trimming({ journal, partition: index, commits, consumers, ...keeping })
  }

  /** What is due falls due from now on. */
  start(): void {
    this.pending.start(this.keeper)
    this.tickets.start(this.keeper)
  }

  stop(): void {
    this.pending.stop()
    this.tickets.stop()
  }

  /** The store was opened again. */
  reload(): void {
    this.tickets.load()
    this.pending.load()
  }
}

type PartStore = Pick<Store, 'catalog' | 'journals'>

export class Partitions {
  readonly all: readonly Partition[]
  readonly placement: Placement
  /** What they have stored, as one. */
  readonly stored: Stored

  constructor(store: PartStore, commits: GroupCommit, outbox: Outbox, keeping: Keeping, later: Later) {
    const { journals } = store
    this.placement = new Placement(journals.length)
    this.stored = storedIn(journals)
    this.all = journals.map((_, index) => new Partition(index, store, commits.of(index), outbox, keeping, later))
  }

  /** Who follows hears it in every partition, once this resolves or soon. Rejects if it could not be written. */
  async tell(gone: Gone): Promise<void> {
    await Promise.all(this.all.map(({ commits }) => committed(commits, (batch) => batch.tell(gone))))
  }

  readonly ofEntity = (storage: number, key: string): Partition => this.all[this.placement.ofEntity(storage, key)]!

  /** Where a call that belongs to no entity puts what it sends. */
  readonly ofCall = (command: Pick<Command, 'effect' | 'requestId'>): Partition =>
    this.all[this.placement.ofCall(command)]!
}

/** Of a directory that was copied or restored. */
export function warnHeld({ all }: Pick<Partitions, 'all'>, schedules: number, log: Pick<Logger, 'warn'>): void {
  const timers = all.reduce((sum, { pending }) => sum + pending.count, 0)
  const said =
    'the data directory was copied or restored: what is due later, schedules, and what goes to connectors wait until `inn effects resume`'
  log.warn({ timers, schedules }, said)
}
