// Due pace: how many effects that are due may enter the outbox now, so that callers go on being served beside a million of them.
//
// Q1. Where no caller was heard for `quietMs`, as many as are asked for. Else `share` of one for each command of a caller, and as many as the loop
//     had idle time for: it is never left idle, and callers keep most of a loop that is busy.
//
// Owns: how many.   pending.ts owns: which.

import type { Clock } from '../clock.ts'

/** For each command of a caller. */
const share = 0.1
/** What one takes, roughly, with its part of two syncs. In milliseconds. */
const eachMs = 0.1
const quietMs = 100

export class DuePace {
  private readonly clock: Pick<Clock, 'idle' | 'steady'>
  private readonly callers: () => number
  private heard = 0
  private idleMs = 0
  private heardAtMs = Number.NEGATIVE_INFINITY
  private room = 0

  /** @param callers commands of callers, ever. */
  constructor(clock: Pick<Clock, 'idle' | 'steady'>, callers: () => number) {
    this.clock = clock
    this.callers = callers
  }

  /** At most `max`. */
  look(max: number): number {
    const [heard, idleMs] = [this.callers(), this.clock.idle()]
    const [came, idle] = [heard - this.heard, idleMs - this.idleMs]
    this.heard = heard
    this.idleMs = idleMs
    const nowMs = this.clock.steady()
    if (came > 0) this.heardAtMs = nowMs
    const quiet = nowMs - this.heardAtMs > quietMs
    this.room = quiet ? max : Math.min(max, this.room + came * share + idle / eachMs)
    return Math.floor(this.room)
  }

  /** So many entered. */
  took(count: number): void {
    this.room = Math.max(0, this.room - count)
  }
}
