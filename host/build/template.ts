// Template: the files of a new project, one small service for each kind. They lie in template/, with `.template` after their
// names so that no tool takes them for ours, and {{name}}, {{service}}, {{package}} and {{sdk}} to fill in.
//
// T1. template/shared is in every project in TypeScript; {{usage}} there is the kind's usage.md.
// T2. The other languages have one project each, an event-sourced one, in template/languages; its .proto is TypeScript's.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Kind } from './kinds.ts'
import type { Language } from './project.ts'

const folder = fileURLToPath(new URL('template/', import.meta.url))
const suffix = '.template'

/** Texts by path, relative to the project, with `/`. */
export type TemplateFiles = Readonly<Record<string, string>>

/** `name` like `my-service`; `sdk` for package.json. */
export function templateFiles(name: string, sdk: string, kind: Kind = 'event-sourced'): TemplateFiles {
  const values: Record<string, string> = { ...valuesOf(name), sdk }
  values['usage'] = filled(readFileSync(join(folder, kind, 'usage.md'), 'utf8'), values).trimEnd()
  return { ...filesIn('shared', name, values), ...filesIn(kind, name, values) }
}

/** A project in another language than TypeScript. `entry`: its module with the service, as the README calls it. */
export function languageFiles(name: string, language: Exclude<Language, 'typescript'>, entry: string): TemplateFiles {
  const values = { ...valuesOf(name), entry }
  const all = filesIn('languages', name, values)
  const shared = Object.entries(all).filter(([path]) => !path.includes('/'))
  const protos = Object.entries(filesIn('event-sourced', name, values)).filter(([path]) => path.startsWith('proto/'))
  return { ...Object.fromEntries([...shared, ...protos]), ...filesIn(join('languages', language), name, values) }
}

function valuesOf(name: string): Readonly<Record<string, string>> {
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

function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, key: string) => values[key] ?? whole)
}

function filesIn(part: string, name: string, values: Readonly<Record<string, string>>): TemplateFiles {
  const files: Record<string, string> = {}
  for (const path of readdirSync(join(folder, part), { recursive: true, encoding: 'utf8' }).sort()) {
    if (!path.endsWith(suffix)) continue
    const target = path.slice(0, -suffix.length).replaceAll('\\', '/').replace('service.proto', `${name}.proto`)
    files[target] = filled(readFileSync(join(folder, part, path), 'utf8'), values)
  }
  return files
}
