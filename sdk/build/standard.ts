// Standard: the descriptors of the .proto files that every host has, compiled (host/schema/standard.ts holds the result).

import { readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { joinSet, splitSet } from '../../host/schema/standard.ts'
import { compileProtos, includes } from './descriptors.ts'

const google = 'any descriptor duration empty field_mask source_context struct timestamp type wrappers'

/** A google.protobuf.FileDescriptorSet in which what a file imports comes before it. */
export async function compileStandard(): Promise<Uint8Array> {
  const own = readdirSync(includes, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.proto'))
  const names = [
    ...google.split(' ').map((name) => `google/protobuf/${name}.proto`),
    ...own.map((file) => file.replaceAll('\\', '/')).sort(),
  ]
  const proto = await mkdtemp(join(tmpdir(), 'innkeeper-standard-'))
  try {
    const imports = names.map((name) => `import "${name}";`)
    await writeFile(join(proto, 'all.proto'), ['syntax = "proto3";', ...imports, ''].join('\n'))
    const project = { directory: proto, name: 'standard', language: 'typescript' as const, entry: '', gen: '' }
    const { bytes } = await compileProtos({ ...project, proto, files: ['all.proto'] })
    return joinSet(splitSet(bytes).filter(({ name }) => name !== 'all.proto'))
  } finally {
    await rm(proto, { recursive: true, force: true })
  }
}
