// Generated code for tests: writes a fixture's `gen` folder and imports a module of it.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { writeGenerated } from '../../sdk/build/codegen/write.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { generate } from '../../sdk/build/languages/typescript/code.ts'
import { readProject } from '../../sdk/build/read-project.ts'

/** @returns the exports of `gen/<module>`; typed by the caller, since the module does not exist before. */
export async function generated<T>(project: string, module: string): Promise<T> {
  const found = readProject(project)
  const { schema } = await compileProtos(found)
  await writeGenerated(found.gen, generate(schema, found.files))
  return (await import(pathToFileURL(join(found.gen, module)).href)) as T
}
