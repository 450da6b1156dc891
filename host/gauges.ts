// Gauges: what the host shows of itself in metrics, read when it is asked. Counts of calls are kept where calls are (observe/metrics.ts).
//
// Owns: names and words.   What is shown is owned by whoever has it.

import type { Outbox } from './delivery/outbox.ts'
import type { Pending } from './delivery/pending.ts'
import type { Deployer } from './deploy/deploy.ts'
import type { Disk } from './disk.ts'
import type { Scrubbing } from './doctor/scrubbing.ts'
import type { Entities } from './entity/entities.ts'
import type { Follower } from './feed/followers.ts'
import { followers } from './feed/followers.ts'
import type { Trimming } from './feed/trimming.ts'
import type { InFlight } from './in-flight.ts'
import type { Stored } from './journal/stored.ts'
import type { Metrics } from './observe/metrics.ts'
import type { Outbound, ShownConnector } from './outbound.ts'
import type { LiveQueries } from './projection/live.ts'
import type { ViewState, Views } from './projection/views.ts'
import type { Services } from './services.ts'
import { isEntityService } from './services.ts'
import type { Pace } from './storage/pace.ts'
import type { Turns } from './turns.ts'
import type { WaitingBudget } from './waiting-budget.ts'

interface Shown {
  readonly metrics: Metrics
  readonly services: Services
  readonly entities: Entities
  readonly waiting: WaitingBudget
  readonly inFlight: InFlight
  readonly turns: Turns
  readonly deployer: Deployer
  readonly outbox: Outbox
  /** By partition. */
  readonly pending: readonly Pick<Pending, 'byService'>[]
  readonly stored: Pick<Stored, 'usage'>
  readonly disk: Disk
  readonly pace: Pace
  /** By partition. */
  readonly feeds: readonly Pick<Trimming, 'behind'>[]
  /** Undefined where the host does not scrub. */
  readonly scrubbing: Scrubbing | undefined
  /** Times that the serving thread was ended or failed. */
  readonly views: Pick<Views, 'states'>
  readonly live: Pick<LiveQueries, 'size'>
  readonly outbound: Pick<Outbound, 'shown'>
  readonly endings: number
  /** Forwards and side effects to what is not deployed. */
  readonly lostCalls: () => number
}

export function registerGauges(shown: Shown): void {
  ofEntities(shown)
  ofClients(shown)
  ofServices(shown)
  ofStorage(shown)
  ofEffects(shown)
  ofFeeds(shown)
  ofViews(shown)
  ofConnectors(shown)
}

function ofEntities({ metrics, services, entities }: Shown): void {
  metrics.gauge('activations', 'Entities in memory.', () => entities.activations)
  metrics.gaugeOfServices('activations_of_service', 'Entities in memory, by service.', () => entities.byService())
  metrics.gaugeOfServices('state_bytes_of_service', 'Bytes of the states of entities in memory, by service.', () =>
    entities.stateBytesByService(),
  )
  metrics.gauge(
    'subscriptions_open',
    'Streams that clients keep open on replicated entities.',
    () => entities.openStreams,
  )
  metrics.gauge('watchers', 'Streams of clients that watch an entity.', () => entities.watchers)
  metrics.gaugeOfServices(
    'state_reading_fuel_ratio',
    'Part of the fuel of a call that reading the most expensive state of a service takes, as measured since it was deployed.',
    function* () {
      for (const service of services.current.services.values())
        if (isEntityService(service)) yield [service.name, entities.costOf(service).worstPart] as const
    },
  )
}

function ofViews({ metrics, views, live }: Shown): void {
  const each = (read: (state: ViewState) => number) =>
    function* () {
      for (const state of views.states()) yield [state.service, read(state)] as const
    }
  metrics.gaugeOfServices(
    'view_behind_commits',
    'Commits that a view has not read.',
    each(({ commits }) => commits),
  )
  metrics.gaugeOfServices(
    'view_behind_seconds',
    'For how long a view has not had all that was committed.',
    each(({ ms }) => ms / 1000),
  )
  metrics.gaugeOfServices(
    'view_stuck',
    '1: the function of a view cannot project a change, and nothing after it is read.',
    each(({ stuck }) => Number(stuck)),
  )
  metrics.gauge('live_queries', 'Streams of clients that wait for results of live queries.', () => live.size)
}

function ofClients({ metrics, waiting, inFlight }: Shown): void {
  metrics.gaugeOfServices('waiting_commands_of_service', 'Commands waiting, by service.', () => waiting.byService())
  metrics.gauge(
    'waiting_commands',
    'Commands waiting for their entity or action, or for the disk.',
    () => waiting.commands,
  )
  metrics.gauge(
    'in_flight_bytes',
    'Bytes that clients of the service port have sent and not finished, or not read.',
    () => inFlight.bytes,
  )
  metrics.gauge(
    'in_flight_bytes_of_largest_client',
    'Bytes in flight of the client address that has most.',
    () => inFlight.mostOfAddress,
  )
  metrics.counter('in_flight_cuts_total', 'Requests and answers that were cut for the room.', () => inFlight.cuts)
}

