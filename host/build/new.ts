// New: a project that builds and passes its own test as it is. `inn new` calls this.
//
// N1. Writes into a folder that is not there yet, or is empty; never over anything.
// N2. TypeScript's generated code is written too, so that the editor and the test work before the first build; `inn test` writes that of
//     the other languages.
// N3. In another language than TypeScript the project brings its SDK along, as `innkeeper-sdk`: nothing is published yet. That of
//     AssemblyScript comes with the compiler.
//
// Leaves to others: installing the SDK (`npm install`), building.

import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generate } from './codegen/generate.ts'
import { writeGenerated } from './codegen/write.ts'
import { compileProtos } from './descriptors.ts'
import type { Kind } from './kinds.ts'
import { kinds } from './kinds.ts'
import { packSdk } from './pack.ts'
import { BuildError } from './problem.ts'
import type { Language } from './project.ts'
import { conventions, languages, readProject } from './project.ts'
import { languageFiles, templateFiles } from './template.ts'

export interface NewProjectOptions {
  /** Lower case, digits and `-`; default: the folder's name. */
  readonly name?: string
  readonly lang?: string
  /** State model; default: event-sourced. */
  readonly kind?: string
  /** What package.json says for @innkeeper/sdk; default: the published version, in a checkout a packed tarball. */
  readonly sdk?: string
}

/** @returns paths of the files written, relative to the project. @throws BuildError if there is something in the way. */
export async function newProject(directory: string, options: NewProjectOptions = {}): Promise<readonly string[]> {
  const root = resolve(directory)
  const { name = basename(root), lang = 'ts', kind = 'event-sourced' } = options
  const language = languageNamed(lang)
  refuse(language === undefined, root, `--lang ${lang} does not exist; there are ${languages.join(', ')}`)
  refuse(!isKind(kind), root, `--kind ${kind} does not exist; there are ${kinds.join(', ')}`)
  refuse(
    language !== 'typescript' && kind !== 'event-sourced',
    root,
    `--kind ${kind} has a template in TypeScript only; sdk/${language}/README.md shows it in ${lang}`,
  )
  refuse(
    !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 64,
    root,
    `${name} is no name for a project; use lower case, digits and -`,
  )
  refuse(existsSync(root) && readdirSync(root).length > 0, root, 'is not empty')
  await mkdir(root, { recursive: true })
  const files =
    language === 'typescript'
      ? templateFiles(name, options.sdk ?? (await defaultSdk(root)), kind as Kind)
      : languageFiles(name, language!, conventions[language!].entry)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  if (language === 'typescript') {
    const project = readProject(root)
    const { schema } = await compileProtos(project)
    await writeGenerated(project.gen, generate(schema, project.files))
  } else if (language !== 'assemblyscript')
    await cp(sdkOf(language!), join(root, 'innkeeper-sdk'), { recursive: true, filter: isSource })
  return Object.keys(files)
}

function sdkOf(language: Language): string {
  return fileURLToPath(new URL(`../../sdk/${language}`, import.meta.url))
}

/** Not what a compiler left there. */
function isSource(path: string): boolean {
  return !/[/\\](target|build\/cargo|node_modules)$/.test(path)
}

/** By its name, or as people shorten it. */
function languageNamed(lang: string): Language | undefined {
  const short: Readonly<Record<string, Language>> = { ts: 'typescript', as: 'assemblyscript' }
  return languages.find((language) => language === lang) ?? short[lang]
}

function isKind(kind: string): boolean {
  return (kinds as readonly string[]).includes(kind)
}

function refuse(condition: boolean, root: string, message: string): void {
  if (condition) throw new BuildError([{ file: root, message }], dirname(root))
}

/** In a checkout nothing is published yet: the tarball goes along in the project. */
async function defaultSdk(root: string): Promise<string> {
  if (!existsSync(fileURLToPath(new URL('../../sdk/typescript/index.ts', import.meta.url)))) return '^0.1.0'
  return `file:vendor/${basename(await packSdk(join(root, 'vendor')))}`
}
