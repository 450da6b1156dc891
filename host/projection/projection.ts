// Projection: one table of a view, kept up with the journal: built from what is stored where it is new, then from the feed.
//
//   opened ──(no offsets)──▶ built ──▶ follows ◀──▶ stuck        stuck: at a change that the function cannot project
//      │                                  │
//      └────────────(its place is lost)───┴──▶ lost              and another table is built instead (follower.ts)
//
// J1. A table is built from all that was stored when that began, entity by entity, and goes on from the commits that came since then: what a scan
//     has brought already is passed over (projector.P2).
// J2. An offset is written with the rows that reflect it, so each change is projected once; where a table ends within a build, it is built anew.
// J3. The journal keeps what the table needs: it is a consumer of each partition's feed, and says it has read only what is on its own disk.
// J4. Only whole commits are written.
// A page and what it costs the loop are bounded by the feed (feed.F3); the function runs in another process.
//
// Owns: reading and sending.   views/tables.ts owns: the process that writes.   follower.ts owns: which tables there are.

import type { Logger } from 'pino'
import type { Clock, Timer } from '../clock.ts'
import { nextTurn } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { Consumers } from '../feed/consumers.ts'
import type { Feed } from '../feed/feed.ts'
import type { Lost, Offset } from '../feed/offset.ts'
import type { EntityRef, Journal } from '../journal/journal.ts'
import type { ChokedAt, OffsetRecord, Step, TableRef } from '../views/component.ts'
import type { Tables } from '../views/tables.ts'
import type { Scanned } from './scan.ts'
import { scan } from './scan.ts'
import type { Source } from './sources.ts'
import type { ReplicaValue } from './steps.ts'
import { stepsOf } from './steps.ts'

export type ReadJournal = Pick<Journal, 'base' | 'entities' | 'head' | 'lastCommit' | 'records'>

/** What it reads of a partition. */
export interface ReadPartition {
  readonly index: number
  readonly journal: ReadJournal
  readonly feed: Feed
  readonly consumers: Pick<Consumers, 'advance' | 'forget' | 'register'>
}

export interface ProjectionParts {
  readonly table: TableRef
  readonly tables: Pick<Tables, 'apply' | 'checkpoint' | 'drop' | 'open' | 'project'>
  readonly partitions: readonly ReadPartition[]
  readonly sources: readonly Source[]
  readonly clock: Clock
  readonly log: Logger
  /** A replicated value as it is stored. */
  readonly replicaOf: (journal: ReadJournal, entity: EntityRef) => ReplicaValue
  /** The store has failed, or the host stops. */
  readonly unfit: () => boolean
  /** It has all that there is. */
  readonly caughtUp: () => void
  /** Its place is lost, or the table is damaged: another one is to be built. */
  readonly lost: (why: string) => void
  /** Rows may have changed. */
  readonly changed: () => void
  /** It can tell how far it has come. */
  readonly reached: () => void
}

/** Read at once. */
const changesAtOnce = 256
const bytesAtOnce = 1024 * 1024
const checkpointMs = 1_000
const againMs = 1_000

type ProjectionState = 'starting' | 'building' | 'following' | 'stuck' | 'lost'

export class Projection {
  state: ProjectionState = 'starting'
  choked: ChokedAt | undefined
  /** Entities that a build has read. */
  built = 0
  private readonly parts: ProjectionParts
  private readonly sources: ReadonlyMap<number, Source>
  /** By partition: up to where the table reflects it. */
  private cursors: Offset[] = []
  private readonly unwritten = new Set<number>()
  private stopped = false
  private wake: (() => void) | undefined
  private awake = false
  private readonly stopHearing: (() => void)[] = []
  private checkpoint: Timer | undefined
  private dirty = false
  private running: Promise<void> | undefined
  /** When all had been read last. */
  private caughtMs: number

  constructor(parts: ProjectionParts) {
    this.parts = parts
    this.caughtMs = parts.clock.steady()
    this.sources = new Map(parts.sources.map((source) => [source.storage, source]))
  }

  get file(): string {
    return this.parts.table.file
  }

  get table(): TableRef {
    return this.parts.table
  }

  start(): void {
    const hear = () => this.hear()
    for (const { feed } of this.parts.partitions) this.stopHearing.push(feed.subscribe(hear))
    this.checkpoint = this.parts.clock.every(checkpointMs, () => void this.keepPlace())
    this.checkpoint.unref()
    this.running = this.run()
  }

  /** Nothing more is written to the table once this resolves. */
  async stop(): Promise<void> {
    this.stopped = true
    for (const stop of this.stopHearing.splice(0)) stop()
    this.checkpoint?.cancel()
    this.wake?.()
    await this.running
  }

