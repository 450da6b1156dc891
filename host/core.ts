// Core: all of a host between its ports and its store, composed: what the door hands it are commands, what it hands back are answers.
//
// C1. It takes no time but the clock's and no chance but the one it is given: the same commands on the same store give the same answers, and
//     leave the same bytes (test/simulation/host.test.ts).
//
// While storage fails the host takes no calls (§storage-2); housekeeping.ts opens it again.
//
// Owns: what a host is made of.   main.ts owns: ports, and when it starts and stops.

import type { Logger } from 'pino'
import { Actions } from './action/actions.ts'
import { clientBytes } from './client-bytes.ts'
import { type Chance, type Clock, systemChance, systemClock } from './clock.ts'
import type { Command, Dispatch, Open } from './command.ts'
import type { Config } from './config.ts'
import type { Outside } from './connectors/connector.ts'
import type { Outbox } from './delivery/outbox.ts'
import { Deployer } from './deploy/deploy.ts'
import { Disk } from './disk.ts'
import { Scrubbing } from './doctor/scrubbing.ts'
import type { EffectEntry } from './effect.ts'
import { Entities } from './entity/entities.ts'
import { Replicas } from './entity/replicas.ts'
import { wakeSubscribed } from './entity/waking.ts'
import { registerGauges } from './gauges.ts'
import { Housekeeping } from './housekeeping.ts'
import type { InFlight } from './in-flight.ts'
import { type Act, InHandMemory } from './in-hand.ts'
import { Transcoder } from './ingress/http/transcoder.ts'
import { Age } from './journal/age.ts'
import { GroupCommit } from './journal/group-commit.ts'
import type { EntityRef, StorageId } from './journal/journal.ts'
import type { link } from './link/link.ts'
import { Metrics } from './observe/metrics.ts'
import { Outbound, outsideOf } from './outbound.ts'
import { makeOutbox } from './outbox-of.ts'
import { outstandingOf } from './outstanding.ts'
import { Partitions, warnHeld } from './partition.ts'
import { ReadSide } from './read-side.ts'
import { Deadlines } from './router/deadlines.ts'
import { Quarantine } from './router/quarantine.ts'
import { createDispatch, createOpen } from './router/router.ts'
import { Schedules } from './schedules/schedules.ts'
import { type Wall, wallOf } from './schedules/wall.ts'
import { type ReplicatedService, Services } from './services.ts'
import type { Warn } from './storage/health.ts'
import type { Store } from './store/store.ts'
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
  /** Instead of connectors: for tests. */
  readonly outside?: Outside
  /** Where another thread sees what the loop does. */
  readonly inHand?: InHandMemory
  /** Hosts before this one, in this process, that were ended or failed. */
  readonly endings?: number
  /** What held the loop of the host before this one until it was ended from outside. */
  readonly guilty?: Act
}

/** Everything between the ports and the store. */
export class Core {
  readonly config: Config
  readonly store: Store
  readonly log: Logger
  readonly clock: Clock
  readonly chance: Chance
  readonly metrics = new Metrics()
  readonly services = new Services()
  readonly age: Age
  readonly commits: GroupCommit
  readonly wall: Wall
  readonly partitions: Partitions
  readonly outbound: Outbound
  readonly outbox: Outbox
  readonly turns: Turns
  readonly waiting: WaitingBudget
  readonly disk: Disk
  readonly replicas: Replicas
  readonly entities: Entities
  readonly actions: Actions
  readonly deadlines: Deadlines
  readonly quarantine: Quarantine
  readonly transcoder: Transcoder
  readonly deployer: Deployer
  readonly schedules: Schedules
  readonly reading: ReadSide
  readonly scrubbing: Scrubbing | undefined
  readonly inFlight: InFlight
  readonly housekeeping: Housekeeping
  // Effects and forwards go back to the router: the one loop in the tree, closed here.
  readonly dispatch: Dispatch = (command, reply) => this.route(command, reply)
  readonly open: Open = (command, receiver) => this.openRoute(command, receiver)
  starting = true
  stopping = false
  private readonly route: Dispatch
  private readonly openRoute: Open
  private lostCalls = 0

