// Instructions: one step of a strict decoder over function bodies and constant expressions.
//
// I1. Every instruction that it steps over is one it knows in full; anything else is refused by name.
// I2. Refused on purpose: garbage-collected objects and exceptions (unmetered allocation, and a `catch_all` could swallow
//     what the host throws), threads (shared memory would change under the host's checks), relaxed SIMD (its results
//     differ between machines: law L4).
//
// Owns: lengths and immediates.   weights.ts owns: what one costs.   meter.ts owns: where it is charged.

import { BinaryError, type ByteReader } from './bytes.ts'

/** A feature that is refused, with what to tell the author. */
export class FeatureError extends BinaryError {}

export const op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  callRef: 0x14,
  returnCallRef: 0x15,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memoryGrow: 0x40,
  brOnNull: 0xd5,
  brOnNonNull: 0xd6,
  prefixBulk: 0xfc,
  prefixSimd: 0xfd,
} as const

/** Under `op.prefixBulk`. */
export const bulk = {
  memoryInit: 8,
  memoryCopy: 10,
  memoryFill: 11,
  tableInit: 12,
  tableCopy: 14,
  tableGrow: 15,
  tableFill: 17,
} as const

/** Reads instructions one by one; the fields tell of the one last read. One object a module, so that nothing is allocated. */
export class InstructionReader {
  /** Opcode; of prefixed ones the prefix. */
  op = 0
  /** The opcode behind a prefix, else 0. */
  sub = 0
  /** The first index immediate (local, global, function, label; of call_indirect its type), if it has one. Of a block that of
   *  its type, or `noType`, or `oneResult`. */
  index = 0
  /** Of br_table: the labels that it chooses from; `index` is the last one. */
  readonly labels: number[] = []

  /** @throws BinaryError, FeatureError */
  next(reader: ByteReader): void {
    const code = reader.byte()
    this.op = code
    this.sub = 0
    switch (code) {
      case op.block:
      case op.loop:
      case op.if:
        this.index = readBlockType(reader)
        return
      // br, br_if, call, return_call, call_ref, return_call_ref, locals, globals, table.get/set, ref.func, br_on_null ...
      case 0x0c:
      case 0x0d:
      case 0x10:
      case 0x12:
      case 0x14:
      case 0x15:
      case 0x20:
      case 0x21:
      case 0x22:
      case 0x23:
      case 0x24:
      case 0x25:
      case 0x26:
      case 0x3f:
      case 0x40:
      case 0xd2:
      case 0xd5:
      case 0xd6:
        this.index = reader.u32()
        return
      case op.brTable:
        this.labels.length = 0
        for (let left = reader.u32(); left >= 0; left--) this.labels.push(reader.u32())
        this.index = this.labels.at(-1)!
        return
      // call_indirect, return_call_indirect
      case 0x11:
      case 0x13:
        this.index = reader.u32()
        reader.u32()
        return
      case 0x1c:
        for (let types = reader.u32(); types > 0; types--) skipValue(reader)
        return
      case 0x41:
        reader.skipLeb(32)
        return
      case 0x42:
        reader.skipLeb(64)
        return
      case 0x43:
        reader.skip(4)
        return
      case 0x44:
        reader.skip(8)
        return
      case 0xd0:
        reader.skipLeb(33)
        return
      case op.prefixBulk:
        this.#bulk(reader)
        return
      case op.prefixSimd:
        this.#simd(reader)
        return
      case 0x06:
      case 0x07:
      case 0x08:
      case 0x09:
      case 0x0a:
      case 0x18:
      case 0x19:
      case 0x1f:
        throw new FeatureError('uses exception handling; build without it (for C++: -fno-exceptions)')
      case 0xd3:
      case 0xfb:
        throw new FeatureError('uses garbage-collected objects; build for linear memory')
      case 0xfe:
        throw new FeatureError('uses threads (atomic instructions); build without shared memory')
    }
    if (code >= 0x28 && code <= 0x3e) {
      skipMemoryArgument(reader)
      return
    }
    const plain =
      code <= 0x01 ||
      code === op.else ||
      code === op.end ||
      code === op.return ||
      code === 0x1a ||
      code === 0x1b ||
      code === 0xd1 ||
      code === 0xd4 ||
      (code >= 0x45 && code <= 0xc4)
    if (!plain) throw new FeatureError(`uses an instruction this host does not know (0x${code.toString(16)})`)
  }

  #bulk(reader: ByteReader): void {
    const sub = reader.u32()
    this.sub = sub
    // 0 to 7: saturating conversions without immediates.
    if (sub < 8) return
    if (sub > 17) throw new FeatureError(`uses an instruction this host does not know (0xfc ${sub})`)
    this.index = reader.u32()
    if (sub === bulk.memoryInit || sub === bulk.memoryCopy || sub === bulk.tableInit || sub === bulk.tableCopy)
      reader.u32()
  }

  #simd(reader: ByteReader): void {
    const sub = reader.u32()
    this.sub = sub
    if (sub >= 0x100)
      throw new FeatureError('uses relaxed SIMD, whose results differ between machines; build without it')
    if (sub <= 11 || sub === 92 || sub === 93) skipMemoryArgument(reader)
    else if (sub === 12 || sub === 13) reader.skip(16)
    else if (sub >= 21 && sub <= 34) reader.skip(1)
    else if (sub >= 84 && sub <= 91) {
      skipMemoryArgument(reader)
      reader.skip(1)
    }
  }
}

/** The type of a block that takes nothing and gives nothing, and of one that gives one value. */
export const noType = -1
export const oneResult = -2

/** A block's type is empty, a value type, or (s33, not negative) an index. */
function readBlockType(reader: ByteReader): number {
  const first = reader.peek()
  if (first === 0x63 || first === 0x64) {
    reader.byte()
    reader.skipLeb(33)
    return oneResult
  }
  if (first === 0x40) {
    reader.byte()
    return noType
  }
  const type = reader.s32()
  return type < 0 ? oneResult : type
}

function skipValue(reader: ByteReader): void {
  const type = reader.byte()
  if (type === 0x63 || type === 0x64) reader.skipLeb(33)
}

function skipMemoryArgument(reader: ByteReader): void {
  const align = reader.u32()
  // Bit 6: a memory index follows (several memories).
  if ((align & 0x40) !== 0) reader.u32()
  reader.skipLeb(64)
}
