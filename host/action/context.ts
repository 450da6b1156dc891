// What actions are given by the host.

import type { Logger } from 'pino'
import type { Chance, Clock } from '../clock.ts'
import type { Command, Dispatch, Open } from '../command.ts'
import type { Keeper } from '../delivery/keeper.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { Joining } from '../journal/group-commit.ts'
import type { Limits } from '../limits.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Services } from '../services.ts'
import type { Turn } from '../turns.ts'
import type { WaitingBudget } from '../waiting-budget.ts'

export interface ActionPartition {
  readonly commits: Joining
  readonly keeper: Keeper
}

export interface ActionContext {
  readonly services: Services
  readonly outbox: Outbox
  /** Where what a call sends is kept. */
  readonly partitionOf: (command: Command) => ActionPartition
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
