// Starter: the project that `inn new` makes, and what is the same in all languages.
//
// S1. The README, package.json and the .proto are the same in all languages; {{usage}} in the README is the kind's usage.md.
// S2. `inn` is a dependency of every project: a link to this checkout (decision 0041). What is printed for a person to type works then.
//
// Leaves to others: the texts (template.ts), what only TypeScript has (languages/typescript/new.ts).

import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NewProject, Starter } from './languages/language.ts'
import type { TemplateFiles } from './template.ts'
import { commonFiles, filesIn, valuesOf } from './template.ts'

/** The package that has the command `inn`, as package.json names it. */
const host = `file:${fileURLToPath(new URL('../../host', import.meta.url))}`

/** `language` by its name; `entry`: its module with the service, as the README calls it. */
export function plainStarter(language: string, entry: string): Starter {
  return {
    files: async (project) => projectFiles(language, entry, project, { innkeeper: { language } }),
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

/** `manifest`: what package.json has of the language's own. */
export function projectFiles(
  language: string,
  entry: string,
  { name, kind, inn = host }: Pick<NewProject, 'name' | 'kind' | 'inn'>,
  manifest: Readonly<Record<string, unknown>>,
): TemplateFiles {
  const values = { ...valuesOf(name), entry, kind }
  const whole = {
    name,
    private: true,
    scripts: { build: 'inn build', dev: 'inn up --dev', test: 'inn test' },
    ...manifest,
    devDependencies: { innkeeper: inn },
    engines: { node: '>=20' },
  }
  const folder = folderOf(language)
  return {
    ...commonFiles(kind, name, values),
    'package.json': `${JSON.stringify(whole, null, 2)}\n`,
    ...filesIn(join(folder, 'shared'), name, values),
    ...filesIn(join(folder, kind), name, values),
  }
}

function folderOf(language: string): string {
  return fileURLToPath(new URL(`languages/${language}/template/`, import.meta.url))
}

/** Not what a compiler left there. */
function isSource(path: string): boolean {
  return !/[/\\](target|build\/cargo|node_modules)$/.test(path)
}
