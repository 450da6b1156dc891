// Pending: effects that are due later. They lie on disk, by when they are due, and cost no memory; what is due becomes an entry of the outbox.
//
//   pended ──(due)──▶ one commit: out of here, into the outbox ──▶ delivered like any other effect
//
// N1. A pending effect and the decision that set it are one commit; so are its end and what ended it: due, set again, cancelled, dropped, purged.
//     Each becomes an entry of the outbox at most once, also after a crash, and late rather than never.
// N2. What is due is sought from the last that fell due on, never from the start: rows that are gone cost nothing.
// N6. What cannot enter the outbox, since its service has no room there or cannot be run, is passed over and sought again after a moment: other services'
//     effects do not wait for it.
// N3. Due ones enter the outbox oldest first, some a turn of the loop, and only while few of them are under way; how many beside callers is said by
//     due-pace.ts.
// N4. While the clock is not believed (schedules/wall.ts) nothing falls due.
// N5. At most `pendingBytesMax` of them by bytes, open tickets included, with a share for each service: a decision that would set one more, or open or
//     join a ticket, is refused.
//
// Owns: which are due, and room.   pending-rows.ts owns: where they lie.   outbox.ts owns: all that comes after.

import type { Logger } from 'pino'
import type { Clock, Timer } from '../clock.ts'
import { timerMsMax } from '../clock.ts'
import type { EffectEntry } from '../effect.ts'
import type { InnkeeperError } from '../errors.ts'
import type { Joining } from '../journal/group-commit.ts'
import type { Batch, EntityRef, Journal, StorageId } from '../journal/journal.ts'
import type { PendingRef } from '../journal/pending-rows.ts'
import {
  dueEnd,
  dueKey,
  entityRows,
  nameKey,
  placeIn,
  placeOf,
  refIn,
  refOf,
  storageRows,
} from '../journal/pending-rows.ts'
import { decodeOutbox } from '../journal/record.ts'
import { after } from '../storage/columns.ts'
import { DamagedValue } from '../storage/damage.ts'
import { DuePace } from './due-pace.ts'
import type { Keeper } from './keeper.ts'
import type { Outbox } from './outbox.ts'
import { Passed } from './passed.ts'
import type { Brought } from './room.ts'
import { byService, Room } from './room.ts'
import type { Named } from './standing.ts'

/** Looked at in one turn: with each of them a commit is shared, so few would be dear. */
const portion = 256
const portionBytes = 1024 * 1024
/** Due ones that are under way at once. */
const underWayMax = 1024
const sleepMs = 60_000
/** When there was no room, or too many are under way. */
const fullMs = 100
const busyMs = 1
export interface PendingParts {
  readonly journal: Pick<Journal, 'rows'>
  readonly commits: Joining
  readonly outbox: Pick<Outbox, 'find' | 'run'>
  readonly clock: Clock
  readonly log: Logger
  readonly bytesMax: number
  /** Milliseconds for which the clock is not believed. */
  readonly heldMs: () => number
  /** Nothing can be committed. */
  readonly unfit: () => boolean
  /** Its target cannot be run now. */
  readonly unserved: (entry: EffectEntry) => boolean
  /** Commands of callers, ever. */
  readonly callers: () => number
  /** Told of an effect that fell due: of which service, and by how much it was late, in milliseconds. */
  readonly fell: (service: string, lateMs: number) => void
}

/** Of one partition. */
export class Pending {
  private readonly parts: PendingParts
  private readonly room: Room
  private readonly pace: DuePace
  /** Ids of rows that commits on their way take. */
  private readonly leaving = new Set<number>()
  /** Ids of those that fell due, and are in the outbox. */
  private readonly underWay = new Set<number>()
  private keeper: Keeper | undefined
  /** All that is due before this has fallen due (N2). */
  private from = dueKey(0, 0)
  private timer: Timer | undefined
  private nextMs = Number.POSITIVE_INFINITY
  /** What cannot enter now (N6). */
  private readonly passed: Passed
  private running = false
  private toldMs = Number.NEGATIVE_INFINITY

  constructor(parts: PendingParts) {
    this.parts = parts
    this.room = new Room(parts.bytesMax)
    this.passed = new Passed(parts.clock)
    this.pace = new DuePace(parts.clock, parts.callers)
    this.load()
  }

  /** Anew from disk: after a start, and after a reopened store. */
  load(): void {
    this.room.load(this.parts.journal.rows)
    this.leaving.clear()
    this.underWay.clear()
    this.from = dueKey(0, 0)
    this.passed.forget()
    if (this.running) this.wake()
  }

  /** When effects are taken up. */
  start(keeper: Keeper): void {
    this.keeper = keeper
    this.running = true
    this.wake()
  }

  stop(): void {
    this.running = false
    this.timer?.cancel()
  }

  /** The clock is believed again, or other services can be run. */
  look(): void {
    this.passed.look()
    if (this.running) this.wake()
  }

