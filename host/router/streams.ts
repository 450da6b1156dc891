// Streams: what the router puts around every streamed call, so that whoever answers and whoever listens may be careless.
//
// T1. A receiver hears `end` exactly once, and nothing after it or after `cancel`; a call hears `cancel` at most once, and
//     nothing after its end (command.ts).
// T2. A stream with a deadline ends at it: the client is told DEADLINE_EXCEEDED, the other side that the client left (§deadline-3).
// T3. A streamed method that is called for one answer (an effect, a forward of a unary call) runs to its end; the first
//     element is the answer, the others are discarded (§stream-6).
//
// Owns: the two ends of a stream.   reply/outputs.ts owns: its order.

import { timerMsMax } from '../clock.ts'
import type { Command, Failed, Receiver, Reply, StreamCall } from '../command.ts'
import { InnkeeperError } from '../errors.ts'
import type { Metadata } from '../metadata.ts'
import { noMetadata } from '../metadata.ts'

export class GuardedStream implements Receiver, StreamCall {
  private readonly receiver: Receiver
  private inner: StreamCall | undefined
  private over = false
  private timer: NodeJS.Timeout | undefined

  constructor(receiver: Receiver) {
    this.receiver = receiver
  }

  /** The call that answers; `deadlineMs` from now, infinite: none. */
  run(inner: StreamCall, deadlineMs: number): void {
    if (this.over) return
    this.inner = inner
    if (deadlineMs > timerMsMax) return
    this.timer = setTimeout(() => this.expire(), Math.max(0, deadlineMs))
  }

  get ready(): boolean {
    return !this.over && this.receiver.ready
  }

  next(payload: Uint8Array, metadata: Metadata): void {
    if (!this.over) this.receiver.next(payload, metadata)
  }

  end(failed?: Failed): void {
    if (this.over) return
    this.stop()
    this.receiver.end(failed)
  }

  inputTaken(): void {
    if (!this.over) this.receiver.inputTaken()
  }

  owes(bytes: number): void {
    this.receiver.owes(bytes)
  }

  item(payload: Uint8Array): boolean {
    return this.over || this.inner === undefined || this.inner.item(payload)
  }

  halfClose(): void {
    if (!this.over) this.inner?.halfClose()
  }

  cancel(): void {
    if (this.over) return
    const { inner } = this
    this.stop()
    inner?.cancel()
  }

  resume(): void {
    if (!this.over) this.inner?.resume()
  }

  private expire(): void {
    const { inner } = this
    const error = new InnkeeperError('deadline_exceeded', 'the stream was open until its deadline')
    this.end({ kind: 'error', error })
    inner?.cancel()
  }

  private stop(): void {
    this.over = true
    this.inner = undefined
    clearTimeout(this.timer)
  }
}

/** A receiver that takes everything and answers once. */
export function once(reply: Reply): Receiver {
  let first: { payload: Uint8Array; metadata: Metadata } | undefined
  return {
    ready: true,
    next(payload, metadata) {
      first ??= { payload, metadata }
    },
    inputTaken() {},
    owes() {},
    end(failed) {
      if (failed !== undefined) reply(failed)
      else
        reply({ kind: 'reply', payload: first?.payload ?? new Uint8Array(), metadata: first?.metadata ?? noMetadata })
    },
  }
}

/** A reply that is the one element of a stream. */
export function single(receiver: Receiver): Reply {
  return (answer) => {
    if (answer.kind !== 'reply') {
      receiver.end(answer)
      return
    }
    receiver.next(answer.payload, answer.metadata)
    receiver.end()
  }
}

/** Without what only makes sense for a command that is answered once. */
export function streamed(command: Command): Command {
  return { ...command, idempotencyKey: undefined, effect: undefined }
}

export const noCall: StreamCall = { item: () => true, halfClose() {}, cancel() {}, resume() {} }
