// Guest source: a component from JavaScript and a .proto, without an SDK: for guests that do what no SDK would.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { componentize } from 'componentize-qjs'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import type { Exportable } from '../../sdk/build/kinds.ts'
import { withWorld, worldName } from '../../sdk/build/world.ts'

/** `source` says DESCRIPTORS where it wants those of the .proto. */
export async function componentFrom(
  name: string,
  source: string,
  proto: string,
  kinds: readonly Exportable[],
): Promise<Uint8Array> {
  const jsSource = source.replace('DESCRIPTORS', `new Uint8Array([${(await descriptorsOf(name, proto)).join()}])`)
  return await withWorld(kinds, async (witPath) => {
    return (await componentize({ witPath, world: worldName, jsSource, stubWasi: true, sync: true })).component
  })
}

async function descriptorsOf(name: string, text: string): Promise<Uint8Array> {
  const directory = mkdtempSync(join(tmpdir(), `innkeeper-${name}-`))
  try {
    const file = `${name}.proto`
    writeFileSync(join(directory, file), text)
    const project = { directory, name, language: 'typescript' as const, entry: '', gen: '' }
    return (await compileProtos({ ...project, proto: directory, files: [file] })).bytes
  } finally {
    rmSync(directory, { recursive: true })
  }
}
