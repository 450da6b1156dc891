// Read side: views, their queries, and what goes on with them: composed for a host.
//
// X1. The folder of views, and its processes, are made with the first view.
//
// Owns: putting these together.   projection/ and views/ own: all that they do.

import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Catalog } from './catalog/catalog.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Replicas } from './entity/replicas.ts'
import { ReplicaState } from './entity/replicated/replica-state.ts'
import { InnkeeperError } from './errors.ts'
import type { EntityRef } from './journal/journal.ts'
import type { Partition } from './partition.ts'
import { LiveQueries } from './projection/live.ts'
import type { ReadJournal } from './projection/projection.ts'
import { Queries } from './projection/queries.ts'
import type { ReplicaValue } from './projection/steps.ts'
import { Views } from './projection/views.ts'
import type { Services } from './services.ts'
import type { ViewsComponent } from './views/component.ts'
import { Tables } from './views/tables.ts'

interface ReadSideParts {
  readonly config: Pick<Config, 'data' | 'limits'>
  readonly services: Services
  readonly catalog: Catalog
  readonly partitions: readonly Partition[]
  readonly clock: Clock
  readonly log: Logger
  readonly unfit: () => boolean
  readonly replicas: Pick<Replicas, 'members' | 'self'>
  /** The views of a component that was deployed before, by its hash. */
  readonly earlier: (hash: string) => ViewsComponent | undefined
}

export class ReadSide {
  readonly views: Views
  readonly live: LiveQueries
  readonly queries: Queries
  private readonly parts: ReadSideParts
  private made: Tables | undefined

  constructor(parts: ReadSideParts) {
    this.parts = parts
    const { services, catalog, partitions, clock, log, unfit, earlier, config, replicas } = parts
    const [first] = partitions
    this.views = new Views({
      ...{ services, catalog, partitions, clock, log, unfit, earlier },
      ...{ directory: join(config.data, 'views'), tables: this.tables },
      ...{ rows: first!.journal.rows, commits: first!.commits, waitersMax: config.limits.streamsMax },
      replicaOf: (journal, entity) => replicaOf(journal, entity, replicas),
    })
    this.live = new LiveQueries(this.views, clock)
    this.queries = new Queries(this.views, this.live)
  }

  readonly tables = (): Tables => {
    const { config, clock, log } = this.parts
    this.made ??= new Tables(join(config.data, 'views'), config.limits, clock, (line) =>
      log.info({ line }, 'a process of views'),
    )
    return this.made
  }

  /** Other services are served: whoever waits on another version opens the stream again. */
  switched(): void {
    const { services } = this.parts
    const error = new InnkeeperError(
      'service_replaced',
      'the view was deployed anew or undeployed; open the stream again',
    )
    this.live.switched((service) => services.get(service.name) === service, error)
  }

  /** The host stops. */
  endStreams(): void {
    this.live.end(new InnkeeperError('stopping', 'the host is stopping; open the stream again'))
  }

  async close(): Promise<void> {
    // Together: a function that takes its time ends with its process.
    await Promise.all([this.views.close(), this.made?.close()])
  }
}

/** As this host's functions see it, as a whole. */
function replicaOf(
  journal: ReadJournal,
  entity: EntityRef,
  { self, members }: Pick<Replicas, 'members' | 'self'>,
): ReplicaValue {
  const state = new ReplicaState(journal, entity)
  while (!state.ready) state.step()
  const { revision, nowMs, replica } = state
  return { revision, nowMs, state: replica.deleted ? undefined : replica.view({ kind: 'all' }, self, members) }
}
