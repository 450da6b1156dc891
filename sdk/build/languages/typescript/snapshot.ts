// Snapshot: an engine that has run a bundle becomes a core module that starts where it stopped.
//
// S1. One instance compiles the bundle, another runs what was compiled: nothing of the compiler is in the second's memory.
// S2. Its memory becomes data segments. The engine leaves its stack as it was, so no global has to be changed.
// S3. What only building needs goes: exports, and functions that no export and no entry of the table reaches become traps.
// S4. The same engine and bundle make the same bytes.
//
// Leaves to others: what the engine exports for this (sdk/typescript/engine/src/load.c).

import { interfaces } from '../../../../host/guest/layout.ts'
import { ByteReader, ByteWriter } from '../../../../host/wasm/bytes.ts'
import { pageBytes } from '../../../../host/wasm/cap.ts'
import { InstructionReader, op } from '../../../../host/wasm/instructions.ts'
import type { Section } from '../../../../host/wasm/sections.ts'
import {
  bodyOf,
  countImports,
  eachExport,
  externKind,
  readModule,
  sectionId,
  withSection,
  writeModule,
} from '../../../../host/wasm/sections.ts'
import { withFaultGlobal } from '../../fault-export.ts'
import { exportables } from '../../kinds.ts'

/** Run a bundle, in an engine of its own. @throws LoadError with what the bundle throws. */
export function snapshot(engine: Uint8Array, script: string): Uint8Array {
  const module = new WebAssembly.Module(engine as Uint8Array<ArrayBuffer>)
  const bytecode = compiled(started(module), script)
  const loaded = started(module)
  const at = loaded.engine_allocate(bytecode.length)
  new Uint8Array(loaded.memory.buffer).set(bytecode, at)
  if (loaded.engine_load(at, bytecode.length) !== 0) throw new LoadError(problemOf(loaded))
  return moduleOf(engine, loaded)
}

export class LoadError extends Error {}

interface Engine {
  readonly memory: WebAssembly.Memory
  readonly __wasm_call_ctors: () => void
  readonly engine_problem: () => number
  readonly engine_fault: () => number
  readonly engine_allocate: (size: number) => number
  readonly engine_compile: (source: number, length: number) => number
  readonly engine_compiled_length: () => number
  readonly engine_load: (bytes: number, length: number) => number
  readonly engine_kinds: () => number
  readonly engine_build_only: (index: number) => number
}

function started(module: WebAssembly.Module): Engine {
  const engine = new WebAssembly.Instance(module, {}).exports as unknown as Engine
  engine.__wasm_call_ctors()
  return engine
}

function compiled(engine: Engine, script: string): Uint8Array {
  const source = new TextEncoder().encode(`${script}\0`)
  const at = engine.engine_allocate(source.length)
  new Uint8Array(engine.memory.buffer).set(source, at)
  const out = engine.engine_compile(at, source.length - 1)
  if (out === 0) throw new LoadError(problemOf(engine))
  return new Uint8Array(engine.memory.buffer).slice(out, out + engine.engine_compiled_length())
}

function problemOf(engine: Engine): string {
  const bytes = new Uint8Array(engine.memory.buffer)
  const from = engine.engine_problem()
  return new TextDecoder().decode(bytes.subarray(from, bytes.indexOf(0, from))).trimEnd()
}

function moduleOf(bytes: Uint8Array, engine: Engine): Uint8Array {
  const memory = new Uint8Array(engine.memory.buffer)
  // The count of segments may stand before the code; no instruction of the engine needs it.
  let sections: readonly Section[] = readModule(bytes).filter(({ id }) => id !== sectionId.dataCount)
  sections = withSection(sections, sectionId.data, segmentsOf(memory))
  const limits = new ByteWriter()
  for (const value of [1, 0, memory.length / pageBytes]) limits.u32(value)
  sections = withSection(sections, sectionId.memory, limits.finish())
  sections = withSection(sections, sectionId.export, exportsOf(sections, engine.engine_kinds()))
  const buildOnly: number[] = []
  for (let index = engine.engine_build_only(0); index !== 0; index = engine.engine_build_only(buildOnly.length))
    buildOnly.push(index)
  return writeModule(withFaultGlobal(withoutDead(sections, buildOnly), engine.engine_fault()))
}

/** A segment costs about as many bytes as this: a shorter run of zeros stays inside. */
const gapBytesMin = 10

