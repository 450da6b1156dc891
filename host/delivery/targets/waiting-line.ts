// Waiting line: calls that wait for room at one connector, in turns of the services that ask.
//
// W1. A service that waits with many keeps no other from its turn.
// W2. Nothing is looked at before there may be room: a call of the connector ended, or the time has come that it named.
//
// Owns: the order.   targets/outside.ts owns: what a call is.   host/connectors owns: room.

import type { Clock, Timer } from '../../clock.ts'

/** Begins, if there is room: then, and where nothing is to be done any more, the answer is 0. Else milliseconds after which it is worth asking again. */
type Begin = () => number

export class WaitingLine {
  private readonly clock: Pick<Clock, 'after'>
  /** By service; the one in front is next. */
  private readonly services = new Map<string, Queue>()
  private timer: Timer | undefined
  private waiting = 0

  constructor(clock: Pick<Clock, 'after'>) {
    this.clock = clock
  }

  get size(): number {
    return this.waiting
  }

  /** Begins at once, where nobody waits and there is room. */
  add(service: string, begin: Begin): void {
    if (this.services.size === 0) {
      const waitMs = begin()
      if (waitMs === 0) return
      this.arm(waitMs)
    }
    const queue = this.services.get(service)
    if (queue === undefined) this.services.set(service, { calls: [begin], begun: 0 })
    else queue.calls.push(begin)
    this.waiting += 1
  }

  /** A call ended: there may be room. */
  look(): void {
    let soonestMs = Number.POSITIVE_INFINITY
    // Services in a row that found no room.
    for (let without = 0; without < this.services.size; ) {
      const [service, queue] = this.services.entries().next().value!
      const waitMs = queue.calls[queue.begun]!()
      // Behind the others, for its next turn.
      this.services.delete(service)
      if (waitMs === 0) {
        queue.begun += 1
        this.waiting -= 1
        without = 0
      } else {
        soonestMs = Math.min(soonestMs, waitMs)
        without += 1
      }
      if (queue.begun < queue.calls.length) this.services.set(service, shortened(queue))
    }
    if (this.services.size > 0) this.arm(soonestMs)
  }

  clear(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.services.clear()
    this.waiting = 0
  }

  private arm(ms: number): void {
    this.timer?.cancel()
    this.timer = this.clock.after(ms, () => this.look()).unref()
  }
}

interface Queue {
  calls: Begin[]
  /** So many of them are gone. */
  begun: number
}

const keptMax = 1_024

/** What is gone is not kept for ever, and not moved each time. */
function shortened(queue: Queue): Queue {
  if (queue.begun > keptMax && queue.begun * 2 > queue.calls.length) {
    queue.calls = queue.calls.slice(queue.begun)
    queue.begun = 0
  }
  return queue
}
