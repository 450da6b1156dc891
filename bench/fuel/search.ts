// Search: the dearest programs, by how long a tick of theirs lasts against that of the median program.
//
// D1. Only ratios within one search mean anything: the median is of the same run on the same machine.
// D2. What looks dear is measured again, and the least counts.
// D3. A program that is too dear is named by its seed, from which program.ts makes it again.
//
// Owns: the bounds.   measure.ts owns: the clock.

import { assemble, type Compiler, compilers, measure } from './measure.ts'
import { type Program, programOf } from './program.ts'

/** A tick of any program lasts at most so many times that of the median; of one that waits for memory, so many. */
export const bounds = { steady: 10, stalls: 25 } as const

export interface Found {
  readonly program: Program
  readonly compiler: Compiler
  /** That a tick lasts. */
  readonly nanoseconds: number
  /** Against the median of the steady ones. */
  readonly ratio: number
}

export interface Searched {
  readonly medianNanoseconds: number
  /** Dearest first. */
  readonly steady: readonly Found[]
  readonly stalls: readonly Found[]
}

const again = { from: 0.5, runs: 10 } as const

/** Programs of so many seeds. @throws with the seed, where a program is not what program.ts says. */
export async function search(from: number, count: number): Promise<Searched> {
  const measured: { program: Program; bytes: Uint8Array; compiler: Compiler; nanoseconds: number }[] = []
  for (let seed = from; seed < from + count; seed++) {
    const program = programOf(seed)
    try {
      const bytes = await assemble(program.text)
      for (const compiler of Object.keys(compilers) as Compiler[])
        measured.push({ program, bytes, compiler, nanoseconds: measure(bytes, compiler) })
    } catch (thrown) {
      throw new Error(`program ${seed} (${program.title}) does not run`, { cause: thrown })
    }
  }
  const steady = measured.filter(({ program }) => !program.stalls).map(({ nanoseconds }) => nanoseconds)
  const median = steady.sort((a, b) => a - b)[steady.length >> 1]!
  const found = measured.map(({ program, bytes, compiler, nanoseconds }): Found => {
    const dear = nanoseconds / median > bounds[program.stalls ? 'stalls' : 'steady'] * again.from
    const least = dear ? Math.min(nanoseconds, measure(bytes, compiler, again.runs)) : nanoseconds
    return { program, compiler, nanoseconds: least, ratio: least / median }
  })
  found.sort((a, b) => b.ratio - a.ratio)
  return {
    medianNanoseconds: median,
    steady: found.filter(({ program }) => !program.stalls),
    stalls: found.filter(({ program }) => program.stalls),
  }
}

export function lineOf({ program, compiler, nanoseconds, ratio }: Found): string {
  return `${ratio.toFixed(1).padStart(7)} x  ${nanoseconds.toFixed(4)} ns  seed ${program.seed}, ${compiler} compiler, ${program.title}`
}
