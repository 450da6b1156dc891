// Admin server: the port for the operator: health, metrics and the API that `inn` is a client of.
//
// A1. A web page must not reach it: any `Origin`, and any `Host` but the bound address or localhost, is refused; changes need a
//     content type that no form can send.
// A2. With a token set, every request but /healthz needs it; away from loopback there always is one (config.ts). A wrong one is logged, counted, and
//     answered later and later (guesses.ts).
// A3. Bodies are bounded, each and together, in size and in time, and so are answers that are not read: a byte counts from when it came in until its
//     request is answered, also while a deployment waits for its turn. Where there is no room the upload that has been incomplete longest gives way.
// A4. Errors are google.rpc.Status in JSON like everywhere.
//
// Owns: the port and its doors.   api.ts owns: what the paths do.

import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { InnkeeperError, operatorMessage, toInnkeeperError } from '../errors.ts'
import { Growing } from '../growing.ts'
import { type Flow, InFlight } from '../in-flight.ts'
import { countAnswer, endSoon } from '../ingress/exchange.ts'
import { errorToHttp } from '../ingress/http/status.ts'
import { Readings } from '../observe/readings.ts'
import { written } from '../written.ts'
import type { AdminResult } from './api.ts'
import { Guesses } from './guesses.ts'
import type { AdminHandler } from './handle.ts'
import { bodyBytesMax } from './handle.ts'

// As an import it would have all that it exports, and so load undici, which takes longer than the rest of a start's modules together.
const http = process.getBuiltinModule('node:http')

export interface AdminServer {
  readonly address: AddressInfo
  close(): Promise<void>
}

interface AdminDoors {
  readonly config: Pick<Config, 'admin' | 'token' | 'limits'>
  readonly log: Logger
}

const headersMs = 60_000