  /** It is no more, and holds no journal. */
  async drop(): Promise<void> {
    await this.stop()
    for (const { consumers } of this.parts.partitions) await consumers.forget(this.consumer)
    await this.parts.tables.drop(this.file)
  }

  /** Commits that it has yet to read, and for how long, in milliseconds. */
  get lag(): { readonly commits: number; readonly ms: number } {
    let commits = 0
    for (const [at, { journal }] of this.parts.partitions.entries())
      commits += Math.max(0, journal.lastCommit() - (this.cursors[at]?.commit ?? 0))
    const ms = commits === 0 ? 0 : this.parts.clock.steady() - this.caughtMs
    return { commits, ms }
  }

  /** Up to which commit of a partition the table reflects the journal. */
  reached(partition: number): number {
    return this.state === 'building' || this.state === 'starting' ? 0 : (this.cursors[partition]?.commit ?? 0)
  }

  private get consumer(): string {
    return `view/${this.file}`
  }

  private hear(): void {
    this.awake = true
    this.wake?.()
  }

  private async run(): Promise<void> {
    while (!this.stopped && this.state !== 'lost') {
      try {
        if (this.parts.unfit()) await this.rest(againMs)
        else {
          await this.open()
          if (this.isFollowing) await this.follow()
          // Only another function helps, which is another projection.
          while (this.isStuck && !this.stopped) await this.rest(againMs)
        }
      } catch (error) {
        if (this.stopped) return
        if (error instanceof InnkeeperError && error.code === 'data_damaged') this.lose(error.message)
        else {
          this.parts.log.warn(
            { view: this.table.service, err: error },
            'a view cannot be written now; it is tried again',
          )
          await this.rest(againMs)
        }
      }
    }
  }

  private lose(why: string): void {
    this.state = 'lost'
    this.parts.lost(why)
  }

  private async open(): Promise<void> {
    const { tables, table, partitions, clock } = this.parts
    const records = await clock.outside(tables.open(table))
    if (records.length === partitions.length) {
      this.cursors = records.map(offsetOf)
      for (const [at, { feed, consumers }] of partitions.entries()) {
        const cursor = this.cursors[at]!
        const lost = feed.lost(cursor) ?? (await consumers.register(this.consumer, cursor))
        if (lost !== undefined) {
          this.lose(whyLost(lost))
          return
        }
      }
      this.state = 'following'
      return
    }
    await clock.outside(tables.drop(table.file))
    await clock.outside(tables.open(table))
    await this.build()
  }

  private async build(): Promise<void> {
    const { partitions, tables, table, clock } = this.parts
    this.state = 'building'
    this.built = 0
    this.cursors = []
    for (const [at, partition] of partitions.entries()) {
      // Held from now on; what is read later may be newer, and comes again.
      const start = partition.feed.end
      const lost = await partition.consumers.register(this.consumer, start)
      if (lost !== undefined)
        throw new InnkeeperError('unavailable', `the journal cannot be followed: ${whyLost(lost)}`)
      for (const source of this.sources.values())
        for await (const steps of scan(partition.journal, source, clock, this.scanned, (entity) =>
          this.parts.replicaOf(partition.journal, entity),
        )) {
          if (this.stopped) return
          if (!(await this.send(steps, []))) return
        }
      this.cursors[at] = start
      await clock.outside(tables.apply(table, { offsets: [recordOf(start)] }))
    }
    if (this.stopped || this.state !== 'building') return
    this.state = 'following'
    this.parts.changed()
  }

  private readonly scanned: Scanned = {
    read: () => {
      this.built += 1
    },
    damaged: (service, entity, reason) =>
      this.parts.log.error(
        { view: this.table.service, service, entity, reason },
        'an entity is damaged, and is not in the view',
      ),
  }

  // The state changes while something is awaited, which the compiler does not see.

  private get isFollowing(): boolean {
    return this.state === 'following'
  }

  private get isStuck(): boolean {
    return this.state === 'stuck'
  }