  get count(): number {
    let sum = 0
    for (const count of this.room.byService().values()) sum += count
    return sum
  }

  byService(): Iterable<readonly [service: string, count: number]> {
    return this.room.byService()
  }

  bytesOf(service: string): number {
    return this.room.bytesOf(service)
  }

  /** When the next one is due, in milliseconds since 1970; undefined: there is none. */
  get firstMs(): number | undefined {
    const [key] = this.parts.journal.rows.range('pending', { from: this.from, to: dueEnd, limit: 1, keysOnly: true })
    return key && placeOf(key).dueMs
  }

  /** Why there is no room for what a commit brings, if so. */
  refusal(brought: Brought): InnkeeperError | undefined {
    return this.room.admits(brought) ? undefined : this.room.refusal(brought)
  }

  /** Of this name, if it is still pending. */
  named(entity: EntityRef, name: string): Named | undefined {
    const value = this.parts.journal.rows.get('pending', nameKey(entity, name))
    if (value === undefined) return undefined
    const ref = refIn(entity, name, value)
    return this.leaving.has(ref.id) ? undefined : { where: 'pending', ref }
  }

  find(id: number, dueMs: number): EffectEntry | undefined {
    return this.leaving.has(id) ? undefined : this.read(dueMs, id)
  }

  private read(dueMs: number, id: number): EffectEntry | undefined {
    const value = this.parts.journal.rows.get('pending', dueKey(dueMs, id))
    return value && decodeOutbox(id, value)
  }

  /** By entity, then by name; `max` of those behind `last`, which is a key that was told. */
  page(storage: StorageId, key: string | undefined, last: Buffer | undefined, max: number): PendingPage {
    const prefix = key === undefined ? storageRows(storage) : entityRows({ storage, key })
    const rows = this.parts.journal.rows.range('pending', {
      from: last === undefined ? prefix : Buffer.concat([last, Buffer.of(0)]),
      to: after(prefix),
      limit: max,
    })
    const entries: EffectEntry[] = []
    for (let at = 0; at < rows.length; at += 2) {
      const { dueMs, id } = placeIn(rows[at + 1]!)
      const entry = this.find(id, dueMs)
      if (entry !== undefined) entries.push(entry)
    }
    return { entries, last: rows.length < 2 * max ? undefined : rows.at(-2) }
  }

  /** How many go to the methods of a service, and how many answers of its own effects it is to hear. */
  targets(service: string): ReadonlyMap<string, number> {
    return this.room.targets(service)
  }

  joined(brought: Brought): void {
    this.room.take(brought)
    for (const { id } of brought.unpended) this.leaving.add(id)
  }

  write(batch: Batch, brought: Brought): void {
    for (const ref of brought.unpended) batch.unpend(ref)
    for (const entry of brought.pended) batch.pend(entry)
    this.room.wrote(batch, brought)
  }

  committed({ pended, unpended }: Brought): void {
    for (const { id } of unpended) this.leaving.delete(id)
    if (pended.length === 0) return
    let firstMs = Number.POSITIVE_INFINITY
    for (const { id, dueMs = 0 } of pended) {
      firstMs = Math.min(firstMs, dueMs)
      this.backTo(dueMs, id)
    }
    if (this.running && firstMs < this.nextMs) this.wake()
  }

  parted(brought: Brought): void {
    this.room.take(brought, -1)
    for (const { id, dueMs } of brought.unpended) {
      this.leaving.delete(id)
      this.backTo(dueMs, id)
    }
  }

  /** Nearly always it is due long after what was looked at last. */
  private backTo(dueMs: number, id: number): void {
    if (dueMs <= placeOf(this.from).dueMs) this.back(dueKey(dueMs, id))
  }

  /** Something is there that is due before what was looked at last. */
  private back(key: Buffer): void {
    if (Buffer.compare(key, this.from) < 0) this.from = key
  }

  /** Due now, whatever its time. False: it is not pending. */
  fire(ref: PendingRef, done: (error: Error | undefined) => void): boolean {
    const entry = this.find(ref.id, ref.dueMs)
    if (entry === undefined) return false
    const full = this.fall([entry], done)
    if (full !== undefined) done(full)
    return true
  }

  drop(refs: readonly PendingRef[], done: (error: Error | undefined) => void): void {
    const there = refs.filter(({ id, dueMs }) => this.find(id, dueMs) !== undefined)
    this.keeper!.keep({ enqueued: [], arrived: [], unpended: there }, () => {}, done)
  }

  /** All that entities of a storage id have pending; its tickets are gone by then. How many they were. */
  async purge(storage: StorageId, service: string): Promise<number> {
    for (let count = 0; ; ) {
      const { entries } = this.page(storage, undefined, undefined, portion)
      if (entries.length === 0) {
        this.parts.commits.join(
          (batch) => batch.note([this.room.forget(service)]),
          () => {},
        )
        return count
      }
      await new Promise<void>((resolve, reject) =>
        this.drop(entries.map(refOf), (error) => (error === undefined ? resolve() : reject(error))),
      )
      count += entries.length
    }
  }

