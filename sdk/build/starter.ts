// Starter: the project that `inn new` makes in a language with one template, an event-sourced one, and what is the same in all of them.
//
// Leaves to others: TypeScript, which has more (languages/typescript/new.ts), the texts (template.ts).

import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Starter } from './languages/language.ts'
import { filesIn, plainFiles, protoOf, valuesOf } from './template.ts'

/** `language` by its name; `entry`: its module with the service, as the README calls it. */
export function plainStarter(language: string, entry: string): Starter {
  const folder = fileURLToPath(new URL(`languages/${language}/template/`, import.meta.url))
  return {
    kinds: ['event-sourced'],
    files: async ({ name, kind }) => {
      const values = { ...valuesOf(name), entry }
      return { ...plainFiles(name, values), ...protoOf(kind, name, values), ...filesIn(folder, name, values) }
    },
    next: ['inn test'],
  }
}

/** The project brings its SDK along, as `innkeeper-sdk`: nothing is published yet. */
export function starterWithSdk(language: string, entry: string): Starter {
  const sdk = fileURLToPath(new URL(`../${language}`, import.meta.url))
  return {
    ...plainStarter(language, entry),
    complete: (root) => cp(sdk, join(root, 'innkeeper-sdk'), { recursive: true, filter: isSource }),
  }
}

/** Not what a compiler left there. */
function isSource(path: string): boolean {
  return !/[/\\](target|build\/cargo|node_modules)$/.test(path)
}
