// Client: calls of unary methods over one WebSocket, with many in flight, on which no command is lost and none is done twice.
//
// K1. Each command has an idempotency key: the caller's, or one of its own. After a connection was lost, what has no answer is sent again with its key,
//     in its order, as soon as there is another connection.
// K2. A command without a key, which the caller must ask for, is sent once: it is UNAVAILABLE where the connection is lost before its answer.
// K3. No more is in flight than the host allows; what is beyond waits here, in its order.
// K4. Each command is answered once: with its reply, or with a `CallError`.
//
// Leaves to others: bytes (frames.ts), the connection and its tries (line.ts).

import { MalformedError } from '../codec/errors.ts'
import type { Init, MessageType, Method, Methods, ServiceType } from '../codec/message.ts'
import { CallError } from './error.ts'
import {
  type Answer,
  type Command,
  commandFrame,
  helloFrame,
  type MetadataEntry,
  readAnswers,
  sizeMax,
} from './frames.ts'
import { Line, type Lost } from './line.ts'
import { natives, type SocketLike } from './natives.ts'

export interface ConnectOptions {
  /** What functions see with each command: names in lower case, bytes where they end in `-bin`. */
  readonly metadata?: readonly MetadataEntry[]
  /** Commands fail with UNAVAILABLE when there was no connection for so long. In milliseconds; 60,000 if left out. */
  readonly patienceMs?: number
  /** For where there is no global `WebSocket`. */
  readonly webSocket?: new (
    url: string,
  ) => SocketLike
}

export interface CallOptions {
  /** Makes the command safe to repeat; a fresh one if left out. `null`: none, so it is not sent again. */
  readonly key?: string | null
  /** How long the answer may take, in milliseconds. If left out the host decides, once it has the command. */
  readonly deadlineMs?: number
}

/** The unary methods of a service. */
export type Calls<M extends Methods> = {
  readonly [K in keyof M as M[K]['shape'] extends 'unary' ? K : never]: M[K] extends Method<
    infer Request,
    infer Reply,
    'unary'
  >
    ? (request?: Init<Request>, options?: CallOptions) => Promise<Reply>
    : never
}

/** `url`: of the service port, `http://localhost:8080` or `wss://shop.example`; without a path it is `/v1/commands`. */
export function connect(url: string, options: ConnectOptions = {}): Client {
  return new Client(url, options)
}

interface Waiting extends Command {
  readonly resolve: (reply: Uint8Array | string) => void
  readonly reject: (error: CallError) => void
  /** Milliseconds since 1970; 0: none. */
  readonly dueMs: number
  timer: unknown
  /** It was told; its answer, if one is still to come, is nobody's. */
  settled: boolean
  /** The frame that it is in, on the connection of now. */
  frame: { readonly bytes: number; left: number } | undefined
}

/** A frame is begun anew past so many bytes: small ones let the host begin early. */
const frameBytes = 64 * 1024
const idMax = 0x7fffffff

export class Client {
  private readonly line: Line
  private readonly prefix = randomText()
  private made = 0
  private lastId = 0
  /** Not sent on the connection of now; in order. */
  private queue: Waiting[] = []
  private readonly sent = new Map<number, Waiting>()
  private bytes = 0
  private commandsMax = 0
  private bytesMax = 0
  private armed = false
  private fatal: CallError | undefined
  private idle: (() => void)[] = []

  /** @internal */
  constructor(url: string, { metadata = [], patienceMs = 60_000, webSocket = natives.WebSocket }: ConnectOptions) {
    if (webSocket === undefined) throw new Error('there is no global WebSocket here; give one as the option webSocket')
    this.line = new Line(urlOf(url), webSocket, patienceMs, {
      opened: () => this.line.send(helloFrame(metadata)),
      message: (bytes) => this.came(bytes),
      lost: (lost) => this.lost(lost),
      impatient: (reason) => this.impatient(reason),
    })
  }

  /** Typed calls of a service of generated code. */
  of<M extends Methods>(service: ServiceType<M>): Calls<M> {
    const calls: Record<string, (request?: Init<object>, options?: CallOptions) => Promise<object>> = {}
    for (const [name, { name: method, request, reply, shape }] of Object.entries(service.methods)) {
      if (shape !== 'unary') continue
      const { encode } = request as MessageType<object>
      calls[name] = async (init, options) =>
        reply.decode(await this.call(service.typeName, method, encode(request(init)), options))
    }
    return calls as Calls<M>
  }

  /** Bytes of the request's message to bytes of the reply's. @throws CallError */
  call(service: string, method: string, payload: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    return this.add(service, method, payload, options) as Promise<Uint8Array>
  }

  /** The same in JSON: proto3 JSON as over HTTP. @throws CallError */
  async callJson(service: string, method: string, json: unknown, options?: CallOptions): Promise<unknown> {
    return JSON.parse((await this.add(service, method, JSON.stringify(json), options)) as string)
  }

  /** Resolves when all commands are answered, and the connection is closed. No more are taken. */
  async close(): Promise<void> {
    this.fatal ??= new CallError('CANCELLED', 'the client was closed')
    while (this.queue.length > 0 || this.sent.size > 0) await new Promise<void>((resolve) => this.idle.push(resolve))
    this.line.close()
  }

  /** At once: commands without an answer are CANCELLED, and may have been done. */
  destroy(): void {
    this.end(new CallError('CANCELLED', 'the client was closed before the answer; the command may have been done'))
  }

