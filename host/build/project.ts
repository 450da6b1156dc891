// Project: what an author's folder says about building it.
//
// P1. By convention `proto/` and `src/service.ts`; the `innkeeper` section of package.json says otherwise:
//     { "language": "typescript", "proto": "proto", "files": ["a.proto"], "entry": "src/service.ts", "gen": "src/gen" }.
//     Paths are relative to the project. Without `files` all .proto files of the folder count.
//
// Leaves to others: compiling (descriptors.ts), the languages (typescript.ts, assemblyscript.ts).

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { BuildProblem } from './problem.ts'
import { BuildError } from './problem.ts'

export type Language = 'typescript' | 'assemblyscript'

export interface Project {
  /** Absolute. */
  readonly directory: string
  readonly name: string
  readonly language: Language
  /** Folder of .proto files, absolute; and those of them that are built, relative to it, with `/`. */
  readonly proto: string
  readonly files: readonly string[]
  /** Module with the services, and folder for generated code; absolute. */
  readonly entry: string
  readonly gen: string
}

const entries: Readonly<Record<Language, string>> = {
  typescript: 'src/service.ts',
  assemblyscript: 'assembly/index.ts',
}

/** @throws BuildError with everything that is missing. */
export function readProject(directory: string): Project {
  const root = resolve(directory)
  const problems: BuildProblem[] = []
  const { name, settings } = readPackage(root, problems)
  const language = languageOf(root, settings['language'], problems)
  const path = (key: string, otherwise: string): string => {
    const value = settings[key]
    if (value !== undefined && typeof value !== 'string') problems.push(about(`innkeeper.${key} must be a path`))
    return resolve(root, typeof value === 'string' ? value : otherwise)
  }
  const entry = path('entry', entries[language])
  const gen = path('gen', join(entry, '../gen'))
  const proto = path('proto', 'proto')
  if (!existsSync(entry))
    problems.push({ file: entry, message: `is missing; it exports the service (innkeeper.entry in package.json)` })
  const files = protoFiles(proto, settings['files'], problems)
  if (problems.length > 0) throw new BuildError(problems, root)
  return { directory: root, name, language, proto, files, entry, gen }
}

function about(message: string): BuildProblem {
  return { file: 'package.json', message }
}

function readPackage(root: string, problems: BuildProblem[]): { name: string; settings: Record<string, unknown> } {
  const file = join(root, 'package.json')
  const otherwise = { name: basename(root), settings: {} }
  if (!existsSync(file)) return otherwise
  try {
    const json = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; innkeeper?: unknown }
    const settings = json.innkeeper ?? {}
    if (typeof settings !== 'object' || Array.isArray(settings)) throw new Error('innkeeper must be an object')
    return {
      name: typeof json.name === 'string' ? json.name : otherwise.name,
      settings: settings as Record<string, unknown>,
    }
  } catch (error) {
    problems.push(about((error as Error).message))
    return otherwise
  }
}

function languageOf(root: string, given: unknown, problems: BuildProblem[]): Language {
  if (given === 'typescript' || given === 'assemblyscript') return given
  if (given !== undefined) problems.push(about('innkeeper.language must be "typescript" or "assemblyscript"'))
  return existsSync(join(root, 'assembly')) ? 'assemblyscript' : 'typescript'
}

function protoFiles(proto: string, given: unknown, problems: BuildProblem[]): readonly string[] {
  if (!existsSync(proto)) {
    problems.push({ file: proto, message: 'is missing; it holds the .proto files (innkeeper.proto in package.json)' })
    return []
  }
  const found = readdirSync(proto, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.proto'))
    .map((file) => file.replaceAll('\\', '/'))
    .sort()
  if (given === undefined) {
    if (found.length === 0) problems.push({ file: proto, message: 'has no .proto file' })
    return found
  }
  if (!Array.isArray(given) || given.length === 0 || !given.every((file) => typeof file === 'string')) {
    problems.push(about('innkeeper.files must be a list of paths'))
    return []
  }
  for (const file of given as string[]) {
    if (!found.includes(file))
      problems.push({ file: join(proto, file), message: 'is missing (innkeeper.files in package.json)' })
  }
  return given as string[]
}
