// WebSocket: streams of pipelined commands for browsers, at `/v1/commands`. A binary message is a frame, a text message its JSON form.
//
// W1. An upgrade is refused with 403 where a web page asks for it that may not (origin.ts); with 503 while the host takes no calls, with 429 where
//     no place for a stream is left.
// W2. A message has at most `messageBytesMax`; what came of one is counted, and ends after `requestMs` if it is never whole.
// W3. A client that does not read its answers is not read from. What it has not read counts among its bytes in flight, and it is cut where those
//     find no room.
// W4. The close code says how it ended: 1007 a frame that is none, 1008 a client beyond its credits, 1001 the host stops, 1013 no room, 1009 too
//     long, 1011 a failure of the host. The reason is the code of google.rpc and the message, as far as 123 bytes hold it.
// W5. One ping and one pong are on their way at most. Who is silent is asked now and then, since proxies cut connections that say nothing.
//
// Owns: messages of a WebSocket.   ws owns: its protocol.   commands/pipe.ts owns: the commands.

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { WebSocket, WebSocketServer } from 'ws'
import { grpcCodeNames, InnkeeperError, wire } from '../../errors.ts'
import type { Flow } from '../../in-flight.ts'
import { keepable } from '../../keepable.ts'
import { Writer } from '../../written.ts'
import type { Pipe, PipeWire } from '../commands/pipe.ts'
import { commandsService, type Pipes } from '../commands/pipes.ts'
import { defaultPace } from '../exchange.ts'
import { jsonType } from './body.ts'
import { mayOpen } from './origin.ts'
import { errorToHttp } from './status.ts'
import { MessageMeter } from './websocket-meter.ts'

const commandsPath = '/v1/commands'

export class WebSockets {
  private readonly pipes: Pipes
  private readonly bound: string
  private server: Promise<WebSocketServer> | undefined

  /** `bound`: the host name or address that the port was bound to. */
  constructor(pipes: Pipes, bound: string) {
    this.pipes = pipes
    this.bound = bound
  }

  /** Everything else is a request like any other. */
  wants({ url, headers }: IncomingMessage): boolean {
    return headers.upgrade?.toLowerCase() === 'websocket' && url?.split('?', 1)[0] === commandsPath
  }

  take(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { door, context } = this.pipes
    const requestId = door.requestId(request.headers['x-request-id'])
    try {
      // Only a Node that asks nobody which upgrades are wanted (before 22.21) comes here with others.
      if (!this.wants(request))
        throw new InnkeeperError('unknown_path', 'only /v1/commands can be upgraded, to a WebSocket')
      mayOpen(request.headers, context.corsOrigins ?? [], this.bound)
      door.checkReady()
      const { client } = context.inFlight.of(socket)
      const leave = door.enter(commandsService, client)
      socket.once('close', leave)
      this.server ??= load(context.limits.messageBytesMax)
      void this.server.then((server) => {
        if (socket.destroyed) return
        // What it refuses itself it answers itself.
        server.handleUpgrade(
          request,
          socket,
          head,
          (opened) => new CommandSocket(this.pipes, opened, socket, requestId),
        )
      })
    } catch (thrown) {
      refuse(socket, door.failure(thrown, requestId), requestId)
    }
  }
}

/** How long a client has to read on and to close its side. */
const closeMs = 2_000

/** With the first client: a host of unary calls does without. */
async function load(maxPayload: number): Promise<WebSocketServer> {
  const { WebSocketServer } = await import('ws')
  // Its types do not know `closeTimeout` yet.
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    closeTimeout: closeMs,
    maxPayload,
  }
  return new WebSocketServer(options)
}

class CommandSocket implements PipeWire {
  private readonly opened: WebSocket
  /** Of what is incomplete, and of what is not read. */
  private readonly flow: Flow
  private readonly writer: Writer
  private readonly pipe: Pipe
  private readonly heartbeat: NodeJS.Timeout
  private readonly meter = new MessageMeter()
  private text = false
  private said = false
  private pinging = false
  private ponging = false

