// Prelude: takes away what a pure function cannot have, before the author's module runs. First import of every component.
//
// P1. A forbidden global or method throws when used, with what to use instead, also from within a dependency.
// P2. `console` writes lines of the host's log (console.ts). `Date` is without the present (date.ts).
// P4. `Function('return this')`, by which libraries look for the global object, finds it; there is no other use of a compiler.
// P3. What the engine froze may be frozen again.

import { native } from '../engine/modules/native.ts'
import { guestConsole } from './console.ts'
import { withoutNow } from './date.ts'
import {
  absentGlobals,
  forbiddenCalls,
  forbiddenGlobals,
  forbiddenMembers,
  forbiddenMessage,
  forbiddenMethods,
} from './forbidden.ts'

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

replace(scope, 'console', guestConsole)
const { prototype: dates } = Date
replace(dates as unknown as Record<string, unknown>, 'constructor', withoutNow(Date))
replace(scope, 'Date', dates.constructor)
for (const [name, instead] of Object.entries(forbiddenGlobals))
  if (!absentGlobals.has(name)) replace(scope, name, thrower(name, instead))
replace(scope, 'Function', compiling(Function))
for (const [owner, members] of Object.entries(forbiddenMembers)) {
  for (const [name, instead] of Object.entries(members)) {
    replace(scope[owner] as Record<string, unknown>, name, thrower(`${owner}.${name}`, instead))
  }
}
for (const prototype of [Object, Number, BigInt, String, Array, Uint8Array, Date].map((type) => type.prototype)) {
  for (const [name, instead] of Object.entries(forbiddenMethods)) {
    if (Object.hasOwn(prototype, name))
      replace(prototype as unknown as Record<string, unknown>, name, thrower(`${name}()`, instead))
  }
}
for (const name of ['freeze', 'seal', 'preventExtensions'] as const) {
  const own = Object[name] as <T>(value: T) => T
  const again = <T>(value: T): T => (native.isFrozen(value) ? value : own(value))
  replace(Object as unknown as Record<string, unknown>, name, again)
}

/** The constructor that stands for `Function`. */
function compiling(real: FunctionConstructor): unknown {
  function Compiled(...texts: readonly unknown[]): unknown {
    if (texts.length === 1 && /^\s*return this;?\s*$/.test(String(texts[0]))) return () => globalThis
    throw new TypeError(forbiddenMessage('Function()', forbiddenCalls['Function']!.instead))
  }
  Object.defineProperty(Compiled, 'name', { value: 'Function' })
  Object.defineProperty(Compiled, 'prototype', { value: real.prototype, writable: false })
  return Compiled
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