  private add(
    service: string,
    method: string,
    payload: Uint8Array | string,
    { key, deadlineMs }: CallOptions = {},
  ): Promise<Uint8Array | string> {
    if (this.fatal !== undefined) return Promise.reject(this.fatal)
    return new Promise((resolve, reject) => {
      const command: Waiting = {
        ...{ id: 0, service, method, payload, resolve, reject },
        key: key === null ? undefined : (key ?? `${this.prefix}-${++this.made}`),
        dueMs: deadlineMs === undefined ? 0 : Date.now() + deadlineMs,
        timer: undefined,
        settled: false,
        frame: undefined,
      }
      if (deadlineMs !== undefined) command.timer = natives.setTimeout(() => this.expire(command), deadlineMs)
      this.queue.push(command)
      this.line.wake()
      this.arm()
    })
  }

  /** Commands of one turn of the loop go together. */
  private arm(): void {
    if (this.armed) return
    this.armed = true
    void Promise.resolve().then(() => {
      this.armed = false
      this.flush()
    })
  }

  private flush(): void {
    let from = 0
    let frame: Waiting[] = []
    let size = 0
    for (; this.commandsMax > 0 && from < this.queue.length; from++) {
      const next = this.queue[from]!
      if (next.settled) continue
      const most = sizeMax(next)
      if (frame.length > 0 && size + most > frameBytes) {
        this.sendFrame(frame)
        frame = []
        size = 0
      }
      if (most > this.bytesMax) {
        const message = `the request may have more bytes than the host takes on one connection (${this.bytesMax})`
        this.settle(next, undefined, new CallError('RESOURCE_EXHAUSTED', message))
        continue
      }
      if (this.sent.size + frame.length >= this.commandsMax || this.bytes + size + most > this.bytesMax) break
      frame.push(next)
      size += most
    }
    if (frame.length > 0) this.sendFrame(frame)
    if (from > 0) this.queue = this.queue.slice(from)
    this.rest()
  }

  private sendFrame(commands: readonly Waiting[]): void {
    for (const command of commands) command.id = this.freeId()
    const now = Date.now()
    const bytes = commandFrame(commands, (command) => {
      const { dueMs } = command as Waiting
      return dueMs === 0 ? 0 : Math.max(1, dueMs - now)
    })
    const frame = { bytes: bytes.length, left: commands.length }
    this.bytes += bytes.length
    for (const command of commands) {
      command.frame = frame
      this.sent.set(command.id, command)
    }
    this.line.send(bytes)
  }

  private freeId(): number {
    do this.lastId = this.lastId >= idMax ? 1 : this.lastId + 1
    while (this.sent.has(this.lastId))
    return this.lastId
  }

  private came(bytes: Uint8Array): void {
    let read: ReturnType<typeof readAnswers>
    try {
      read = readAnswers(bytes)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.end(new CallError('INTERNAL', `what came from the host is no frame of answers: ${error.message}`))
      return
    }
    if (read.welcome !== undefined) {
      this.commandsMax = read.welcome.commandsMax
      this.bytesMax = read.welcome.bytesMax
      this.line.welcomed()
    }
    for (const answer of read.answers) this.answered(answer)
    this.flush()
  }

  private answered({ id, reply, error }: Answer): void {
    const command = this.sent.get(id)
    if (command === undefined) return
    this.sent.delete(id)
    const frame = command.frame!
    frame.left -= 1
    if (frame.left === 0) this.bytes -= frame.bytes
    this.settle(command, reply, error)
  }

  private settle(command: Waiting, reply: Uint8Array | string | undefined, error: CallError | undefined): void {
    if (command.settled) return
    command.settled = true
    if (command.timer !== undefined) natives.clearTimeout(command.timer)
    if (error === undefined) command.resolve(reply!)
    else command.reject(error)
  }

  /** The host tells most deadlines; this is for when there is none to do so. */
  private expire(command: Waiting): void {
    const message = 'no answer before the deadline; the command may have been done'
    this.settle(command, undefined, new CallError('DEADLINE_EXCEEDED', message))
  }

  /** K1. */
  private lost({ fatal }: Lost): void {
    const again: Waiting[] = []
    for (const command of this.sent.values()) {
      if (command.settled) continue
      if (command.key !== undefined) again.push(command)
      else
        this.settle(
          command,
          undefined,
          new CallError('UNAVAILABLE', 'the connection was lost, and the command has no key: it may have been done'),
        )
    }
    this.sent.clear()
    this.bytes = 0
    this.commandsMax = 0
    this.queue = [...again, ...this.queue]
    if (fatal !== undefined) this.end(fatal)
    this.rest()
  }

  private impatient(reason: string): void {
    const message = `${reason}; a command that was sent may have been done`
    for (const command of this.queue.splice(0)) this.settle(command, undefined, new CallError('UNAVAILABLE', message))
    this.rest()
  }

  private end(error: CallError): void {
    this.fatal = error
    this.line.close()
    for (const command of [...this.sent.values(), ...this.queue]) this.settle(command, undefined, error)
    this.sent.clear()
    this.queue = []
    this.rest()
  }

  private rest(): void {
    if (this.queue.length === 0 && this.sent.size === 0) for (const resolve of this.idle.splice(0)) resolve()
  }
}

function urlOf(given: string): string {
  const url = new natives.URL(/^[a-z]+:\/\//i.test(given) ? given : `http://${given}`)
  url.protocol = /^(https|wss):$/.test(url.protocol) ? 'wss:' : 'ws:'
  if (url.pathname === '/') url.pathname = '/v1/commands'
  return url.href
}

/** Nobody can guess it: who knows the key of a command gets its answer. */
function randomText(): string {
  const bytes = natives.crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
