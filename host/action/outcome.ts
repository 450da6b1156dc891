// Outcome of an action: its effects get a commit of their own, before anybody hears of anything (A8). Pure.
//
// E1. Effects of a failing outcome count, too (B1.2).
// E2. An effect that the action was called for leaves the outbox once it is answered; if it is forwarded, its entry becomes
//     the forward, so that the chain goes on after a crash.

import type { Command } from '../command.ts'
import type { Batch, OutboxEntry } from '../journal/journal.ts'
import type { Outcome } from '../outcome.ts'

export interface PlannedOutcome {
  readonly outcome: Outcome
  /** Effects to run before the answer. */
  readonly effects: readonly OutboxEntry[]
  /** The command's own entry, now with its forward's target. */
  readonly moved: OutboxEntry | undefined
  readonly dequeued: number | undefined
}

const noEntries: readonly OutboxEntry[] = Object.freeze([])

export function planOutcome(command: Command, outcome: Outcome, effectId: () => number): PlannedOutcome {
  const hops = command.hops + 1
  const cause = { service: command.service, entity: '', revision: 0 }
  const effects =
    outcome.effects.length === 0
      ? noEntries
      : outcome.effects.map(({ call, synchronous }): OutboxEntry => {
          return { id: effectId(), cause, call, synchronous, hops, attempts: 0, parked: undefined }
        })
  const { effect } = command
  const { answer } = outcome
  if (effect === undefined || answer.kind === 'failure')
    return { outcome, effects, moved: undefined, dequeued: undefined }
  if (answer.kind === 'forward') {
    return { outcome, effects, moved: { ...effect, call: answer.call, hops, attempts: 0 }, dequeued: undefined }
  }
  return { outcome, effects, moved: undefined, dequeued: effect.id }
}

/** Entries that the plan adds to the outbox. */
export function entriesOf({ effects, moved }: PlannedOutcome): number {
  return effects.length + (moved === undefined ? 0 : 1)
}

export function mustCommit(plan: PlannedOutcome): boolean {
  return entriesOf(plan) > 0 || plan.dequeued !== undefined
}

export function enqueuedOf({ effects, moved }: PlannedOutcome): readonly OutboxEntry[] {
  return moved === undefined ? effects : [...effects, moved]
}

export function writeOutcome(batch: Batch, plan: PlannedOutcome): void {
  for (const entry of enqueuedOf(plan)) batch.enqueue(entry)
  if (plan.dequeued !== undefined) batch.dequeue(plan.dequeued)
}
