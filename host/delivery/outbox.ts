// Outbox: side effects on their way, durable since the commit that caused them.
//
// O1. Effects of one outcome are started in list order; a synchronous one ends before the next starts (§effect-2).
// O2. The entry is in the journal before the effect is tried, and out of it in the commit of the entity that accepted it:
//     a crash in between loses none and doubles none.
//     Two commands for one entry, a try that took too long and the next one, are decided once: the target asks `awaits`.
// O3. What its target says may be another thing later is tried again with back-off, then parked. What is an answer is parked at once, with the
//     reason. Nobody waits for a parked effect, nor past the deadline.
// O4. At most `outboxEffectsMax` entries of `outboxBytesMax`, with a share of both for each causing service (shares.ts), parked ones and those of commits on
//     their way included; who would add more is told so before it commits.
// O5. Tries are counted on disk: one that ended with the host counts when it is taken up, before it is tried again. So an effect
//     that takes the host down with it is parked in the end.
// O6. An effect that its target cannot take now, since its service cannot be run, waits, untried, until another version of that is deployed.
// O7. A chain has at most `chainEffectsMax` effects (chains.ts); the one beyond is parked untried. An effect of an entity on itself
//     is no hop, and counts in the chain alone; but a synchronous one is: each holds those who wait for the ones before it.
// O8. What is done for many entries (reading, taking up, trying, giving up) is done for `pieceMax` a turn of the loop. Nothing is added
//     before all that there is has been read, or shares and places would be given twice.
// O11. What an entity sends to another is not overtaken by what it sends there later while it is being tried again (lanes.ts, §effect-16).
// O10. An ask never parks: what would park becomes its answer, a failure that says whether it happened. Once its time is up it is given up; what
//      its target has decided by then stands.
// O12. What goes to a connector leaves one at a time of each entity and connector. Its grant says how often it is tried. A host that ended may have sent it,
//      and this counts as no try.
// O9. Entries lie in the partition that gave their ids. What arrives in another one leaves a receipt in the commit that accepted it; then the entry
//     goes, and after it the receipt. A start finds what a crash left of that: an entry with a receipt has arrived. So it arrives once, and
//     no receipt stays.
//
// Owns: trying, parking, the waiting for synchronous ones.   Activation owns: the commits.   targets/ owns: how, and what
// an answer means.

import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { nextTurn, type Timer, timerMsMax } from '../clock.ts'
import { type Commits, together } from '../commits.ts'
import type { EffectEntry } from '../effect.ts'
import { InnkeeperError, tooManyHops, wire } from '../errors.ts'
import type { Joining } from '../journal/group-commit.ts'
import type { Batch, EntityRef, Journal } from '../journal/journal.ts'
import type { Limits } from '../limits.ts'
import { Placement } from '../placement.ts'
import { Shares } from '../shares.ts'
import type { AskEntry, AskOutcome, Happened } from './answers.ts'
import { answerEntry, isAsk } from './answers.ts'
import type { Places } from './chains.ts'
import { Chains, nameOf } from './chains.ts'
import { Lanes } from './lanes.ts'
import { Names } from './names.ts'
import { settledHere } from './plan.ts'
import type { Named } from './standing.ts'
import type { Target, Tried } from './targets/target.ts'
import { Untils } from './untils.ts'

type Failed = Extract<Tried, { kind: 'failed' }>
/** Called with what the answer of its target tells of, where there was one. */
type Ended = (commits?: Commits) => void

/** Waits between tries, in milliseconds; after the last the effect is parked. */
export const backOffMs = [100, 500, 2_000, 10_000, 60_000] as const
/** Entries read, taken up, tried or given up in one turn. */
export const pieceMax = 200

/** What a try by hand came to, as far as it is known by then. */
export type Became =
  | { readonly became: 'delivered' }
  | { readonly became: 'parked'; readonly reason: string }
  /** It failed and is tried again by itself. */
  | { readonly became: 'waiting'; readonly reason: string }
  /** No answer yet. */
  | { readonly became: 'under way' }

/** Where a partition keeps its entries. */
interface OutboxPart {
  readonly journal: Pick<Journal, 'nextOutboxId' | 'outbox' | 'receipts'>
  readonly commits: Joining
}

