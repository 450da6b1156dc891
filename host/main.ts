// Main: the composition of a host: config, store, guests, router, entities, ingress, admin; and its end.
//
// M1. The ports are bound when everything that was deployed is back. Where more is to be deployed first, calls are UNAVAILABLE until
//     `ready`; `/readyz` says so.
// M2. When storage fails the host takes no calls, closes and reopens the store until that works, drops every activation, and
//     goes on (§storage-2). Nothing that was acknowledged is lost.
// M3. Stopping: no new calls, running ones finish within `stopWaitMs`, then the store is closed.

import { statfs } from 'node:fs/promises'
import type { Logger } from 'pino'
import { Actions } from './action/actions.ts'
import type { AdminHandler } from './admin/handle.ts'
import { createAdminHandler } from './admin/handle.ts'
import type { AdminServer } from './admin/server.ts'
import { listenAdmin } from './admin/server.ts'
import type { Chance, Clock } from './clock.ts'
import { systemChance, systemClock } from './clock.ts'
import type { Command, Dispatch, Open } from './command.ts'
import type { Config } from './config.ts'
import { Deployer } from './deploy/deploy.ts'
import type { link } from './deploy/link.ts'
import { sandbox, unsealed } from './deploy/sandbox.ts'
import { Disk } from './disk.ts'
import { Scrubbing } from './doctor/scrubbing.ts'
import { Entities, sweepEveryMs } from './entity/entities.ts'
import { entityId } from './entity/key.ts'
import { ReplicaState } from './entity/replica-state.ts'
import { Replicas } from './entity/replicas.ts'
import { InnkeeperError } from './errors.ts'
import { InFlight } from './in-flight.ts'
import { type Act, InHandMemory } from './in-hand.ts'
import type { IngressContext } from './ingress/context.ts'
import type { Ingress } from './ingress/server.ts'
import { listen } from './ingress/server.ts'
import { Transcoder } from './ingress/transcoder.ts'
import { Age } from './journal/age.ts'
import type { Store } from './journal/catalog.ts'
import { makeDirectory } from './journal/directory.ts'
import { expire } from './journal/expiry.ts'
import { GroupCommit } from './journal/group-commit.ts'
import type { EntityRef, OutboxEntry, StorageId } from './journal/journal.ts'
import { openStore } from './journal/rocksdb.ts'
import { type Limits, servedBytesMax } from './limits.ts'
import { createLog } from './observe/log.ts'
import { Metrics } from './observe/metrics.ts'
import { Outbox } from './reply/outbox.ts'
import { Deadlines } from './router/deadlines.ts'
import { Quarantine } from './router/quarantine.ts'
import { createDispatch, createOpen } from './router/router.ts'
import type { ReplicatedService } from './services.ts'
import { notServed, Services } from './services.ts'
import { nextTurn } from './slices.ts'
import { throttledSentence } from './throttle.ts'
import { Turns } from './turns.ts'
import { WaitingBudget } from './waiting-budget.ts'

export interface HostParts {
  readonly clock?: Clock
  readonly chance?: Chance
  readonly log?: Logger
  /** Instead of a data directory: for tests. */
  readonly store?: Store
  /** Idle entities are looked for this often: for tests. */
  readonly sweepEveryMs?: number
  /** Instead of linking: for tests. */
  readonly link?: typeof link
  /** Take no calls before `Host.ready`: something is still to be deployed. */
  readonly waits?: boolean
  /** The admin port is another thread's, which calls `Host.handleAdmin`. */
  readonly withoutAdmin?: boolean
  /** Where another thread sees what the loop does. */
  readonly inHand?: InHandMemory
  /** Hosts before this one, in this process, that were ended or failed. */
  readonly endings?: number
  /** What held the loop of the host before this one until it was ended from outside. */
  readonly guilty?: Act
}

export interface Host {
  readonly config: Config
  readonly services: Services
  readonly deployer: Deployer
  readonly dispatch: Dispatch
  readonly open: Open
  /** This host among the replicas of its replicated entities; what a cluster uses. */
  readonly replicas: Replicas
  /** A delta, or a whole replica, of a peer; resolves once it is on disk. @throws InnkeeperError */
  receiveDelta(service: string, key: string, delta: Uint8Array): Promise<void>
  /** The whole replica of an entity, for a peer that missed deltas. */
  replicaOf(service: string, key: string): Uint8Array
  /** HOST:PORT as bound. */
  readonly listen: string
  readonly admin: string
  readonly handleAdmin: AdminHandler
  /** Takes calls from now on, where it was told to wait. */
  ready(): void
  stop(): Promise<void>
}

