// Event-sourced state: a folded state with its records and snapshots.
//
// S1. A snapshot is taken after the batch in which a sequence divisible by N was passed, at the batch's last sequence, and
//     never awaited (§event-5). A guest that lost its state gets it another time.
// S2. One of a large state waits for more: until the events since the last one weigh half of the state. So snapshots write no more than
//     twice what the events weigh, however small they are, and replay is no longer than reading half a state.
//
// Owns: when to take snapshots, what a turn writes.   folded-state.ts owns: the state.   Activation owns: turns.

import type { Decision, GuestCommand, Next } from '../guest/guest.ts'
import type { Batch, Journal } from '../journal/journal.ts'
import type { FoldContext } from './folded-state.ts'
import { FoldedState } from './folded-state.ts'
import type { TooDear } from './reading-cost.ts'
import type { EntityState } from './state.ts'
import type { TurnPlan } from './turn.ts'

interface EventSourcedContext extends FoldContext {
  readonly journal: Journal
  /** Events between two snapshots; not positive: never. */
  readonly snapshotEvery: number
  readonly snapshotTaken: (bytes: number) => void
}

const unchanged: Next = { kind: 'unchanged' }

export class EventSourcedState implements EntityState {
  readonly keepsRecords = true
  private readonly context: EventSourcedContext
  private readonly state: FoldedState
  private next: Next = unchanged
  private snapshotDue = false

  constructor(context: EventSourcedContext) {
    this.context = context
    this.state = new FoldedState(context)
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

  set nowMs(ms: number) {
    this.state.nowMs = ms
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
    const { journal, entity, stateVersion, snapshotTaken } = this.context
    journal.putSnapshot(entity, { revision, sequence, stateVersion, state: bytes })
    snapshotTaken(bytes.length)
  }

  decide(commands: readonly GuestCommand[]): readonly Decision[] | undefined {
    const decided = this.state.decide(commands)
    if (decided === undefined) return undefined
    this.next = decided.next
    return decided.decisions
  }

  weigh(): TooDear | undefined {
    const { next, tooDear } = this.state.weigh(this.next)
    this.next = next
    return tooDear
  }

  discard(): void {
    this.next = unchanged
    this.state.discard()
  }

  write(batch: Batch, plan: TurnPlan): void {
    for (const record of plan.records) batch.append(this.context.entity, record)
  }

  advance(plan: TurnPlan | undefined): void {
    const { state, next } = this
    this.next = unchanged
    if (plan === undefined) {
      state.advance(next, state.revision, state.sequence, 0, 0)
      return
    }
    const before = state.sequence
    state.advance(next, plan.revision, plan.sequence, plan.eventCount, plan.eventBytes)
    if (crosses(before, plan.sequence, this.context.snapshotEvery)) this.snapshotDue = true
  }
}

/** A multiple of `every` lies in (before, after]. */
function crosses(before: number, after: number, every: number): boolean {
  return every > 0 && Math.floor(after / every) > Math.floor(before / every)
}
