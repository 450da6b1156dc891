// Read project: what an author's folder says about building it.
//
// P1. By convention `proto/` and the language's entry; service.json, or the `innkeeper` section of package.json, says otherwise:
//     { "language": "typescript", "proto": "proto", "files": ["a.proto"], "entry": "src/service.ts", "gen": "src/gen" }.
//     Paths are relative to the project. Without `files` all .proto files of the folder count.
// P2. Without `language` a file or folder that only projects in one language have tells it, such as Cargo.toml.
// P3. The project, the folder of its entry and its folder for generated code are where links lead: that is what compilers and bundlers say
//     of their files. An entry that is a link itself stays one: what it imports lies beside the link.
//
// Leaves to others: compiling (descriptors.ts), the languages (languages/).

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Language } from './languages/language.ts'
import { languageNames, languages, usual } from './languages/languages.ts'
import type { BuildProblem } from './problem.ts'
import { BuildError } from './problem.ts'
import type { Project } from './project.ts'
import { filesBelow } from './proto-files.ts'

/** @throws BuildError with everything that is missing. */
export function readProject(directory: string): Project {
  const root = real(resolve(directory))
  const problems: BuildProblem[] = []
  const { name, settings, file: manifest } = readSettings(root, basename(resolve(directory)), problems)
  const about = (message: string): BuildProblem => ({ file: manifest, message })
  const language = languageOf(root, settings['language'], about, problems)
  const path = (key: string, otherwise: string): string => {
    const value = settings[key]
    if (value !== undefined && typeof value !== 'string') problems.push(about(`${key} must be a path`))
    return resolve(root, typeof value === 'string' ? value : otherwise)
  }
  const entry = path('entry', language.entry)
  const gen = real(path('gen', settings['entry'] === undefined ? language.gen : join(entry, '../gen')))
  const proto = path('proto', 'proto')
  if (!existsSync(entry))
    problems.push({
      file: entry,
      message: `is missing; it must define the service (\`entry\` in ${manifest} names another file)`,
    })
  const files = protoFiles(proto, settings['files'], about, problems)
  if (problems.length > 0) throw new BuildError(problems, root)
  return { directory: root, name, language: language.name, proto, files, entry: entryAt(entry), gen }
}

/** Where links lead, as far as the path is there. */
function real(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  return dirname(path) === path ? path : join(real(dirname(path)), basename(path))
}

function entryAt(path: string): string {
  return statSync(path).isDirectory() ? real(path) : join(real(dirname(path)), basename(path))
}

interface Settings {
  readonly name: string
  readonly settings: Readonly<Record<string, unknown>>
  /** Where the settings are, or would be. */
  readonly file: string
}

/** service.json, or the section of package.json: a project in another language has no package.json. */
function readSettings(root: string, name: string, problems: BuildProblem[]): Settings {
  for (const [file, section] of [
    ['service.json', false],
    ['package.json', true],
  ] as const) {
    if (!existsSync(join(root, file))) continue
    try {
      const json = JSON.parse(readFileSync(join(root, file), 'utf8')) as Record<string, unknown>
      const settings = section ? (json['innkeeper'] ?? {}) : json
      if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
        throw new Error(section ? 'innkeeper must be an object' : 'must be an object')
      const given = json['name']
      return {
        name: typeof given === 'string' ? given : name,
        settings: settings as Record<string, unknown>,
        file,
      }
    } catch (error) {
      problems.push({ file, message: (error as Error).message })
      return { name, settings: {}, file }
    }
  }
  return { name, settings: {}, file: 'service.json' }
}

type About = (message: string) => BuildProblem

function languageOf(root: string, given: unknown, about: About, problems: BuildProblem[]): Language {
  const named = languageNames.find((name) => name === given)
  if (named !== undefined) return languages[named]
  if (given !== undefined) problems.push(about(`language must be one of ${languageNames.join(', ')}`))
  const shown = Object.values(languages).find(({ sign }) => sign !== undefined && existsSync(join(root, sign)))
  return shown ?? usual
}

function protoFiles(proto: string, given: unknown, about: About, problems: BuildProblem[]): readonly string[] {
  if (!existsSync(proto)) {
    problems.push({
      file: proto,
      message:
        'is missing; it must contain the .proto files (`proto` in service.json or package.json names another folder)',
    })
    return []
  }
  if (!statSync(proto).isDirectory()) {
    problems.push({ file: proto, message: 'is a file; `proto` names the folder of the .proto files' })
    return []
  }
  const found = filesBelow(proto).filter((file) => file.endsWith('.proto'))
  if (given === undefined) {
    if (found.length === 0) problems.push({ file: proto, message: 'has no .proto file' })
    return found
  }
  if (!Array.isArray(given) || given.length === 0 || !given.every((file) => typeof file === 'string')) {
    problems.push(about('files must be a list of paths'))
    return []
  }
  for (const file of given as string[]) {
    if (!found.includes(file))
      problems.push({ file: join(proto, file), message: 'is missing (it is listed in `files`)' })
  }
  return given as string[]
}
