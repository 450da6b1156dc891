// Hostile guests for tests: modules of test/fixtures/hostile, and components and artefacts made around them.

import { readFileSync } from 'node:fs'
import { parse } from '@bytecodealliance/jco'
import { meter } from '../../host/deploy/meter.ts'
import { readModule, writeModule } from '../../host/deploy/sections.ts'
import type { Artefact } from '../../host/guest/artefact.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { componentOf, renameExports } from './guests.ts'

const folder = new URL('../fixtures/hostile/', import.meta.url)

/** A fixture's text. `$BODY`-like marks are replaced by `parts`. */
export function wat(name: string, parts: Readonly<Record<string, string>> = {}): string {
  let text = readFileSync(new URL(`${name}.wat`, folder), 'utf8')
  for (const [mark, part] of Object.entries(parts)) text = text.replaceAll(`;;${mark};;`, part)
  return text
}

/** Parts of a guest that answers decently, with something put in. */
export interface GuestParts {
  /** Fields of the module: globals, tables, functions. */
  readonly fields?: string
  readonly memory?: string
  readonly describe?: string
  readonly decide?: string
  readonly realloc?: string
}

export async function guestCore(parts: GuestParts): Promise<Uint8Array> {
  return await parse(
    wat('guest', {
      FIELDS: parts.fields ?? '',
      MEMORY: parts.memory ?? '(memory (export "memory") 2)',
      DESCRIBE: parts.describe ?? '(i32.const 1024)',
      DECIDE: parts.decide ?? '(i32.const 4096)',
      REALLOC: parts.realloc ?? '(i32.const 98304)',
    }),
  )
}

export async function guestComponent(parts: GuestParts): Promise<Uint8Array> {
  return await componentOf(await guestCore(parts))
}

/** An artefact of one metered module, without a component around it: for what only calls can show. */
export async function guestArtefact(parts: GuestParts): Promise<Artefact> {
  const metered = writeModule(meter(readModule(await guestCore(parts))))
  return {
    hash: '0'.repeat(64),
    engine: 0,
    modules: [renameExports(metered)],
    plan: {
      globals: [],
      instances: [{ module: 0, imports: [] }],
      exports: { [interfaces.about]: 0, [interfaces['event-sourced']]: 0 },
      memory: 0,
    },
    description: { sdkName: '', sdkVersion: '', services: [], descriptors: new Uint8Array() },
  }
}
