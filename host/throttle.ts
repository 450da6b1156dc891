// Throttle: services that hold the loop for long, or fail again and again, and the small part of it that they have together.
//
//                 three strikes in `throttleMs`
//   trusted ───────────────────────────────────────▶ throttled      strike: a turn that works longer than `longTurnMs`, or a fault
//      ▲    `throttleMs` after its last strike was paid │
//      └────────────────────────────────────────────────┘
//
// T1. All that are throttled have `throttledPercentMax` of the loop together, while a trusted service wants it: after each of their turns they
//     wait so much longer than it took. Where no trusted service had work for `wantedMs`, they have all; but after each turn the loop goes round
//     `listensAMs` times for each millisecond of it without them. Else others would never be heard: of the connections that wait, Node accepts one
//     in each turn of the loop.
// T2. A service gets trust back by itself. One that waits in line does not get it by waiting: its next turn tells.
// T3. A turn is no longer than it worked: where the machine gives the core to others, or a disk is slow, no service is to blame. The time that a
//     turn worked is dear to ask for, so it is known only of a service that is throttled, or had a turn that seemed long within `throttleMs`.
// T4. What a turn of a lent loop cost is no debt: at most the price of one turn is to be paid.
//
// Owns: who is throttled, and when they may go on.   line.ts owns: who of those that may is next.

import type { Limits } from './limits.ts'

/** So many strikes within `throttleMs`: one may be bad luck, or a collection of garbage. */
const strikesMax = 3
/** A trusted service that had work is taken to want the loop for so much longer. In milliseconds. */
const wantedMs = 1_000

/** Turns of an idle loop take some microseconds: this is a part of the time that nobody misses. */
const listensAMs = 10

/** What the host remembers of how a service behaved. */
export class Conduct {
  readonly service: string
  throttled = false
  /** When it gets trust back, of the clock that Turns are given. */
  untilMs = 0
  /** Until then what its turns work is measured (T3). */
  suspectUntilMs = Number.NEGATIVE_INFINITY
  /** Times of the last strikes, in a ring. */
  readonly strikes = new Float64Array(strikesMax).fill(Number.NEGATIVE_INFINITY)
  next = 0

  constructor(service: string) {
    this.service = service
  }
}

export interface ThrottleParts {
  readonly limits: Pick<Limits, 'longTurnMs' | 'throttleMs' | 'throttledPercentMax'>
  /** A service is throttled from now on, or is not any more. */
  readonly changed: (service: string, throttled: boolean) => void
}

/** What an operator is told of a service that is throttled. */
export function throttledSentence({ longTurnMs, throttleMs, throttledPercentMax }: ThrottleParts['limits']): string {
  const seconds = throttleMs / 1000
  return `three turns of it in ${seconds} s worked for more than ${longTurnMs} ms, or failed: while others want the loop it has at most ${throttledPercentMax} % of it, until ${seconds} s have passed without another; the log names its commands that fail`
}

export class Throttle {
  private readonly parts: ThrottleParts
  /** Milliseconds to wait for each that a turn took. */
  private readonly price: number
  /** When one that is throttled may go on. */
  private freeMs = Number.NEGATIVE_INFINITY
  /** Turns of the loop to come without those that are throttled. */
  private listens = 0
  /** When a trusted service had work last. */
  private askedMs = Number.NEGATIVE_INFINITY

  constructor(parts: ThrottleParts) {
    this.parts = parts
    this.price = Math.max(0, 100 / parts.limits.throttledPercentMax - 1)
  }

  /** A trusted service has work. */
  wanted(nowMs: number): void {
    this.askedMs = nowMs
  }

  /** A turn of the loop begins. */
  begin(): void {
    if (this.listens > 0) this.listens -= 1
  }

  /** Must they wait in this turn of the loop? */
  holds(nowMs: number): boolean {
    return this.listens > 0 || this.rests(nowMs)
  }

  /** Must they wait until some time? */
  rests(nowMs: number): boolean {
    return nowMs < this.freeMs && nowMs < this.askedMs + wantedMs
  }

  /** When they may go on, if nothing else happens. */
  get endsMs(): number {
    return Math.min(this.freeMs, this.askedMs + wantedMs)
  }

  /** A service had a turn, which ended now. `workedMs`: of it, if that was measured. */
  charge(conduct: Conduct, costMs: number, workedMs: number | undefined, faults: number, nowMs: number): void {
    const { longTurnMs } = this.parts.limits
    if (costMs > longTurnMs) conduct.suspectUntilMs = nowMs + this.parts.limits.throttleMs
    const strikes = Math.max(workedMs !== undefined && workedMs > longTurnMs ? 1 : 0, faults)
    if (strikes === 0 && !conduct.throttled) return
    for (let strike = Math.min(strikes, strikesMax); strike > 0; strike--) {
      conduct.strikes[conduct.next] = nowMs
      conduct.next = (conduct.next + 1) % strikesMax
    }
    const { throttleMs } = this.parts.limits
    if (!conduct.throttled && conduct.strikes[conduct.next]! > nowMs - throttleMs) {
      conduct.throttled = true
      // Perhaps it was this one that had work.
      this.askedMs = Number.NEGATIVE_INFINITY
      this.parts.changed(conduct.service, true)
    }
    if (!conduct.throttled) return
    this.freeMs = nowMs + costMs * this.price
    this.listens = Math.ceil(costMs * listensAMs)
    if (strikes > 0) conduct.untilMs = this.freeMs + throttleMs
    else this.forgive(conduct, nowMs)
  }

  /** It has nothing waiting that would tell whether it is better by now. */
  forgive(conduct: Conduct, nowMs: number): void {
    if (!conduct.throttled || nowMs < conduct.untilMs) return
    conduct.throttled = false
    conduct.strikes.fill(Number.NEGATIVE_INFINITY)
    this.parts.changed(conduct.service, false)
  }
}
