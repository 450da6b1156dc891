// HTTP/JSON: a request becomes a command through its HTTP rule; the reply becomes JSON (§request, §answer).
//
// J1. Whatever a client sends gets an answer with a status (§refusal-6) and a body of google.rpc.Status; nothing throws past `handle`.
// J2. A body is never longer in memory than `messageBytesMax`; more is refused as soon as it is known. Its bytes are counted as they come, and those
//     of the answer until the client has them (in-flight.ts).
// J3. Path variables win over the body and the query, and a `+` in a path is a plus.
// J4. Requests of one connection are given on in their order, also where a long one is read by another thread.
//
// Owns: the way of a request and of its answer.   stream.ts owns: answers that stream.   routes.ts owns: which rule.
//   transcoder.ts owns: the message, and where it is made.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from '../../command.ts'
import { type Commits, commitHeader } from '../../commits.ts'
import { guestFailed, InnkeeperError, internalMethod, wire } from '../../errors.ts'
import { Growing } from '../../growing.ts'
import type { Flow } from '../../in-flight.ts'
import { isStreamed } from '../../schema/schema.ts'
import { WireError } from '../../schema/wire.ts'
import { notServed } from '../../services.ts'
import type { IngressContext } from '../context.ts'
import { expose } from '../cors.ts'
import type { Caller, Door } from '../door.ts'
import { abort, countAnswer, endSoon, givenKey, whenClosed } from '../exchange.ts'
import type { Draft } from '../plain-call.ts'
import { isHttpBody, jsonType, readHttpBody } from './body.ts'
import { metadataFromHttp, replyHeaders } from './headers.ts'
import { inOrder } from './in-order.ts'
import { documentIn } from './openapi.ts'
import { isForeign } from './origin.ts'
import { type Said, takesBytes } from './request-json.ts'
import type { Routes, ServedRoute } from './routes.ts'
import { documentPath, routesIn } from './routes.ts'
import { serveStatic } from './static.ts'
import { errorToHttp, refusalToHttp } from './status.ts'
import { isOver, openHttpStream } from './stream.ts'

type Handle = (request: IncomingMessage, response: ServerResponse) => void

export function createHttpJson(context: IngressContext, door: Door): Handle {
  return (request, response) => {
    const call = new HttpCall(context, door, request, response)
    try {
      call.start(routesIn(context.services.current))
    } catch (error) {
      call.fail(error)
    }
  }
}

/** What clients of the Connect protocol send, who would take a 400 for an error of the service. */
const connectTypes = /^application\/(connect\+|proto\b|x-protobuf\b|protobuf\b)/i

