// Tree: the files of the repository as the checks of the house read them, and the invariants that modules number in their headers.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { languages } from '../../sdk/build/languages/languages.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Not ours to write: packages, generated code, what builds leave. */
export const excluded = (path: string): boolean => /node_modules|\/gen\/|\/build\/(?!.*\.ts$)|fixtures/.test(path)

export const found = (patterns: readonly string[]): readonly string[] =>
  globSync([...patterns], { cwd: root }).filter((path) => !excluded(path))

export const sources = found([
  'host/**/*.ts',
  'sdk/{build,client,typescript}/**/*.ts',
  'guests/{*,shop/*}.ts',
  'test/**/*.ts',
  'bench/**/*.ts',
])

export const documents = found([
  '*.md',
  'docs/**/*.md',
  'host/**/*.md',
  'sdk/*/README.md',
  'bench/*.md',
  'guests/**/*.md',
])

/** Endings of sources in all languages. */
export const endings: readonly string[] = [
  ...new Set(Object.values(languages).flatMap((language) => language.endings)),
].sort()

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** Labels of the invariants that a file says of itself. */
export function defined(path: string): ReadonlySet<string> {
  return new Set([...read(path).matchAll(/^\s*(?:\/\/[!/]?|\*)\s+([A-Z]\d{1,2})\. /gm)].map((match) => match[1]!))
}

/** By its file's name, or its folder's and its own; a module of a language also by that language's, since each has a `build.ts`. */
export function citedAs(path: string): readonly string[] {
  const [, language] = /^sdk\/build\/languages\/(\w+)\//.exec(path) ?? []
  const stem = path.slice(path.lastIndexOf('/') + 1).replace(/\.\w+$/, '')
  const names = [stem, `${path.split('/').at(-2) ?? ''}/${stem}`]
  return language === undefined ? names : [...names, language]
}
