// Sections: a core module as a list of sections, and what their entries look like.
//
// S1. Written modules have the sections of the read one in the same order, without custom sections: names and debug data
//     are the author's, and only cost memory here.
// S2. Readers below step over entries of a module that V8 validated; what they do not know is refused, not guessed.
//
// Owns: the framing.   cap.ts and meter.ts own: changing what is inside.

import { BinaryError, ByteReader, ByteWriter } from './bytes.ts'

export const sectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const

/** The order in which the sections of a module must stand. */
const sectionOrder: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11]

export const externKind = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const

export interface Section {
  readonly id: number
  readonly body: Uint8Array
}

export const modulePreamble = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)

/** The sections of a core module but the custom ones. @throws BinaryError */
export function readModule(bytes: Uint8Array): Section[] {
  const reader = new ByteReader(bytes)
  const head = reader.take(modulePreamble.length)
  if (modulePreamble.some((byte, i) => head[i] !== byte)) throw new BinaryError('not a core module')
  const sections: Section[] = []
  while (!reader.done) {
    const id = reader.byte()
    const body = reader.take(reader.u32())
    if (id === sectionId.custom) continue
    if (!sectionOrder.includes(id)) throw new BinaryError(`unknown section ${id}`)
    sections.push({ id, body })
  }
  return sections
}

export function writeModule(sections: readonly Section[]): Uint8Array {
  const writer = new ByteWriter(sections.reduce((sum, section) => sum + section.body.length + 6, modulePreamble.length))
  writer.raw(modulePreamble)
  for (const section of sections) {
    writer.byte(section.id)
    writer.u32(section.body.length)
    writer.raw(section.body)
  }
  return writer.finish()
}

/** The sections with the body of one changed; it is put at its place if the module has none. */
export function withSection(sections: readonly Section[], id: number, body: Uint8Array): Section[] {
  const changed = sections.filter((section) => section.id !== id)
  const rank = sectionOrder.indexOf(id)
  const next = changed.findIndex((section) => sectionOrder.indexOf(section.id) > rank)
  changed.splice(next === -1 ? changed.length : next, 0, { id, body })
  return changed
}

export function bodyOf(sections: readonly Section[], id: number): Uint8Array | undefined {
  return sections.find((section) => section.id === id)?.body
}

/** Limits of a memory or table, as written in the module. */
export interface SizeLimits {
  readonly flags: number
  readonly min: number
  readonly max: number | undefined
}

/** @throws BinaryError for a memory or table whose sizes have 64 bits and do not fit 32. */
export function readLimits(reader: ByteReader): SizeLimits {
  const flags = reader.byte()
  const min = reader.u32()
  return { flags, min, max: (flags & 1) === 1 ? reader.u32() : undefined }
}

/** Step over a value type. */
export function skipValueType(reader: ByteReader): void {
  const type = reader.byte()
  // (ref ht) and (ref null ht) bring a heap type.
  if (type === 0x63 || type === 0x64) reader.skipLeb(33)
}

/** Calls `each` with every export of a module. @throws BinaryError */
export function eachExport(
  sections: readonly Section[],
  each: (name: string, kind: number, index: number) => void,
): void {
  const reader = new ByteReader(bodyOf(sections, sectionId.export) ?? Uint8Array.of(0))
  for (let left = reader.u32(); left > 0; left--) each(reader.name(), reader.byte(), reader.u32())
}

/** Of an element segment, up to its count: what is between. */
export function skipElementType(
  reader: ByteReader,
  skipExpression: (reader: ByteReader) => void,
): { active: boolean; expressions: boolean } {
  const flags = reader.u32()
  if (flags > 7) throw new BinaryError('unknown element segment')
  const active = (flags & 1) === 0
  const expressions = (flags & 4) !== 0
  if (active && (flags & 2) !== 0) reader.u32()
  if (active) skipExpression(reader)
  if ((flags & 3) !== 0) {
    if (expressions) skipValueType(reader)
    else reader.byte()
  }
  return { active, expressions }
}

/** The imports of a module; `type` is the type's index of a function, else 0. @throws BinaryError */
export function eachImport(
  body: Uint8Array | undefined,
  each: (module: string, name: string, kind: number, type: number) => void,
): void {
  if (body === undefined) return
  const reader = new ByteReader(body)
  for (let left = reader.u32(); left > 0; left--) {
    const module = reader.name()
    const name = reader.name()
    const kind = reader.byte()
    let type = 0
    if (kind === externKind.function) type = reader.u32()
    else if (kind === externKind.table) {
      skipValueType(reader)
      readLimits(reader)
    } else if (kind === externKind.memory) readLimits(reader)
    else if (kind === externKind.global) {
      skipValueType(reader)
      reader.byte()
    } else if (kind === externKind.tag) {
      reader.byte()
      reader.u32()
    } else throw new BinaryError(`unknown kind of import ${kind}`)
    each(module, name, kind, type)
  }
}

/** How many imports of each kind there are. */
export function countImports(
  body: Uint8Array | undefined,
  each: (module: string, name: string, kind: number) => void = () => {},
): number[] {
  const counts = [0, 0, 0, 0, 0]
  eachImport(body, (module, name, kind) => {
    counts[kind]!++
    each(module, name, kind)
  })
  return counts
}
