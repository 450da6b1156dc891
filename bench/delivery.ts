// Figures of delivery: what timers and asks cost a host: a command that sets, moves or cancels a timer, and a whole ask, each against a plain command
// of one event; how fast timers fire that are all due at the same time, and what that leaves to clients; a start with N of them on disk.
//
// All sides of a comparison take turns on the same host (of a start: on two directories that differ in the timers alone). The first round warms up,
// and does not count. PARTS says what is measured: commands, asks, due, starts.

import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../sdk/build/build.ts'
import { binMs, type DeliveryOptions, type DeliverySeen } from './delivery-client.ts'
import type { Figure } from './inside.ts'
import { ScaleHost } from './scale-host.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Timers that are due at the same time, and that a start finds. */
const timers = Number(process.env['N'] ?? 100_000)
/** Of each side in each round. */
const commands = Number(process.env['COMMANDS'] ?? 40_000)
const rounds = Number(process.env['ROUNDS'] ?? 3)
const parts = (process.env['PARTS'] ?? 'commands,asks,due,starts').split(',')
const starts = 5
const keys = 1_000
/** Whose timers fire: other keys than those of the client beside them. */
const timedKeys = Math.min(10_000, timers)
const hourMs = 3_600_000
const loading = {
  connections: Number(process.env['CONNECTIONS'] ?? 16),
  inFlight: Number(process.env['IN_FLIGHT'] ?? 16),
}
/** Before timers are due: how long they may take to be set, the client to warm up, and the time in which its rate is measured without them. */
const settingMs = 5_000 + timers / 3
const warmMs = 2_000
const aloneMs = 5_000
const lookMs = 100
/** Entities stay in memory until their timers fire: what it takes to load them is for bench/scale.ts. */
const staying = ['--passivate-after-ms', '3600000']
const withinMs = 600_000

type Asked = Pick<DeliveryOptions, 'method'> & Partial<DeliveryOptions>

/** Of one side in one round. */
interface Turn {
  readonly perSecond: number
  /** Processor time of the host. */
  readonly cpuUs: number
}

/** One part after the other: each is told when it is done, since the whole takes its time. */
export async function* deliveryFigures(): AsyncGenerator<
  readonly [part: string, figures: readonly Figure[]],
  undefined
