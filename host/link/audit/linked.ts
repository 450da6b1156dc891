// Linked: the body of an answer becomes the parts of an artefact, or the reason why it is none. Runs in a thread of its own (auditor.ts).
//
// A1. Sizes are compared with the bytes that are there before anything is cut out, and nothing is compiled.
// A2. Nothing that was parsed is passed on: every record is made anew from fields that were looked at.
//
// Owns: the parts and their order.   module.ts, plan.ts, words.ts own: what each has to be.

import type { Limits } from '../../limits.ts'
import { BinaryError, ByteReader } from '../../wasm/bytes.ts'
import type { Linked, LinkedHead } from '../answer.ts'
import { checkDescription } from '../describe-check.ts'
import { behead, FrameError } from '../frames.ts'
import { Forged, list, record, whole } from './forged.ts'
import { type AuditedModule, auditModule } from './module.ts'
import { auditPlan } from './plan.ts'
import { auditDescription, auditSourceMap } from './words.ts'

export type Audited =
  | { readonly ok: true; readonly linked: Linked }
  | { readonly ok: false; readonly reasons: readonly string[] }

const headMax = 16 * 1024 * 1024
const modulesMax = 128

/** Of bytes that are no others'. */
export function auditLinked(body: Uint8Array, limits: Limits): Audited {
  try {
    const { head, rest } = behead(body, headMax)
    const said: { readonly [Part in keyof LinkedHead]?: unknown } = record(head, 'the head')
    const reader = new ByteReader(rest)
    const bytes = (size: unknown, what: string): Uint8Array =>
      new Uint8Array(reader.take(whole(size, 0, reader.end - reader.at, what)))
    const modules = list(said.moduleBytes, modulesMax, 'the list of modules').map((size) =>
      bytes(size, 'the size of a module'),
    )
    const descriptors = bytes(said.descriptorBytes, 'the size of the descriptors')
    if (!reader.done) throw new Forged('bytes are left over')
    const audited = modules.map((module, number) => named(`module ${number}`, () => auditModule(module)))
    const plan = auditPlan(said.plan, audited, limits)
    const description = auditDescription(said.description, descriptors, limits)
    const reasons = checkDescription(description, Object.keys(plan.exports))
    if (reasons.length > 0) throw new Forged(reasons[0]!)
    return { ok: true, linked: { modules, plan, description, sourceMap: auditSourceMap(said.sourceMap) } }
  } catch (thrown) {
    const told = thrown instanceof Forged || thrown instanceof BinaryError || thrown instanceof FrameError
    if (!told && !(thrown instanceof SyntaxError)) throw thrown
    return { ok: false, reasons: [forgery(told ? thrown.message : 'its head is not JSON')] }
  }
}

/** What is told where an answer is none. */
export function forgery(why: string): string {
  return `the answer of the linking process is not a valid artefact: ${why}. Nothing was stored. Please report this, with the component`
}

function named(what: string, step: () => AuditedModule): AuditedModule {
  try {
    return step()
  } catch (thrown) {
    if (thrown instanceof Forged || thrown instanceof BinaryError) throw new Forged(`${what} ${thrown.message}`)
    throw thrown
  }
}
