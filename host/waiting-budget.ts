// Waiting budget: how much waits in the whole host, commands and their bytes, wherever they wait. One budget for entities and actions.
//
// W1. Past `waitingCommandsMax` or `waitingBytesMax` callers are told to retry; what the host itself adds always gets in.
// W2. What functions said and clients of streams have not taken has a budget of its own, of `waitingBytesMax`: slow readers turn
//     no command away. Past it the stream that has most to take is ended.
// W3. A command whose commit waits for the disk still waits: so a disk that hangs fills no memory.
//
// Owns: the count.   Mailboxes, activations, the queues of actions and the outputs of streams own: what waits.

import { InnkeeperError } from './errors.ts'
import type { Limits } from './limits.ts'

/** A stream, and what its client has not taken. */
export interface Untaken {
  readonly waitingBytes: number
  /** End it: there is no room. */
  giveUp(): void
}

export class WaitingBudget {
  private readonly limits: Limits
  private waiting = 0
  private waitingBytes = 0
  private untakenBytes = 0
  /** Those with anything. */
  private readonly slow = new Set<Untaken>()

  constructor(limits: Limits) {
    this.limits = limits
  }

  get commands(): number {
    return this.waiting
  }

  /** Bytes that clients of streams have not taken (W2). */
  get untaken(): number {
    return this.untakenBytes
  }

  /** A stream has so many bytes more to be taken, or fewer, where negative. */
  leave(stream: Untaken, bytes: number): void {
    this.untakenBytes += bytes
    if (stream.waitingBytes > 0) this.slow.add(stream)
    else this.slow.delete(stream)
  }

  /** The stream with most, where all together have too much. */
  get slowest(): Untaken | undefined {
    if (this.untakenBytes <= this.limits.waitingBytesMax) return undefined
    let slowest: Untaken | undefined
    for (const stream of this.slow) if (stream.waitingBytes > (slowest?.waitingBytes ?? 0)) slowest = stream
    return slowest
  }

  /** @throws InnkeeperError `overloaded` if there is no room for another command of so many bytes */
  admit(bytes: number): void {
    const { waitingCommandsMax, waitingBytesMax } = this.limits
    if (this.waiting >= waitingCommandsMax)
      throw new InnkeeperError('overloaded', `${waitingCommandsMax} commands are waiting in this host; try again later`)
    if (this.waitingBytes + bytes > waitingBytesMax && this.waiting > 0)
      throw new InnkeeperError(
        'overloaded',
        `${waitingBytesMax} bytes of commands are waiting in this host; try again later`,
      )
  }

  add(bytes: number, commands = 1): void {
    this.waiting += commands
    this.waitingBytes += bytes
  }

  remove(bytes: number, commands = 1): void {
    this.waiting -= commands
    this.waitingBytes -= bytes
  }
}
