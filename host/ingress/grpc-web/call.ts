// gRPC-Web: gRPC's calls over HTTP/1.1, for browsers. The status is the last frame of the body.
//
// W1. Every answer is HTTP 200 with a trailer frame, also where nothing came before it.
// W2. `-text` is base64 both ways; the answer is that if `accept` says so, or says nothing and the request was.
// W3. Compressed messages are UNIMPLEMENTED: no client of gRPC-Web sends them.
// W4. While the host takes no more input the request is not read. What came of it, and what of the answer is not read, is counted (in-flight.ts).
//
// Owns: frames and trailers over HTTP/1.1.   stream.ts owns: what may be called when.   cors.ts owns: who may call from a page.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer, Failed } from '../../command.ts'
import { type Commits, commitHeader } from '../../commits.ts'
import { InnkeeperError } from '../../errors.ts'
import type { Flow } from '../../in-flight.ts'
import type { Metadata } from '../../metadata.ts'
import { noMetadata } from '../../metadata.ts'
import type { MethodType } from '../../schema/schema.ts'
import { isStreamed } from '../../schema/schema.ts'
import { notServed } from '../../services.ts'
import { Writer } from '../../written.ts'
import type { IngressContext } from '../context.ts'
import { expose } from '../cors.ts'
import type { Caller, Door } from '../door.ts'
import type { Frame } from '../envelope.ts'
import { Base64Reader, FrameReader, frame, trailerFlag } from '../envelope.ts'
import { abort, countAnswer, defaultPace, endSoon, givenKey, whenClosed } from '../exchange.ts'
import { replyMetadata } from '../headers.ts'
import type { Draft } from '../plain-call.ts'
import type { Stream, Wire } from '../stream.ts'
import { metadataFromGrpcWeb, timeoutOf } from './headers.ts'
import { trailerText } from './status.ts'

const compressedFlag = 1
const contentType = /^application\/grpc-web(-text)?(\+proto)?\s*(;|$)/i

/** HTTP/1.1 requests that are gRPC-Web, whatever their path. */
export function isGrpcWeb({ method, headers }: IncomingMessage): boolean {
  return method === 'POST' && headers['content-type']?.startsWith('application/grpc-web') === true
}

export function createGrpcWeb(
  context: IngressContext,
  door: Door,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const call = new GrpcWebCall(context, door, request, response)
    try {
      call.start()
    } catch (error) {
      call.fail(error)
    }
  }
}

class GrpcWebCall implements Wire, Caller {
  private readonly context: IngressContext
  private readonly door: Door
  private readonly request: IncomingMessage
  private readonly response: ServerResponse
  private readonly requestId: string
  private readonly base64: Base64Reader | undefined
  private readonly frames: FrameReader
  private readonly textOut: boolean
  private readonly flow: Flow
  private readonly writer: Writer
  readonly startedMs = performance.now()
  wholeMs = this.startedMs
  private stream: Stream | undefined
  private headTimer: NodeJS.Timeout | undefined
  /** The message of a method that takes one, until the request ends. */
  private one: Buffer | undefined
  private headed = false
  /** What the headers tell of. */
  private told: Commits | undefined
  private ended = false
  private holding = false
  private pumping = false
  private allCame = false
  /** What to do with a frame, and with the end of the request. */
  private takeMessage: (payload: Buffer) => void = () => {}
  private takeEnd: () => void = () => {}

  constructor(context: IngressContext, door: Door, request: IncomingMessage, response: ServerResponse) {
    this.context = context
    this.door = door
    this.request = request
    this.response = response
    this.requestId = door.requestId(request.headers['x-request-id'])
    const textIn = request.headers['content-type']!.startsWith('application/grpc-web-text')
    const { accept } = request.headers
    const accepted = accept === undefined || accept.startsWith('*/*') ? undefined : accept
    this.textOut = accepted === undefined ? textIn : accepted.startsWith('application/grpc-web-text')
    this.base64 = textIn ? new Base64Reader() : undefined
    this.frames = new FrameReader(context.limits.messageBytesMax)
    this.flow = context.inFlight.of(request.socket).begin((error) => this.cut(error))
    this.writer = new Writer(response, this.flow, () => this.stream?.resume())
  }