  constructor(config: Config, parts: HostParts, store: Store, log: Logger) {
    const { limits } = config
    const { catalog } = store
    const { metrics, services } = this
    this.config = config
    this.store = store
    this.log = log
    this.clock = parts.clock ?? systemClock
    this.chance = parts.chance ?? systemChance()
    this.age = new Age(catalog, this.clock)
    this.commits = new GroupCommit(store, this.clock, (err) => log.error({ err }, 'an answer failed after its commit'))
    this.deadlines = new Deadlines(this.clock)
    this.wall = wallOf(this.clock, log, () => store.held())
    this.outbound = this.makeOutbound(parts)
    this.outbox = makeOutbox(this)
    this.partitions = this.makePartitions()
    this.replicas = new Replicas(store.replica)
    this.transcoder = new Transcoder(limits.waitingBytesMax)
    this.turns = new Turns({
      ...{ limits, clock: this.clock },
      flush: () => this.commits.flush(),
      inHand: parts.inHand ?? new InHandMemory(),
      faultsOf: (service) => metrics.faultsOf(service),
      changed: (service, throttled) => {
        if (throttled) log.warn({ service }, throttledSentence(limits))
        else log.info({ service }, 'a service is no longer throttled')
      },
    })
    this.quarantine = new Quarantine(catalog, this.clock, (service) => {
      const free = services.get(service)
      if (free?.kind === 'replicated') this.wake(new Map([[free.storage, free]]))
    })
    if (parts.guilty !== undefined) this.strike(parts.guilty)
    this.waiting = new WaitingBudget(limits)
    this.disk = new Disk({
      ...{ stored: this.partitions.stored, outbox: this.outbox },
      ...{ serviceDiskBytesMax: config.serviceDiskBytesMax, idempotencyBytesMax: limits.idempotencyBytesMax },
    })
    this.entities = this.makeEntities()
    const { outbox, clock, chance, waiting, dispatch, open } = this
    this.actions = new Actions({
      ...{ services, outbox, dispatch, open, clock, chance, limits, waiting, metrics, log },
      partitionOf: this.partitions.ofCall,
      again: this.turns.again,
    })
    const { entities, actions, deadlines, quarantine } = this
    this.reading = new ReadSide({
      ...{ config, services, catalog, partitions: this.partitions.all, clock, log, replicas: this.replicas },
      unfit: this.unfit,
      earlier: (contentHash) => this.deployer.viewsBefore(contentHash),
    })
    const { queries } = this.reading
    const router = {
      ...{ services, entities, actions, queries, deadlines, clock, quarantine },
      keeperOf: (command: Command) => this.partitions.ofCall(command).keeper,
      ...{ leaves: this.outbound.leaves, forwarded: this.outbound.target.forwarded },
      lost: (command: Command) => this.lost(command),
    }
    this.route = createDispatch(router)
    this.openRoute = createOpen(router, dispatch)
    this.deployer = this.makeDeployer(parts)
    this.schedules = this.makeSchedules()
    this.scrubbing = config.scrub ? new Scrubbing({ store, log, unfit: this.unfit, clock }) : undefined
    this.inFlight = clientBytes(limits, log, this.clock)
    this.housekeeping = this.makeHousekeeping(parts)
    services.onChange(() => this.changed())
    this.showGauges(parts.endings ?? 0)
  }

  /** Why calls are not taken. */
  readonly unready = (): string | undefined => {
    if (this.stopping) return 'the host is stopping; try another time'
    if (this.starting) return 'the host is starting, and not everything is served yet; try again in a moment'
    return this.store.failure() && 'storage failed; the host accepts calls again when storage works'
  }

  /** How storage failed names files, which callers need not know. */
  readonly unreadyForOperator = (): string | undefined => {
    const [reason, failure] = [this.unready(), this.store.failure()]
    return reason !== undefined && failure !== undefined ? `${reason} (${failure.message})` : reason
  }

