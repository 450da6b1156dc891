// Clock and chance, as things passed in: what a whole host does by the clock can be run on another one, as fast as it goes, and again.
//
// C1. From the door inwards nobody asks the machine for the time, or has work done later, but through a clock (test/tidy.test.ts).

import { randomFillSync, randomUUID } from 'node:crypto'

export interface Clock {
  /** Whole milliseconds since 1970. May jump either way: whoever needs it steady says so. */
  now(): number
  /** Milliseconds since a start of its own, with fractions: never jumps, never goes back. */
  steady(): number
  /** Milliseconds for which this thread has worked: pauses of the machine, and waiting for a disk, are not in it. */
  worked(): number
  /** Milliseconds for which the loop of this thread had nothing to do. */
  idle(): number
  /** `work` in `ms` milliseconds, not before the next turn of the loop. At most `timerMsMax`. */
  after(ms: number, work: () => void): Timer
  /** `work` again and again, `ms` milliseconds apart. */
  every(ms: number, work: () => void): Timer
  /** `work` in the next turn of the loop. */
  soon(work: () => void): void
  /** Answers what it is given: work of other threads and processes, for which a clock of its own stands still. */
  outside<T>(work: Promise<T>): Promise<T>
}

/** Work that is due later. */
export interface Timer {
  /** Nothing more is done; any number of times. */
  cancel(): void
  /** The process need not stay for it. */
  unref(): this
}

/** Longest delay that Node's timers take, in milliseconds; longer ones would fire at once. */
export const timerMsMax = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  worked: () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  },
  idle: () => performance.eventLoopUtilization().idle,
  after: (ms, work) => new SystemTimer(setTimeout(work, ms)),
  every: (ms, work) => new SystemTimer(setInterval(work, ms)),
  soon: (work) => void setImmediate(work),
  outside: (work) => work,
}

class SystemTimer implements Timer {
  private readonly timer: NodeJS.Timeout

  constructor(timer: NodeJS.Timeout) {
    this.timer = timer
  }

  cancel(): void {
    clearTimeout(this.timer)
  }

  unref(): this {
    this.timer.unref()
    return this
  }
}

/** Answers in `ms` milliseconds. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve))
}

/** Answers in the next turn of the loop. */
export function nextTurn(clock: Pick<Clock, 'soon'>): Promise<void> {
  return new Promise((resolve) => clock.soon(resolve))
}

export interface Chance {
  /** 16 fresh random bytes. The caller owns them. */
  seed(): Uint8Array
  id(): string
}

const poolSeeds = 512

/** Seeds are cut from a pool: one call into the kernel for 512 of them. */
export function systemChance(): Chance {
  let pool = new Uint8Array(0)
  let at = 0
  return {
    seed() {
      if (at === pool.length) {
        // A fresh array each time: the seeds already handed out are views of the old one.
        pool = randomFillSync(new Uint8Array(16 * poolSeeds))
        at = 0
      }
      at += 16
      return pool.subarray(at - 16, at)
    },
    id: () => randomUUID(),
  }
}
