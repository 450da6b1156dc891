// Guards a whole host, from the door inwards: programs of clients, operators, crashes and failing disks on virtual time, each from a seed; what
// must be true afterwards is in host/truth.ts. `npm run simulate` runs more of them. A seed that fails is printed with how to run it again.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Ran, run } from './host/program.ts'

const seeds = Array.from({ length: 20 }, (_, index) => index + 1)

const Simulated = suite('a simulated host')
const ran: Ran[] = []

for (const seed of seeds)
  Simulated(
    `§storage-1, §idempotency-1, §effect-2, §stream-5: all that must be true is, for seed ${seed}`,
    async () => {
      const result = await run(seed)
      ran.push(result)
      assert.equal(result.wrong, [], `again: npm run simulate -- --seed ${seed} --seeds 1`)
    },
  )

Simulated('core.C1: the same seed gives the same log, answers and state, byte for byte', async () => {
  for (const { seed, hash } of ran.slice(0, 3)) assert.is((await run(seed)).hash, hash, `seed ${seed}`)
  assert.is(new Set(ran.map(({ hash }) => hash)).size, seeds.length)
})

Simulated(
  'the programs have crashes, failing disks, deployments of both versions, streams and repeated keys in them',
  () => {
    const all = new Set(ran.flatMap(({ counts }) => Object.keys(counts)))
    const wanted = [
      'crashes',
      'failing disks',
      'deployments of version 1',
      'deployments of version 2',
      'streams',
      'repeated keys',
    ]
    for (const what of wanted) assert.ok(all.has(what), what)
  },
)

Simulated.run()
