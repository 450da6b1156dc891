// Run: `npm run simulate -- [--seeds N] [--seed S]`. Programs on simulated hosts, from seed S on, until one finds a fault or N have run.

import { parseArgs } from 'node:util'
import { run } from './program.ts'

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
})
const [first, count] = [Number(values.seed), Number(values.seeds)]
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || first < 0 || count < 1) {
  console.error('--seed and --seeds take whole numbers: npm run simulate -- --seed 7 --seeds 1')
  process.exit(2)
}
for (let seed = first; seed < first + count; seed++) {
  const { hash, wrong, counts } = await run(seed)
  const told = Object.entries(counts).map(([what, times]) => `${times} ${what}`)
  console.log(
    `seed ${seed}: ${hash.slice(0, 16)}  ${wrong.length === 0 ? 'all is true' : `${wrong.length} faults`}  (${told.join(', ')})`,
  )
  if (wrong.length === 0) continue
  for (const sentence of wrong.slice(0, 20)) console.log(`  ${sentence}`)
  console.log(`again: npm run simulate -- --seed ${seed} --seeds 1`)
  process.exit(1)
}
