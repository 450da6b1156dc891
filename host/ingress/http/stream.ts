// HTTP streams: methods that stream, called over HTTP/JSON (§answer-4).
//
// W1. A streamed answer is JSON lines, server-sent events for who accepts them, or the raw chunks of HttpBody elements.
// W2. Headers go out with the first element, with its metadata. A stream of lines or events that has none for `headersAfterMs`
//     sends them without: a page's EventSource would otherwise not know that it is connected.
// W3. A failure before the headers is an ordinary answer with a status; one after them cuts the connection.
// W4. The request's body is the one element of a streamed request.
// W5. A long element becomes JSON in another thread: what comes after it waits, elements and the end alike, and no more is asked for.
// W6. Events are numbered, and the last one says that it is the last (`event: end`, `id: end`). A page's EventSource comes again by itself when a
//     stream is over, with the last id that it has: after the end, and for an action that does not ask to hear the id, nothing runs again.
//
// Owns: the response.   ingress/stream.ts owns: what may be called when.   call.ts owns: the request, and answers in one piece.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer, Failed } from '../../command.ts'
import { type Commits, commitHeader } from '../../commits.ts'
import { guestFailed, InnkeeperError } from '../../errors.ts'
import type { Flow } from '../../in-flight.ts'
import type { Metadata } from '../../metadata.ts'
import { noMetadata } from '../../metadata.ts'
import type { MethodType } from '../../schema/schema.ts'
import { WireError } from '../../schema/wire.ts'
import { Writer } from '../../written.ts'
import type { IngressContext } from '../context.ts'
import { expose } from '../cors.ts'
import type { Door } from '../door.ts'
import { cutOff, defaultPace, whenClosed } from '../exchange.ts'
import type { Draft } from '../plain-call.ts'
import type { Stream, Wire } from '../stream.ts'
import { isHttpBody, jsonType, legalType, readHttpBody } from './body.ts'
import { replyHeaders } from './headers.ts'
import type { ServedRoute } from './routes.ts'

interface HttpStreamParts {
  readonly context: IngressContext
  readonly door: Door
  readonly flow: Flow
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly route: ServedRoute
  readonly command: Draft
  readonly payload: Uint8Array
  /** An answer in one piece. */
  readonly answer: (answer: Answer) => void
}

/** @throws InnkeeperError `overloaded` where too many are open. */
export function openHttpStream(parts: HttpStreamParts): void {
  new HttpStream(parts).open()
}

type Form = 'once' | 'lines' | 'events' | 'raw'

class HttpStream implements Wire {
  private readonly parts: HttpStreamParts
  private readonly form: Form
  private readonly stream: Stream
  private readonly writer: Writer
  private readonly timers: NodeJS.Timeout[] = []
  private quiet = true
  private headed = false
  /** The last of the elements that wait for their JSON. */
  private making: Promise<void> | undefined
  private broken = false
  /** Of elements that take long to make. */
  private readonly unwanted = new AbortController()
  /** Of the last event. */
  private number: number
  private single: { readonly payload: Uint8Array; readonly metadata: Metadata } | undefined
  /** What the stream tells of, once its first element is there. */
  private commits: Commits | undefined

  constructor(parts: HttpStreamParts) {
    const { door, flow, request, response, route, command } = parts
    this.parts = parts
    this.form = formOf(route.method, request)
    this.number = Number(lastEventOf(request) ?? 0)
    this.stream = door.stream(this, command, route.method)
    const leave = door.enter(command.service, flow.connection.client)
    whenClosed(request, response, () => {
      for (const timer of this.timers) clearTimeout(timer)
      this.stream.cancel()
      this.unwanted.abort(new InnkeeperError('unavailable', 'the client is gone'))
      leave()
      flow.close()
    })
    this.writer = new Writer(response, flow, () => this.stream.resume())
  }

  open(): void {
    const { context, response, route, payload } = this.parts
    const { headersAfterMs, heartbeatMs } = context.pace ?? defaultPace
    if (this.form === 'lines' || this.form === 'events')
      this.timers.push(
        setTimeout(() => {
          this.head(noMetadata, undefined)
          response.flushHeaders()
        }, headersAfterMs),
      )
    if (this.form === 'events') this.timers.push(setInterval(() => this.beat(), heartbeatMs))
    if (!route.method.clientStreaming) {
      this.stream.open(payload)
      return
    }
    this.stream.open()
    this.stream.item(payload)
    this.stream.halfClose()
  }

  get ready(): boolean {
    return this.making === undefined && this.writer.ready
  }

