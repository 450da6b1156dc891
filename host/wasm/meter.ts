// Meter: rewrites a core module so that it counts what it spends, and traps when nothing is left.
//
// M1. Every instruction that runs was paid for before, at a check that is passed at least as often as it runs.
// M2. All modules of a component share one counter, an imported mutable i64 global. Below zero means: out of fuel.
// M3. A check overcharges by at most `mergeMax` for code that then does not run: an interpreter's loop pays for the case
//     that it takes, not for all of them.
// M4. Lengths are paid for as well (memory.fill and its kin, grow), by the length that is asked for.
// M5. The guest cannot name the counter: every index of its own globals is rewritten, and importing it is refused. The
//     caller validates the module before (else one that is only valid with the added global would pass) and after.
// M6. Width is paid for by count (regions.R4): what a branch, a block or a call carries, and the locals of a function.
//
//   region 1   entry   ┐ paid at the function's entry, together with small arms (≤ mergeMax) that hang on it
//   region 2   if …    │ a larger arm, or what follows a branch or a block's end: a check of its own
//   region 3   loop …  ┘ a loop's head always checks: its region is paid for once per turn
//
// One counter, not one per module: per module an attacker with forty of them would have forty budgets. It costs an
// indirection for an imported global, and the shift of the indices of the module's own.
//
// Owns: where is charged.   weights.ts owns: how much.   regions.ts owns: cutting a body into regions.   cap.ts, which runs
// before, refuses tables with initial values, so no global is named there.

import { fuelImport } from '../guest/fuel.ts'
import { BinaryError, ByteReader, ByteWriter } from './bytes.ts'
import { FeatureError, InstructionReader, op } from './instructions.ts'
import { type Edit, type Regions, regionsOf } from './regions.ts'
import { bodyOf, countImports, externKind, type Section, sectionId, skipValueType, withSection } from './sections.ts'
import { type Arity, Types, wideOfLocal } from './types.ts'
import type { LengthCost } from './weights.ts'

/** A check subtracts at most this, and a length at most as much: a module that would cost more in one step is no module of a compiler. */
const chargeMax = 2 ** 28

const i32 = 0x7f
const i64 = 0x7e
const emptyBlock = 0x40

/** The metered sections of a module. Validate the module before, and what comes of it after.
 *  @throws BinaryError, FeatureError with a reason for the author. */
export function meter(sections: readonly Section[]): readonly Section[] {
  const code = bodyOf(sections, sectionId.code)
  const imports = bodyOf(sections, sectionId.import)
  const counts = countImports(imports, (module) => {
    if (module === fuelImport.module) throw new FeatureError(`imports "${fuelImport.module}", which is the host's`)
  })
  // Without code there is nothing to count; memories, tables and globals of their own need no counter.
  if (code === undefined || new ByteReader(code).u32() === 0) return sections
  const fuel = counts[externKind.global]!
  const types = new Types(sections)
  let metered = withSection(sections, sectionId.import, addImport(imports))
  for (const [id, rewrite] of rewrites) {
    const body = bodyOf(sections, id)
    if (body !== undefined) metered = withSection(metered, id, rewrite(body, fuel))
  }
  return withSection(metered, sectionId.code, meterCode(code, fuel, types))
}

function addImport(body: Uint8Array | undefined): Uint8Array {
  const reader = new ByteReader(body ?? Uint8Array.of(0))
  const writer = new ByteWriter(reader.bytes.length + 64)
  writer.u32(reader.u32() + 1)
  writer.raw(reader.take(reader.end - reader.at))
  writer.name(fuelImport.module)
  writer.name(fuelImport.name)
  writer.byte(externKind.global)
  writer.byte(i64)
  writer.byte(1)
  return writer.finish()
}

function meterCode(body: Uint8Array, fuel: number, types: Types): Uint8Array {
  const reader = new ByteReader(body)
  const count = reader.u32()
  if (count !== types.defined) throw new BinaryError('functions and bodies differ in number')
  const writer = new ByteWriter(body.length + (body.length >> 1))
  writer.u32(count)
  for (let i = 0; i < count; i++) {
    const size = reader.u32()
    const from = reader.at
    reader.skip(size)
    const metered = meterFunction(new ByteReader(body, from, from + size), fuel, types, types.ofDefined(i))
    writer.u32(metered.length)
    writer.raw(metered)
  }
  return writer.finish()
}

