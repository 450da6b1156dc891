// Open stream: one client's streamed call on a replicated entity, from its command to its end.
//
//   waiting ──▶ open ──▶ ended          waiting: its command was not decided yet
//      └──────────────────▲             open:    a subscription of it is on disk
//
// P1. The entity hears that the client left exactly once, and only of a stream that is open; one whose command waits is
//     dropped like any command that nobody waits for.
// P2. A client that reads slower than its entity changes has a backlog, up to `streamBacklogMax` messages and
//     `streamBacklogBytesMax`; past that its stream ends with `overloaded`, and the entity hears that it left.
//
// Owns: the stream's life.   Outputs own: its elements.   replicated/ owns: what is told, and when it ends.

import type { Command, Failed, Receiver, StreamCall } from '../command.ts'
import type { Commits } from '../commits.ts'
import { InnkeeperError } from '../errors.ts'
import type { GuestSubscription } from '../guest/guest.ts'
import type { Limits } from '../limits.ts'
import type { Output, OutputsContext } from '../reply/outputs.ts'
import { Outputs } from '../reply/outputs.ts'

/** Streams of one entity that are told, or ended, in one turn of the loop. */
export const tellMax = 256

export interface StreamOwner {
  /** The client of an open stream left, or was cut off: its turn to hear of it. */
  left(stream: OpenStream): void
}

export class OpenStream implements StreamCall {
  readonly command: Command
  /** What the guest knows it by, once it is open. */
  subscription: GuestSubscription | undefined
  /** Set by `StreamCall.cancel` while the command waits. */
  abandoned = false
  private readonly outputs: Outputs
  private readonly limits: Limits
  private owner: StreamOwner | undefined
  private ended = false

  constructor(context: OutputsContext, command: Command, receiver: Receiver) {
    this.command = command
    this.limits = context.limits
    this.outputs = new Outputs(context, receiver, command, { idle() {}, cut: () => this.leave() })
  }

  /** Nothing reaches the client any more. */
  get gone(): boolean {
    return this.abandoned || this.ended
  }

  /** The subscription is on disk. */
  opened(subscription: GuestSubscription, owner: StreamOwner): void {
    this.subscription = subscription
    if (!this.gone) {
      this.owner = owner
      return
    }
    // It left, or was cut, while its commit was under way.
    this.ended = true
    owner.left(this)
  }

  /** `commits`: those that brought it. */
  tell(output: Output, commits?: Commits): void {
    if (this.ended || this.abandoned) {
      this.outputs.put(output)
      return
    }
    const { streamBacklogMax, streamBacklogBytesMax } = this.limits
    if (this.outputs.waiting >= streamBacklogMax || this.outputs.waitingBytes > streamBacklogBytesMax) {
      const message = 'the client reads more slowly than the entity changes; open the stream again'
      this.fail({ kind: 'error', error: new InnkeeperError('overloaded', message) })
      this.leave()
      return
    }
    this.outputs.put(output, commits)
  }

  /** The entity ends the stream, after what was told: nobody hears of it. */
  finish(): void {
    this.owner = undefined
    this.ended = true
    this.outputs.finish()
  }

  /** Ends the stream from the host's side; the caller removes the subscription. */
  fail(failed: Failed | undefined): void {
    this.outputs.fail(failed)
  }

  item(): boolean {
    return true
  }

  halfClose(): void {}

  cancel(): void {
    this.outputs.cancel()
    this.leave()
  }

  resume(): void {
    this.outputs.resume()
  }

  private leave(): void {
    if (this.ended) return
    if (this.owner === undefined) {
      this.abandoned = true
      return
    }
    this.ended = true
    const { owner } = this
    this.owner = undefined
    owner.left(this)
  }
}