interface OutboxParts {
  /** By partition. */
  readonly partitions: readonly OutboxPart[]
  /** `served` is to be called when what it cannot try now may have changed. */
  readonly target: Target
  /** It goes to the entity that caused it. */
  readonly toItself: (entry: EffectEntry) => boolean
  /** The way from the entity that sent it to the one that it is for; undefined where it is for none. */
  readonly lane: (entry: EffectEntry) => string | undefined
  /** What an effect of the service `by` has besides, where the other one is a connector to it. */
  readonly outward: Places['outward']
  /** A try that was not answered may have been carried out: of an entity the host knows. */
  readonly mayHaveHappened: (entry: EffectEntry) => boolean
  readonly clock: Clock
  readonly limits: Limits
  readonly log: Logger
  /** Told of an effect that arrived, or is parked, by the service that caused it. */
  readonly delivered: (service: string) => void
  readonly parked: (service: string) => void
}

export class Outbox {
  private readonly parts: OutboxParts
  /** All entries that are in the journal's outbox, parked ones too, from the commit that brings them to the one that takes them. */
  private readonly entries = new Map<number, EffectEntry>()
  private readonly timers = new Set<Timer>()
  private readonly chains: Chains
  /** Entries by causing service, those of commits on their way too. */
  private readonly shares: Shares
  /** Their bytes. */
  private readonly bytes: Shares
  /** By partition. */
  private readonly lastIds: number[]
  private readonly placement: Placement
  /** Of entries that became a forward in another partition, while their tries are under way: the id of that. */
  private readonly successors = new Map<number, number>()
  /** Counts `load`: what was tried before it is taken up anew, and its answer means nothing. */
  private era = 0
  private stopped = false
  /** Not all that is in the journal has been read. */
  private loading = false
  /** Entries that a commit on its way takes out or replaces. */
  private readonly leaving = new Set<number>()
  /** New entries of commits on their way. */
  private readonly coming = new Set<number>()
  private readonly names = new Names()
  private readonly lanes = new Lanes()
  /** Of what leaves the host (O12). */
  private readonly outLanes = new Lanes({ oneByOne: true })
  /** Ids of those that were given to their target at least once in this run. */
  private readonly tried = new Set<number>()
  /** Ids of those that a connector is trying now. */
  private readonly outside = new Set<number>()
  private readonly untils: Untils
  /** Who asked for a try by hand, by id. */
  private readonly watchers = new Map<number, (became: Became) => void>()
  /** What waits for a service that can be run (O6): tries that are put off, by id. */
  private readonly putOff = new Map<number, () => void>()

  constructor(parts: OutboxParts) {
    this.parts = parts
    this.shares = new Shares(parts.limits.outboxEffectsMax)
    this.bytes = new Shares(parts.limits.outboxBytesMax)
    this.placement = new Placement(parts.partitions.length)
    this.untils = new Untils(parts.clock, (id) => this.late(id))
    this.lastIds = parts.partitions.map(({ journal }) => journal.nextOutboxId() - parts.partitions.length)
    this.chains = new Chains({
      clock: parts.clock,
      together: (one, other) => this.placement.ofEffect(one) === this.placement.ofEffect(other),
      write: (entry) => this.store(entry, ignore),
    })
  }

  /** Where effects that a partition causes get ids and places. */
  places(partition: number): Places {
    const give = () => (this.lastIds[partition]! += this.placement.count)
    return {
      next: (chain) => this.chains.next(give(), chain),
      owns: (id) => this.placement.ofEffect(id) === partition,
      moved: (entry) => {
        const { place, chainEffects } = entry
        return { id: give(), chain: nameOf(entry), place, chainEffects }
      },
      outward: this.parts.outward,
    }
  }

  /** Entries by causing service. */
  byService(): Iterable<readonly [service: string, entries: number]> {
    return this.shares.each()
  }

  get size(): number {
    return this.entries.size
  }

  /** Bytes of the entries that a service caused. */
  bytesOf(service: string): number {
    return this.bytes.of(service)
  }

  get allBytes(): number {
    return this.bytes.all
  }

  /** There is room. If there is none these never were: `next` may give their places in the chain again. */
  admits(enqueued: readonly EffectEntry[], leaving: readonly number[] = noIds): boolean {
    const added = enqueued.filter(({ id, was = id }) => !this.entries.has(was))
    const [first] = added
    if (first === undefined) return true
    const { service } = first.cause
    // What goes in the same commit makes room: a full outbox still drains.
    const count = added.length - leaving.length
    const freed = leaving.reduce((sum, id) => sum + (this.entries.has(id) ? bytesOf(this.entries.get(id)!) : 0), 0)
    const bytes = added.reduce((sum, entry) => sum + bytesOf(entry), 0) - freed
    const fits = (count <= 0 || this.shares.admits(service, count)) && (bytes <= 0 || this.bytes.admits(service, bytes))
    if (!this.loading && fits) return true
    // What was pending has its place since long ago.
    for (const entry of added) if (entry.dueMs === undefined) this.chains.giveBack(entry)
    return false
  }

