// Link: uploaded bytes become an artefact, or reasons why not, in a process of their own.
//
// K1. Never rejects for anything the bytes do: a crash, a stall or a full memory of that process is a reason.
// K2. The process has no environment, may write no file, start no process, no thread and no native code, and has a heap limit and a
//     time limit. It may read files, as loading its own modules needs. Uploaded bytes are data there (host/decisions/0021): they run as
//     WebAssembly, capped and metered, and as nothing else.
// K3. At most one answer is taken, and it is plain data.
//
// Owns: the process.   pipeline.ts owns: what happens in it.   deploy.ts owns: what an artefact is for.

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Artefact } from '../guest/artefact.ts'
import type { Limits } from '../limits.ts'
import { precheck } from './precheck.ts'

/** Raise it with anything that changes artefacts: metering, caps, the plan. Stored ones are then made again. */
export const engineVersion = 3

export type LinkResult =
  | { readonly ok: true; readonly artefact: Artefact }
  | { readonly ok: false; readonly reasons: readonly string[] }

export interface LinkRequest {
  readonly component: Uint8Array
  readonly limits: Limits
  readonly engine: number
}

export type LinkMessage = { readonly step: string } | { readonly result: LinkResult }

const timeoutMs = 60_000
const heapMegabytes = 1_024
/** The end of what a crashed process wrote, for the reason. */
const complaintMax = 4_096

/** Check and link a component. @returns all reasons that can be known at once, if it is refused. */
export async function link(
  component: Uint8Array,
  limits: Limits,
  onProgress: (step: string) => void = () => {},
): Promise<LinkResult> {
  onProgress('checking the file')
  const reasons = precheck(component, limits.componentBytesMax)
  if (reasons.length > 0) return { ok: false, reasons }
  return await inProcess({ component, limits, engine: engineVersion }, onProgress)
}

function inProcess(request: LinkRequest, onProgress: (step: string) => void): Promise<LinkResult> {
  return new Promise((resolve) => {
    const child = start()
    let step = 'starting the linking process'
    let complaint = ''
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, timeoutMs)
    const settle = (result: LinkResult): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      resolve(result)
    }
    const fail = (why: string): void => settle({ ok: false, reasons: [`linking failed while ${step}: ${why}`] })

    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-complaintMax)
    })
    child.on('message', (message: LinkMessage) => {
      if ('result' in message) settle(owned(message.result))
      else {
        step = message.step
        onProgress(step)
      }
    })
    child.on('error', (error) => fail(error.message))
    child.on('close', (code, signal) => {
      if (timedOut) fail(`not done after ${timeoutMs / 1000} seconds`)
      else fail(reasonOf(complaint, code, signal))
    })
    child.send(request, (error) => {
      if (error !== null) fail(error.message)
    })
  })
}

/** Messages between processes bring bytes as views of one large buffer: copies of their own, so that none keeps it alive. */
function owned(result: LinkResult): LinkResult {
  if (!result.ok) return result
  const { modules, description } = result.artefact
  return {
    ok: true,
    artefact: {
      ...result.artefact,
      modules: modules.map((bytes) => new Uint8Array(bytes)),
      description: { ...description, descriptors: new Uint8Array(description.descriptors) },
    },
  }
}

function start(): ChildProcess {
  const host = fileURLToPath(new URL('..', import.meta.url))
  return fork(fileURLToPath(new URL('./link-process.ts', import.meta.url)), [], {
    // No environment: NODE_OPTIONS and secrets of the host stay with it.
    env: {},
    cwd: host,
    execArgv: [`--max-old-space-size=${heapMegabytes}`, '--no-warnings', '--permission', '--allow-fs-read=*'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}

function reasonOf(complaint: string, code: number | null, signal: string | null): string {
  if (complaint.includes('heap out of memory') || complaint.includes('Allocation failed')) return 'it ran out of memory'
  const [line] = complaint.split('\n').filter((one) => /(Error|panicked)/.test(one))
  return `the process ended (${signal ?? `exit code ${code}`})${line === undefined ? '' : `: ${line.trim().slice(0, 300)}`}`
}
