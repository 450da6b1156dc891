// Scale host: a host in a process of its own on a directory that stays, and what the system says of both: bytes written, memory, files.

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ScaleOptions, ScaleSeen } from './scale-client.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
/** How often is looked whether a host is quiet, and how often in a row it must be. */
const lookEveryMs = 1_000
const calmLooks = 3
const quietWithinMs = 900_000

export class ScaleHost {
  readonly port: number
  private readonly adminPort: number
  private readonly child: ChildProcess

  private constructor(child: ChildProcess, listen: string, admin: string) {
    this.child = child
    this.port = Number(listen.split(':')[1])
    this.adminPort = Number(admin.split(':')[1])
  }

  /** Resolves when its ports are open. */
  static start(
    directory: string,
    components: readonly string[] = [],
    flags: readonly string[] = [],
    /** Where its innkeeper.json is. */
    cwd = root,
  ): Promise<ScaleHost> {
    const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
    const args = ['up', '--data', directory, ...ports, '--log-level', 'error', '--json', ...flags, ...components]
    const inn = join(root, 'host/bin/inn.mjs')
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', inn, ...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return new Promise((resolve, reject) => {
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk
        if (!output.trimEnd().endsWith('}')) return
        const { listen, admin } = JSON.parse(output) as { listen: string; admin: string }
        resolve(new ScaleHost(child, listen, admin))
      })
      child.once('exit', (code) => reject(new Error(`inn up ended with ${code}: ${output}`)))
    })
  }

  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { child } = this
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
    return new Promise((resolve) => {
      child.once('exit', () => resolve())
      child.kill(signal)
    })
  }

  /** A command was answered: by default, one that reads a record. */
  async answers(path = '/records/k0'): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`)
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
    await answer.arrayBuffer()
  }

  load(options: Omit<ScaleOptions, 'port'>): Promise<ScaleSeen> {
    return this.client<ScaleSeen>('bench/scale-client.ts', options).seen
  }

  /** A client in a process of its own, and what it prints at its end. `stop` closes its input. */
  client<Seen>(file: string, options: object): { readonly seen: Promise<Seen>; readonly stop: () => void } {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', file, JSON.stringify({ ...options, port: this.port })],
      { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] },
    )
    const seen = new Promise<Seen>((resolve, reject) => {
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk
      })
      child.once('close', (code) => {
        if (code === 0) resolve(JSON.parse(output) as Seen)
        else reject(new Error(`the client ended with ${code}`))
      })
    })
    return { seen, stop: () => child.stdin.end() }
  }

  /** Bytes that the process had written to the disk. */
  get writtenBytes(): number {
    return Number(this.proc('io', /^write_bytes: (\d+)$/m))
  }

  /** Processor time of all its threads, in seconds. */
  get cpuSeconds(): number {
    const [user, system] = readFileSync(`/proc/${this.child.pid}/stat`, 'latin1').split(') ')[1]!.split(' ').slice(11)
    return (Number(user) + Number(system)) / 100
  }

  /** Resident memory. */
  get rssBytes(): number {
    return 1024 * Number(this.proc('status', /^VmRSS:\s+(\d+) kB$/m))
  }

  /** Entities that were loaded since it started. */
  activated(): Promise<number> {
    return this.metric('innkeeper_entities_activated_total')
  }

  /** What it says of itself under this name, the sum over all labels. */
  async metric(name: string): Promise<number> {
    return metric(await this.metrics(), name)
  }

  /** Nothing has been written for a while: tables are rewritten as far as they will be. */
  async quiet(): Promise<void> {
    const startedMs = performance.now()
    for (let calm = 0, last = -1; calm < calmLooks; ) {
      if (performance.now() - startedMs > quietWithinMs) throw new Error('the host does not become quiet')
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
      const { writtenBytes } = this
      // Notes of the directory's age and of its last commit go on.
      calm = writtenBytes - last < noteBytes ? calm + 1 : 0
      last = writtenBytes
    }
  }

  private proc(file: string, line: RegExp): string {
    return line.exec(readFileSync(`/proc/${this.child.pid}/${file}`, 'latin1'))![1]!
  }

  /** A request of an operator that is refused. */
  async refused(path: string, body: object): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, {
      ...{ method: 'POST', headers, body: JSON.stringify(body) },
    })
    const text = await answer.text()
    if (answer.ok) throw new Error(`${path} was not refused: ${text.slice(0, 200)}`)
  }

  /** A request of an operator. */
  async admin(method: 'GET' | 'POST', path: string): Promise<string> {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, { method, headers })
    if (!answer.ok) throw new Error(await answer.text())
    return await answer.text()
  }

  private async metrics(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.adminPort}/metrics`)).text()
  }
}

const noteBytes = 256 * 1024

/** The sum over all labels. */
function metric(text: string, name: string): number {
  let sum = 0
  for (const [, value] of text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))) sum += Number(value)
  return sum
}

export interface OnDisk {
  readonly tables: number
  readonly tableBytes: number
  readonly logBytes: number
}

export function onDisk(directory: string): OnDisk {
  const found = { tables: 0, tableBytes: 0, logBytes: 0 }
  const journal = join(directory, 'journal')
  for (const name of readdirSync(journal)) {
    const bytes = statSync(join(journal, name), { throwIfNoEntry: false })?.size ?? 0
    if (name.endsWith('.log')) found.logBytes += bytes
    if (!name.endsWith('.sst')) continue
    found.tables += 1
    found.tableBytes += bytes
  }
  return found
}
