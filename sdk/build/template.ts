// Template: the files of a new project. They lie in template/ and in that of each language, with `.template` after their names so that
// no tool takes them for ours, and {{name}}, {{service}}, {{package}}, {{entry}} and {{sdk}} to fill in.
//
// Leaves to others: which files a project has (starter.ts, languages/typescript/new.ts).

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Kind } from './kinds.ts'

const folder = fileURLToPath(new URL('template/', import.meta.url))
const suffix = '.template'

/** Texts by path, relative to the project, with `/`. */
export type TemplateFiles = Readonly<Record<string, string>>
/** To fill in, by name. */
export type Values = Readonly<Record<string, string>>

/** What is the same in every language but TypeScript. */
export function plainFiles(name: string, values: Values): TemplateFiles {
  return filesIn(join(folder, 'plain'), name, values)
}

/** The .proto of a kind: in every language the same. */
export function protoOf(kind: Kind, name: string, values: Values): TemplateFiles {
  return filesIn(join(folder, kind), name, values)
}

/** `name` like `my-service`. */
export function valuesOf(name: string): Values {
  const parts = name.split('-')
  return {
    name,
    /** `MyService`, `my_service`, `MY_SERVICE`, `myservice`. */
    service: parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join(''),
    snake: parts.join('_'),
    upper: parts.join('_').toUpperCase(),
    flat: parts.join(''),
    package: `${parts.join('_')}.v1`,
  }
}

export function filled(text: string, values: Values): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, key: string) => values[key] ?? whole)
}

export function filesIn(from: string, name: string, values: Values): TemplateFiles {
  const files: Record<string, string> = {}
  for (const path of readdirSync(from, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!path.endsWith(suffix)) continue
    const target = path.slice(0, -suffix.length).replaceAll('\\', '/').replace('service.proto', `${name}.proto`)
    files[target] = filled(readFileSync(join(from, path), 'utf8'), values)
  }
  return files
}
