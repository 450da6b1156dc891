// Projects for tests of the build: written to a folder of their own within the checkout, so that @innkeeper/sdk resolves.
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Kind } from '../../sdk/build/kinds.ts'
import { languages } from '../../sdk/build/languages/languages.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { buildProject } from './building.ts'
import { cached } from './cached.ts'

const parent = fileURLToPath(new URL('../fixtures/gen/', import.meta.url))

type Changes = Readonly<Record<string, string | ((text: string) => string)>>

async function changed(changes: Changes, kind: Kind): Promise<Readonly<Record<string, string>>> {
  const project = { root: parent, name: 'tally', kind, sdk: '*', inn: '*' }
  const files: Record<string, string> = { ...(await languages.typescript.starter.files(project)) }
  for (const [path, change] of Object.entries(changes)) {
    files[path] = typeof change === 'string' ? change : change(files[path] ?? '')
  }
  return files
}

/** The template with `changes` (path to text, or to a change of the template's text); removed after `use`. */
export async function withProject<T>(
  changes: Changes,
  use: (folder: string) => Promise<T>,
  kind: Kind = 'event-sourced',
): Promise<T> {
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'project-'))
  try {
    for (const [path, text] of Object.entries(await changed(changes, kind))) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The component of the template with `changes`; built once for as long as it and what builds it are the same. */
export async function componentWith(changes: Changes, kind: Kind = 'event-sourced'): Promise<Uint8Array> {
  return await cached(import.meta.url, [kind, JSON.stringify(await changed(changes, kind))], () =>
    withProject(
      changes,
      async (folder) => {
        const { file } = await buildProject(folder, { out: join(folder, 'tally.wasm') })
        return readFileSync(file)
      },
      kind,
    ),
  )
}

/** The lines that `inn build` prints for a project that does not build; empty if it does. */
export function problemsOf(changes: Changes, kind?: Kind): Promise<readonly string[]> {
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
