// Waiting budget: how much waits in the whole host, commands and their bytes, wherever they wait. One budget for entities and actions.
//
// W1. Past `waitingCommandsMax` or `waitingBytesMax` callers are told to retry; what the host itself adds always gets in.
//
// Owns: the count.   Mailboxes and the queues of actions own: what waits.   in-flight.ts owns: the bytes of clients, those that wait for them included.

import { InnkeeperError } from './errors.ts'
import type { Limits } from './limits.ts'

export class WaitingBudget {
  private readonly limits: Limits
  private waiting = 0
  private waitingBytes = 0

  constructor(limits: Limits) {
    this.limits = limits
  }

  get commands(): number {
    return this.waiting
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

  add(bytes: number): void {
    this.waiting += 1
    this.waitingBytes += bytes
  }

  remove(bytes: number): void {
    this.waiting -= 1
    this.waitingBytes -= bytes
  }
}
