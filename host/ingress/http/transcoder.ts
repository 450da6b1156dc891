// Transcoder: JSON becomes messages, and messages JSON: what is short at once, what is long in a thread of its own, so that the loop is held by
// neither.
//
// T1. What is made at once holds the loop for a few milliseconds at most: bodies and messages of `soonBytesMax`, and of those only what takes
//     `soonStepsMax` (to-json.O5).
// T2. The thread has one job at a time. Services with jobs take turns, in the order of asking among those of one service.
// T3. Jobs that wait have at most `waitingBytesMax`; a request beyond is refused. An answer always gets in: what it tells has happened. It
//     counts among its client's bytes in flight, and goes when its client does, or is cut.
// T4. A job that takes too long, or too much memory, ends the thread and fails alone. The next one gets a fresh thread; so does the first after
//     services changed, since a thread knows the schemas that it was told.
// T5. An answer that many clients are given alike becomes JSON once for all of them.
//
// Owns: the thread.   request-json.ts, body.ts own: what is made.   in-order.ts owns: that nobody overtakes.

import { Worker } from 'node:worker_threads'
import { InnkeeperError } from '../../errors.ts'
import type { MessageType, Schema } from '../../schema/schema.ts'
import { WireError } from '../../schema/wire.ts'
import { soonBytesMax, soonStepsMax } from '../../transcode/soon.ts'
import { TextTooLong, toJson } from '../../transcode/to-json.ts'
import { replyJson } from './body.ts'
import { checkedText, requestMessage, type Said } from './request-json.ts'
import type { ServedRoute } from './routes.ts'
import type { Answer, Task } from './transcode-thread.ts'

const jobMs = 20_000
const heapMegabytes = 512

/** What the thread needs of a job's schema goes before it. */
type Asked = Extract<Task, { schema: number }>
type Question = Asked extends infer T ? (T extends Asked ? Omit<T, 'schema'> : never) : never

interface Shared {
  readonly route: ServedRoute
  readonly json: string | Promise<Uint8Array>
}

interface Job {
  readonly schema: Schema
  readonly question: Question
  readonly bytes: number
  readonly resolve: (made: Uint8Array) => void
  readonly reject: (error: Error) => void
}

class Thread {
  readonly worker: Worker
  readonly known = new Map<Schema, number>()

  constructor() {
    this.worker = new Worker(new URL('./transcode-thread.ts', import.meta.url), {
      execArgv: ['--no-warnings'],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    })
  }
}

export class Transcoder {
  private readonly waitingBytesMax: number
  /** By service; the first is next. */
  private readonly jobs = new Map<string, Job[]>()
  /** What answers that many are given became (T5), as long as there is the answer. */
  private readonly shared = new WeakMap<Uint8Array, Shared>()
  private bytes = 0
  private thread: Thread | undefined
  private running: Job | undefined
  private timer: NodeJS.Timeout | undefined
  private stale = false
  private closed = false

  constructor(waitingBytesMax: number) {
    this.waitingBytesMax = waitingBytesMax
  }

  /** A request's message. @throws InnkeeperError `bad_request`, `overloaded`; or rejects with it */
  request(route: ServedRoute, said: Said): Uint8Array | Promise<Uint8Array> {
    const { target, httpMethod, path, method } = route
    const size = said.body?.length ?? 0
    if (size <= soonBytesMax) return requestMessage(target.schema, route, said)
    if (this.bytes + size > this.waitingBytesMax)
      throw new InnkeeperError('overloaded', `${this.bytes} bytes of JSON wait to be read; try again later`)
    const rule = { service: target.name, method: method.name, httpMethod, path }
    return this.ask(
      target.name,
      target.schema,
      { kind: 'request', rule, said: { ...said, body: own(said.body!) } },
      size,
    )
  }

  /** A reply's JSON, or that of its field that answers. `unwanted` is asked for where it takes longer: what aborts it, and with which error.
   *  @throws WireError if it is not its message; or rejects with it */
  reply(
    route: ServedRoute,
    payload: Uint8Array,
    unwanted: () => AbortSignal | undefined,
  ): string | Promise<Uint8Array> {
    const { target, httpMethod, path, method } = route
    const soon = attempt(payload, () => replyJson(target.schema, route, payload, soonStepsMax))
    if (soon !== undefined) return soon
    const rule = { service: target.name, method: method.name, httpMethod, path }
    const question = { kind: 'reply', rule, payload: own(payload) } as const
    return this.ask(target.name, target.schema, question, payload.length, unwanted())
  }

  /** As `reply`, of an answer that others are given, too: it is made to the end, whoever of them leaves.
   *  @throws WireError if it is not its message; or rejects with it */
  sharedReply(route: ServedRoute, payload: Uint8Array): string | Promise<Uint8Array> {
    const known = this.shared.get(payload)
    if (known?.route === route) return known.json
    const json = this.reply(route, payload, () => undefined)
    this.shared.set(payload, { route, json })
    // Another client tries again.
    if (typeof json !== 'string') json.catch(() => this.shared.delete(payload))
    return json
  }