  /** Why it does not admit more of this service. */
  full(service: string): InnkeeperError {
    if (this.loading)
      return new InnkeeperError(
        'overloaded',
        'the host is still reading the stored side effects; try again in a moment',
      )
    const held = this.shares.of(service)
    const message = this.shares.full
      ? 'too many side effects are waiting; see `inn effects`'
      : `${service} has used up its share of the outbox: ${held} effects of it, of ${this.bytes.of(service)} bytes, wait or are parked; ` +
        'see `inn effects`'
    return new InnkeeperError('overloaded', message)
  }

  /** Into the batch of a partition's commit: what it adds or replaces, and what has arrived. */
  write(partition: number, batch: Batch, enqueued: readonly EffectEntry[], arrived: readonly number[]): void {
    for (const entry of enqueued) {
      this.chains.write(batch, entry)
      if (entry.was !== undefined) batch.receive(entry.was)
    }
    for (const id of arrived) {
      if (this.placement.ofEffect(id) === partition) this.chains.remove(batch, this.entries.get(id), id, this.leaving)
      else batch.receive(id)
    }
  }

  /** Why its target cannot be tried now, if that is so. */
  obstacle(entry: EffectEntry): string | undefined {
    return this.parts.target.unserved(entry)
  }

  find(id: number): EffectEntry | undefined {
    return this.entries.get(id)
  }

  list(): readonly EffectEntry[] {
    return [...this.entries.values()]
  }

  /** In the order of their ids, `max` of those after one. */
  page(after: number, max: number, wanted: (entry: EffectEntry) => boolean): readonly EffectEntry[] {
    const found: EffectEntry[] = []
    for (const entry of this.entries.values()) if (entry.id > after && wanted(entry)) found.push(entry)
    return found.sort((a, b) => a.id - b.id).slice(0, max)
  }

  /** Read what is in the journal, a piece a turn: before the first command of a start, and after a reopened store. Nothing is added
   *  meanwhile (O8). False if it was overtaken by another `load`, or the host stopped. @throws InnkeeperError `storage_unavailable` */
  async load(): Promise<boolean> {
    this.entries.clear()
    this.leaving.clear()
    this.coming.clear()
    this.names.clear()
    this.lanes.clear()
    this.outLanes.clear()
    this.tried.clear()
    this.outside.clear()
    this.untils.clear()
    this.shares.clear()
    this.bytes.clear()
    this.chains.clear()
    this.putOff.clear()
    this.successors.clear()
    this.era += 1
    const { era } = this
    this.loading = true
    const arrived = await this.arrivedElsewhere(era)
    const left = new Map<number, EffectEntry>()
    for (const { journal } of this.parts.partitions) {
      for (let after = 0; ; ) {
        const page = journal.outbox(after, pieceMax)
        const last = page.at(-1)
        if (last === undefined) break
        after = last.id
        for (const entry of page) {
          this.chains.found(entry)
          if (arrived.has(entry.id)) {
            left.set(entry.id, entry)
            continue
          }
          this.entries.set(entry.id, entry)
          this.take(entry)
          this.names.add(entry)
        }
        await nextTurn(this.parts.clock)
        if (era !== this.era || this.stopped) return false
      }
    }
    this.loading = false
    // All of them before the first is taken out: none that leaves is to say the count of its chain, and so be written again.
    for (const id of arrived.keys()) this.leaving.add(id)
    for (const [id, partition] of arrived) this.settle(id, left.get(id), partition)
    return true
  }

  /** What has arrived in another partition, and where (O9). */
  private async arrivedElsewhere(era: number): Promise<ReadonlyMap<number, number>> {
    const arrived = new Map<number, number>()
    for (const [partition, { journal }] of this.parts.partitions.entries()) {
      for (let after = 0; era === this.era && !this.stopped; ) {
        const page = journal.receipts(after, pieceMax)
        if (page.length === 0) break
        for (const id of page) arrived.set(id, partition)
        after = page.at(-1)!
        await nextTurn(this.parts.clock)
      }
    }
    return arrived
  }

