// Outputs: what one client's stream is still to be given, in order.
//
// U1. Each output is dealt with wholly before the next: its effects (synchronous ones awaited), then its element, or what
//     the target of its forward answers in its place (§forward-5).
// U2. An element is given only while the receiver is ready; what cannot be given yet waits here, counted, so that whoever
//     produces can hold back or give up.
// U3. A failure ends the stream; what came after it is dropped. Effects were committed with their cause, so they run
//     whatever becomes of the stream.
// U4. What waits is counted by the receiver (`Receiver.owes`), whatever it is: messages, forwards, failures, and a little for each that says nothing.
//
// Owns: the order of a stream.   Producers own: the commits, and their bounds.   The ingress owns: the client's side.

import type { Command, Failed, Open, Receiver } from '../command.ts'
import { type Commits, together } from '../commits.ts'
import { chainOf } from '../delivery/chains.ts'
import type { Outbox } from '../delivery/outbox.ts'
import type { EffectEntry } from '../effect.ts'
import { tooManyHops } from '../errors.ts'
import { Lifeline } from '../lifeline.ts'
import type { Limits } from '../limits.ts'
import type { Metadata } from '../metadata.ts'
import { metadataBytes } from '../metadata.ts'
import type { Call, GuestAnswer } from '../outcome.ts'

export interface Output {
  readonly answer: GuestAnswer
  readonly metadata: Metadata
  /** In the outbox since the commit of what caused this output. */
  readonly effects: readonly EffectEntry[]
}

export interface OutputsContext {
  readonly outbox: Pick<Outbox, 'run'>
  readonly open: Open
  readonly limits: Limits
}

/** What the producer hears of its stream. */
interface Producer {
  /** All that was put has been given, and the receiver takes more. */
  idle(): void
  /** The stream was cut by a failure that was put, or by that of a forward. `cancel` is not called any more. */
  cut(): void
}

export class Outputs {
  private readonly context: OutputsContext
  private readonly receiver: Receiver
  private readonly command: Command
  private readonly producer: Producer
  private queue: Output[] = []
  private bytes = 0
  /** Effects or a forward are under way. */
  private busy = false
  private inner: Lifeline | undefined
  private finished = false
  private over = false
  /** All that the stream tells of: of what waits, too, which is on disk. */
  private told: Commits | undefined

  constructor(context: OutputsContext, receiver: Receiver, command: Command, producer: Producer) {
    this.context = context
    this.receiver = receiver
    this.command = command
    this.producer = producer
  }

  /** Outputs that wait. */
  get waiting(): number {
    return this.queue.length
  }

  /** Bytes of what waits, with what it takes to keep it. */
  get waitingBytes(): number {
    return this.bytes
  }

  /** Nothing waits and the receiver takes more. */
  get idle(): boolean {
    return !this.over && !this.busy && this.queue.length === 0 && this.receiver.ready
  }

  /** `commits`: those that brought it. */
  put(output: Output, commits?: Commits): void {
    this.told = together(this.told, commits)
    if (this.over) {
      this.runEffects(output)
      return
    }
    this.queue.push(output)
    this.weigh(weightOf(output))
    this.go()
  }

  /** End the stream, well, after what was put. */
  finish(): void {
    this.finished = true
    this.go()
  }

  /** End the stream now: what waits is dropped. */
  fail(failed: Failed | undefined): void {
    if (this.over) return
    this.stop()
    this.receiver.end(failed, this.told)
  }

  /** The client left. */
  cancel(): void {
    if (!this.over) this.stop()
  }

  /** The receiver is ready again. */
  resume(): void {
    if (this.inner !== undefined) this.inner.resume()
    else this.go()
  }

  private stop(): void {
    this.over = true
    const dropped = this.queue
    this.queue = []
    this.weigh(-this.bytes)
    this.inner?.cancel()
    this.inner = undefined
    for (const output of dropped) this.runEffects(output)
  }

  private runEffects({ effects }: Output): void {
    if (effects.length > 0) this.context.outbox.run(effects, Number.POSITIVE_INFINITY, () => {})
  }

  private go(): void {
    while (!this.over && !this.busy) {
      const output = this.queue[0]
      if (output === undefined) {
        this.rest()
        return
      }
      if (output.effects.length > 0) {
        this.busy = true
        // Not a loop of its own: effects may end at once, and then the loop here goes on.
        let waits = false
        this.queue[0] = { ...output, effects: [] }
        this.context.outbox.run(output.effects, this.command.deadlineMs, (commits) => {
          this.told = together(this.told, commits)
          this.busy = false
          if (waits) this.go()
        })
        waits = true
        continue
      }
      if (output.answer.kind === 'message' && !this.receiver.ready) return
      this.queue.shift()
      this.weigh(-weightOf(output))
      this.give(output)
    }
  }

  private weigh(bytes: number): void {
    this.bytes += bytes
    this.receiver.owes(bytes)
  }

  /** Nothing waits. */
  private rest(): void {
    if (this.finished) {
      this.over = true
      this.receiver.end(undefined, this.told)
    } else if (this.receiver.ready) this.producer.idle()
  }

  private give({ answer, metadata }: Output): void {
    switch (answer.kind) {
      case 'none':
        return
      case 'message':
        this.receiver.next(answer.payload, metadata, this.told)
        return
      case 'failure':
        this.cut({ kind: 'refusal', failure: answer.failure, metadata })
        return
      case 'forward':
        this.forward(answer.call)
    }
  }

  private cut(failed: Failed): void {
    this.stop()
    this.receiver.end(failed, this.told)
    this.producer.cut()
  }

  /** The target's answers stand in the place of the element (§forward-5). */
  private forward(call: Call): void {
    const { hopsMax } = this.context.limits
    const { deadlineMs, requestId } = this.command
    const hops = this.command.hops + 1
    if (hops > hopsMax) {
      this.cut({ kind: 'error', error: tooManyHops(hopsMax) })
      return
    }
    this.busy = true
    const { receiver } = this
    const command: Command = {
      ...call,
      idempotencyKey: undefined,
      deadlineMs,
      hops,
      requestId,
      effect: undefined,
      chain: chainOf(this.command),
      by: this.command,
    }
    let returned = false
    const inner = new Lifeline({
      get ready() {
        return receiver.ready
      },
      next: (payload, metadata, commits) => {
        this.told = together(this.told, commits)
        receiver.next(payload, metadata, this.told)
      },
      inputTaken() {},
      owes: (bytes) => receiver.owes(bytes),
      end: (failed, commits) => {
        this.told = together(this.told, commits)
        this.inner = undefined
        this.busy = false
        if (failed !== undefined) this.cut(failed)
        else if (returned) this.go()
      },
    })
    this.inner = inner
    inner.run(this.context.open(command, inner))
    returned = true
  }
}

/** Bytes that an output takes besides what it says. */
const outputBytes = 256

function weightOf({ answer, metadata }: Output): number {
  return outputBytes + metadataBytes(metadata) + bytesOf(answer)
}

function bytesOf(answer: GuestAnswer): number {
  switch (answer.kind) {
    case 'message':
      return answer.payload.length
    case 'forward':
      return answer.call.payload.length + metadataBytes(answer.call.metadata)
    case 'failure':
      return answer.failure.details.reduce((sum, { data }) => sum + data.length, answer.failure.message.length)
    case 'none':
    case 'later':
      return 0
  }
}
