// Folded state: an event-sourced entity's state as the guest sees it, and how to get it back.
//
// F1. It is a cache of the journal: state = fold(events) = fold(snapshot + later events). `revision` and `sequence` are
//     committed numbers; nothing uncommitted is ever in here.
// F2. There is always a way back: the last bytes we hold (or the beginning) and the journal after them. At most 100 events or
//     64 KiB lie between, once the guest was asked for bytes.
// F3. Replay goes in chunks, each its own guest call with its own fuel; between chunks the loop runs.
// F4. A token is used only with the instance that gave it (guest generation), and only for the next call.
//
// Owns: basis, bytes, replay, snapshots.   Activation owns: when to decide and commit.   The guest owns: what states mean.

import type { Basis, Decided, EventSourcedGuest, GuestCommand, Next } from '../guest/guest.ts'
import { GuestFault } from '../guest/guest.ts'
import type { EntityRef, Journal } from '../journal/journal.ts'
import type { Limits } from '../limits.ts'

/** Bytes are asked for when the way back is longer than this. */
const wayBackEventsMax = 100
const wayBackBytesMax = 64 * 1024

const initial: Basis = { kind: 'initial' }

export interface FoldContext {
  readonly guest: EventSourcedGuest
  readonly journal: Journal
  readonly limits: Limits
  readonly service: string
  /** Outward entity id. */
  readonly id: string
  readonly entity: EntityRef
  readonly stateVersion: string
  readonly replayed: (events: number, bytes: number) => void
  readonly snapshotLoaded: (bytes: number) => void
}

/** Replay failed at this place in the journal. */
export class ReplayFault extends Error {
  readonly sequence: number

  constructor(sequence: number, fault: GuestFault) {
    super(fault.message, { cause: fault })
    this.name = 'ReplayFault'
    this.sequence = sequence
  }
}

export class FoldedState {
  /** Last committed record and event. */
  revision = 0
  sequence = 0
  /** The latest time any command of this entity saw. */
  nowMs = 0
  private readonly context: FoldContext
  private basis: Basis = initial
  private generation: number
  /** Revision up to which `basis` is folded; less than `revision` while replay goes on. */
  private folded = 0
  private foldedSequence = 0
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

  /** Reads the entity's head and snapshot; `step` then folds what is missing. */
  constructor(context: FoldContext) {
    this.context = context
    this.generation = context.guest.generation
    const { journal, entity, stateVersion } = context
    const head = journal.head(entity)
    if (head === undefined) return
    this.revision = head.revision
    this.sequence = head.sequence
    this.nowMs = head.nowMs
    const snapshot = journal.snapshot(entity)
    if (snapshot === undefined || snapshot.stateVersion !== stateVersion || snapshot.revision > head.revision) return
    context.snapshotLoaded(snapshot.state.length)
    this.setBytes(snapshot.state, snapshot.revision, snapshot.sequence)
    this.rewind()
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

  /** Fold one chunk of what is missing. @throws ReplayFault */
  step(): void {
    const { guest, journal, limits, service, id, entity } = this.context
    if (this.basis.kind === 'held' && this.generation !== guest.generation) this.rewind()
    if (this.folded === this.revision) return
    const page = journal.events(entity, this.folded, limits.replayEventsMax, limits.replayBytesMax)
    this.folded = page.revision
    this.foldedSequence = page.sequence
    if (page.events.length === 0) return
    let bytes = 0
    for (const event of page.events) bytes += event.data.length
    this.eventsSince += page.events.length
    this.eventBytesSince += bytes
    this.context.replayed(page.events.length, bytes)
    const wantState = this.distrustTokens || (!page.more && this.wayBackIsLong)
    try {
      const evolved = guest.evolve(service, id, this.basis, page.events, wantState)
      if (evolved.kind === 'unknown') this.lost()
      else this.take(evolved)
    } catch (error) {
      if (error instanceof GuestFault) throw new ReplayFault(page.sequence, error)
      throw error
    }
  }

  /** Decide on the ready state. `undefined`: the guest no longer had it; `step` until ready and come again. @throws GuestFault */
  decide(commands: readonly GuestCommand[]): Extract<Decided, { kind: 'decided' }> | undefined {
    const { guest, service, id } = this.context
    const decided = guest.decide(service, id, this.basis, commands, this.wayBackIsLong)
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
    if (next.kind !== 'unchanged') this.take(next)
    else if (this.basis === this.bytes) this.coverWithBytes()
  }

  /** The state's bytes as of now, asking the guest if need be. `undefined`: it lost the state. @throws GuestFault */
  encoded(): Uint8Array | undefined {
    const { guest, service, id } = this.context
    if (this.basis.kind === 'held') {
      if (this.generation !== guest.generation) return undefined
      const evolved = guest.evolve(service, id, this.basis, [], true)
      if (evolved.kind === 'unknown') {
        this.lost()
        return undefined
      }
      this.take(evolved)
    }
    return this.bytes.kind === 'state' && this.bytesSequence === this.foldedSequence ? this.bytes.bytes : undefined
  }

  private get wayBackIsLong(): boolean {
    return this.distrustTokens || this.eventsSince > wayBackEventsMax || this.eventBytesSince > wayBackBytesMax
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
    this.basis = this.distrustTokens && next.bytes !== undefined ? this.bytes : { kind: 'held', token: next.token }
  }

  /** The guest said that nothing changed, so the bytes we hold are the state of now. */
  private coverWithBytes(): void {
    this.bytesRevision = this.folded
    this.bytesSequence = this.foldedSequence
    this.eventsSince = 0
    this.eventBytesSince = 0
  }

  private setBytes(bytes: Uint8Array, revision: number, sequence: number): void {
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
    this.eventsSince = 0
    this.eventBytesSince = 0
  }
}