  /** Its entry, which is said to leave, goes, and then the receipt of it. */
  private settle(id: number, entry: EffectEntry | undefined, partition: number): void {
    const { log } = this.parts
    const { era } = this
    const failed = (err: Error) => log.error({ effect: id, err }, 'an effect that arrived could not be taken out')
    this.commitsOf(id).join(
      (batch) => this.chains.remove(batch, entry, id, this.leaving),
      (error) => {
        if (era === this.era) this.leaving.delete(id)
        if (error !== undefined) {
          failed(error)
          return
        }
        this.parts.partitions[partition]!.commits.join(
          (batch) => batch.settle(id),
          (error) => error && failed(error),
        )
      },
    )
  }

  private commitsOf(id: number): Joining {
    return this.parts.partitions[this.placement.ofEffect(id)]!.commits
  }

  /** Those of each partition, for a commit of it. */
  private byPartition(entries: readonly EffectEntry[]): readonly (readonly [number, readonly EffectEntry[]])[] {
    const groups = new Map<number, EffectEntry[]>()
    for (const entry of entries) {
      const partition = this.placement.ofEffect(entry.id)
      const group = groups.get(partition)
      if (group === undefined) groups.set(partition, [entry])
      else group.push(entry)
    }
    return [...groups]
  }

  /** Take up what was loaded, in order, a piece a turn: when all services are there. `interrupted`: a process has ended meanwhile, perhaps
   *  by one of these (O5). */
  async takeUp(interrupted: boolean): Promise<void> {
    const { era } = this
    for await (const piece of this.pieces([...this.entries.values()])) {
      if (era !== this.era) return
      // Some may have left while others were taken up.
      const waiting = piece.filter((entry) => entry.parked === undefined && this.entries.get(entry.id) === entry)
      // Those that were being tried again still are.
      for (const entry of waiting) if (entry.attempts > 0) this.holdLane(entry)
      // What only leaves the host takes down none. It may have been under way.
      const untried = (entry: EffectEntry) =>
        entry.outward !== undefined || this.parts.target.unserved(entry) !== undefined
      if (interrupted) this.count(waiting.filter((entry) => !untried(entry)))
      for (const entry of waiting) {
        if (interrupted && !untried(entry)) continue
        const now = entry.outward === undefined ? entry : { ...entry, ...unsure(entry) }
        if (now !== entry) this.entries.set(now.id, now)
        this.attempt(now, ignore)
      }
    }
  }

  /** Other services are served than before: try what was put off, a piece a turn. */
  async served(): Promise<void> {
    const attempts = [...this.putOff.values()]
    this.putOff.clear()
    for await (const piece of this.pieces(attempts)) for (const attempt of piece) attempt()
  }

  /** What is done for many is done for so many a turn (O8). */
  private async *pieces<T>(all: readonly T[]): AsyncGenerator<readonly T[]> {
    for (let at = 0; at < all.length; at += pieceMax) {
      if (at > 0) await nextTurn(this.parts.clock)
      if (this.stopped) return
      yield all.slice(at, at + pieceMax)
    }
  }

  /** One try more of each, on disk before it is made. */
  private count(waiting: readonly EffectEntry[]): void {
    const counted = waiting.map((entry) => ({ ...entry, attempts: entry.attempts + 1 }))
    const spent = ({ attempts }: EffectEntry) => attempts > backOffMs.length
    const again = counted.filter((entry) => !spent(entry))
    for (const entry of counted.filter(spent))
      this.giveUp(
        entry,
        `it was tried ${entry.attempts} times, and the host ended while it was under way`,
        'UNKNOWN',
        ignore,
      )
    if (again.length === 0) return
    for (const entry of again) this.entries.set(entry.id, entry)
    const { era } = this
    for (const [partition, entries] of this.byPartition(again))
      this.parts.partitions[partition]!.commits.join(
        (batch) => this.write(partition, batch, entries, []),
        (error) => {
          if (error !== undefined) this.parts.log.error({ err: error }, 'effects could not be taken up')
          else if (era === this.era) for (const entry of entries) this.attempt(entry, ignore)
        },
      )
  }

  /** What an entity has here under a name, unless it can no longer be taken back: it was tried elsewhere than on itself, or is about to
   *  leave. */
  named(entity: EntityRef, name: string): Named | undefined {
    const entry = this.names.find(entity, name)
    if (entry === undefined || this.leaving.has(entry.id)) return undefined
    if (this.tried.has(entry.id) && !this.parts.toItself(entry)) return undefined
    return { where: 'outbox', id: entry.id }
  }

