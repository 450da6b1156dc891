// Folded state: an event-sourced entity's state as the guest sees it, and how to get it back.
//
// F1. It is a cache of the journal: state = fold(events) = fold(snapshot + later events). `revision` and `sequence` are
//     committed numbers; nothing uncommitted is ever in here.
// F2. There is always a way back: the last bytes we hold (or the beginning) and the journal after them. At most 100 events or
//     64 KiB lie between, as long as the guest can encode its state.
// F3. Replay goes in chunks, each its own guest call with its own fuel; between chunks the loop runs. A chunk that faults is halved, down
//     to one event, which has the fuel of a whole command; only what that one cannot fold is a replay fault.
// F4. A token is used only with the instance that gave it (guest generation), and only for the next call.
// F5. Bytes are asked for in calls of their own, so that a state that is too dear to encode fails no command and no replay.
//
// Owns: basis, bytes, replay, snapshots.   event-sourced.ts owns: what a turn writes.   The guest owns: what states mean.

import type { Basis, Decided, EventSourcedGuest, GuestCommand, Next } from '../guest/guest.ts'
import { GuestFault } from '../guest/guest.ts'
import type { EventsPage, Journal } from '../journal/journal.ts'
import type { Limits } from '../limits.ts'
import type { Typed } from '../outcome.ts'
import type { OneEntity } from './model.ts'
import type { Reading, ReadingCost, TooDear } from './reading-cost.ts'

/** Bytes are asked for when the way back is longer than this. */
const wayBackEventsMax = 100
const wayBackBytesMax = 64 * 1024
/** Chunks in a row that must go well before the next ones are twice as long again: at first, and how it grows with each fault, since a
 *  fault costs the way back. */
const calmAtFirst = 8
const calmGrowth = 4

/** What an event weighs besides its bytes: about what it takes to fold a small one, as bytes of a state that are read. */
const eventWeight = 128

const initial: Basis = { kind: 'initial' }

export interface FoldContext {
  readonly guest: EventSourcedGuest
  readonly journal: Pick<Journal, 'events' | 'opening'>
  readonly limits: Limits
  readonly service: string
  readonly stateVersion: string
  readonly cost: ReadingCost
  readonly replayed: (events: number, bytes: number) => void
  readonly snapshotLoaded: (bytes: number) => void
}

/** One event cannot be folded. */
export class ReplayFault extends Error {
  readonly sequence: number
  readonly typeName: string
  readonly fault: GuestFault

  constructor(sequence: number, typeName: string, fault: GuestFault) {
    super(fault.message, { cause: fault })
    this.name = 'ReplayFault'
    this.sequence = sequence
    this.typeName = typeName
    this.fault = fault
  }
}

/** Events that were read and are not folded yet, and where the journal goes on behind them. */
interface Page {
  readonly events: readonly Typed[]
  readonly at: number
  readonly revision: number
  readonly sequence: number
}

export class FoldedState {
  /** Last committed record and event. */
  revision = 0
  sequence = 0
  /** The latest time any recorded command of this entity saw, when it was loaded. */
  readonly nowMs: number
  private readonly context: FoldContext
  private readonly one: OneEntity
  private basis: Basis = initial
  private generation: number
  /** Revision up to which `basis` is folded; less than `revision` while replay goes on. */
  private folded = 0
  private foldedSequence = 0
  /** Event up to which they are weighed, and what those after the last snapshot weigh. */
  private weighedSequence = 0
  private weightSince = 0
  /** The last bytes we have, and what they cover. */
  private bytes: Basis = initial
  private bytesRevision = 0
  private bytesSequence = 0
  private eventsSince = 0
  private eventBytesSince = 0
  private sizeMax = 0
  /** Set after the guest lost a state twice: ask for bytes at every step. */
  private distrustTokens = false
  private lostLately = false
  private page: Page | undefined
  /** Events of the next chunk, at most, and how many of that length went well. */
  private chunkMax: number
  private calm = 0
  private calmNeeded = calmAtFirst
  /** What the last state that was measured cost. */
  private reading: Reading | undefined
  /** Encoding failed: not again before there are so many more events. */
  private encodeAfter = 0

  /** Reads what the journal opens with; `step` then folds what is missing. */
  constructor(context: FoldContext, one: OneEntity) {
    this.context = context
    this.one = one
    this.generation = context.guest.generation
    this.chunkMax = context.limits.replayEventsMax
    const { journal, stateVersion, limits } = context
    const { replayEventsMax: eventsMax, replayBytesMax: bytesMax } = limits
    const { head, snapshot, page } = journal.opening(one.entity, { stateVersion, eventsMax, bytesMax })
    this.nowMs = head?.nowMs ?? 0
    if (head === undefined) return
    this.revision = head.revision
    this.sequence = head.sequence
    if (snapshot !== undefined) {
      context.snapshotLoaded(snapshot.state.length)
      this.setBytes(snapshot.state, snapshot.revision, snapshot.sequence)
      this.weighedSequence = snapshot.sequence
      this.rewind()
    }
    if (page !== undefined) this.open(page)
  }

