// Kinds: which state models a service module defines, found by running its bundle.
//
// N1. The bundle is plain JavaScript. It runs in a context of its own, with the language and no more, and for five seconds at
//     most; its prelude takes globals away there, not here. It is the author's own code: this is no sandbox, and need be none.
// N2. What the module throws is the author's mistake, told as a sentence.

import { createContext, runInContext } from 'node:vm'
import type { BuildProblem } from './problem.ts'

export const kinds = ['event-sourced', 'value', 'replicated', 'action'] as const
export type Kind = (typeof kinds)[number]

const timeoutMs = 5_000

interface Described {
  readonly about: { readonly describe: () => { readonly services: readonly { readonly kind: Kind }[] } }
}

/** @param script the bundle as a script that sets `service`. @returns each kind once, or what is wrong. */
export function kindsOf(script: string, entry: string): readonly Kind[] | BuildProblem {
  // QuickJS has `btoa`, but it is no part of the language.
  const context = createContext({ btoa: (binary: string) => btoa(binary) })
  try {
    runInContext(script, context, { timeout: timeoutMs, filename: entry })
    const { service } = context as { service?: Described }
    const found = new Set(service!.about.describe().services.map(({ kind }) => kind))
    return kinds.filter((kind) => found.has(kind))
  } catch (error) {
    return { file: entry, message: `the service module throws when it is loaded: ${firstLine(error)}` }
  }
}

/** Errors of another context are no instances of our Error. */
function firstLine(error: unknown): string {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown }
  if (typeof message !== 'string') return String(error)
  return `${typeof name === 'string' ? name : 'Error'}: ${message.split('\n')[0]}`
}
