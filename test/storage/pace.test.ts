// Guards when commits leave the loop, and when they come back (P1 to P3).

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Pace, quickMs, slowMs } from '../../host/storage/pace.ts'

/** Syncs until the choice is this one; how many they were. */
function until(pace: Pace, slow: boolean, ms: number): number {
  for (let count = 0; count < 1_000; count++) {
    if (pace.slow === slow) return count
    pace.measured(ms)
  }
  return Number.POSITIVE_INFINITY
}

const Paces = suite('pace')

Paces('pace.P1: a quick disk is waited for, however long it has been quick', () => {
  const pace = new Pace()
  assert.is(until(pace, true, quickMs / 2), Number.POSITIVE_INFINITY)
  assert.is(pace.gatherMs, 0)
})

Paces('pace.P3: one sync that takes very long is enough to leave, and some that are slow are', () => {
  assert.is(until(new Pace(), true, 10 * slowMs), 1)
  const some = until(new Pace(), true, 2 * slowMs)
  assert.ok(some > 1 && some < 20, `${some} syncs`)
})

Paces('pace.P3: it comes back when the disk is quick again, after more than one sync', () => {
  const pace = new Pace()
  until(pace, true, 10 * slowMs)
  const back = until(pace, false, quickMs / 5)
  assert.ok(back > 1 && back < 100, `${back} syncs`)
})

Paces('pace.P2: between the two figures nothing changes, wherever it is', () => {
  const between = (slowMs + quickMs) / 2
  assert.is(until(new Pace(), true, between), Number.POSITIVE_INFINITY)
  const pace = new Pace()
  until(pace, true, 10 * slowMs)
  assert.is(until(pace, false, between), Number.POSITIVE_INFINITY)
})

Paces('who listens hears of each change once', () => {
  const heard: boolean[] = []
  const pace = new Pace((slow) => heard.push(slow))
  until(pace, true, 10 * slowMs)
  pace.measured(10 * slowMs)
  until(pace, false, 0)
  pace.measured(0)
  assert.equal(heard, [true, false])
})

Paces('a commit is held back for a part of a sync while they are slow, and never for long', () => {
  const pace = new Pace()
  for (let count = 0; count < 100; count++) pace.measured(20)
  assert.ok(pace.gatherMs > 0 && pace.gatherMs < 20, `${pace.gatherMs} ms`)
  for (let count = 0; count < 100; count++) pace.measured(60_000)
  assert.ok(pace.gatherMs < 100, `${pace.gatherMs} ms`)
})

Paces.run()
