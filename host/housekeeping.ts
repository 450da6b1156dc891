// Housekeeping: what runs by the clock, and by nobody's call: idle entities are dropped, keys forgotten, notes written, a store that failed is
// opened again.
//
// H1. Nothing here holds the loop: each of these takes portions, or a few microseconds.
// H2. Nothing here runs while the store has failed, but opening it again (§storage-2). Then every activation is dropped, what was left with open
//     streams is woken, and effects are taken up anew. Nothing that was acknowledged is lost.
// H3. Notes (age, census, place of the replica, progress of who follows the feed) are only a help: what a crash takes of them is counted or
//     found again.
// H4. A store that is being opened again when this stops is waited for: closing it meanwhile would leave what is just being opened.
//
// Owns: when.   What is done is owned by whoever has the data.

import { statfs } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Clock, Timer } from './clock.ts'
import type { Outbox } from './delivery/outbox.ts'
import type { Disk } from './disk.ts'
import type { Entities } from './entity/entities.ts'
import { sweepEveryMs } from './entity/entities.ts'
import type { Age } from './journal/age.ts'
import { expire } from './journal/expiry.ts'
import type { GroupCommit } from './journal/group-commit.ts'
import type { Partition } from './partition.ts'
import type { Store } from './store/store.ts'

/** Idempotency keys that have expired are looked for this often. */
const forgetEveryMs = 60_000
const reopenEveryMs = 500
/** How often the room on the disk is looked at. */
const diskEveryMs = 1_000
/** The last commit is noted so often, if there was one (incarnation.N3). */
const noteEveryMs = 500

interface HousekeepingParts {
  readonly clock: Clock
  readonly store: Store
  readonly partitions: readonly Partition[]
  readonly commits: GroupCommit
  readonly entities: Entities
  readonly outbox: Outbox
  readonly disk: Disk
  readonly age: Age
  readonly log: Logger
  readonly idempotencyHours: number
  /** Undefined where it is none: nothing is known of its room then. */
  readonly directory: string | undefined
  /** Entities that were left with open streams are to hear of it. */
  readonly wake: () => void
  /** How often idle entities are looked for; as usual if it is left out. */
  readonly sweepEveryMs: number | undefined
  readonly stopping: () => boolean
}

export class Housekeeping {
  private readonly parts: HousekeepingParts
  private timers: readonly Timer[] = []
  private reopening: Promise<void> | undefined
  private forgetting = false
  /** By partition: the commit that brought its notes last. */
  private readonly noted: number[] = []

  constructor(parts: HousekeepingParts) {
    this.parts = parts
  }

  start(): void {
    const { clock } = this.parts
    this.timers = [
      clock.every(this.parts.sweepEveryMs ?? sweepEveryMs, () => this.passivate()),
      clock.every(forgetEveryMs, () => void this.forget()),
      clock.every(reopenEveryMs, () => this.recover()),
      clock.every(noteEveryMs, () => this.note()),
      clock.every(diskEveryMs, () => void this.lookAtDisk()),
    ]
  }

  async stop(): Promise<void> {
    for (const timer of this.timers) timer.cancel()
    await this.reopening
  }

  /** What was committed since the last notes, or ever in an older directory, is counted behind everything else. */
  count(): void {
    const failed = (err: unknown) => this.parts.log.error({ err }, 'counting the stored data failed')
    for (const { journal } of this.parts.partitions) {
      journal.census.complete().catch(failed)
      journal.usage.complete().catch(failed)
    }
  }

  /** `interrupted`: a process has ended meanwhile. */
  takeUp(interrupted: boolean): void {
    const { outbox, log } = this.parts
    outbox.takeUp(interrupted).catch((err: unknown) => log.error({ err }, 'effects could not be taken up'))
  }

  async lookAtDisk(): Promise<void> {
    const { directory, disk, log } = this.parts
    if (directory !== undefined) disk.freeBytes = await freeBytesOf(directory, log)
  }

  /** How far this replica has come. */
  note(): void {
    const { store, log } = this.parts
    try {
      if (store.failure() === undefined) store.note()
    } catch (err) {
      log.error({ err }, 'the last commit could not be noted')
    }
  }

  /** The last notes, for the next start. */
  noteAll(): void {
    if (this.unfit()) return
    this.parts.age.note()
    this.noteCommits()
  }

  private unfit(): boolean {
    return this.parts.store.failure() !== undefined
  }

  private passivate(): void {
    const { entities, stopping, log } = this.parts
    entities.passivate(stopping).catch((err: unknown) => log.error({ err }, 'idle entities could not be dropped'))
  }

  private async forget(): Promise<void> {
    const { partitions, age, idempotencyHours, stopping, log } = this.parts
    const unfit = () => stopping() || this.unfit()
    if (unfit() || this.forgetting) return
    this.noteAll()
    this.forgetting = true
    try {
      const before = age.now() - idempotencyHours * 3_600_000
      for (const { journal, commits } of partitions) await expire(journal, commits, before, unfit, this.parts.clock)
      for (const { trimming } of partitions) await trimming.trim(unfit)
    } catch (err) {
      log.error({ err }, 'idempotency keys or old commits could not be forgotten')
    } finally {
      this.forgetting = false
    }
  }

  /** What was counted, and how far followers have come, is part of the next commit, if there was one since. */
  private noteCommits(): void {
    for (const { index, journal, commits, trimming } of this.parts.partitions) {
      if (journal.lastCommit() === (this.noted[index] ?? 0)) continue
      const { writes, written } = trimming.notes()
      commits.join(
        (batch) => {
          batch.note(journal.census.notes(journal.lastCommit()))
          batch.note(writes)
        },
        (error) => {
          if (error !== undefined) return
          this.noted[index] = journal.lastCommit()
          written()
        },
      )
    }
  }

  private recover(): void {
    if (this.reopening !== undefined) return
    const { store, log } = this.parts
    store.examine()
    if (store.failure() === undefined) return
    this.reopening = this.reopen()
      .catch((err: unknown) => log.error({ err }, 'storage still fails'))
      .finally(() => {
        this.reopening = undefined
      })
  }

  private async reopen(): Promise<void> {
    const { store, commits, entities, outbox, stopping, wake, log } = this.parts
    // What was decided on the state before belongs to that: it is refused now, not committed later.
    await commits.drain()
    if (stopping()) return
    await store.reopen()
    if (stopping()) return
    log.warn('storage works again')
    entities.restart()
    wake()
    this.count()
    if (!(await outbox.load())) return
    for (const partition of this.parts.partitions) partition.reload()
    this.takeUp(false)
  }
}

/** Infinite where the file system does not say. */
async function freeBytesOf(directory: string, log: Logger): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize
  } catch (err) {
    log.debug({ err }, 'the room on the disk is not known')
    return Number.POSITIVE_INFINITY
  }
}
