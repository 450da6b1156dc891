// Measure: how long a tick lasts in a program, as each of V8's compilers makes it.
//
// M1. A program runs until it has spent what it was given; the first run of each amount compiles and is not counted, and the least of
//     some runs is taken: other work on the machine can only add.
// M2. Both compilers count: what is new runs as the first made it, for as long as it does not return.
//
// Owns: the clock.   search.ts owns: which programs, and what is dear.

import { setFlagsFromString } from 'node:v8'
import { parse } from '@bytecodealliance/jco'
import { fuelImport } from '../../host/guest/fuel.ts'
import { meter } from '../../host/wasm/meter.ts'
import { readModule, writeModule } from '../../host/wasm/sections.ts'

export const compilers = {
  first: ['--liftoff', '--no-wasm-tier-up', '--no-wasm-dynamic-tiering'],
  best: ['--no-liftoff'],
} as const
export type Compiler = keyof typeof compilers

const ticksMin = 100_000n
const ticksMax = 1n << 34n
/** A run that is shorter says little. */
const runMs = 1.5

/** @throws what the program throws but for lack of fuel. */
export async function assemble(text: string): Promise<Uint8Array> {
  return writeModule(meter(readModule(await parse(text))))
}

/** Nanoseconds that a tick of the exported function `run` lasts. */
export function measure(bytes: Uint8Array, compiler: Compiler, runs = 3): number {
  for (const flag of compilers[compiler]) setFlagsFromString(flag)
  try {
    return run(tagged(bytes, compiler), runs)
  } finally {
    for (const flag of ['--liftoff', '--wasm-tier-up', '--wasm-dynamic-tiering']) setFlagsFromString(flag)
  }
}

function run(bytes: Uint8Array, runs: number): number {
  const fuel = new WebAssembly.Global({ value: 'i64', mutable: true }, 0n)
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    [fuelImport.module]: { [fuelImport.name]: fuel },
  })
  const spend = (ticks: bigint): { ms: number; spent: number } => {
    fuel.value = ticks
    const from = performance.now()
    try {
      ;(exports['run'] as () => void)()
    } catch (thrown) {
      if ((fuel.value as bigint) >= 0n) throw thrown
    }
    return { ms: performance.now() - from, spent: Number(ticks - (fuel.value as bigint)) }
  }
  scatter(exports['memory'])
  spend(1n)
  let ticks = ticksMin
  while (spend(ticks).ms < runMs && ticks < ticksMax) ticks *= 4n
  let nanoseconds = Number.POSITIVE_INFINITY
  for (let left = runs; left > 0; left--) {
    const { ms, spent } = spend(ticks)
    nanoseconds = Math.min(nanoseconds, (ms * 1e6) / spent)
  }
  return nanoseconds
}

/** Random words, so that an address that is read leads anywhere. */
function scatter(memory: WebAssembly.ExportValue | undefined): void {
  if (!(memory instanceof WebAssembly.Memory)) return
  const words = new Uint32Array(memory.buffer)
  let word = 1
  for (let at = 0; at < words.length; at++) {
    word = (Math.imul(word, 1664525) + 1013904223) | 0
    words[at] = word ^ (word >>> 15)
  }
}

/** Code is shared among modules of the same bytes, whatever compiled it: so these differ. */
function tagged(bytes: Uint8Array, tag: string): Uint8Array {
  const name = new TextEncoder().encode(tag)
  return new Uint8Array([...bytes, 0, name.length + 1, name.length, ...name])
}
