// The benchmarks: ratios against a floor in the same run, since machines are noisy. `npm run bench [-- NAME ...]`.
//
// Each comparison alternates its sides and repeats; the median of each side is what is printed. bench/README.md says what is
// measured and what not.

import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../sdk/build/build.ts'
import { connectorFigures } from './connectors.ts'
import { crdtFigures } from './crdt.ts'
import { deliveryFigures } from './delivery.ts'
import { fairFigures } from './fair.ts'
import { fuelFigures } from './fuel/figures.ts'
import { holdFigures } from './holds.ts'
import { coldStart, guestFigures, replayFigures } from './inside.ts'
import { languageFigures, tableOf } from './languages.ts'
import { peers } from './peers/peers.ts'
import { Refusal } from './peers/refusal.ts'
import { projectedFigures } from './projected.ts'
import { scaleFigures } from './scale.ts'
import { shedFigures } from './shed.ts'
import { slowDiskFigures } from './slow-disk.ts'
import { streamFigures } from './streams.ts'
import { watchFigures } from './views.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const rounds = Number(process.env['ROUNDS'] ?? 3)
const ms = Number(process.env['MS'] ?? 4_000)
/** Of `pipelined`. */
const connections = Number(process.env['CONNECTIONS'] ?? 64)
const inFlight = Number(process.env['IN_FLIGHT'] ?? 40)
const [only, options] = wanted(process.argv.slice(2))

type Load = { perSecond: number; p50Ms: number; p99Ms: number; errors: number }

interface Side {
  readonly name: string
  readonly start: () => Promise<{ port: number; stop: () => void }>
  readonly kind: 'http' | 'grpc' | 'pipelined'
  /** Of pipelined commands: each has an idempotency key. */
  readonly once?: boolean
  readonly keys: number
  /** Of HTTP, with `KEY` in it; default: the counter's. */
  readonly path?: string
  /** The guest that it serves, if it is a host. */
  readonly component?: string
}

const floorHttp = (keys: number): Side => ({
  name: 'floor http',
  kind: 'http',
  keys,
  start: () => server(['bench/floor.ts', 'http']),
})
const host = (name: string, component: string, kind: Side['kind'], keys: number): Side => ({
  name,
  kind,
  keys,
  component: `guests/build/${component}.wasm`,
  start: () => innkeeper(`guests/build/${component}.wasm`),
})

/** A service of bench/guests/kinds, which counts in each state model. */
const kind = (name: string, path: string, keys: number): Side => ({
  ...host(name, 'bench-kinds', 'http', keys),
  path: `/${path}/KEY/add`,
})

const comparisons: Readonly<Record<string, () => Promise<void>>> = {
  http: () =>
    compare('HTTP/JSON Add, 64 connections, 1,000 keys, synced', floorHttp(1_000), [
      host('AssemblyScript', 'counter-assemblyscript', 'http', 1_000),
      host('TypeScript', 'counter-typescript', 'http', 1_000),
    ]),
  hot: () =>
    compare(
      'the same on one key, against 1,000 keys',
      host('TypeScript, 1,000 keys', 'counter-typescript', 'http', 1_000),
      [host('TypeScript, one key', 'counter-typescript', 'http', 1)],
    ),
  'hot-as': () =>
    compare(
      'the same on one key, against 1,000 keys',
      host('AssemblyScript, 1,000 keys', 'counter-assemblyscript', 'http', 1_000),
      [host('AssemblyScript, one key', 'counter-assemblyscript', 'http', 1)],
    ),
  grpc: () =>
    compare(
      'gRPC unary Add, 64 in flight',
      { name: 'bare grpc-js', kind: 'grpc', keys: 1_000, start: () => server(['bench/floor.ts', 'grpc']) },
      [
        host('AssemblyScript', 'counter-assemblyscript', 'grpc', 1_000),
        host('TypeScript', 'counter-typescript', 'grpc', 1_000),
      ],
    ),
  kinds: () =>
    compare('Add in each state model, TypeScript, 64 connections, 1,000 keys', kind('event-sourced', 'events', 1_000), [
      kind('value', 'values', 1_000),
      kind('replicated counter', 'replicas', 1_000),
    ]),
  pipelined: () =>
    compare(
      `pipelined Add, ${connections} connections, ${inFlight} in flight on each, 1,000 keys, synced, against one in flight on each of 64`,
      floorHttp(1_000),
      ['AssemblyScript', 'TypeScript'].flatMap((language) => {
        const component = `counter-${language.toLowerCase()}`
        return [
          host(`${language}, one in flight`, component, 'http', 1_000),
          host(`${language}, pipelined`, component, 'pipelined', 1_000),
          { ...host(`${language}, pipelined, with keys`, component, 'pipelined', 1_000), once: true },
        ]
      }),
    ),
  crdt: () => report('crdt', crdtFigures()),
  guest: () => report('guest', guestFigures()),
  fuel: () => report('fuel', fuelFigures()),
  replay: () => report('replay', replayFigures()),
  languages: async () => {
    const figures = await languageFigures()
    console.log(`\nthe counter in every language\n${tableOf(figures)}`)
    for (const { name, value, unit } of figures) record({ title: 'languages', name, value, unit })
  },
  start: () => report('start', coldStart()),
  fair: () => report('fair', fairFigures()),
  holds: () => report('holds', holdFigures()),
  scale: async () => {
    for await (const [part, figures] of scaleFigures()) await report(`scale: ${part}`, Promise.resolve(figures))
  },
  delivery: async () => {
    for await (const [part, figures] of deliveryFigures()) await report(`delivery: ${part}`, Promise.resolve(figures))
  },
  shed: () => report('shed', shedFigures()),
  streams: () => report('streams', streamFigures()),
  views: async () => {
    await report('views', projectedFigures())
    await report(
      'views: watches',
      watchFigures((settings) => innkeeper('guests/build/cart-typescript.wasm', settings)),
    )
  },
  connectors: () => report('connectors', connectorFigures()),
  'slow-disk': () => report('slow-disk', slowDiskFigures()),
}

