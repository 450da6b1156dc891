// Interfaces: what a component imports and exports, against what this host gives and wants.
//
// F1. Nothing may be imported but the interface of type names; every other import is named, with what to do about it.
// F2. `about` and at least one state model must be exported, in the version that this host speaks. Other exports are let
//     be: compilers add their own.
//
// Owns: names.   describe and lift own: whether behind a name lies what the contract says.

import { interfaces } from '../guest/layout.ts'
import type { Component } from './component.ts'
import { shown } from './shown.ts'

const models = [interfaces['event-sourced'], interfaces.value, interfaces.replicated, interfaces.action]
const wanted: readonly string[] = [interfaces.about, ...models]

/** Reasons against a component, from what its root imports and exports. */
export function checkInterfaces(root: Component): string[] {
  const { imported, exported } = namesOf(root)
  const reasons = imported.filter((name) => name !== interfaces.types).map(importReason)
  for (const name of exported) {
    const [base, version] = name.split('@')
    const ours = wanted.find((one) => one.startsWith(`${base}@`))
    if (ours !== undefined && ours !== name) {
      reasons.push(
        `exports ${base} in version ${shown(version ?? '')}; this host speaks ${ours}. Build it again with a matching SDK`,
      )
    }
  }
  if (!exported.includes(interfaces.about)) reasons.push(`does not export ${interfaces.about}`)
  const found = models.filter((model) => exported.includes(model))
  if (found.length === 0) reasons.push(`exports no state model; one of ${models.join(', ')} is needed`)
  return reasons
}

function importReason(name: string): string {
  if (name.startsWith('wasi:')) {
    return `imports ${shown(name)}: guests have no system. Seal the component (its build can stub WASI), or do without`
  }
  return `imports ${shown(name)}: guests import nothing; take what you need from the command`
}

/** Of functions and instances; types alone bring nothing. */
function namesOf({ definitions }: Component): { imported: string[]; exported: string[] } {
  const imported: string[] = []
  const exported: string[] = []
  for (const definition of definitions) {
    if (definition.is === 'import' && definition.sort !== 'type') imported.push(definition.name)
    if (definition.is === 'export') exported.push(definition.name)
  }
  return { imported, exported }
}
