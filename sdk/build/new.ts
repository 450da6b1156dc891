// New: a project that builds and passes its own test as it is. `inn new` calls this.
//
// N1. Writes into a folder that is not there yet, or is empty; never over anything.
//
// Leaves to others: what a project has (starter.ts, languages/typescript/new.ts), building.

import { existsSync, readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Kind } from './kinds.ts'
import { kinds } from './kinds.ts'
import { languageNamed, languageNames, usual } from './languages/languages.ts'
import { BuildError } from './problem.ts'

interface NewProjectOptions {
  /** Lower case, digits and `-`; default: the folder's name. */
  readonly name?: string
  readonly lang?: string
  /** State model; default: event-sourced. */
  readonly kind?: string
  /** What package.json says for @innkeeper/sdk; default: a tarball, packed into the project. */
  readonly sdk?: string
  /** What it says for the package with the command `inn`; default: this checkout. */
  readonly inn?: string
}

/** @returns paths of the files written, relative to the project. @throws BuildError if there is something in the way. */
export async function newProject(directory: string, options: NewProjectOptions = {}): Promise<readonly string[]> {
  const root = resolve(directory)
  const { name = basename(root), lang = usual.name, kind = 'event-sourced' } = options
  const language = languageNamed(lang)
  if (language === undefined)
    throw refused(root, `--lang ${lang} does not exist; there are ${languageNames.join(', ')}`)
  if (!isKind(kind)) throw refused(root, `--kind ${kind} does not exist; there are ${kinds.join(', ')}`)
  const { starter } = language
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 64)
    throw refused(root, `${name} is not a valid project name; use lower case, digits and -`)
  if (existsSync(root) && readdirSync(root).length > 0) throw refused(root, 'is not empty')
  await mkdir(root, { recursive: true })
  const { sdk, inn } = options
  const files = await starter.files({ root, name, kind, ...(sdk && { sdk }), ...(inn && { inn }) })
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  await starter.complete?.(root)
  return Object.keys(files)
}

function isKind(kind: string): kind is Kind {
  return (kinds as readonly string[]).includes(kind)
}

function refused(root: string, message: string): BuildError {
  return new BuildError([{ file: root, message }], dirname(root))
}