  /** A message's JSON. @throws WireError if it is not that message; or rejects with it */
  message(service: string, schema: Schema, type: MessageType, payload: Uint8Array): string | Promise<Uint8Array> {
    const soon = attempt(payload, () => toJson(schema, type, payload, soonStepsMax))
    if (soon !== undefined) return soon
    return this.ask(service, schema, { kind: 'message', type: type.fullName, payload: own(payload) }, payload.length)
  }

  /** Bytes that are JSON in UTF-8 already, once that is sure. @throws Error if they are not; or rejects with it */
  text(service: string, schema: Schema, payload: Uint8Array): string | Promise<Uint8Array> {
    if (payload.length <= soonBytesMax) return checkedText(payload)
    return this.ask(service, schema, { kind: 'text', payload: own(payload) }, payload.length)
  }

  /** Services changed. */
  switched(): void {
    this.stale = true
    this.retire()
  }

  close(): void {
    this.closed = true
    for (const job of [...this.jobs.values()].flat()) job.reject(stopping())
    this.jobs.clear()
    this.running?.reject(stopping())
    this.end()
  }

  private ask(
    service: string,
    schema: Schema,
    question: Question,
    bytes: number,
    unwanted?: AbortSignal,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.closed) throw stopping()
      unwanted?.throwIfAborted()
      this.bytes += bytes
      const job = { schema, question, bytes, resolve, reject }
      unwanted?.addEventListener('abort', () => this.drop(service, job, unwanted.reason as Error))
      const waiting = this.jobs.get(service)
      if (waiting === undefined) this.jobs.set(service, [job])
      else waiting.push(job)
      this.next()
    })
  }

  /** Nobody wants it any more. One that is being made ends by itself. */
  private drop(service: string, job: Job, why: Error): void {
    const waiting = this.jobs.get(service)
    const at = waiting?.indexOf(job) ?? -1
    if (at === -1) return
    waiting!.splice(at, 1)
    if (waiting!.length === 0) this.jobs.delete(service)
    this.bytes -= job.bytes
    job.reject(why)
  }

  private next(): void {
    if (this.running !== undefined) return
    this.retire()
    const [first] = this.jobs
    if (first === undefined) return
    const [service, waiting] = first
    const job = waiting.shift()!
    this.jobs.delete(service)
    if (waiting.length > 0) this.jobs.set(service, waiting)
    this.running = job
    this.start(job)
  }

  private start({ schema, question }: Job): void {
    this.thread ??= this.begin()
    const { worker, known } = this.thread
    let id = known.get(schema)
    if (id === undefined) {
      id = known.size
      known.set(schema, id)
      const files = [...schema.files.values()].map(({ bytes }) => bytes)
      worker.postMessage({ kind: 'schema', id, files } satisfies Task)
    }
    const moved = question.kind === 'request' ? question.said.body! : question.payload
    worker.postMessage({ ...question, schema: id } satisfies Task, [moved.buffer as ArrayBuffer])
    this.timer = setTimeout(() => this.failed(new Error(`a message was not made in ${jobMs} ms`)), jobMs)
  }

  private begin(): Thread {
    this.stale = false
    const thread = new Thread()
    thread.worker.on('message', (answer: Answer) => {
      if (thread === this.thread) this.done((job) => settle(job, answer))
    })
    thread.worker.on('error', (error) => {
      if (thread === this.thread) this.failed(error)
    })
    thread.worker.on('exit', () => {
      if (thread === this.thread) this.failed(new Error('the thread that makes messages has ended'))
    })
    // After the listeners, which would hold the process again.
    thread.worker.unref()
    return thread
  }

  private failed(error: Error): void {
    this.end()
    this.done(({ reject }) => reject(error))
  }

  private done(tell: (job: Job) => void): void {
    clearTimeout(this.timer)
    const job = this.running
    this.running = undefined
    if (job === undefined) return
    this.bytes -= job.bytes
    tell(job)
    this.next()
  }

  private retire(): void {
    if (this.stale && this.running === undefined) this.end()
  }

  private end(): void {
    clearTimeout(this.timer)
    const { thread } = this
    this.thread = undefined
    void thread?.worker.terminate()
  }
}

/** Made at once, or `undefined` where that takes too long. */
function attempt(payload: Uint8Array, make: () => string): string | undefined {
  if (payload.length > soonBytesMax) return undefined
  try {
    return make()
  } catch (error) {
    if (error instanceof TextTooLong) return undefined
    throw error
  }
}

/** Bytes that may be moved to another thread: others hold what these are part of. */
function own(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

function settle({ resolve, reject }: Job, answer: Answer): void {
  if (answer.kind === 'made') resolve(answer.bytes)
  else if (answer.kind === 'refused') reject(new InnkeeperError('bad_request', answer.message))
  else if (answer.kind === 'malformed') reject(new WireError(answer.message, 0))
  else reject(new Error(answer.message))
}

function stopping(): InnkeeperError {
  return new InnkeeperError('stopping', 'the host is stopping; try again')
}
