// Purity: what a handler cannot have in a component, it cannot have while a test runs it either.
//
// P1. Handlers are synchronous, so the globals are gone for the length of a call and back before anything else runs.

import { forbiddenGlobals, forbiddenMembers, forbiddenMessage } from '../guest/forbidden.ts'

interface Hidden {
  readonly owner: object
  readonly key: string
  readonly before: PropertyDescriptor
  readonly refusal: PropertyDescriptor
}

// Looked up once and beforehand: Node loads some globals lazily, by code that itself wants others of them.
const hidden: readonly Hidden[] = [
  ...Object.entries(forbiddenGlobals).map(([key, instead]) => hiding(globalThis, key, key, instead)),
  ...Object.entries(forbiddenMembers).flatMap(([name, members]) => {
    const owner = (globalThis as unknown as Record<string, object>)[name]!
    return Object.entries(members).map(([key, instead]) => hiding(owner, key, `${name}.${key}`, instead))
  }),
].filter((item) => item !== undefined)

let depth = 0

/** Run without the forbidden globals. @throws whatever `work` throws, and for the use of one. */
export function withoutForbidden<T>(work: () => T): T {
  if (depth++ === 0) for (const { owner, key, refusal } of hidden) Object.defineProperty(owner, key, refusal)
  try {
    return work()
  } finally {
    if (--depth === 0) for (const { owner, key, before } of hidden) Object.defineProperty(owner, key, before)
  }
}

function hiding(owner: object, key: string, name: string, instead: string): Hidden | undefined {
  const before = Object.getOwnPropertyDescriptor(owner, key)
  if (before?.configurable !== true) return undefined
  const get = (): never => {
    throw new TypeError(forbiddenMessage(name, instead))
  }
  return { owner, key, before, refusal: { configurable: true, get } }
}
