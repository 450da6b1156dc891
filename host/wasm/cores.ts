// Cores: the core modules of a component made safe to instantiate: checked, capped, metered, checked again.
//
// C1. A module is validated as it came (so that nothing added rescues it) and as it leaves (so that a mistake of ours is
//     a refusal, never a hole).
// C2. All reasons of all modules are told.
//
// Owns: the order.   cap.ts and meter.ts own: the changes.   link/plan.ts owns: how often each is instantiated.

import type { Limits } from '../limits.ts'
import { BinaryError } from './bytes.ts'
import { cap, pageBytes, type Sizes, sizesOf, spareFor } from './cap.ts'
import { meter } from './meter.ts'
import {
  bodyOf,
  countImports,
  eachExport,
  readModule,
  type Section,
  type SizeLimits,
  sectionId,
  writeModule,
} from './sections.ts'
import { type StartingPart, startingOf } from './starting.ts'

const modulesMax = 128
const memoriesMax = 16
const tablesMax = 64

interface CoreImport {
  readonly module: string
  readonly name: string
  readonly kind: number
}

/** Something of a module, by its kind and its index there. */
interface CoreExport {
  readonly kind: number
  readonly index: number
}

export interface PreparedCore {
  /** For a message. */
  readonly name: string
  readonly imports: readonly CoreImport[]
  readonly exports: ReadonlyMap<string, CoreExport>
  readonly bytes: Uint8Array
  /** As it was declared. */
  readonly memories: readonly SizeLimits[]
  /** What one instance may grow to. */
  readonly pages: number
  readonly elements: number
  /** What one instance costs before its code runs. */
  readonly starting: readonly StartingPart[]
}

type Prepared =
  | { readonly ok: true; readonly cores: readonly PreparedCore[] }
  | { readonly ok: false; readonly reasons: readonly string[] }

/** Prepare modules, in the order in which they stand in the component. */
export function prepareCores(modules: readonly Uint8Array[], limits: Limits): Prepared {
  const reasons: string[] = []
  if (modules.length === 0) reasons.push('the component has no code')
  if (modules.length > modulesMax)
    reasons.push(`the component has ${modules.length} modules, ${modulesMax} are allowed`)
  if (reasons.length > 0) return { ok: false, reasons }
  const read: { name: string; sections: readonly Section[]; sizes: Sizes }[] = []
  for (const [index, bytes] of modules.entries()) {
    const name = String(index)
    attempt(name, reasons, () => {
      if (!WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)) throw new BinaryError('is not valid WebAssembly')
      const sections = readModule(bytes)
      read.push({ name, sections, sizes: sizesOf(sections) })
    })
  }
  const memories = read.flatMap(({ sizes }) => sizes.memories)
  const tables = read.flatMap(({ sizes }) => sizes.tables)
  if (memories.length > memoriesMax) reasons.push(`${memories.length} memories, ${memoriesMax} are allowed`)
  if (tables.length > tablesMax) reasons.push(`${tables.length} tables, ${tablesMax} are allowed`)
  const sparePages = spareFor(memories, Math.floor(limits.guestMemoryBytesMax / pageBytes))
  const spareElements = spareFor(tables, limits.guestTableElementsMax)
  if (sparePages < 0) reasons.push(`its memories begin larger than the ${limits.guestMemoryBytesMax} bytes allowed`)
  if (spareElements < 0)
    reasons.push(`its tables begin larger than the ${limits.guestTableElementsMax} elements allowed`)
  if (reasons.length > 0) return { ok: false, reasons }

  const cores: PreparedCore[] = []
  for (const { name, sections, sizes } of read) {
    attempt(name, reasons, () => {
      const capped = cap(sections, sparePages, spareElements)
      const bytes = writeModule(meter(capped))
      if (!WebAssembly.validate(bytes)) throw new BinaryError('could not be metered; please report it')
      const grown = sizesOf(capped)
      const { memories } = sizes
      cores.push({
        ...{ name, bytes, memories, pages: sum(grown.memories), elements: sum(grown.tables) },
        ...{ imports: importsOf(sections), exports: exportsOf(sections), starting: startingOf(capped) },
      })
    })
  }
  return reasons.length > 0 ? { ok: false, reasons } : { ok: true, cores }
}

function importsOf(sections: readonly Section[]): readonly CoreImport[] {
  const imports: CoreImport[] = []
  countImports(bodyOf(sections, sectionId.import), (module, name, kind) => imports.push({ module, name, kind }))
  return imports
}

function exportsOf(sections: readonly Section[]): ReadonlyMap<string, CoreExport> {
  const exports = new Map<string, CoreExport>()
  eachExport(sections, (name, kind, index) => exports.set(name, { kind, index }))
  return exports
}

function sum(limits: Sizes['memories']): number {
  return limits.reduce((total, { min, max }) => total + (max ?? min), 0)
}

function attempt(name: string, reasons: string[], step: () => void): void {
  try {
    step()
  } catch (thrown) {
    if (!(thrown instanceof BinaryError)) throw thrown
    reasons.push(`module ${name} ${thrown.message}`)
  }
}
