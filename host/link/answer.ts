// Answer: what the linking process says of a component, written there as frames.
//
//   linked    head (JSON): plan, description without descriptors, source map, bytes of each module and of the descriptors
//             then the modules and the descriptors
//
// Its hash and its engine are not in it: the host knows both.
//
// Owns: the form, steps and reasons.   audit/ owns: reading what was linked, where every field is a stranger's.

import type { Artefact } from '../guest/artefact.ts'
import { printable } from '../printable.ts'
import { frame, headed, kinds } from './frames.ts'

/** What is taken of reasons: more tell nobody more. */
const reasonsMax = 1_000
const reasonLengthMax = 1_000
/** Of their JSON, where every character may be an escape. */
const refusedBytesMax = 8 * 1024 * 1024
const stepBytesMax = 100
/** Of one component. */
export const stepsMax = 64

/** What the process finds out. */
export type Linked = Pick<Artefact, 'plan' | 'description' | 'sourceMap' | 'modules'>

/** Bytes of each kind that may come back for a component of this size. Metering makes code two to three times as long, and every component
 *  gets the descriptors that all hosts have. */
export function mostOf(componentBytes: number): ReadonlyMap<number, number> {
  return new Map([
    [kinds.step, stepBytesMax],
    [kinds.refused, refusedBytesMax],
    [kinds.linked, 4 * componentBytes + 8 * 1024 * 1024],
  ])
}

export function step(text: string): Uint8Array[] {
  return frame(kinds.step, Buffer.from(text))
}

export function refused(reasons: readonly string[]): Uint8Array[] {
  const told = reasons.slice(0, reasonsMax).map((reason) => reason.slice(0, reasonLengthMax))
  return frame(kinds.refused, Buffer.from(JSON.stringify(told)))
}

export function readStep(body: Uint8Array): string {
  return printable(Buffer.from(body).toString('utf8'))
}

/** Undefined: they are none. */
export function readReasons(body: Uint8Array): readonly string[] | undefined {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    return undefined
  }
  if (!isTexts(json) || json.length === 0) return undefined
  return json.slice(0, reasonsMax).map((reason) => printable(reason.slice(0, reasonLengthMax)))
}

function isTexts(json: unknown): json is readonly string[] {
  return Array.isArray(json) && json.every((reason) => typeof reason === 'string')
}

/** The head of a linked component. */
export interface LinkedHead {
  readonly plan: Linked['plan']
  readonly description: Omit<Linked['description'], 'descriptors'>
  readonly sourceMap: Linked['sourceMap']
  readonly moduleBytes: readonly number[]
  readonly descriptorBytes: number
}

export function linked({ plan, description, sourceMap, modules }: Linked): Uint8Array[] {
  const { descriptors, ...words } = description
  const moduleBytes = modules.map(({ length }) => length)
  const head: LinkedHead = { plan, description: words, sourceMap, moduleBytes, descriptorBytes: descriptors.length }
  return frame(kinds.linked, headed(head), ...modules, descriptors)
}
