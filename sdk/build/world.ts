// World: the WIT that a component is built against: the contract, and a world with the interfaces that it needs and no others.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { contractVersion } from '../../host/guest/layout.ts'
import type { Exportable } from './kinds.ts'

const contract = fileURLToPath(new URL('../../wit', import.meta.url))

export const worldName = 'service'

/** As WIT text, to follow the contract's. */
export function worldWit(kinds: readonly Exportable[]): string {
  const lines = ['include described;', ...kinds.map((kind) => `export ${kind};`)]
  return `world ${worldName} {\n${lines.map((line) => `  ${line}`).join('\n')}\n}\n`
}

/** As a WIT file of the contract's package. */
function worldSource(kinds: readonly Exportable[]): string {
  return `package innkeeper:guest@${contractVersion};\n\n${worldWit(kinds)}`
}

/** Run with a folder that holds the contract and the world; it is gone afterwards. */
export async function withWorld<T>(kinds: readonly Exportable[], use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'innkeeper-wit-'))
  try {
    cpSync(contract, folder, { recursive: true, filter: (path) => !/[/\\]proto$/.test(path) })
    writeFileSync(join(folder, 'service.wit'), worldSource(kinds))
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
