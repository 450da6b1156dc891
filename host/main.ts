// Main: a host from its start to its end: the store, what stands on it (core.ts), and the ports.
//
// M1. The ports are bound when everything that was deployed is back. Where more is to be deployed first, calls are UNAVAILABLE until
//     `ready`; `/readyz` says so.
// M2. Stopping: no new calls, running ones finish within `stopWaitMs`, then the store is closed.

import type { Logger } from 'pino'
import type { AdminHandler } from './admin/call.ts'
import type { AdminContext } from './admin/context.ts'
import type { AdminServer } from './admin/server.ts'
import { nextTurn } from './clock.ts'
import type { Dispatch, Open } from './command.ts'
import type { Config } from './config.ts'
import { Core, type HostParts } from './core.ts'
import type { Deployer } from './deploy/deploy.ts'
import type { Entities } from './entity/entities.ts'
import type { Replicas } from './entity/replicas.ts'
import { ReplicaState } from './entity/replicated/replica-state.ts'
import { InnkeeperError } from './errors.ts'
import type { IngressContext } from './ingress/context.ts'
import type { Ingress } from './ingress/server.ts'
import { listen } from './ingress/server.ts'
import { createLog } from './observe/log.ts'
import type { Partition } from './partition.ts'
import type { ReplicatedService, Services } from './services.ts'
import { makeDirectory } from './storage/directory.ts'
import { openStore } from './store/rocksdb.ts'
import type { Store } from './store/store.ts'

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
  /** How many partitions its data directory was made with. */
  readonly partitions: number
  /** What each of them has committed, and who follows it. */
  readonly feeds: readonly Pick<Partition, 'consumers' | 'feed'>[]
  /** HOST:PORT as bound. */
  readonly listen: string
  readonly admin: string
  readonly handleAdmin: AdminHandler
  /** Takes calls from now on, where it was told to wait. */
  ready(): void
  /** innkeeper.json says other things of the outside world; the log has what is wrong with it. */
  reread(): void
  stop(): Promise<void>
}

const warnAfterMs = 1_000
/** Starts that fail with the storage, and are tried again. */
const startsMax = 3

/** @throws InnkeeperError or Error where the data directory or a port cannot be used; nothing is left open then. */
export async function startHost(config: Config, parts: HostParts = {}): Promise<Host> {
  const log = parts.log ?? createLog(config.logLevel)
  for (let tries = 1; ; tries++) {
    const store = parts.store ?? (await openDirectory(config, log))
    try {
      const core = new Core(config, parts, store, log)
      return await serve(core, parts)
    } catch (error) {
      // RocksDB may meet damage while the host starts; closing freezes what it cannot write to any more (rocksdb.D4).
      const failure = store.failure()
      await store.close()
      if (failure === undefined) throw error
      if (parts.store !== undefined || tries === startsMax) throw lasting(failure)
    }
  }
}

function lasting(failure: Error): Error {
  const sentence = `storage failed while the host started (${failure.message}); start again, or restore the directory from a backup`
  return new InnkeeperError('storage_unavailable', sentence, failure)
}

/** Brings back what was there, and opens the ports. */
async function serve(core: Core, parts: HostParts): Promise<Host> {
  const { clock, config, log, store, entities, deployer, services } = core
  let ingress: Ingress | undefined
  let admin: AdminServer | undefined
  const stop = async () => {
    if (core.stopping) return
    core.stopping = true
    log.info('stopping')
    core.endStreams()
    await ingress?.close(config.stopWaitMs)
    // Functions still hear of the streams that this ended.
    for (let turn = 0; turn < 3; turn++) await nextTurn(clock)
    warning.cancel()
    await admin?.close()
    await core.close()
  }
  let handleAdmin: AdminHandler
  // Not while it starts: what it asks for is a process.
  const warning = clock.after(warnAfterMs, () => void warnUnsealed(log))
  try {
    await core.restore()
    ingress = await listen(ingressContext(core), config.listen.host, config.listen.port)
    handleAdmin = adminHandler(core, ingress)
    if (parts.withoutAdmin !== true) {
      const { listenAdmin } = await import('./admin/server.ts')
      admin = await listenAdmin({ config, log }, handleAdmin)
    }
  } catch (error) {
    await stop()
    throw error
  }
  core.housekeeping.count()
  if (parts.waits !== true) core.ready()
  const { dispatch, open, replicas, ready } = core
  return {
    ...{ config, services, deployer, dispatch, open, replicas, handleAdmin, ready, stop },
    reread: () => core.outbound.rereadLoudly(),
    receiveDelta: (service, key, delta) => receiveDelta(services, entities, service, key, delta),
    replicaOf: (service, key) => {
      const { storage } = replicated(services, service)
      const state = new ReplicaState(core.partitions.ofEntity(storage, key).journal, { storage, key })
      while (!state.ready) state.step()
      return state.replica.encode()
    },
    listen: `${config.listen.host}:${ingress.address.port}`,
    admin: `${config.admin.host}:${admin?.address.port ?? 0}`,
    partitions: store.journals.length,
    feeds: core.partitions.all,
  }
}

function ingressContext(core: Core): IngressContext {
  const { config, dispatch, open, services, transcoder, inFlight, clock, metrics, log, waiting, unready } = core
  const prefix = core.chance.id().slice(0, 8)
  let calls = 0
  return {
    ...{ dispatch, open, services, transcoder, inFlight, clock, metrics, log, unready, limits: config.limits },
    deadlineMs: config.deadlineMs,
    corsOrigins: config.corsOrigins,
    staticFolder: config.static,
    noRoom: (service, client) => waiting.refusal(waiting.service(service), waiting.client(client), 0),
    accepted: core.turns.newcomer,
    requestId: () => `${prefix}-${(++calls).toString(36)}`,
    starting: () => core.starting,
  }
}

/** Loaded with the first request of an operator: no call of a client needs it. */
function adminHandler(core: Core, ingress: Ingress): AdminHandler {
  let handler: Promise<AdminHandler> | undefined
  const load = async () => {
    const { createAdminHandler } = await import('./admin/handle.ts')
    return createAdminHandler(adminContext(core, ingress))
  }
  return async (call, ends) => {
    handler ??= load()
    return await (await handler)(call, ends)
  }
}

function adminContext(core: Core, ingress: Ingress): AdminContext {
  const { config, services, deployer, disk, store, entities, outbox, commits, replicas, scrubbing, quarantine } = core
  const { turns, metrics, transcoder, log, partitions, schedules, reading, outbound } = core
  return {
    ...{ config, services, deployer, disk, catalog: store.catalog, entities, outbox, commits, replicas, scrubbing },
    ...{
      quarantine,
      turns,
      metrics,
      transcoder,
      log,
      journal: partitions.stored,
      partitions,
      schedules,
      outbound,
      views: reading.views,
    },
    release: () => store.release(),
    unready: core.unreadyForOperator,
    listen: ingress.address,
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

/** Deployments are a stranger's bytes: says at the start what of the process that reads them first this machine cannot seal. */
async function warnUnsealed(log: Logger): Promise<void> {
  const { sandbox, unsealed } = await import('./link/sandbox.ts')
  const sentence = unsealed(await sandbox())
  if (sentence !== undefined) log.warn(sentence)
}

async function openDirectory(config: Config, log: Logger): Promise<Store> {
  makeDirectory(config.data)
  const { data, neverStoredHeaders: neverStored, partitions } = config
  return openStore(data, { log: (message, fields) => log.warn(fields ?? {}, message), neverStored, partitions })
}
