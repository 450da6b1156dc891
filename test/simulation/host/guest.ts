// The guest of the simulated host (test/fixtures/guests/simulated.js), in its two versions.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cached } from '../../support/cached.ts'
import { componentFrom } from '../../support/guest-source.ts'

const folder = fileURLToPath(new URL('../../fixtures/guests/', import.meta.url))

export type Version = 1 | 2

export function simulated(version: Version): Promise<Uint8Array> {
  const textOf = (name: string) => readFileSync(`${folder}${name}`, 'utf8')
  const source = textOf('simulated.js').replaceAll('VERSION', String(version))
  const proto = textOf('simulated.proto')
  return cached(import.meta.url, [source, proto], () =>
    componentFrom('simulated', source, proto, ['event-sourced', 'value', 'replicated', 'action']),
  )
}