function segmentsOf(memory: Uint8Array): Uint8Array {
  const runs: [from: number, to: number][] = []
  const words = new BigUint64Array(memory.buffer, memory.byteOffset, memory.length / 8)
  for (let word = 0; word < words.length; word++) {
    if (words[word] === 0n) continue
    let from = word * 8
    while (word < words.length && words[word] !== 0n) word++
    let to = word * 8
    while (memory[from] === 0) from++
    while (memory[to - 1] === 0) to--
    const last = runs.at(-1)
    if (last !== undefined && from - last[1] < gapBytesMin) last[1] = to
    else runs.push([from, to])
  }
  const writer = new ByteWriter(1 << 20)
  writer.u32(runs.length)
  for (const [from, to] of runs) {
    writer.u32(0)
    constant(writer, from)
    writer.u32(to - from)
    writer.raw(memory.subarray(from, to))
  }
  return writer.finish()
}

const i32Const = 0x41

function constant(writer: ByteWriter, value: number): void {
  writer.byte(i32Const)
  writer.s32(value)
  writer.byte(op.end)
}

/** What a host calls: the memory, allocation, `about`, and the interfaces of the kinds and of views (bits by their numbers). */
function exportsOf(sections: readonly Section[], present: number): Uint8Array {
  const kept: [name: string, kind: number, index: number][] = []
  const absent = exportables.filter((_, number) => (present & (1 << number)) === 0)
  const dropped = absent.map((name) => `${interfaces[name]}#`)
  eachExport(sections, (name, kind, index) => {
    const isContract = name === 'memory' || name === 'cabi_realloc' || name.includes('#')
    if (isContract && !dropped.some((start) => name.replace('cabi_post_', '').startsWith(start)))
      kept.push([name, kind, index])
  })
  const writer = new ByteWriter()
  writer.u32(kept.length)
  for (const [name, kind, index] of kept) {
    writer.name(name)
    writer.byte(kind)
    writer.u32(index)
  }
  return writer.finish()
}

interface FunctionTable {
  readonly first: number
  readonly entries: readonly number[]
}

/** @throws Error for a table that no C linker makes. */
function tableOf(sections: readonly Section[]): FunctionTable {
  const reader = new ByteReader(bodyOf(sections, sectionId.element)!)
  if (reader.u32() !== 1 || reader.u32() !== 0 || reader.byte() !== i32Const)
    throw new Error('the engine has a table that is not one list of functions')
  const first = reader.s32()
  reader.byte()
  return { first, entries: Array.from({ length: reader.u32() }, () => reader.u32()) }
}

/** Bodies that nothing reaches become a trap; indices stay. `buildOnly`: entries of the table that do not count. */
function withoutDead(sections: readonly Section[], buildOnly: readonly number[]): readonly Section[] {
  const code = new ByteReader(bodyOf(sections, sectionId.code)!)
  const bodies = Array.from({ length: code.u32() }, () => code.take(code.u32()))
  const imported = countImports(bodyOf(sections, sectionId.import))[externKind.function]!
  const { first, entries } = tableOf(sections)
  const spare = entries.find((_, index) => !buildOnly.includes(first + index))!
  const kept = entries.map((index, at) => (buildOnly.includes(first + at) ? spare : index))
  const live = reached(sections, kept, bodies, imported)
  const trap = Uint8Array.of(0, op.unreachable, op.end)
  const writer = new ByteWriter(1 << 20)
  writer.u32(bodies.length)
  for (const [index, body] of bodies.entries()) {
    const used = live.has(index + imported) ? body : trap
    writer.u32(used.length)
    writer.raw(used)
  }
  const table = new ByteWriter()
  table.u32(1)
  table.u32(0)
  constant(table, first)
  table.u32(kept.length)
  for (const index of kept) table.u32(index)
  return withSection(withSection(sections, sectionId.code, writer.finish()), sectionId.element, table.finish())
}

function reached(
  sections: readonly Section[],
  table: readonly number[],
  bodies: readonly Uint8Array[],
  imported: number,
): ReadonlySet<number> {
  const live = new Set<number>(table)
  eachExport(sections, (_, kind, index) => {
    if (kind === externKind.function) live.add(index)
  })
  const instructions = new InstructionReader()
  // A set goes on with what is added while it is walked.
  for (const index of live) {
    const reader = new ByteReader(bodies[index - imported]!)
    for (let groups = reader.u32(); groups > 0; groups--) {
      reader.u32()
      reader.byte()
    }
    while (!reader.done) {
      instructions.next(reader)
      if (instructions.op === op.call) live.add(instructions.index)
    }
  }
  return live
}
