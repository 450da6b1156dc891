// Batch size: how many commands a service's function is given at once, so that one call of it does not hold the loop for long.
//
// Z1. A call that took longer than `turnMs` makes the next ones smaller, by as much; a full one that took a quarter of that doubles them. One
//     command is the least, `batchCommandsMax` the most, and what a service begins with.
// Z2. Time is the clock's: a pause of the machine makes some batches smaller, and is over after as many.
//
// Owns: the number.   Entities and actions own: the batch.

/** A call of a function is to be no longer than this, in milliseconds. */
const turnMs = 8

export class BatchSize {
  private readonly max: number
  private size: number

  constructor(max: number) {
    this.max = max
    this.size = max
  }

  /** For the next call. */
  get commands(): number {
    return this.size
  }

  /** A call with so many commands took so long. */
  took(commands: number, ms: number): void {
    if (ms > turnMs) this.size = Math.max(1, Math.min(this.size, Math.floor((commands * turnMs) / ms)))
    else if (this.size < this.max && commands >= this.size && ms < turnMs / 4)
      this.size = Math.min(this.max, 2 * this.size)
  }
}
