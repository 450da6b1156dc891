// The example components, built once for all tests of a machine: a build takes a second, and several files need them.

import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../../host/build/build.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The component of `guests/<guest>`, for example `counter/typescript`. Built again when anything it comes from is newer. */
export async function component(guest: string): Promise<{ file: string; bytes: Uint8Array }> {
  const file = join(root, 'guests/build', `${guest.replace('/', '-')}.wasm`)
  if (!existsSync(file) || statSync(file).mtimeMs < newestSource(guest)) {
    // Several test processes may build at once: each its own file, and the last rename wins with the same content.
    const own = join(tmpdir(), `innkeeper-${process.pid}-${guest.replace('/', '-')}.wasm`)
    await buildProject(join(root, 'guests', guest), { out: own })
    mkdirSync(join(root, 'guests/build'), { recursive: true })
    const staged = `${file}.${process.pid}`
    rmSync(staged, { force: true })
    const { copyFileSync } = await import('node:fs')
    copyFileSync(own, staged)
    renameSync(staged, file)
    rmSync(own)
  }
  return { file, bytes: readFileSync(file) }
}

function newestSource(guest: string): number {
  const patterns = [
    `guests/${guest}/src/*.ts`,
    `guests/${guest}/assembly/*.ts`,
    'guests/proto/*.proto',
    'sdk/**/*.ts',
    'host/build/**/*.ts',
    'wit/*.wit',
  ]
  const files = globSync(patterns, { cwd: root }).filter((path) => !/node_modules|\/gen\//.test(path))
  return Math.max(...files.map((path) => statSync(join(root, path)).mtimeMs))
}
