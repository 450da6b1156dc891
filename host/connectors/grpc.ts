// gRPC: one unary call to a provider over HTTP/2, and its answer as it came.
//
// G1. One connection for each grant, made when it is needed, to an address that was checked. No proxy of the environment, no service configuration of
//     a name: nothing but this file decides where it goes.
// G2. One time limit is over all phases, as in http.H1, and nothing grows with what a server sends (http.H2): headers, frames that say nothing,
//     messages and settings have bounds.
// G3. Not begun is what no byte of left the host, and what the server says that it has not looked at: streams above the last one of a GOAWAY, and
//     REFUSED_STREAM.
// G4. A connection on which a call was not answered in time gets no new calls.
// G5. Compressed messages are not asked for, and refused.
//
// Owns: the connection, streams, frames of gRPC.   connectors.ts owns: what the answer means.

import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import http2 from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import { Growing } from '../growing.ts'
import type { AddressRule } from './address.ts'
import { AddressRefused, bare, literalProblem, type Names } from './names.ts'
import type { CodeName } from './statuses.ts'
import { type TryFailed, wordsOf } from './try.ts'

interface GrpcRequest {
  /** As in `/payments.v1.Payments/Charge`. */
  readonly path: string
  readonly headers: { readonly [name: string]: string }
  readonly message: Uint8Array
  readonly timeoutMs: number
  /** Of the answer's message. */
  readonly bodyBytes: number
}

export interface GrpcAnswer {
  readonly kind: 'answered'
  /** Of the HTTP answer. */
  readonly status: number
  /** Undefined: whoever answered does not speak gRPC. */
  readonly code: number | undefined
  readonly message: string
  /** A google.rpc.Status, if the server sent one. */
  readonly details: Uint8Array | undefined
  /** Undefined: no message came. */
  readonly payload: Uint8Array | undefined
  readonly headers: IncomingHttpHeaders
}

type GrpcTried = GrpcAnswer | TryFailed

export interface LineParts {
  readonly url: URL
  readonly addresses: AddressRule
  readonly ca: string | undefined
  readonly names: Names
  readonly clock: Pick<Clock, 'after' | 'soon'>
}

const headerPairsMax = 64
const headerBytesMax = 16 * 1024
/** Mebibytes that a connection may take. */
const sessionMemory = 8
const prefixBytes = 5
const informationalMax = 16
const idleMs = 60_000

/** The connection of one grant. */
export class GrpcLine {
  private readonly parts: LineParts
  /** The one for new calls. */
  private session: Session | undefined
  /** With those that only end what is under way. */
  private readonly sessions = new Set<Session>()
  private retired = false

  constructor(parts: LineParts) {
    this.parts = parts
  }

  /** The connection ends when what is under way has ended. */
  retire(): void {
    this.retired = true
    for (const { client } of this.sessions) client.close()
  }

  close(): void {
    this.retired = true
    for (const { client } of this.sessions) client.destroy()
  }

  /** `done` is called once, and not before this has returned. */
  send(request: GrpcRequest, done: (tried: GrpcTried) => void): void {
    const { addresses, clock, url } = this.parts
    const literal = literalProblem(url.hostname, addresses)
    if (literal !== undefined) {
      clock.after(0, () => done(failedOf(literal, false)))
      return
    }
    new Stream(this.open(), this.parts, request, done)
  }

  private open(): Session {
    const known = this.session
    if (known !== undefined && !known.ended && !known.client.closed && !known.client.destroyed) return known
    const session = new Session(this.parts)
    this.session = session
    this.sessions.add(session)
    session.client.once('close', () => this.sessions.delete(session))
    if (this.retired) session.client.unref()
    return session
  }
}

class Session {
  readonly client: ClientHttp2Session
  /** The connection stands, TLS included. */
  ready = false
  /** No new stream. */
  ended = false
  /** Of a GOAWAY: later streams were not looked at. */
  lastStream: number | undefined
  failure: Error | undefined

