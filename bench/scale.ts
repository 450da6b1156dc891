// Figures of scale: what a host does with ENTITIES entities of RECORDS records of PAYLOAD bytes each, against one with a thousand, in the same run.
//
// Fill, through the host ─▶ start it again, until its tables are at rest ─▶ rates and p99, in turns with the small one ─▶ starts ─▶ from inside.
// With DATA the directories stay, and are filled only where they are not there. PARTS says what is measured: disk, rates, starts, inside.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../sdk/build/build.ts'
import type { Figure } from './inside.ts'
import type { ScaleOptions, ScaleSeen } from './scale-client.ts'
import { onDisk, ScaleHost } from './scale-host.ts'
import type { ScaleInside } from './scale-inside.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const entities = Number(process.env['ENTITIES'] ?? 100_000)
const records = Number(process.env['RECORDS'] ?? 1)
const payloadBytes = Number(process.env['PAYLOAD'] ?? 1_000)
const rounds = Number(process.env['ROUNDS'] ?? 3)
const ms = Number(process.env['MS'] ?? 4_000)
const kept = process.env['DATA']
const parts = (process.env['PARTS'] ?? 'disk,rates,starts,inside').split(',')
const hotKeys = 1_000
/** Under load before it is killed, in milliseconds. */
const killedAfterMs = 5_000
const starts = 5
const filling = { connections: 8, inFlight: 64 }
const loading = { connections: 16, inFlight: 16 }

type Asked = Pick<ScaleOptions, 'from' | 'keys' | 'load' | 'method'>

/** With the processor time that the host took for a command. */
type Rated = ScaleSeen & { readonly cpuUs: number }

/** One part after the other: each is told when it is done, since the whole takes its time. */
export async function* scaleFigures(): AsyncGenerator<readonly [part: string, figures: readonly Figure[]], undefined> {
  const component = join(root, 'guests/build/bench-records.wasm')
  if (!existsSync(component)) await buildProject(join(root, 'bench/guests/records'), { out: component })
  const load = loadavg().map((value) => value.toFixed(1))
  console.log(`\n${entities} entities, ${records} records of ${payloadBytes} bytes each`)
  console.log(`${cpus().length} cores, shared by host and client; load before ${load.join(' ')}`)
  const directory = kept ?? mkdtempSync(join(tmpdir(), 'innkeeper-scale-'))
  const [small, large] = [join(directory, 'small'), join(directory, `large-${entities}-${records}-${payloadBytes}`)]
  mkdirSync(directory, { recursive: true })
  try {
    if (!existsSync(small)) await fill(small, component, hotKeys)
    if (!existsSync(large)) yield ['fill', await fill(large, component, entities)]
    if (parts.includes('disk')) yield ['at rest', await atRest(large)]
    if (parts.includes('rates')) yield ['rates', await rates(small, large)]
    if (parts.includes('starts')) yield ['starts', await startsOf(small, large)]
    if (parts.includes('inside')) yield ['from inside', inside(large)]
  } finally {
    if (kept === undefined) rmSync(directory, { recursive: true, force: true })
  }
  return undefined
}

/** Every entity gets its records; then the host stops, as soon as nothing is rewritten any more. */
async function fill(directory: string, component: string, keys: number): Promise<readonly Figure[]> {
  const host = await ScaleHost.start(directory, [component])
  try {
    const [written, cpu] = [host.writtenBytes, host.cpuSeconds]
    const seen = await host.load({
      ...filling,
      keys,
      from: 0,
      method: 'Put',
      payloadBytes,
      load: { kind: 'each', records },
    })
    if (seen.errors > 0) throw new Error(`${seen.errors} commands failed`)
    await host.quiet()
    const perCommand = (host.writtenBytes - written) / seen.commands
    const figures = [
      { name: 'fill', value: seen.commands / seen.seconds, unit: 'commands a second' },
      { name: 'fill: p99', value: seen.p99Ms, unit: 'ms' },
      {
        name: 'fill: processor time of the host',
        value: ((host.cpuSeconds - cpu) * 1e6) / seen.commands,
        unit: 'us a command',
      },
      { name: 'fill: written to the disk, log and rewriting included', value: perCommand, unit: 'bytes a command' },
      { name: `fill: of the ${payloadBytes} bytes of a command`, value: perCommand / payloadBytes, unit: 'times' },
    ]
    await host.end('SIGTERM')
    return figures
  } catch (error) {
    await host.end('SIGKILL')
    throw error
  }
}

async function atRest(directory: string): Promise<readonly Figure[]> {
  const host = await ScaleHost.start(directory)
  await host.quiet()
  const { tableBytes, tables, logBytes } = onDisk(directory)
  const { rssBytes } = host
  await host.end('SIGTERM')
  return [
    { name: 'on disk, after compaction', value: tableBytes / (entities * records), unit: 'bytes a command' },
    { name: 'tables', value: tables, unit: '' },
    { name: 'log', value: logBytes / 1e6, unit: 'MB' },
    { name: 'resident, with no entity in memory', value: rssBytes / 1e6, unit: 'MB' },
  ]
}

