// The client of bench/fair.ts, a process of its own: steady calls of the counter, alone, and then beside a service that is driven to its limits.
// Prints one JSON line.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as moment } from 'node:timers/promises'
import type { AttackSeen } from './fair-attacker.ts'
import type { Attack } from './fair-attacks.ts'
import { poster } from './fair-post.ts'

export interface FairOptions {
  readonly port: number
  readonly attack: Attack
  readonly perSecond: number
  /** After the first three seconds. */
  readonly ms: number
}

export interface Times {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly calls: number
  readonly errors: number
}

export interface FairSeen extends AttackSeen {
  readonly alone: Times
  /** Calls of the first three seconds beside the other service. */
  readonly first: Times
  readonly later: Times
}

const { port, attack, perSecond, ms } = JSON.parse(process.argv[2]!) as FairOptions
const post = poster(port)

/** Calls for so long; each is timed from when it was to be sent. */
async function steady(forMs: number): Promise<Times> {
  const times: number[] = []
  const calls: Promise<void>[] = []
  let errors = 0
  const startMs = performance.now()
  const count = Math.round((forMs * perSecond) / 1_000)
  for (let at = 0; at < count; at++) {
    const dueMs = startMs + (at * 1_000) / perSecond
    const restMs = dueMs - performance.now()
    if (restMs > 0) await moment(restMs)
    calls.push(
      post(`/counter/k${at % 1_000}/add`, { amount: 1 }).then((status) => {
        times.push(performance.now() - dueMs)
        if (status !== 200) errors += 1
      }),
    )
  }
  await Promise.all(calls)
  times.sort((one, other) => one - other)
  const at = (part: number) => Number((times[Math.floor(times.length * part)] ?? 0).toFixed(2))
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: Number((times.at(-1) ?? 0).toFixed(2)), calls: times.length, errors }
}

/** Drives the other service to its limits, in a process of its own: so what is measured here is not this process's own work. */
async function attacked(work: () => Promise<void>): Promise<AttackSeen> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'bench/fair-attacker.ts', JSON.stringify({ port, attack })],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  await lines.next()
  await work()
  child.stdin.write('end\n')
  const { value } = await lines.next()
  return JSON.parse(value as string) as AttackSeen
}

await steady(2_000)
const alone = await steady(6_000)
let [first, later]: Times[] = []
const seen = await attacked(async () => {
  first = await steady(3_000)
  later = await steady(ms)
})
console.log(JSON.stringify({ alone, first: first!, later: later!, ...seen } satisfies FairSeen))
process.exit(0)
