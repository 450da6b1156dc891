// Stream: one open call whose request or answer is a stream, between a protocol and the host.
//
// T1. However it ends, that is counted once, and the protocol is told to read on: what its client still sends is dropped. What either side may
//     hear is its lifeline's (lifeline.ts).
// T2. Where the answer is one message, one is sent: it waits for the end, further ones are logged and left out, and an end
//     without any is INTERNAL.
// T3. `ready` is what the protocol's buffer says: a producer that heeds it keeps memory bounded, however slow the client.
//
// Owns: what an answer of one message is, and when a stream is counted.   The protocols own: bytes and their buffers.
//   door.ts owns: the counts, and the log.   places.ts owns: how many there may be.

import type { Command, Failed, Receiver, StreamCall } from '../command.ts'
import { type Commits, together } from '../commits.ts'
import { InnkeeperError, toInnkeeperError } from '../errors.ts'
import { Lifeline } from '../lifeline.ts'
import type { Metadata } from '../metadata.ts'
import type { ServiceMetrics } from '../observe/metrics.ts'
import type { MethodType } from '../schema/schema.ts'
import type { Draft } from './plain-call.ts'

/** The client's side, as a protocol implements it. */
export interface Wire {
  /** False while what was written waits for the client. When it is true again the protocol calls `Stream.resume`. */
  readonly ready: boolean
  /** `first`: nothing was sent before, and the metadata becomes headers. May throw: the stream then fails with that. */
  element(payload: Uint8Array, metadata: Metadata, first: boolean, commits: Commits | undefined): void
  /** The last call. `started`: an element was sent before. `commits`: all that the stream tells of. */
  end(failed: Failed | undefined, started: boolean, commits: Commits | undefined): void
  inputTaken(): void
  /** `Receiver.owes`. */
  owes(bytes: number): void
}

/** What a stream needs of the door (door.ts). */
export interface StreamDoor {
  /** The way into the host, for a stream that is open until `over`. */
  opening(stream: Stream, command: Command, receiver: Receiver): StreamCall
  over(stream: Stream): void
  received(service: string): ServiceMetrics
  completed(recorder: ServiceMetrics, startedMs: number, ok: boolean): void
  failure(thrown: unknown, requestId: string, of?: Target): InnkeeperError
  log(command: Command, what: string, error?: InnkeeperError): void
}

/** What is called. */
export type Target = Pick<Command, 'service' | 'method'>

interface StreamParts {
  readonly door: StreamDoor
  readonly wire: Wire
  readonly command: Draft
  readonly method: MethodType
}

export class Stream implements Receiver {
  private readonly parts: StreamParts
  private readonly life = new Lifeline(this)
  private readonly startedMs = performance.now()
  /** Once it is open. */
  private recorder: ServiceMetrics | undefined
  private started = false
  /** What it tells of so far. */
  private commits: Commits | undefined
  /** The answer of a method that answers once. */
  private held: { readonly payload: Uint8Array; readonly metadata: Metadata } | undefined

  constructor(parts: StreamParts) {
    this.parts = parts
  }

  /** `payload`: the request of a method that takes one message; of others none. */
  open(payload?: Uint8Array): void {
    if (this.life.over) return
    const { door, command } = this.parts
    if (payload !== undefined) command.payload = payload
    this.recorder = door.received(command.service)
    try {
      this.life.run(door.opening(this, command, this.life))
    } catch (error) {
      this.life.end({ kind: 'error', error: toInnkeeperError(error) })
    }
  }

  // What the client does.

  /** False: read no more until `Wire.inputTaken`. */
  item(payload: Uint8Array): boolean {
    return this.life.item(payload)
  }

  halfClose(): void {
    this.life.halfClose()
  }

  /** The client left, or its protocol ended the call. */
  cancel(): void {
    // A client that had enough did not fail.
    if (this.life.cancel()) this.finish(true)
  }

  resume(): void {
    this.life.resume()
  }

  /** This side cannot go on. */
  fail(thrown: unknown): void {
    if (!this.life.cancel()) return
    const { door, command } = this.parts
    this.close({ kind: 'error', error: door.failure(thrown, command.requestId, command) })
  }

  // What the host does, by its lifeline.

  get ready(): boolean {
    return this.parts.wire.ready
  }

  next(payload: Uint8Array, metadata: Metadata, commits?: Commits): void {
    this.commits = together(this.commits, commits)
    const { door, command, method } = this.parts
    if (!method.serverStreaming) {
      if (this.held === undefined) this.held = { payload, metadata }
      else door.log(command, 'a call that answers once was answered twice; the second answer is left out')
      return
    }
    const failed = this.send(payload, metadata)
    if (failed !== undefined && this.life.cancel()) this.close(failed)
  }

  end(failed?: Failed, commits?: Commits): void {
    this.commits = together(this.commits, commits)
    const { door, command } = this.parts
    if (failed?.kind === 'error') door.failure(failed.error, command.requestId, command)
    this.close(failed ?? this.settle())
  }

  inputTaken(): void {
    this.parts.wire.inputTaken()
  }

  owes(bytes: number): void {
    this.parts.wire.owes(bytes)
  }

  /** The answer of a method that answers once, now that all is well. */
  private settle(): Failed | undefined {
    const { method, command } = this.parts
    if (method.serverStreaming) return undefined
    if (this.held !== undefined) return this.send(this.held.payload, this.held.metadata)
    const message = `the function ended without an answer (request ${command.requestId})`
    return { kind: 'error', error: new InnkeeperError('guest_fault', message) }
  }

  /** How that failed. */
  private send(payload: Uint8Array, metadata: Metadata): Failed | undefined {
    const { door, wire, command } = this.parts
    const first = !this.started
    try {
      wire.element(payload, metadata, first, this.commits)
    } catch (thrown) {
      const error = door.failure(thrown, command.requestId, command)
      if (error.code !== 'internal') door.log(command, 'an element cannot be sent', error)
      return { kind: 'error', error }
    }
    this.started = true
    this.recorder?.streamed()
    return undefined
  }

  /** The last word to the client. */
  private close(failed: Failed | undefined): void {
    this.finish(failed === undefined)
    this.parts.wire.end(failed, this.started, this.commits)
  }

  private finish(ok: boolean): void {
    const { door, wire } = this.parts
    door.over(this)
    if (this.recorder !== undefined) door.completed(this.recorder, this.startedMs, ok)
    // A protocol that was told to wait would wait for ever.
    wire.inputTaken()
  }
}
