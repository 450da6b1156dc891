// Lifeline: one streamed call between its caller and who answers it, and how far it has come.
//
//   open ──▶ half-closed ──▶ ended         by who answers, or at the deadline
//     │           │
//     └───────────┴────────▶ cancelled     by the caller
//
// S1. It is over once. The receiver hears `end` exactly once, unless it cancelled, and nothing after either. The call hears `halfClose` and
//     `cancel` at most once, no element after `halfClose`, and nothing after the end.
// S2. The receiver may be there before the call: what happened meanwhile is told to the call when it is run. Elements are for a call that runs.
// S3. A stream with a deadline ends at it: its receiver is told DEADLINE_EXCEEDED, the call that the client left (§deadline-3).
// S4. A call has one: whoever is handed one as a receiver goes on with it (`Lifeline.of`).
//
// Owns: what either side may still hear.   The two sides own: what they make of it.

import type { Clock, Timer } from './clock.ts'
import { timerMsMax } from './clock.ts'
import type { Failed, Receiver, StreamCall } from './command.ts'
import type { Commits } from './commits.ts'
import { InnkeeperError } from './errors.ts'
import type { Metadata } from './metadata.ts'

export class Lifeline implements Receiver, StreamCall {
  private readonly receiver: Receiver
  private call: StreamCall | undefined
  private state: 'open' | 'half-closed' | 'ended' | 'cancelled' = 'open'
  private timer: Timer | undefined

  constructor(receiver: Receiver) {
    this.receiver = receiver
  }

  static of(receiver: Receiver): Lifeline {
    return receiver instanceof Lifeline ? receiver : new Lifeline(receiver)
  }

  /** The call that answers. `deadline`: in how many milliseconds, by which clock; none if it is left out, or infinite. */
  run(call: StreamCall, deadline?: { readonly ms: number; readonly clock: Clock }): void {
    // Who answers has run it already.
    if (call === this) return
    if (this.state === 'cancelled') call.cancel()
    if (this.over) return
    this.call = call
    if (deadline !== undefined && deadline.ms <= timerMsMax)
      this.timer = deadline.clock.after(Math.max(0, deadline.ms), () => this.expire())
    if (this.state === 'half-closed') call.halfClose()
  }

  get over(): boolean {
    return this.state === 'ended' || this.state === 'cancelled'
  }

  // What the caller does.

  item(payload: Uint8Array): boolean {
    return this.state !== 'open' || this.call === undefined || this.call.item(payload)
  }

  halfClose(): void {
    if (this.state !== 'open') return
    this.state = 'half-closed'
    this.call?.halfClose()
  }

  /** True where it was not over before. */
  cancel(): boolean {
    if (this.over) return false
    const { call } = this
    this.stop('cancelled')
    call?.cancel()
    return true
  }

  resume(): void {
    this.call?.resume()
  }

  // What who answers does.

  get ready(): boolean {
    return !this.over && this.receiver.ready
  }

  next(payload: Uint8Array, metadata: Metadata, commits?: Commits): void {
    if (!this.over) this.receiver.next(payload, metadata, commits)
  }

  inputTaken(): void {
    if (!this.over) this.receiver.inputTaken()
  }

  /** Also when it is over: what was owed is given back then. */
  owes(bytes: number): void {
    this.receiver.owes(bytes)
  }

  end(failed?: Failed, commits?: Commits): void {
    if (this.over) return
    this.stop('ended')
    this.receiver.end(failed, commits)
  }

  private expire(): void {
    const { call } = this
    const error = new InnkeeperError('deadline_exceeded', 'the deadline passed while the stream was open')
    this.end({ kind: 'error', error })
    call?.cancel()
  }

  private stop(state: 'ended' | 'cancelled'): void {
    this.state = state
    this.call = undefined
    this.timer?.cancel()
  }
}