  private async follow(): Promise<void> {
    let changesMax = changesAtOnce
    while (!this.stopped && this.isFollowing) {
      this.awake = false
      let more = false
      const passMs = this.parts.clock.steady()
      for (const { index, feed, journal } of this.parts.partitions) {
        if (this.stopped || this.parts.unfit()) break
        const before = this.cursors[index]!
        const read = this.read(feed, journal, before, changesMax)
        if ('lost' in read) {
          this.lose(whyLost(read))
          return
        }
        if (read.next.commit === before.commit) continue
        more ||= read.more
        if (read.steps.length === 0) {
          this.cursors[index] = read.next
          this.unwritten.add(index)
          continue
        }
        const sent = await this.send(read.steps, [recordOf(read.next)], changesMax > 1)
        if (sent) {
          this.cursors[index] = read.next
          this.unwritten.delete(index)
          this.dirty = true
          changesMax = changesAtOnce
          this.parts.changed()
        } else if (this.isStuck) return
        else {
          changesMax = 1
          more = true
        }
      }
      this.parts.reached()
      if (more) await nextTurn(this.parts.clock)
      else {
        // All that there was when this pass began; under load there is always more by now.
        this.caughtMs = passMs
        this.parts.caughtUp()
        await this.rest()
      }
      if (this.parts.unfit()) await this.rest(againMs)
    }
  }

  /** Whole commits (J4): a page that ends within one goes on. */
  private read(
    feed: Feed,
    journal: ReadJournal,
    from: Offset,
    changesMax: number,
  ): Lost | { steps: readonly Step[]; next: Offset; more: boolean } {
    const steps: Step[] = []
    // Many commits may name one.
    const replicas = new Map<string, ReplicaValue>()
    const replicaOf = (entity: EntityRef): ReplicaValue => {
      const name = `${entity.storage} ${entity.key}`
      const value = replicas.get(name) ?? this.parts.replicaOf(journal, entity)
      replicas.set(name, value)
      return value
    }
    for (let after = from; ; ) {
      const page = feed.follow(after, { changesMax, bytesMax: bytesAtOnce })
      if ('lost' in page) return page
      for (const change of page.changes) {
        if (change.kind === 'damaged' && this.sources.has(change.entity.storage))
          this.parts.log.error({ view: this.table.service, change }, 'a change is damaged, and is not in the view')
        steps.push(...stepsOf(change, this.sources, replicaOf))
      }
      if (page.next.part === 0 || (page.changes.length === 0 && !page.more))
        return { steps, next: page.next, more: page.more }
      after = page.next
    }
  }

  /** False: nothing was written. `parts`: it is a batch, and may be tried in smaller ones. */
  private async send(steps: readonly Step[], offsets: readonly OffsetRecord[], parts = false): Promise<boolean> {
    const { tables, table, clock, log } = this.parts
    const { choked, shared } = await clock.outside(tables.project(table, steps, offsets))
    if (choked !== undefined) {
      if (parts) return false
      this.choked = choked
      this.state = 'stuck'
      log.error(
        { view: table.service, ...choked },
        'a view is stuck: its function cannot project a change; deploy a function that can, and it is built anew',
      )
      return false
    }
    if (shared > 0) this.lose(`${shared} rows were of a purged service and of another one`)
    return true
  }

  /** What was read is told to the journal, once it is on disk here (J3). */
  private async keepPlace(): Promise<void> {
    if (this.state !== 'following' && this.state !== 'stuck') return
    if (this.stopped || (!this.dirty && this.unwritten.size === 0)) return
    const { tables, table, partitions, clock, log } = this.parts
    const offsets = [...this.unwritten].map((index) => recordOf(this.cursors[index]!))
    this.unwritten.clear()
    this.dirty = false
    try {
      if (offsets.length > 0) await clock.outside(tables.apply(table, { offsets }))
      for (const record of await clock.outside(tables.checkpoint(table)))
        if (!this.stopped) partitions[record.partition]?.consumers.advance(this.consumer, offsetOf(record))
    } catch (error) {
      this.dirty = true
      if (!this.stopped)
        log.warn({ view: table.service, err: error }, 'the place of a view could not be kept; it is tried again')
    }
  }

  /** Until something is committed, or it stops; or so long, whatever is committed. */
  private rest(ms?: number): Promise<void> {
    if (this.stopped || (ms === undefined && this.awake)) return Promise.resolve()
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const done = () => {
        timer?.cancel()
        this.wake = undefined
        resolve()
      }
      if (ms !== undefined) timer = this.parts.clock.after(ms, done)
      this.wake = () => {
        if (ms === undefined || this.stopped) done()
      }
    })
  }
}

function offsetOf({ partition, commit, directory, incarnation }: OffsetRecord): Offset {
  return { partition, commit, directory, run: incarnation, part: 0 }
}

function recordOf({ partition, commit, directory, run }: Offset): OffsetRecord {
  return { partition, commit, directory, incarnation: run, hash: '' }
}

function whyLost({ lost }: Lost): string {
  const words = {
    beyond: 'the journal ends before what the view has: it was restored, or lost its end',
    trimmed: 'what comes next is no longer in the journal (feed-bytes)',
    history: 'the journal is another one than the view was made from',
    damaged: 'what comes next in the journal cannot be read',
  }
  return words[lost]
}
