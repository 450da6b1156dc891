// Guards the rule of shares against any order of taking and giving: never more than all, and a small service is not kept out by one big.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Shares } from '../host/shares.ts'

const Holding = suite('shares')

const steps = fc.array(
  fc.record({ service: fc.constantFrom('a', 'b', 'c', 'd'), count: fc.integer({ min: -30, max: 60 }) }),
  {
    maxLength: 200,
  },
)

Holding('shares.S1: whatever is taken and given, the parts are the sum, and never more than all', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), steps, (max, all) => {
      const shares = new Shares(max)
      const held = new Map<string, number>()
      for (const { service, count } of all) {
        const has = held.get(service) ?? 0
        const given = Math.min(has, -count)
        if (count > 0 && shares.admits(service, count)) {
          shares.take(service, count)
          held.set(service, has + count)
        } else if (given > 0) {
          shares.give(service, given)
          held.set(service, has - given)
        }
        const sum = [...held.values()].reduce((total, part) => total + part, 0)
        assert.ok(sum <= max)
        assert.is(shares.full, sum >= max)
        assert.equal(new Map(shares.each()), new Map([...held].filter(([, part]) => part > 0)))
      }
    }),
  )
})

Holding(
  '§share-5, shares.S2: one service alone gets all but an eighth, and that eighth is there for another one',
  () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 10_000 }), (max) => {
        const shares = new Shares(max)
        const eighth = Math.floor(max / 8)
        while (shares.admits('big', 1)) shares.take('big', 1)
        assert.is(shares.of('big'), max - eighth)
        assert.ok(shares.admits('small', eighth))
        assert.not(shares.admits('small', eighth + 1))
        shares.take('small', eighth)
        assert.ok(shares.full)
      }),
    )
  },
)

Holding(
  'shares.S2: while the others hold no more than an eighth together, each of them gets what is left of it',
  () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 1_000 }), steps, (max, all) => {
        const shares = new Shares(max)
        const eighth = Math.floor(max / 8)
        const small = () => ['b', 'c', 'd'].reduce((sum, name) => sum + shares.of(name), 0)
        for (const { service, count } of all) {
          if (count <= 0) continue
          const fits = service !== 'a' && small() + count <= eighth
          if (fits) assert.ok(shares.admits(service, count), `${service} is kept out`)
          if ((service === 'a' || fits) && shares.admits(service, count)) shares.take(service, count)
        }
      }),
    )
  },
)

Holding.run()
