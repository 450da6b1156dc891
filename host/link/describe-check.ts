// Check of a description: what can be said against it from its words alone.
//
// Q1. Services have protobuf names, each once, of a kind whose interface the component exports.
// Q2. Headers are such as can reach a function (header-names.ts): no credentials, nothing of the transport.
// Q3. A view has a name that no other service of the component has, a row, and sources; each source once, and none of them an action.
//
// Owns: the description by itself.   validate.ts owns: the description against its descriptors and against the catalog.

import type { Description } from '../guest/about.ts'
import { interfaces } from '../guest/layout.ts'
import { headerProblem } from '../header-names.ts'

const fullName = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/

/** Reasons against it. `exported`: the interfaces that the component has. */
export function checkDescription(description: Description, exported: readonly string[]): string[] {
  const reasons: string[] = []
  const { services, viewServices } = description
  if (services.length === 0 && viewServices.length === 0) reasons.push('describes no service')
  if (description.descriptors.length === 0) reasons.push('brings no descriptors')
  const seen = new Set<string>()
  for (const { name, kind, persistenceId, headers } of services) {
    if (!fullName.test(name)) reasons.push(`"${printable(name)}" is not the full name of a service`)
    if (seen.has(name)) reasons.push(`${printable(name)} is described twice`)
    seen.add(name)
    if (!exported.includes(interfaces[kind])) {
      reasons.push(`${printable(name)} is ${kind}, but the component does not export ${interfaces[kind]}`)
    }
    if (persistenceId === '') reasons.push(`${printable(name)} has an empty persistence id`)
    for (const header of headers) {
      const problem = headerProblem(header, printable(header))
      if (problem !== undefined) reasons.push(`${printable(name)}: ${problem}`)
    }
  }
  for (const { name, rowType, sources } of viewServices) {
    const view = printable(name)
    if (!fullName.test(name)) reasons.push(`"${view}" is not the full name of a service`)
    if (seen.has(name)) reasons.push(`${view} is described twice`)
    seen.add(name)
    if (!exported.includes(interfaces.view))
      reasons.push(`${view} is a view, but the component does not export ${interfaces.view}`)
    if (!fullName.test(rowType))
      reasons.push(`${view}: "${printable(rowType)}" is not the full name of a row's message`)
    if (sources.length === 0) reasons.push(`${view} has no source: name the services whose changes it takes`)
    const taken = new Set<string>()
    for (const { service, kind } of sources) {
      if (!fullName.test(service)) reasons.push(`${view}: "${printable(service)}" is not the full name of a service`)
      if (taken.has(service)) reasons.push(`${view} has the source ${printable(service)} twice`)
      taken.add(service)
      if (kind === 'action') reasons.push(`${view}: ${printable(service)} is an action, whose calls change nothing`)
    }
  }
  return reasons
}

/** A guest's text in a message: no control characters, not endless. */
function printable(text: string): string {
  return text.slice(0, 100).replace(/[^\x20-\x7e]/g, '?')
}
