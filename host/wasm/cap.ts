// Cap: upper bounds for the memories and tables of a component.
//
// C1. After capping, all memories together can grow to at most the limit, and so can all tables. What modules declare as
//     their least is granted or the component is refused; the rest is shared equally among those that may grow.
// C2. Memories that are shared or have 64-bit addresses are refused, and so are 64-bit tables.
// C3. Counted per module. A module that is instantiated twice counts twice when it is started (start.ts).
//
// Owns: sizes.   meter.ts owns: time.

import { ByteReader, ByteWriter } from './bytes.ts'
import { FeatureError } from './instructions.ts'
import { bodyOf, readLimits, type Section, type SizeLimits, sectionId, skipValueType, withSection } from './sections.ts'

export const pageBytes = 65_536

export interface Sizes {
  readonly memories: readonly SizeLimits[]
  readonly tables: readonly SizeLimits[]
}

/** What a module declares. @throws BinaryError, FeatureError for shared and 64-bit ones. */
export function sizesOf(sections: readonly Section[]): Sizes {
  const memories: SizeLimits[] = []
  const tables: SizeLimits[] = []
  eachMemory(sections, (limits) => memories.push(limits))
  eachTable(sections, (limits) => tables.push(limits))
  return { memories, tables }
}

/** How far each of these may grow beyond its least, if all together may have `total`. Negative: they ask for more. */
export function spareFor(limits: readonly SizeLimits[], total: number): number {
  let least = 0
  let growing = 0
  for (const { min, max } of limits) {
    least += min
    if (max === undefined || max > min) growing++
  }
  return least > total ? -1 : Math.floor((total - least) / Math.max(1, growing))
}

/** The sections with a maximum on every memory (`spare` pages above its least) and table (`spare` elements above). */
export function cap(sections: readonly Section[], sparePages: number, spareElements: number): readonly Section[] {
  let capped = capMemories(sections, sizesOf(sections).memories, sparePages)
  const tables = bodyOf(sections, sectionId.table)
  if (tables !== undefined) {
    const writer = new ByteWriter(tables.length + 16)
    writer.u32(new ByteReader(tables).u32())
    eachTable(sections, (limits, type) => {
      writer.raw(type)
      writeLimits(writer, limits, spareElements)
    })
    capped = withSection(capped, sectionId.table, writer.finish())
  }
  return capped
}

/** The sections with these memories, each with a maximum `spare` pages above its least. */
export function capMemories(
  sections: readonly Section[],
  memories: readonly SizeLimits[],
  spare: number,
): readonly Section[] {
  if (bodyOf(sections, sectionId.memory) === undefined) return sections
  const writer = new ByteWriter()
  writer.u32(memories.length)
  for (const limits of memories) writeLimits(writer, limits, spare)
  return withSection(sections, sectionId.memory, writer.finish())
}

function writeLimits(writer: ByteWriter, { min, max }: SizeLimits, spare: number): void {
  writer.byte(1)
  writer.u32(min)
  writer.u32(Math.min(max ?? Number.POSITIVE_INFINITY, min + spare))
}

function eachMemory(sections: readonly Section[], each: (limits: SizeLimits) => void): void {
  const reader = new ByteReader(bodyOf(sections, sectionId.memory) ?? Uint8Array.of(0))
  for (let left = reader.u32(); left > 0; left--) {
    const limits = readLimits(reader)
    if ((limits.flags & 2) !== 0) throw new FeatureError('has a shared memory; build without threads')
    if ((limits.flags & 4) !== 0) throw new FeatureError('has a 64-bit memory; build for wasm32')
    if (limits.flags > 1) throw new FeatureError('has a memory of a kind this host does not know')
    each(limits)
  }
}

/** `type` is the element type as written. */
function eachTable(sections: readonly Section[], each: (limits: SizeLimits, type: Uint8Array) => void): void {
  const body = bodyOf(sections, sectionId.table) ?? Uint8Array.of(0)
  const reader = new ByteReader(body)
  for (let left = reader.u32(); left > 0; left--) {
    const from = reader.at
    // A table with an expression for its elements: no compiler in use writes one.
    if (reader.peek() === 0x40) throw new FeatureError('has a table with an initial value; fill it by element segments')
    skipValueType(reader)
    const type = body.subarray(from, reader.at)
    const limits = readLimits(reader)
    if (limits.flags > 1) throw new FeatureError('has a 64-bit or shared table; build for wasm32')
    each(limits, type)
  }
}