> {
  const component = join(root, 'guests/build/bench-later.wasm')
  // Always: one of an earlier contract is refused.
  await buildProject(join(root, 'bench/guests/later'), { out: component })
  const load = loadavg().map((value) => value.toFixed(1))
  console.log(`\n${commands} commands of each side in each of ${rounds} rounds, ${timers} timers`)
  console.log(`${loading.connections} connections, ${loading.inFlight} commands in flight on each`)
  console.log(`${cpus().length} cores, shared by host and client; load before ${load.join(' ')}`)
  const directory = mkdtempSync(join(tmpdir(), 'innkeeper-delivery-'))
  const fresh = (name: string) => ScaleHost.start(join(directory, name), [component], staying)
  try {
    if (parts.includes('commands')) yield ['commands', await on(await fresh('commands'), commandFigures)]
    if (parts.includes('asks')) yield ['asks', await on(await fresh('asks'), askFigures)]
    if (parts.includes('due')) yield ['due', await on(await fresh('due'), dueFigures)]
    if (parts.includes('starts')) yield ['starts', await startFigures(directory, fresh)]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  return undefined
}

async function on<T>(host: ScaleHost, measure: (host: ScaleHost) => Promise<T>): Promise<T> {
  try {
    return await measure(host)
  } finally {
    await host.end('SIGKILL')
  }
}

/** The timers that a round sets it also moves, and cancels: each command has something to do. */
async function commandFigures(host: ScaleHost): Promise<readonly Figure[]> {
  const sides = {
    plain: { method: 'Add' },
    'sets a timer': { method: 'Set', atMs: Date.now() + hourMs },
    'moves a timer': { method: 'Set', atMs: Date.now() + 2 * hourMs },
    'cancels a timer': { method: 'Cancel' },
  } as const
  const turns = await inTurns(sides, (asked, round) => timed(host, { ...asked, names: `r${round}-` }))
  return compared(turns, { 'sets a timer': 1.3, 'moves a timer': 1.3, 'cancels a timer': 1.3 })
}

/** An ask has ended when its answer was decided, whenever the asking command was answered. */
async function askFigures(host: ScaleHost): Promise<readonly Figure[]> {
  const sides = {
    plain: { method: 'Add' },
    'asks, answer included': { method: 'Ask' },
    'asks, and its reply waits for the answer': { method: 'AskAndWait' },
  } as const
  const turns = await inTurns(sides, async (asked, round) => {
    const names = `r${round}-`
    if (asked.method !== 'Ask') return await timed(host, { ...asked, names })
    const before = await delivered(host)
    return await timed(host, { ...asked, names }, () => deliveredBy(host, before + commands))
  })
  return compared(turns, { 'asks, answer included': 2.5 })
}

/** So long after they were due all of them had been delivered, while a client went on; and its rate in that time, against that before. */
async function dueFigures(host: ScaleHost): Promise<readonly Figure[]> {
  const fired: number[] = []
  const beside: number[] = []
  const alone: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const before = await delivered(host)
    const atMs = Date.now() + settingMs + warmMs + aloneMs
    await sent(host, { method: 'Set', prefix: 'timed-', keys: timedKeys, names: `r${round}-`, atMs }, timers)
    if (Date.now() > atMs - warmMs - aloneMs)
      throw new Error(`${timers} timers could not be set in ${Math.round(settingMs / 1_000)} s; set fewer with N`)
    await sleep(atMs - warmMs - aloneMs - Date.now())
    const client = host.client<DeliverySeen>('bench/delivery-client.ts', {
      ...loading,
      ...{ method: 'Add', prefix: '', keys, names: '', atMs: 0, load: { kind: 'steady' } },
    })
    await sleep(atMs - Date.now())
    const overMs = await Promise.race([deliveredBy(host, before + timers), client.seen.then(leftEarly)])
    client.stop()
    const seen = await client.seen
    if (seen.errors > 0) throw new Error(`${seen.errors} commands failed beside the timers`)
    if ((await delivered(host)) !== before + timers) throw new Error('timers fired more than once')
    if (round === 0) continue
    fired.push((timers * 1_000) / (overMs - atMs))
    alone.push(rateIn(seen, atMs - aloneMs, atMs))
    beside.push(rateIn(seen, atMs, overMs))
  }
  const ratios = beside.map((rate, at) => rate / alone[at]!)
  return [
    {
      name: 'timers due at the same time, beside a client',
      value: median(fired),
      unit: 'a second; goal at least 10000',
    },
    { name: 'the client, before', value: median(alone), unit: 'commands a second' },
    { name: 'the client, meanwhile', value: median(beside), unit: 'commands a second' },
    { name: 'the client, meanwhile to before', value: median(ratios), unit: 'of the rate; goal at least 0.7' },
  ]
}

/** In turns: of a directory with timers, and of one with as many plain commands on the same keys. */
async function startFigures(
  directory: string,
  fresh: (name: string) => Promise<ScaleHost>,
): Promise<readonly Figure[]> {
  const times = { without: [] as number[], with: [] as number[] }
  const names = ['without', 'with'] as const
  for (const name of names) {
    const host = await fresh(name)
    try {
      const method = name === 'with' ? 'Set' : 'Add'
      await sent(host, { method, keys: timedKeys, names: 't', atMs: Date.now() + 24 * hourMs }, timers)
      await host.quiet()
    } finally {
      await host.end('SIGTERM')
    }
  }
  for (let at = 0; at <= starts; at++)
    for (const name of names) {
      const startedMs = performance.now()
      const host = await ScaleHost.start(join(directory, name))
      try {
        await host.answers('/bells/k0')
        if (at > 0) times[name].push(performance.now() - startedMs)
      } finally {
        await host.end('SIGTERM')
      }
    }
  const ratio = median(times.with) / median(times.without)
  return [
    { name: 'start to the first answer, nothing pending', value: median(times.without), unit: 'ms' },
    { name: `start to the first answer, ${timers} timers pending`, value: median(times.with), unit: 'ms' },
    { name: 'start, with them to without', value: ratio, unit: 'of the time; goal at most 1.2' },
  ]
}

