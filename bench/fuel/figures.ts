// Figures of fuel: the dearest programs of a search, and how long a call on the default fuel lasts for the attacks that are known.

import { cpus, loadavg } from 'node:os'
import { ticksPerUnit } from '../../host/guest/fuel.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { Figure } from '../inside.ts'
import { knownAttacks } from './known.ts'
import { assemble, type Compiler, compilers, measure } from './measure.ts'
import { bounds, type Found, lineOf, search } from './search.ts'

const shown = 8
const runs = 10

/** `SEED`: the first one; `PROGRAMS`: how many. */
export async function fuelFigures(): Promise<readonly Figure[]> {
  const [from, count] = [Number(process.env['SEED'] ?? 1), Number(process.env['PROGRAMS'] ?? 1_000)]
  const load = () => loadavg().map((value) => value.toFixed(1))
  console.log(`  programs ${from} to ${from + count - 1}, ${cpus().length} cores, load ${load().join(' ')}`)
  const { medianNanoseconds, steady, stalls } = await search(from, count)
  const figures: Figure[] = [
    { name: 'a tick of the median program', value: medianNanoseconds * 1_000, unit: 'ps' },
    ...told('not waiting for memory', steady, bounds.steady),
    ...told('waiting for memory', stalls, bounds.stalls),
  ]
  const holds: Figure[] = []
  for (const { name, text, waits } of knownAttacks) {
    const bytes = await assemble(text)
    const ticks = defaultLimits.fuelPerCommand * ticksPerUnit
    const dearest = Math.max(...(Object.keys(compilers) as Compiler[]).map((one) => measure(bytes, one, runs)))
    holds.push({
      name: `a call that ${waits === 'no' ? 'runs' : 'waits for memory with'} ${name}`,
      value: (dearest * ticks) / 1e6,
      unit: 'ms',
    })
  }
  holds.sort((a, b) => b.value - a.value)
  console.log(`  load at the end ${load().join(' ')}`)
  return [...figures, ...holds]
}

function told(kind: string, found: readonly Found[], bound: number): Figure[] {
  for (const one of found.slice(0, shown)) console.log(lineOf(one))
  const over = found.filter(({ ratio }) => ratio > bound).length
  return [
    {
      name: `the dearest tick of programs ${kind}, ${bound} allowed`,
      value: found[0]?.ratio ?? 0,
      unit: 'of the median',
    },
    { name: `programs ${kind} beyond it`, value: over, unit: '' },
  ]
}
