// Schemas for tests, from .proto text.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Descriptors } from '../../sdk/build/descriptors.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'

/** Compiled by buf, with the imports that every project has. Files by name. */
export async function protos(files: Readonly<Record<string, string>>): Promise<Descriptors> {
  const proto = mkdtempSync(join(tmpdir(), 'innkeeper-protos-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(proto, name)), { recursive: true })
      writeFileSync(join(proto, name), text)
    }
    const project = { directory: proto, name: 'test', language: 'typescript' as const, entry: '', gen: '' }
    return await compileProtos({ ...project, proto, files: Object.keys(files) })
  } finally {
    rmSync(proto, { recursive: true })
  }
}
