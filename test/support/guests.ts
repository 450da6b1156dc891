// Guests for tests of the engine, built from test/fixtures/guests when first asked for in a process.
//
// The AssemblyScript one is wired to the interface by renaming its exports, as the SDK's build does.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { interfaces } from '../../host/guest/layout.ts'
import { ByteReader, ByteWriter } from '../../host/wasm/bytes.ts'
import { bodyOf, readModule, sectionId, withSection, writeModule } from '../../host/wasm/sections.ts'
import { componentOf as componentOfCore } from '../../sdk/build/component.ts'
import type { Exportable } from '../../sdk/build/kinds.ts'
import { withWorld, worldName } from '../../sdk/build/world.ts'
import { cached, contentOf } from './cached.ts'

const fixtures = fileURLToPath(new URL('../fixtures/guests/', import.meta.url))

/** What fixtures call their exports, and what those are called at the boundary. */
const boundaryNames: Readonly<Record<string, readonly string[]>> = {
  memory: ['memory'],
  innkeeper_fault: ['innkeeper_fault'],
  cabi_realloc: ['cabi_realloc'],
  _initialize: ['_initialize'],
  decide: [`${interfaces['event-sourced']}#decide`],
  evolve: [`${interfaces['event-sourced']}#evolve`],
  describe: [`${interfaces.about}#describe`],
  post: [
    `cabi_post_${interfaces['event-sourced']}#decide`,
    `cabi_post_${interfaces['event-sourced']}#evolve`,
    `cabi_post_${interfaces.about}#describe`,
  ],
}

let assemblyScript: Promise<Uint8Array> | undefined
let quickJs: Promise<Uint8Array> | undefined

export function assemblyScriptCounter(): Promise<Uint8Array> {
  assemblyScript ??= cached(import.meta.url, [contentOf(join(fixtures, 'assemblyscript'))], buildAssemblyScript)
  return assemblyScript
}

export function quickJsCounter(): Promise<Uint8Array> {
  quickJs ??= quickJsGuest('counter.js')
  return quickJs
}

/** A component from a core module whose exports have their short names. */
export function componentOf(core: Uint8Array): Promise<Uint8Array> {
  return componentOfCore(renameExports(core))
}

async function buildAssemblyScript(): Promise<Uint8Array> {
  const asc = (await import('assemblyscript/asc')).default
  const folder = mkdtempSync(join(tmpdir(), 'innkeeper-guest-'))
  try {
    const file = join(folder, 'counter.wasm')
    const { error, stderr } = await asc.main([
      ...[join(fixtures, 'assemblyscript/counter.ts'), '--outFile', file, '-O3', '--runtime', 'stub'],
      ...['--use', 'abort=', '--exportStart', '_initialize'],
    ])
    if (error !== null) throw new Error(`${error.message}\n${stderr.toString()}`)
    return await componentOf(readFileSync(file))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A QuickJS component of a script in test/fixtures/guests, with these interfaces. */
export async function quickJsGuest(
  script: string,
  kinds: readonly Exportable[] = ['event-sourced'],
): Promise<Uint8Array> {
  const jsSource = readFileSync(join(fixtures, script), 'utf8')
  return await cached(import.meta.url, [jsSource, ...kinds], async () => {
    const { componentize } = await import('componentize-qjs')
    return await withWorld(kinds, async (witPath) => {
      return (await componentize({ witPath, world: worldName, jsSource, stubWasi: true, sync: true })).component
    })
  })
}

/** The module with its exports under the names of the boundary; others are dropped. */
export function renameExports(core: Uint8Array, others: Readonly<Record<string, string>> = {}): Uint8Array {
  const sections = readModule(core)
  const reader = new ByteReader(bodyOf(sections, sectionId.export)!)
  const writer = new ByteWriter()
  let count = 0
  for (let left = reader.u32(); left > 0; left--) {
    const own = reader.name()
    const names = boundaryNames[own] ?? (others[own] === undefined ? [] : [others[own]])
    const kind = reader.byte()
    const index = reader.u32()
    for (const name of names) {
      writer.name(name)
      writer.byte(kind)
      writer.u32(index)
      count++
    }
  }
  const body = new ByteWriter()
  body.u32(count)
  body.raw(writer.finish())
  return writeModule(withSection(sections, sectionId.export, body.finish()))
}
