// Processes: the servers that are measured: started, awaited, killed, and what the kernel says they used.
//
// P1. None outlives the benchmark: an interrupt or an error takes them along.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const living = new Set<Server>()
/** Last words of those that ended though nobody killed them. */
const endedAlone: string[] = []
process.on('exit', () => {
  for (const server of living) void server.kill()
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const keptBytes = 4_096
const readyMs = 60_000

export class Server {
  private readonly child: ChildProcess
  private output = ''
  private printed = ''
  private readonly ended: Promise<void>
  private gone = false

  constructor(command: string, args: readonly string[], options: { cwd: string; env?: Record<string, string> }) {
    this.child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    living.add(this)
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (chunk: Buffer) => {
        this.output = (this.output + chunk).slice(-keptBytes)
      })
    this.child.stdout!.on('data', (chunk: Buffer) => {
      if (this.printed.length < keptBytes) this.printed += chunk
    })
    this.ended = new Promise((resolve) => {
      const over = (why: string, killed: boolean) => {
        this.output += why
        this.gone = true
        living.delete(this)
        if (!killed) endedAlone.push(this.lastWords())
        resolve()
      }
      this.child.once('exit', (code, signal) => over(` (ended with ${signal ?? code})`, signal === 'SIGKILL'))
      this.child.once('error', (error) => over(error.message, false))
    })
  }

  /** Throws if it ended. */
  running(): void {
    if (this.gone) throw new Error('a server of it ended')
  }

  private lastWords(): string {
    return `${basename(this.child.spawnfile)}: ${this.output.trim()}`
  }

  /** The JSON that it prints when it is ready. */
  async ready(): Promise<Record<string, unknown>> {
    for (const started = performance.now(); performance.now() - started < readyMs; ) {
      this.running()
      try {
        return JSON.parse(this.printed) as Record<string, unknown>
      } catch {
        // Not all of it yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    throw new Error(`not ready in ${readyMs} ms: ${this.lastWords()}`)
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }

  /** It and its children, in turn. */
  pids(): readonly number[] {
    const found = [this.child.pid!]
    const parents = parentOf()
    for (const pid of found) found.push(...[...parents].filter(([, parent]) => parent === pid).map(([child]) => child))
    return found
  }
}

/** All that are still there. Last words of those that ended by themselves. */
export async function killAll(): Promise<readonly string[]> {
  await Promise.all([...living].map((server) => server.kill()))
  return endedAlone.splice(0)
}

export interface Used {
  readonly cpuSeconds: number
  /** To the file system, as the kernel accounts dirty pages. */
  readonly writtenBytes: number
  readonly memoryBytes: number
}

/** All of the servers together. */
export function used(servers: readonly Server[]): Used {
  const ticksPerSecond = clock()
  const each = servers.flatMap((server) => server.pids()).map((pid) => usedBy(pid, ticksPerSecond))
  const sum = (of: (one: Used) => number) => each.reduce((total, one) => total + of(one), 0)
  return {
    cpuSeconds: sum((one) => one.cpuSeconds),
    writtenBytes: sum((one) => one.writtenBytes),
    memoryBytes: sum((one) => one.memoryBytes),
  }
}

let ticks: number | undefined
function clock(): number {
  ticks ??= Number(execFileSync('getconf', ['CLK_TCK']).toString())
  return ticks
}

function usedBy(pid: number, ticksPerSecond: number): Used {
  const fields = statOf(pid)
  const of = (file: string, name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? 0)
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    writtenBytes: of('io', 'write_bytes'),
    memoryBytes: of('status', 'VmRSS') * 1_024,
  }
}

/** Fields of /proc/PID/stat after the name, which may have spaces. */
function statOf(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function parentOf(): ReadonlyMap<number, number> {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc'))
    if (/^\d+$/.test(name))
      try {
        parents.set(Number(name), Number(statOf(Number(name))[1]))
      } catch {
        // It ended meanwhile.
      }
  return parents
}

/** How often anybody had the disk of this folder write its cache out; undefined if the kernel does not count it. */
export function flushes(folder: string): number | undefined {
  const { dev } = statSync(folder)
  const major = (dev >> 8) & 0xfff
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00)
  try {
    let device = join('/sys/dev/block', readlinkSync(`/sys/dev/block/${major}:${minor}`))
    // Flushes are counted for a whole disk only.
    if (readdirSync(device).includes('partition')) device = dirname(device)
    const fields = readFileSync(join(device, 'stat'), 'utf8').trim().split(/\s+/)
    return fields.length >= 17 ? Number(fields[15]) : undefined
  } catch {
    return undefined
  }
}
