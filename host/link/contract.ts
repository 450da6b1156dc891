// Contract: which core functions answer the contract's, by what a component exports.
//
// N1. A function `describe` of the exported instance `innkeeper:guest/about@…` is the core function `innkeeper:guest/about@…#describe`, as
//     guest/instance.ts calls it. What the component says and what the host runs are one, or the component is refused.
// N2. All functions of an interface are of one core instance. All of a component have one memory, exported as `memory`, and UTF-8.
//
// Leaves to others: which interfaces there must be (interfaces.ts), what the functions take and answer (guest/lift.ts).

import type { LinkPlan } from '../guest/artefact.ts'
import { interfaces } from '../guest/layout.ts'
import { type CoreItem, type Exports, type Func, PlanError } from './plan.ts'
import { shown } from './shown.ts'

/** @throws PlanError with a reason for the author. */
export function contractOf(exported: Exports): Pick<LinkPlan, 'exports' | 'memory'> {
  const exports: Record<string, number> = {}
  let memory: number | undefined
  for (const name of Object.values(interfaces)) {
    const item = exported.get(name)
    if (item?.kind !== 'instance') continue
    for (const [functionName, func] of item.exports ?? []) {
      if (func.kind !== 'func') continue
      const full = `${name}#${functionName}`
      const of = ownerOf(
        func.core,
        full,
        `exports "${shown(full)}" by a core function of another name; build it with wit-component`,
      )
      if ((exports[name] ??= of) !== of) throw new PlanError(`the functions of ${name} are not of one core instance`)
      const own = memoryOf(func, full)
      if (own !== undefined && (memory ??= own) !== own) throw new PlanError('its functions have several memories')
    }
  }
  if (memory === undefined) throw new PlanError('exports no memory named "memory"')
  return { exports, memory }
}

function memoryOf({ memory, utf8 }: Func, full: string): number | undefined {
  if (!utf8) throw new PlanError(`${shown(full)} has strings that are not UTF-8; build it with UTF-8`)
  return memory && ownerOf(memory, 'memory', `${shown(full)} uses a memory that is not exported as "memory"`)
}

/** The core instance that exports it under the name. */
function ownerOf({ source }: CoreItem, name: string, otherwise: string): number {
  if (source.from !== 'instance' || source.name !== name) throw new PlanError(otherwise)
  return source.instance
}