function meterFunction(reader: ByteReader, fuel: number, types: Types, self: Arity): Uint8Array {
  const writer = new ByteWriter((reader.end - reader.at) * 2)
  const groups = reader.u32()
  const localsFrom = reader.at
  let [locals, wide] = [0, 0]
  for (let i = 0; i < groups; i++) {
    const count = reader.u32()
    locals += count
    wide += count * wideOfLocal(reader)
  }
  writer.u32(groups + 2)
  writer.raw(reader.bytes.subarray(localsFrom, reader.at))
  for (const type of [i32, i64]) {
    writer.u32(1)
    writer.byte(type)
  }
  const codeFrom = reader.at
  const regions = regionsOf(reader, types, self, locals, wide)
  applyEdits(writer, reader.bytes.subarray(0, reader.end), codeFrom, regions, {
    global: fuel,
    length: self.takes + locals,
    left: self.takes + locals + 1,
  })
  return writer.finish()
}

/** Indices of the counter, and of locals that checks use: for a length, of 32 bits, and for what is left. */
interface Counter {
  readonly global: number
  readonly length: number
  readonly left: number
}

/** Copies the body, with checks put in and the guest's global indices moved past the counter. */
function applyEdits(writer: ByteWriter, bytes: Uint8Array, from: number, regions: Regions, counter: Counter): void {
  let copied = from
  for (const edit of regions.edits) {
    writer.raw(bytes.subarray(copied, edit.at))
    copied = edit.at
    if (edit.kind === 'check') {
      const cost = regions.costs[edit.region]!
      if (cost > 0) writeCheck(writer, cost, counter)
    } else if (edit.kind === 'length') writeLengthCheck(writer, edit.cost, counter)
    else if (edit.kind === 'grow') {
      writeGrow(writer, edit, counter)
      copied = edit.end
    } else {
      writer.byte(edit.code)
      writer.u32(edit.index >= counter.global ? edit.index + 1 : edit.index)
      copied = edit.end
    }
  }
  writer.raw(bytes.subarray(copied))
}

/** fuel = fuel - cost; trap if negative. A local saves reading the counter again. */
function writeCheck(writer: ByteWriter, cost: number, counter: Counter): void {
  if (cost > chargeMax) throw new FeatureError('has a function too large to meter')
  writer.byte(op.globalGet)
  writer.u32(counter.global)
  writer.byte(0x42) // i64.const
  writer.s32(cost)
  writeSubtract(writer, counter)
}

function writeSubtract(writer: ByteWriter, { global, left }: Counter): void {
  writer.byte(0x7d) // i64.sub
  writer.byte(0x22) // local.tee
  writer.u32(left)
  writer.byte(op.globalSet)
  writer.u32(global)
  writer.byte(op.localGet)
  writer.u32(left)
  writer.byte(0x42)
  writer.s32(0)
  writer.byte(0x53) // i64.lt_s
  writer.byte(op.if)
  writer.byte(emptyBlock)
  writer.byte(op.unreachable)
  writer.byte(op.end)
}

/** The length lies on the stack: pay for min(length, most) >> right << left, and leave it there. */
function writeLengthCheck(writer: ByteWriter, { right, left }: LengthCost, counter: Counter): void {
  // A length above this fails by itself (memories and tables are capped far below), so it need not cost more.
  const most = Math.min(2 ** 30, (chargeMax * 2 ** right) / 2 ** left)
  writer.byte(op.localSet)
  writer.u32(counter.length)
  writer.byte(op.localGet)
  writer.u32(counter.length)
  writer.byte(op.globalGet)
  writer.u32(counter.global)
  writer.byte(op.localGet)
  writer.u32(counter.length)
  writer.byte(0x41)
  writer.s32(most)
  writer.byte(op.localGet)
  writer.u32(counter.length)
  writer.byte(0x41)
  writer.s32(most)
  writer.byte(0x49) // i32.lt_u
  writer.byte(0x1b) // select
  if (right > 0) {
    writer.byte(0x41)
    writer.s32(right)
    writer.byte(0x76) // i32.shr_u
  }
  if (left > 0) {
    writer.byte(0x41)
    writer.s32(left)
    writer.byte(0x74) // i32.shl
  }
  writer.byte(0xad) // i64.extend_i32_u
  writeSubtract(writer, counter)
}

