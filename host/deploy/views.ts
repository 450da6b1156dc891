// Views: services of queries that a component projects: what it says of them, against what its .proto says.
//
// V1. A view is a service with (innkeeper.view); row and sources are the same in both. A service with that option is nothing else.
//
// Leaves to others: columns and queries.

import type { Description, ViewDescription } from '../guest/about.ts'
import type { Schema, ViewRule } from '../schema/schema.ts'

const viewOption = 51085
/** A replicated value, as it crosses the boundary. */
const replicaType = 'innkeeper.crdt.v1.View'

type Report = (message: string, element?: string) => void

export function validateViewServices(description: Description, schema: Schema, report: Report): void {
  for (const { name } of description.services) {
    if (schema.services.get(name)?.view !== undefined)
      report(`${name}: has (innkeeper.view), so it is a view; define it as one, or remove the option`, name)
  }
  for (const view of description.viewServices) {
    const type = schema.services.get(view.name)
    if (type === undefined) report(`${view.name.slice(0, 100)}: the view is not found in the descriptors`)
    else if (type.view === undefined)
      report(`${view.name}: is defined as a view; give its service the option (innkeeper.view)`, view.name)
    else
      validateView(view, type.view, schema, (problem) =>
        report(`${view.name}: ${problem}`, `${view.name}#${viewOption}`),
      )
  }
}

function validateView(view: ViewDescription, rule: ViewRule, schema: Schema, told: (problem: string) => void): void {
  const row = schema.messages.get(rule.row) ?? schema.messages.get(`${packageOf(view.name)}${rule.row}`)
  if (row === undefined) told(`its row is ${rule.row.slice(0, 100)}, which is no message of the descriptors`)
  else if (row.fullName !== view.rowType)
    told(`its row is ${row.fullName} in the .proto, and ${view.rowType.slice(0, 100)} in the code`)
  const sources = view.sources.map(({ service }) => service)
  for (const service of rule.from)
    if (!sources.includes(service)) told(`it takes nothing of ${service.slice(0, 100)}, which \`from\` names`)
  for (const { service, kind, types } of view.sources) {
    if (!rule.from.includes(service)) told(`it takes changes of ${service.slice(0, 100)}, which \`from\` does not name`)
    if (kind !== 'event-sourced' && types.length > 1)
      told(`it takes values of ${service} as ${types.length} messages; they are of one`)
    for (const type of types)
      if (!schema.messages.has(type) && !(kind === 'replicated' && type === replicaType))
        told(`it takes ${type.slice(0, 100)}, which is no message of the descriptors`)
  }
}

function packageOf(fullName: string): string {
  return fullName.slice(0, fullName.lastIndexOf('.') + 1)
}
