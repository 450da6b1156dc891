// Slices: long work on the loop, done a piece a turn, so that whoever waits for a turn meanwhile gets one.

const piecesAtOnce = 50

/** Runs to the end, a number of steps a turn. A step is what lies between two yields: keep it far below a millisecond. */
export async function inSlices<T>(work: Generator<void, T>): Promise<T> {
  for (let count = 1; ; count++) {
    const { done, value } = work.next()
    if (done === true) return value
    if (count % piecesAtOnce === 0) await nextTurn()
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Does `work` with each, so many a turn, the first of them at once. */
export async function inPortions<T>(all: readonly T[], portion: number, work: (one: T) => void): Promise<void> {
  for (const [at, one] of all.entries()) {
    if (at > 0 && at % portion === 0) await nextTurn()
    work(one)
  }
}
