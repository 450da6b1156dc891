// Batch size: how many commands a service's function is given at once, so that one call of it does not hold the loop for long.
//
// Z1. A call that took longer than `batchMs` makes the next ones smaller, by as much; a full one that took a quarter of that doubles them. One
//     command is the least, `batchCommandsMax` the most, and what a service begins with.
// Z2. Time is the clock's: a pause of the machine makes some batches smaller, and is over after as many.
//
// Owns: the number.   Entities and actions own: the batch.

import type { Limits } from './limits.ts'

export class BatchSize {
  private readonly limits: Pick<Limits, 'batchCommandsMax' | 'batchMs'>
  private size: number

  constructor(limits: Pick<Limits, 'batchCommandsMax' | 'batchMs'>) {
    this.limits = limits
    this.size = limits.batchCommandsMax
  }

  /** For the next call. */
  get commands(): number {
    return this.size
  }

  /** A call with so many commands took so long. */
  took(commands: number, ms: number): void {
    const { batchCommandsMax: max, batchMs } = this.limits
    if (ms > batchMs) this.size = Math.max(1, Math.min(this.size, Math.floor((commands * batchMs) / ms)))
    else if (this.size < max && commands >= this.size && ms < batchMs / 4) this.size = Math.min(max, 2 * this.size)
  }
}
