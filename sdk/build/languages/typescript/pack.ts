// Pack: the SDK of this checkout as the tarball that would be published, with JavaScript and types: Node strips no types
// under node_modules.

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../../run.ts'

const sdk = fileURLToPath(new URL('../../../typescript/', import.meta.url))

interface Manifest {
  readonly name: string
  readonly version: string
  readonly sideEffects: readonly string[]
  readonly exports: Readonly<Record<string, string>>
}

/** Build and pack @innkeeper/sdk into `folder`. @returns the tarball's path. @throws Error with what tsc or npm said. */
export async function packSdk(folder: string): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'innkeeper-pack-'))
  try {
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    const config = join(sdk, 'tsconfig.build.json')
    const built = await run(process.execPath, [tsc, '-p', config, '--outDir', join(work, 'dist')], sdk)
    if (!built.ok) throw new Error(`the SDK does not compile:\n${built.stdout}${built.stderr}`)
    const manifest = JSON.parse(await readFile(join(sdk, 'package.json'), 'utf8')) as Manifest
    await writeFile(join(work, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`)
    await cp(join(sdk, 'README.md'), join(work, 'README.md'))
    for (const part of ['engine.wasm', 'engine.json', 'licences'])
      await cp(join(sdk, 'engine', part), join(work, 'dist/engine', part), { recursive: true })
    await mkdir(folder, { recursive: true })
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder], work)
    if (!packed.ok) throw new Error(`npm pack failed:\n${packed.stdout}${packed.stderr}`)
    return join(folder, packed.stdout.trim().split('\n').at(-1)!)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** `./x.ts` becomes its JavaScript and its types in dist. */
function published(manifest: Manifest): object {
  const compiled = (file: string): string => `./dist/${file.slice(2).replace(/\.ts$/, '')}`
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([name, file]) => {
      const path = compiled(file)
      return [name, { types: `${path}.d.ts`, default: `${path}.js` }]
    }),
  )
  const sideEffects = manifest.sideEffects.map((file) => `${compiled(file)}.js`)
  return { ...manifest, sideEffects, exports, files: ['dist'], engines: { node: '>=20' } }
}
