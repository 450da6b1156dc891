// Cores: the core modules of a component made safe to instantiate: checked, capped, metered, checked again.
//
// C1. A module is validated as it came (so that nothing added rescues it) and as it leaves (so that a mistake of ours is
//     a refusal, never a hole).
// C2. All reasons of all modules are told.
//
// Owns: the order.   cap.ts and meter.ts own: the changes.   making.ts owns: what an instance costs besides its code.   record.ts owns: how often each is instantiated.

import type { Limits } from '../limits.ts'
import { BinaryError } from './bytes.ts'
import { cap, pageBytes, type Sizes, sizesOf, spareFor } from './cap.ts'
import { type Making, makingOf, tooMuch } from './making.ts'
import { meter } from './meter.ts'
import { readModule, type Section, type SizeLimits, writeModule } from './sections.ts'

const modulesMax = 128
const memoriesMax = 16
const tablesMax = 64

export interface PreparedCore {
  readonly name: string
  readonly bytes: Uint8Array
  /** As it was declared. */
  readonly memories: readonly SizeLimits[]
  /** What one instance may grow to. */
  readonly pages: number
  readonly elements: number
}

export type Prepared =
  | { readonly ok: true; readonly cores: readonly PreparedCore[] }
  | { readonly ok: false; readonly reasons: readonly string[] }

/** Prepare modules, given by the name that jco gave them. */
export function prepareCores(
  modules: readonly (readonly [name: string, bytes: Uint8Array])[],
  limits: Limits,
): Prepared {
  const reasons: string[] = []
  if (modules.length === 0) reasons.push('the component has no code')
  if (modules.length > modulesMax)
    reasons.push(`the component has ${modules.length} modules, ${modulesMax} are allowed`)
  if (reasons.length > 0) return { ok: false, reasons }
  const read: { name: string; sections: readonly Section[]; sizes: Sizes; making: Making }[] = []
  for (const [name, bytes] of modules) {
    attempt(name, reasons, () => {
      if (!WebAssembly.validate(bytes)) throw new BinaryError('is not valid WebAssembly')
      const sections = readModule(bytes)
      read.push({ name, sections, sizes: sizesOf(sections), making: makingOf(sections) })
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
  const makings = read.map(({ making }) => making)
  reasons.push(...tooMuch(makings, limits))
  if (reasons.length > 0) return { ok: false, reasons }

  const cores: PreparedCore[] = []
  for (const { name, sections, sizes } of read) {
    attempt(name, reasons, () => {
      const capped = cap(sections, sparePages, spareElements)
      const bytes = writeModule(meter(capped))
      if (!WebAssembly.validate(bytes)) throw new BinaryError('could not be metered; please report it')
      const grown = sizesOf(capped)
      const { memories } = sizes
      cores.push({ name, bytes, memories, pages: sum(grown.memories), elements: sum(grown.tables) })
    })
  }
  return reasons.length > 0 ? { ok: false, reasons } : { ok: true, cores }
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
