// Outcome of an action: its effects get a commit of their own, before anybody hears of anything (§action-10).
//
// E1. Effects of a failing outcome count, too (§refusal-3).
// E2. An effect that the action was called for leaves the outbox once it is answered; if it is forwarded, its entry becomes
//     the forward, so that the chain goes on after a crash.

import type { Command, Failed } from '../command.ts'
import { toInnkeeperError } from '../errors.ts'
import type { OutboxEntry } from '../journal/journal.ts'
import type { Outcome } from '../outcome.ts'
import type { InChain, NextEffect } from '../reply/chains.ts'
import { chainOf } from '../reply/chains.ts'
import type { ActionContext } from './context.ts'

export interface PlannedOutcome {
  readonly outcome: Outcome
  /** Effects to run before the answer. */
  readonly effects: readonly OutboxEntry[]
  /** The command's own entry, now with its forward's target. */
  readonly moved: OutboxEntry | undefined
  readonly dequeued: number | undefined
}

const noEntries: readonly OutboxEntry[] = Object.freeze([])

export function planOutcome(command: Command, outcome: Outcome, nextEffect: NextEffect): PlannedOutcome {
  const hops = command.hops + 1
  const cause = { service: command.service, entity: '', revision: 0 }
  let last: InChain | undefined
  const effects =
    outcome.effects.length === 0
      ? noEntries
      : outcome.effects.map(({ call, synchronous }): OutboxEntry => {
          last = nextEffect(last?.chain ?? chainOf(command))
          return { ...last, cause, call, synchronous, hops, attempts: 0, parked: undefined }
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

/** Put what outcomes planned on disk, if there is anything; then `kept` is called, once, with how that failed. */
export function keepOutcomes(
  { outbox, commits }: Pick<ActionContext, 'outbox' | 'commits'>,
  plans: readonly PlannedOutcome[],
  kept: (failed?: Failed) => void,
): void {
  if (!plans.some(mustCommit)) {
    kept()
    return
  }
  const enqueued = plans.flatMap(({ effects, moved }) => (moved === undefined ? effects : [...effects, moved]))
  const dequeued = plans.flatMap((plan) => plan.dequeued ?? [])
  if (!outbox.admits(enqueued)) {
    kept({ kind: 'error', error: outbox.full(enqueued[0]!.cause.service) })
    return
  }
  outbox.joined(enqueued, dequeued)
  commits.join(
    (batch) => {
      outbox.write(batch, enqueued, dequeued)
    },
    (error) => {
      if (error !== undefined) {
        kept({ kind: 'error', error: toInnkeeperError(error) })
        return
      }
      outbox.committed(enqueued, dequeued)
      kept()
    },
  )
}

function mustCommit({ effects, moved, dequeued }: PlannedOutcome): boolean {
  return effects.length > 0 || moved !== undefined || dequeued !== undefined
}