  constructor({ url, addresses, ca, names }: LineParts) {
    const secure = url.protocol === 'https:'
    const host = bare(url.hostname)
    const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
    const lookup = names.lookupFor(addresses)
    const socket: Socket = secure
      ? connectTls({
          ...{ host, port, lookup, ALPNProtocols: ['h2'], rejectUnauthorized: true },
          ...(url.hostname.startsWith('[') || /^[\d.]+$/.test(host) ? {} : { servername: host }),
          ...(ca === undefined ? {} : { ca }),
        })
      : connect({ host, port, lookup })
    // Before the session hears of it: what it would say to a server of another protocol is not sent.
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      this.ready = !(socket instanceof TLSSocket) || socket.alpnProtocol === 'h2'
      // The session, not its socket: Node ends the process where a session is set up on a socket without a handle.
      if (!this.ready) this.client.destroy(new Error('the server does not offer HTTP/2 (h2)'))
    })
    this.client = http2.connect(url.origin, {
      createConnection: () => socket,
      maxHeaderListPairs: headerPairsMax,
      maxSessionMemory: sessionMemory,
      maxSettings: 32,
      maxReservedRemoteStreams: 0,
      peerMaxConcurrentStreams: 100,
      settings: { enablePush: false, maxHeaderListSize: headerBytesMax },
    })
    this.client.setTimeout(idleMs, () => this.client.close())
    this.client.on('error', (error) => {
      this.failure ??= error
      this.ended = true
    })
    this.client.on('goaway', (_code, lastStream) => {
      this.lastStream = lastStream
      this.ended = true
    })
    this.client.on('close', () => {
      this.ended = true
    })
  }

  /** What is under way on it goes on. */
  giveUp(): void {
    this.ended = true
    if (this.ready) this.client.close()
  }
}

/** One call. */
class Stream {
  private readonly session: Session
  private readonly request: GrpcRequest
  private readonly clock: Pick<Clock, 'soon'>
  private readonly stream: ClientHttp2Stream | undefined
  private readonly timer: { cancel(): void }
  private done: ((tried: GrpcTried) => void) | undefined
  private began = false
  private status = 0
  private informational = 0
  private headers: IncomingHttpHeaders = {}
  private trailers: IncomingHttpHeaders | undefined
  private readonly body = new Growing()
  private failure: Error | undefined

  constructor(session: Session, { clock }: LineParts, request: GrpcRequest, done: (tried: GrpcTried) => void) {
    this.session = session
    this.request = request
    this.clock = clock
    this.done = done
    this.timer = clock.after(request.timeoutMs, () => {
      // Perhaps the connection is dead and nobody has said so: the next call has another one.
      if (this.status === 0) session.giveUp()
      this.fail('DEADLINE_EXCEEDED', `no complete answer came within ${request.timeoutMs} ms`)
    })
    try {
      this.stream = session.client.request({
        ':method': 'POST',
        ':path': request.path,
        te: 'trailers',
        'content-type': 'application/grpc+proto',
        'grpc-accept-encoding': 'identity',
        'grpc-timeout': `${Math.min(99_999_999, Math.ceil(request.timeoutMs))}m`,
        ...request.headers,
      })
    } catch (error) {
      clock.soon(() => this.end(failedOf(error as Error, false)))
      return
    }
    this.listen(this.stream)
    this.stream.end(framed(request.message))
  }

  private listen(stream: ClientHttp2Stream): void {
    stream.on('ready', () => {
      // It has a number: its headers are written as soon as there is a connection.
      if (this.session.ready) this.began = true
    })
    stream.on('response', (headers) => {
      this.began = true
      this.headers = headers
      this.status = Number(headers[':status'] ?? 0)
    })
    stream.on('headers', () => {
      if (++this.informational > informationalMax) this.fail('INTERNAL', 'too many informational answers (1xx) came')
    })
    stream.on('trailers', (trailers) => {
      this.trailers = trailers
    })
    stream.on('data', (piece: Buffer) => this.takes(piece))
    stream.on('error', (error) => {
      this.failure = error
    })
    // What a GOAWAY says comes after the streams that it ends.
    stream.on('close', () => this.clock.soon(() => this.closed(stream)))
  }

