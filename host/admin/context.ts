// What the admin port is given by the host.

import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Catalog } from '../catalog/catalog.ts'
import type { Config } from '../config.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { Deployer } from '../deploy/deploy.ts'
import type { Disk } from '../disk.ts'
import type { Scrubbing } from '../doctor/scrubbing.ts'
import type { Entities } from '../entity/entities.ts'
import type { Replicas } from '../entity/replicas.ts'
import type { Transcoder } from '../ingress/http/transcoder.ts'
import type { GroupCommit } from '../journal/group-commit.ts'
import type { Stored } from '../journal/stored.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Outbound } from '../outbound.ts'
import type { Partitions } from '../partition.ts'
import type { Views } from '../projection/views.ts'
import type { Quarantine } from '../router/quarantine.ts'
import type { Schedules } from '../schedules/schedules.ts'
import type { Services } from '../services.ts'
import type { Turns } from '../turns.ts'

export interface AdminContext {
  readonly config: Config
  readonly services: Services
  readonly deployer: Deployer
  /** What all partitions have stored. */
  readonly journal: Stored
  readonly disk: Disk
  readonly catalog: Catalog
  readonly entities: Entities
  readonly outbox: Outbox
  readonly schedules: Schedules
  readonly outbound: Pick<Outbound, 'reread' | 'shown' | 'lacking' | 'warn'>
  readonly views: Pick<Views, 'list' | 'processes' | 'rebuild' | 'sql'>
  /** Of a directory that was copied or restored: it acts by the clock from now on. */
  readonly release: () => void
  readonly commits: Pick<GroupCommit, 'alone'>
  readonly partitions: Pick<Partitions, 'all' | 'tell'>
  readonly replicas: Replicas
  /** Undefined where the host does not scrub. */
  readonly scrubbing: Scrubbing | undefined
  readonly quarantine: Quarantine
  readonly turns: Pick<Turns, 'throttled'>
  readonly metrics: Metrics
  readonly transcoder: Transcoder
  readonly log: Logger
  readonly unready: () => string | undefined
  /** Where services are served. */
  readonly listen: AddressInfo
}