  start(): void {
    const { context, door, request } = this
    const { headers } = request
    if (!contentType.test(headers['content-type']!))
      throw new InnkeeperError(
        'unimplemented',
        `content-type ${headers['content-type']!.slice(0, 100)} is not supported; send protobuf`,
      )
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      throw new InnkeeperError('unimplemented', 'content-encoding is not supported; send the body as it is')
    door.checkReady()
    const { service, method } = this.target()
    const streaming = isStreamed(method)
    const timeoutMs = timeoutOf(headers['grpc-timeout'])
    const command = door.admit({
      service,
      method: method.name,
      streamed: streaming,
      metadata: metadataFromGrpcWeb(request.rawHeaders),
      metadataName: 'metadata',
      idempotencyKey: givenKey(request),
      deadlineMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : context.clock.now() + timeoutMs,
      requestId: this.requestId,
      client: this.flow.connection.client,
    })
    if (streaming) this.enter(command, method)
    if (method.clientStreaming) {
      const stream = this.stream!
      stream.open()
      this.takeMessage = (payload) => this.takeElement(stream, payload)
      this.takeEnd = () => stream.halfClose()
    } else this.expectOne(command)
    this.read()
  }

  /** An answer where the call itself is at fault, or the host. */
  fail(thrown: unknown): void {
    if (this.ended) return
    this.finish({ kind: 'error', error: this.door.failure(thrown, this.requestId) })
  }

  /** It has to give way to other requests. */
  private cut(error: InnkeeperError): void {
    const { request, response, stream } = this
    this.frames.clear()
    this.one = undefined
    if (response.headersSent) abort(request, response)
    else if (stream !== undefined) stream.fail(error)
    else this.fail(error)
    if (!request.complete) endSoon(request, response)
  }

  private target(): { service: string; method: MethodType } {
    const url = this.request.url!
    const [, service, name] = /^\/([\w.]+)\/(\w+)$/.exec(url) ?? []
    const found = service === undefined ? undefined : this.context.services.get(service)
    const type = name === undefined ? undefined : found?.methods.get(name)?.type
    if (service !== undefined && this.context.services.current.unserved.has(service)) throw notServed(service)
    if (service === undefined || type === undefined)
      throw new InnkeeperError('unknown_method', `no service has the method ${url.slice(0, 200)}`)
    return { service, method: type }
  }

  /** The call takes a place among the open streams, until its response is done with. */
  private enter(command: Draft, method: MethodType): void {
    const { context, door, request, response } = this
    const stream = door.stream(this, command, method)
    const leave = door.enter(command.service, this.flow.connection.client)
    whenClosed(request, response, () => {
      clearTimeout(this.headTimer)
      this.ended = true
      stream.cancel()
      leave()
      this.flow.close()
    })
    if (method.serverStreaming) {
      const { headersAfterMs } = context.pace ?? defaultPace
      this.headTimer = setTimeout(() => {
        this.head(noMetadata)
        response.flushHeaders()
      }, headersAfterMs)
    }
    this.stream = stream
  }

  private expectOne(command: Draft): void {
    this.takeMessage = (payload) => {
      if (this.one !== undefined)
        throw new InnkeeperError('unimplemented', 'the method takes one message, several came')
      this.one = payload
    }
    this.takeEnd = () => {
      const message = this.one
      if (message === undefined) throw new InnkeeperError('unimplemented', 'the method takes one message, none came')
      this.flow.inHand()
      this.wholeMs = performance.now()
      if (this.stream === undefined) this.door.call(command, message, this)
      else this.stream.open(message)
    }
  }

  private takeElement(stream: Stream, payload: Buffer): void {
    this.flow.inHand()
    // Held before the host is asked: it may take the element, and say so, before it answers.
    this.holding = true
    if (stream.item(payload)) this.holding = false
  }

  answered(answer: Answer): void {
    const { commits } = answer
    this.head(answer.kind === 'error' ? noMetadata : answer.metadata, commits)
    if (answer.kind === 'reply') this.finish(undefined, commits, frame(0, answer.payload))
    else this.finish(answer, commits)
  }

