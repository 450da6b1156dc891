// World: a whole host from the door inwards on virtual time, with a disk that outlives it: it is started, called, crashed, and started again.

import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import pino from 'pino'
import type { Answer, Command, Failed, StreamCall } from '../../../host/command.ts'
import { loadConfig } from '../../../host/config.ts'
import { Core } from '../../../host/core.ts'
import { encodeEntry } from '../../../host/journal/log/entry.ts'
import { LocalLog } from '../../../host/journal/log/local.ts'
import { noMetadata } from '../../../host/metadata.ts'
import { columns } from '../../../host/storage/columns.ts'
import { memoryStore } from '../../../host/store/memory.ts'
import { linked } from '../../support/linked.ts'
import { said, script } from '../../support/scripted.ts'
import { type Life, VirtualTime } from '../../support/virtual.ts'
import { Chances } from './chances.ts'
import { Platters, rowsOf, SimulatedDisk } from './disk.ts'
import { simulated, type Version } from './guest.ts'

export type { Version } from './guest.ts'

export type Service = 'Ledger' | 'Notes' | 'Marks' | 'Relay'

/** What became of a call, as its client knows it. */
export type Fate =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'said'; readonly text: string }
  | { readonly kind: 'refused' }
  /** An error, or the host crashed before it answered. */
  | { readonly kind: 'unknown'; readonly why: string }

export interface Call {
  readonly sentMs: number
  fate: Fate
  toldMs: number
}

/** A stream as its client sees it. */
export class Stream {
  readonly texts: string[] = []
  /** How it came to its end: by the client, by the host, by a crash. */
  ended: 'left' | 'host' | 'crash' | undefined
  call: StreamCall | undefined

  leave(): void {
    if (this.ended !== undefined) return
    this.ended = 'left'
    this.call?.cancel()
  }
}

/** What a host logs as an error and a guest, or its disk, is to blame for. */
const guests = new Set(['a function failed'])

/** A call that takes longer is given up, in milliseconds. */
const patienceMs = 15_000

export class World {
  readonly time: VirtualTime
  core: Core | undefined
  disk: SimulatedDisk | undefined
  version: Version | undefined
  crashes = 0
  /** Of entries of the log, and of answers, in their order. */
  private readonly digest: Hash = createHash('sha256')
  private readonly chances: Chances
  private readonly partitions: number
  private readonly platters = new Platters()
  private readonly calls = new Set<Call>()
  private readonly streams = new Set<Stream>()
  private life: Life | undefined
  private requests = 0
  /** What the host logged as a bug of its own. */
  readonly bugs: string[] = []

  constructor(seed: number, partitions: number) {
    this.chances = new Chances(seed, 'world')
    this.partitions = partitions
    const work = this.chances.fork('work')
    this.time = new VirtualTime(() => work.below(20) / 100)
  }

  get nowMs(): number {
    return this.time.nowMs
  }

  async start(): Promise<void> {
    const life = this.time.life()
    const chance = this.chances.fork(`chance ${this.crashes}`)
    const disk = new SimulatedDisk(this.platters, life, this.chances.fork(`disk ${this.crashes}`))
    let runs = 0
    const store = memoryStore(this.partitions, {
      kv: disk,
      clock: life,
      ids: {
        directory: '0123456789abcdef0123456789abcdef',
        replica: 'replica',
        run: () => `${this.crashes}-${runs++}`,
      },
      log: (state, last) => {
        const log = new LocalLog(state, last)
        log.follow(last, (entry) => {
          this.tell('log', encodeEntry(entry))
          log.trim(entry.position)
        })
        return log
      },
    })
    const flags = {
      'passivate-after-ms': '3000',
      'snapshot-every': '5',
      'batch-ms': '60000',
      scrub: 'off',
      'throttled-percent-max': '100',
    }
    const { config } = loadConfig({ flags, env: {}, directory: '/nowhere' })
    const log = pino({ level: 'error' }, { write: (line: string) => this.logged(line) })
    let ids = 0
    const core = new Core(
      config,
      {
        clock: life,
        chance: {
          seed: () => chance.bytes(16),
          // The first parts tell processes apart, as a random one's do.
          id: () => `${String(this.crashes).padStart(8, '0')}-0000-4000-8000-${String(ids++).padStart(12, '0')}`,
        },
        store,
        link: linked,
        sweepEveryMs: 1_000,
      },
      store,
      log,
    )
    this.life = life
    this.disk = disk
    this.core = core
    await this.until(core.restore())
    core.housekeeping.count()
    core.ready()
  }

  /** The power goes: what was on its way is never heard of. */
  crash(): void {
    if (this.core === undefined) return
    this.life?.end()
    this.core = undefined
    this.crashes += 1
    this.platters.crash(this.chances)
    for (const call of this.calls) this.settle(call, { kind: 'unknown', why: 'crash' })
    for (const stream of this.streams) stream.ended ??= 'crash'
    this.streams.clear()
  }

