// Hostile guests for tests: modules of test/fixtures/hostile, and components and artefacts made around them.

import { readFileSync } from 'node:fs'
import { parse } from '@bytecodealliance/jco'
import type { Artefact } from '../../host/guest/artefact.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { cap } from '../../host/wasm/cap.ts'
import { meter } from '../../host/wasm/meter.ts'
import { readModule, writeModule } from '../../host/wasm/sections.ts'
import { componentOf, renameExports } from './guests.ts'

const folder = new URL('../fixtures/hostile/', import.meta.url)

/** A fixture's text. `$BODY`-like marks are replaced by `parts`. */
export function wat(name: string, parts: Readonly<Record<string, string>> = {}): string {
  let text = readFileSync(new URL(`${name}.wat`, folder), 'utf8')
  for (const [mark, part] of Object.entries(parts)) text = text.replaceAll(`;;${mark};;`, part)
  return text
}

/** Functions of the other models: at the boundary, their parameters, where the length of the service's name is found, and the
 *  address of their answer, which is all zeros but for lists that must not be empty. */
export const others = {
  value: fn('value', 'decide', 'i32 i32 i32 i32 i32 i32 i32 i32 i32', 4096),
  reads: fn('replicated', 'reads', 'i32 i32 i32 i32 i32 i32 i32 i32 f64 i32 i32 i32 i32', 5120),
  decide: fn('replicated', 'decide', 'i32', 5376),
  render: fn('replicated', 'render', 'i32', 5632),
  changed: fn('replicated', 'changed', 'i32 i32 i32 i32 i32 i32 i32 i32 f64', 5888),
  cancelled: fn('replicated', 'cancelled', 'i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 f64', 6144),
  call: fn('action', 'call', 'i32 i32 i32 i32', 6400),
  stream: fn('action', 'stream', 'i32 i32 i32 i32 i32 i32 i32 i32 i32 f64 i32 i32 i32 i32', 6656),
} as const
export type Other = keyof typeof others

function fn(model: 'value' | 'replicated' | 'action', name: string, parameters: string, at: number) {
  const length = parameters === 'i32' ? '(i32.load offset=4 (local.get 0))' : '(local.get 1)'
  return { name: `${interfaces[model]}#${name}`, parameters, length, at }
}

/** A service whose name has this length is answered honestly, by an answer that lies this far behind the one that lies. */
export const honest = 'fine'
const honestAfter = 24576

function otherFunctions(bodies: Partial<Record<Other, string>>): string {
  return Object.entries(others)
    .map(([part, { parameters, length, at }]) => {
      const lie = bodies[part as Other] ?? `(i32.const ${at})`
      const asked = `(i32.eq ${length} (i32.const ${honest.length}))`
      const answer = `(if (result i32) ${asked} (then (i32.const ${at + honestAfter})) (else ${lie}))`
      return `  (func (export "other-${part}") (param ${parameters}) (result i32) ${answer})`
    })
    .join('\n')
}

/** Parts of a guest that answers decently, with something put in. */
export interface GuestParts {
  /** Fields of the module: globals, tables, functions. */
  readonly fields?: string
  readonly memory?: string
  readonly describe?: string
  readonly decide?: string
  readonly realloc?: string
  /** What functions of the other models do, unless they are asked for honest answers. */
  readonly others?: Partial<Record<Other, string>>
}

export async function guestCore(parts: GuestParts): Promise<Uint8Array> {
  return await parse(
    wat('guest', {
      FIELDS: parts.fields ?? '',
      MEMORY: parts.memory ?? '(memory (export "memory") 2)',
      DESCRIBE: parts.describe ?? '(i32.const 1024)',
      DECIDE: parts.decide ?? '(i32.const 4096)',
      OTHERS: otherFunctions(parts.others ?? {}),
      REALLOC: parts.realloc ?? '(i32.const 98304)',
    }),
  )
}

export async function guestComponent(parts: GuestParts): Promise<Uint8Array> {
  return await componentOf(await guestCore(parts))
}

/** What a memory may grow by. */
const sparePages = 1024

/** An artefact of one capped and metered module, without a component around it: for what only calls can show. */
export async function guestArtefact(parts: GuestParts): Promise<Artefact> {
  const metered = writeModule(meter(cap(readModule(await guestCore(parts)), sparePages, 0)))
  const names = Object.fromEntries(Object.entries(others).map(([part, { name }]) => [`other-${part}`, name]))
  return {
    hash: '0'.repeat(64),
    engine: 0,
    modules: [renameExports(metered, names)],
    plan: {
      instances: [{ module: 0, imports: [] }],
      exports: Object.fromEntries(Object.values(interfaces).map((name) => [name, 0])),
      memory: 0,
    },
    description: { sdkName: '', sdkVersion: '', services: [], descriptors: new Uint8Array(), viewServices: [] },
  }
}
