// The guest of the simulated host (test/fixtures/guests/simulated.js), in its two versions.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { componentize } from 'componentize-qjs'
import { compileProtos } from '../../../sdk/build/descriptors.ts'
import { withWorld, worldName } from '../../../sdk/build/world.ts'
import { cached } from '../../support/cached.ts'

const folder = fileURLToPath(new URL('../../fixtures/guests/', import.meta.url))

export type Version = 1 | 2

export function simulated(version: Version): Promise<Uint8Array> {
  const [source, proto] = ['simulated.js', 'simulated.proto'].map((name) => readFileSync(`${folder}${name}`, 'utf8'))
  return cached(import.meta.url, [source!, proto!, String(version)], async () => {
    const descriptors = `new Uint8Array([${(await compiled(proto!)).join()}])`
    const jsSource = source!.replaceAll('VERSION', String(version)).replace('DESCRIPTORS', descriptors)
    return await withWorld(['event-sourced', 'value', 'replicated', 'action'], async (witPath) => {
      return (await componentize({ witPath, world: worldName, jsSource, stubWasi: true, sync: true })).component
    })
  })
}

async function compiled(text: string): Promise<Uint8Array> {
  const proto = mkdtempSync(join(tmpdir(), 'innkeeper-simulated-'))
  try {
    const name = 'simulated.proto'
    writeFileSync(join(proto, name), text)
    const project = { directory: folder, name: 'simulated', language: 'typescript' as const, entry: '', gen: '' }
    return (await compileProtos({ ...project, proto, files: [name] })).bytes
  } finally {
    rmSync(proto, { recursive: true })
  }
}
