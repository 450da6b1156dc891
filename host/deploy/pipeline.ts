// Pipeline: from component to artefact, step by step. Runs in the linking process (link-process.ts) only.
//
// T1. Nothing of the component is run, not by jco's code either, before its modules are capped and metered.
// T2. A step that finds reasons ends the pipeline with all that it found.
//
// Owns: the order of steps.   Each step has its own module.

import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { componentWit, transpile } from '@bytecodealliance/jco'
import type { Description } from '../guest/about.ts'
import type { Artefact, LinkPlan } from '../guest/artefact.ts'
import { describe } from '../guest/describe.ts'
import { Places, type StoredSourceMap } from '../guest/fault-text.ts'
import { GuestFault } from '../guest/guest.ts'
import { type CompiledArtefact, Instance } from '../guest/instance.ts'
import type { Limits } from '../limits.ts'
import { withStandard } from '../schema/standard.ts'
import { type PreparedCore, prepareCores } from './cores.ts'
import { checkDescription } from './describe-check.ts'
import { checkInterfaces } from './interfaces.ts'
import type { LinkResult } from './link.ts'
import { coreModulesOf } from './precheck.ts'
import { PlanError, record } from './record.ts'
import { share } from './share.ts'
import { sourceMapOf } from './source-map.ts'

/** Reasons to stop, thrown between steps. */
class Refusal extends Error {
  readonly reasons: readonly string[]

  constructor(reasons: readonly string[]) {
    super(reasons.join('; '))
    this.reasons = reasons
  }
}

/** Link a component that passed `precheck`. Never rejects for what its bytes do, short of ending the process. */
export async function pipeline(
  component: Uint8Array,
  limits: Limits,
  engine: number,
  onStep: (step: string) => void,
): Promise<LinkResult> {
  try {
    onStep('checking its interfaces')
    refuseIf(checkInterfaces(await asReason('the component is not valid', () => componentWit(component))))
    onStep('linking its modules')
    const { source, modules } = await linkWithJco(component).catch((thrown) => {
      // jco says "failed to translate" of features that it lacks; our own words for a module are better.
      const embedded = coreModulesOf(component).map((bytes, i) => [String(i), bytes] as const)
      const prepared = prepareCores(embedded, limits)
      throw new Refusal(prepared.ok ? [reasonOf('the component is not valid', thrown)] : prepared.reasons)
    })
    onStep('metering its modules')
    const prepared = prepareCores(modules, limits)
    if (!prepared.ok) throw new Refusal(prepared.reasons)
    onStep('starting it')
    const plan = await record(source, prepared.cores, limits)
    const cores = share(prepared.cores, plan, limits)
    onStep('asking what it is')
    const sourceMap = sourceMapOf(component)
    const said = describeTwice(cores, plan, sourceMap, limits)
    // From here on they are complete: a component need not bring the files that every host has.
    const description = { ...said, descriptors: withStandard(said.descriptors) }
    refuseIf(checkDescription(description, Object.keys(plan.exports)))
    const artefact: Artefact = {
      hash: hash('sha256', component, 'hex'),
      engine,
      modules: cores.map(({ bytes }) => bytes),
      plan,
      description,
      sourceMap,
    }
    return { ok: true, artefact }
  } catch (thrown) {
    if (thrown instanceof Refusal) return { ok: false, reasons: thrown.reasons }
    if (thrown instanceof PlanError) return { ok: false, reasons: [thrown.message] }
    throw thrown
  }
}

interface Linked {
  readonly source: string
  readonly modules: readonly (readonly [string, Uint8Array])[]
}

const transpileOptions = {
  name: 'guest',
  instantiation: 'sync' as const,
  emitTypescriptDeclarations: false,
  base64Cutoff: 0,
  nodejsCompat: false,
}

async function linkWithJco(component: Uint8Array): Promise<Linked> {
  const { files } = await transpile(component, transpileOptions)
  const entries = Object.entries(files as Record<string, Uint8Array>)
  const [, source] = entries.find(([name]) => name.endsWith('.js')) ?? []
  if (source === undefined) throw new Error('jco linked nothing')
  return { source: Buffer.from(source).toString('utf8'), modules: entries.filter(([name]) => name.endsWith('.wasm')) }
}

/** Two fresh instances must say the same (law L4); each has the fuel of one command. */
function describeTwice(
  cores: readonly PreparedCore[],
  plan: LinkPlan,
  sourceMap: StoredSourceMap | undefined,
  limits: Limits,
): Description {
  const modules = cores.map(({ bytes }) => new WebAssembly.Module(bytes))
  const compiled: CompiledArtefact = { plan, modules, places: sourceMap && new Places(sourceMap) }
  const [first, second] = [describeOnce(compiled, limits), describeOnce(compiled, limits)]
  if (!isDeepStrictEqual(first, second)) throw new Refusal(['describe() answers differently in a fresh instance'])
  return first
}

function describeOnce(compiled: CompiledArtefact, limits: Limits): Description {
  try {
    const instance = new Instance(compiled, limits)
    instance.begin(limits.fuelPerCommand)
    return describe(instance, limits)
  } catch (thrown) {
    if (thrown instanceof GuestFault) throw new Refusal([`describe() failed (${thrown.reason}): ${thrown.told}`])
    throw thrown
  }
}

function refuseIf(reasons: readonly string[]): void {
  if (reasons.length > 0) throw new Refusal(reasons)
}

async function asReason<Result>(what: string, step: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await step()
  } catch (thrown) {
    throw new Refusal([reasonOf(what, thrown)])
  }
}

function reasonOf(what: string, thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return `${what}: ${message.split('\n')[0]!.slice(0, 300)}`
}
