// Round: one peer on a fresh directory: started, asked every cell, checked, killed under load, started again, checked again.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { PipelinedOptions } from '../pipelined-client.ts'
import type { Seen } from '../window.ts'
import { bodyOf, busy, type Cell, cells, keys } from './cells.ts'
import { wrongOf } from './check.ts'
import type { LoadOptions } from './client.ts'
import { everyWork, type Peer, type Running, type Work } from './peer.ts'
import { flushes, killAll, type Used, used } from './processes.ts'
import { firstAnswer, stored } from './reading.ts'
import { inScratch } from './scratch.ts'

/** Longer than its span a client only waits for answers. */
const drainMs = 60_000
const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Pace {
  readonly warmupMs: number
  /** Of each cell. */
  readonly ms: number
}

export interface CellFigures extends Seen {
  /** Of all its processes, an acknowledged request. */
  readonly cpuMicros: number
  readonly writtenBytes: number
  /** Of the machine's disk, an acknowledged request; undefined if nobody counts them. */
  readonly flushes: number | undefined
}

export interface RoundFigures {
  /** By the cell's name. */
  readonly cells: Readonly<Record<string, CellFigures>>
  readonly startMs: number
  /** After the kill; undefined if it cannot read what it has written. */
  readonly restartMs: number | undefined
  readonly memoryBytes: number
  readonly acknowledged: number
  readonly errors: number
}

/** Of one work: what was acknowledged, and what may have happened. */
interface Asked {
  acknowledged: number
  unknown: number
  errors: number
}

/** Throws, with what is wrong, if the peer fails its check. */
export function roundOf(peer: Peer, pace: Pace): Promise<RoundFigures> {
  return inScratch(async (directory) => {
    try {
      return await roundIn(directory, peer, pace)
    } catch (error) {
      throw new Error([(error as Error).message, ...(await killAll())].join('; '))
    } finally {
      await killAll()
    }
  })
}

async function roundIn(directory: string, peer: Peer, pace: Pace): Promise<RoundFigures> {
  const asked = new Map(everyWork.map((work): [Work, Asked] => [work, { acknowledged: 0, unknown: 0, errors: 0 }]))
  const count = (cell: Cell, { acknowledged, unanswered, errors }: Seen) => {
    const of = asked.get(cell.work)!
    of.acknowledged += acknowledged
    of.unknown += unanswered + errors
    of.errors += errors
  }
  const started = performance.now()
  const running = await peer.start(directory)
  await ready(peer, running)
  const startMs = performance.now() - started
  for (const work of everyWork) {
    if (peer.asking[work] === undefined) continue
    const first = cells.find((cell) => cell.work === work && cell.connections === busy.connections)!
    count(first, await client({ ...loadOf(peer, running, first, pace), once: true }))
  }
  count(busy, await client(loadOf(peer, running, busy, { ...pace, ms: pace.warmupMs })))
  const figures = await figuresOf(peer, running, directory, pace, count)
  const { memoryBytes } = used(running.servers)
  await check(peer, running, asked)
  const restartMs = await killed(peer, running, directory, pace, count, asked)
  const sum = (of: (one: Asked) => number) => [...asked.values()].reduce((total, one) => total + of(one), 0)
  const acknowledged = sum((one) => one.acknowledged)
  return { cells: figures, startMs, restartMs, memoryBytes, acknowledged, errors: sum((one) => one.errors) }
}

/** Milliseconds from its start after the kill to its first answer. */
async function killed(
  peer: Peer,
  running: Running,
  directory: string,
  pace: Pace,
  count: (cell: Cell, seen: Seen) => void,
  asked: ReadonlyMap<Work, Asked>,
): Promise<number | undefined> {
  if (peer.startAgain === undefined) return undefined
  const load = { ...loadOf(peer, running, busy, { warmupMs: 0, ms: pace.ms }), untilBroken: true }
  const [seen] = await Promise.all([client(load), killAfter(running, pace.ms)])
  count(busy, seen)
  const started = performance.now()
  const again = await peer.startAgain(directory, running)
  await ready(peer, again)
  const ms = performance.now() - started
  await check(peer, again, asked)
  return ms
}

async function figuresOf(
  peer: Peer,
  running: Running,
  directory: string,
  pace: Pace,
  count: (cell: Cell, seen: Seen) => void,
): Promise<Readonly<Record<string, CellFigures>>> {
  const figures: Record<string, CellFigures> = {}
  for (const cell of cells) {
    if (peer.asking[cell.work] === undefined || (cell.kind === 'pipelined' && !peer.pipelined)) continue
    const before = { used: used(running.servers), flushes: flushes(directory) }
    const seen = await client(
      cell.kind === 'pipelined' ? pipelinedOf(running, cell, pace) : loadOf(peer, running, cell, pace),
    )
    const after = { used: used(running.servers), flushes: flushes(directory) }
    count(cell, seen)
    const each = (of: (one: Used) => number) => (of(after.used) - of(before.used)) / seen.acknowledged
    figures[cell.name] = {
      ...seen,
      cpuMicros: each((one) => one.cpuSeconds) * 1e6,
      writtenBytes: each((one) => one.writtenBytes),
      flushes:
        before.flushes === undefined || after.flushes === undefined
          ? undefined
          : (after.flushes - before.flushes) / seen.acknowledged,
    }
  }
  return figures
}

function ready(peer: Peer, running: Running): Promise<void> {
  return firstAnswer(running.port, peer.asking.counter!, () => {
    for (const server of running.servers) server.running()
  })
}

async function check(peer: Peer, running: Running, asked: ReadonlyMap<Work, Asked>): Promise<void> {
  for (const work of everyWork) {
    const asking = peer.asking[work]
    if (asking === undefined) continue
    const { sum, lengths } = await stored(running.port, asking, keys)
    const wrong = wrongOf({ sum, ...asked.get(work)! })
    if (wrong !== undefined) throw new Error(`${work}: ${wrong}`)
    const sizes = new Set(cells.map((cell) => cell.bytes))
    const other = [...lengths].find((length) => !sizes.has(length))
    if (other !== undefined) throw new Error(`${work}: it stored a text of ${other} bytes, which nobody sent`)
  }
}

async function killAfter(running: Running, ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
  await running.keeper.kill()
}

function loadOf(peer: Peer, { port }: Running, cell: Cell, { warmupMs, ms }: Pace): LoadOptions {
  const { connections, work, rate } = cell
  const load = { port, connections, keys: cell.keys, path: peer.asking[work]!.write, body: bodyOf(cell), warmupMs, ms }
  return rate === undefined ? load : { ...load, rate }
}

function pipelinedOf({ port }: Running, cell: Cell, { warmupMs, ms }: Pace): PipelinedOptions {
  return { port, connections: cell.connections, inFlight: cell.inFlight!, keys: cell.keys, once: false, warmupMs, ms }
}

function client(options: LoadOptions | PipelinedOptions): Promise<Seen> {
  const script = 'inFlight' in options ? 'bench/pipelined-client.ts' : 'bench/peers/client.ts'
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, JSON.stringify(options)], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.warmupMs + options.ms + drainMs,
    })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk
    })
    child.once('error', reject)
    child.once('close', (code, signal) =>
      code === 0
        ? resolve(JSON.parse(output) as Seen)
        : reject(new Error(signal === null ? `the client ended: ${errors.trim()}` : 'answers did not come to an end')),
    )
  })
}
