// Prelude: takes away what a pure function cannot have, before the author's module runs. First import of every component.
//
// P1. A forbidden global or method throws when used, with what to use instead, also from within a dependency.
// P2. `console` does nothing: a component has no output, and a log line is no reason to fail. (The test kit prints.)

import { forbiddenGlobals, forbiddenMembers, forbiddenMessage, forbiddenMethods } from './forbidden.ts'

const scope = globalThis as unknown as Record<string, unknown>

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
const silent = (): void => {}
replace(
  scope,
  'console',
  Object.freeze({ log: silent, info: silent, warn: silent, error: silent, debug: silent, trace: silent }),
)

function replace(owner: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(owner, name, { value, writable: false, enumerable: false, configurable: true })
}

/** Throws when called, constructed, or when anything of it is looked at. `typeof` still answers, for code that probes. */
function thrower(name: string, instead: string): unknown {
  const refuse = (): never => {
    throw new TypeError(forbiddenMessage(name, instead))
  }
  return new Proxy(function forbidden() {}, { apply: refuse, construct: refuse, get: refuse, has: refuse, set: refuse })
}
