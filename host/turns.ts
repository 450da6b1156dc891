// Turns: who takes a turn in this turn of the loop, and the one commit that ends it.
//
// U1. Who is in line takes one turn (an entity: one batch; a stream: one step), so that a busy one cannot starve the others.
// U2. All that this turn of the loop decided is one commit: it is flushed when the sweep ends, or when its slice of time is
//     used up.
// U3. The loop runs between sweeps: sockets, timers and other services wait no longer than a slice and one guest call.
//
// Owns: the line and the sweep.   Entities and actions own: what a turn is.   Group commit owns: the batch.

/** After this long a sweep commits and yields; those left over keep their place in line. In milliseconds. */
const sliceMs = 10

export interface Turn {
  /** Already in line. Set by Turns. */
  queued: boolean
  /** Never throws. */
  turn(): void
}

export class Turns {
  private line: Turn[] = []
  private armed = false
  private readonly flush: () => void

  constructor(flush: () => void) {
    this.flush = flush
  }

  /** Put in line. Cheap to repeat. */
  readonly again = (turn: Turn): void => {
    if (turn.queued) return
    turn.queued = true
    this.line.push(turn)
    if (this.armed) return
    this.armed = true
    setImmediate(this.sweep)
  }

  private readonly sweep = (): void => {
    const line = this.line
    this.line = []
    const end = performance.now() + sliceMs
    let index = 0
    while (index < line.length) {
      const next = line[index++]!
      next.queued = false
      next.turn()
      if (performance.now() > end) break
    }
    if (index < line.length) this.line = [...line.slice(index), ...this.line]
    this.armed = this.line.length > 0
    if (this.armed) setImmediate(this.sweep)
    this.flush()
  }
}
