// HTTP: one request to a provider over HTTP/1.1, and its answer as it came.
//
// H1. One time limit is over all phases: name, connection, TLS, sending, waiting, each byte of the answer. What hangs ends by it.
// H2. Nothing grows with what a server sends: headers, informational answers and bodies have bounds, and what is beyond ends the connection.
// H3. The connection goes to a checked address (names.ts), or through the proxy that the grant names, never through one of the environment. TLS is always
//     verified.
// H4. Redirects are not followed. Compressed bodies are not asked for, and refused: a few bytes could become very many.
// H5. Idle connections are kept, at most `concurrency`. Whether a request on one was read that the server closed meanwhile nobody knows: it began.
//
// Owns: the connections, time and bytes.   connectors.ts owns: what is sent, and what the answer means.

import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import http from 'node:http'
import https from 'node:https'
import { isIP, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import { Growing } from '../growing.ts'
import type { AddressRule } from './address.ts'
import { AddressRefused, bare, literalProblem, type Names } from './names.ts'
import type { CodeName } from './statuses.ts'
import { type TryFailed, wordsOf } from './try.ts'
import { tunnel } from './tunnel.ts'

interface HttpRequest {
  readonly url: URL
  readonly httpMethod: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array | undefined
  readonly timeoutMs: number
  /** Of the answer. */
  readonly bodyBytes: number
  /** Of an answer of this status only the beginning matters: no more than `excerptBytes` is read of it. */
  readonly isExcerpt: (status: number) => boolean
}

type HttpTried = HttpAnswer | TryFailed

export interface HttpAnswer {
  readonly kind: 'answered'
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

/** What is read of an answer that is only told of: more than is told, so that no secret lies across the end of what is looked through. */
const excerptBytes = 64 * 1024
const headerBytesMax = 16 * 1024
const headersMax = 200
const informationalMax = 16
/** A tunnel that nobody waits for any more is given up after so long. In milliseconds. */
const graceMs = 1_000
/** An idle connection is closed after so long: before the usual server does, or a request would meet its end (H5). In milliseconds. */
const idleMs = 4_000

interface PoolParts {
  readonly secure: boolean
  readonly concurrency: number
  readonly addresses: AddressRule
  readonly ca: string | undefined
  readonly proxy: URL | undefined
  /** For what the proxy takes to answer. */
  readonly timeoutMs: number
  readonly names: Names
  readonly clock: Pick<Clock, 'after'>
}

/** The connections of one grant. */
export class HttpPool {
  private readonly parts: PoolParts
  private readonly agent: http.Agent
  private retired = false

  constructor(parts: PoolParts) {
    this.parts = parts
    const { secure, concurrency, names, addresses, ca } = parts
    const options = {
      keepAlive: true,
      maxSockets: concurrency,
      maxFreeSockets: concurrency,
      timeout: idleMs,
      lookup: names.lookupFor(addresses),
    }
    this.agent = secure
      ? new https.Agent({ ...options, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) })
      : new http.Agent(options)
    if (parts.proxy !== undefined) throughProxy(this.agent, parts, parts.proxy)
  }

  /** What is idle is closed at once, and the rest when it has answered. */
  retire(): void {
    this.retired = true
    for (const sockets of Object.values(this.agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
    this.agent.maxFreeSockets = 0
  }

  close(): void {
    this.agent.destroy()
  }

  /** `done` is called once, and not before this has returned. */
  send(request: HttpRequest, done: (tried: HttpTried) => void): void {
    const { url, httpMethod, headers, body } = request
    const literal = literalProblem(url.hostname, this.parts.addresses)
    const { secure } = this.parts
    if (literal !== undefined) {
      this.parts.clock.after(0, () => done(failedOf(literal, false)))
      return
    }
    const sent = (secure ? https : http).request({
      agent: this.agent,
      protocol: url.protocol,
      hostname: bare(url.hostname),
      port: url.port === '' ? (secure ? 443 : 80) : url.port,
      method: httpMethod,
      path: `${url.pathname}${url.search}`,
      headers: {
        ...headers,
        'accept-encoding': 'identity',
        ...(this.retired ? { connection: 'close' } : {}),
        ...(body === undefined ? {} : { 'content-length': body.length }),
      },
      maxHeaderSize: headerBytesMax,
      insecureHTTPParser: false,
    })
    sent.maxHeadersCount = headersMax
    new Exchange(sent, request, this.parts.clock, done)
    if (body === undefined || body.length === 0) sent.end()
    else sent.end(body)
  }
}

/** The agent's connections are made through a tunnel. */
function throughProxy(agent: http.Agent, { secure, timeoutMs, clock }: PoolParts, proxy: URL): void {
  const encrypted = agent.createConnection.bind(agent)
  agent.createConnection = (options, done) => {
    const { host, port } = options as { host?: string; port?: number | string }
    const authority = `${isIP(host ?? '') === 6 ? `[${host}]` : host}:${port}`
    // The request's own limit comes first.
    tunnel({ proxy, authority, timeoutMs: timeoutMs + graceMs, clock }, (error, socket) => {
      if (error !== null || socket === undefined) done?.(error, undefined as unknown as Socket)
      else done?.(null, secure ? (encrypted({ ...options, socket } as typeof options) as Socket) : socket)
    })
    return undefined
  }
}

/** From a request that was made to its answer. */
class Exchange {
  private readonly sent: ClientRequest
  private readonly request: HttpRequest
  private done: ((tried: HttpTried) => void) | undefined
  private readonly timer: { cancel(): void }
  private answer: IncomingMessage | undefined
  private began = false
  private informational = 0
  private readonly body = new Growing()

  constructor(
    sent: ClientRequest,
    request: HttpRequest,
    clock: Pick<Clock, 'after'>,
    done: (tried: HttpTried) => void,
  ) {
    this.sent = sent
    this.request = request
    this.done = done
    this.timer = clock.after(request.timeoutMs, () =>
      this.fail('DEADLINE_EXCEEDED', `no complete answer came within ${request.timeoutMs} ms`),
    )
    sent.on('socket', (socket) => this.has(socket))
    sent.on('error', (error) => this.end(failedOf(error, this.began)))
    sent.on('close', () => this.fail('UNAVAILABLE', 'the connection was closed before the answer was complete'))
    sent.on('information', () => {
      if (++this.informational > informationalMax) this.fail('INTERNAL', 'too many informational answers (1xx) came')
    })
    sent.on('upgrade', (_answer, socket) => {
      socket.destroy()
      this.fail('INTERNAL', 'the server changed to another protocol, which nobody asked for')
    })
    sent.on('response', (answer) => this.hears(answer))
  }

  private has(socket: Socket): void {
    const waits = socket instanceof TLSSocket ? isShaking(socket) : socket.connecting
    if (!waits) this.began = true
    else socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => (this.began = true))
  }

  private hears(answer: IncomingMessage): void {
    const { statusCode: status = 0, headers } = answer
    this.answer = answer
    answer.on('error', (error) => this.end(failedOf(error, true)))
    const coding = headers['content-encoding']
    if (coding !== undefined && coding.toLowerCase() !== 'identity') {
      this.fail('INTERNAL', 'the answer is compressed, which nobody asked for')
      return
    }
    const isExcerpt = this.request.isExcerpt(status)
    const bytesMax = isExcerpt ? excerptBytes : this.request.bodyBytes
    const answered = () => this.end({ kind: 'answered', status, headers, body: this.body.bytes })
    answer.on('data', (piece: Buffer) => {
      if (this.done === undefined) return
      const room = bytesMax - this.body.length
      if (piece.length <= room) this.body.push(piece)
      else if (isExcerpt) {
        this.body.push(piece.subarray(0, room))
        answered()
      } else this.fail('INTERNAL', `the answer has more than ${bytesMax} bytes ("bodyBytes" of the grant)`)
    })
    answer.on('end', () => {
      if (answer.complete) answered()
    })
  }

  private fail(code: CodeName, what: string): void {
    this.end({ kind: 'failed', began: this.began, code, what })
  }

  private end(tried: HttpTried): void {
    const { done } = this
    if (done === undefined) return
    this.done = undefined
    this.timer.cancel()
    // A whole answer to a whole request leaves the connection to the next one. A server may answer without reading on.
    if (tried.kind === 'failed' || this.answer?.complete !== true || !this.sent.writableFinished) this.sent.destroy()
    done(tried)
  }
}

/** TLS is not agreed on yet. */
function isShaking(socket: TLSSocket): boolean {
  return (
    socket.connecting ||
    socket.getProtocol() === null ||
    (socket as { secureConnecting?: boolean }).secureConnecting === true
  )
}

function failedOf(error: Error, began: boolean): TryFailed {
  const code = error instanceof AddressRefused ? 'PERMISSION_DENIED' : 'UNAVAILABLE'
  const what = error instanceof AddressRefused ? error.message : `the connection failed: ${wordsOf(error)}`
  return { kind: 'failed', began, code, what }
}
