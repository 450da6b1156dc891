// Generated code for tests: writes a fixture's `gen` folder and imports a module of it.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { generate } from '../../host/build/codegen/generate.ts'
import { compileProtos } from '../../host/build/descriptors.ts'
import { readProject } from '../../host/build/project.ts'

/** @returns the exports of `gen/<module>`; typed by the caller, since the module does not exist before. */
export async function generated<T>(project: string, module: string): Promise<T> {
  const found = readProject(project)
  const { schema } = await compileProtos(found)
  for (const { path, text } of generate(schema, found.files)) {
    const file = join(found.gen, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  return (await import(pathToFileURL(join(found.gen, module)).href)) as T
}