export async function listenAdmin(doors: AdminDoors, handle: AdminHandler): Promise<AdminServer> {
  const { uploadMs } = doors.config.limits
  const adminPort = new AdminPort(doors, handle)
  const settings = { requestTimeout: uploadMs, headersTimeout: Math.min(uploadMs, headersMs) }
  const server = http.createServer(settings, (request, response) => adminPort.take(request, response))
  server.on('connection', (socket) => socket.on('close', () => adminPort.inFlight.of(socket).close()))
  const { host, port } = doors.config.admin
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
  return {
    address: server.address() as AddressInfo,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

class AdminPort {
  readonly inFlight: InFlight
  private readonly doors: AdminDoors
  private readonly handle: AdminHandler
  private readonly guesses = new Guesses()
  private readonly readings: Readings

  constructor(doors: AdminDoors, handle: AdminHandler) {
    this.doors = doors
    this.handle = handle
    const { uploadBytesMax, componentBytesMax } = doors.config.limits
    const max = Math.max(uploadBytesMax, componentBytesMax)
    // Its clients are operators: one of them may have all.
    this.inFlight = new InFlight({
      max,
      connectionMax: max,
      setting: 'upload-bytes-max',
      parts: Number.POSITIVE_INFINITY,
    })
    this.readings = readingsOf(this.inFlight, this.guesses)
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    const body = new Growing()
    const flow = this.inFlight.of(request.socket).begin((error) => {
      body.clear()
      if (response.headersSent) request.socket.destroy()
      else this.fail(request, response, flow, error)
    })
    response.on('close', () => flow.close())
    this.serve(request, response, flow, body).catch((thrown: unknown) =>
      this.fail(request, response, flow, toInnkeeperError(thrown), thrown),
    )
  }

  private async serve(request: IncomingMessage, response: ServerResponse, flow: Flow, body: Growing): Promise<void> {
    // Not through URL: it fails on "//", and an entity may be called "..".
    const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s)
    guard(this.doors, request, path)
    const { method = 'GET' } = request
    if (method !== 'GET') {
      await readBody(request, flow, body, bodyBytesMax(path, this.doors.config.limits.componentBytesMax))
      if (flow.closed) return
    }
    const wantsLines = request.headers.accept === 'application/x-ndjson'
    const result = await this.handle(
      { method, path, query, body: body.bytes, wantsLines },
      {
        closed: new Promise((resolve) => response.on('close', resolve)),
        line: async (value) => {
          if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
          await written(response, `${JSON.stringify(value)}\n`, flow)
        },
      },
    )
    const own = path === '/metrics' && result?.status === undefined ? await this.readings.registry.metrics() : ''
    answer(response, own === '' ? result : { ...result, text: `${result?.text ?? ''}${own}` })
    countAnswer(flow, response)
  }

  private fail(
    request: IncomingMessage,
    response: ServerResponse,
    flow: Flow,
    error: InnkeeperError,
    thrown: unknown = error,
  ): void {
    const { log } = this.doors
    if (error instanceof WrongToken) {
      this.wrongToken(request, response, error)
      return
    }
    if (error.code === 'internal') log.error({ err: thrown, path: request.url }, 'an admin request failed')
    refuse(request, response, error)
    countAnswer(flow, response)
  }

  private wrongToken(request: IncomingMessage, response: ServerResponse, error: InnkeeperError): void {
    const guess = this.guesses.wrong(request.socket.remoteAddress)
    const { client, count, delayMs } = guess
    // Whoever guesses a million times does not fill the log.
    if (Number.isInteger(Math.log2(count)))
      this.doors.log.warn({ address: client, count }, 'a request to the admin port had a wrong token')
    if (delayMs === undefined) {
      request.socket.destroy()
      return
    }
    setTimeout(() => {
      this.guesses.answered(guess)
      refuse(request, response, error)
    }, delayMs).unref()
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, error: InnkeeperError): void {
  const { status, body } = errorToHttp(new InnkeeperError(error.code, operatorMessage(error)))
  if (response.headersSent) {
    response.end(`{"error":${body}}\n`)
    return
  }
  if (error.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(error.retryAfterSeconds))
  send(response, status, 'application/json', body)
  if (request.complete) return
  // What still comes of it is not kept.
  request.removeAllListeners('data')
  endSoon(request, response)
}

function readingsOf(inFlight: InFlight, guesses: Guesses): Readings {
  const own = new Readings()
  own.gauge('admin_in_flight_bytes', 'Bytes of requests and unread answers of the admin port.', () => inFlight.bytes)
  own.counter(
    'admin_in_flight_cuts_total',
    'Requests and answers of the admin port that were cut.',
    () => inFlight.cuts,
  )
  own.counter('admin_wrong_tokens_total', 'Requests to the admin port with a wrong token.', () => guesses.total)
  return own
}

/** The admin port asks for its token, and this one is none. */
class WrongToken extends InnkeeperError {}

function answer(response: ServerResponse, result: AdminResult | undefined): void {
  if (response.headersSent) {
    if (result !== undefined) response.write(`${JSON.stringify(result.json ?? result.text)}\n`)
    response.end()
    return
  }
  const { status = 200, text, json, contentType = 'application/json', allow } = result ?? {}
  if (allow !== undefined) response.setHeader('allow', allow)
  send(response, status, contentType, text ?? JSON.stringify(json ?? {}))
}

function guard({ config }: AdminDoors, request: IncomingMessage, path: string): void {
  const { headers, method } = request
  if (headers.origin !== undefined)
    throw new InnkeeperError('forbidden', 'requests of web pages (with an Origin header) are refused on the admin port')
  const name = hostName(headers.host ?? '')
  // Bound to every address, the port is called by the one that the connection came in on.
  const { localAddress = '' } = request.socket
  const allowed = ['localhost', '127.0.0.1', '::1', config.admin.host, localAddress.replace(/^::ffff:/, '')]
  if (!allowed.includes(name)) {
    throw new InnkeeperError(
      'forbidden',
      `the Host header names ${JSON.stringify(name.slice(0, 100))}; use the address the admin port is bound to`,
    )
  }
  if (method !== 'GET') {
    const type = (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
    if (type !== 'application/json' && type !== 'application/wasm') {
      throw new InnkeeperError('forbidden', 'changes need content-type: application/wasm or application/json')
    }
  }
  const { token } = config
  if (token !== undefined && path !== '/healthz' && !sameText(headers.authorization ?? '', `Bearer ${token}`)) {
    // Who sends none has guessed nothing.
    const Refusal = headers.authorization === undefined ? InnkeeperError : WrongToken
    throw new Refusal(
      'unauthenticated',
      'the admin port asks for its token: authorization: Bearer TOKEN (inn: --token or INNKEEPER_TOKEN)',
    )
  }
}

/** The name in a Host header, without port and brackets. */
function hostName(header: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(header)?.[1] ?? header.replace(/:\d+$/, '').toLowerCase()
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Resolves when it is there, or was cut. @throws InnkeeperError `message_too_large` */
function readBody(request: IncomingMessage, flow: Flow, body: Growing, bytesMax: number): Promise<void> {
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      const size = body.length + chunk.length
      if (size > bytesMax) {
        flow.close()
        body.clear()
        reject(new InnkeeperError('message_too_large', `the body may have at most ${bytesMax} bytes`))
      } else if (flow.holds(size)) body.push(chunk)
      else resolve()
    })
    request.on('end', () => {
      flow.inHand()
      resolve()
    })
    request.on('error', reject)
  })
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