  constructor(pipes: Pipes, opened: WebSocket, socket: Socket, requestId: string) {
    this.opened = opened
    const connection = pipes.context.inFlight.of(socket)
    this.flow = connection.begin((error) => this.pipe.fail(error))
    this.writer = new Writer({ write: (chunk, taken) => this.write(chunk, taken) }, this.flow, () => opened.resume())
    const { client } = connection
    this.pipe = pipes.begin({ wire: this, requestId, client, begin: (cut) => connection.begin(cut) })
    opened.on('message', (message: Buffer, binary) => this.pipe.came(keepable(message), !binary))
    opened.on('ping', (data) => this.pong(data))
    // What is no WebSocket is told to the client by `ws`, and is the end.
    opened.on('error', () => {})
    opened.on('close', () => this.closed())
    socket.on('data', (chunk: Buffer) => this.came(chunk))
    this.heartbeat = setInterval(() => this.ping(), (pipes.context.pace ?? defaultPace).heartbeatMs)
    this.heartbeat.unref()
  }

  send(answers: Uint8Array, text: boolean): void {
    this.text = text
    this.writer.write(answers)
    if (!this.writer.ready) this.opened.pause()
  }

  end(error: InnkeeperError | undefined): void {
    const { opened } = this
    // Reads the answer to the close, and drops all else.
    opened.resume()
    if (error === undefined) opened.close(closeCodes.normal)
    else if (this.writer.ready) opened.close(closeCode(error), reason(error))
    // It reads nothing.
    else opened.terminate()
  }

  private write(answers: string | Uint8Array, taken: (error?: Error | null) => void): void {
    this.said = true
    this.opened.send(answers, { binary: !this.text }, taken)
  }

  private came(chunk: Buffer): void {
    this.flow.holds(this.meter.came(chunk))
  }

  private closed(): void {
    clearInterval(this.heartbeat)
    this.pipe.gone()
    this.flow.close()
  }

  private ping(): void {
    if (!this.said && !this.pinging) {
      this.pinging = true
      this.opened.ping(undefined, false, () => {
        this.pinging = false
      })
    }
    this.said = false
  }

  private pong(data: Buffer): void {
    if (this.ponging) return
    this.ponging = true
    this.opened.pong(data, false, () => {
      this.ponging = false
    })
  }
}

/** Of RFC 6455 and its registry. */
const closeCodes = {
  normal: 1000,
  away: 1001,
  malformed: 1007,
  policy: 1008,
  tooLong: 1009,
  failure: 1011,
  later: 1013,
} as const

function closeCode({ code }: InnkeeperError): number {
  if (code === 'bad_request') return closeCodes.malformed
  if (code === 'message_too_large') return closeCodes.tooLong
  if (code === 'pipeline_exceeded' || code === 'metadata_too_large') return closeCodes.policy
  if (code === 'stopping') return closeCodes.away
  return wire[code].source === 'host' && code !== 'internal' ? closeCodes.later : closeCodes.failure
}

const reasonBytesMax = 123

function reason({ code, message }: InnkeeperError): string {
  const text = `${grpcCodeNames[wire[code].grpc]}: ${message}`
  if (Buffer.byteLength(text) <= reasonBytesMax) return text
  const cut = Buffer.from(text).subarray(0, reasonBytesMax - 3)
  return `${cut.toString('utf8').replace(/\uFFFD$/, '')}…`
}

function refuse(socket: Socket, error: InnkeeperError, requestId: string): void {
  const { status, body } = errorToHttp(error)
  const retry = error.retryAfterSeconds === undefined ? [] : [`retry-after: ${error.retryAfterSeconds}`]
  const head = [
    `HTTP/1.1 ${status} ${statusText(status)}`,
    `content-type: ${jsonType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    ...retry,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function statusText(status: number): string {
  return process.getBuiltinModule('node:http').STATUS_CODES[status] ?? ''
}