/** Idempotency keys that have expired are looked for this often. */
const expireEveryMs = 60_000
const reopenEveryMs = 500
/** How often the room on the disk is looked at. */
const diskEveryMs = 1_000
const warnAfterMs = 1_000
/** The last commit is noted so often, if there was one (incarnation.N3). */
const noteEveryMs = 500
/** Entities with open streams that are woken in one turn of the loop. */
export const wakeMax = 100

/** @throws InnkeeperError or Error where the data directory or a port cannot be used; nothing is left open then. */
export async function startHost(config: Config, parts: HostParts = {}): Promise<Host> {
  const log = parts.log ?? createLog(config.logLevel)
  const store = parts.store ?? (await openDirectory(config, log))
  try {
    return await compose(config, parts, store, log)
  } catch (error) {
    await store.journal.close()
    throw error
  }
}

async function compose(config: Config, parts: HostParts, store: Store, log: Logger): Promise<Host> {
  const clock = parts.clock ?? systemClock
  const chance = parts.chance ?? systemChance()
  const { journal, catalog } = store
  const age = new Age(catalog, clock)
  const metrics = new Metrics()
  const services = new Services()
  const { limits } = config
  const commits = new GroupCommit(journal, (err) => log.error({ err }, 'an answer failed after its commit'))
  const deadlines = new Deadlines(clock)
  // Effects and forwards go back to the router: the one loop in the tree, closed here.
  const dispatch: Dispatch = (command, reply) => route(command, reply)
  const open: Open = (command, receiver) => openRoute(command, receiver)
  const outbox = new Outbox({
    ...{ journal, commits, dispatch, clock, limits, log },
    unserved: (service) => (services.current.unserved.has(service) ? notServed(service).message : undefined),
    toItself: (entry) => goesToItself(services, entry),
    delivered: (service) => metrics.of(service).effectDelivered(),
    parked: (service) => metrics.of(service).effectParked(),
  })
  const replicas = new Replicas(store.replica)
  const transcoder = new Transcoder(limits.waitingBytesMax)
  const turns = new Turns({
    ...{ limits, clock },
    flush: () => commits.flush(),
    inHand: parts.inHand ?? new InHandMemory(),
    faultsOf: (service) => metrics.faultsOf(service),
    changed: (service, throttled) => {
      if (throttled) log.warn({ service }, throttledSentence(limits))
      else log.info({ service }, 'a service is no longer throttled')
    },
  })
  const quarantine = new Quarantine(catalog, clock, (service) => {
    const free = services.get(service)
    if (free?.kind === 'replicated') wake(new Map([[free.storage, free]]))
  })
  if (parts.guilty !== undefined) {
    const { held, atMs } = parts.guilty
    const { count } = quarantine.strike(held, catalog.active().get(held.service) ?? 0, atMs)
    log.error({ ...held, strikes: count }, 'a service held the host until it was ended, and is in quarantine')
  }
  const { snapshotEvery, passivateAfterMs, valueHistory } = config
  const waiting = new WaitingBudget(limits)
  const { serviceDiskBytesMax } = config
  const disk = new Disk({ journal, outbox, serviceDiskBytesMax, idempotencyBytesMax: limits.idempotencyBytesMax })
  const shared = { commits, services, outbox, dispatch, open, clock, chance, limits, waiting, metrics, log }
  const streamPrefix = chance.id().slice(0, 13)
  let streams = 0
  const entities = new Entities(
    {
      ...shared,
      journal,
      disk,
      age,
      replicas,
      subscriptionId: () => `${streamPrefix}-${(++streams).toString(36)}`,
      settings: { snapshotEvery, passivateAfterMs, valueHistory },
    },
    turns,
  )
  const actions = new Actions({ ...shared, again: turns.again })
  let lostCalls = 0
  const lost = ({ service, method, requestId, hops }: Command) => {
    lostCalls += 1
    log.error(
      { service, method, requestId, hops },
      'a forward or side effect names what is not deployed; deploy it, or correct the function that names it',
    )
  }
  const router = { services, entities, actions, deadlines, commits, outbox, clock, quarantine, lost }
  const route = createDispatch(router)
  const openRoute = createOpen(router, dispatch)
  services.onChange(() => {
    entities.switched()
    actions.switched()
    transcoder.switched()
    turns.switched((service) => services.get(service) === undefined)
    quarantine.changed((service) => services.get(service)?.deployment)
    outbox.served().catch((err: unknown) => log.error({ err }, 'effects that waited for a service could not be tried'))
  })
  const sealedOnly = config.requireSandbox
  const linking = parts.link && { link: parts.link }
  const deployer = new Deployer({ ...{ catalog, journal, services, limits, clock, log, sealedOnly }, ...linking })
  const state: { starting: boolean; stopping: boolean } = { starting: true, stopping: false }
  const unready = (): string | undefined => {
    if (state.stopping) return 'the host is stopping; try another time'
    if (state.starting) return 'the host is starting, and not everything is served yet; try again in a moment'
    return journal.failure() && 'storage failed; the host takes calls again when it works'
  }
  /** How storage failed names files, which callers need not know. */
  const unreadyForOperator = (): string | undefined => {
    const [reason, failure] = [unready(), journal.failure()]
    return reason !== undefined && failure !== undefined ? `${reason} (${failure.message})` : reason
  }
  metrics.gauge('activations', 'Entities in memory.', () => entities.activations)
  metrics.gaugeOfServices('activations_of_service', 'Entities in memory, by service.', () => entities.byService())
  metrics.gaugeOfServices('state_bytes_of_service', 'Bytes of the states of entities in memory, by service.', () =>
    entities.stateBytesByService(),
  )
  metrics.gaugeOfServices('waiting_commands_of_service', 'Commands waiting, by service.', () => waiting.byService())
  metrics.gauge(
    'waiting_commands',
    'Commands waiting for their entity or action, or for the disk.',
    () => waiting.commands,
  )
  const inFlight = countInFlight(limits, metrics, log)
  metrics.gauge(
    'subscriptions_open',
    'Streams that clients keep open on replicated entities.',
    () => entities.openStreams,
  )
  metrics.gaugeOfServices(
    'state_reading_fuel_ratio',
    'Part of the fuel of a call that reading the dearest state of a service takes, as measured since it was deployed.',
    function* () {
      for (const service of services.current.services.values())
        if (service.kind !== 'action') yield [service.name, entities.costOf(service).worstPart] as const
    },
  )
  metrics.gaugeOfServices(
    'service_throttled',
    '1 for each service that has held the loop or failed again and again, and has only a small part of the loop.',
    function* () {
      for (const service of turns.throttled) yield [service, 1] as const
    },
  )
  metrics.counter(
    'partition_endings_total',
    'Times that the serving thread was ended or failed.',
    () => parts.endings ?? 0,
  )
  metrics.gauge('deployments_pending', 'Deployments that run or wait for their turn.', () => deployer.inHand)
  metrics.counter('unknown_targets_total', 'Forwards and side effects to what is not deployed.', () => lostCalls)
  const scrubbing = config.scrub
    ? new Scrubbing({ kv: store.kv, log, unfit: () => journal.failure() !== undefined })
    : undefined
  scrubbing?.start()
  metrics.counter('scrubbed_bytes_total', 'Bytes of the store that scrubbing has read.', () => scrubbing?.bytes ?? 0)
  metrics.gauge(
    'scrub_findings',
    'Damaged parts of the store that scrubbing has found.',
    () => scrubbing?.findings.size ?? 0,
  )
  metrics.gauge('idempotency_bytes', 'Bytes that idempotency keys take on disk.', () => journal.usage.allKeys)
  metrics.gaugeOfServices(
    'service_disk_bytes',
    'Bytes of a service on disk, before they are packed: records, values, replicas, snapshots, idempotency keys, side effects.',
    function* () {
      for (const { name, storage } of services.current.services.values())
        yield [name, disk.bytesOf(name, storage)] as const
    },
  )
  const { pace } = journal
  metrics.counter('syncs_total', 'Writes that were synced to the disk.', () => pace.syncs)
  metrics.counter('sync_seconds_total', 'Time that they took.', () => pace.seconds)
  metrics.gauge('sync_seconds', 'What a sync takes, the newest most.', () => pace.movingMs / 1000)
  metrics.counter('commits_aside_total', 'Commits that did not wait for the disk on the loop.', () => pace.aside)
  metrics.gauge('disk_slow', '1 while syncs are slow, and commits wait for them outside the loop.', () =>
    pace.slow ? 1 : 0,
  )
  metrics.gauge('outbox_effects', 'Effects waiting or parked.', () => outbox.size)
  metrics.gaugeOfServices(
    'outbox_effects_of_service',
    'Effects waiting or parked, by the service that caused them.',
    () => outbox.byService(),
  )

  const timers = [
    setInterval(() => passivate(), parts.sweepEveryMs ?? sweepEveryMs),
    setInterval(() => forget(), expireEveryMs),
    setInterval(() => recover(), reopenEveryMs),
    setInterval(() => note(), noteEveryMs),
    setInterval(() => void lookAtDisk(), diskEveryMs),
    // Not while it starts: what it asks for is a process.
    setTimeout(() => void warnUnsealed(log), warnAfterMs),
  ]
  const lookAtDisk = async () => {
    if (parts.store === undefined) disk.freeBytes = await freeBytesOf(config.data, log)
  }
  const passivate = () => {
    entities
      .passivate(() => state.stopping)
      .catch((err: unknown) => log.error({ err }, 'idle entities could not be dropped'))
  }
  const wake = (services: ReadonlyMap<StorageId, ReplicatedService>) => {
    const unfit = () => state.stopping || journal.failure() !== undefined
    wakeSubscribed(store, services, entities, unfit).catch((err: unknown) =>
      log.error({ err }, 'entities with open streams could not be woken'),
    )
  }
  const note = () => {
    try {
      if (journal.failure() === undefined) store.note()
    } catch (err) {
      log.error({ err }, 'the last commit could not be noted')
    }
  }
  const forget = () => {
    const unfit = () => state.stopping || journal.failure() !== undefined
    if (unfit()) return
    expire(journal, commits, age.now() - config.idempotencyHours * 3_600_000, unfit).catch((err: unknown) =>
      log.error({ err }, 'idempotency keys could not be forgotten'),
    )
    age.note()
    journal.noteCensus()
  }
  /** What was committed since the last notes, or ever in an older directory, is counted behind everything else. */
  const count = () => {
    const failed = (err: unknown) => log.error({ err }, 'counting what is stored failed')
    journal.census.complete().catch(failed)
    journal.usage.complete().catch(failed)
  }
  const takeUp = (interrupted: boolean) => {
    outbox.takeUp(interrupted).catch((err: unknown) => log.error({ err }, 'effects could not be taken up'))
  }
  const keepers = () => replicatedKeepers(services, quarantine)
  let reopening = false
  const recover = () => {
    if (reopening) return
    journal.examine()
    if (journal.failure() === undefined) return
    reopening = true
    // What was decided on the state before belongs to that: it is refused now, not committed later.
    commits
      .drain()
      .then(() => journal.reopen())
      .then(() => {
        log.warn('storage works again')
        entities.restart()
        wake(keepers())
        count()
        return outbox.load()
      })
      .then((loaded) => {
        if (loaded) takeUp(false)
      })
      .catch((error: unknown) => log.error({ err: error }, 'storage still fails'))
      .finally(() => {
        reopening = false
      })
  }

  const prefix = chance.id().slice(0, 8)
  let calls = 0
  const context: IngressContext = {
    dispatch,
    open,
    services,
    limits,
    transcoder,
    inFlight,
    clock,
    metrics,
    log,
    deadlineMs: config.deadlineMs,
    corsOrigins: config.corsOrigins,
    noRoom: (service, client) => waiting.refusal(waiting.service(service), waiting.client(client), 0),
    accepted: turns.newcomer,
    requestId: () => `${prefix}-${(++calls).toString(36)}`,
    unready,
    starting: () => state.starting,
  }
  let ingress: Ingress | undefined
  let admin: AdminServer | undefined
  let handleAdmin: AdminHandler
  const stop = async () => {
    if (state.stopping) return
    state.stopping = true
    log.info('stopping')
    entities.endStreams()
    await ingress?.close(config.stopWaitMs)
    // Functions still hear of the streams that this ended.
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
    for (const timer of timers) clearInterval(timer)
    scrubbing?.stop()
    outbox.stop()
    deadlines.stop()
    transcoder.close()
    quarantine.stop()
    await admin?.close()
    turns.stop()
    await commits.drain()
    note()
    if (journal.failure() === undefined) {
      age.note()
      journal.noteCensus()
    }
    await journal.close()
  }
  try {
    await lookAtDisk()
    await outbox.load()
    await deployer.restore(config.without)
    let awake = keepers()
    wake(awake)
    // A service that is served again, or only now, may have left streams, too.
    services.onChange(() => {
      const before = awake
      awake = keepers()
      const added = [...awake].filter(([storage]) => !before.has(storage))
      if (added.length > 0 && journal.failure() === undefined) wake(new Map(added))
    })
    ingress = await listen(context, config.listen.host, config.listen.port)
    handleAdmin = createAdminHandler({
      config,
      services,
      deployer,
      journal,
      disk,
      catalog,
      entities,
      outbox,
      commits,
      replicas,
      scrubbing,
      quarantine,
      turns,
      metrics,
      transcoder,
      log,
      unready: unreadyForOperator,
      listen: ingress.address,
    })
    if (parts.withoutAdmin !== true) admin = await listenAdmin({ config, log }, handleAdmin)
  } catch (error) {
    await stop()
    throw error
  }
  count()
  const ready = () => {
    if (!state.starting) return
    state.starting = false
    // Last: its targets are served, and whatever an effect does, its operator has the admin port.
    takeUp(true)
  }
  if (parts.waits !== true) ready()
  return {
    config,
    services,
    deployer,
    dispatch,
    open,
    replicas,
    receiveDelta: (service, key, delta) => receiveDelta(services, entities, service, key, delta),
    replicaOf: (service, key) => {
      const state = new ReplicaState(journal, { storage: replicated(services, service).storage, key })
      while (!state.ready) state.step()
      return state.replica.encode()
    },
    listen: `${config.listen.host}:${ingress.address.port}`,
    admin: `${config.admin.host}:${admin?.address.port ?? 0}`,
    handleAdmin,
    ready,
    stop,
  }
}

