// New in TypeScript: a project for each state model, with its SDK from npm.
//
// N1. template/shared is in every project; {{usage}} there is the kind's usage.md.
// N2. Generated code is written too, so that the editor and the test work before the first build.
//
// Leaves to others: installing the SDK (`npm install`), the SDK's tarball (pack.ts).

import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeGenerated } from '../../codegen/write.ts'
import { compileProtos } from '../../descriptors.ts'
import type { Kind } from '../../kinds.ts'
import { readProject } from '../../read-project.ts'
import type { TemplateFiles } from '../../template.ts'
import { filesIn, filled, protoOf, valuesOf } from '../../template.ts'
import type { NewProject } from '../language.ts'
import { generate } from './code.ts'
import { packSdk } from './pack.ts'

const folder = fileURLToPath(new URL('template/', import.meta.url))

export async function filesOf({ root, name, kind, sdk }: NewProject): Promise<TemplateFiles> {
  return templateFiles(name, sdk ?? (await defaultSdk(root)), kind)
}

/** `name` like `my-service`; `sdk` for package.json. */
export function templateFiles(name: string, sdk: string, kind: Kind = 'event-sourced'): TemplateFiles {
  const values: Record<string, string> = { ...valuesOf(name), sdk }
  values['usage'] = filled(readFileSync(join(folder, kind, 'usage.md'), 'utf8'), values).trimEnd()
  return {
    ...filesIn(join(folder, 'shared'), name, values),
    ...protoOf(kind, name, values),
    ...filesIn(join(folder, kind), name, values),
  }
}

export async function generateFor(root: string): Promise<void> {
  const project = readProject(root)
  const { schema } = await compileProtos(project)
  await writeGenerated(project.gen, generate(schema, project.files))
}

/** In a checkout nothing is published yet: the tarball goes along in the project. */
async function defaultSdk(root: string): Promise<string> {
  if (!existsSync(fileURLToPath(new URL('../../../typescript/index.ts', import.meta.url)))) return '^0.1.0'
  return `file:vendor/${basename(await packSdk(join(root, 'vendor')))}`
}
