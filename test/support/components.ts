// The example components, built once for all tests of a machine: a build takes a second, and several files need them.

import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../../sdk/build/build.ts'
import { languages } from '../../sdk/build/languages/languages.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The component of `guests/<guest>`, for example `counter/typescript`. Built again when anything it comes from is newer. */
export function component(guest: string): Promise<{ file: string; bytes: Uint8Array }> {
  return built(`guests/${guest}`, guest.replace('/', '-'))
}

/** The component of a guest that only tests have. */
export function fixture(name: string): Promise<{ file: string; bytes: Uint8Array }> {
  return built(`test/fixtures/guests/${name}`, `fixture-${name}`)
}

/** The component of a project anywhere in the checkout, kept as guests/build/<name>.wasm. */
export async function built(project: string, name: string): Promise<{ file: string; bytes: Uint8Array }> {
  const file = join(root, 'guests/build', `${name}.wasm`)
  if (!existsSync(file) || statSync(file).mtimeMs < newestSource(project)) {
    // Several test processes may build at once: each its own file, and the last rename wins with the same content.
    const own = join(tmpdir(), `innkeeper-${process.pid}-${name}.wasm`)
    await buildProject(join(root, project), { out: own })
    mkdirSync(join(root, 'guests/build'), { recursive: true })
    const staged = `${file}.${process.pid}`
    rmSync(staged, { force: true })
    copyFileSync(own, staged)
    renameSync(staged, file)
    rmSync(own)
  }
  return { file, bytes: readFileSync(file) }
}

function newestSource(project: string): number {
  const endings = Object.values(languages).flatMap((language) => language.endings)
  const sources = `*.{${[...new Set(endings), 'proto', 'json', 'wat'].join(',')}}`
  const patterns = [`${project}/**/${sources}`, 'guests/proto/*.proto', `sdk/**/${sources}`, 'wit/**/*']
  const files = globSync(patterns, { cwd: root }).filter(
    (path) => !/(^|\/)(node_modules|gen|target|build)\/(?!.*\.ts$)/.test(path) && !/\/gen\//.test(path),
  )
  return Math.max(...files.map((path) => statSync(join(root, path)).mtimeMs))
}