/** An effect's target is the entity that caused it. What names no entity goes nowhere, and so not there. */
function goesToItself(services: Services, { cause, call }: OutboxEntry): boolean {
  if (cause.entity === '' || call.service !== cause.service) return false
  const service = services.get(call.service)
  const method = service?.methods.get(call.method)
  if (service === undefined || service.kind === 'action' || method === undefined) return false
  try {
    return entityId(method.keyOf(call.payload), service.keyFieldCount) === cause.entity
  } catch {
    return false
  }
}

/** Replicated services whose functions may run, by storage id. */
function replicatedKeepers(services: Services, quarantine: Quarantine): ReadonlyMap<StorageId, ReplicatedService> {
  const found = new Map<StorageId, ReplicatedService>()
  for (const service of services.current.services.values())
    if (service.kind === 'replicated' && quarantine.of(service.name) === undefined) found.set(service.storage, service)
  return found
}

/** Entities that were left with open streams hear that the clients are gone (§subscription-7): each finds that when it is loaded. Some a turn. */
async function wakeSubscribed(
  { journal }: Store,
  keepers: ReadonlyMap<StorageId, ReplicatedService>,
  entities: Entities,
  stopped: () => boolean,
): Promise<void> {
  for (let last: EntityRef | undefined; !stopped(); ) {
    const page = journal.subscribed(last, wakeMax)
    for (const entity of page) {
      const service = keepers.get(entity.storage)
      if (service !== undefined) entities.wake(service, entity)
    }
    if (page.length < wakeMax) return
    last = page.at(-1)
    await nextTurn()
  }
}

