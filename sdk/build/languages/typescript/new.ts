// New in TypeScript: a project with its SDK as a package.
//
// N2. Generated code is written too, so that the editor has its types before the first build.
//
// Leaves to others: what all languages have (starter.ts), installing the SDK (`npm install`), the SDK's tarball (pack.ts).

import { basename, join } from 'node:path'
import { writeGenerated } from '../../codegen/write.ts'
import { compileProtos } from '../../descriptors.ts'
import { readProject } from '../../read-project.ts'
import { projectFiles } from '../../starter.ts'
import type { TemplateFiles } from '../../template.ts'
import type { NewProject } from '../language.ts'
import { generate } from './code.ts'
import { packSdk } from './pack.ts'

export async function filesOf(entry: string, project: NewProject): Promise<TemplateFiles> {
  const { root, sdk = `file:vendor/${basename(await packSdk(join(root, 'vendor')))}` } = project
  return projectFiles('typescript', entry, project, { type: 'module', dependencies: { '@innkeeper/sdk': sdk } })
}

export async function generateFor(root: string): Promise<void> {
  const project = readProject(root)
  const { schema } = await compileProtos(project)
  await writeGenerated(project.gen, generate(schema, project.files))
}
