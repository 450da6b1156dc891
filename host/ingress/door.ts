// Door: where the call of a client becomes a command, whatever protocol it came by. What is done alike for all of them is done here, once.
//
// D1. A client's command is made here and nowhere else: its metadata and key are within bounds, and it has the host's deadline where its client
//     named none.
// D2. A command is counted once as received and once as completed; as refused as well where there was no room for it, with the time since its last
//     byte came. What fails before it is a command is not counted.
// D3. What fails of the host itself is logged once, with the id of the request.
// D4. A call for which there is no room is turned away before anything else is done for it (early.ts).
//
// Who calls is a question for `admit`: all that a protocol knows of a client comes by there, before anything is done for it.
//
// Owns: the way of a call to its command, and what is counted and logged of it.   The protocols own: bytes, and what an answer looks like.
//   stream.ts owns: the life of a streamed call, and places for them.

import type { Answer, Command, Receiver, StreamCall } from '../command.ts'
import { InnkeeperError, toInnkeeperError } from '../errors.ts'
import type { Metadata } from '../metadata.ts'
import { metadataBytes } from '../metadata.ts'
import type { ServiceMetrics } from '../observe/metrics.ts'
import type { MethodType } from '../schema/schema.ts'
import type { IngressContext } from './context.ts'
import type { EarlyRefusal } from './early.ts'
import { Early } from './early.ts'
import type { Draft, StreamDoor, Target, Wire } from './stream.ts'
import { Stream, Streams } from './stream.ts'

/** A call as its protocol knows it. */
export interface PlainCall {
  readonly service: string
  readonly method: string
  readonly streamed: boolean
  /** What the function may see of its headers. */
  readonly metadata: Metadata
  /** What the protocol's users call that. */
  readonly metadataName: 'metadata' | 'headers'
  /** As it was given; a list where it was more than once. */
  readonly idempotencyKey: string | readonly string[] | undefined
  /** Milliseconds since 1970; infinite where its client named none. */
  readonly deadlineMs: number
  /** As `Door.requestId` answered. */
  readonly requestId: string
  readonly client: string
}

/** The client's side of a call that is answered once. */
export interface Caller {
  /** When the first byte of it came, and the last, of `performance.now()`. */
  readonly startedMs: number
  readonly wholeMs: number
  answered(answer: Answer): void
  /** `then` is called once the client has the answer. Without it, that is when `answered` returns. */
  whenTold?(then: () => void): void
}

const nothing: Uint8Array = new Uint8Array(0)

export class Door implements StreamDoor {
  private readonly context: IngressContext
  private readonly streams: Streams
  private readonly early: Early

  constructor(context: IngressContext) {
    this.context = context
    this.streams = new Streams(context)
    this.early = new Early(context, this.streams)
  }

  /** The client's own id if it is one, else a fresh one. */
  requestId(given: unknown): string {
    return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : this.context.requestId()
  }

  /** Asked as soon as a protocol knows that something is called. @throws InnkeeperError `storage_unavailable` while the host takes no calls. */
  checkReady(): void {
    const unready = this.context.unready()
    if (unready !== undefined) throw new InnkeeperError('storage_unavailable', unready)
  }

  /** @throws InnkeeperError `metadata_too_large`, `bad_request` */
  admit(call: PlainCall): Draft {
    const { limits, clock, deadlineMs: waitMs } = this.context
    const { deadlineMs } = call
    return {
      service: call.service,
      method: call.method,
      payload: nothing,
      metadata: checkedMetadata(call, limits.metadataBytesMax),
      idempotencyKey: checkedKey(call.idempotencyKey, limits.nameLengthMax),
      deadlineMs: call.streamed || Number.isFinite(deadlineMs) ? deadlineMs : clock.now() + waitMs,
      hops: 0,
      requestId: call.requestId,
      effect: undefined,
      client: call.client,
    }
  }

  /** A call that is answered once. */
  call(command: Draft, payload: Uint8Array, caller: Caller): void {
    const recorder = this.received(command.service)
    command.payload = payload
    this.context.dispatch(command, (answer) => {
      this.completed(recorder, caller.startedMs, answer.kind === 'reply')
      if (answer.kind === 'error') this.failure(answer.error, command.requestId, command)
      caller.answered(answer)
      if (answer.kind !== 'error' || answer.error.code !== 'overloaded') return
      const refused = () => recorder.refused((performance.now() - caller.wholeMs) / 1000)
      if (caller.whenTold === undefined) refused()
      else caller.whenTold(refused)
    })
  }

  /** A place for a stream; what it answers gives the place back. @throws InnkeeperError `overloaded` */
  enter(service: string, client: string): () => void {
    return this.streams.enter(service, client)
  }

  /** A call whose request or answer is a stream, and that has its place. */
  stream(wire: Wire, command: Draft, method: MethodType): Stream {
    return new Stream({ door: this, wire, command, method })
  }

  /** Why a call is refused before anything is done for it. `path`: as gRPC has it. */
  earlyRefusal(path: string, client: string): EarlyRefusal | undefined {
    return this.early.refusal(path, client)
  }

  /** Its client was told of an early refusal. */
  turnedAway({ service }: EarlyRefusal, wholeMs: number): void {
    const recorder = this.received(service)
    this.completed(recorder, wholeMs, false)
    recorder.refused((performance.now() - wholeMs) / 1000)
  }

  /** What was thrown, as what a client is told; it is logged where it is the host's own failure. */
  failure(thrown: unknown, requestId: string, of?: Target): InnkeeperError {
    const error = toInnkeeperError(thrown)
    if (error.code === 'internal') {
      const [service, method] = [of?.service, of?.method]
      this.context.log.error({ requestId, service, method, err: thrown }, 'a call failed')
    }
    return error
  }

  /** False where no stream was open. */
  stopStreams(): boolean {
    return this.streams.stop()
  }

  // What streams ask for.

  opening(stream: Stream, command: Command, receiver: Receiver): StreamCall {
    this.streams.add(stream)
    return this.context.open(command, receiver)
  }

  over(stream: Stream): void {
    this.streams.remove(stream)
  }

  received(service: string): ServiceMetrics {
    const recorder = this.context.metrics.of(service)
    recorder.received()
    return recorder
  }

  completed(recorder: ServiceMetrics, startedMs: number, ok: boolean): void {
    recorder.completed((performance.now() - startedMs) / 1000, ok)
  }

  log({ requestId, service, method }: Command, what: string, err?: InnkeeperError): void {
    this.context.log.error({ requestId, service, method, err }, what)
  }
}

function checkedMetadata({ metadata, metadataName }: PlainCall, max: number): Metadata {
  if (metadata.length > 0 && metadataBytes(metadata) > max)
    throw new InnkeeperError('metadata_too_large', `${metadataName} for the service may have ${max} bytes`)
  return metadata
}

/** One value of at most `max` characters of printable ASCII. The header's draft standard makes it a quoted string; the quotes are
 *  not part of it, so `"k"` and `k` are one key. */
function checkedKey(given: PlainCall['idempotencyKey'], max: number): string | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'string')
    throw new InnkeeperError('bad_request', 'the header idempotency-key is there more than once')
  const key = unquoted(given)
  if (key.length === 0 || key.length > max || !/^[\x20-\x7e]*$/.test(key))
    throw new InnkeeperError('bad_request', `an idempotency key has 1 to ${max} printable ASCII characters`)
  return key
}

/** A string of RFC 8941 without its quotes; any other text as it is. */
function unquoted(text: string): string {
  const [, inside] = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text) ?? []
  return inside?.replace(/\\(["\\])/g, '$1') ?? text
}
