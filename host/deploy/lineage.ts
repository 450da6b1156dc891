// Lineage: which deployments are versions of one component, and which component came first.
//
// G1. Deployments that share a service are versions of one component. What later deployments do changes nothing for earlier ones, so
//     that a restart finds what was in force.

import type { Deployment } from '../catalog/catalog.ts'

/** Number of the first version, by number. */
export function lineages(deployments: readonly Deployment[]): ReadonlyMap<number, number> {
  const ofService = new Map<string, number>()
  const result = new Map<number, number>()
  for (const { number, services } of deployments) {
    const known = services.map(({ name }) => ofService.get(name)).find((lineage) => lineage !== undefined)
    const lineage = known ?? number
    result.set(number, lineage)
    for (const { name } of services) ofService.set(name, lineage)
  }
  return result
}

/** The place of each deployment's component among others, by number; where several answer a request, the greatest does. The component
 *  that came first stands before those that came later. A version that was forced stands before all, for it was meant to take their
 *  paths. */
export function places(deployments: readonly Deployment[]): ReadonlyMap<number, number> {
  const firsts = lineages(deployments)
  return new Map(deployments.map(({ number, forced }) => [number, forced ? number : -firsts.get(number)!]))
}
