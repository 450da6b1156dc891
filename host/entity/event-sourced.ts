// Event-sourced: the model of entities whose state is the fold of their events: a folded state with its records and snapshots.
//
// S1. A snapshot is taken after the batch in which a sequence divisible by N was passed, at the batch's last sequence, and
//     never awaited (§event-5). A guest that lost its state gets it another time.
// S2. One of a large state waits for more: until the events since the last one weigh half of the state. So snapshots write no more than
//     twice what the events weigh, however small they are, and replay is no longer than reading half a state.
//
// Owns: when to take snapshots, what a turn writes.   folded-state.ts owns: the state.   batched.ts owns: planning.

import type { Decision, GuestCommand, Next } from '../guest/guest.ts'
import type { Batch, EntityRef, Journal } from '../journal/journal.ts'
import type { BatchParts, Decider } from './batched.ts'
import { Batches } from './batched.ts'
import type { FoldContext } from './folded-state.ts'
import { FoldedState } from './folded-state.ts'
import type { Model, OneEntity, Turn } from './model.ts'
import type { TooDear } from './reading-cost.ts'
import type { TurnPlan } from './turn.ts'

/** What all entities of a service share. */
export interface EventSourcedContext extends FoldContext, BatchParts {
  readonly journal: Journal
  /** Events between two snapshots; not positive: never. */
  readonly snapshotEvery: number
  readonly snapshotTaken: (bytes: number) => void
}

export class EventSourcedModel implements Model, Decider {
  readonly keepsRecords = true
  readonly leftOver = []
  readonly due = false
  readonly openStreams = 0
  private readonly context: EventSourcedContext
  private readonly one: OneEntity
  private readonly state: FoldedState
  private readonly batches: Batches
  /** What the last `decide` left; undefined: nothing, or it was not wanted. */
  private next: Next | undefined
  private snapshotDue = false

  constructor(context: EventSourcedContext, one: OneEntity) {
    this.context = context
    this.one = one
    this.state = new FoldedState(context, one)
    this.batches = new Batches(context, this)
  }

  get ref(): EntityRef {
    return this.one.entity
  }

  get id(): string {
    return this.one.id
  }

  get revision(): number {
    return this.state.revision
  }

  get sequence(): number {
    return this.state.sequence
  }

  get nowMs(): number {
    return this.state.nowMs
  }

  get ready(): boolean {
    return this.state.ready
  }

  get size(): number {
    return this.state.size
  }

  step(): void {
    this.state.step()
  }

  settle(): void {
    const { state, snapshotDue } = this
    const asked = snapshotDue && state.worthSnapshot
    if (!state.ready || !(asked || state.bytesDue)) return
    // Before the guest is asked: one that fails at it must not be asked again each turn.
    if (asked) this.snapshotDue = false
    const bytes = state.encoded()
    if (asked) this.snapshotDue = bytes === undefined || !state.worthSnapshot
    if (bytes === undefined || !asked || this.snapshotDue) return
    state.snapshotTaken()
    const { revision, sequence } = state
    const { journal, stateVersion, snapshotTaken } = this.context
    journal.putSnapshot(this.one.entity, { revision, sequence, stateVersion, state: bytes })
    snapshotTaken(bytes.length)
  }

  plan(turn: Turn): TurnPlan {
    return this.batches.plan(turn)
  }

  decide(commands: readonly GuestCommand[]): readonly Decision[] | undefined {
    const decided = this.state.decide(commands)
    if (decided === undefined) return undefined
    this.next = decided.next
    return decided.decisions
  }

  weigh(): TooDear | undefined {
    const { next, tooDear } = this.state.weigh(this.next!)
    this.next = next
    return tooDear
  }

  discard(): void {
    this.next = undefined
    this.state.discard()
  }

  write(batch: Batch, plan: TurnPlan): void {
    for (const record of plan.records) batch.append(this.one.entity, record)
  }

  apply({ revision, sequence, eventCount, eventBytes }: TurnPlan): void {
    const { state, next } = this
    if (next === undefined) return
    this.next = undefined
    const before = state.sequence
    state.advance(next, revision, sequence, eventCount, eventBytes)
    if (crosses(before, sequence, this.context.snapshotEvery)) this.snapshotDue = true
  }

  endStreams(): void {}
}

/** A multiple of `every` lies in (before, after]. */
function crosses(before: number, after: number, every: number): boolean {
  return every > 0 && Math.floor(after / every) > Math.floor(before / every)
}
