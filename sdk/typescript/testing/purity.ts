// Purity: what a handler cannot have in a component, it cannot have while a test runs it either.
//
// P2. `Date` is the calendar without the present, and in UTC, as in a component.
// P1. Handlers are synchronous, so the globals are gone for the length of a call and back before anything else runs.

import { withoutNow } from '../guest/date.ts'
import { absentGlobals, forbiddenGlobals, forbiddenMembers, forbiddenMessage } from '../guest/forbidden.ts'

interface Hidden {
  readonly owner: object
  readonly key: string
  readonly before: PropertyDescriptor
  readonly refusal: PropertyDescriptor
}

// Looked up once and beforehand: Node loads some globals lazily, by code that itself wants others of them.
const hidden: readonly Hidden[] = [
  ...Object.entries(forbiddenGlobals).map(([key, instead]) =>
    absentGlobals.has(key) ? absent(key) : hiding(globalThis, key, key, instead),
  ),
  ...Object.entries(forbiddenMembers).flatMap(([name, members]) => {
    const owner = (globalThis as unknown as Record<string, object>)[name]!
    return Object.entries(members).map(([key, instead]) => hiding(owner, key, `${name}.${key}`, instead))
  }),
  { owner: globalThis, key: 'Date', ...replacing(globalThis, 'Date', withoutNow(Date)) },
].filter((item) => item !== undefined)

/** Of Node, which authors' types do not know; another time zone is noticed when it is set. */
const { env } = (globalThis as unknown as { readonly process: { readonly env: Record<string, string | undefined> } })
  .process
const zoned = Intl.DateTimeFormat().resolvedOptions().timeZone !== 'UTC'

let depth = 0

/** Run without the forbidden globals. @throws whatever `work` throws, and for the use of one. */
export function withoutForbidden<T>(work: () => T): T {
  const zone = env['TZ']
  if (depth++ === 0) {
    if (zoned) env['TZ'] = 'UTC'
    for (const { owner, key, refusal } of hidden) Object.defineProperty(owner, key, refusal)
  }
  try {
    return work()
  } finally {
    if (--depth === 0) {
      for (const { owner, key, before } of hidden) Object.defineProperty(owner, key, before)
      if (zoned && zone === undefined) delete env['TZ']
      else if (zoned) env['TZ'] = zone
    }
  }
}

function replacing(owner: object, key: string, value: unknown): Pick<Hidden, 'before' | 'refusal'> {
  const before = Object.getOwnPropertyDescriptor(owner, key)!
  return { before, refusal: { ...before, value } }
}

/** As in a component, where it is not: a library that looks for it goes on without. */
function absent(key: string): Hidden | undefined {
  const before = Object.getOwnPropertyDescriptor(globalThis, key)
  if (before?.configurable !== true) return undefined
  return { owner: globalThis, key, before, refusal: { configurable: true, enumerable: false, value: undefined } }
}

function hiding(owner: object, key: string, name: string, instead: string): Hidden | undefined {
  const before = Object.getOwnPropertyDescriptor(owner, key)
  if (before?.configurable !== true) return undefined
  const get = (): never => {
    throw new TypeError(forbiddenMessage(name, instead))
  }
  return { owner, key, before, refusal: { configurable: true, get } }
}
