// Turns: which entities take a turn in this turn of the loop, and the one commit that ends it.
//
// U1. An entity in line takes one batch a turn of the loop, so a hot key cannot starve the others.
// U2. All that this turn decided is one commit: it is flushed when the sweep ends, or when its slice of time is used up.
// U3. The loop runs between sweeps: sockets, timers and other services wait no longer than a slice and one guest call.
//
// Owns: the line and the sweep.   Activation owns: what a turn is.   Group commit owns: the batch.

import type { Activation } from './activation.ts'

/** After this long a sweep commits and yields; entities left over keep their place in line. In milliseconds. */
const sliceMs = 10

export class Turns {
  private line: Activation[] = []
  private armed = false
  private readonly flush: () => void

  constructor(flush: () => void) {
    this.flush = flush
  }

  /** Put an activation in line. Cheap to repeat. */
  readonly again = (activation: Activation): void => {
    if (activation.queued) return
    activation.queued = true
    this.line.push(activation)
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
      const activation = line[index++]!
      activation.queued = false
      activation.turn()
      if (performance.now() > end) break
    }
    if (index < line.length) this.line = [...line.slice(index), ...this.line]
    this.armed = this.line.length > 0
    if (this.armed) setImmediate(this.sweep)
    this.flush()
  }
}
