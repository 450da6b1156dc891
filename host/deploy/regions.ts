// Regions: a function body cut into stretches that are paid for together.
//
// R1. A region begins where control can arrive or not arrive: entry, loop head, arm, after a conditional branch, after
//     the end of a block. Its parent is a region of the same loop level that control passed before, every time.
// R2. A small region is paid for by its parent; a parent takes at most `mergeMax` that way, and a loop head takes nothing
//     to outside: so every instruction is paid for at least once per run, and little that does not run is.
// R3. Code that cannot be reached (after br, return, unreachable) costs nothing and is not checked.
//
// Owns: the cut.   meter.ts owns: writing the checks.

import { BinaryError, type ByteReader } from './bytes.ts'
import { InstructionReader, op } from './instructions.ts'
import { type LengthCost, lengthCost, weightOf } from './weights.ts'

/** Ticks that a region may pay for beyond itself. QuickJS, a command alone, against 10.0 us and exact ticks unmetered:
 *  0: 17.0 us · 64: 12.8 us, 1.4 times the ticks · 128: 12.2 us, 1.8 times · 256: 11.7 us, 2.4 times · 1,024: 11.5 us, 5 times. */
const mergeMax = 128

export type Edit =
  /** A check for a region goes in before `at`; none if its cost came to 0. */
  | { readonly kind: 'check'; readonly at: number; readonly region: number }
  /** The instruction at `at` takes a length from the stack. */
  | { readonly kind: 'length'; readonly at: number; readonly cost: LengthCost }
  /** global.get or global.set from `at` to `end`. */
  | {
      readonly kind: 'global'
      readonly at: number
      readonly end: number
      readonly code: number
      readonly index: number
    }

export interface Regions {
  /** In the order of the bytes. */
  readonly edits: readonly Edit[]
  /** What the check of each region takes; 0 if its parent pays. */
  readonly costs: readonly number[]
}

const entry = 0
const unreachable = -1
const noParent = -1

interface Frame {
  readonly isIf: boolean
  /** The region that the block was opened in. */
  readonly outside: number
}

/** Read one body, locals already read, to its end. @throws BinaryError, FeatureError */
export function regionsOf(reader: ByteReader): Regions {
  const edits: Edit[] = [{ kind: 'check', at: reader.at, region: entry }]
  const costs: number[] = [0]
  const parents: number[] = [noParent]
  const frames: Frame[] = []
  const instruction = new InstructionReader()
  let current = entry
  let calls = false

  const begin = (parent: number): void => {
    current = costs.length
    costs.push(0)
    parents.push(parent)
    edits.push({ kind: 'check', at: reader.at, region: current })
  }
  const after = (outside: number): void => {
    if (outside === unreachable) current = unreachable
    else begin(outside)
  }

  for (;;) {
    const at = reader.at
    instruction.next(reader)
    const { op: code, sub } = instruction
    if (current !== unreachable) costs[current]! += weightOf(code, sub)
    switch (code) {
      case op.block:
        frames.push({ isIf: false, outside: current })
        break
      case op.loop:
        frames.push({ isIf: false, outside: current })
        if (current !== unreachable) begin(noParent)
        break
      case op.if:
        frames.push({ isIf: true, outside: current })
        if (current !== unreachable) begin(current)
        break
      case op.else: {
        const frame = frames.at(-1)
        if (frame === undefined || !frame.isIf) throw new BinaryError('an else without an if')
        after(frame.outside)
        break
      }
      case op.end: {
        const frame = frames.pop()
        if (frame === undefined) {
          if (!reader.done) throw new BinaryError('a function goes on after its end')
          settle(costs, parents, calls)
          return { edits, costs }
        }
        after(frame.outside)
        break
      }
      case op.brIf:
      case op.brOnNull:
      case op.brOnNonNull:
        if (current !== unreachable) begin(current)
        break
      case op.returnCall:
      case op.returnCallIndirect:
      case op.returnCallRef:
        calls = true
        current = unreachable
        break
      case op.br:
      case op.brTable:
      case op.return:
      case op.unreachable:
        current = unreachable
        break
      case 0x10:
      case 0x11:
      case 0x14:
        calls = true
        break
      case op.globalGet:
      case op.globalSet:
        edits.push({ kind: 'global', at, end: reader.at, code, index: instruction.index })
        break
      default: {
        const cost = lengthCost(code, sub)
        if (cost !== undefined) edits.push({ kind: 'length', at, cost })
      }
    }
  }
}

/** What a call costs (weights.ts) pays for a leaf of this size. */
const freeLeaf = 4

/** Let parents pay for small regions, last first: a region's own children are settled before it is. */
function settle(costs: number[], parents: readonly number[], calls: boolean): void {
  const taken = new Array<number>(costs.length).fill(0)
  for (let region = costs.length - 1; region > entry; region--) {
    const parent = parents[region]!
    const cost = costs[region]!
    if (parent === noParent) {
      // A turn of an empty loop costs as well.
      costs[region] = Math.max(cost, 1)
      continue
    }
    if (taken[parent]! + cost > mergeMax) continue
    taken[parent]! += cost
    costs[parent]! += cost
    costs[region] = 0
  }
  const leaf = !calls && costs.every((cost, region) => region === entry || cost === 0)
  if (leaf && costs[entry]! <= freeLeaf) costs[entry] = 0
  else costs[entry] = Math.max(costs[entry]!, 1)
}
