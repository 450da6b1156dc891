// Virtual time: a clock whose hours pass as fast as the work of them is done, and in the same order in each run.
//
// V1. Time goes on only when nothing is left to do: what is due next is then now. Work itself takes what `work` says.
// V2. What other threads do (`outside`) takes no time, and is heard of in the order in which it was asked for.
// V3. A life that has ended does nothing any more: what it had planned is forgotten, as a crash forgets it.

import type { Clock, Timer } from '../../host/clock.ts'

const epochMs = 1_700_000_000_000

interface Due {
  readonly atMs: number
  readonly order: number
  work: (() => void) | undefined
}

export class VirtualTime {
  /** Milliseconds since the start. */
  nowMs = 0
  /** What the next piece of work takes, in milliseconds. */
  private readonly workMs: () => number
  private readonly soon: (() => void)[] = []
  private due: Due[] = []
  private order = 0
  private outsideNow = 0
  private outsideLast: Promise<unknown> = Promise.resolve()

  constructor(workMs: () => number) {
    this.workMs = workMs
  }

  /** What a host is given: all that it plans ends with it. */
  life(): Life {
    return new Life(this)
  }

  /** Until then, or until `done`. False: it was not done. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      await this.settle()
      if (done()) return true
      // A turn of the loop: timers that are due by now, then what was asked for before it.
      const { nowMs } = this
      const soon = this.soon.splice(0)
      let worked = soon.length > 0
      while (this.due[0] !== undefined && this.due[0].atMs <= nowMs) {
        const { work } = this.due.shift()!
        if (work === undefined) continue
        worked = true
        this.doing(work)
      }
      for (const work of soon) this.doing(work)
      if (worked) continue
      const next = this.due[0]
      if (next === undefined || next.atMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs)
        return false
      }
      this.nowMs = next.atMs
    }
  }

  next(work: () => void): void {
    this.soon.push(work)
  }

  at(atMs: number, work: () => void): Due {
    const due: Due = { atMs, order: this.order++, work }
    let at = this.due.length
    while (at > 0 && this.due[at - 1]!.atMs > atMs) at--
    this.due.splice(at, 0, due)
    return due
  }

  outside<T>(work: Promise<T>): Promise<T> {
    this.outsideNow += 1
    const before = this.outsideLast
    const over = () => {
      this.outsideNow -= 1
    }
    const answer = before.then(() => work)
    this.outsideLast = answer.then(over, over)
    return answer
  }

  private doing(work: () => void): void {
    work()
    this.nowMs += this.workMs()
  }

  /** All promises that can go on have. */
  private async settle(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve))
    while (this.outsideNow > 0)
  }
}

export class Life implements Clock {
  private readonly time: VirtualTime
  private ended = false

  constructor(time: VirtualTime) {
    this.time = time
  }

  end(): void {
    this.ended = true
  }

  now(): number {
    return epochMs + Math.floor(this.time.nowMs)
  }

  steady(): number {
    return this.time.nowMs
  }

  worked(): number {
    return this.time.nowMs
  }

  idle(): number {
    return this.time.nowMs
  }

  after(ms: number, work: () => void): Timer {
    const due = this.time.at(this.time.nowMs + Math.max(0.001, ms), this.living(work))
    return {
      cancel: () => {
        due.work = undefined
      },
      unref() {
        return this
      },
    }
  }

  every(ms: number, work: () => void): Timer {
    let timer: Timer
    const again = () => {
      timer = this.after(ms, () => {
        again()
        work()
      })
    }
    again()
    return {
      cancel: () => timer.cancel(),
      unref() {
        return this
      },
    }
  }

  soon(work: () => void): void {
    this.time.next(this.living(work))
  }

  outside<T>(work: Promise<T>): Promise<T> {
    return this.time.outside(work)
  }

  private living(work: () => void): () => void {
    return () => {
      if (!this.ended) work()
    }
  }
}
