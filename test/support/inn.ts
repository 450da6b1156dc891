// inn as a user types it.

import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

export const bin = fileURLToPath(new URL('../../host/bin/inn.mjs', import.meta.url))

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** In a folder. `env`: besides the path. */
export function runInn(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', bin, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A command that hangs is a failure, not the end of the tests.
      timeout: 300_000,
    })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    child.on('close', (code) => resolve({ code, out, err }))
    child.stdin.end(input)
  })
}

export interface RunningInn {
  out(): string
  err(): string
  /** Looked at whenever something was printed; rejects if the command ends before. */
  until(condition: () => boolean): Promise<void>
  /** Nobody reads its standard output any more. */
  leave(): void
  /** The exit code. */
  end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<number | null>
}

/** A command that goes on until it is ended. */
export function startInn(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningInn {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', bin, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  let wake = () => {}
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  child.stdout.on('data', (chunk) => {
    out += chunk
    wake()
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
    wake()
  })
  child.on('close', () => wake())
  return {
    out: () => out,
    err: () => err,
    until: async (condition) => {
      while (!condition()) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`inn ended: ${err}${out}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    leave: () => {
      child.stdout.destroy()
    },
    end: (signal) => {
      child.kill(signal)
      return ended
    },
  }
}

/** HOST:PORT where nobody listens now. */
export async function freeAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${port}`
}
