// Template: the files of a new project, for a service that counts. They lie in template/, with `.template` after their names
// so that no tool takes them for ours, and {{name}}, {{service}}, {{package}} and {{sdk}} to fill in.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('template/', import.meta.url))
const suffix = '.template'

/** `name` like `my-service`; `sdk` for package.json. Texts by path, relative to the project, with `/`. */
export function templateFiles(name: string, sdk: string): Readonly<Record<string, string>> {
  const service = name
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')
  const values: Readonly<Record<string, string>> = { name, service, package: `${name.replaceAll('-', '_')}.v1`, sdk }
  const files: Record<string, string> = {}
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!path.endsWith(suffix)) continue
    const target = path.slice(0, -suffix.length).replaceAll('\\', '/').replace('service.proto', `${name}.proto`)
    const text = readFileSync(join(folder, path), 'utf8')
    files[target] = text.replace(/\{\{(\w+)\}\}/g, (whole, key: string) => values[key] ?? whole)
  }
  return files
}