  private takes(piece: Buffer): void {
    if (this.done === undefined) return
    const bytesMax = this.request.bodyBytes + prefixBytes
    if (this.body.length + piece.length > bytesMax) {
      this.fail('INTERNAL', `the answer has more than ${this.request.bodyBytes} bytes ("bodyBytes" of the grant)`)
      return
    }
    this.body.push(piece)
  }

  private closed(stream: ClientHttp2Stream): void {
    const { session } = this
    const statuses = this.trailers ?? this.headers
    const rst = stream.rstCode
    if (this.status !== 0 && statuses['grpc-status'] !== undefined) {
      this.answered(statuses)
      return
    }
    if (this.status !== 0 && this.status !== 200 && rst === 0) {
      this.answered(undefined)
      return
    }
    const unseen = session.lastStream !== undefined && (stream.id ?? Number.POSITIVE_INFINITY) > session.lastStream
    const refused = rst === http2.constants.NGHTTP2_REFUSED_STREAM
    const began = this.began || (session.ready && stream.id !== undefined)
    // A stream's own error only says that its connection has ended.
    const error = session.failure ?? this.failure
    if (error instanceof AddressRefused) this.end(failedOf(error, false))
    else if (this.status === 0 && (unseen || refused))
      this.end(failed(false, 'UNAVAILABLE', 'the server did not take the call (it is going away, or has too many)'))
    else if (error !== undefined) this.end(failedOf(error, began))
    else this.end(failed(began, 'UNAVAILABLE', `the call ended without an answer (RST_STREAM ${rst})`))
  }

  private answered(statuses: IncomingHttpHeaders | undefined): void {
    const { body, status, headers } = this
    const text = one(statuses?.['grpc-status'])
    const code = statuses === undefined ? undefined : text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : 2
    let payload: Uint8Array | undefined
    if (code === 0) {
      const problem = frameProblem(body.bytes)
      if (problem !== undefined) {
        this.fail('INTERNAL', problem)
        return
      }
      payload = body.bytes.subarray(prefixBytes)
    }
    const details = one(statuses?.['grpc-status-details-bin'])
    this.end({
      kind: 'answered',
      status,
      code,
      message: decoded(one(statuses?.['grpc-message']) ?? ''),
      details: details === undefined ? undefined : Buffer.from(details.split(',')[0]!, 'base64'),
      payload,
      headers,
    })
  }

  private fail(code: CodeName, what: string): void {
    const { stream, session } = this
    this.end(failed(this.began || (session.ready && stream?.id !== undefined), code, what))
  }

  private end(tried: GrpcTried): void {
    const { done, stream } = this
    if (done === undefined) return
    this.done = undefined
    this.timer.cancel()
    if (stream !== undefined && !stream.closed) stream.close(http2.constants.NGHTTP2_CANCEL)
    // A connection that never came is not waited for by the next call.
    if (tried.kind === 'failed' && !this.session.ready) {
      this.session.ended = true
      this.session.client.destroy()
    }
    done(tried)
  }
}

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, prefixBytes)
  return frame
}

/** Why these bytes are not one message, as gRPC frames it. */
function frameProblem(bytes: Buffer): string | undefined {
  if (bytes.length < prefixBytes) return 'the answer has no message'
  if (bytes[0] !== 0) return 'the answer is compressed, which nobody asked for'
  return bytes.readUInt32BE(1) === bytes.length - prefixBytes ? undefined : 'the answer is cut, or has several messages'
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function decoded(message: string): string {
  try {
    return decodeURIComponent(message)
  } catch {
    return message
  }
}

function failed(began: boolean, code: CodeName, what: string): TryFailed {
  return { kind: 'failed', began, code, what }
}

function failedOf(error: Error, began: boolean): TryFailed {
  if (error instanceof AddressRefused) return failed(began, 'PERMISSION_DENIED', error.message)
  return failed(began, 'UNAVAILABLE', `the connection failed: ${wordsOf(error)}`)
}
