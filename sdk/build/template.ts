// Template: the files of a new project. They lie in template/ and in that of each language, with `.template` after their names so that
// no tool takes them for ours, and {{name}}, {{service}}, {{package}}, {{entry}}, {{kind}} and {{usage}} to fill in.
//
// Leaves to others: which files a project has (starter.ts, languages/typescript/new.ts).

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Kind } from './kinds.ts'

const folder = fileURLToPath(new URL('template/', import.meta.url))
const suffix = '.template'

/** Texts by path, relative to the project, with `/`. */
export type TemplateFiles = Readonly<Record<string, string>>
/** To fill in, by name. */
type Values = Readonly<Record<string, string>>

/** What is the same in every language: the README, and the .proto of a kind. */
export function commonFiles(kind: Kind, name: string, values: Values): TemplateFiles {
  const usage = filled(readFileSync(join(folder, kind, 'usage.md'), 'utf8'), values).trimEnd()
  return {
    ...filesIn(join(folder, 'shared'), name, { ...values, usage }),
    ...filesIn(join(folder, kind), name, values),
  }
}

/** `name` like `my-service`. */
export function valuesOf(name: string): Values {
  const parts = name.split('-')
  // Parts of a single letter become one: a generator tells no words apart in a run of capitals.
  const prefix = snakeOf(parts.map(capital).join(''))
  const service = prefix.split('_').map(capital).join('')
  return {
    name,
    /** `MyService`, `my_service`, `myservice`; `my_service` and `MY_SERVICE` as generated code has the service's name. */
    service,
    snake: parts.join('_'),
    prefix,
    upper: prefix.toUpperCase(),
    flat: parts.join(''),
    package: `${parts.join('_')}.v1`,
  }
}

function capital(part: string): string {
  return part.charAt(0).toUpperCase() + part.slice(1)
}

function snakeOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}

/** None where the folder is not there. */
export function filesIn(from: string, name: string, values: Values): TemplateFiles {
  const files: Record<string, string> = {}
  const paths = existsSync(from) ? readdirSync(from, { recursive: true, encoding: 'utf8' }) : []
  for (const path of [...paths].sort()) {
    if (!path.endsWith(suffix)) continue
    const target = path.slice(0, -suffix.length).replaceAll('\\', '/').replace('service.proto', `${name}.proto`)
    files[target] = filled(readFileSync(join(from, path), 'utf8'), values)
  }
  return files
}

function filled(text: string, values: Values): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, key: string) => values[key] ?? whole)
}
