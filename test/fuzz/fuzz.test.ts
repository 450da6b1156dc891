// Guards the doors of deployment and of guests against bytes with mistakes, a fixed number of cases each: with the clock as its bound a
// run on a slow machine would try others than the one that failed. `npm run soak` tries as many as an hour has, of other seeds.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from './random.ts'
import { run } from './run.ts'

const Fuzz = suite('bytes with mistakes')

/** Of the first case. Another number tries other cases. */
const seed = 20_260_000

const cases = { lifts: 8_000, plans: 800, operations: 4_000, replicas: 4_000, components: 1_000, links: 6 } as const

for (const [target, count] of Object.entries(cases))
  Fuzz(`${count} cases of ${target}`, async () => {
    assert.is(await run({ target, seed, more: (done) => done < count }), count)
  })

Fuzz('a case is the same whenever it is run', () => {
  const words = (random: Random) => Array.from({ length: 100 }, () => random.word())
  assert.equal(words(new Random(seed)), words(new Random(seed)))
  assert.not.equal(words(new Random(seed)), words(new Random(seed + 1)))
})

Fuzz('the first case that fails is told with its seed, and what went wrong', async () => {
  let ran = 0
  const third = () => {
    ran += 1
    if (ran === 3) throw new RangeError('too far')
  }
  try {
    await run({ target: 'lifts', seed: 7, more: () => true }, third)
    assert.unreachable('it went on')
  } catch (error) {
    assert.match((error as Error).message, 'npm run soak -- lifts --seed 9 --cases 1')
    assert.instance((error as Error).cause, RangeError)
  }
})

Fuzz.run()
