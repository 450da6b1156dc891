// Main: the composition of a host: config, store, guests, router, entities, ingress, admin; and its end.
//
// M1. The service port is bound last, when everything that was deployed is back; `/readyz` says so, and why not.
// M2. When storage fails the host takes no calls, closes and reopens the store until that works, drops every activation, and
//     goes on (A14). Nothing that was acknowledged is lost.
// M3. Stopping: no new calls, running ones finish within `stopWaitMs`, then the store is closed.

import { mkdirSync } from 'node:fs'
import type { Logger } from 'pino'
import type { AdminServer } from './admin/server.ts'
import { listenAdmin } from './admin/server.ts'
import type { Chance, Clock } from './clock.ts'
import { systemChance, systemClock } from './clock.ts'
import type { Dispatch } from './command.ts'
import type { Config } from './config.ts'
import { Deployer } from './deploy/deploy.ts'
import { Entities, sweepEveryMs } from './entity/entities.ts'
import type { IngressContext } from './ingress/context.ts'
import type { Ingress } from './ingress/server.ts'
import { listen } from './ingress/server.ts'
import type { Store } from './journal/catalog.ts'
import { GroupCommit } from './journal/group-commit.ts'
import { openStore } from './journal/rocksdb.ts'
import { createLog } from './observe/log.ts'
import { Metrics } from './observe/metrics.ts'
import { Outbox } from './reply/outbox.ts'
import { Deadlines } from './router/deadlines.ts'
import { createDispatch, createOpen } from './router/router.ts'
import { Services } from './services.ts'

export interface HostParts {
  readonly clock?: Clock
  readonly chance?: Chance
  readonly log?: Logger
  /** Instead of a data directory: for tests. */
  readonly store?: Store
}

export interface Host {
  readonly config: Config
  readonly services: Services
  readonly deployer: Deployer
  readonly dispatch: Dispatch
  /** HOST:PORT as bound. */
  readonly listen: string
  readonly admin: string
  stop(): Promise<void>
}

/** Idempotency entries are looked at this often, so many at once. */
const expireEveryMs = 60_000
const expireMax = 10_000
const reopenEveryMs = 500

/** @throws InnkeeperError or Error where the data directory or a port cannot be used; nothing is left open then. */
export async function startHost(config: Config, parts: HostParts = {}): Promise<Host> {
  const clock = parts.clock ?? systemClock
  const chance = parts.chance ?? systemChance()
  const log = parts.log ?? createLog(config.logLevel)
  const store = parts.store ?? (await open(config, log))
  const { journal, catalog } = store
  const metrics = new Metrics()
  const services = new Services()
  const { limits } = config
  const commits = new GroupCommit(journal, (err) => log.error({ err }, 'an answer failed after its commit'))
  const deadlines = new Deadlines(clock)
  // Effects and forwards go back to the router: the one loop in the tree, closed here.
  const dispatch: Dispatch = (command, reply) => route(command, reply)
  const outbox = new Outbox({ journal, commits, dispatch, clock, limits, log })
  const { snapshotEvery, passivateAfterMs } = config
  const entities = new Entities(
    {
      journal,
      commits,
      services,
      outbox,
      dispatch,
      clock,
      chance,
      limits,
      metrics,
      log,
      settings: { snapshotEvery, passivateAfterMs },
    },
    () => commits.flush(),
  )
  const route = createDispatch(services, entities, deadlines)
  const deployer = new Deployer({ catalog, services, limits, clock, log })
  const state: { starting: boolean; stopping: boolean } = { starting: true, stopping: false }
  const unready = (): string | undefined => {
    if (state.stopping) return 'the host is stopping; try another time'
    if (state.starting) return 'the host is starting; try again in a moment'
    const failure = journal.failure()
    return failure && `storage failed: ${failure.message}; the host takes calls again when it works`
  }
  metrics.gauge('activations', 'Entities in memory.', () => entities.activations)
  metrics.gauge('waiting_commands', 'Commands waiting for their entity.', () => entities.waitingCommands)
  metrics.gauge('outbox_effects', 'Effects waiting or parked.', () => outbox.size)

  const timers = [
    setInterval(() => entities.passivate(), sweepEveryMs),
    setInterval(() => expire(), expireEveryMs),
    setInterval(() => recover(), reopenEveryMs),
  ]
  const expire = () => {
    if (journal.failure() === undefined)
      journal.expireIdempotency(clock.now() - config.idempotencyHours * 3_600_000, expireMax)
  }
  let reopening = false
  const recover = () => {
    if (reopening || journal.failure() === undefined) return
    reopening = true
    journal
      .reopen()
      .then(() => {
        log.warn('storage works again')
        entities.restart()
        outbox.resume()
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
    open: createOpen(services),
    services,
    limits,
    clock,
    metrics,
    log,
    deadlineMs: config.deadlineMs,
    requestId: () => `${prefix}-${(++calls).toString(36)}`,
    unready,
  }
  let ingress: Ingress | undefined
  let admin: AdminServer | undefined
  const stop = async () => {
    if (state.stopping) return
    state.stopping = true
    log.info('stopping')
    await ingress?.close(config.stopWaitMs)
    for (const timer of timers) clearInterval(timer)
    outbox.stop()
    deadlines.stop()
    await admin?.close()
    commits.flush()
    await journal.close()
  }
  try {
    await deployer.restore()
    outbox.resume()
    ingress = await listen(context, config.listen.host, config.listen.port)
    admin = await listenAdmin({
      config,
      services,
      deployer,
      journal,
      catalog,
      entities,
      outbox,
      metrics,
      log,
      unready,
      listen: ingress.address,
    })
  } catch (error) {
    await stop()
    throw error
  }
  state.starting = false
  return {
    config,
    services,
    deployer,
    dispatch,
    listen: `${config.listen.host}:${ingress.address.port}`,
    admin: `${config.admin.host}:${admin.address.port}`,
    stop,
  }
}

async function open(config: Config, log: Logger): Promise<Store> {
  mkdirSync(config.data, { recursive: true })
  return openStore(config.data, { log: (message, fields) => log.warn(fields ?? {}, message) })
}
