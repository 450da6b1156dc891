// Schedules: calls that the host makes by the clock, for the methods that say when (§schedule). Each run is an effect in the outbox.
//
//   row schedule/<service>/<name> {last, hash, effect, runs} ──next time──▶ one commit: the row, and the effect ──▶ outbox ──▶ router
//
// S1. A run and that it was made are one commit: a crash makes none twice, and loses none. From there on it is an effect like any other.
// S2. A schedule that is new, or has changed, has missed nothing. What fell into a time in which nothing could run is one run, or none (`missed`).
// S3. At most one run of a schedule is under way. What falls due meanwhile is one run after it, or none.
// S4. A clock that goes back runs nothing twice. One that jumps ahead runs nothing until it is believed (wall.ts).
// S5. A row goes with its schedule. One of a service that is deployed and cannot be run stays.
//
// Owns: which are due.   times.ts owns: when.   rules.ts owns: what is sent.   delivery/ owns: all that comes after.

import type { Logger } from 'pino'
import type { Clock, Timer } from '../clock.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { EffectEntry } from '../effect.ts'
import { InnkeeperError } from '../errors.ts'
import { readAll, write } from '../journal/rows.ts'
import { keepsState } from '../kinds.ts'
import type { Partition } from '../partition.ts'
import type { Placement } from '../placement.ts'
import type { Service, Services } from '../services.ts'
import type { Schedule } from './rules.ts'
import { planSchedules } from './rules.ts'
import type { Wall } from './wall.ts'

/** Metadata of a run. */
export const scheduleName = 'innkeeper-schedule'
const prefix = 'schedule/'
/** How long it sleeps at most: then it looks at the clock, and at what has changed. */
const sleepMs = 60_000
/** When there was no room, or another run is under way. */
const againMs = 1_000
/** What is due for longer than this was missed. */
const graceMs = 60_000
/** A row from so far ahead was written by a clock that was wrong. */
const wrongMs = 86_400_000
const rowsMax = 100_000

interface Row {
  /** The time for which it ran last, or which was left out; of a new one, when it was seen first. Milliseconds since 1970. */
  readonly last: number
  readonly hash: string
  /** The entry of the last run; 0: there was none. */
  readonly effect: number
  readonly runs: number
}

interface Known {
  readonly schedule: Schedule
  readonly partition: Partition
  row: Row
  /** Undefined: never again. */
  next: number | undefined
  /** A commit of it is on its way. */
  writing: boolean
}

interface SchedulesParts {
  readonly services: Services
  readonly partitions: readonly Partition[]
  readonly placement: Placement
  readonly outbox: Pick<Outbox, 'find' | 'run'>
  readonly clock: Clock
  readonly log: Logger
  /** Nothing can be committed. */
  readonly unfit: () => boolean
  readonly wall: Wall
  /** The clock is believed again, as an operator said. */
  readonly accepted: () => void
}

/** What an operator may see of one. */
interface Shown {
  readonly service: string
  readonly name: string
  readonly method: string
  readonly cron: string
  readonly timeZone: string
  readonly missed: 'once' | 'skip'
  readonly runs: number
  /** Milliseconds since 1970. */
  readonly next: number | undefined
  readonly underWay: boolean
}

export class Schedules {
  private readonly parts: SchedulesParts
  private readonly wall: Wall
  private readonly known = new Map<string, Known>()
  private readonly planned = new WeakMap<Service, readonly Schedule[]>()
  private timer: Timer | undefined
  private running = false
  /** The rows may be other ones than is known. */
  private stale = true
  /** When it was last said that a run could not be stored. */
  private toldMs = Number.NEGATIVE_INFINITY

  constructor(parts: SchedulesParts) {
    this.parts = parts
    this.wall = parts.wall
  }

  /** When all services are there, and effects are taken up. */
  start(): void {
    this.running = true
    this.wake()
  }

  /** Other services are served than before. */
  changed(): void {
    this.stale = true
    if (this.running) this.wake()
  }

  stop(): void {
    this.running = false
    this.timer?.cancel()
  }

  list(): readonly Shown[] {
    return [...this.known.values()].map((known) => {
      const { service, name, method, rule } = known.schedule
      const { cron, missed } = rule
      const { next, row } = known
      const { timeZone } = known.schedule.times
      return {
        service,
        name,
        method,
        cron,
        timeZone,
        missed,
        runs: row.runs,
        next,
        underWay: this.underWay(known),
      }
    })
  }