/** V8 makes a buffer anew at each memory.grow, also at one of nothing, and collects its garbage where they are large: so one of nothing
 *  becomes memory.size, which gives the same. Those that grow are as few as pages. */
function writeGrow(writer: ByteWriter, edit: Extract<Edit, { kind: 'grow' }>, counter: Counter): void {
  writeLengthCheck(writer, edit.cost, counter)
  writer.byte(0x1a) // drop
  writer.byte(op.localGet)
  writer.u32(counter.length)
  writer.byte(0x45) // i32.eqz
  writer.byte(op.if)
  writer.byte(i32)
  writer.byte(0x3f) // memory.size
  writer.u32(edit.index)
  writer.byte(op.else)
  writer.byte(op.localGet)
  writer.u32(counter.length)
  writer.byte(op.memoryGrow)
  writer.u32(edit.index)
  writer.byte(op.end)
}

/** Sections besides the code that name globals. */
const rewrites: readonly (readonly [number, (body: Uint8Array, fuel: number) => Uint8Array])[] = [
  [sectionId.global, rewriteGlobals],
  [sectionId.export, rewriteExports],
  [sectionId.element, rewriteElements],
  [sectionId.data, rewriteData],
]

/** A pen that copies what a reader steps over. */
class Copier {
  readonly reader: ByteReader
  readonly writer: ByteWriter
  readonly #fuel: number
  readonly #instruction = new InstructionReader()

  constructor(body: Uint8Array, fuel: number) {
    this.reader = new ByteReader(body)
    this.writer = new ByteWriter(body.length + 64)
    this.#fuel = fuel
  }

  copy(step: (reader: ByteReader) => void): void {
    const from = this.reader.at
    step(this.reader)
    this.writer.raw(this.reader.bytes.subarray(from, this.reader.at))
  }

  count(): number {
    const count = this.reader.u32()
    this.writer.u32(count)
    return count
  }

  global(): void {
    const index = this.reader.u32()
    this.writer.u32(index >= this.#fuel ? index + 1 : index)
  }

  /** A constant expression up to its `end`. */
  expression(): void {
    for (;;) {
      const from = this.reader.at
      this.#instruction.next(this.reader)
      if (this.#instruction.op === op.globalGet) {
        this.reader.at = from + 1
        this.writer.byte(op.globalGet)
        this.global()
      } else this.writer.raw(this.reader.bytes.subarray(from, this.reader.at))
      if (this.#instruction.op === op.end) return
    }
  }
}

function rewriteGlobals(body: Uint8Array, fuel: number): Uint8Array {
  const copier = new Copier(body, fuel)
  for (let left = copier.count(); left > 0; left--) {
    copier.copy((reader) => {
      skipValueType(reader)
      reader.byte()
    })
    copier.expression()
  }
  return copier.writer.finish()
}

function rewriteExports(body: Uint8Array, fuel: number): Uint8Array {
  const copier = new Copier(body, fuel)
  for (let left = copier.count(); left > 0; left--) {
    let kind = 0
    copier.copy((reader) => {
      reader.name()
      kind = reader.byte()
    })
    if (kind === externKind.global) copier.global()
    else copier.copy((reader) => reader.u32())
  }
  return copier.writer.finish()
}

function rewriteElements(body: Uint8Array, fuel: number): Uint8Array {
  const copier = new Copier(body, fuel)
  for (let left = copier.count(); left > 0; left--) {
    const flags = copier.count()
    if (flags > 7) throw new BinaryError('unknown element segment')
    const active = (flags & 1) === 0
    const expressions = (flags & 4) !== 0
    if (active && (flags & 2) !== 0) copier.copy((reader) => reader.u32())
    if (active) copier.expression()
    if ((flags & 3) !== 0) copier.copy(expressions ? skipValueType : (reader) => reader.byte())
    for (let items = copier.count(); items > 0; items--) {
      if (expressions) copier.expression()
      else copier.copy((reader) => reader.u32())
    }
  }
  return copier.writer.finish()
}

function rewriteData(body: Uint8Array, fuel: number): Uint8Array {
  const copier = new Copier(body, fuel)
  for (let left = copier.count(); left > 0; left--) {
    const flags = copier.count()
    if (flags > 2) throw new BinaryError('unknown data segment')
    if (flags === 2) copier.copy((reader) => reader.u32())
    if (flags !== 1) copier.expression()
    copier.copy((reader) => reader.skip(reader.u32()))
  }
  return copier.writer.finish()
}