function ofServices({ metrics, turns, endings, deployer }: Shown): void {
  metrics.gaugeOfServices(
    'service_throttled',
    '1 for each service that has held the loop or failed again and again, and has only a small part of the loop.',
    function* () {
      for (const service of turns.throttled) yield [service, 1] as const
    },
  )
  metrics.counter('partition_endings_total', 'Times that the serving thread was ended or failed.', () => endings)
  metrics.gauge('deployments_pending', 'Deployments that run or wait for their turn.', () => deployer.inHand)
}

function ofStorage({ metrics, services, stored, disk, pace, scrubbing }: Shown): void {
  metrics.counter('scrubbed_bytes_total', 'Bytes of the store that scrubbing has read.', () => scrubbing?.bytes ?? 0)
  metrics.gauge(
    'scrub_findings',
    'Damaged parts of the store that scrubbing has found.',
    () => scrubbing?.findings.size ?? 0,
  )
  metrics.gauge('idempotency_bytes', 'Bytes that idempotency keys take on disk.', () => stored.usage.allKeys)
  metrics.gaugeOfServices(
    'service_disk_bytes',
    'Bytes of a service on disk, before they are packed: records, values, replicas, snapshots, idempotency keys, side effects.',
    function* () {
      for (const { name, storage } of services.current.services.values())
        yield [name, disk.bytesOf(name, storage)] as const
    },
  )
  metrics.counter('syncs_total', 'Writes that were synced to the disk.', () => pace.syncs)
  metrics.counter('sync_seconds_total', 'Time that they took.', () => pace.seconds)
  metrics.gauge(
    'sync_seconds',
    'Average seconds of a sync, in which the newest count most.',
    () => pace.movingMs / 1000,
  )
  metrics.counter('commits_aside_total', 'Commits that did not wait for the disk on the loop.', () => pace.aside)
  metrics.gauge('disk_slow', '1 while syncs are slow, and commits wait for them outside the loop.', () =>
    pace.slow ? 1 : 0,
  )
}

function ofEffects({ metrics, outbox, pending, lostCalls }: Shown): void {
  metrics.gaugeOfServices(
    'pending_effects_of_service',
    'Effects that are due later, by the service that set them.',
    () => {
      const sums = new Map<string, number>()
      for (const one of pending)
        for (const [service, count] of one.byService()) sums.set(service, (sums.get(service) ?? 0) + count)
      return sums
    },
  )
  metrics.gauge('outbox_effects', 'Effects waiting or parked.', () => outbox.size)
  metrics.gaugeOfServices(
    'outbox_effects_of_service',
    'Effects waiting or parked, by the service that caused them.',
    () => outbox.byService(),
  )
  metrics.counter(
    'unknown_targets_total',
    'Forwards and side effects to services or methods that are not deployed.',
    lostCalls,
  )
}

function ofConnectors({ metrics, outbound }: Shown): void {
  metrics.counterOf(
    ['connector', 'status', 'attempt'],
    'connector_requests_total',
    'Tries of calls of a connector, by what was answered (none: nothing) and by whether it was the first try, the second or a later one.',
    function* () {
      for (const { connector, requests = [] } of outbound.shown())
        for (const { status, attempt, count } of requests) yield [{ connector, status, attempt }, count] as const
    },
  )
  metrics.counterOf(
    ['connector', 'reason'],
    'connector_failures_total',
    'Tries of calls of a connector that failed, by whether it happened: REFUSED, NOT_SENT, UNKNOWN.',
    function* () {
      for (const { connector, failures } of outbound.shown())
        for (const [reason, count] of Object.entries(failures ?? {})) yield [{ connector, reason }, count] as const
    },
  )
  metrics.counterOf(['connector'], 'connector_seconds_total', 'Time that tries took.', function* () {
    for (const { connector, time } of outbound.shown()) yield [{ connector }, (time?.sumMs ?? 0) / 1000] as const
  })
  const gauge = (name: string, help: string, of: (one: ShownConnector) => number) =>
    metrics.gaugeOf('connector', name, help, function* () {
      for (const one of outbound.shown()) yield [one.connector, of(one)] as const
    })
  gauge('connector_under_way', 'Calls of a connector that wait for their answer.', ({ underWay = 0 }) => underWay)
  gauge('connector_waiting', 'Calls that wait for room at a connector.', ({ waiting }) => waiting)
}

function ofFeeds({ metrics, feeds }: Shown): void {
  const gauge = (name: string, help: string, of: (one: Follower) => number) =>
    metrics.gaugeOf('consumer', name, help, function* () {
      for (const one of followers(feeds)) yield [one.name, of(one)] as const
    })
  gauge('feed_behind_commits', 'Commits that who follows them has not read.', ({ commits }) => commits)
  gauge('feed_behind_bytes', 'Bytes of these commits.', ({ bytes }) => bytes)
}
