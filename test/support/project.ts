// Projects for tests of the build: written to a folder of their own within the checkout, so that @innkeeper/sdk resolves.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../../sdk/build/build.ts'
import type { Kind } from '../../sdk/build/kinds.ts'
import { templateFiles } from '../../sdk/build/languages/typescript/new.ts'
import { BuildError } from '../../sdk/build/problem.ts'

const parent = fileURLToPath(new URL('../fixtures/gen/', import.meta.url))

/** The template with `changes` (path to text, or to a change of the template's text); removed after `use`. */
export async function withProject<T>(
  changes: Readonly<Record<string, string | ((text: string) => string)>>,
  use: (folder: string) => Promise<T>,
  kind: Kind = 'event-sourced',
): Promise<T> {
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'project-'))
  try {
    const files: Record<string, string> = { ...templateFiles('tally', '*', kind) }
    for (const [path, change] of Object.entries(changes)) {
      files[path] = typeof change === 'string' ? change : change(files[path] ?? '')
    }
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The lines that `inn build` prints for a project that does not build; empty if it does. */
export function problemsOf(changes: Parameters<typeof withProject>[0], kind?: Kind): Promise<readonly string[]> {
  const build = async (folder: string): Promise<readonly string[]> => {
    try {
      await buildProject(folder)
      return []
    } catch (error) {
      if (error instanceof BuildError) return error.message.split('\n')
      throw error
    }
  }
  return withProject(changes, build, kind)
}
