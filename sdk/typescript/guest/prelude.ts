// Prelude: takes away what a pure function cannot have, before the author's module runs. First import of every component.
//
// P1. A forbidden global or method throws when used, with what to use instead, also from within a dependency.
// P2. `console` writes lines of the host's log (console.ts).

import { onlyOursIsFrozen } from '../frozen.ts'
import { guestConsole } from './console.ts'
import { forbiddenGlobals, forbiddenMembers, forbiddenMessage, forbiddenMethods } from './forbidden.ts'

interface Forbidden {
  readonly words: { readonly name: string; readonly instead: string }
}

// One for all: a component holds each function that is there when it is made.
const refuse = ({ words: { name, instead } }: Forbidden): never => {
  throw new TypeError(forbiddenMessage(name, instead))
}
const refusing: ProxyHandler<(() => void) & Forbidden> = {
  apply: refuse,
  construct: refuse,
  get: refuse,
  has: refuse,
  set: refuse,
}

const scope = globalThis as unknown as Record<string, unknown>

onlyOursIsFrozen()
replace(scope, 'console', guestConsole)
for (const [name, instead] of Object.entries(forbiddenGlobals)) replace(scope, name, thrower(name, instead))
for (const [owner, members] of Object.entries(forbiddenMembers)) {
  for (const [name, instead] of Object.entries(members)) {
    replace(scope[owner] as Record<string, unknown>, name, thrower(`${owner}.${name}`, instead))
  }
}
for (const prototype of [Object, Number, BigInt, String, Array, Uint8Array].map((type) => type.prototype)) {
  for (const [name, instead] of Object.entries(forbiddenMethods)) {
    if (Object.hasOwn(prototype, name))
      replace(prototype as unknown as Record<string, unknown>, name, thrower(`${name}()`, instead))
  }
}

function replace(owner: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(owner, name, { value, writable: false, enumerable: false, configurable: true })
}

/** Throws when called, constructed, or when anything of it is looked at. `typeof` still answers, for code that probes. */
function thrower(name: string, instead: string): unknown {
  return new Proxy(
    Object.assign(function forbidden() {}, { words: { name, instead } }),
    refusing,
  )
}