  private showGauges(endings: number): void {
    const { views, live } = this.reading
    const { all, stored } = this.partitions
    registerGauges({
      ...this,
      ...{ views, live, stored, endings, pace: this.store.pace, lostCalls: () => this.lostCalls },
      feeds: all.map(({ trimming }) => trimming),
      pending: all.map(({ pending }) => pending),
    })
  }

  private readonly unfit = (): boolean => this.stopping || this.store.failure() !== undefined

  /** Replicated services whose functions may run, by storage id. */
  private keepers(): ReadonlyMap<StorageId, ReplicatedService> {
    const found = new Map<StorageId, ReplicatedService>()
    for (const service of this.services.current.services.values())
      if (service.kind === 'replicated' && this.quarantine.of(service.name) === undefined)
        found.set(service.storage, service)
    return found
  }

  private wake(keepers: ReadonlyMap<StorageId, ReplicatedService>): void {
    const { entities, unfit } = this
    const wakeOne = (service: ReplicatedService, entity: EntityRef) => entities.wake(service, entity)
    wakeSubscribed(this.store.journals, keepers, wakeOne, unfit, this.clock).catch((err: unknown) =>
      this.log.error({ err }, 'entities with open streams could not be woken'),
    )
  }

  /** Brings back what was there. Calls are not taken yet. */
  async restore(): Promise<void> {
    await this.housekeeping.lookAtDisk()
    await this.outbox.load()
    await this.deployer.restore(this.config.without)
    // Not before: where storage fails during a start, that begins anew as a whole (main.ts).
    this.housekeeping.start()
    this.scrubbing?.start()
    this.wakeAll()
    this.reading.views.restore()
  }

  /** The host stops: whoever has a stream open opens it again, elsewhere or later. */
  endStreams(): void {
    this.entities.endStreams()
    this.reading.endStreams()
  }

  /** Takes calls from now on. */
  readonly ready = (): void => {
    if (!this.starting) return
    this.starting = false
    // Last: its targets are served, and whatever an effect does, its operator has the admin port.
    this.housekeeping.takeUp(true)
    for (const partition of this.partitions.all) partition.start()
    this.schedules.start()
    this.outbound.warn()
    if (this.store.held()) warnHeld(this.partitions, this.schedules.list().length, this.log)
  }

  /** What takes the last commits. After this nothing is written. */
  async close(): Promise<void> {
    const { housekeeping, store } = this
    await housekeeping.stop()
    await this.reading.close()
    this.schedules.stop()
    for (const partition of this.partitions.all) partition.stop()
    this.scrubbing?.stop()
    this.outbox.stop()
    this.outbound.stop()
    this.deadlines.stop()
    this.transcoder.close()
    this.quarantine.stop()
    this.turns.stop()
    housekeeping.noteAll()
    await this.commits.drain()
    housekeeping.note()
    await store.close()
  }

  /** Entities that were left with open streams hear of it, now, and of each service once it is served again. */
  private wakeAll(): void {
    let awake = this.keepers()
    this.wake(awake)
    this.services.onChange(() => {
      const before = awake
      awake = this.keepers()
      const added = [...awake].filter(([storage]) => !before.has(storage))
      if (added.length > 0 && this.store.failure() === undefined) this.wake(new Map(added))
    })
  }

  private makePartitions(): Partitions {
    const { store, commits, outbox, clock, age, log } = this
    const { feedHours: hours, feedBytes: bytesMax } = this.config.limits
    const warn: Warn = (message, fields) => log.warn(fields ?? {}, message)
    const later = {
      ...{ log, pendingBytesMax: this.config.limits.pendingBytesMax },
      ticketMs: this.config.idempotencyHours * 3_600_000,
      heldMs: () => this.wall.look(),
      unfit: this.unfit,
      unserved: (entry: EffectEntry) => this.outbox.obstacle(entry) !== undefined,
      callers: () => this.waiting.ofClients,
      fell: (service: string, lateMs: number) => this.metrics.of(service).fellDue(lateMs / 1000),
    }
    return new Partitions(store, commits, outbox, { clock, age, hours, bytesMax, warn }, later)
  }

