// Guards the size of batches: a call of a function that takes long is followed by smaller ones, and quick ones grow again.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BatchSize } from '../host/batch-size.ts'

const Batches = suite('size of batches')

const limits = { batchCommandsMax: 64, batchMs: 8 }

/** The size after so many calls, each of which is full and takes so long for each command. */
function after(calls: number, msEach: number, batch = new BatchSize(limits)): number {
  for (let call = 0; call < calls; call++) batch.took(batch.commands, batch.commands * msEach)
  return batch.commands
}

Batches(
  'batch-size.Z1, batch-size.Z2: after one long call the next is no longer than 8 ms, and quick ones have all again',
  () => {
    assert.is(after(1, 2), 4)
    assert.is(after(1, 100), 1)
    assert.is(after(10, 0.01), 64)
    const batch = new BatchSize(limits)
    after(1, 100, batch)
    assert.is(after(6, 0.01, batch), 64)
  },
)

Batches('a call that was not full says nothing of larger ones', () => {
  const batch = new BatchSize(limits)
  batch.took(64, 64)
  const { commands } = batch
  for (let call = 0; call < 100; call++) batch.took(1, 0.01)
  assert.is(batch.commands, commands)
})

Batches(
  'whatever calls take, a size is at least one and at most all, and what takes the same for each command comes to 8 ms at most',
  () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 64 }), fc.double({ min: 0, max: 1_000, noNaN: true }))),
        fc.double({ min: 0.001, max: 100, noNaN: true }),
        (calls, msEach) => {
          const batch = new BatchSize(limits)
          for (const [commands, ms] of calls) {
            batch.took(Math.min(commands, batch.commands), ms)
            assert.ok(batch.commands >= 1 && batch.commands <= 64)
          }
          const size = after(20, msEach, batch)
          assert.ok(size === 1 || size * msEach <= 8.001, `${size} of ${msEach}`)
        },
      ),
    )
  },
)

Batches.run()
