// Fault export: the global `innkeeper_fault` (wit/types.wit), for languages that cannot make it themselves.
//
//   magic 16 | what the global names: length u32, text
//
// E1. Where a language cannot say at compile time where its bytes will lie, its SDK begins them with a magic, and they are in
//     the module's data. The address is where the magic is found, in an active segment of the memory that the module exports.
// E2. Found once, or the build fails: a copy would mean that the host reads the wrong one.
// E3. Nothing else of the module changes, but that its custom sections (names, makers' marks) are gone.
//
// Leaves to others: the bytes (an SDK's), reading them (host/guest/fault-text.ts).

import { faultGlobal } from '../../host/guest/fault-text.ts'
import { BinaryError, ByteReader, ByteWriter } from '../../host/wasm/bytes.ts'
import type { Section } from '../../host/wasm/sections.ts'
import {
  bodyOf,
  countImports,
  eachExport,
  externKind,
  readModule,
  sectionId,
  withSection,
  writeModule,
} from '../../host/wasm/sections.ts'
import { BuildError } from './problem.ts'
import type { Project } from './project.ts'

/** Random once. No other bytes of a component are these. */
export const faultMagic = Uint8Array.of(187, 46, 66, 180, 215, 45, 205, 42, 181, 38, 58, 189, 219, 119, 68, 165)

const op = { i32Const: 0x41, end: 0x0b } as const
const i32 = 0x7f
const immutable = 0

/** A core module with the global, and what it names. @throws BuildError */
export function coreWithFault(
  project: Project,
  core: Uint8Array,
): { readonly core: Uint8Array; readonly address: number } {
  const sections = readModule(core)
  const address = theOnly(project, faultAddresses(sections))
  return { core: writeModule(withFaultGlobal(sections, address)), address }
}

function theOnly<T>({ directory, entry }: Project, found: readonly T[]): T {
  if (found.length === 1) return found[0]!
  const message =
    found.length === 0
      ? 'the compiled service has no place for the words of a fault; is its SDK of the version of this `inn`?'
      : `the compiled service has ${found.length} places for the words of a fault, not one; please report it`
  throw new BuildError([{ file: entry, message }], directory)
}

/** Behind each magic in the data of a memory that is exported as `memory`. */
function faultAddresses(sections: readonly Section[]): readonly number[] {
  const memory = exportedMemory(sections)
  if (memory === undefined) return []
  const addresses: number[] = []
  for (const { at, bytes } of stretches(sections, memory)) {
    for (let from = bytes.indexOf(faultMagic); from !== -1; from = bytes.indexOf(faultMagic, from + 1))
      addresses.push(at + from + faultMagic.length)
  }
  return addresses
}

function exportedMemory(sections: readonly Section[]): number | undefined {
  let memory: number | undefined
  eachExport(sections, (name, kind, index) => {
    if (name === 'memory' && kind === externKind.memory) memory = index
  })
  return memory
}

interface Stretch {
  readonly at: number
  readonly bytes: Buffer
}

/** Active segments at constant addresses, those that touch as one: a compiler or a snapshot may cut anywhere. */
function stretches(sections: readonly Section[], memory: number): readonly Stretch[] {
  const segments = activeSegments(sections, memory).sort((a, b) => a.at - b.at)
  const joined: { at: number; end: number; parts: Uint8Array[] }[] = []
  for (const { at, bytes } of segments) {
    const last = joined.at(-1)
    if (last !== undefined && last.end === at) {
      last.parts.push(bytes)
      last.end += bytes.length
    } else joined.push({ at, end: at + bytes.length, parts: [bytes] })
  }
  return joined.map(({ at, parts }) => ({ at, bytes: Buffer.concat(parts) }))
}

function activeSegments(sections: readonly Section[], memory: number): { at: number; bytes: Uint8Array }[] {
  const segments: { at: number; bytes: Uint8Array }[] = []
  const reader = new ByteReader(bodyOf(sections, sectionId.data) ?? Uint8Array.of(0))
  for (let left = reader.u32(); left > 0; left--) {
    // 0: active in memory 0; 1: passive; 2: active in a memory.
    const kind = reader.u32()
    if (kind > 2) throw new BinaryError(`unknown kind of data segment ${kind}`)
    const into = kind === 2 ? reader.u32() : 0
    const at = kind === 1 ? undefined : constant(reader)
    const bytes = reader.take(reader.u32())
    if (at !== undefined && into === memory) segments.push({ at, bytes })
  }
  return segments
}

/** The value of a constant expression, or undefined if only an instance knows it. */
function constant(reader: ByteReader): number | undefined {
  let value: number | undefined
  for (let count = 0; ; count++) {
    const code = reader.byte()
    if (code === op.end) return count === 1 ? value : undefined
    if (code === op.i32Const) value = reader.s32() >>> 0
    else {
      value = undefined
      // global.get; what an extended constant has besides takes no more than its opcode.
      if (code === 0x23) reader.u32()
    }
  }
}

/** The module with the global that names the address. */
export function withFaultGlobal(sections: readonly Section[], address: number): readonly Section[] {
  const imported = countImports(bodyOf(sections, sectionId.import))[externKind.global]!
  const globals = new ByteReader(bodyOf(sections, sectionId.global) ?? Uint8Array.of(0))
  const own = globals.u32()
  const global = new ByteWriter()
  global.u32(own + 1)
  global.raw(globals.take(globals.end - globals.at))
  for (const byte of [i32, immutable, op.i32Const]) global.byte(byte)
  global.s32(address)
  global.byte(op.end)
  const exported = new ByteReader(bodyOf(sections, sectionId.export)!)
  const exports = new ByteWriter()
  exports.u32(exported.u32() + 1)
  exports.raw(exported.take(exported.end - exported.at))
  exports.name(faultGlobal)
  exports.byte(externKind.global)
  exports.u32(imported + own)
  const withGlobal = withSection(sections, sectionId.global, global.finish())
  return withSection(withGlobal, sectionId.export, exports.finish())
}
