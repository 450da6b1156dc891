// Regions: a function body cut into stretches that are paid for together.
//
// R1. A region begins where control can arrive or not arrive: entry, loop head, arm, after a conditional branch, after
//     the end of a block. Its parent is a region of the same loop level that control passed before, every time.
// R2. A small region is paid for by its parent; a parent takes at most `mergeMax` that way, and a loop head takes nothing
//     to outside: so every instruction is paid for at least once per run, and little that does not run is.
// R3. Code that cannot be reached (after br, return, unreachable) costs nothing and is not checked.
// R4. What an instruction carries is paid for by count: values that a branch, a block's begin or end, a call or a return
//     moves, and the locals of a function, which are set to zero when it is entered.
//
// Owns: the cut, and who carries what.   meter.ts owns: writing the checks.   weights.ts owns: how much.

import { BinaryError, type ByteReader } from './bytes.ts'
import { InstructionReader, op } from './instructions.ts'
import { movesOf } from './moves.ts'
import type { Arity, Types } from './types.ts'
import {
  armWeight,
  carryWeight,
  checkWeight,
  type LengthCost,
  lengthCost,
  localsWeight,
  moveWeight,
  parametersWeight,
  resultsWeight,
  tailWeight,
  weightOf,
} from './weights.ts'

/** Ticks that a region may pay for beyond itself. QuickJS, a command alone, against 10.0 us and exact ticks unmetered:
 *  0: 17.0 us · 64: 12.8 us, 1.4 times the ticks · 128: 12.2 us, 1.8 times · 256: 11.7 us, 2.4 times · 1,024: 11.5 us, 5 times. */
const mergeMax = 128

export type Edit =
  /** A check for a region goes in before `at`; none if its cost came to 0. */
  | { readonly kind: 'check'; readonly at: number; readonly region: number }
  /** The instruction at `at` takes a length from the stack. */
  | { readonly kind: 'length'; readonly at: number; readonly cost: LengthCost }
  /** memory.grow from `at` to `end`, of the memory `index`. */
  | {
      readonly kind: 'grow'
      readonly at: number
      readonly end: number
      readonly cost: LengthCost
      readonly index: number
    }
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
  /** How wide what lies on the stack after its end is. */
  readonly results: number
  /** How wide what a branch to it carries is. */
  readonly carried: number
  /** Locals that may have to be moved where its ways meet. */
  readonly moved: number
  /** Its end is a place where ways meet. */
  readonly meetsAtEnd: boolean
}

/** Read one body, locals already read, to its end. `self`: its type; `locals`: besides its parameters; `wide`: see
 *  `localsWeight`.
 *  @throws BinaryError, FeatureError */
export function regionsOf(reader: ByteReader, types: Types, self: Arity, locals: number, wide: number): Regions {
  const moves = movesOf(reader, self.takes + locals)
  let blocks = 0
  const edits: Edit[] = [{ kind: 'check', at: reader.at, region: entry }]
  const costs: number[] = [localsWeight(locals, wide)]
  const parents: number[] = [noParent]
  const frames: Frame[] = [
    { isIf: false, outside: entry, results: self.givesWide, carried: self.givesWide, moved: 0, meetsAtEnd: false },
  ]
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
  const pay = (ticks: number): void => {
    if (current !== unreachable) costs[current]! += ticks
  }
  const carry = (values: number): void => pay(values * carryWeight)
  const move = (locals: number): void => pay(locals * moveWeight)
  const open = (): void => {
    const [isIf, isLoop] = [instruction.op === op.if, instruction.op === op.loop]
    const { takesWide, givesWide } = types.ofBlock(instruction.index)
    const moved = moves[blocks++]!
    carry(takesWide)
    // On one of the ways into a loop, and on both through an if, nothing stands that could pay for them.
    if (isIf || isLoop) move(moved)
    frames.push({
      isIf,
      outside: current,
      results: givesWide,
      carried: isLoop ? takesWide : givesWide,
      moved,
      meetsAtEnd: !isIf && !isLoop,
    })
  }
  const label = (depth: number): Frame => {
    const frame = frames[frames.length - 1 - depth]
    if (frame === undefined) throw new BinaryError('a branch goes to no block')
    return frame
  }
  const branch = (depth: number): void => {
    const { carried, moved } = label(depth)
    carry(carried)
    move(moved)
  }

  for (;;) {
    const at = reader.at
    instruction.next(reader)
    const { op: code, sub } = instruction
    pay(weightOf(code, sub))
    switch (code) {
      case op.block:
        open()
        break
      case op.loop:
        open()
        if (current !== unreachable) begin(noParent)
        break
      case op.if:
        open()
        if (current !== unreachable) begin(current)
        break
      case op.else: {
        const frame = label(0)
        if (!frame.isIf) throw new BinaryError('an else without an if')
        carry(frame.results)
        after(frame.outside)
        break
      }
      case op.end: {
        const { results, outside, moved, meetsAtEnd } = label(0)
        carry(results)
        if (meetsAtEnd) move(moved)
        frames.pop()
        if (frames.length === 0) {
          if (!reader.done) throw new BinaryError('a function goes on after its end')
          settle(costs, parents, calls)
          return { edits, costs }
        }
        after(outside)
        break
      }
      case op.brIf:
      case op.brOnNull:
      case op.brOnNonNull:
        branch(instruction.index)
        if (current !== unreachable) begin(current)
        break
      case op.br:
        branch(instruction.index)
        current = unreachable
        break
      case op.brTable:
        // All labels carry as many values; it may go where most locals are moved.
        carry(label(instruction.index).carried)
        move(instruction.labels.reduce((most, depth) => Math.max(most, label(depth).moved), 0))
        pay(armWeight(instruction.labels.length))
        current = unreachable
        break
      case op.return:
        carry(self.givesWide)
        current = unreachable
        break
      case op.unreachable:
        current = unreachable
        break
      case op.call:
      case op.returnCall:
        call(types.ofFunction(instruction.index), code === op.call)
        break
      case op.callIndirect:
      case op.callRef:
      case op.returnCallIndirect:
      case op.returnCallRef:
        call(types.ofType(instruction.index), code === op.callIndirect || code === op.callRef)
        break
      case op.globalGet:
      case op.globalSet:
        edits.push({ kind: 'global', at, end: reader.at, code, index: instruction.index })
        break
      default: {
        const cost = lengthCost(code, sub)
        if (cost === undefined) break
        if (code === op.memoryGrow) edits.push({ kind: 'grow', at, end: reader.at, cost, index: instruction.index })
        else edits.push({ kind: 'length', at, cost })
      }
    }
  }

  /** What comes back is paid for by the caller, and once more by the callee where it returns. */
  function call({ takesWide, givesWide }: Arity, comesBack: boolean): void {
    calls = true
    if (comesBack) {
      pay(parametersWeight(takesWide) + resultsWeight(givesWide))
      return
    }
    pay(takesWide * tailWeight)
    current = unreachable
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
    // A loop's head is paid for in each turn, also if the turn is empty.
    if (parent === noParent || taken[parent]! + cost > mergeMax) {
      costs[region] = cost + checkWeight
      continue
    }
    taken[parent]! += cost
    costs[parent]! += cost
    costs[region] = 0
  }
  const leaf = !calls && costs.every((cost, region) => region === entry || cost === 0)
  if (leaf && costs[entry]! <= freeLeaf) costs[entry] = 0
  else costs[entry]! += checkWeight
}
