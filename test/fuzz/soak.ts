// Soak: fuzzing for as long as it is told, by default an hour, with a seed of its own.
//
//   npm run soak                                     all targets in turn, for an hour
//   npm run soak -- --seed N --minutes 5             the same cases again, as far as they come
//   npm run soak -- lifts --seed N --cases 1         one case

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { run, targets } from './run.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, minutes: { type: 'string' }, cases: { type: 'string' } },
})
const names = positionals.length > 0 ? positionals : Object.keys(targets)
const numbers = {
  seed: values.seed ?? String(randomInt(2 ** 31)),
  minutes: values.minutes ?? '60',
  cases: values.cases ?? '0',
}
const wrong = [
  ...names
    .filter((name) => !Object.hasOwn(targets, name))
    .map((name) => `${name} is no target; there are ${Object.keys(targets).join(', ')}`),
  ...Object.entries(numbers)
    .filter(([, given]) => !/^\d{1,10}$/.test(given))
    .map(([name, given]) => `--${name} takes a whole number, not ${given}`),
]
if (wrong.length > 0) {
  console.error(wrong.join('\n'))
  process.exit(2)
}
const [first, cases] = [Number(numbers.seed), Number(numbers.cases)]
const end = performance.now() + Number(numbers.minutes) * 60_000
/** Each target in turn has so long. In milliseconds. */
const sliceMs = 30_000

console.log(`seed ${first}`)
const done = new Map(names.map((name) => [name, 0]))
let failed = false
do {
  for (const name of names) {
    const before = done.get(name)!
    const until = Math.min(performance.now() + sliceMs, end)
    const more = (count: number) => (cases > 0 ? before + count < cases : performance.now() < until)
    try {
      const count = await run({ target: name, seed: first + before, more })
      done.set(name, before + count)
    } catch (error) {
      console.error(error)
      failed = true
      break
    }
  }
  console.log([...done].map(([name, count]) => `${name} ${count}`).join(' · '))
} while (!failed && cases === 0 && performance.now() < end)
process.exit(failed ? 1 : 0)
