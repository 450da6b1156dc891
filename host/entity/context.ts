// Context: what an activation is given by the host. Tests give their own.

import type { Logger } from 'pino'
import type { BatchSize } from '../batch-size.ts'
import type { Chance, Clock } from '../clock.ts'
import type { Dispatch, Open } from '../command.ts'
import type { Keeper } from '../delivery/keeper.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { Disk } from '../disk.ts'
import type { Age } from '../journal/age.ts'
import type { Joining } from '../journal/group-commit.ts'
import type { EntityRef, Journal } from '../journal/journal.ts'
import type { Limits } from '../limits.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { EntityService, Services } from '../services.ts'
import type { WaitingBudget } from '../waiting-budget.ts'
import type { Activation } from './activation.ts'
import type { ReadingCost } from './reading-cost.ts'
import type { Replicas } from './replicas.ts'

interface EntitySettings {
  /** Events between two snapshots where the component names none; negative: never. */
  readonly snapshotEvery: number
  /** Idle time after which an activation is dropped, where the component names none. */
  readonly passivateAfterMs: number
  /** Keep a record of every change of a value. */
  readonly valueHistory: boolean
}

/** What an entity's partition gives it. */
export interface EntityPartition {
  readonly journal: Journal
  readonly commits: Joining
  readonly keeper: Keeper
}

export interface EntityContext extends EntityPartition {
  readonly services: Services
  readonly outbox: Outbox
  readonly dispatch: Dispatch
  readonly open: Open
  readonly replicas: Replicas
  /** A fresh id for a stream that a client keeps open. */
  readonly subscriptionId: () => string
  readonly clock: Clock
  /** What kept answers expire by. */
  readonly age: Age
  readonly chance: Chance
  readonly limits: Limits
  /** What waits in the whole host. */
  readonly waiting: WaitingBudget
  /** What services may write. */
  readonly disk: Disk
  readonly settings: EntitySettings
  readonly metrics: Metrics
  readonly log: Logger
  /** What states of this version of a service cost to read. */
  readonly costOf: (service: EntityService) => ReadingCost
  /** How many commands this version of a service is given at once. */
  readonly batchOf: (service: EntityService) => BatchSize
  /** A commit of the entity is on disk: up to this revision. Nothing of it was told yet. */
  readonly changed: (entity: EntityRef, revision: number) => void
  /** Another turn of the loop for this activation. */
  readonly again: (activation: Activation) => void
  /** Drop it now; what waits in its mailbox goes to a fresh one. */
  readonly close: (activation: Activation) => void
}
