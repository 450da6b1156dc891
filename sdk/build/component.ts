// Component: a core module whose exports have the contract's names becomes a component.
//
// M1. It exports the interfaces whose functions the core has, and no others: which kinds of services there are shows in them.
// M2. No imports. WASI, which some compilers cannot do without, is sealed by a stub (wasi-stub.wat); anything else is a problem
//     with its name.
// M3. The strings are UTF-8, the memory has 32 bits.
//
// Leaves to others: the core module (build.ts of each language).

import { readFileSync } from 'node:fs'
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco'
import type { Description } from '../../host/guest/about.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { witSource } from '../../host/link/wit.ts'
import { ByteReader, ByteWriter } from '../../host/wasm/bytes.ts'
import { bodyOf, countImports, readModule, sectionId } from '../../host/wasm/sections.ts'
import { describeCore } from './describe-core.ts'
import type { Exportable } from './kinds.ts'
import { exportables } from './kinds.ts'
import type { BuildProblem } from './problem.ts'
import { BuildError } from './problem.ts'
import type { Project } from './project.ts'
import type { Steps } from './steps.ts'
import { worldName, worldWit } from './world.ts'

const wasi = 'wasi_snapshot_preview1'

/** Names that a core imports, as `module.name`; those of WASI apart. */
export function importsOf(core: Uint8Array): { readonly wasi: readonly string[]; readonly others: readonly string[] } {
  const found = { wasi: [] as string[], others: [] as string[] }
  countImports(bodyOf(readModule(core), sectionId.import), (module, name) => {
    if (module === wasi) found.wasi.push(name)
    else found.others.push(`${module}.${name}`)
  })
  return found
}

/** A problem for each import of a core; `instead`: what an author uses in place of `module.name`, where that is known. */
export function importProblems(
  core: Uint8Array,
  entry: string,
  instead: (name: string) => string | undefined,
): readonly BuildProblem[] {
  const imports = importsOf(core)
  const names = [...imports.others, ...imports.wasi.map((name) => `${wasi}.${name}`)]
  return names.map((name) => ({
    file: entry,
    message: instead(name) ?? `imports ${name}, which a component cannot reach`,
  }))
}

/** Of a language that needs no WASI: the core, if it imports nothing and has a service.
 *  @throws BuildError; `noService` says what an author forgot. */
export function checkedCore(
  { directory, entry }: Project,
  core: Uint8Array,
  instead: (name: string) => string | undefined,
  noService: string,
): Uint8Array {
  const problems = importProblems(core, entry, instead)
  if (problems.length > 0) throw new BuildError(problems, directory)
  if (kindsExported(core).length === 0) throw new BuildError([{ file: entry, message: noService }], directory)
  return core
}

/** What a language's build makes. */
export interface Built {
  readonly component: Uint8Array
  /** What it says of itself. */
  readonly description: Description
  /** Of the interfaces that it exports. */
  readonly kinds: readonly Exportable[]
}

/** The component of a core, and what that says of itself. `fault`: as of `componentOf`. @throws BuildError if it says nothing. */
export async function builtOf(
  { entry, directory }: Project,
  core: Uint8Array,
  steps: Steps,
  fault = 0,
): Promise<Built> {
  return await steps.run('componentize', async () => {
    const wasi = importsOf(core).wasi.length > 0 ? await stub(fault) : undefined
    const [component, described] = await Promise.all([componentOf(core, fault), describeCore({ core, wasi })])
    if ('description' in described) return { component, description: described.description, kinds: kindsExported(core) }
    throw new BuildError(
      [{ file: entry, message: `the service cannot describe itself: ${described.failed}` }],
      directory,
    )
  })
}

/** Kinds of services that a core has, and views, by the functions that it exports. */
function kindsExported(core: Uint8Array): readonly Exportable[] {
  const names = exportNames(core)
  return exportables.filter((kind) => names.some((name) => name.startsWith(`${interfaces[kind]}#`)))
}

/** @param core imports nothing but WASI.
 *  @param fault where the words of a fault are, if what the core's runtime prints to standard error should be among them.
 *  @throws Error if its functions are not those of the contract. */
export async function componentOf(core: Uint8Array, fault = 0): Promise<Uint8Array> {
  const witText = `${witSource()}\n${worldWit(kindsExported(core))}`
  const embedded = await componentEmbed({
    binary: core,
    witSource: witText,
    world: worldName,
    stringEncoding: 'utf8',
  })
  return withoutNotes(await componentNew(embedded, importsOf(core).wasi.length > 0 ? [[wasi, await stub(fault)]] : []))
}

const headBytes = 8
const customSection = 0

/** Without names for debuggers and makers' marks: 1 KB of a small component. */
function withoutNotes(component: Uint8Array): Uint8Array {
  const reader = new ByteReader(component)
  const kept = [reader.take(headBytes)]
  while (!reader.done) {
    const id = reader.byte()
    const body = reader.take(reader.u32())
    if (id === customSection) continue
    const writer = new ByteWriter()
    writer.byte(id)
    writer.u32(body.length)
    kept.push(writer.finish(), body)
  }
  return new Uint8Array(Buffer.concat(kept))
}

function stub(fault: number): Promise<Uint8Array> {
  const text = readFileSync(new URL('wasi-stub.wat', import.meta.url), 'utf8')
  return parse(text.replace('(global $fault i32 (i32.const 0))', `(global $fault i32 (i32.const ${fault}))`))
}

function exportNames(core: Uint8Array): readonly string[] {
  const body = bodyOf(readModule(core), sectionId.export)
  if (body === undefined) return []
  const reader = new ByteReader(body)
  return Array.from({ length: reader.u32() }, () => {
    const name = reader.name()
    reader.byte()
    reader.u32()
    return name
  })
}