/** In turns: the small one, the large one on as many keys, and on half of all keys each, of which few are in memory. */
async function rates(small: string, large: string): Promise<readonly Figure[]> {
  const seen = new Map<string, Rated[]>()
  const loaded = { Get: 0, Put: 0 }
  let resident = 0
  const half = Math.floor(entities / 2)
  for (let round = 0; round < rounds; round++) {
    const [few, many] = [await ScaleHost.start(small), await ScaleHost.start(large)]
    const measured = async (name: string, host: ScaleHost, asked: Asked) => {
      const cpu = host.cpuSeconds
      const one = await host.load({ ...loading, payloadBytes, ...asked })
      const cpuUs = ((host.cpuSeconds - cpu) * 1e6) / one.answered
      seen.set(name, [...(seen.get(name) ?? []), { ...one, cpuUs }])
      return one
    }
    try {
      for (const method of ['Put', 'Get'] as const) {
        const hot = { method, from: 0, keys: hotKeys, load: { kind: 'random', seed: 1, warmupMs: 1_000, ms } } as const
        await measured(`1,000 entities, ${method}`, few, hot)
        await measured(`all, ${method} of 1,000`, many, hot)
      }
      for (const [at, method] of (['Get', 'Put'] as const).entries()) {
        const [before, rss] = [await many.activated(), many.rssBytes]
        const load = { kind: 'random', seed: 2 + round, warmupMs: 0, ms } as const
        const cold = await measured(`all, ${method} of any`, many, { method, from: at * half, keys: half, load })
        const count = (await many.activated()) - before
        loaded[method] += count / cold.answered / rounds
        if (method === 'Get') resident += (many.rssBytes - rss) / count / rounds
      }
    } finally {
      await Promise.all([few.end('SIGTERM'), many.end('SIGTERM')])
    }
  }
  return [
    ...[...seen].flatMap(([name, all]) =>
      ratesOf(name, all, seen.get(`1,000 entities, ${name.includes('Put') ? 'Put' : 'Get'}`)!),
    ),
    { name: 'all, Get of any: entities loaded', value: loaded.Get, unit: 'of the commands' },
    { name: 'all, Put of any: entities loaded', value: loaded.Put, unit: 'of the commands' },
    { name: 'all, Get of any: resident for each', value: resident, unit: 'bytes' },
  ]
}

function ratesOf(name: string, all: readonly Rated[], base: readonly Rated[]): readonly Figure[] {
  const rate = (seen: readonly ScaleSeen[]) => median(seen.map(({ commands, seconds }) => commands / seconds))
  const p99 = (seen: readonly ScaleSeen[]) => median(seen.map(({ p99Ms }) => p99Ms))
  const errors = all.reduce((sum, one) => sum + one.errors, 0)
  if (errors > 0) throw new Error(`${name}: ${errors} commands failed`)
  const own = [
    { name, value: rate(all), unit: 'commands a second' },
    { name: `${name}: p99`, value: p99(all), unit: 'ms' },
    { name: `${name}: processor time`, value: median(all.map(({ cpuUs }) => cpuUs)), unit: 'us a command' },
  ]
  if (all === base) return own
  return [
    own[0]!,
    { name: `${name}: to 1,000 entities`, value: rate(all) / rate(base), unit: '' },
    own[1]!,
    { name: `${name}: p99 to 1,000 entities`, value: p99(all) / p99(base), unit: '' },
    own[2]!,
  ]
}

/** In turns: of the small one, of the large one after a stop, and of the large one after `kill -9` under load. */
async function startsOf(small: string, large: string): Promise<readonly Figure[]> {
  const times = { few: [] as number[], stopped: [] as number[], killed: [] as number[] }
  let logBytes = 0
  for (let at = 0; at < starts; at++) {
    const few = await timed(small, times.few)
    await few.end('SIGTERM')
    const stopped = await timed(large, times.stopped)
    const load = { kind: 'random', seed: 1_000 + at, warmupMs: 0, ms: killedAfterMs } as const
    await stopped.load({ ...loading, keys: entities, from: 0, method: 'Put', payloadBytes, load })
    await stopped.end('SIGKILL')
    logBytes = Math.max(logBytes, onDisk(large).logBytes)
    const killed = await timed(large, times.killed)
    await killed.quiet()
    await killed.end('SIGTERM')
  }
  return [
    { name: '1,000 entities: start after a stop, to the first answer', value: median(times.few), unit: 'ms' },
    { name: 'all: start after a stop', value: median(times.stopped), unit: 'ms' },
    { name: 'all: start after kill -9 under load', value: median(times.killed), unit: 'ms' },
    { name: 'all: the longest log that was left', value: logBytes / 1e6, unit: 'MB' },
  ]
}

async function timed(directory: string, into: number[]): Promise<ScaleHost> {
  const startedMs = performance.now()
  const host = await ScaleHost.start(directory)
  await host.answers()
  into.push(performance.now() - startedMs)
  return host
}

function inside(directory: string): readonly Figure[] {
  const count = Math.min(50_000, Math.floor(entities / 2))
  const args = [
    '--expose-gc',
    '--disable-warning=ExperimentalWarning',
    'bench/scale-inside.ts',
    directory,
    String(entities),
    String(count),
  ]
  const { reads, bytesPerEntity } = JSON.parse(
    execFileSync(process.execPath, args, { cwd: root }).toString(),
  ) as ScaleInside
  return [
    { name: 'reads from RocksDB, Get of an entity that is not in memory', value: reads.get, unit: '' },
    { name: 'reads from RocksDB, Put to one', value: reads.put, unit: '' },
    { name: 'reads from RocksDB, Get of one that never was', value: reads.absent, unit: '' },
    { name: 'reads from RocksDB, Put to one in memory', value: reads.hot, unit: '' },
    { name: 'JavaScript memory for each entity in memory', value: bytesPerEntity, unit: 'bytes' },
  ]
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
