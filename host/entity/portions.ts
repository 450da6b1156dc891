// Portions: activations that are dropped, some a turn of the loop, since each may have a snapshot to take (entities.N6).
//
// Owns: the pace.   Entities own: what is dropped.

import type { Clock } from '../clock.ts'
import { nextTurn } from '../clock.ts'

/** Activations dropped in one turn of the loop; and for how long, in milliseconds. */
export const dropMax = 100
const dropMs = 5

export class Portions {
  private readonly clock: Pick<Clock, 'steady' | 'soon'>
  private left = dropMax
  private until: number

  constructor(clock: Pick<Clock, 'steady' | 'soon'>) {
    this.clock = clock
    this.until = clock.steady() + dropMs
  }

  async next(): Promise<void> {
    if (this.left > 0 && this.clock.steady() < this.until) {
      this.left -= 1
      return
    }
    await nextTurn(this.clock)
    this.left = dropMax - 1
    this.until = this.clock.steady() + dropMs
  }
}
