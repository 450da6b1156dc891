// Guards when states are measured, and when they are too dear to keep.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ReadingCost, stateTooDear } from '../../host/entity/reading-cost.ts'
import { defaultLimits } from '../../host/limits.ts'

const Cost = suite('reading cost')

const limits = { ...defaultLimits, fuelPerCommand: 4_000_000, fuelPerByte: 0 }
const given = 4_000_000

Cost('reading-cost.C2: short states are never measured, long ones once, and again when they have grown', () => {
  const cost = new ReadingCost(limits)
  assert.is(cost.due(4_095, undefined), false)
  assert.is(cost.due(5_000, undefined), true)
  assert.is(cost.measured({ bytes: 5_000, units: 100_000, sizeMax: 5_000 }), undefined)
  // Far from a quarter of the bound, and not much longer than what was measured.
  assert.is(cost.due(9_000, undefined), false)
  assert.is(cost.due(10_001, undefined), true)
})

Cost('reading-cost.C2: past a quarter of the fuel, a state is measured when it has grown by a twentieth', () => {
  const cost = new ReadingCost(limits)
  const last = { bytes: 10_000, units: given / 4, sizeMax: 10_000 }
  cost.measured(last)
  assert.is(cost.due(10_400, last), false)
  assert.is(cost.due(10_600, last), true)
  // What a guest says is a bound, however far above the bytes: growth is measured by it.
  const loose = { bytes: 10_000, units: given / 4, sizeMax: 30_000 }
  assert.is(cost.due(30_500, loose), false)
  assert.is(cost.due(32_000, loose), true)
})

Cost('reading-cost.C2: past a quarter of the bytes that a state may have, it is measured whatever it costs', () => {
  const cost = new ReadingCost(limits)
  const bytes = limits.stateBytesMax / 4 + 1
  cost.measured({ bytes, units: 10, sizeMax: bytes })
  assert.is(cost.due(bytes, undefined), true)
})

Cost(
  '§fault-7, reading-cost.C1: half of the fuel is the bound; the refusal names size, cost, bound and settings',
  () => {
    const cost = new ReadingCost(limits)
    assert.is(cost.measured({ bytes: 8_000, units: given / 2, sizeMax: 8_000 }), undefined)
    const tooDear = cost.measured({ bytes: 8_001, units: given / 2 + 1, sizeMax: 8_001 })
    assert.equal(tooDear, { bytes: 8_001, units: given / 2 + 1, unitsMax: given / 2 })
    assert.is(cost.worstPart, (given / 2 + 1) / given)
    const { code, message } = stateTooDear(tooDear!)
    assert.is(code, 'state_too_large')
    assert.match(
      message,
      /would have 8,001 bytes and take 2,000,001 units of fuel to read or write; 2,000,000 are allowed/,
    )
    assert.match(message, /--fuel-per-command/)
    assert.match(stateTooDear(cost.exhausted(9_000)).message, /9,000 bytes and take more than 4,000,000 units/)
  },
)

Cost('a replica is as dear to view as the largest that was', () => {
  const cost = new ReadingCost(limits)
  assert.is(cost.viewTooDear(1_000_000), undefined)
  cost.viewed({ bytes: 10_000, units: given / 4, sizeMax: 10_000 })
  assert.is(cost.viewTooDear(15_000), undefined)
  assert.ok(cost.viewTooDear(25_000))
})

Cost.run()