/** Also those of a vendor: `application/vnd.example+json`. */
const jsonTypes = /^application\/(?:[\w.!#$&^-]+\+)?json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i

class HttpCall implements Caller {
  private readonly context: IngressContext
  private readonly door: Door
  private readonly request: IncomingMessage
  private readonly response: ServerResponse
  private readonly requestId: string
  /** Of whose answer this is, once it is found. */
  private route: ServedRoute | undefined
  readonly startedMs = performance.now()
  /** When the last byte of it was read. */
  wholeMs = this.startedMs
  /** Once there are bytes to count. */
  private flow: Flow | undefined
  private readonly body = new Growing()
  /** What the answer tells of. */
  private commits: Commits | undefined
  /** Of an answer that takes long to make. */
  private making: AbortController | undefined

  constructor(context: IngressContext, door: Door, request: IncomingMessage, response: ServerResponse) {
    this.context = context
    this.door = door
    this.request = request
    this.response = response
    this.requestId = door.requestId(request.headers['x-request-id'])
  }

  start(routes: Routes): void {
    const { request } = this
    const url = request.url!
    const mark = url.indexOf('?')
    const path = mark === -1 ? url : url.slice(0, mark)
    if (path === documentPath && (request.method === 'GET' || request.method === 'HEAD')) {
      // Half of it would be taken for all of it.
      if (this.context.starting?.()) this.door.checkReady()
      const sent = (document: Buffer) => this.end(200, jsonType, document)
      documentIn(this.context.services.current).then(sent, (error: unknown) => this.fail(error))
      return
    }
    const found = routes.find(request.method!, path)
    if (found.kind === 'none') {
      this.page(path)
      return
    }
    this.door.checkReady()
    if (found.kind === 'unserved') throw notServed(found.service)
    if (found.kind === 'wrong_method') {
      this.response.setHeader('allow', found.allow.join(', '))
      throw new InnkeeperError(
        'wrong_http_method',
        `${request.method} is not allowed on ${path}; use ${found.allow.join(' or ')}`,
      )
    }
    const { route, captured } = found
    if (route.method.internal) throw internalMethod(route.target.name, route.method.name)
    const query = mark === -1 ? '' : url.slice(mark + 1)
    const raw = takesBytes(route)
    if (route.body === '' || this.sendsNothing()) {
      request.resume()
      this.dispatch(route, { captured, query, body: undefined, contentType: '' })
      return
    }
    this.checkContentType(raw)
    const contentType = raw ? (request.headers['content-type'] ?? '') : ''
    this.readBody((body) =>
      this.dispatch(route, { captured, query, body: body.length === 0 && !raw ? undefined : body, contentType }),
    )
  }

  /** No body, and no type of one: a message without anything in it. */
  private sendsNothing(): boolean {
    const { 'content-type': type, 'content-length': length, 'transfer-encoding': encoding } = this.request.headers
    return type === undefined && encoding === undefined && (length ?? '0') === '0' && !this.foreign
  }

  /** A page that may send JSON only, for which its browser asks before. */
  private get foreign(): boolean {
    return isForeign(this.request.headers, this.context.corsOrigins ?? [])
  }

  fail(thrown: unknown): void {
    this.refuse(this.door.failure(thrown, this.requestId))
  }

  private refuse(error: InnkeeperError): void {
    if (error.retryAfterSeconds !== undefined && !this.response.headersSent)
      this.response.setHeader('retry-after', String(error.retryAfterSeconds))
    const { status, body } = errorToHttp(error)
    this.end(status, jsonType, body)
    // What is still coming of a refused body is not kept; the connection cannot be used again.
    if (!this.request.complete && error.code === 'message_too_large') endSoon(this.request, this.response)
    else this.request.resume()
  }

  /** It has to give way to other requests. */
  private cut(error: InnkeeperError): void {
    const { request, response } = this
    this.body.clear()
    this.making?.abort(error)
    if (response.headersSent) {
      abort(request, response)
      return
    }
    const { complete } = request
    this.fail(error)
    if (!complete) endSoon(request, response)
  }

  private counted(): Flow {
    this.flow ??= this.context.inFlight.of(this.request.socket).begin((error) => this.cut(error))
    return this.flow
  }

  /** A file of the operator's folder, if it has one of this path. */
  private page(path: string): void {
    const { request, response, context } = this
    const { staticFolder } = context
    const missing = () => {
      try {
        this.unmatched(path)
      } catch (error) {
        this.fail(error)
      }
    }
    const asked = request.method === 'GET' || request.method === 'HEAD'
    if (staticFolder === undefined || !asked || 'k-network-probe' in request.headers) missing()
    else {
      request.resume()
      serveStatic(staticFolder, request, response, path, missing).catch((error: unknown) => this.fail(error))
    }
  }

  /** Knative's probe is answered where no method has the path (§answer-8). */
  private unmatched(path: string): void {
    const probe = this.request.headers['k-network-probe']
    if (probe === 'queue') this.end(200, 'text/plain', 'queue')
    else if (probe !== undefined)
      this.end(wire.bad_request.http, 'text/plain', `unexpected probe header value: ${probe}`)
    else {
      this.door.checkReady()
      throw new InnkeeperError(
        'unknown_path',
        `no method has the path ${path.slice(0, 200)}; \`inn services\` lists the routes`,
      )
    }
  }

  /** `raw`: of any type. */
  private checkContentType(raw: boolean): void {
    const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = this.request.headers
    if (!raw && connectTypes.test(type))
      throw new InnkeeperError(
        'unspoken_protocol',
        `${type.slice(0, 100)} is not spoken here; send JSON as application/json, or use gRPC or gRPC-Web`,
      )
    if (type !== jsonType && !jsonTypes.test(type) && (!raw || this.foreign)) {
      throw new InnkeeperError('bad_request', 'send the body as content-type: application/json')
    }
    if (encoding !== 'identity')
      throw new InnkeeperError('bad_request', `content-encoding ${encoding} is not supported; send the body as it is`)
  }

  private readBody(then: (body: Buffer) => void): void {
    const { request } = this
    const max = this.context.limits.messageBytesMax
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > max) throw tooLarge(max)
    const flow = this.counted()
    const { body } = this
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= max) {
        if (flow.holds(size)) body.push(chunk)
      } else if (size - chunk.length <= max) {
        flow.close()
        body.clear()
        this.fail(tooLarge(max))
      }
    })
    request.on('end', () => {
      if (size > max || (size > 0 && flow.closed)) return
      flow.inHand()
      this.wholeMs = performance.now()
      try {
        then(body.bytes)
      } catch (error) {
        this.fail(error)
      }
    })
  }

  private dispatch(route: ServedRoute, said: Said): void {
    const { context, request } = this
    const { target, method } = route
    if (isOver(route, request)) {
      this.response.writeHead(204, { 'x-request-id': this.requestId }).end()
      return
    }
    const made = context.transcoder.request(route, said)
    try {
      const command = this.door.admit({
        service: target.name,
        method: method.name,
        streamed: isStreamed(method),
        metadata: metadataFromHttp(request.rawHeaders, target.description.headers),
        metadataName: 'headers',
        idempotencyKey: givenKey(request),
        deadlineMs: Number.POSITIVE_INFINITY,
        requestId: this.requestId,
        client: context.inFlight.of(request.socket).client,
      })
      const give = (payload: Uint8Array) => {
        // Its client may have left while it waited.
        if (!request.socket.destroyed) this.give(route, command, payload)
      }
      inOrder(request.socket, made, give, (error) => this.fail(error))
    } catch (error) {
      // Nobody waits for it any more.
      if (made instanceof Promise) made.catch(() => {})
      throw error
    }
  }

  private give(route: ServedRoute, command: Draft, payload: Uint8Array): void {
    this.route = route
    const { context, door, request, response } = this
    if (!isStreamed(route.method)) {
      door.call(command, payload, this)
      return
    }
    const answer = (answer: Answer) => this.answered(answer)
    openHttpStream({ context, door, flow: this.counted(), request, response, route, command, payload, answer })
  }

  answered(answer: Answer): void {
    this.commits = answer.commits
    if (answer.kind === 'error') {
      this.refuse(answer.error)
      return
    }
    const route = this.route!
    if (answer.metadata.length > 0) {
      const names: string[] = []
      for (const [name, value] of replyHeaders(answer.metadata)) {
        this.response.appendHeader(name, value)
        names.push(name)
      }
      expose(this.response, names)
    }
    if (answer.kind === 'refusal') {
      const { status, body } = refusalToHttp(answer.failure, route.target.schema)
      this.end(status, jsonType, body)
      return
    }
    try {
      if (route.responseBody === undefined && isHttpBody(route.method.output)) {
        const { contentType, data } = readHttpBody(answer.payload)
        this.end(200, contentType, data)
      } else {
        const json = this.context.transcoder.reply(route, answer.payload, () => this.unwanted())
        if (json instanceof Promise) {
          // Until it is made, what it is made of waits for its client.
          this.counted().owes(answer.payload.length)
          json
            .then((bytes) => this.end(200, jsonType, bytes))
            .catch((error: unknown) => {
              // One that nobody wants any more has ended already.
              if (this.making?.signal.aborted !== true) this.notMade(route, error)
            })
        } else this.end(200, jsonType, json)
      }
    } catch (error) {
      this.notMade(route, error)
    }
  }

  /** Aborts what is made for the client once it is gone, or is cut. */
  private unwanted(): AbortSignal {
    this.making = new AbortController()
    whenClosed(this.request, this.response, () => {
      this.making?.abort(gone())
      this.flow?.close()
    })
    return this.making.signal
  }

  private notMade(route: ServedRoute, error: unknown): void {
    if (!(error instanceof WireError)) {
      this.fail(error)
      return
    }
    this.context.log.error(
      { requestId: this.requestId, service: route.target.name, err: error },
      'a reply is not its message',
    )
    this.fail(guestFailed(this.requestId))
  }

  private end(status: number, contentType: string, body: string | Uint8Array): void {
    const { response } = this
    if (response.destroyed) this.flow?.close()
    if (response.headersSent || response.destroyed) return
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    const headers: Record<string, string | number> = { 'content-length': length, 'x-request-id': this.requestId }
    if (contentType !== '') headers['content-type'] = contentType
    if (this.commits !== undefined) headers[commitHeader] = this.commits.text
    // Who knows the key gets the answer; a cache must not give it to others besides.
    if (this.request.headers['idempotency-key'] !== undefined) headers['cache-control'] = 'no-store'
    response.writeHead(status, headers)
    // Text that is ASCII goes out as it lies in memory; UTF-8 would be encoded once more by the socket.
    if (typeof body === 'string' && length === body.length) response.end(body, 'latin1')
    else response.end(body)
    if (this.flow !== undefined || response.writableLength > 0) countAnswer(this.counted(), response)
  }
}

/** Nobody reads it. */
function gone(): InnkeeperError {
  return new InnkeeperError('unavailable', 'the client is gone')
}

function tooLarge(max: number): InnkeeperError {
  return new InnkeeperError('message_too_large', `the body is larger than ${max} bytes`)
}
