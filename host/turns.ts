// Turns: who takes a turn in this turn of the loop, and the one commit that ends it.
//
// U1. Who is in line takes one turn (an entity: one batch; a stream: one step), so that a busy one cannot starve the others.
// U2. All that this turn of the loop decided is one commit: it is flushed when the sweep ends, or when its slice of time is
//     used up.
// U3. The loop runs between sweeps: sockets, timers and other services wait no longer than a slice and one guest call.
//
// U4. Who has its turn is written where another thread can read it (in-hand.ts).
//
// Owns: the line and the sweep.   Entities and actions own: what a turn is.   Group commit owns: the batch.

import type { InHandMemory } from './in-hand.ts'

/** After this long a sweep commits and yields; those left over keep their place in line. In milliseconds. */
const sliceMs = 10

export interface Turn {
  /** Already in line. Set by Turns. */
  queued: boolean
  readonly serviceName: string
  /** Of what it would do now; empty if that is nothing of a caller's. */
  readonly methodName: string
  /** Outward id; empty for actions. */
  readonly id: string
  /** Outbox entry that it would deliver now; 0: none. */
  readonly effectId: number
  /** Never throws. */
  turn(): void
}

export class Turns {
  private line: Turn[] = []
  private armed = false
  private readonly flush: () => void
  private readonly inHand: Pick<InHandMemory, 'begin' | 'end'>

  constructor(flush: () => void, inHand: Pick<InHandMemory, 'begin' | 'end'>) {
    this.flush = flush
    this.inHand = inHand
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

  /** Run a service's code outside of a sweep, where it is seen as well. */
  during(turn: Turn, work: () => void): void {
    this.inHand.begin(turn.serviceName, turn.methodName, turn.id, turn.effectId)
    try {
      work()
    } finally {
      this.inHand.end()
    }
  }

  private readonly sweep = (): void => {
    const { line, inHand } = this
    this.line = []
    const end = performance.now() + sliceMs
    let index = 0
    while (index < line.length) {
      const next = line[index++]!
      next.queued = false
      inHand.begin(next.serviceName, next.methodName, next.id, next.effectId)
      next.turn()
      inHand.end()
      if (performance.now() > end) break
    }
    if (index < line.length) this.line = [...line.slice(index), ...this.line]
    this.armed = this.line.length > 0
    if (this.armed) setImmediate(this.sweep)
    this.flush()
  }
}
