// Plan: can a link plan be carried out with these modules, and within the limits?
//
// O1. Every index names something that is there, and of instances something made before: so there are no circles.
// O2. A module gets each of its imports, of the kind that it asks for, and nothing else.
// O3. Memories and tables are summed over instances, as the limits count them.
//
// Owns: the plan.   module.ts owns: what a module is.   Types of functions and globals are V8's to compare, at the first instance.

import type { LinkPlan, PlanImport, PlanInstance } from '../../guest/artefact.ts'
import { fuelImport } from '../../guest/fuel.ts'
import { interfaces } from '../../guest/layout.ts'
import type { Limits } from '../../limits.ts'
import { pageBytes } from '../../wasm/cap.ts'
import { externKind } from '../../wasm/sections.ts'
import { Forged, list, record, text, whole } from './forged.ts'
import type { AuditedModule } from './module.ts'

const instancesMax = 256
const importsMax = 100_000
/** V8's own bound for names of imports and exports. */
const nameMax = 100_000

/** Made anew from what was said. @throws Forged */
export function auditPlan(said: unknown, modules: readonly AuditedModule[], limits: Limits): LinkPlan {
  const { instances: saidInstances, exports: saidExports, memory } = record(said, 'the plan')
  const made: AuditedModule[] = []
  const instances = list(saidInstances, instancesMax, 'the list of instances').map((instance) => {
    const audited = auditInstance(instance, modules, made)
    made.push(modules[audited.module]!)
    return audited
  })
  auditSums(made, limits)
  const at = (index: unknown, what: string): number => whole(index, 0, made.length - 1, what)
  const exports: Record<string, number> = {}
  for (const [name, owner] of Object.entries(record(saidExports, 'the list of interfaces'))) {
    if (!Object.values<string>(interfaces).includes(name)) throw new Forged('an interface is none of the contract')
    exports[name] = at(owner, `the instance of ${name}`)
  }
  const memoryOwner = at(memory, 'the instance of the memory')
  if (made[memoryOwner]!.exports.get('memory') !== externKind.memory)
    throw new Forged('the instance of the memory exports none')
  return { instances, exports, memory: memoryOwner }
}

function auditInstance(said: unknown, modules: readonly AuditedModule[], made: readonly AuditedModule[]): PlanInstance {
  const { module: saidModule, imports: saidImports } = record(said, 'an instance')
  const index = whole(saidModule, 0, modules.length - 1, 'the module of an instance')
  const wanted = new Map(modules[index]!.imports.map(({ module, name, kind }) => [key(module, name), kind]))
  const given = new Set<string>()
  const imports = list(saidImports, importsMax, 'the list of imports').map((one) => {
    const { module: saidFrom, name: saidName, source: saidSource } = record(one, 'an import')
    const module = text(saidFrom, nameMax, 'the module of an import')
    const name = text(saidName, nameMax, 'the name of an import')
    if (module === fuelImport.module) throw new Forged('an import is that of the counter of fuel')
    const kind = wanted.get(key(module, name))
    if (kind === undefined) throw new Forged('an import is none of its module')
    given.add(key(module, name))
    return { module, name, source: auditSource(saidSource, kind, made) }
  })
  if (given.size !== wanted.size) throw new Forged('an import of a module is missing')
  return { module: index, imports }
}

function auditSource(said: unknown, kind: number, made: readonly AuditedModule[]): PlanImport {
  const { from, instance, name: saidName } = record(said, 'the source of an import')
  switch (from) {
    case 'instance': {
      const number = whole(instance, 0, made.length - 1, 'the instance of an import')
      const name = text(saidName, nameMax, 'the export of an import')
      if (made[number]!.exports.get(name) !== kind) throw new Forged('an import is no export of its kind')
      return { from, instance: number, name }
    }
    case 'trap':
      if (kind !== externKind.function) throw new Forged('a trap is given for what is no function')
      return { from, name: text(saidName, 2 * nameMax + 1, 'the name of a trap') }
    default:
      throw new Forged('an import comes from nowhere')
  }
}

function auditSums(made: readonly AuditedModule[], { guestMemoryBytesMax, guestTableElementsMax }: Limits): void {
  const bytes = made.reduce((sum, { pages }) => sum + pages, 0) * pageBytes
  const elements = made.reduce((sum, module) => sum + module.elements, 0)
  if (bytes > guestMemoryBytesMax)
    throw new Forged(`its memories may grow to ${bytes} bytes, ${guestMemoryBytesMax} are allowed`)
  if (elements > guestTableElementsMax)
    throw new Forged(`its tables may grow to ${elements} elements, ${guestTableElementsMax} are allowed`)
}

/** Of an import: both names may hold anything. */
function key(module: string, name: string): string {
  return `${module.length} ${module}${name}`
}