/** The sides one after the other, round by round; the first round does not count. */
async function inTurns<Name extends string>(
  sides: Readonly<Record<Name, Asked>>,
  measure: (asked: Asked, round: number) => Promise<Turn>,
): Promise<ReadonlyMap<Name, readonly Turn[]>> {
  const turns = new Map<Name, Turn[]>()
  for (let round = 0; round <= rounds; round++)
    for (const name of Object.keys(sides) as Name[]) {
      const turn = await measure(sides[name], round)
      if (round > 0) turns.set(name, [...(turns.get(name) ?? []), turn])
    }
  return turns
}

/** The time of a command to that of a plain one, by the clock and by the host's processor time. */
function compared(
  turns: ReadonlyMap<string, readonly Turn[]>,
  goals: Readonly<Record<string, number>>,
): readonly Figure[] {
  const rate = (of: readonly Turn[]) => median(of.map(({ perSecond }) => perSecond))
  const cpu = (of: readonly Turn[]) => median(of.map(({ cpuUs }) => cpuUs))
  const plain = turns.get('plain')!
  return [...turns].flatMap(([name, own]) => {
    const alone = [
      { name, value: rate(own), unit: 'a second' },
      { name: `${name}: processor time`, value: cpu(own), unit: 'us' },
    ]
    if (own === plain) return alone
    const goal = goals[name] === undefined ? '' : `; goal at most ${goals[name]}`
    return [
      alone[0]!,
      { name: `${name}: to plain`, value: rate(plain) / rate(own), unit: `times the time${goal}` },
      alone[1]!,
      { name: `${name}: processor time to plain`, value: cpu(own) / cpu(plain), unit: 'times' },
    ]
  })
}

/** `over`: resolves when the last of what they caused was done, with when that was, in milliseconds since 1970. */
async function timed(host: ScaleHost, asked: Asked, over?: () => Promise<number>): Promise<Turn> {
  const cpu = host.cpuSeconds
  const seen = await sent(host, asked, commands)
  const endedMs = (await over?.()) ?? seen.endedMs
  return {
    perSecond: (commands * 1_000) / (endedMs - seen.fromMs),
    cpuUs: ((host.cpuSeconds - cpu) * 1e6) / commands,
  }
}

async function sent(host: ScaleHost, asked: Asked, count: number): Promise<DeliverySeen> {
  const seen = await host.client<DeliverySeen>('bench/delivery-client.ts', {
    ...{ ...loading, prefix: '', keys, names: '', atMs: 0 },
    ...asked,
    load: { kind: 'each', commands: count },
  }).seen
  if (seen.errors > 0) throw new Error(`${asked.method}: ${seen.errors} of ${count} commands failed`)
  return seen
}

/** Effects that arrived: timers that fired, and asks whose answer was decided. */
function delivered(host: ScaleHost): Promise<number> {
  return host.metric('innkeeper_effects_delivered_total')
}

/** When so many had arrived, in milliseconds since 1970. */
async function deliveredBy(host: ScaleHost, count: number): Promise<number> {
  const startedMs = Date.now()
  while ((await delivered(host)) < count) {
    if (Date.now() - startedMs > withinMs)
      throw new Error(`only ${await delivered(host)} of ${count} effects arrived in ${withinMs / 1_000} s`)
    await sleep(lookMs)
  }
  return Date.now()
}

function rateIn({ fromMs, bins }: DeliverySeen, startMs: number, endMs: number): number {
  const [first, last] = [startMs, endMs].map((ms) => Math.floor((ms - fromMs) / binMs)) as [number, number]
  const count = bins.slice(first, Math.max(last, first + 1)).reduce((sum, bin) => sum + bin, 0)
  return (count * 1_000) / (binMs * Math.max(1, last - first))
}

function leftEarly(): never {
  throw new Error('the client beside the timers ended before them')
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
