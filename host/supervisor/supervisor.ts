// Supervisor: the main thread of a host: the admin port, signals, and the watchdog over the partition's thread.
//
// S1. The admin port is open before the partition starts, and answers whatever the partition does: `/healthz` always, the rest once a
//     partition can, or with UNAVAILABLE after a moment.
// S2. A partition that is stuck is ended and another one started on the same directory and ports; it is told what held the old one.
//     Calls that were under way end with their connections; nothing that was acknowledged is lost, for it is on disk.
// S3. A partition that ends by itself is a bug: it is started again, but not without end.
// S4. Stopping waits for the partition as long as running calls may take, and then no longer.
//
// Owns: threads.   watchdog.ts owns: finding what is stuck.   partition.ts owns: serving.   router/quarantine.ts owns: what becomes of the
// guilty.

import type { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { AdminHandler } from '../admin/call.ts'
import type { AdminServer } from '../admin/server.ts'
import { listenAdmin } from '../admin/server.ts'
import type { Config } from '../config.ts'
import type { DeployResult } from '../deploy/deploy.ts'
import { InnkeeperError, wire } from '../errors.ts'
import { type Act, type InHand, InHandMemory } from '../in-hand.ts'
import { createLog } from '../observe/log.ts'
import { beginThread, partitionScript, takeEarly } from './early.ts'
import { Rpc, toError } from './rpc.ts'
import type { Beginning, DeployCall, PartitionStart, Served } from './serving.ts'
import { threadRanMs } from './thread-time.ts'
import { Watchdog } from './watchdog.ts'

export interface SupervisedHost {
  readonly config: Config
  /** HOST:PORT as bound. */
  readonly listen: string
  readonly admin: string
  deploy(component: Uint8Array, onProgress: (step: string) => void): Promise<DeployResult>
  served(): Promise<Served>
  /** Takes calls from now on. */
  ready(): Promise<void>
  /** What innkeeper.json says of connectors and secrets is in force as it is now. What is wrong with it is in the log; then nothing has changed. */
  reread(): Promise<void>
  stop(): Promise<void>
}

/** Operators wait so long for a partition that is being started. */
const patienceMs = 5_000
/** For `/readyz` and `/metrics`, that are asked all the time. */
const hastyMs = 1_000
/** Beyond what running calls may take. */
const stopSpareMs = 3_000
/** Partitions that ended by themselves, in so long, are too many. */
const crashesMax = 5
const crashesInMs = 60_000
const startTriesMax = 5
const startAgainMs = 300

interface SuperviseOptions {
  /** Files are to be deployed before calls are taken. */
  readonly waits: boolean
  readonly log?: Logger
  /** The script of the thread; tests have others. */
  readonly partition?: URL
}

/** @throws InnkeeperError or Error where the data directory or a port cannot be used; nothing is left open then. */
export async function supervise(config: Config, options: SuperviseOptions): Promise<SupervisedHost> {
  const { waits, log = createLog(config.logLevel), partition = partitionScript } = options
  const supervisor = new Supervisor(config, log, waits, partition)
  await supervisor.open()
  return supervisor
}

function actOf(held: InHand): Act {
  return { held, atMs: Date.now() }
}

/** A partition whose loop was held before it had started. */
class HeldAtStart extends Error {
  readonly held: InHand | undefined

  constructor(held: InHand | undefined) {
    const what = held === undefined ? 'the host itself' : `service ${held.service}`
    super(
      `the partition did not start: ${what} held its loop; start the host without that service: \`inn up --without SERVICE\``,
    )
    this.held = held
  }
}

interface Partition {
  readonly worker: Worker
  readonly rpc: Rpc
  readonly watchdog: Watchdog
  readonly listen: string
  /** Its thread is gone: perhaps before anybody could take note that it had started. */
  ended: boolean
}

class Supervisor implements SupervisedHost {
  readonly config: Config
  private readonly log: Logger
  private waits: boolean
  private adminServer: AdminServer | undefined
  /** The one that serves, once it does. */
  private partition: Promise<Partition>
  private current: Partition | undefined
  /** The one that was begun last, serving or not. */
  private worker: Worker | undefined
  private why = 'the host is starting; try again in a moment'
  private endings = 0
  private crashes: number[] = []
  private stopping = false
  private bound = ''
  private readonly script: URL

  constructor(config: Config, log: Logger, waits: boolean, script: URL) {
    this.script = script
    this.config = config
    this.log = log
    this.waits = waits
    this.partition = Promise.reject(new Error('not open'))
    this.partition.catch(() => {})
  }

  get listen(): string {
    return this.bound
  }

  get admin(): string {
    return `${this.config.admin.host}:${this.adminServer!.address.port}`
  }

  async open(): Promise<void> {
    this.adminServer = await listenAdmin({ config: this.config, log: this.log }, this.handle)
    this.partition = this.begin(undefined)
    try {
      await this.partition
    } catch (error) {
      await this.adminServer.close()
      throw error
    }
  }

  async deploy(component: Uint8Array, onProgress: (step: string) => void): Promise<DeployResult> {
    const { rpc } = await this.partition
    const call: DeployCall = { component, options: {} }
    return await rpc.call('deploy', call, (step) => onProgress(step as string))
  }

  async served(): Promise<Served> {
    return await this.asked('served')
  }

  async ready(): Promise<void> {
    this.waits = false
    await this.asked('ready')
  }

  async reread(): Promise<void> {
    await this.asked('reread')
  }

  /** For what may be asked twice: where the partition ends meanwhile, the next one is asked. */
  private async asked<T>(method: string): Promise<T> {
    for (;;) {
      const asked = this.partition
      const { rpc } = await asked
      try {
        return await rpc.call<T>(method)
      } catch (error) {
        if (this.stopping || this.partition === asked) throw error
      }
    }
  }

  async stop(): Promise<void> {
    if (this.stopping) return
    this.stopping = true
    const late = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), this.config.stopWaitMs + stopSpareMs).unref()
    })
    // One that is starting is waited for as well, and no longer.
    const partition = await Promise.race([this.partition.catch(() => undefined), late])
    if (partition !== undefined) await Promise.race([partition.rpc.call('stop').catch(() => {}), late])
    partition?.watchdog.stop()
    await this.worker?.terminate()
    await this.adminServer?.close()
  }

  private readonly handle: AdminHandler = async (call, { line, closed }) => {
    if (call.path === '/healthz' && call.method === 'GET') return { text: 'ok\n', contentType: 'text/plain' }
    const hasty = call.path === '/readyz' || call.path === '/metrics'
    const busy = new InnkeeperError(
      'unavailable',
      this.current === undefined
        ? this.why
        : 'the host is busy with one call and does not answer; try again in a moment',
    )
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(busy), hasty ? hastyMs : patienceMs).unref()
    })
    const answered = (async () => {
      const { rpc } = await Promise.race([this.partition, late])
      return rpc
    })()
    const rpc = await answered.catch((error: unknown) => {
      throw error instanceof InnkeeperError ? error : busy
    })
    const answer = rpc.call<Awaited<ReturnType<AdminHandler>>>('admin', call, line, closed)
    // What takes long takes long: deployments, folds, followers. But these two are asked all the time, and must not pile up.
    if (!hasty) return await answer
    answer.catch(() => {})
    try {
      return await Promise.race([answer, late])
    } catch {
      // It was late, or the partition was ended meanwhile.
      const said = this.current === undefined ? this.why : busy.message
      return { status: wire.unavailable.http, text: `${said}\n`, contentType: 'text/plain' }
    }
  }

  private async begin(guilty: Act | undefined): Promise<Partition> {
    let act = guilty
    for (let tries = 1; ; tries++) {
      try {
        const partition = await this.start(act)
        this.bound = partition.listen
        if (partition.ended) {
          this.endings += 1
          this.countCrash()
          continue
        }
        this.current = partition
        return partition
      } catch (error) {
        // The first start tells its user; later ones have nobody to tell, and a port or a lock may take a moment to be free.
        const held = error instanceof HeldAtStart ? error.held : undefined
        if (this.stopping || (this.bound === '' && held === undefined) || tries === startTriesMax) throw error
        this.log.error({ err: error, tries }, 'the partition could not be started; trying once more')
        if (held !== undefined) act = actOf(held)
        await new Promise((resolve) => setTimeout(resolve, startAgainMs * tries))
      }
    }
  }

  private start(guilty: Act | undefined): Promise<Partition> {
    const memory = new InHandMemory()
    const { config, waits, endings, bound } = this
    const [, port = ''] = /:(\d+)$/.exec(bound) ?? []
    const own = port === '' ? config : { ...config, listen: { ...config.listen, port: Number(port) } }
    const start: PartitionStart = { config: own, waits, inHand: memory.buffer, guilty, endings }
    const early = this.script === partitionScript ? takeEarly() : undefined
    early?.postMessage(start)
    const worker = early ?? beginThread(this.script, start)
    this.worker = worker
    return new Promise((resolve, reject) => {
      let partition: Partition | undefined
      let thread: number | undefined
      // A start runs functions, too: of streams that were left, of effects.
      const watchdog = new Watchdog({
        memory,
        turnMsMax: config.turnMsMax,
        nowMs: () => performance.now(),
        ranMs: () => threadRanMs(thread),
        stuck: (held) => {
          if (partition !== undefined) {
            this.stuck(partition, held)
            return
          }
          void worker.terminate()
          reject(new HeldAtStart(held))
        },
      })
      worker.on('exit', () => watchdog.stop())
      const heard = (message: Beginning) => {
        if (message.kind === 'begun') {
          thread = message.thread
          return
        }
        worker.off('message', heard)
        if (message.kind === 'not started') {
          void worker.terminate()
          reject(toError(message.error))
          return
        }
        partition = { worker, rpc: new Rpc(worker, {}), watchdog, listen: message.listen, ended: false }
        resolve(partition)
      }
      worker.on('message', heard)
      worker.on('error', (error) => {
        this.log.fatal({ err: error }, 'the partition failed')
        reject(error)
      })
      worker.on('exit', () => {
        reject(new Error('the partition ended before it was started'))
        if (partition !== undefined) partition.ended = true
        if (partition !== undefined && this.current === partition && !this.stopping) this.crashed(partition)
      })
    })
  }

  private stuck(partition: Partition, guilty: InHand | undefined): void {
    const held = guilty === undefined ? {} : { ...guilty }
    this.log.fatal(
      { ...held, ms: this.config.turnMsMax },
      guilty === undefined
        ? 'the loop is stuck in no service; the partition is ended and started again'
        : 'a service blocks the event loop; the serving thread is stopped and started again without it',
    )
    this.why = 'the host is stopping a function that blocked it; try again in a moment'
    this.replace(partition, guilty && actOf(guilty))
  }

  private crashed(partition: Partition): void {
    this.countCrash()
    this.replace(partition, undefined)
  }

  private countCrash(): void {
    const now = performance.now()
    this.crashes = [...this.crashes.filter((at) => now - at < crashesInMs), now]
    if (this.crashes.length > crashesMax) {
      this.log.fatal('the partition ends again and again; giving up')
      process.exit(1)
    }
    this.why = 'the host is starting again after a failure; try again in a moment'
  }

  private replace(old: Partition, guilty: Act | undefined): void {
    this.current = undefined
    this.endings += 1
    old.watchdog.stop()
    this.partition = (async () => {
      await old.worker.terminate()
      old.rpc.close(
        new InnkeeperError(
          'outcome_unknown',
          'the host stopped this call while it was running; its outcome is unknown',
        ),
      )
      if (this.stopping) throw new Error('the host is stopping')
      return await this.begin(guilty)
    })()
    this.partition.catch((error: unknown) => {
      if (this.stopping) return
      this.log.fatal({ err: error }, 'the partition could not be started again; giving up')
      process.exit(1)
    })
  }
}
