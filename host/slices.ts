// Slices: long work on the loop, done a piece a turn, so that whoever waits for a turn meanwhile gets one.

import type { Clock } from './clock.ts'
import { nextTurn } from './clock.ts'

const piecesAtOnce = 50

/** Runs to the end, a number of steps a turn. A step is what lies between two yields: keep it far below a millisecond. */
export async function inSlices<T>(work: Generator<void, T>, clock: Clock): Promise<T> {
  for (let count = 1; ; count++) {
    const { done, value } = work.next()
    if (done === true) return value
    if (count % piecesAtOnce === 0) await nextTurn(clock)
  }
}

/** Does `work` with each, so many a turn, the first of them at once. */
export async function inPortions<T>(
  all: readonly T[],
  portion: number,
  work: (one: T) => void,
  clock: Clock,
): Promise<void> {
  for (const [at, one] of all.entries()) {
    if (at > 0 && at % portion === 0) await nextTurn(clock)
    work(one)
  }
}
