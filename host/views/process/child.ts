// Child: a process of views as the host sees it: asked, watched, killed.
//
// H1. It is a Node of its own with a heap of its own and no environment. Its JavaScript reads the host's own folder and that of the tables, and writes
//     the latter (Node's permission model, which SQLite does not ask: what SQL opens is for the authorizer, allowed.ts). On Linux the kernel bounds
//     its memory, gives it no network and ends it with the host, in the middle of a query too (walls.ts).
// H3. A reader's priority is below the host's.
// H2. `kill` is SIGKILL: SQLite cannot be interrupted, and a thread that runs it ends with the query. Signals of a terminal do not reach it.
//
// Owns: the process.   ../tables.ts owns: when it is started and killed.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { InnkeeperError } from '../../errors.ts'
import type { Answered, Failure } from './protocol.ts'

export interface ChildOptions {
  readonly script: 'reader' | 'writer'
  /** Folder of the tables. */
  readonly directory: string
  readonly argument: string
  /** What it may take beyond what it takes when it starts. */
  readonly memoryMiB: number
  /** What stands before its command line. */
  readonly walls: readonly string[]
  /** A line of it. */
  readonly log: (line: string) => void
}

/** How it ended, where nobody killed it. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The process is not there any more. */
export class Gone extends Error {
  readonly ending: Ending

  constructor(ending: Ending) {
    super(`a process of views ended (${ending.signal ?? `code ${ending.code}`})`)
    this.name = 'Gone'
    this.ending = ending
  }
}

/** The folder of the host's own code. */
export const host = realpathSync(fileURLToPath(new URL('../..', import.meta.url)))
/** What Node takes before it does anything, most of it only reserved; the kernel counts it. */
const baseMiB = 1_024
const scripts = {
  reader: fileURLToPath(new URL('./reader.ts', import.meta.url)),
  writer: fileURLToPath(new URL('./writer.ts', import.meta.url)),
}
const shell = '/bin/sh'

/** Below the host's: a query that takes a processor until it is killed leaves it to commands whenever they want it. */
const readerPriority = 19

function goBehind(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    setPriority(pid, readerPriority)
    // A process group of its own has, on Linux, a share of its own, and priorities count within that only: so the share is what is lowered.
    const group = `/proc/${pid}/autogroup`
    if (existsSync(group)) writeFileSync(group, String(readerPriority))
  } catch {
    // It has ended already, or the system does not know priorities: then it competes like any other.
  }
}

export class Child {
  private readonly process: ChildProcess
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  private lastId = 0
  private ended = false
  /** Resident bytes when it was ready. */
  private base: number | undefined
  /** @throws InnkeeperError `unavailable` if it cannot run here; Gone */
  readonly ready: Promise<void>
  readonly gone: Promise<Ending>

  /** @param told of its end, before anybody who waits for an answer */
  constructor({ script, directory, argument, memoryMiB, walls, log }: ChildOptions, told: (ending: Ending) => void) {
    const [command, ...parameters] = commandLine(script, realpathSync(directory), argument, memoryMiB, walls)
    this.process = spawn(command!, parameters, {
      env: {},
      cwd: '/',
      // In a group of its own: a terminal sends Ctrl-C to all that are in the host's, and this one is the host's to end.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    })
    if (script === 'reader') goBehind(this.process.pid)
    for (const stream of [this.process.stdout, this.process.stderr]) lines(stream, log)
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
    this.ready = ready
    ready.catch(() => {})
    this.process.on('message', (answer: Answered) => {
      if ('ready' in answer) {
        this.base = this.resident()
        resolve()
      } else if ('unfit' in answer) reject(new InnkeeperError('unavailable', answer.unfit))
      else this.settle(answer)
    })
    this.gone = new Promise((resolve) => {
      const end = (ending: Ending): void => {
        this.ended = true
        told(ending)
        const gone = new Gone(ending)
        reject(gone)
        for (const { reject } of this.waiting.values()) reject(gone)
        this.waiting.clear()
        resolve(ending)
      }
      this.process.once('exit', (code, signal) => end({ code, signal }))
      // It was not started.
      this.process.once('error', (error) => {
        log(error.message)
        if (this.process.pid === undefined) end({ code: null, signal: null })
      })
    })
  }

  /** @throws InnkeeperError of the work, Gone */
  ask<Value>(request: object): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.ended) throw new Gone({ code: this.process.exitCode, signal: this.process.signalCode })
      const id = ++this.lastId
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      // Where it cannot be sent, the process is about to end, and says so.
      this.process.send({ id, request }, () => {})
    })
  }

  get pid(): number | undefined {
    return this.process.pid
  }

  kill(): void {
    this.process.kill('SIGKILL')
  }

  /** Let go: it ends when it has done what it was asked. */
  disconnect(): void {
    if (this.process.connected) this.process.disconnect()
  }

  /** Bytes that it took since it was ready; undefined where the machine does not tell. */
  taken(): number | undefined {
    const now = this.base === undefined ? undefined : this.resident()
    return now === undefined ? undefined : now - this.base!
  }

  private settle(answer: Extract<Answered, { id: number }>): void {
    const asked = this.waiting.get(answer.id)
    this.waiting.delete(answer.id)
    if ('failure' in answer) asked?.reject(errorOf(answer.failure))
    else asked?.resolve(answer.value)
  }

  private resident(): number | undefined {
    try {
      // In pages of 4 KiB, or more: then it is less than was taken.
      return Number(readFileSync(`/proc/${this.process.pid}/statm`, 'latin1').split(' ')[1]) * 4_096
    } catch {
      return undefined
    }
  }
}

function errorOf({ code, message, detail }: Failure): InnkeeperError {
  return new InnkeeperError(code, message, detail === undefined ? undefined : new Error(detail))
}

function commandLine(
  script: keyof typeof scripts,
  directory: string,
  argument: string,
  memoryMiB: number,
  walls: readonly string[],
): string[] {
  const node = [
    process.execPath,
    `--max-old-space-size=${memoryMiB}`,
    '--no-warnings',
    '--permission',
    `--allow-fs-read=${host}`,
    `--allow-fs-read=${directory}`,
    `--allow-fs-write=${directory}`,
    scripts[script],
    argument,
  ]
  const walled = [...walls, ...node]
  if (process.platform !== 'linux' || !existsSync(shell)) return walled
  return [
    shell,
    '-c',
    'ulimit -c 0; ulimit -d "$1" 2>/dev/null; shift; exec "$@"',
    'sh',
    `${(baseMiB + memoryMiB) * 1_024}`,
    ...walled,
  ]
}

const lineMax = 1_000

function lines(stream: NodeJS.ReadableStream | null, log: (line: string) => void): void {
  stream?.setEncoding('utf8')
  let rest = ''
  stream?.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!.slice(0, lineMax)
    for (const line of parts) if (line !== '') log(line.slice(0, lineMax))
  })
}
