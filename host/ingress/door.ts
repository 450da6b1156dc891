// Door: where the call of a client becomes a command, whatever protocol it came by. What is done alike for all of them is done here, once.
//
// D1. A client's command is made here and nowhere else (plain-call.ts).
// D2. A command is counted once as received and once as completed; as refused as well where there was no room for it, with the time since its last
//     byte came. What fails before it is a command is not counted.
// D3. What fails of the host itself is logged once, with the id of the request.
// D4. A call for which there is no room is turned away before anything else is done for it (early.ts).
//
// Who calls is a question for `admit`: all that a protocol knows of a client comes by there, before anything is done for it.
//
// Owns: the way of a call to its command, and what is counted and logged of it.   The protocols own: bytes, and what an answer looks like.
//   stream.ts owns: the life of a streamed call.   places.ts owns: how many there may be.

import type { Answer, Command, Receiver, StreamCall } from '../command.ts'
import { InnkeeperError, toInnkeeperError } from '../errors.ts'
import type { ServiceMetrics } from '../observe/metrics.ts'
import type { MethodType } from '../schema/schema.ts'
import type { IngressContext } from './context.ts'
import type { EarlyRefusal } from './early.ts'
import { Early } from './early.ts'
import { Places } from './places.ts'
import type { Draft, PlainCall } from './plain-call.ts'
import { commandOf } from './plain-call.ts'
import type { StreamDoor, Target, Wire } from './stream.ts'
import { Stream } from './stream.ts'

/** The client's side of a call that is answered once. */
export interface Caller {
  /** When the first byte of it came, and the last, of `performance.now()`. */
  readonly startedMs: number
  readonly wholeMs: number
  answered(answer: Answer): void
  /** `then` is called once the client has the answer. Without it, that is when `answered` returns. */
  whenTold?(then: () => void): void
}

export class Door implements StreamDoor {
  private readonly context: IngressContext
  private readonly places: Places
  private readonly running = new Set<Stream>()
  private readonly early: Early

  constructor(context: IngressContext) {
    this.context = context
    this.places = new Places(context)
    this.early = new Early(context, this.places)
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
    return commandOf(call, this.context)
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

  /** As `call`, of a caller that waits for room: false where there is none now, and then nothing has happened. */
  offer(command: Draft, payload: Uint8Array, caller: Caller): boolean {
    command.payload = payload
    let entering = true
    let room = true
    let recorder: ServiceMetrics | undefined
    this.context.dispatch(command, (answer) => {
      if (entering && answer.kind === 'error' && answer.error.code === 'overloaded') {
        room = false
        return
      }
      recorder ??= this.received(command.service)
      this.completed(recorder, caller.startedMs, answer.kind === 'reply')
      if (answer.kind === 'error') this.failure(answer.error, command.requestId, command)
      caller.answered(answer)
    })
    entering = false
    if (room) recorder ??= this.received(command.service)
    return room
  }

  /** A place for a stream; what it answers gives the place back. @throws InnkeeperError `overloaded` */
  enter(service: string, client: string): () => void {
    return this.places.enter(service, client)
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

  /** The wait for running calls is over: what is still open ends with UNAVAILABLE. False where nothing was. */
  endStreams(): boolean {
    const some = this.running.size > 0
    for (const stream of this.running) stream.fail(new InnkeeperError('stopping', 'the host is stopping; try again'))
    return some
  }

  // What streams ask for.

  opening(stream: Stream, command: Command, receiver: Receiver): StreamCall {
    this.running.add(stream)
    return this.context.open(command, receiver)
  }

  over(stream: Stream): void {
    this.running.delete(stream)
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