  /** A commit was joined that takes entries out, or makes them a forward: what is written of them from now on would come after it,
   *  and bring back what has arrived. */
  joined(enqueued: readonly EffectEntry[], dequeued: readonly number[]): void {
    for (const entry of enqueued) {
      if (entry.was !== undefined) this.leaving.add(entry.was)
      if (this.entries.has(entry.id)) this.leaving.add(entry.id)
      else {
        this.coming.add(entry.id)
        this.take(entry)
        this.names.add(entry)
      }
    }
    for (const id of dequeued) this.leaving.add(id)
  }

  /** It is gone, or another thing. */
  private uncall(entry: EffectEntry): void {
    this.tried.delete(entry.id)
    this.putOff.delete(entry.id)
    this.untils.forget(entry.id)
    this.release(entry.id)
    this.names.remove(entry)
  }

  /** It did not come to that commit: everything is as it was. */
  parted(enqueued: readonly EffectEntry[], dequeued: readonly number[]): void {
    for (const entry of enqueued) {
      if (entry.was !== undefined) this.leaving.delete(entry.was)
      this.leaving.delete(entry.id)
      if (this.entries.has(entry.id)) continue
      this.give(entry)
      this.uncall(entry)
      this.coming.delete(entry.id)
      this.chains.lost(entry)
    }
    for (const id of dequeued) {
      this.leaving.delete(id)
      const entry = this.entries.get(id)
      if (entry !== undefined) this.chains.found(entry)
    }
  }

  /** What a commit that is on disk brought: new entries, entries that became a forward, and ids of those that arrived. */
  committed(
    partition: number,
    enqueued: readonly EffectEntry[],
    arrived: readonly number[],
    dropped: readonly number[] = [],
  ): void {
    for (const entry of enqueued) {
      if (!this.coming.delete(entry.id)) {
        const before = this.entries.get(entry.id)
        // Dropped while this commit made a forward of it: it is there again.
        if (before !== undefined) {
          this.give(before)
          if (entry.to !== undefined) this.uncall(before)
        }
        this.take(entry)
      }
      this.entries.set(entry.id, settledHere(entry))
      // A forward is on its way by itself, and the time of its ask goes on.
      if (entry.was !== undefined) this.untils.watch(entry)
      this.leaving.delete(entry.id)
      if (entry.was !== undefined) this.movedOn(entry.was, entry.id, partition)
    }
    for (const id of arrived) {
      const entry = this.left(id)
      if (entry !== undefined) {
        this.parts.delivered(entry.cause.service)
        this.tell(id, { became: 'delivered' })
      }
      if (this.placement.ofEffect(id) !== partition) this.settle(id, entry, partition)
    }
    for (const id of dropped) this.left(id)
  }

  private left(id: number): EffectEntry | undefined {
    this.leaving.delete(id)
    const entry = this.entries.get(id)
    if (entry === undefined) return undefined
    this.entries.delete(id)
    this.give(entry)
    this.uncall(entry)
    return entry
  }

  /** An entry of another partition is a forward in this one now. */
  private movedOn(was: number, id: number, partition: number): void {
    const entry = this.entries.get(was)
    if (entry !== undefined) {
      this.entries.delete(was)
      this.give(entry)
      this.uncall(entry)
      this.successors.set(was, id)
    }
    const watcher = this.watchers.get(was)
    if (watcher !== undefined) {
      this.watchers.delete(was)
      this.watchers.set(id, watcher)
    }
    this.settle(was, entry, partition)
  }

  /** The entry that a try was for, wherever it is by now. */
  private now(id: number): EffectEntry | undefined {
    let at = id
    for (let next = this.successors.get(at); next !== undefined; next = this.successors.get(at)) {
      this.successors.delete(at)
      at = next
    }
    return this.entries.get(at)
  }

  /** False for one that arrived, was given up, became a forward, or was taken up anew: nothing is to be done for it. */
  awaits({ id, call }: EffectEntry): boolean {
    return this.entries.get(id)?.call === call
  }

  /** Run effects of a commit. `done` is called once, when the synchronous ones have ended, been parked, or `deadlineMs` has
   *  passed, with the commits that were waited for. */
  run(effects: readonly EffectEntry[], deadlineMs: number, done: (commits?: Commits) => void): void {
    let waiting = true
    let waitedFor: Commits | undefined
    const finish = () => {
      if (!waiting) return
      waiting = false
      done(waitedFor)
    }
    const next = (index: number): void => {
      for (let at = index; at < effects.length; at++) {
        const entry = effects[at]!
        if (!entry.synchronous) {
          this.attempt(entry, ignore)
          continue
        }
        const timer = this.later(Math.min(Math.max(0, deadlineMs - this.parts.clock.now()), timerMsMax), () => {
          finish()
          next(at + 1)
        })
        let ended = false
        this.attempt(entry, (commits) => {
          // Parked or done after the deadline: the chain has gone on without it.
          if (ended || !this.timers.has(timer)) return
          ended = true
          waitedFor = together(waitedFor, commits)
          this.forget(timer)
          next(at + 1)
        })
        return
      }
      finish()
    }
    next(0)
  }

