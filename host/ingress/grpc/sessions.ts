// gRPC sessions: what grpc-js does with HTTP/2 out of sight: connections, streams, and the bytes that it keeps of them.
//
// G1. Each HTTP/2 stream is a flow (in-flight.ts): what it takes to keep it, its headers, what came of messages that the host has not taken, and
//     what was written and the client has not taken. Each piece that is kept, and each message, counts for `pieceBytes` more than it has.
// G2. A compressed message counts for what may become of it: grpc-js inflates as soon as it is whole, and goes on when the stream has ended, so
//     it counts for a while after that.
// G3. It is incomplete until the host has it: a call with one request until the client half-closes.
// G4. A piece that is a small part of what was read from the socket is copied: it would keep all of that.
// G5. A stream that is cut ends with RESOURCE_EXHAUSTED, or is reset with ENHANCE_YOUR_CALM, which gRPC reads as that, once headers are out.
// G6. What is refused early (early.ts) is answered by its status alone, and grpc-js never hears of it; nor does it of what is no gRPC
//     (over-http2.ts).
//
// grpc-js shows no HTTP/2 stream to its users. So this looks at three places that are its own: how it makes its HTTP/2 server, and the stream of a call,
// both checked here; and Node's `push` and `write` of a stream, where every byte goes by (decision 0027).
//
// Owns: those places.   in-flight.ts owns: the count.

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import http2 from 'node:http2'
import type { Server as NetServer, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Server as GrpcServer } from '@grpc/grpc-js'
import { ServerCredentials } from '@grpc/grpc-js'
import { InnkeeperError, wire } from '../../errors.ts'
import type { Connection, Flow, InFlight } from '../../in-flight.ts'
import { keepable } from '../../keepable.ts'
import type { Door } from '../door.ts'
import type { Handle } from '../http/over-http2.ts'
import { handleOverHttp2, protocolOf } from '../http/over-http2.ts'

/** What an open stream takes, without its headers. */
const streamBytes = 4_096
const pieceBytes = 256
const headerBytes = 5
/** What deflate makes of a byte, at most. */
const inflationMax = 1_032

/** Longer than inflating all that may be in flight takes. */
const inflatingMs = 1_000
/** How long a client has to read why its stream was cut. */
const lastWordMs = 100

const flowKey = Symbol('flow')
type Counted = ServerHttp2Stream & { [flowKey]?: GrpcFlow }
/** Of Node's HTTP/2 server. */
type StreamEvent = [stream: Counted, headers: IncomingHttpHeaders, flags: number, raw: readonly string[]]

interface Sessions {
  /** A connection that speaks HTTP/2. */
  take(socket: Socket): void
  /** Takes no more calls, and ends what is left after so long. */
  drain(waitMs: number): void
  destroy(): void
}

interface SessionsParts {
  /** Takes requests that are not gRPC. */
  readonly web: Handle
  readonly server: GrpcServer
  readonly inFlight: InFlight
  readonly messageBytesMax: number
  /** Knows calls for which there is no room before grpc-js hears of them (G6). */
  readonly door: Pick<Door, 'earlyRefusal' | 'requestId' | 'turnedAway'>
}

