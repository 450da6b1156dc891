// The example components, built once for all tests of a machine: a build takes a second, or a minute, and several files need them.

import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../../sdk/build/build.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { compilerOf } from './building.ts'
import { contentOf, keyOf, oneAtATime } from './cached.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Component {
  readonly file: string
  readonly bytes: Uint8Array
}

/** The component of `guests/<guest>`, for example `counter/typescript`. Built again when anything that it comes from has changed. */
export function component(guest: string): Promise<Component> {
  return built(`guests/${guest}`, guest.replace('/', '-'))
}

/** The component of a guest that only tests have. */
export function fixture(name: string): Promise<Component> {
  return built(`test/fixtures/guests/${name}`, `fixture-${name}`)
}

/** The component of a project anywhere in the checkout, kept as guests/build/<name>.wasm. The code that its build generates lies in the
 *  project, so it is kept beside the checkout's other builds, and not by its key. */
export async function built(project: string, name: string): Promise<Component> {
  const file = join(root, 'guests/build', `${name}.wasm`)
  const directory = join(root, project)
  const { proto, language } = readProject(directory)
  const inputs = [project, contentOf(directory), contentOf(proto), await compilerOf(language)]
  const key = keyOf(import.meta.url, inputs)
  // With the hash of the file: others write there, too.
  const stamp = (bytes: Uint8Array) => `${key} ${createHash('sha256').update(bytes).digest('hex')}`
  const have = (): Component | undefined => {
    try {
      const bytes = readFileSync(file)
      return readFileSync(`${file}.key`, 'utf8') === stamp(bytes) ? { file, bytes } : undefined
    } catch {
      return undefined
    }
  }
  return await oneAtATime(file, have, async () => {
    const own = join(tmpdir(), `innkeeper-${process.pid}-${name}.wasm`)
    await buildProject(directory, { out: own })
    mkdirSync(dirname(file), { recursive: true })
    const staged = `${file}.${process.pid}`
    copyFileSync(own, staged)
    const bytes = readFileSync(staged)
    renameSync(staged, file)
    writeFileSync(`${file}.key`, stamp(bytes))
    rmSync(own)
    return { file, bytes }
  })
}