  private makeOutbound({ outside, endings = 0 }: HostParts): Outbound {
    const { services, clock, chance, log, config, store } = this
    return new Outbound({
      ...{ services, clock, chance, log, directory: config.directory, held: () => store.held() },
      outside: outside ?? outsideOf(config, clock, endings > 0),
      ...{ outbox: () => this.outbox, partitions: () => this.partitions },
    })
  }

  private makeDeployer(parts: HostParts): Deployer {
    const { services, clock, log, config } = this
    return new Deployer({
      ...{ catalog: this.store.catalog, journal: this.partitions.stored, services, limits: config.limits, clock, log },
      sealedOnly: config.requireSandbox,
      tables: parts.store === undefined ? this.reading.tables : undefined,
      missing: (needs) => this.outbound.outside.missing(needs),
      outstanding: (service) =>
        outstandingOf({ outbox: this.outbox, partitions: this.partitions.all, services }, service),
      ...(parts.link && { link: parts.link }),
    })
  }

  private makeSchedules(): Schedules {
    const { services, outbox, clock, log, unfit } = this
    const { all: partitions, placement } = this.partitions
    const accepted = () => {
      for (const { pending } of partitions) pending.look()
      this.outbound.look()
    }
    return new Schedules({ services, partitions, placement, outbox, clock, log, unfit, wall: this.wall, accepted })
  }

  private makeEntities(): Entities {
    const { services, outbox, dispatch, open, clock, chance, waiting, metrics, log, disk, age, replicas } = this
    const { limits, snapshotEvery, passivateAfterMs, valueHistory } = this.config
    const prefix = chance.id().slice(0, 13)
    let streams = 0
    return new Entities(
      {
        ...{ services, outbox, dispatch, open, clock, chance, limits, waiting, metrics, log, disk, age, replicas },
        subscriptionId: () => `${prefix}-${(++streams).toString(36)}`,
        settings: { snapshotEvery, passivateAfterMs, valueHistory },
      },
      this.partitions,
      this.turns,
    )
  }

  private makeHousekeeping(parts: HostParts): Housekeeping {
    const { clock, store, commits, entities, outbox, disk, age, log, config } = this
    return new Housekeeping({
      ...{ clock, store, commits, entities, outbox, disk, age, log, idempotencyHours: config.idempotencyHours },
      partitions: this.partitions.all,
      directory: parts.store === undefined ? config.data : undefined,
      wake: () => this.wake(this.keepers()),
      sweepEveryMs: parts.sweepEveryMs,
      stopping: () => this.stopping,
    })
  }

  private strike({ held, atMs }: Act): void {
    const { count } = this.quarantine.strike(held, this.store.catalog.active().get(held.service) ?? 0, atMs)
    this.log.error({ ...held, strikes: count }, 'a service held the host until it was ended, and is in quarantine')
  }

  private lost({ service, method, requestId, hops }: Command): void {
    this.lostCalls += 1
    this.log.error(
      { service, method, requestId, hops },
      'a forward or side effect names a service or method that is not deployed; deploy it, correct the function that names it, or, if the outside world serves it, give it `option (innkeeper.connector)` in the .proto',
    )
  }

  /** Other services are served than before. */
  private changed(): void {
    const { services, log } = this
    this.entities.switched()
    this.reading.switched()
    this.actions.switched()
    this.transcoder.switched()
    this.turns.switched((service) => services.get(service) === undefined)
    this.quarantine.changed((service) => services.get(service)?.deployment)
    this.schedules.changed()
    for (const { pending } of this.partitions.all) pending.look()
    this.outbox
      .served()
      .catch((err: unknown) => log.error({ err }, 'effects that waited for a service could not be tried'))
  }
}