  /** Try a parked effect again, as if it were new; one that went too many hops, or is one too many in its
   *  chain, begins a new chain. Resolves with what became of
   *  it, within `waitMs`; undefined if there is none of this id. */
  retry(id: number, waitMs: number): Promise<Became> | undefined {
    const entry = this.entries.get(id)
    if (entry === undefined) return undefined
    if (entry.parked === undefined)
      return Promise.resolve({
        became: 'waiting',
        reason: `it is not parked, and has been tried ${entry.attempts} times`,
      })
    const hops = entry.hops > this.parts.limits.hopsMax ? 0 : entry.hops
    const beyond = hops !== entry.hops || entry.place > this.parts.limits.chainEffectsMax
    const fresh = { ...entry, parked: undefined, attempts: 0, hops, ...(beyond ? this.chains.next(id, undefined) : {}) }
    const became = new Promise<Became>((resolve) => {
      const timer = this.later(waitMs, () => this.tell(id, { became: 'under way' }))
      this.watchers.set(id, (told) => {
        this.forget(timer)
        resolve(told)
      })
    })
    this.store(fresh, () => this.attempt(fresh, ignore))
    return became
  }

  private tell(id: number, became: Became): void {
    const watcher = this.watchers.get(id)
    this.watchers.delete(id)
    watcher?.(became)
  }

  /** Give an effect up. False if there is none of this id. */
  drop(id: number): boolean {
    const entry = this.entries.get(id)
    if (entry === undefined) return false
    this.dropAll([entry])
    return true
  }

  /** Give up all that a service caused, waiting or parked, a piece a turn: it is purged. How many they were. */
  async purge(service: string): Promise<number> {
    const caused = [...this.entries.values()].filter(({ cause }) => cause.service === service)
    let count = 0
    for await (const piece of this.pieces(caused)) {
      const there = piece.filter(({ id }) => this.entries.has(id))
      if (there.length > 0) this.dropAll(there)
      count += there.length
    }
    return count
  }

  private dropAll(entries: readonly EffectEntry[]): void {
    for (const entry of entries) {
      this.entries.delete(entry.id)
      this.leaving.add(entry.id)
      this.give(entry)
      this.uncall(entry)
    }
    for (const [partition, dropped] of this.byPartition(entries))
      this.parts.partitions[partition]!.commits.join(
        (batch) => {
          for (const entry of dropped) this.chains.remove(batch, entry, entry.id, this.leaving)
        },
        (error) => {
          for (const { id } of dropped) this.leaving.delete(id)
          if (error !== undefined)
            this.parts.log.error({ effects: dropped.length, err: error }, 'effects could not be dropped')
        },
      )
  }

  stop(): void {
    this.stopped = true
    this.untils.clear()
    for (const timer of this.timers) timer.cancel()
    this.timers.clear()
  }

  private attempt(entry: EffectEntry, ended: Ended): void {
    if (this.stopped) return
    if (!this.awaits(entry)) {
      this.release(entry.id)
      ended()
      return
    }
    const { target, limits } = this.parts
    const { era } = this
    this.untils.watch(entry)
    const reason = target.unserved(entry)
    if (reason !== undefined) {
      this.tell(entry.id, { became: 'waiting', reason })
      this.putOff.set(entry.id, () => era === this.era && this.attempt(this.entries.get(entry.id) ?? entry, ended))
      return
    }
    if (!this.lanesOf(entry).free && this.isBehind(entry, ended)) return
    if (entry.place > limits.chainEffectsMax) {
      this.giveUp(entry, tooLongAChain(limits.chainEffectsMax), 'NOT_SENT', ended)
      return
    }
    const isHop = entry.synchronous || !this.parts.toItself(entry)
    const hops = entry.hops > 1 && !isHop ? entry.hops - 1 : entry.hops
    if (hops > limits.hopsMax) {
      this.giveUp(entry, tooManyHops(limits.hopsMax).message, 'NOT_SENT', ended)
      return
    }
    // What leaves the host is one at a time of a lane: connections do not keep the order of what is sent over several.
    if (entry.outward !== undefined) this.holdLane(entry)
    const begins = () => {
      if (this.stopped || era !== this.era || !this.awaits(entry)) {
        ended()
        return false
      }
      if (entry.from !== undefined) this.tried.add(entry.id)
      if (entry.outward !== undefined) this.outside.add(entry.id)
      return true
    }
    target.deliver(entry, hops, begins, (tried) => {
      this.outside.delete(entry.id)
      if (this.stopped) return
      if (tried.kind === 'waits') {
        if (era === this.era) this.attempt(this.entries.get(entry.id) ?? entry, ended)
        return
      }
      const now = this.now(entry.id)
      // The target's commit already removed the entry, or made its answer of it, whatever it answered afterwards.
      const decided = now === undefined || (now.to !== undefined && entry.to === undefined)
      if (tried.kind === 'arrived' || decided || era !== this.era) ended(tried.commits)
      else this.failed(now, tried, ended)
    })
  }

