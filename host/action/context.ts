// What actions are given by the host.

import type { Logger } from 'pino'
import type { Chance, Clock } from '../clock.ts'
import type { Dispatch, Open } from '../command.ts'
import type { Keeper } from '../delivery/keeper.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { GroupCommit } from '../journal/group-commit.ts'
import type { Limits } from '../limits.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Services } from '../services.ts'
import type { Turn } from '../turns.ts'
import type { WaitingBudget } from '../waiting-budget.ts'

export interface ActionContext {
  readonly commits: Pick<GroupCommit, 'join'>
  readonly services: Services
  readonly outbox: Outbox
  readonly keeper: Keeper
  readonly dispatch: Dispatch
  readonly open: Open
  readonly clock: Clock
  readonly chance: Chance
  readonly limits: Limits
  /** What waits in the whole host. */
  readonly waiting: WaitingBudget
  readonly metrics: Metrics
  readonly log: Logger
  /** Another turn of the loop. */
  readonly again: (turn: Turn) => void
}
