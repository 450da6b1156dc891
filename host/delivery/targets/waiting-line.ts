// Waiting line: calls that wait for room at one connector, in turns of the services that ask.
//
// W1. A service that waits with many keeps no other from its turn.
//     One that comes new has its turn at once: there may be room for it where there is none for the others (rates.T2).
// W2. Nothing else is looked at before there may be room: a call of the connector ended, or the time has come that it named.
// W3. What is gone is not kept until its turn comes: at most about as many of a service as still wait.
//
// Owns: the order.   targets/outside.ts owns: what a call is.   host/connectors owns: room.

import type { Clock, Timer } from '../../clock.ts'

export interface Waiting {
  /** Begins, if there is room: then, and where nothing is to be done any more, the answer is 0. Else milliseconds after which it is worth asking again. */
  readonly begin: () => number
  /** Nothing is to be done any more: `begin` would answer 0. */
  readonly gone: () => boolean
}

export class WaitingLine {
  private readonly clock: Pick<Clock, 'after'>
  /** By service; the one in front is next. */
  private readonly services = new Map<string, Queue>()
  private timer: Timer | undefined
  private waiting = 0
  private looking = false

  constructor(clock: Pick<Clock, 'after'>) {
    this.clock = clock
  }

  get size(): number {
    return this.waiting
  }

  /** Calls of one service. */
  sizeOf(service: string): number {
    const queue = this.services.get(service)
    return queue === undefined ? 0 : queue.calls.length - queue.begun
  }

  /** Begins at once, where its service does not wait and there is room. */
  add(service: string, call: Waiting): void {
    if (this.services.size === 0) {
      const waitMs = call.begin()
      if (waitMs === 0) return
      this.arm(waitMs)
    }
    const queue = this.services.get(service)
    const isNew = queue === undefined && this.services.size > 0
    this.waiting += 1
    if (queue === undefined) this.services.set(service, { calls: [call], begun: 0, clearAt: keptMax })
    else {
      queue.calls.push(call)
      // While turns are given, one of them may be beginning.
      if (!this.looking && queue.calls.length - queue.begun >= queue.clearAt) this.clearGone(service, queue)
    }
    if (isNew && !this.looking) this.look()
  }

  private clearGone(service: string, queue: Queue): void {
    const gone = queue.calls.slice(queue.begun).filter((call) => call.gone())
    const out = new Set(gone)
    queue.calls = queue.calls.slice(queue.begun).filter((call) => !out.has(call))
    queue.begun = 0
    queue.clearAt = Math.max(keptMax, queue.calls.length * 2)
    this.waiting -= gone.length
    if (queue.calls.length === 0) this.services.delete(service)
    for (const { begin } of gone) begin()
  }

  /** A call ended: there may be room. */
  look(): void {
    this.looking = true
    try {
      const soonestMs = this.giveTurns()
      if (this.services.size > 0) this.arm(soonestMs)
    } finally {
      this.looking = false
    }
  }

  /** Milliseconds after which it is worth looking again. */
  private giveTurns(): number {
    let soonestMs = Number.POSITIVE_INFINITY
    // Services in a row that found no room.
    for (let without = 0; without < this.services.size; ) {
      const [service, queue] = this.services.entries().next().value!
      const waitMs = queue.calls[queue.begun]!.begin()
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
    return soonestMs
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
  calls: Waiting[]
  /** So many of them have had their turn. */
  begun: number
  /** So many may wait before it is looked which of them are gone (W3). */
  clearAt: number
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
