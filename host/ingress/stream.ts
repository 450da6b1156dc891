// Stream: one open call whose request or answer is a stream, between a protocol and the host.
//
// T1. The host hears that the client left exactly once, and never after it ended the call itself; after either, nothing more
//     reaches the client.
// T2. Where the answer is one message, one is sent: it waits for the end, further ones are logged and left out, and an end
//     without any is INTERNAL.
// T3. At most `streamsMax` are open, with a share for each service and each client's address (shares.S3). One counts until its
//     connection is done with it, so that clients that do not read what they were sent count as well.
// T4. `ready` is what the protocol's buffer says: a producer that heeds it keeps memory bounded, however slow the client.
//
// Owns: the order of calls on both sides, and counting.   The protocols own: bytes and their buffers.

import type { Command, Failed, Receiver, StreamCall } from '../command.ts'
import { InnkeeperError, toInnkeeperError } from '../errors.ts'
import type { Metadata } from '../metadata.ts'
import type { ServiceMetrics } from '../observe/metrics.ts'
import type { MethodType } from '../schema/schema.ts'
import { Shares, usedUpBy } from '../shares.ts'
import type { IngressContext } from './context.ts'

/** The client's side, as a protocol implements it. */
export interface Wire {
  /** False while what was written waits for the client. When it is true again the protocol calls `Stream.resume`. */
  readonly ready: boolean
  /** `first`: nothing was sent before, and the metadata becomes headers. May throw: the stream then fails with that. */
  element(payload: Uint8Array, metadata: Metadata, first: boolean): void
  /** The last call. `started`: an element was sent before. */
  end(failed: Failed | undefined, started: boolean): void
  inputTaken(): void
  /** `Receiver.owes`. */
  owes(bytes: number): void
}

/** All open streams of the service port. */
export class Streams {
  private readonly context: IngressContext
  private readonly running = new Set<Stream>()
  private readonly byService: Shares
  private readonly byClient: Shares

  constructor(context: IngressContext) {
    this.context = context
    this.byService = new Shares(context.limits.streamsMax)
    this.byClient = new Shares(context.limits.streamsMax)
  }

  /** Why there is no place for another. */
  refusal(service: string, client: string): InnkeeperError | undefined {
    const max = this.context.limits.streamsMax
    if (this.byService.full)
      return new InnkeeperError('overloaded', `too many open streams: ${max} are allowed; try again later`)
    const [ofService, ofClient] = [this.byService.of(service), this.byClient.of(client)]
    const whose = usedUpBy(max, this.byService.all, ofService, ofClient, 1)
    if (whose === 'service') return usedUp(service, ofService, max)
    return whose === 'client' ? usedUp('your address', ofClient, max) : undefined
  }

  /** Take one of the `streamsMax` places; what it returns gives the place back (once, however often it is called).
   *  @throws InnkeeperError `overloaded` */
  enter(service: string, client: string): () => void {
    const refusal = this.refusal(service, client)
    if (refusal !== undefined) throw refusal
    this.byService.take(service, 1)
    this.byClient.take(client, 1)
    const recorder = this.context.metrics.of(service)
    recorder.streamOpened()
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      this.byService.give(service, 1)
      this.byClient.give(client, 1)
      recorder.streamClosed()
    }
  }

  add(stream: Stream): void {
    this.running.add(stream)
  }

  remove(stream: Stream): void {
    this.running.delete(stream)
  }

  /** The wait for running calls is over: what is still open ends with UNAVAILABLE. False where nothing was. */
  stop(): boolean {
    const some = this.running.size > 0
    for (const stream of this.running) stream.fail(new InnkeeperError('stopping', 'the host is stopping; try again'))
    return some
  }
}

function usedUp(who: string, open: number, max: number): InnkeeperError {
  const message = `too many open streams: ${who} has used up its share, ${open} of ${max}; end some, or try again later`
  return new InnkeeperError('overloaded', message)
}

export interface StreamParts {
  readonly context: IngressContext
  readonly streams: Streams
  readonly wire: Wire
  readonly service: string
  readonly method: MethodType
}

