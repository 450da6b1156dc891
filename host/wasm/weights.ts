// Weights: what an instruction costs, in ticks (guest/fuel.ts: eight to a unit of fuel).
//
// W1. A tick lasts at most about 0.12 ns, whatever is run and whichever of V8's two compilers made it: so 2^28 units, which is
//     what a call has, end within 250 ms. `npm run bench -- fuel` searches for what lasts longer.
// W4. Weights do not depend on data but for lengths, so the fuel of a call is the same every time (law L4).
//
// Memory that stalls lasts longer, and no instruction shows it: loads and stores that miss the caches, up to 80 ns where each waits for
// the one before, and stores across two pages, 11 ns. Weights that bounded a chain of misses would leave honest code a hundredth.
//
// Dense code runs far below that: a tick of QuickJS lasts about 0.03 ns.
//
// Owns: the numbers. Changing one changes which calls run out: raise `engineVersion` (link.ts) with it.

import { bulk, op } from './instructions.ts'

const load = 12
const store = 28
const multiplication = 4
const division = 20
const call = 16
/** A jump that no predictor guesses is within. */
const indirectCall = 96
const branchIf = 8
const branchTable = 24
const globalSet = 5
const float = 5
const floatDivision = 24
const squareRoot = 56
const conversion = 10
const simd = 6
const simdStore = 32
const simdSlow = 24

/** A buffer is made anew, and garbage collected where it is large: 0.2 ms at 64 MB. */
const memoryGrow = 400_000
/** Calls into V8's runtime, or its builtins, whatever the length is. */
const tableGrow = 2_000
const tableGet = 40
const tableSlow = 500
const bulkBase = 150

/** For each value that a branch, a block's begin or end or a call carries, times its width (types.ts). */
export const carryWeight = 2

/** For each value that a tail call carries, as wide: the frame is laid out anew. */
export const tailWeight = 24

/** What a call's parameters cost, so wide together: those for which there is no register go through memory. */
export function parametersWeight(width: number): number {
  return width > 8 ? width * 8 : width * carryWeight
}

/** The same for its results. */
export function resultsWeight(width: number): number {
  return width > 2 ? width * 8 : width * carryWeight
}

/** For each local that may have to be moved where ways meet (moves.ts). */
export const moveWeight = 4

/** What a check itself costs. */
export const checkWeight = 3

/** Of the locals that a function sets to zero when it is entered: how many there are, and how wide those are that no integer register
 *  holds. The first compiler writes many of them by one slow instruction. */
export function localsWeight(count: number, wide: number): number {
  const many = wide > 10 || count > 64
  return many ? 120 + (count + wide) * 2 : count + wide
}

/** What choosing among so many labels costs, besides the branch. The first compiler asks for half of what is left at each step; with
 *  many labels the questions themselves miss the caches. */
export function armWeight(labels: number): number {
  const steps = 32 - Math.clz32(labels)
  return labels > 512 ? steps * 30 : steps * 2
}

/** Ticks for one instruction, without what its length adds (see `lengthCost`). */
export function weightOf(code: number, sub: number): number {
  if (code >= 0x28 && code <= 0x35) return load
  if (code >= 0x36 && code <= 0x3e) return store
  // Floats, and conversions to and from them.
  if (code >= 0xa8 && code <= 0xbf && code !== 0xac && code !== 0xad) return conversion
  switch (code) {
    // block, loop, else, end, nop: no machine code of their own.
    case 0x01:
    case op.block:
    case op.loop:
    case op.else:
    case op.end:
      return 0
    case op.if:
    case op.brIf:
    case op.brOnNull:
    case op.brOnNonNull:
      return branchIf
    case op.brTable:
      return branchTable
    case op.call:
    case op.returnCall:
      return call
    case op.callIndirect:
    case op.returnCallIndirect:
    case op.callRef:
    case op.returnCallRef:
      return indirectCall
    case op.globalSet:
      return globalSet
    case op.memoryGrow:
      return memoryGrow
    case 0x25: // table.get
    case 0xd2: // ref.func
      return tableGet
    case 0x26: // table.set
      return tableSlow
    case 0x6c: // i32.mul
    case 0x7e: // i64.mul
      return multiplication
    // i32 and i64 division and remainder.
    case 0x6d:
    case 0x6e:
    case 0x6f:
    case 0x70:
    case 0x7f:
    case 0x80:
    case 0x81:
    case 0x82:
      return division
    // f32.sqrt, f64.sqrt
    case 0x91:
    case 0x9f:
      return squareRoot
    // f32.div, f64.div
    case 0x95:
    case 0xa3:
      return floatDivision
    case op.prefixBulk:
      return bulkWeight(sub)
    case op.prefixSimd:
      return simdWeight(sub)
  }
  return code >= 0x8b && code <= 0xa6 ? float : 1
}

function bulkWeight(sub: number): number {
  if (sub < 8) return conversion
  switch (sub) {
    case bulk.memoryInit:
    case bulk.memoryCopy:
    case bulk.memoryFill:
      return bulkBase
    case bulk.tableGrow:
      return tableGrow
  }
  return tableSlow
}

function simdWeight(sub: number): number {
  // Loads: whole, splat and extended, of one lane, with zeros.
  if (sub <= 10 || (sub >= 84 && sub <= 87) || sub === 92 || sub === 93) return load
  if (sub === 11 || (sub >= 88 && sub <= 91)) return simdStore
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
    case bulk.memoryFill:
      return { right: 2, left: 0 }
    // 3 GB a second where both ends lie badly to each other.
    case bulk.memoryInit:
    case bulk.memoryCopy:
      return { right: 0, left: 2 }
    case bulk.tableInit:
    case bulk.tableFill:
    case bulk.tableGrow:
      return { right: 0, left: 8 }
    case bulk.tableCopy:
      return { right: 0, left: 9 }
  }
  return undefined
}
