// Fault export: the address of the words of a fault, as a global that a core module exports (wit/types.wit), for a compiler that exports
// no data.
//
// F1. The module has the memory for them as data that begins with a magic: random bytes, which are nowhere else in it. The words lie
//     behind the magic.
//
// Leaves to others: what is written there (sdk/go/component/fault.go).

import { ByteReader, ByteWriter } from '../deploy/bytes.ts'
import {
  bodyOf,
  countImports,
  externKind,
  readModule,
  sectionId,
  withSection,
  writeModule,
} from '../deploy/sections.ts'
import { faultGlobal } from '../guest/fault-text.ts'

const i32 = 0x7f
const i32Const = 0x41
const end = 0x0b

/** The module with the global. @throws Error unless the magic is in its data once. */
export function exportFault(core: Uint8Array, magic: Uint8Array): Uint8Array {
  const sections = readModule(core)
  const own = appended(bodyOf(sections, sectionId.global), (entry) => {
    entry.byte(i32)
    entry.byte(0)
    entry.byte(i32Const)
    entry.s32(faultAddress(core, magic))
    entry.byte(end)
  })
  const imported = countImports(bodyOf(sections, sectionId.import))[externKind.global]!
  const exported = appended(bodyOf(sections, sectionId.export), (entry) => {
    entry.name(faultGlobal)
    entry.byte(externKind.global)
    entry.u32(imported + own.index)
  })
  return writeModule(withSection(withSection(sections, sectionId.global, own.body), sectionId.export, exported.body))
}

/** Where the words are. @throws Error unless the magic is in the module's data once. */
export function faultAddress(core: Uint8Array, magic: Uint8Array): number {
  const found = segmentsOf(bodyOf(readModule(core), sectionId.data)).flatMap(({ address, bytes }) => {
    const places: number[] = []
    for (let at = bytes.indexOf(magic); at !== -1; at = bytes.indexOf(magic, at + 1)) {
      places.push(address + at + magic.length)
    }
    return places
  })
  if (found.length !== 1)
    throw new Error(`the memory for words of a fault is in the data ${found.length} times, not once`)
  return found[0]!
}

/** A section's list with one more entry. */
function appended(
  body: Uint8Array | undefined,
  write: (entry: ByteWriter) => void,
): { readonly body: Uint8Array; readonly index: number } {
  const reader = new ByteReader(body ?? Uint8Array.of(0))
  const count = reader.u32()
  const writer = new ByteWriter(reader.end + 64)
  writer.u32(count + 1)
  writer.raw(reader.take(reader.end - reader.at))
  write(writer)
  return { body: writer.finish(), index: count }
}

interface Segment {
  readonly address: number
  readonly bytes: Buffer
}

/** Data that lies at a constant address of the first memory. */
function segmentsOf(body: Uint8Array | undefined): readonly Segment[] {
  const reader = new ByteReader(body ?? Uint8Array.of(0))
  const segments: Segment[] = []
  const activeIn = { passive: 1, memory: 2 } as const
  for (let left = reader.u32(); left > 0; left--) {
    const flags = reader.u32()
    const memory = flags === activeIn.memory ? reader.u32() : 0
    const address = flags === activeIn.passive ? undefined : constant(reader)
    const bytes = reader.take(reader.u32())
    if (address !== undefined && memory === 0) segments.push({ address, bytes: Buffer.from(bytes) })
  }
  return segments
}

/** @throws Error for an address that is no constant. */
function constant(reader: ByteReader): number {
  if (reader.byte() !== i32Const) throw new Error('data at an address that is no constant')
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = reader.byte()
    value |= (byte & 0x7f) << shift
    if (byte >= 0x80) continue
    if (shift < 25 && (byte & 0x40) !== 0) value |= -1 << (shift + 7)
    break
  }
  if (reader.byte() !== end) throw new Error('data at an address that is no constant')
  return value >>> 0
}