  /** Milliseconds since 1970. */
  get nowMs(): number {
    return this.parts.clock.now()
  }

  /** Milliseconds for which the clock is not believed yet. */
  get heldMs(): number {
    return this.wall.look()
  }

  /** It is held until an operator says so: the directory was copied or restored. */
  get restored(): boolean {
    return this.heldMs === Number.POSITIVE_INFINITY
  }

  accept(): void {
    this.wall.accept()
    this.parts.accepted()
    if (this.running) this.wake()
  }

  /** One run more, now; when it is next due stays. Resolves with the id of its effect, once that is on disk.
   *  @throws InnkeeperError `not_found`, or why there is no room */
  run(service: string, name: string): Promise<number> {
    const known = this.known.get(keyOf({ service, name }))
    if (known === undefined)
      throw new InnkeeperError('not_found', `${service} has no schedule ${name}; \`inn schedules\` lists them`)
    if (known.writing)
      throw new InnkeeperError('overloaded', `the schedule ${name} is being stored; try again in a moment`)
    if (this.underWay(known))
      throw new InnkeeperError('overloaded', `a run of the schedule ${name} is under way; \`inn effects\` shows it`)
    return new Promise((resolve, reject) => {
      const nowMs = this.parts.clock.now()
      const full = this.fire(known, nowMs, known.row.last, (error, id) =>
        error === undefined ? resolve(id) : reject(error),
      )
      if (full !== undefined) reject(full)
    })
  }

  private wake(): void {
    this.timer?.cancel()
    const { unfit, clock } = this.parts
    let waitMs = sleepMs
    if (unfit()) {
      // Opened again, it may have other rows than those that were asked for last.
      this.stale = true
      waitMs = againMs
    } else {
      if (this.stale && !this.writing) this.read()
      const heldMs = this.wall.look()
      if (heldMs > 0) waitMs = Math.min(heldMs, sleepMs)
      // What is on its way changes what is known, and wakes it then.
      else waitMs = this.stale ? againMs : this.runDue()
    }
    if (this.running) this.timer = clock.after(waitMs, () => this.wake())
  }

  /** Milliseconds until something is to be done. */
  private runDue(): number {
    const nowMs = this.parts.clock.now()
    let waitMs = sleepMs
    for (const known of this.known.values()) {
      if (known.next === undefined) continue
      if (known.next <= nowMs && !known.writing) this.due(known, nowMs)
      waitMs = Math.min(waitMs, known.next <= nowMs ? againMs : known.next - nowMs)
    }
    return Math.max(1, waitMs)
  }

  private due(known: Known, nowMs: number): void {
    const { schedule } = known
    const last = schedule.times.last(nowMs) ?? known.next!
    const skips = schedule.rule.missed === 'skip'
    if (skips && (this.underWay(known) || nowMs - last > graceMs)) this.leaveOut(known, last)
    else if (!this.underWay(known)) {
      const full = this.fire(known, last, last, (error) => error !== undefined && this.failed(known, error))
      if (full !== undefined) this.failed(known, full)
    }
  }

  /** A row is on its way to the disk. */
  private get writing(): boolean {
    for (const { writing } of this.known.values()) if (writing) return true
    return false
  }

  private failed({ schedule: { service, name } }: Known, err: Error): void {
    const nowMs = this.parts.clock.steady()
    if (nowMs - this.toldMs < sleepMs) return
    this.toldMs = nowMs
    this.parts.log.warn({ service, schedule: name, err }, 'a run of a schedule could not be stored; it is tried again')
  }

  /** Its last run is in the outbox, and not parked. */
  private underWay({ row }: Known): boolean {
    const entry = row.effect === 0 ? undefined : this.parts.outbox.find(row.effect)
    return entry !== undefined && entry.parked === undefined
  }

  private leaveOut(known: Known, last: number): void {
    const { service, name } = known.schedule
    this.parts.log.info({ service, schedule: name }, 'a run of a schedule was missed, and is left out')
    this.put(known, { ...known.row, last })
  }

