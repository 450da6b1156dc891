// Turns: when the loop's turns are taken, what each of them costs its service, and the one commit that ends a sweep.
//
// U1. Who is in line takes one turn in a sweep (an entity: one batch; a stream: one step). Whose turn is next is the line's word (line.ts): shares
//     of the loop belong to services, however many entities and streams they have.
// U2. All that this turn of the loop decided is one commit: it is flushed when the sweep ends, or when its slice of time is
//     used up.
// U3. The loop runs between sweeps: sockets, timers and other services wait no longer than a slice and one guest call.
// U4. Who has its turn is written where another thread can read it (in-hand.ts).
// U5. Everything that runs a function of a service is charged to it: its time on the loop, by the clock.
// U6. Node accepts one connection in each turn of the loop. So while some come a sweep is put off, for `newcomersMax` turns at most.
//
// Owns: the sweep.   line.ts owns: the order.   Entities and actions own: what a turn is.   Group commit owns: the batch.

import type { Clock, Timer } from './clock.ts'
import type { InHandMemory } from './in-hand.ts'
import { Line, type LineParts } from './line.ts'

/** After this long a sweep commits and yields; those left over keep their place in line. In milliseconds. */
const sliceMs = 10
/** Connections accepted before a sweep (U6). */
const newcomersMax = 16

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

interface TurnsParts extends LineParts {
  readonly flush: () => void
  readonly inHand: Pick<InHandMemory, 'begin' | 'end'>
  readonly clock: Pick<Clock, 'steady' | 'worked' | 'soon' | 'after'>
}

export class Turns {
  private readonly line: Line
  private readonly parts: TurnsParts
  private armed = false
  private stopped = false
  /** Somebody came in this turn of the loop (U6). */
  private came = false
  /** Turns of the loop for which the next sweep has been put off. */
  private putOff = 0
  /** Set while those in line are to wait, and nobody else is there. */
  private takeBack: Timer | undefined
  private running: Turn | undefined
  /** Charged already of the turn that runs: work for others inside of it. */
  private chargedMs = 0
  private chargedWorkMs = 0

  constructor(parts: TurnsParts) {
    this.parts = parts
    this.line = new Line(parts)
  }

  /** Put in line. Cheap to repeat. */
  readonly again = (turn: Turn): void => {
    if (turn.queued) return
    turn.queued = true
    this.line.add(turn)
    this.arm()
  }

  /** Run a service's code outside of a sweep, or for it inside of another's turn: it is seen, and charged, as well. */
  during(turn: Turn, work: () => void): void {
    const { inHand, clock } = this.parts
    const { running } = this
    const startedMs = clock.steady()
    const workedMs = this.parts.clock.worked()
    if (running !== undefined) inHand.end()
    this.begin(turn)
    try {
      work()
    } finally {
      inHand.end()
      if (running !== undefined) this.begin(running)
      const endedMs = clock.steady()
      const work = this.parts.clock.worked() - workedMs
      this.line.chargeService(turn.serviceName, endedMs - startedMs, work, endedMs)
      this.chargedMs += endedMs - startedMs
      this.chargedWorkMs += work
    }
  }

  /** A connection was accepted. */
  readonly newcomer = (): void => {
    this.came = true
  }

  /** Services that have no more than a small part of the loop now. */
  get throttled(): Iterable<string> {
    return this.line.throttled(this.parts.clock.steady())
  }

  /** Services changed. */
  switched(gone: (service: string) => boolean): void {
    this.line.forget(gone)
  }

  /** The host has stopped: nobody who waits gets another turn. */
  stop(): void {
    this.stopped = true
    this.takeBack?.cancel()
    this.takeBack = undefined
  }

  private arm(): void {
    if (this.armed || this.stopped) return
    this.armed = true
    this.parts.clock.soon(this.sweep)
  }

  private begin(turn: Turn): void {
    this.parts.inHand.begin(turn.serviceName, turn.methodName, turn.id, turn.effectId)
  }

  private readonly sweep = (): void => {
    if (this.stopped) return
    if (this.came && this.putOff < newcomersMax) {
      this.came = false
      this.putOff += 1
      this.parts.clock.soon(this.sweep)
      return
    }
    this.came = false
    this.putOff = 0
    const { line } = this
    const { inHand, clock } = this.parts
    let nowMs = clock.steady()
    const endMs = nowMs + sliceMs
    line.begin(nowMs)
    for (let next = line.next(nowMs); next !== undefined; next = line.next(nowMs)) {
      next.queued = false
      this.chargedMs = 0
      this.chargedWorkMs = 0
      const workedMs = line.measures(nowMs) ? this.parts.clock.worked() : undefined
      this.running = next
      this.begin(next)
      next.turn()
      inHand.end()
      const startedMs = nowMs
      nowMs = clock.steady()
      const work = workedMs === undefined ? undefined : this.parts.clock.worked() - workedMs - this.chargedWorkMs
      line.charge(nowMs - startedMs - this.chargedMs, work, nowMs)
      if (nowMs > endMs) break
    }
    this.running = undefined
    const restMs = line.end(nowMs)
    this.armed = false
    if (restMs === 0) this.arm()
    else if (restMs !== undefined) this.takeBack ??= this.parts.clock.after(restMs, this.rested)
    this.parts.flush()
  }

  private readonly rested = (): void => {
    this.takeBack = undefined
    this.arm()
  }
}