function replicated(services: Services, name: string): ReplicatedService {
  const service = services.get(name)
  if (service?.kind === 'replicated') return service
  throw new InnkeeperError('unknown_service', `no replicated service ${name} is deployed`)
}

function receiveDelta(
  services: Services,
  entities: Entities,
  name: string,
  key: string,
  delta: Uint8Array,
): Promise<void> {
  return new Promise((resolve, reject) => {
    entities.learn(replicated(services, name), key, delta, (error) => (error === undefined ? resolve() : reject(error)))
  })
}

/** Clients that are cut are told of so often, at most. */
const cutLogEveryMs = 10_000

function countInFlight(limits: Limits, metrics: Metrics, log: Logger): InFlight {
  let saidMs = Number.NEGATIVE_INFINITY
  const inFlight = new InFlight({
    max: servedBytesMax(limits),
    connectionMax: Math.min(limits.connectionBytesMax, servedBytesMax(limits)),
    setting: 'in-flight-bytes-max',
    cut: (address) => {
      const nowMs = performance.now()
      if (nowMs - saidMs < cutLogEveryMs) return
      saidMs = nowMs
      const bytes = inFlight.bytes
      log.warn({ address, bytes, cuts: inFlight.cuts }, 'too many bytes are in flight: requests or answers are cut')
    },
  })
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
  return inFlight
}

/** Deployments are a stranger's bytes: says at the start what of the process that reads them first this machine cannot seal. */
async function warnUnsealed(log: Logger): Promise<void> {
  const sentence = unsealed(await sandbox())
  if (sentence !== undefined) log.warn(sentence)
}

/** Infinite where the file system does not say. */
async function freeBytesOf(directory: string, log: Logger): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize
  } catch (err) {
    log.debug({ err }, 'the room on the disk is not known')
    return Number.POSITIVE_INFINITY
  }
}

async function openDirectory(config: Config, log: Logger): Promise<Store> {
  makeDirectory(config.data)
  const neverStored = config.neverStoredHeaders
  return openStore(config.data, { log: (message, fields) => log.warn(fields ?? {}, message), neverStored })
}