  /** `forMs`: the time for which it runs. Answers why there is no room. */
  private fire(
    known: Known,
    forMs: number,
    last: number,
    done: (error: Error | undefined, id: number) => void,
  ): Error | undefined {
    const { schedule, partition, row } = known
    const { service, name, method, payload } = schedule
    const entry: EffectEntry = {
      ...partition.keeper.places.next(undefined),
      cause: { service, entity: '', revision: 0 },
      call: {
        service,
        method,
        payload,
        metadata: [
          [scheduleName, name],
          ['innkeeper-due', new Date(forMs).toISOString()],
        ],
      },
      synchronous: false,
      hops: 0,
      attempts: 0,
      parked: undefined,
    }
    const ran = { ...row, last, effect: entry.id, runs: row.runs + 1 }
    known.writing = true
    const full = partition.keeper.keep(
      { enqueued: [entry], arrived: [] },
      (batch) => batch.note([rowOf(keyOf(schedule), ran)]),
      (error) => {
        this.written(known, ran, error)
        if (error === undefined) this.parts.outbox.run([entry], Number.POSITIVE_INFINITY, () => {})
        done(error, entry.id)
      },
    )
    if (full !== undefined) known.writing = false
    return full
  }

  private put(known: Known, row: Row): void {
    known.writing = true
    known.partition.commits.join(
      (batch) => batch.note([rowOf(keyOf(known.schedule), row)]),
      (error) => {
        this.written(known, row, error)
        if (error !== undefined) this.failed(known, error)
      },
    )
  }

  private written(known: Known, row: Row, error: Error | undefined): void {
    known.writing = false
    if (error !== undefined) {
      this.stale = true
      return
    }
    known.row = row
    known.next = known.schedule.times.after(row.last)
    if (this.running) this.wake()
  }

  /** What is deployed, beside what the rows say of it. */
  private read(): void {
    this.stale = false
    const { partitions, services } = this.parts
    const rows = new Map<string, readonly [partition: Partition, row: Row]>()
    for (const partition of partitions)
      for (const [key, row] of readAll<Row>(partition.journal.rows, prefix, rowsMax)) rows.set(key, [partition, row])
    const before = new Map(this.known)
    this.known.clear()
    for (const service of services.current.services.values())
      for (const schedule of this.schedulesOf(service)) this.take(schedule, rows, before)
    for (const [key, [partition]] of rows) {
      const name = key.slice(0, key.lastIndexOf('/'))
      if (this.known.has(key) || services.current.unserved.has(name)) continue
      partition.commits.join(
        (batch) => batch.note([rowOf(key, undefined)]),
        () => {
          // It may be there again by now, and its row is gone.
          this.stale = true
          if (this.running) this.wake()
        },
      )
    }
  }

  private take(
    schedule: Schedule,
    rows: ReadonlyMap<string, readonly [Partition, Row]>,
    before: ReadonlyMap<string, Known>,
  ): void {
    const key = keyOf(schedule)
    const { partitions, placement, clock, log } = this.parts
    const nowMs = clock.now()
    const partition = partitions[placement.ofCall({ effect: undefined, requestId: key })]!
    const stored = rows.get(key)?.[1]
    const isNew = stored?.hash !== schedule.hash
    const wrong = stored !== undefined && stored.last > nowMs + wrongMs
    if (wrong) log.warn({ schedule: key }, 'a schedule ran last by a clock that was far ahead; it goes on from now')
    const row =
      isNew || wrong
        ? { last: nowMs, hash: schedule.hash, effect: stored?.effect ?? 0, runs: stored?.runs ?? 0 }
        : stored
    // Most are as they were, and to find the next time of some takes milliseconds.
    const was = before.get(key)
    const isSame = was?.schedule === schedule && was.row.last === row.last
    const next = isSame ? was.next : schedule.times.after(row.last)
    const known: Known = { schedule, partition, row, next, writing: false }
    this.known.set(key, known)
    if (isNew || wrong) this.put(known, row)
  }

  private schedulesOf(service: Service): readonly Schedule[] {
    let schedules = this.planned.get(service)
    if (schedules === undefined) {
      const wrong = (problem: string, method: string) =>
        this.parts.log.error({ service: service.name, method, problem }, 'a schedule cannot be run')
      const { schema, type, kind } = service
      schedules = planSchedules(schema, type, keepsState(kind), undefined, wrong).schedules
      this.planned.set(service, schedules)
    }
    return schedules
  }
}

function keyOf({ service, name }: Pick<Schedule, 'service' | 'name'>): string {
  return `${service}/${name}`
}

/** `undefined`: it goes. */
function rowOf(key: string, row: Row | undefined): ReturnType<typeof write> {
  return write(`${prefix}${key}`, row)
}
