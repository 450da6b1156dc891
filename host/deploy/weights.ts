// Weights: what an instruction costs in fuel.
//
// W1. One unit is about the time of one simple instruction: whatever 20 million units buy takes some 100 ms at most.
// W2. Weights are upper bounds by kind, from measurement (bench in test/deploy/weights.ts); they never depend on data
//     but for lengths, so the fuel of a call is the same every time.
//
// Owns: the numbers. Changing one changes which calls run out: raise `engineVersion` (link.ts) with it.

import { bulk, op } from './instructions.ts'

const memoryAccess = 2
const division = 12
const simd = 3
const simdSlow = 12
const call = 4
const indirectCall = 8

/** Runtime calls into V8 whatever the length is: memory.grow is microseconds even when it fails. */
const grow = 2_000
const bulkBase = 40

/** Fuel for one instruction, without what its length adds (see `lengthCost`). */
export function weightOf(code: number, sub: number): number {
  if (code >= 0x28 && code <= 0x3e) return memoryAccess
  switch (code) {
    // block, loop, else, end, nop: no machine code of their own.
    case 0x01:
    case op.block:
    case op.loop:
    case op.else:
    case op.end:
      return 0
    case 0x10:
    case 0x12:
      return call
    case 0x11:
    case 0x13:
    case 0x14:
    case 0x15:
      return indirectCall
    case op.memoryGrow:
      return grow
    case 0x25:
    case 0x26:
    case 0xd2:
      return bulkBase
    // i32 and i64 division and remainder.
    case 0x6d:
    case 0x6e:
    case 0x6f:
    case 0x70:
    case 0x7f:
    case 0x80:
    case 0x81:
    case 0x82:
    // f32.sqrt, f32.div, f64.sqrt, f64.div
    case 0x91:
    case 0x95:
    case 0x9f:
    case 0xa3:
      return division
    case op.prefixBulk:
      if (sub < 8) return simd
      return sub === bulk.tableGrow ? grow : bulkBase
    case op.prefixSimd:
      return sub >= 0xe0 || sub === 0x62 ? simdSlow : simd
  }
  return 1
}

/** Fuel by length: `units >> right << left`, where units are bytes, table elements or pages. */
export interface LengthCost {
  readonly right: number
  readonly left: number
}

/** What the length on top of the stack costs, for instructions that have one. */
export function lengthCost(code: number, sub: number): LengthCost | undefined {
  // A page is zeroed or faulted in when it is first touched: 65,536 bytes at 16 a unit.
  if (code === op.memoryGrow) return { right: 0, left: 12 }
  if (code !== op.prefixBulk) return undefined
  switch (sub) {
    case bulk.memoryInit:
    case bulk.memoryCopy:
    case bulk.memoryFill:
      return { right: 4, left: 0 }
    case bulk.tableInit:
      return { right: 0, left: 3 }
    case bulk.tableCopy:
    case bulk.tableFill:
    case bulk.tableGrow:
      return { right: 0, left: 1 }
  }
  return undefined
}