  /** What waits behind it goes on, in the next turn of the loop. */
  private release(id: number): void {
    for (const lanes of [this.lanes, this.outLanes]) {
      const waiting = lanes.free ? noneWait : lanes.release(id)
      if (waiting.length > 0) this.parts.clock.soon(() => waiting.forEach(({ go }) => void go()))
    }
  }

  private lanesOf({ outward }: EffectEntry): Lanes {
    return outward === undefined ? this.lanes : this.outLanes
  }

  private holdLane(entry: EffectEntry): void {
    const lane = entry.dueMs === undefined ? this.parts.lane(entry) : undefined
    if (lane !== undefined) this.lanesOf(entry).hold(lane, entry.id)
  }

  /** Something that was sent there before is being tried again, or is leaving the host: then it is tried after that. */
  private isBehind(entry: EffectEntry, ended: Ended): boolean {
    const lane = entry.dueMs === undefined ? this.parts.lane(entry) : undefined
    if (lane === undefined) return false
    const { era } = this
    return this.lanesOf(entry).waits(lane, entry.id, () => {
      if (era === this.era) this.attempt(this.entries.get(entry.id) ?? entry, ended)
    })
  }

  /** Its time is up. What its target has decided stands. */
  private late(id: number): void {
    const entry = this.entries.get(id)
    if (this.stopped || entry === undefined || entry.parked !== undefined || this.leaving.has(id)) return
    const message = `${goal(entry)} did not answer in time`
    if (!isAsk(entry)) {
      this.park(this.outside.has(id) ? { ...entry, ...unsure(entry) } : entry, message, ignore)
      return
    }
    const may = entry.outward
      ? entry.outward.unsure || this.outside.has(id)
      : this.tried.has(id) && this.parts.mayHaveHappened(entry)
    const failure = { code: wire.deadline_exceeded.grpc, message, details: [] }
    this.answered(entry, { kind: 'failure', failure, happened: may ? 'UNKNOWN' : 'NOT_SENT' }, ignore)
  }

  /** It is not tried any more: an ask never parks, since its asker waits. */
  private giveUp(entry: EffectEntry, reason: string, happened: Happened, ended: () => void): void {
    if (!isAsk(entry)) this.park(entry, reason, ended)
    else {
      const failure = { code: wire.overloaded.grpc, message: reason, details: [] }
      const known = happened === 'UNKNOWN' && !this.parts.mayHaveHappened(entry) ? 'NOT_SENT' : happened
      this.answered(entry, { kind: 'failure', failure, happened: known }, ended)
    }
  }

  /** The answer goes back, in the place of the ask. Late answers of its target mean nothing from now on (`awaits`). */
  private answered(ask: AskEntry, outcome: AskOutcome, ended: () => void): void {
    const answer = answerEntry(ask, outcome)
    this.uncall(ask)
    this.give(ask)
    this.take(answer)
    this.store(answer, () => {
      ended()
      this.attempt(answer, ignore)
    })
  }

