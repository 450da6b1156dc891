// Outcome of an action: its effects get a commit of their own, before anybody hears of anything (§action-10).
//
// E1. Effects of a failing outcome count, too (§refusal-3).

import type { Command, Failed } from '../command.ts'
import type { Places } from '../delivery/chains.ts'
import type { Keeper } from '../delivery/keeper.ts'
import type { Delivered } from '../delivery/plan.ts'
import { planDelivered, planEffects } from '../delivery/plan.ts'
import type { EffectEntry } from '../effect.ts'
import { toInnkeeperError } from '../errors.ts'
import type { Outcome } from '../outcome.ts'

export interface PlannedOutcome extends Delivered {
  readonly outcome: Outcome
  /** Effects to run before the answer. */
  readonly effects: readonly EffectEntry[]
}

export function planOutcome(command: Command, outcome: Outcome, places: Places): PlannedOutcome {
  const cause = { service: command.service, entity: '', revision: 0 }
  const effects = planEffects(command, cause, outcome.effects, places)
  return { outcome, effects, ...planDelivered(command, outcome.answer, places) }
}

/** Put what outcomes planned on disk, if there is anything; then `kept` is called, once, with how that failed. */
export function keepOutcomes(keeper: Keeper, plans: readonly PlannedOutcome[], kept: (failed?: Failed) => void): void {
  if (!plans.some(mustCommit)) {
    kept()
    return
  }
  const enqueued = plans.flatMap(({ effects, moved }) => (moved === undefined ? effects : [...effects, moved]))
  const arrived = plans.flatMap((plan) => plan.arrived ?? [])
  const full = keeper.keep({ enqueued, arrived }, nothingElse, (error) =>
    kept(error && { kind: 'error', error: toInnkeeperError(error) }),
  )
  if (full !== undefined) kept({ kind: 'error', error: full })
}

function mustCommit({ effects, moved, arrived }: PlannedOutcome): boolean {
  return effects.length > 0 || moved !== undefined || arrived !== undefined
}

function nothingElse(): void {}
