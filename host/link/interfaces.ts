// Interfaces: what a component imports and exports, against what this host gives and wants.
//
// F1. Nothing may be imported but the interface of type names; every other import is named, with what to do about it.
// F2. `about` and at least one state model, or a view, must be exported. Other exports are let be: compilers add their own.
// F3. A component of another version of the contract has one fault: everything else that is odd about it follows from that. Nothing was
//     released while 0.2.0 grew, so its early forms have the same number; the last fields that were added tell them apart.
//
// Owns: names.   describe and lift own: whether behind a name lies what the contract says.

import { interfaces } from '../guest/layout.ts'
import type { Component } from './component.ts'
import { shown } from './shown.ts'

const models = [interfaces['event-sourced'], interfaces.value, interfaces.replicated, interfaces.action]
const wanted: readonly string[] = [interfaces.about, ...models, interfaces.view]

/** Reasons against a component, from what its root imports and exports. */
export function checkInterfaces(root: Component, component: Uint8Array): string[] {
  const { imported, exported } = namesOf(root)
  const other = exported.find((name) => !wanted.includes(name) && sameButVersion(name))
  if (other !== undefined) {
    const [theirs = '', ours = ''] = [other, interfaces.about].map((name) => name.split('@')[1])
    return [`it speaks contract ${shown(theirs)}, and this host ${ours}: rebuild it with this version and deploy again`]
  }
  if (isEarly(component))
    return [
      `it was built for an early form of contract ${interfaces.about.split('@')[1]}: rebuild it with this version and deploy again`,
    ]
  const reasons = imported.filter((name) => name !== interfaces.types).map(importReason)
  if (!exported.includes(interfaces.about)) reasons.push(`does not export ${interfaces.about}`)
  const found = [...models, interfaces.view].filter((model) => exported.includes(model))
  if (found.length === 0) reasons.push(`exports no state model; one of ${models.join(', ')} is needed`)
  return reasons
}

/** Its types name the time of a command or the words of a description, but not what came after them: who calls, and views. */
function isEarly(component: Uint8Array): boolean {
  const bytes = Buffer.from(component.buffer, component.byteOffset, component.length)
  const lacks = (old: string, added: string) => bytes.includes(field(old)) && !bytes.includes(field(added))
  return lacks('now-ms', 'principal') || lacks('sdk-name', 'view-services')
}

/** A name as a component's types have it: its length, and its letters. */
function field(name: string): Buffer {
  return Buffer.from([name.length, ...Buffer.from(name)])
}

function sameButVersion(name: string): boolean {
  const [base] = name.split('@')
  return wanted.some((one) => one.startsWith(`${base}@`))
}

function importReason(name: string): string {
  if (name.startsWith('wasi:')) {
    return `imports ${shown(name)}: guests have no system. Seal the component (its build can stub WASI), or do without`
  }
  return `imports ${shown(name)}: components may import nothing; everything a function needs comes with the command`
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
