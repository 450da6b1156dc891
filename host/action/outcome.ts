// Outcome of an action: its effects get a commit of their own, before anybody hears of anything (§action-10).
//
// E1. Effects of a failing outcome count, too (§refusal-3).

import type { Command, Failed } from '../command.ts'
import type { Commits } from '../commits.ts'
import type { Keeper } from '../delivery/keeper.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { Delivered } from '../delivery/plan.ts'
import { planDelivered, planEffects } from '../delivery/plan.ts'
import type { EffectEntry } from '../effect.ts'
import { toInnkeeperError } from '../errors.ts'
import type { StorageId } from '../journal/journal.ts'
import type { Outcome } from '../outcome.ts'

export interface PlannedOutcome extends Delivered {
  readonly outcome: Outcome
  /** Effects to run before the answer. */
  readonly effects: readonly EffectEntry[]
  /** Those that are due later. */
  readonly pended: readonly EffectEntry[]
}

export function planOutcome(
  command: Command,
  outcome: Outcome,
  { places, standing }: Pick<Keeper, 'places' | 'standing'>,
  storage: StorageId,
): PlannedOutcome {
  const cause = { service: command.service, entity: '', revision: 0 }
  const from = { storage, key: '' }
  const planned = planEffects(command, cause, outcome.effects, places, from, standing.nowMs)
  const effects = planned.filter(({ dueMs }) => dueMs === undefined)
  const pended = planned.filter(({ dueMs }) => dueMs !== undefined)
  return { outcome, effects, pended, ...planDelivered(command, outcome.answer, places) }
}

/** Put what outcomes planned on disk, if there is anything; then `kept` is called, once, with how that failed, or with the commit. */
export function keepOutcomes(
  keeper: Keeper,
  plans: readonly PlannedOutcome[],
  outbox: Pick<Outbox, 'run'>,
  kept: (failed?: Failed, commits?: Commits) => void,
): void {
  if (!plans.some(mustCommit)) {
    kept()
    return
  }
  const enqueued = plans.flatMap(({ effects, moved }) => (moved === undefined ? effects : [...effects, moved]))
  const arrived = plans.flatMap((plan) => plan.arrived ?? [])
  const pended = plans.flatMap((plan) => plan.pended)
  const full = keeper.keep({ enqueued, arrived, pended }, nothingElse, (error) => {
    if (error !== undefined) {
      kept({ kind: 'error', error: toInnkeeperError(error) })
      return
    }
    kept(undefined, keeper.newest.commits)
    // Of asks that were answered: nobody else sends them on their way.
    const answers = plans.flatMap(({ moved }) => (moved?.to === undefined ? [] : [moved]))
    if (answers.length > 0) outbox.run(answers, Number.POSITIVE_INFINITY, () => {})
  })
  if (full !== undefined) kept({ kind: 'error', error: full })
}

function mustCommit({ effects, pended, moved, arrived }: PlannedOutcome): boolean {
  return effects.length > 0 || pended.length > 0 || moved !== undefined || arrived !== undefined
}

function nothingElse(): void {}