  /** The basis covers all that is committed. */
  get ready(): boolean {
    if (this.folded !== this.revision) return false
    return this.basis.kind !== 'held' || this.generation === this.context.guest.generation
  }

  /** What this state takes of memory here and in the guest, in bytes, roughly. */
  get size(): number {
    return Math.max(this.sizeMax, this.bytes.kind === 'state' ? this.bytes.bytes.length : 0)
  }

  /** A snapshot of now would cost no more than what happened since the last one. */
  get worthSnapshot(): boolean {
    const bytes = this.bytes.kind === 'state' ? this.bytes.bytes.length : 0
    return 2 * this.weightSince >= bytes
  }

  snapshotTaken(): void {
    this.weightSince = 0
  }

  /** Fold one chunk of what is missing. @throws ReplayFault */
  step(): void {
    const { guest, service } = this.context
    const { id } = this.one
    if (this.basis.kind === 'held' && this.generation !== guest.generation) this.rewind()
    if (this.folded === this.revision) return
    const page = this.page ?? this.read()
    if (page === undefined) return
    const events = page.events.slice(page.at, page.at + this.chunkMax)
    try {
      const evolved = guest.evolve(service, id, this.basis, events, this.distrustTokens)
      if (evolved.kind === 'unknown') {
        this.lost()
        return
      }
      this.fold(page, events)
      this.take(evolved)
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      const [first] = events
      if (events.length === 1) throw new ReplayFault(this.foldedSequence + 1, first!.typeName, error)
      this.chunkMax = Math.ceil(events.length / 2)
      this.calm = 0
      this.calmNeeded *= calmGrowth
      // The instance is gone, and what it held with it.
      this.rewind()
    }
  }

  /** The next page of the journal, without what is folded of its first record. */
  private read(): Page | undefined {
    const { journal, limits } = this.context
    this.open(journal.events(this.one.entity, this.folded, limits.replayEventsMax, limits.replayBytesMax))
    return this.page
  }

  private open(page: EventsPage): void {
    const before = page.sequence - page.events.length
    const events = page.events.slice(Math.max(0, this.foldedSequence - before))
    if (events.length === 0) this.folded = page.revision
    else this.page = { events, at: 0, revision: page.revision, sequence: page.sequence }
  }

  private fold(page: Page, events: readonly Typed[]): void {
    let bytes = 0
    let sequence = this.foldedSequence
    for (const { data } of events) {
      bytes += data.length
      sequence += 1
      // What is folded once more after a fault counts once.
      if (sequence > this.weighedSequence) this.weightSince += data.length + eventWeight
    }
    this.weighedSequence = Math.max(this.weighedSequence, sequence)
    this.eventsSince += events.length
    this.eventBytesSince += bytes
    this.foldedSequence = sequence
    this.context.replayed(events.length, bytes)
    const at = page.at + events.length
    if (at < page.events.length) this.page = { ...page, at }
    else {
      this.folded = page.revision
      this.page = undefined
    }
    this.calm += 1
    if (this.calm < this.calmNeeded) return
    this.calm = 0
    this.chunkMax = Math.min(this.chunkMax * 2, this.context.limits.replayEventsMax)
  }

  /** Decide on the ready state. `undefined`: the guest no longer had it; `step` until ready and come again. @throws GuestFault */
  decide(commands: readonly GuestCommand[]): Extract<Decided, { kind: 'decided' }> | undefined {
    const { guest, service } = this.context
    const { id } = this.one
    const decided = guest.decide(service, id, this.basis, commands, this.distrustTokens)
    if (decided.kind === 'decided') {
      this.lostLately = false
      this.distrustTokens = false
      return decided
    }
    this.lost()
    return undefined
  }

  /** A turn is committed (or wrote nothing): go on from what it left. */
  advance(next: Next, revision: number, sequence: number, events: number, eventBytes: number): void {
    this.revision = revision
    this.sequence = sequence
    this.folded = revision
    this.foldedSequence = sequence
    this.eventsSince += events
    this.eventBytesSince += eventBytes
    this.weighedSequence = sequence
    this.weightSince += eventBytes + events * eventWeight
    if (next.kind !== 'unchanged') this.take(next)
    else if (this.basis === this.bytes) this.coverWithBytes()
  }

  /** The way back is long, and the guest may be asked for bytes that shorten it. */
  get bytesDue(): boolean {
    const { eventsSince, eventBytesSince } = this
    if (this.basis.kind !== 'held' || eventsSince < this.encodeAfter) return false
    return eventsSince > wayBackEventsMax || eventBytesSince > wayBackBytesMax
  }

