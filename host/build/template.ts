// Template: the files of a new project, one small service for each kind. They lie in template/, with `.template` after their
// names so that no tool takes them for ours, and {{name}}, {{service}}, {{package}} and {{sdk}} to fill in.
//
// T1. template/shared is in every project; {{usage}} there is the kind's usage.md.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Kind } from './kinds.ts'

const folder = fileURLToPath(new URL('template/', import.meta.url))
const suffix = '.template'

/** `name` like `my-service`; `sdk` for package.json. Texts by path, relative to the project, with `/`. */
export function templateFiles(
  name: string,
  sdk: string,
  kind: Kind = 'event-sourced',
): Readonly<Record<string, string>> {
  const service = name
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')
  const values: Record<string, string> = { name, service, package: `${name.replaceAll('-', '_')}.v1`, sdk }
  const filled = (text: string): string => text.replace(/\{\{(\w+)\}\}/g, (whole, key: string) => values[key] ?? whole)
  values['usage'] = filled(readFileSync(join(folder, kind, 'usage.md'), 'utf8')).trimEnd()
  const files: Record<string, string> = {}
  for (const part of ['shared', kind]) {
    for (const path of readdirSync(join(folder, part), { recursive: true, encoding: 'utf8' }).sort()) {
      if (!path.endsWith(suffix)) continue
      const target = path.slice(0, -suffix.length).replaceAll('\\', '/').replace('service.proto', `${name}.proto`)
      files[target] = filled(readFileSync(join(folder, part, path), 'utf8'))
    }
  }
  return files
}