/** Only when they are named: they get packages of others, and take long. */
const named: Readonly<Record<string, () => Promise<void>>> = {
  peers: async () => {
    console.log('\npeers')
    if (!(await peers(options, record))) process.exitCode = 1
  },
}

const chosen = only.length === 0 ? Object.keys(comparisons) : only
const unknown = only.find((name) => !Object.hasOwn(comparisons, name) && !Object.hasOwn(named, name))
if (unknown !== undefined)
  refuse(`there is no benchmark ${unknown}; there are ${Object.keys({ ...comparisons, ...named }).join(', ')}`)
if (options.length > 0 && !only.includes('peers')) refuse(`${options[0]}: only peers has options`)

if (chosen.some((name) => Object.hasOwn(comparisons, name))) {
  const kinds = join(root, 'guests/build/bench-kinds.wasm')
  if (!existsSync(kinds)) await buildProject(join(root, 'bench/guests/kinds'), { out: kinds })
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, ${rounds} rounds of ${ms} ms`,
  )
}
for (const [name, run] of Object.entries({ ...comparisons, ...named }))
  if (chosen.includes(name))
    await run().catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error
      refuse(error.message)
    })

function refuse(message: string): never {
  console.error(message)
  process.exit(1)
}

/** Names of benchmarks, and from the first word that begins with - on what are options. */
function wanted(words: readonly string[]): [only: readonly string[], options: readonly string[]] {
  const first = words.findIndex((word) => word.startsWith('-'))
  return first === -1 ? [words, []] : [words.slice(0, first), words.slice(first)]
}

async function compare(title: string, base: Side, sides: readonly Side[]): Promise<void> {
  console.log(`\n${title}`)
  const results = new Map<string, Load[]>()
  const here = [base, ...sides].filter(({ component }) => {
    const there = component === undefined || existsSync(join(root, component))
    if (!there) console.log(`  skipped: ${component} is missing; npm run guests builds it`)
    return there
  })
  if (here[0] !== base) return
  for (let round = 0; round < rounds; round++) {
    for (const side of here) results.set(side.name, [...(results.get(side.name) ?? []), await measure(side)])
  }
  const floor = median(results.get(base.name)!.map((load) => load.perSecond))
  for (const [name, loads] of results) {
    const perSecond = median(loads.map((load) => load.perSecond))
    const p50Ms = median(loads.map((load) => load.p50Ms))
    const p99Ms = median(loads.map((load) => load.p99Ms))
    const ratio = Number((perSecond / floor).toFixed(2))
    const errors = loads.reduce((total, load) => total + load.errors, 0)
    const spread = loads.map((load) => load.perSecond).join(' ')
    console.log(
      `  ${name.padEnd(28)} ${String(perSecond).padStart(7)}/s  ratio ${ratio.toFixed(2)}  p50 ${p50Ms} ms  p99 ${p99Ms} ms  errors ${errors}  (${spread})`,
    )
    record({ title, name, perSecond, ratio, p50Ms, p99Ms, errors })
  }
}

async function measure(side: Side): Promise<Load> {
  const { port, stop } = await side.start()
  try {
    const { kind, keys, path = '/counter/KEY/add', once = false } = side
    const common = { port, keys, warmupMs: 2_000, ms }
    const [client, options] =
      kind === 'pipelined'
        ? ['bench/pipelined-client.ts', { ...common, connections, inFlight, once }]
        : ['bench/load.ts', { ...common, kind, connections: 64, path }]
    return JSON.parse(
      execFileSync(process.execPath, [client, JSON.stringify(options)], { cwd: root }).toString(),
    ) as Load
  } finally {
    stop()
  }
}

async function report(
  title: string,
  figures: Promise<readonly { name: string; value: number; unit: string }[]>,
): Promise<void> {
  console.log(`\n${title}`)
  for (const { name, value, unit } of await figures) {
    console.log(`  ${name.padEnd(60)} ${value.toFixed(value < 100 ? 2 : 0)} ${unit}`)
    record({ title, name, value, unit })
  }
}

async function innkeeper(
  component: string,
  settings: readonly string[] = [],
): Promise<{ port: number; stop: () => void }> {
  const data = mkdtempSync(join(tmpdir(), 'innkeeper-bench-'))
  const args = [
    'host/bin/inn.mjs',
    'up',
    '--data',
    data,
    '--listen',
    '127.0.0.1:0',
    '--admin',
    '127.0.0.1:0',
    '--log-level',
    'warn',
    '--json',
    ...settings,
    component,
  ]
  const { line, stop } = await process_(args)
  const { listen } = JSON.parse(line) as { listen: string }
  return {
    port: Number(listen.split(':')[1]),
    stop: () => {
      stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

async function server(args: readonly string[]): Promise<{ port: number; stop: () => void }> {
  const { line, stop } = await process_(args)
  return { port: (JSON.parse(line) as { port: number }).port, stop }
}

/** Resolves with the JSON that the process prints when it is ready. */
function process_(args: readonly string[]): Promise<{ line: string; stop: () => void }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
      try {
        JSON.parse(output)
      } catch {
        return
      }
      resolve({ line: output, stop: () => child.kill('SIGKILL') })
    })
    child.on('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}: ${output}`)))
  })
}

function record(row: object): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root }).toString().trim()
  appendFileSync(join(root, 'bench/results.jsonl'), `${JSON.stringify({ commit, node: process.version, ...row })}\n`)
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