  /** The state's bytes as of now, asking the guest if need be. `undefined`: it lost the state. @throws GuestFault */
  encoded(): Uint8Array | undefined {
    const { guest, service } = this.context
    const { id } = this.one
    if (this.basis.kind === 'held') {
      if (this.generation !== guest.generation) return undefined
      const before = this.eventsSince
      try {
        const evolved = guest.evolve(service, id, this.basis, [], true)
        if (evolved.kind === 'unknown') {
          this.lost()
          return undefined
        }
        this.take(evolved)
      } catch (error) {
        // Each try costs a replay.
        this.encodeAfter = 2 * Math.max(before, wayBackEventsMax)
        throw error
      }
    }
    return this.bytes.kind === 'state' && this.bytesSequence === this.foldedSequence ? this.bytes.bytes : undefined
  }

  /** What the state after the last `decide` costs, if it has grown and that is to be known: before it is committed. What it is held by
   *  changes.  @throws GuestFault for anything but a lack of fuel */
  weigh(next: Next): { readonly next: Next; readonly tooDear: TooDear | undefined } {
    const { cost } = this.context
    const unknown = { next, tooDear: undefined }
    if (next.kind === 'unchanged') return unknown
    const sizeMax = next.kind === 'state' ? next.bytes.length : next.sizeMax
    if (!cost.due(sizeMax, this.reading) || sizeMax <= this.boundBefore) return unknown
    try {
      const measured = this.measure(next)
      if (measured === undefined) return unknown
      const { bytes, units } = measured
      const tooDear = cost.measured({ bytes, units, sizeMax })
      if (tooDear === undefined) this.reading = { bytes, units, sizeMax }
      const { basis } = this
      const grown = basis.kind !== 'state' || bytes > basis.bytes.length
      return { next: measured.next, tooDear: grown ? tooDear : undefined }
    } catch (error) {
      if (!(error instanceof GuestFault) || error.reason !== 'fuel') throw error
      return { next, tooDear: cost.exhausted(sizeMax) }
    }
  }

  /** What the state before the last `decide` had at most. Of bytes too: a function that is given them says a bound of them. */
  private get boundBefore(): number {
    const { basis } = this
    if (basis.kind === 'held') return basis.sizeMax ?? 0
    return basis.kind === 'state' ? basis.bytes.length : 0
  }

  /** Write the state, then read it. `undefined`: the guest no longer had it. */
  private measure(
    next: Exclude<Next, { kind: 'unchanged' }>,
  ): { readonly bytes: number; readonly units: number; readonly next: Next } | undefined {
    const { guest, service } = this.context
    const { id } = this.one
    let units = 0
    let bytes = next.bytes
    if (next.kind === 'held') {
      const { token, sizeMax } = next
      const written = guest.evolve(service, id, { kind: 'held', token, sizeMax }, [], true)
      if (written.kind === 'unknown') return undefined
      units = guest.lastCall.used
      bytes = written.bytes
    }
    if (bytes === undefined) return undefined
    const read = guest.evolve(service, id, { kind: 'state', bytes }, [], false)
    if (read.kind === 'unknown') return undefined
    units = Math.max(units, guest.lastCall.used)
    return { bytes: bytes.length, units, next: read.kind === 'held' ? { ...read, bytes } : read }
  }

  /** What the last `decide` left is not wanted: back to the last bytes. */
  discard(): void {
    this.rewind()
  }

  private take(next: Exclude<Next, { kind: 'unchanged' }>): void {
    this.generation = this.context.guest.generation
    if (next.kind === 'state') {
      this.setBytes(next.bytes, this.folded, this.foldedSequence)
      this.basis = this.bytes
      return
    }
    if (next.bytes !== undefined) this.setBytes(next.bytes, this.folded, this.foldedSequence)
    this.sizeMax = next.sizeMax
    const { token, sizeMax } = next
    this.basis = this.distrustTokens && next.bytes !== undefined ? this.bytes : { kind: 'held', token, sizeMax }
  }

  /** The guest said that nothing changed, so the bytes we hold are the state of now. */
  private coverWithBytes(): void {
    this.bytesRevision = this.folded
    this.bytesSequence = this.foldedSequence
    this.eventsSince = 0
    this.eventBytesSince = 0
  }

  private setBytes(bytes: Uint8Array, revision: number, sequence: number): void {
    this.encodeAfter = 0
    this.bytes = { kind: 'state', bytes }
    this.bytesRevision = revision
    this.bytesSequence = sequence
    this.sizeMax = bytes.length
    this.eventsSince = 0
    this.eventBytesSince = 0
  }

  private lost(): void {
    // Once is the guest's cache being full; twice in a row would be a circle.
    this.distrustTokens = this.lostLately
    this.lostLately = true
    this.rewind()
  }

  private rewind(): void {
    this.basis = this.bytes
    this.folded = this.bytesRevision
    this.foldedSequence = this.bytesSequence
    this.page = undefined
    this.eventsSince = 0
    this.eventBytesSince = 0
  }
}
