// Link: uploaded bytes become an artefact, or reasons why not, in a process of their own.
//
// K1. Never rejects for anything the bytes do: a crash, a stall or a full memory of that process is a reason.
// K2. The process is in a sandbox, and has a time limit. Where the sandbox has gaps and `sealedOnly` is asked for, nothing is linked. Uploaded
//     bytes are data there (host/decisions/0021): they run as WebAssembly, capped and metered, and as nothing else.
// K3. What it answers is a stranger's, as if the component had written it: bounded while it arrives, and an artefact is one only after
//     the host has looked through it again (audit/).
//
// Owns: the process, for one component.   sandbox.ts owns: its walls.   pipeline.ts owns: what happens in it.   deploy/deploy.ts owns: what an
// artefact is for.

import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Artefact } from '../guest/artefact.ts'
import type { Limits } from '../limits.ts'
import { printable } from '../printable.ts'
import * as answer from './answer.ts'
import { audit } from './audit/auditor.ts'
import { digest } from './digest.ts'
import { FrameReader, frame, headed, kinds } from './frames.ts'
import type { LinkRequest } from './link-process.ts'
import { precheck } from './precheck.ts'
import { launch, type Sandbox, type SealedProcess, sandbox, unsealed } from './sandbox.ts'

/** Raise it with anything that changes artefacts: metering, caps, the plan. Stored ones are then made again. */
export const engineVersion = 3

export type LinkResult =
  | { readonly ok: true; readonly artefact: Artefact }
  | { readonly ok: false; readonly reasons: readonly string[] }

interface LinkOptions {
  /** Link nothing where a wall is missing. */
  readonly sealedOnly?: boolean
  readonly walls?: Sandbox | Promise<Sandbox>
  /** What is started, instead of the linking process: for tests of what a taken one may answer. */
  readonly script?: string
}

/** What the process said: reasons, or what it says is an artefact. */
type Said = { readonly reasons: readonly string[] } | { readonly linked: Uint8Array<ArrayBuffer> }

const timeoutMs = 60_000
/** The end of what a crashed process wrote, for the reason. */
const complaintMax = 4_096

const linkProcess = fileURLToPath(new URL('./link-process.ts', import.meta.url))

/** What the process reads: the sources of this host. */
export const folders: readonly string[] = [
  ...['..', '../../wit'].map((path) => fileURLToPath(new URL(path, import.meta.url))),
]

/** Check and link a component. @returns all reasons that can be known at once, if it is refused. */
export async function link(
  component: Uint8Array,
  limits: Limits,
  onProgress: (step: string) => void = () => {},
  { sealedOnly = false, walls = sandbox(), script = linkProcess }: LinkOptions = {},
): Promise<LinkResult> {
  onProgress('checking the file')
  const reasons = precheck(component, limits.componentBytesMax)
  if (reasons.length > 0) return { ok: false, reasons }
  const gaps = sealedOnly ? unsealed(await walls) : undefined
  if (gaps !== undefined) return { ok: false, reasons: [`require-sandbox is on: ${gaps}`] }
  const said = await inProcess(
    launch(script, [...folders, dirname(script)], await walls),
    component,
    limits,
    onProgress,
  )
  if ('reasons' in said) return { ok: false, reasons: said.reasons }
  onProgress('checking the result')
  const audited = await audit(said.linked, limits)
  if (!audited.ok) return audited
  return { ok: true, artefact: { hash: await digest(component), engine: engineVersion, ...audited.linked } }
}

function inProcess(
  child: SealedProcess,
  component: Uint8Array,
  limits: Limits,
  onProgress: (step: string) => void,
): Promise<Said> {
  return new Promise((resolve) => {
    let doing = 'starting the linking process'
    let steps = 0
    let complaint = ''
    let timedOut = false
    let settled = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, timeoutMs)
    const settle = (said: Said): void => {
      settled = true
      clearTimeout(timer)
      child.kill('SIGKILL')
      child.stdout.destroy()
      resolve(said)
    }
    const fail = (why: string): void => settle({ reasons: [`linking failed while ${doing}: ${why}`] })
    const take = (kind: number, body: Uint8Array<ArrayBuffer>): void => {
      if (settled) return
      if (kind === kinds.linked) settle({ linked: body })
      else if (kind === kinds.refused) {
        const reasons = answer.readReasons(body)
        if (reasons === undefined) fail('its reasons are not a list of texts')
        else settle({ reasons })
      } else if (++steps > answer.stepsMax) fail('it reported too many steps')
      else {
        doing = answer.readStep(body)
        onProgress(doing)
      }
    }
    const reader = new FrameReader(answer.mostOf(component.length), take)

    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-complaintMax)
    })
    child.stdout.on('data', (chunk: Buffer) => {
      if (settled) return
      try {
        reader.push(chunk)
      } catch (thrown) {
        fail((thrown as Error).message)
      }
    })
    child.on('error', (error) => fail(error.message))
    child.on('close', (code, signal) => {
      if (timedOut) fail(`not done after ${timeoutMs / 1000} seconds`)
      else fail(reasonOf(complaint, code, signal))
    })
    // It may end before it has read everything; `close` says why.
    child.stdin.on('error', () => {})
    const request: LinkRequest = { limits, engine: engineVersion }
    for (const part of frame(kinds.request, headed(request), component)) child.stdin.write(part)
  })
}

function reasonOf(complaint: string, code: number | null, signal: string | null): string {
  if (/out of memory|allocation failed|allocate memory/i.test(complaint)) return 'it ran out of memory'
  const [line] = complaint.split('\n').filter((one) => /(Error|panicked)/.test(one))
  return `the process ended (${signal ?? `exit code ${code}`})${line === undefined ? '' : `: ${printable(line.trim()).slice(0, 300)}`}`
}