  private wake(): void {
    this.timer?.cancel()
    const waitMs = Math.min(this.turn(), sleepMs, timerMsMax)
    this.timer = this.parts.clock.after(waitMs, () => this.running && this.wake())
    this.timer.unref()
  }

  /** Milliseconds until there is something to do. */
  private turn(): number {
    const { clock, heldMs, unfit } = this.parts
    if (unfit()) return fullMs
    const held = heldMs()
    if (held > 0) return held
    // One that is tried again holds up nobody, and neither does one that leaves the host.
    for (const id of this.underWay) {
      const entry = this.parts.outbox.find(id)
      const waits = entry?.outward !== undefined || entry?.parked !== undefined
      if (entry === undefined || waits || entry.attempts > 0) this.underWay.delete(id)
    }
    // Those whose commit is on its way are under way, too.
    if (this.underWay.size + this.leaving.size > underWayMax - portion) return busyMs
    const limit = this.pace.look(portion)
    if (limit === 0) return busyMs
    const again = this.passed.again()
    if (again !== undefined) this.back(again)
    const nowMs = clock.now()
    const rows = this.parts.journal.rows.range('pending', {
      ...{ from: this.from, to: dueKey(nowMs + 1, 0), limit, bytesMax: portionBytes },
    })
    const due: EffectEntry[] = []
    for (let at = 0; at < rows.length; at += 2) {
      const key = rows[at]!
      const { id } = placeOf(key)
      this.from = Buffer.concat([key, Buffer.of(0)])
      // What is on its way out is gone, or comes back (parted).
      if (this.leaving.has(id)) continue
      const entry = this.decoded(id, rows[at + 1]!)
      if (entry === undefined) continue
      if (this.passed.full.has(entry.cause.service) || this.parts.unserved(entry))
        this.passed.add(dueKey(entry.dueMs ?? 0, entry.id))
      else due.push(entry)
    }
    this.nextMs = this.firstMs ?? Number.POSITIVE_INFINITY
    this.take(due, nowMs)
    return this.nextMs <= nowMs ? busyMs : this.passed.until(this.nextMs - nowMs)
  }

  private decoded(id: number, value: Buffer): EffectEntry | undefined {
    try {
      return decodeOutbox(id, value)
    } catch (error) {
      if (!(error instanceof DamagedValue)) throw error
      this.parts.log.error({ effect: id, reason: error.message }, 'a pending effect is damaged, and is passed over')
      return undefined
    }
  }

  /** Those of each service on their own: one that has no room holds up itself (N6). */
  private take(due: readonly EffectEntry[], nowMs: number): void {
    this.pace.took(due.length)
    for (const [service, entries] of byService(due)) {
      const full = this.enter(entries, nowMs)
      if (full !== undefined) this.noRoom(service, full.left, full.error)
    }
  }

  /** As many as there is room for. */
  private enter(
    entries: readonly EffectEntry[],
    nowMs: number,
  ): { readonly left: readonly EffectEntry[]; readonly error: Error } | undefined {
    const error = this.fall(entries, (error) => {
      if (error !== undefined) this.parts.log.error({ err: error }, 'effects that are due could not be stored')
    })
    if (error === undefined) {
      for (const { cause, dueMs = nowMs } of entries) this.parts.fell(cause.service, nowMs - dueMs)
      return undefined
    }
    if (entries.length === 1) return { left: entries, error }
    const half = entries.length >> 1
    const full = this.enter(entries.slice(0, half), nowMs)
    if (full !== undefined) return { left: [...full.left, ...entries.slice(half)], error }
    return this.enter(entries.slice(half), nowMs)
  }

  private noRoom(service: string, entries: readonly EffectEntry[], { message: reason }: Error): void {
    this.passed.full.add(service)
    for (const entry of entries) this.passed.add(dueKey(entry.dueMs ?? 0, entry.id))
    const steadyMs = this.parts.clock.steady()
    if (steadyMs - this.toldMs < sleepMs) return
    this.toldMs = steadyMs
    this.parts.log.warn({ reason }, 'effects that are due wait for room in the outbox')
  }

  /** Out of here and into the outbox. Answers why that has no room. */
  private fall(due: readonly EffectEntry[], done: (error: Error | undefined) => void): Error | undefined {
    const unpended = due.map(refOf)
    return this.keeper!.keep(
      { enqueued: due, arrived: [], unpended },
      () => {},
      (error) => {
        if (error === undefined) {
          for (const { id } of due) this.underWay.add(id)
          this.parts.outbox.run(due, Number.POSITIVE_INFINITY, () => {})
        }
        done(error)
      },
    )
  }
}

interface PendingPage {
  readonly entries: readonly EffectEntry[]
  /** Where the next page goes on; undefined: there is none. */
  readonly last: Buffer | undefined
}