  private failed(entry: EffectEntry, tried: Failed, ended: Ended): void {
    const { id, attempts } = entry
    const { reason } = tried
    // A target that has decided is not asked again by the host; its asker may.
    const passes = tried.again && !(isAsk(entry) && tried.decided)
    const { era } = this
    // Read anew meanwhile, it was taken up anew.
    const later = (ms: number, entryThen: () => EffectEntry | undefined) =>
      this.later(ms, () => {
        const then = era === this.era ? entryThen() : undefined
        if (then === undefined) ended()
        else this.attempt(then, ended)
      })
    // With a time of its own, an ask is tried until that is up; of what leaves the host, its grant says how often.
    const timed = isAsk(entry) && entry.untilMs !== undefined
    const longest = timed || entry.outward !== undefined ? backOffMs.at(-1) : undefined
    const backOff = passes ? (backOffMs[attempts] ?? longest) : undefined
    const wait = backOff && Math.max(backOff, tried.afterMs ?? 0)
    if (this.leaving.has(id)) {
      // Decided after all, too late for this try. A forward that it became may need another one.
      later(wait ?? backOffMs[0], () => this.entries.get(id))
      return
    }
    if (wait === undefined) {
      if (isAsk(entry)) this.answered(entry, failureOf(tried, this.parts.mayHaveHappened(entry)), ended)
      // Somebody may try it by hand.
      else this.park({ ...entry, ...(tried.unsure && unsure(entry)) }, reason, ended)
      return
    }
    this.holdLane(entry)
    // One that has a time of its own never spends its tries; those that end with the host do (O5).
    const tries = timed && entry.outward === undefined ? Math.min(attempts + 1, backOffMs.length - 1) : attempts + 1
    const again = { ...entry, attempts: tries, ...(tried.unsure && unsure(entry)) }
    this.parts.log.warn(
      { effect: id, to: goal(entry), attempt: again.attempts, reason },
      'an effect failed; it is tried again',
    )
    this.tell(id, { became: 'waiting', reason })
    // Nobody waits for this commit: if it fails the store does, and everything is taken up anew.
    this.store(again, ignore)
    later(wait, () => again)
  }

  private park(entry: EffectEntry, reason: string, ended: () => void): void {
    const parked = { ...entry, parked: reason }
    this.release(entry.id)
    this.parts.parked(entry.cause.service)
    this.parts.log.error({ effect: entry.id, to: goal(entry), cause: entry.cause, reason }, 'an effect is parked')
    this.store(parked, () => {
      this.tell(entry.id, { became: 'parked', reason })
      ended()
    })
  }

  private store(entry: EffectEntry, stored: () => void): void {
    const was = this.entries.get(entry.id)
    this.entries.set(entry.id, entry)
    this.commitsOf(entry.id).join(
      (batch) => {
        if (this.leaving.has(entry.id)) return
        if (was !== undefined && nameOf(was) !== nameOf(entry))
          this.chains.leave(batch, nameOf(was), entry.id, this.leaving)
        this.write(this.placement.ofEffect(entry.id), batch, [entry], [])
      },
      (error) => {
        if (error !== undefined) this.parts.log.error({ effect: entry.id, err: error }, 'an effect could not be stored')
        stored()
      },
    )
  }

  private take(entry: EffectEntry): void {
    this.shares.take(entry.cause.service, 1)
    this.bytes.take(entry.cause.service, bytesOf(entry))
  }

  private give(entry: EffectEntry): void {
    this.shares.give(entry.cause.service, 1)
    this.bytes.give(entry.cause.service, bytesOf(entry))
  }

  private later(ms: number, run: () => void): Timer {
    const timer = this.parts.clock.after(ms, () => {
      this.timers.delete(timer)
      run()
    })
    this.timers.add(timer)
    return timer
  }

  private forget(timer: Timer): void {
    timer.cancel()
    this.timers.delete(timer)
  }
}

/** From now on no try of it can say that it did not happen. */
function unsure({ outward }: EffectEntry): Pick<EffectEntry, 'outward'> {
  return outward === undefined ? {} : { outward: { ...outward, unsure: true } }
}

/** What an entry takes, here and on disk, roughly. */
function bytesOf({ call, cause }: EffectEntry): number {
  let bytes = 256 + call.payload.length + cause.entity.length
  for (const [name, value] of call.metadata) bytes += name.length + value.length
  return bytes
}

/** What the asker hears of a last try. */
function failureOf({ decided, unsure, code, reason, failure }: Failed, mayHave: boolean): AskOutcome {
  const happened = decided ? 'REFUSED' : unsure && mayHave ? 'UNKNOWN' : 'NOT_SENT'
  return { kind: 'failure', failure: failure ?? { code, message: reason, details: [] }, happened }
}

const noIds: readonly number[] = Object.freeze([])
const noneWait: readonly never[] = Object.freeze([])

function goal(entry: EffectEntry): string {
  return `${entry.call.service}/${entry.call.method}`
}

function tooLongAChain(max: number): string {
  return `one command caused more than ${max} side effects; look for a circle, or raise chain-effects-max`
}

function ignore(): void {}