export function createSessions({ server, inFlight, door, web, ...parts }: SessionsParts): Sessions {
  const { made, injector } = http2Of(server)
  const connections = new WeakMap<ServerHttp2Session, Connection>()
  /** Node makes a session while the socket is handed over. */
  let current: Socket | undefined
  made.on('session', (session: ServerHttp2Session) => {
    if (current === undefined) throw changed()
    connections.set(session, inFlight.of(current))
  })
  // A stream may be told of when its connection is gone.
  const gone = inFlight.of({})
  gone.close()
  const connectionOf = ({ session }: ServerHttp2Stream) =>
    session === undefined ? gone : connections.get(session as ServerHttp2Session)!
  const seen = (...[stream, headers, , raw]: StreamEvent) => {
    const encoding = headers['grpc-encoding'] ?? 'identity'
    const connection = connectionOf(stream)
    const flow = new GrpcFlow(stream, connection, {
      baseBytes: streamBytes + lengthOf(raw),
      messageBytesMax: parts.messageBytesMax,
      inflates: encoding !== 'identity',
    })
    stream[flowKey] = flow
    // What came together with the headers is in the stream already. Nobody listens yet who would hear of its being read.
    const early = stream.readableLength > 0 ? (stream.read() as Buffer | null) : null
    if (early !== null) {
      const piece = flow.came(early)
      if (flow.passes()) stream.unshift(piece)
    }
    stream.push = countedPush
    stream.write = countedWrite
    stream.once('close', flow.close)
  }
  const begins = made.listeners('stream') as ((...event: StreamEvent) => void)[]
  if (begins.length === 0) throw changed()
  made.removeAllListeners('stream')
  made.on('stream', (...event: StreamEvent) => {
    const [stream, headers, , raw] = event
    const protocol = protocolOf(headers)
    if (protocol === 'http') {
      handleOverHttp2(web, inFlight, connectionOf(stream), stream, headers, raw)
      return
    }
    seen(...event)
    const flow = stream[flowKey]!
    if (protocol === 'other') {
      const type = String(headers['content-type']).slice(0, 100)
      flow.refuse(unsupported(type), door.requestId(headers['x-request-id']))
      return
    }
    const refusal = door.earlyRefusal(headers[':path'] ?? '', flow.client)
    if (refusal === undefined) {
      for (const begin of begins) begin.apply(made, event)
      return
    }
    flow.refuse(refusal.error, door.requestId(headers['x-request-id']))
    flow.whenClosed(() => door.turnedAway(refusal, flow.cameMs))
  })
  return {
    take(socket) {
      current = socket
      injector.injectConnection(socket)
      current = undefined
    },
    drain: (waitMs) => injector.drain(waitMs),
    destroy: () => injector.destroy(),
  }
}

/** grpc-js' HTTP/2 server, as it is made. */
function http2Of(server: GrpcServer) {
  let made: NetServer | undefined
  const inside = server as unknown as { createHttp2Server(credentials: ServerCredentials): NetServer }
  const create = inside.createHttp2Server?.bind(server)
  if (create === undefined) throw changed()
  inside.createHttp2Server = (credentials) => {
    made = create(credentials)
    return made
  }
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  if (made === undefined) throw changed()
  return { made: made as NetServer, injector }
}

/** Of a call of grpc-js' surface. */
export function flowOf(call: object): GrpcFlow {
  const flow = (call as { readonly call?: { readonly stream?: Counted } }).call?.stream?.[flowKey]
  if (flow === undefined) throw changed()
  return flow
}

export class GrpcFlow {
  /** When the last byte of it came, of `performance.now()`. */
  cameMs = performance.now()
  private readonly stream: ServerHttp2Stream
  private readonly flow: Flow
  private readonly connection: Connection
  private readonly parts: FlowParts
  /** What pieces of the message that is coming count for. */
  private partial = 0
  /** Its bytes that are still to come; undefined: of its header some are. */
  private missing: number | undefined
  private readonly header = Buffer.alloc(headerBytes)
  private headerSize = 0
  /** What messages count for that are whole and that the host has not taken. */
  private readonly messages: number[] = []
  private waiting = 0
  /** So much of it is with grpc-js, and may become more there. */
  private inflating = 0
  /** The host has the call, and takes messages as they come. */
  private open = false
  private closed: (() => void) | undefined

  constructor(stream: ServerHttp2Stream, connection: Connection, parts: FlowParts) {
    this.stream = stream
    this.parts = parts
    this.connection = connection
    this.flow = connection.begin((error) => this.cut(error))
    this.flow.holds(parts.baseBytes)
  }

  /** Who its client is (in-flight.ts). */
  get client(): string {
    return this.connection.client
  }

  /** Counts what the host keeps of it beside its messages. */
  begin(cut: (error: InnkeeperError) => void): Flow {
    return this.connection.begin(cut)
  }

  /** Answers the piece as it is to be kept. */
  came(piece: Buffer): Buffer {
    this.cameMs = performance.now()
    if (this.flow.closed) return piece
    for (let at = 0; at < piece.length; ) {
      if (at === 0 || this.partial === 0) this.partial += pieceBytes
      if (this.missing === undefined) {
        const count = Math.min(headerBytes - this.headerSize, piece.length - at)
        piece.copy(this.header, this.headerSize, at, at + count)
        this.headerSize += count
        this.partial += count
        at += count
        if (this.headerSize < headerBytes) break
        this.missing = this.header.readUInt32BE(1)
      }
      const count = Math.min(this.missing, piece.length - at)
      this.missing -= count
      this.partial += count
      at += count
      if (this.missing === 0) this.whole()
    }
    this.hold()
    return keepable(piece)
  }

  /** What came goes on to grpc-js. */
  passes(): boolean {
    if (this.flow.closed) return false
    if (this.parts.inflates) this.inflating = this.waiting
    return true
  }

