// Weights: what an instruction costs, in ticks (guest/fuel.ts: eight to a unit of fuel).
//
// W1. Measured so that 160 million ticks (20 million units) last at most 80 ms in a tight loop of
//     any one kind of instruction (test/deploy/weights.ts measures it again). The exception is a chain of loads that each
//     miss the cache, 75 ns apiece: about 1.3 s. A weight that bounded it to 100 ms would leave honest code 0.3 ms.
// W2. Dense code runs far below that: QuickJS runs about 3 ms on them, some eighty commands of the cart.
// W3. Weights do not depend on data but for lengths, so the fuel of a call is the same every time (law L4).
//
// Owns: the numbers. Changing one changes which calls run out: raise `engineVersion` (link.ts) with it.

import { bulk, op } from './instructions.ts'

const load = 8
const store = 4
const division = 12
const call = 4
const indirectCall = 8
const simd = 3
const simdSlow = 12

/** Calls into V8's runtime whatever the length is: memory.grow takes microseconds even when it fails. */
const grow = 2_000
const bulkBase = 40

/** Ticks for one instruction, without what its length adds (see `lengthCost`). */
export function weightOf(code: number, sub: number): number {
  if (code >= 0x28 && code <= 0x35) return load
  if (code >= 0x36 && code <= 0x3e) return store
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
      return simdWeight(sub)
  }
  return 1
}

function simdWeight(sub: number): number {
  // Loads: whole, splat and extended, of one lane, with zeros.
  if (sub <= 10 || (sub >= 84 && sub <= 87) || sub === 92 || sub === 93) return load
  if (sub === 11 || (sub >= 88 && sub <= 91)) return store
  // 0x62: i8x16.popcnt. 0xe0 and up: floats, and conversions of them.
  return sub >= 0xe0 || sub === 0x62 ? simdSlow : simd
}

/** Ticks by length: `length >> right << left`, where lengths are bytes, table elements or pages. */
export interface LengthCost {
  readonly right: number
  readonly left: number
}

/** What the length on top of the stack costs, for instructions that have one. */
export function lengthCost(code: number, sub: number): LengthCost | undefined {
  // A page is zeroed or faulted in when it is first touched: 65,536 bytes at 16 a tick.
  if (code === op.memoryGrow) return { right: 0, left: 12 }
  if (code !== op.prefixBulk) return undefined
  switch (sub) {
    case bulk.memoryInit:
    case bulk.memoryCopy:
    case bulk.memoryFill:
      return { right: 4, left: 0 }
    case bulk.tableInit:
      return { right: 0, left: 6 }
    case bulk.tableCopy:
    case bulk.tableFill:
    case bulk.tableGrow:
      return { right: 0, left: 5 }
  }
  return undefined
}
