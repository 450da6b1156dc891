// Start: a plan carried out once, so that a component that cannot be instantiated is refused while it is deployed.
//
// R1. Only capped and metered modules are instantiated, all on one start-up budget.
// R2. Memories and tables are summed over *instances*, and refused beyond the limits before one is made; so is what they cost to make
//     (starting.ts), together with what start functions spend.
//
// Owns: that a plan can be carried out.   guest/instance.ts owns: doing so.   plan.ts owns: what is linked.

import type { LinkPlan } from '../guest/artefact.ts'
import { GuestFault } from '../guest/guest.ts'
import { Instance } from '../guest/instance.ts'
import type { Limits } from '../limits.ts'
import { pageBytes } from '../wasm/cap.ts'
import type { PreparedCore } from '../wasm/cores.ts'
import { tooDearToStart, unitsOf } from '../wasm/starting.ts'
import { PlanError } from './plan.ts'
import { shown } from './shown.ts'

/** @throws PlanError with a reason for the author. */
export function start(plan: LinkPlan, cores: readonly PreparedCore[], limits: Limits): void {
  checkSizes(plan, cores, limits)
  const made = startingUnits(plan, cores, limits)
  const modules = cores.map(({ bytes }) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>))
  try {
    new Instance({ plan, modules, places: undefined }, { ...limits, fuelAtStart: limits.fuelAtStart - made })
  } catch (thrown) {
    if (!(thrown instanceof GuestFault)) throw thrown
    if (thrown.reason === 'fuel') throw new PlanError('its start functions ran out of fuel')
    const { cause } = thrown
    const why = cause instanceof Error ? cause.message : thrown.message
    throw new PlanError(`could not be instantiated: ${shown(why)}`)
  }
}

/** What making all instances costs. */
function startingUnits({ instances }: LinkPlan, cores: readonly PreparedCore[], { fuelAtStart }: Limits): number {
  let units = 0
  for (const { module } of instances) {
    const { name, starting } = cores[module]!
    units += unitsOf(starting)
    if (units > fuelAtStart) throw new PlanError(tooDearToStart(name, starting, units, fuelAtStart))
  }
  return units
}

function checkSizes({ instances }: LinkPlan, cores: readonly PreparedCore[], limits: Limits): void {
  const sum = (of: 'pages' | 'elements') => instances.reduce((total, { module }) => total + cores[module]![of], 0)
  const [bytes, elements] = [sum('pages') * pageBytes, sum('elements')]
  const { guestMemoryBytesMax, guestTableElementsMax } = limits
  if (bytes > guestMemoryBytesMax)
    throw new PlanError(`its memories may grow to ${bytes} bytes, ${guestMemoryBytesMax} are allowed`)
  if (elements > guestTableElementsMax)
    throw new PlanError(`its tables may grow to ${elements} elements, ${guestTableElementsMax} are allowed`)
}
