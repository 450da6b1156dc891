// Clock and chance, as things passed in: tests own them.

import { randomFillSync, randomUUID } from 'node:crypto'

export interface Clock {
  /** Whole milliseconds since 1970. May jump either way: whoever needs it steady says so. */
  now(): number
  /** Milliseconds since a start of its own, with fractions: never jumps, never goes back. */
  steady(): number
}

/** Longest delay that Node's timers take, in milliseconds; longer ones would fire at once. */
export const timerMsMax = 2 ** 31 - 1

export const systemClock: Clock = { now: () => Date.now(), steady: () => performance.now() }

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
