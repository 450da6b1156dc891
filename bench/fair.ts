// Figures of fairness: what calls of one service wait for while another one, in the same host, is at its limits: of fuel, turns, the outbox,
// streams, commands that wait, entities in memory, snapshots.
//
// The host and its client have a core each, where `taskset` can give them one. Calls come 200 a second whether those before were answered or
// not, and are timed from when they were to be sent: who is slow is not asked less.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scripted } from '../test/support/scripted.ts'
import { type Attack, attacks } from './fair-attacks.ts'
import type { FairOptions, FairSeen } from './fair-client.ts'
import type { Figure } from './inside.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
/** `ATTACKS`: only those with one of these words in their name. */
const wanted = (process.env['ATTACKS'] ?? '').split(',')
const chosen = attacks.filter((attack) => wanted.some((word) => attack.includes(word)))
const ms = Number(process.env['MS'] ?? 12_000)
const pinned = cpus().length >= 2 && spawnSync('taskset', ['--version']).status === 0

/** Where the default bound is not reached within a few seconds. */
const limits: Partial<Record<Attack, readonly string[]>> = {
  'the outbox': ['--outbox-effects-max', '2000'],
  activations: ['--activations-max', '10000'],
}

export async function fairFigures(): Promise<readonly Figure[]> {
  const cores = pinned ? 'host on core 0, client on core 1' : 'host and client share all cores'
  const load = loadavg().map((value) => value.toFixed(1))
  console.log(`  ${cpus().length} cores, ${cores}; load before ${load.join(' ')}`)
  const figures: Figure[] = []
  for (const attack of chosen) figures.push(...(await figuresOf(attack)))
  return figures
}

async function figuresOf(attack: Attack): Promise<readonly Figure[]> {
  const data = mkdtempSync(join(tmpdir(), 'innkeeper-fair-'))
  try {
    const component = join(data, 'scripted.wasm')
    writeFileSync(component, await scripted())
    const { port, stop } = await start(data, component, limits[attack] ?? [])
    try {
      const options: FairOptions = { port, attack, perSecond: 200, ms }
      const [command, args] = onCore(1, [
        '--disable-warning=ExperimentalWarning',
        'bench/fair-client.ts',
        JSON.stringify(options),
      ])
      const seen = JSON.parse(execFileSync(command, args, { cwd: root }).toString()) as FairSeen
      const { alone, first, later } = seen
      const name = `beside a service that takes all ${attack}`
      const bound = Math.max(3 * alone.p99Ms, alone.p99Ms + 50)
      return [
        { name: `alone (for ${attack}): p50`, value: alone.p50Ms, unit: 'ms' },
        { name: `alone (for ${attack}): p99`, value: alone.p99Ms, unit: 'ms' },
        { name: `${name}, first 3 s: p50`, value: first.p50Ms, unit: 'ms' },
        { name: `${name}, first 3 s: p99`, value: first.p99Ms, unit: `ms, of ${(alone.p99Ms + 1_000).toFixed(0)}` },
        { name: `${name}, then: p50`, value: later.p50Ms, unit: 'ms' },
        { name: `${name}, then: p99`, value: later.p99Ms, unit: `ms, of ${bound.toFixed(0)}` },
        { name: `${name}, then: longest`, value: later.maxMs, unit: 'ms' },
        { name: 'calls not answered with 200', value: alone.errors + first.errors + later.errors, unit: 'calls' },
        { name: 'answers that the service at its limits had', value: seen.answered, unit: 'answers' },
        { name: 'of it failed or refused', value: seen.failed, unit: 'answers' },
      ]
    } finally {
      stop()
    }
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

function onCore(core: number, args: readonly string[]): [command: string, args: readonly string[]] {
  return pinned ? ['taskset', ['-c', String(core), process.execPath, ...args]] : [process.execPath, args]
}

function start(data: string, component: string, more: readonly string[]): Promise<{ port: number; stop: () => void }> {
  const flags = [
    '--data',
    join(data, 'data'),
    '--listen',
    '127.0.0.1:0',
    '--admin',
    '127.0.0.1:0',
    '--log-level',
    'silent',
    ...more,
  ]
  const [command, args] = onCore(0, [
    '--disable-warning=ExperimentalWarning',
    'host/bin/inn.mjs',
    'up',
    ...flags,
    '--json',
    'guests/build/counter-assemblyscript.wasm',
    'guests/build/cart-typescript.wasm',
    component,
  ])
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
      if (!output.trimEnd().endsWith('}')) return
      const { listen } = JSON.parse(output) as { listen: string }
      resolve({ port: Number(listen.split(':')[1]), stop: () => child.kill('SIGKILL') })
    })
    child.once('exit', (code) => reject(new Error(`inn up ended with ${code}: ${output}`)))
  })
}