  private read(): void {
    const { request } = this
    request.on('data', (chunk: Buffer) => {
      if (this.ended) return
      this.guarded(() => {
        this.frames.push(this.base64 === undefined ? chunk : this.base64.push(chunk))
        if (this.flow.holds(this.came())) this.pump()
      })
    })
    request.on('end', () => {
      this.allCame = true
      this.guarded(() => this.pump())
    })
  }

  private guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (this.stream === undefined) this.fail(error)
      else this.stream.fail(error)
    }
  }

  /** Frames to whoever takes them, while they are taken. */
  private pump(): void {
    if (this.pumping) return
    this.pumping = true
    try {
      while (!this.holding && !this.ended) {
        const next = this.frames.next()
        if (next === undefined) break
        this.takeMessage(payloadOf(next))
      }
    } finally {
      this.pumping = false
      this.flow.holds(this.came())
    }
    if (this.holding) this.request.pause()
    else if (!this.allCame) this.request.resume()
    else if (!this.ended) {
      if (!this.frames.empty || this.base64?.empty === false)
        throw new InnkeeperError('bad_request', 'the body ends within a message')
      this.takeEnd()
    }
  }

  /** Bytes of the request that are here, and not with the host. */
  private came(): number {
    return this.frames.size + (this.one?.length ?? 0)
  }

  inputTaken(): void {
    this.holding = false
    this.guarded(() => this.pump())
  }

  get ready(): boolean {
    return this.writer.ready
  }

  owes(bytes: number): void {
    this.flow.owes(bytes)
  }

  element(payload: Uint8Array, metadata: Metadata, first: boolean, commits: Commits | undefined): void {
    // The request is with the function.
    if (first && !this.allCame) this.flow.inHand()
    else if (first) this.flow.holds(0)
    if (first) this.head(metadata, commits)
    this.writer.write(this.encode(frame(0, payload)))
  }

  end(failed: Failed | undefined, _: boolean, commits: Commits | undefined): void {
    this.finish(failed, commits)
  }

  private head(metadata: Metadata, commits?: Commits): void {
    const { response } = this
    if (this.headed || this.ended || response.destroyed) return
    this.headed = true
    clearTimeout(this.headTimer)
    const names: string[] = []
    for (const [name, value] of replyMetadata(metadata)) {
      response.appendHeader(name, typeof value === 'string' ? value : value.toString('base64'))
      names.push(name)
    }
    expose(response, names)
    response.setHeader('content-type', `application/grpc-web${this.textOut ? '-text' : ''}+proto`)
    response.setHeader('x-request-id', this.requestId)
    this.told = commits
    if (commits !== undefined) response.setHeader(commitHeader, commits.text)
    if (this.request.headers['idempotency-key'] !== undefined) response.setHeader('cache-control', 'no-store')
  }

  /** The last frame, after `before`. */
  private finish(failed: Failed | undefined, commits?: Commits, before?: Buffer): void {
    const { request, response } = this
    if (this.ended) return
    this.head(failed?.kind === 'refusal' ? failed.metadata : noMetadata, commits)
    const more = commits === this.told ? undefined : commits
    this.ended = true
    const trailer = frame(trailerFlag, Buffer.from(trailerText(failed, this.requestId, more), 'latin1'))
    response.end(this.encode(before === undefined ? trailer : Buffer.concat([before, trailer])))
    countAnswer(this.flow, response)
    if (request.complete) return
    // What is still coming is read and dropped, but not much of it.
    if (failed?.kind === 'error' && failed.error.code === 'message_too_large') endSoon(request, response)
    else request.resume()
  }

  private encode(bytes: Buffer): Buffer | string {
    return this.textOut ? bytes.toString('base64') : bytes
  }
}

function payloadOf({ flags, payload }: Frame): Buffer {
  if (flags & compressedFlag) throw new InnkeeperError('unimplemented', 'compressed messages are not supported')
  if (flags !== 0) throw new InnkeeperError('bad_request', 'a frame of the request is not a message')
  return payload
}
