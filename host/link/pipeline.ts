// Pipeline: from component to artefact, step by step. Runs in the linking process (link-process.ts) only.
//
// T1. Nothing of the component is run before its modules are capped and metered, and nothing but these modules is ever run: no tool
//     makes code of an upload (host/decisions/0021-plans-come-from-the-bytes.md).
// T2. A step that finds reasons ends the pipeline with all that it found.
//
// Owns: the order of steps.   Each step has its own module.

import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Description } from '../guest/about.ts'
import type { Artefact, LinkPlan } from '../guest/artefact.ts'
import { describe } from '../guest/describe.ts'
import { Places, type StoredSourceMap } from '../guest/fault-text.ts'
import { GuestFault } from '../guest/guest.ts'
import { type CompiledArtefact, Instance } from '../guest/instance.ts'
import type { Limits } from '../limits.ts'
import { withStandard } from '../schema/standard.ts'
import { BinaryError } from '../wasm/bytes.ts'
import { type PreparedCore, prepareCores } from '../wasm/cores.ts'
import { FeatureError } from '../wasm/instructions.ts'
import { readComponent } from './component.ts'
import { checkDescription } from './describe-check.ts'
import { checkInterfaces } from './interfaces.ts'
import type { LinkResult } from './link.ts'
import { PlanError, planOf } from './plan.ts'
import { share } from './share.ts'
import { sourceMapOf } from './source-map.ts'
import { start } from './start.ts'

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
    onStep('reading it')
    const read = readComponent(component)
    refuseIf(checkInterfaces(read.root, component))
    onStep('metering its modules')
    const prepared = prepareCores(read.modules, limits)
    if (!prepared.ok) throw new Refusal(prepared.reasons)
    onStep('linking its modules')
    const plan = planOf(read, prepared.cores)
    onStep('starting it')
    start(plan, prepared.cores, limits)
    const cores = share(prepared.cores, plan, limits)
    onStep('asking the component for its description')
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
    if (thrown instanceof PlanError || thrown instanceof FeatureError) return { ok: false, reasons: [thrown.message] }
    if (thrown instanceof BinaryError) return { ok: false, reasons: [`the component is damaged: ${thrown.message}`] }
    throw thrown
  }
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