  /** False: it was refused, or could not be stored. */
  async deploy(version: Version): Promise<boolean> {
    const { core } = this
    if (core === undefined) return false
    const component = await simulated(version)
    const result = await this.until(
      core.deployer.deploy(component).catch((error: Error) => ({ ok: false, reasons: [error.message] })),
    )
    if (result?.ok !== true) {
      // Both versions read all that is stored, so nothing but the disk may be in the way.
      if (this.disk?.failed === false) this.bugs.push(`a deployment was refused: ${result?.reasons.join('; ')}`)
      return false
    }
    this.version = version
    return true
  }

  call(service: Service, id: string, order: object, key?: string): Call {
    const call: Call = { sentMs: this.nowMs, fate: { kind: 'waiting' }, toldMs: Number.POSITIVE_INFINITY }
    const { core } = this
    if (core === undefined || core.unready() !== undefined) {
      this.settle(call, { kind: 'unknown', why: 'not ready' })
      return call
    }
    this.calls.add(call)
    core.dispatch(this.command(service, 'Do', id, order, key, patienceMs), (answer) =>
      this.settle(call, fateOf(answer)),
    )
    return call
  }

  open(service: Service, method: string, id: string, order: object): Stream {
    const stream = new Stream()
    const { core } = this
    if (core === undefined || core.unready() !== undefined) {
      stream.ended = 'host'
      return stream
    }
    this.streams.add(stream)
    const over = (failed?: Failed) => {
      this.tell('end', failed === undefined ? 'well' : JSON.stringify(fateOf(failed)))
      stream.ended ??= 'host'
      this.streams.delete(stream)
    }
    stream.call = core.open(this.command(service, method, id, order, undefined, Number.POSITIVE_INFINITY), {
      ready: true,
      next: (payload) => {
        if (stream.ended !== undefined) return
        stream.texts.push(said(payload))
        this.tell('element', said(payload))
      },
      end: over,
      inputTaken() {},
      owes() {},
    })
    return stream
  }

  /** Lets time pass, until it is done or in so many milliseconds. */
  run(ms: number, done?: () => boolean): Promise<boolean> {
    return this.time.run(this.nowMs + ms, done)
  }

  /** Nothing is on its way any more. */
  resting(): boolean {
    return this.core !== undefined && this.core.unready() === undefined && this.calls.size === 0 && this.left() === 0
  }

  /** How often a service's schedule has run; undefined where a run is on its way. */
  runsOf(service: Service): number | undefined {
    const schedule = this.core?.schedules.list().find((one) => one.service === `test.sim.v1.${service}`)
    return schedule === undefined || schedule.underWay ? undefined : schedule.runs
  }

  /** Of the host's clock, in milliseconds since 1970. */
  get wallMs(): number {
    return this.life!.now()
  }

  /** Effects that wait. */
  left(): number {
    if (this.core === undefined) return 0
    const later = this.core.partitions.all.reduce((sum, { pending }) => sum + pending.count, 0)
    return this.core.outbox.size + later
  }

  /** Of all that was logged, answered, and is stored. */
  hash(): string {
    for (const column of columns) for (const bytes of rowsOf(this.platters.kv, column)) this.tell(column, bytes)
    return this.digest.digest('hex')
  }

  private async until<T>(promise: Promise<T>): Promise<T> {
    let result: { value: T } | undefined
    let failed: unknown
    promise.then(
      (value) => {
        result = { value }
      },
      (error: unknown) => {
        failed = error ?? new Error('failed')
      },
    )
    if (!(await this.run(600_000, () => result !== undefined || failed !== undefined))) throw new Error('it never ends')
    if (failed !== undefined) throw failed
    return result!.value
  }

  private command(
    service: Service,
    method: string,
    id: string,
    order: object,
    key: string | undefined,
    ms: number,
  ): Command {
    this.requests += 1
    return {
      service: `test.sim.v1.${service}`,
      method,
      payload: script(id, JSON.stringify(order)),
      metadata: noMetadata,
      idempotencyKey: key,
      deadlineMs: this.life!.now() + ms,
      hops: 0,
      requestId: `r${this.requests}`,
      effect: undefined,
      client: '127.0.0.1',
    }
  }

  private settle(call: Call, fate: Fate): void {
    this.calls.delete(call)
    if (call.fate.kind !== 'waiting') return
    call.fate = fate
    call.toldMs = this.nowMs
    this.tell('answer', JSON.stringify(fate))
  }

  private tell(what: string, bytes: Uint8Array | string): void {
    this.digest.update(`${what} ${bytes.length} `).update(bytes)
  }

  private logged(line: string): void {
    const { msg, err } = JSON.parse(line) as { msg: string; err?: { message: string } }
    if (!guests.has(msg) && !/input\/output error/.test(line)) this.bugs.push(`${msg}: ${err?.message ?? ''}`)
  }
}

function fateOf(answer: Answer): Fate {
  if (answer.kind === 'reply') return { kind: 'said', text: said(answer.payload) }
  if (answer.kind === 'refusal') return { kind: 'refused' }
  return { kind: 'unknown', why: answer.error.code }
}