  element(payload: Uint8Array, metadata: Metadata, first: boolean, commits: Commits | undefined): void {
    if (first) this.commits = commits
    if (this.form === 'once') {
      this.single = { payload, metadata }
      return
    }
    const { context, flow, response, route, command } = this.parts
    // The request is with the function.
    if (first) flow.holds(0)
    try {
      if (this.form === 'raw') {
        const { contentType, data } = readHttpBody(payload)
        if (first) this.head(metadata, contentType)
        if (data.length > 0) this.writer.write(data)
        else response.flushHeaders()
        return
      }
      const json =
        route.method.watch === undefined
          ? context.transcoder.reply(route, payload, () => this.unwanted.signal)
          : context.transcoder.sharedReply(route, payload)
      if (this.making === undefined && typeof json === 'string') this.write(json, metadata, first)
      else this.making = this.inTurn(json, payload.length, metadata, first)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      throw guestFailed(command.requestId, error)
    }
  }

  private write(json: string | Uint8Array, metadata: Metadata, first: boolean): void {
    const { writer } = this
    if (first) this.head(metadata, undefined)
    this.quiet = false
    const [before, after] = this.form === 'events' ? [`id: ${++this.number}\ndata: `, '\n\n'] : ['', '\n']
    if (typeof json === 'string') {
      writer.write(`${before}${json}${after}`)
      return
    }
    writer.write(before)
    writer.write(json)
    writer.write(after)
  }

  /** `bytes`: of what it is made of, which waits for the client until it is. */
  private inTurn(json: string | Promise<Uint8Array>, bytes: number, metadata: Metadata, first: boolean): Promise<void> {
    const { flow } = this.parts
    flow.owes(bytes)
    const turn = Promise.allSettled([json, this.making])
      .then(([made]) => {
        if (made.status === 'rejected') throw made.reason
        if (!this.broken && !this.parts.response.destroyed) this.write(made.value, metadata, first)
      })
      .catch((error: unknown) => {
        this.broken = true
        const failure = error instanceof WireError ? guestFailed(this.parts.command.requestId, error) : error
        this.stream.fail(failure)
      })
      .then(() => {
        flow.owes(-bytes)
        if (this.making !== turn) return
        this.making = undefined
        if (this.ready) this.stream.resume()
      })
    return turn
  }

  end(failed: Failed | undefined, _: boolean, commits: Commits | undefined): void {
    const { response, answer } = this.parts
    for (const timer of this.timers) clearTimeout(timer)
    if (this.making !== undefined && !this.broken) {
      void this.making.then(() => this.end(failed, true, commits))
      return
    }
    if (!this.headed) this.commits ??= commits
    if (failed !== undefined && !this.headed) answer({ ...failed, commits })
    else if (failed !== undefined) this.cut()
    else if (this.single !== undefined) answer({ kind: 'reply', ...this.single, commits })
    else {
      this.head(noMetadata, undefined)
      if (this.form === 'events') response.end(lastEvent)
      else response.end()
    }
  }

  inputTaken(): void {}

  owes(bytes: number): void {
    this.parts.flow.owes(bytes)
  }

  private head(metadata: Metadata, contentType: string | undefined): void {
    const { response, command } = this.parts
    if (this.headed || response.destroyed) return
    this.headed = true
    const names: string[] = []
    for (const [name, value] of replyHeaders(metadata)) {
      response.appendHeader(name, value)
      names.push(name)
    }
    expose(response, names)
    response.setHeader('x-request-id', command.requestId)
    if (this.commits !== undefined) response.setHeader(commitHeader, this.commits.text)
    if (this.form === 'events') {
      response.setHeader('content-type', 'text/event-stream')
      response.setHeader('cache-control', 'no-cache')
      // nginx and its kin collect an answer before they pass it on, unless told not to.
      response.setHeader('x-accel-buffering', 'no')
    } else if (this.form === 'raw') {
      const said = metadata.find(([name, value]) => name === 'content-type' && typeof value === 'string')?.[1]
      response.setHeader('content-type', legalType((said as string) ?? '') || contentType || 'application/octet-stream')
    } else response.setHeader('content-type', jsonType)
  }

  private beat(): void {
    const { response } = this.parts
    if (this.quiet && response.headersSent && this.writer.ready) this.writer.write(':\n\n')
    this.quiet = true
  }

  /** After what was written before, without the end that would make it look whole. */
  private cut(): void {
    const { request, response } = this.parts
    cutOff(request, response)
  }
}

const lastEvent = 'event: end\nid: end\ndata: {}\n\n'

/** The number of the last event that the client has. */
function lastEventOf({ headers }: IncomingMessage): string | undefined {
  const id = headers['last-event-id']
  return typeof id === 'string' && /^\d{1,15}$/.test(id) ? id : undefined
}

/** An EventSource that comes again, and what it had is not to be run again (W6). */
export function isOver({ method, target }: ServedRoute, request: IncomingMessage): boolean {
  if (formOf(method, request) !== 'events') return false
  if (request.headers['last-event-id'] === 'end') return true
  const asks = target.description.headers.includes('last-event-id')
  return target.kind === 'action' && !asks && lastEventOf(request) !== undefined
}

function formOf(method: MethodType, request: IncomingMessage): Form {
  if (!method.serverStreaming) return 'once'
  if (request.headers.accept?.startsWith('text/event-stream')) return 'events'
  return isHttpBody(method.output) ? 'raw' : 'lines'
}