  /** The host has the call, with its one request, which is in hand until `answering`; or with messages to be taken one by one. */
  opened(request?: Buffer): void {
    this.open = true
    this.flow.inHand()
    if (request === undefined) return
    this.messages.length = 0
    this.waiting = request.length
    this.hold()
    this.flow.inHand()
  }

  /** The next message that came is with the host, which counts it itself. */
  messageTaken(): void {
    this.waiting -= this.messages.shift() ?? 0
    this.flow.inHand()
    this.hold()
  }

  /** The request of a call with one request is not needed any more. */
  answering(): void {
    this.messages.length = 0
    this.waiting = 0
    this.hold()
  }

  owes(bytes: number): void {
    this.flow.owes(bytes)
  }

  readonly close = (): void => {
    this.flow.close()
    this.leave()
    this.closed?.()
  }

  /** `then` is called when the stream has ended: its last frame was given to the socket, or its client is gone. */
  whenClosed(then: () => void): void {
    this.closed = then
  }

  private whole(): void {
    const { inflates, messageBytesMax } = this.parts
    const length = this.header.readUInt32BE(1)
    const becomes = this.header[0] === 1 && inflates ? Math.min(messageBytesMax, length * inflationMax) : length
    const cost = becomes + headerBytes + pieceBytes
    this.messages.push(cost)
    this.waiting += cost
    this.partial = 0
    this.missing = undefined
    this.headerSize = 0
  }

  private hold(): void {
    const bytes = this.partial + this.waiting
    this.flow.holds(this.parts.baseBytes + bytes)
    if (this.open && bytes === 0) this.flow.inHand()
  }

  /** What is being inflated goes on. */
  private leave(): void {
    this.connection.keep(Math.min(this.inflating, this.waiting), inflatingMs)
    this.waiting = 0
    this.inflating = 0
  }

  private cut(error: InnkeeperError): void {
    const { stream } = this
    this.leave()
    if (stream.destroyed || stream.closed) return
    if (stream.headersSent) {
      stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
      return
    }
    this.say(error)
  }

  /** There is no room for the call: nobody else has it. */
  refuse(error: InnkeeperError, requestId: string): void {
    const { stream } = this
    stream.on('error', () => {})
    // What is still to come of it is read, and dropped.
    stream.resume()
    // By HTTP's status where it is no gRPC that anybody here speaks.
    const status = error.code === 'unspoken_protocol' ? wire[error.code].http : 200
    this.say(error, { ':status': status, 'x-request-id': requestId })
  }

  /** A status, and nothing else. */
  private say(error: InnkeeperError, more: OutgoingHttpHeaders = {}): void {
    const { stream } = this
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc+proto',
        'grpc-status': String(wire[error.code].grpc),
        'grpc-message': encodeURI(error.message),
        ...more,
      },
      { endStream: true },
    )
    // Its client reads that and ends it. What comes of a stream that was reset counts as a fault of the connection.
    setTimeout(() => stream.close(http2.constants.NGHTTP2_NO_ERROR), lastWordMs).unref()
  }
}

interface FlowParts {
  readonly baseBytes: number
  readonly messageBytesMax: number
  /** A message may be compressed. */
  readonly inflates: boolean
}

function countedPush(this: Counted, chunk: Buffer | null, encoding?: BufferEncoding): boolean {
  if (chunk === null) return Duplex.prototype.push.call(this, null)
  const flow = this[flowKey]!
  const piece = flow.came(chunk)
  // Nobody needs what comes of a stream that was cut.
  return !flow.passes() || Duplex.prototype.push.call(this, piece, encoding)
}

type Written = (error?: Error | null) => void

function countedWrite(this: Counted, chunk: Buffer, encoding?: BufferEncoding | Written, written?: Written): boolean {
  const flow = this[flowKey]!
  const { length } = chunk
  flow.owes(length)
  const then = typeof encoding === 'function' ? encoding : written
  return Duplex.prototype.write.call(this, chunk, 'utf8', (error?: Error | null) => {
    flow.owes(-length)
    then?.(error)
  })
}

function lengthOf(raw: readonly string[]): number {
  let length = 0
  for (const text of raw) length += text.length
  return length
}

function unsupported(type: string): InnkeeperError {
  return new InnkeeperError(
    'unspoken_protocol',
    `content-type ${type} is not supported; send protobuf as application/grpc`,
  )
}

function changed(): Error {
  return new Error('grpc-js keeps its HTTP/2 streams elsewhere than host/ingress/grpc/sessions.ts looks for them')
}