export class Stream implements Receiver {
  private readonly parts: StreamParts
  private readonly recorder: ServiceMetrics
  private readonly startedMs = performance.now()
  /** Empty until it is opened. */
  private requestId = ''
  private call: StreamCall | undefined
  private ended = false
  private started = false
  private owesCancel = false
  /** The answer of a method that answers once. */
  private held: { readonly payload: Uint8Array; readonly metadata: Metadata } | undefined

  constructor(parts: StreamParts) {
    this.parts = parts
    this.recorder = parts.context.metrics.of(parts.service)
  }

  open(command: Command): void {
    if (this.ended) return
    const { context, streams } = this.parts
    this.requestId = command.requestId
    this.recorder.received()
    streams.add(this)
    try {
      this.call = context.open(command, this)
    } catch (error) {
      this.end({ kind: 'error', error: toInnkeeperError(error) })
      return
    }
    // It failed on this side while it was being opened, when there was nothing to cancel yet.
    if (this.owesCancel) this.call.cancel()
  }

  // What the client does.

  /** False: read no more until `Wire.inputTaken`. */
  item(payload: Uint8Array): boolean {
    return this.ended || this.call === undefined || this.call.item(payload)
  }

  halfClose(): void {
    if (!this.ended) this.call?.halfClose()
  }

  /** The client left, or its protocol ended the call. */
  cancel(): void {
    // A client that had enough did not fail.
    if (this.finish(true)) this.cancelCall()
  }

  resume(): void {
    if (!this.ended) this.call?.resume()
  }

  /** This side cannot go on. */
  fail(error: InnkeeperError): void {
    if (!this.finish(false)) return
    this.cancelCall()
    this.parts.wire.end({ kind: 'error', error }, this.started)
  }

  // What the host does.

  /** Not after the end either: a producer in a loop stops, and has been told to. */
  get ready(): boolean {
    return !this.ended && this.parts.wire.ready
  }

  next(payload: Uint8Array, metadata: Metadata): void {
    if (this.ended) return
    if (this.parts.method.serverStreaming) this.send(payload, metadata)
    else if (this.held === undefined) this.held = { payload, metadata }
    else this.log('a call that answers once was answered twice; the second answer is left out')
  }

  end(failed?: Failed): void {
    if (this.ended) return
    let result = failed
    if (result === undefined && !this.parts.method.serverStreaming) {
      if (this.held !== undefined) this.send(this.held.payload, this.held.metadata)
      else {
        const message = `the function ended without an answer (request ${this.requestId})`
        result = { kind: 'error', error: new InnkeeperError('guest_fault', message) }
      }
    }
    if (!this.finish(result === undefined)) return
    if (result?.kind === 'error' && result.error.code === 'internal') this.log('a stream failed', result.error)
    this.parts.wire.end(result, this.started)
  }

  inputTaken(): void {
    if (!this.ended) this.parts.wire.inputTaken()
  }

  owes(bytes: number): void {
    this.parts.wire.owes(bytes)
  }

  private send(payload: Uint8Array, metadata: Metadata): void {
    const first = !this.started
    try {
      this.parts.wire.element(payload, metadata, first)
    } catch (thrown) {
      const error = toInnkeeperError(thrown)
      this.log('an element cannot be sent', error)
      this.fail(error)
      return
    }
    this.started = true
    this.recorder.streamed()
  }

  /** True for the one who ends it. */
  private finish(ok: boolean): boolean {
    if (this.ended) return false
    this.ended = true
    this.parts.streams.remove(this)
    if (this.requestId !== '') this.recorder.completed((performance.now() - this.startedMs) / 1000, ok)
    // What the client still sends is read and dropped: a protocol that was told to wait would wait for ever.
    this.parts.wire.inputTaken()
    return true
  }

  private cancelCall(): void {
    if (this.call === undefined) this.owesCancel = true
    else this.call.cancel()
  }

  private log(what: string, err?: unknown): void {
    const { context, service, method } = this.parts
    context.log.error({ requestId: this.requestId, service, method: method.name, err }, what)
  }
}
