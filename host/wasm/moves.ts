// Moves: how many locals of a function the compiler may have to move where ways of control meet.
//
// V8's optimizing compiler gives a local a new place for each value that it takes. Where ways meet (the head of a loop, the end of an
// `if`, of a block that is branched to), every local that was set since they parted, and is read later, has to come to one place:
// on the way where nothing was set, too. So a branch past a thousand sets costs a thousand moves.
//
// V1. Counted are locals that are set between the begin and the end of a block and may be read after the place where its ways
//     meet. That is never too few; it may be too many.
// V2. A place that only one way leads to moves nothing.
// V3. Liveness goes backward through the body until it no longer changes. Loops within loops make it slow to settle: after
//     `passesMax` every local counts as read.
// V4. A body with so many locals, blocks and branches that liveness would be slow is counted by its sets: each is another local.
//
// Owns: the count.   regions.ts owns: who pays for it.

import type { ByteReader } from './bytes.ts'
import { BinaryError } from './bytes.ts'
import { InstructionReader, op } from './instructions.ts'

const passesMax = 24
/** Words of 32 locals, for each block and branch: about 0.1 s. */
const wordsMax = 2 ** 22

type Kind = 'block' | 'loop' | 'if'

interface Block {
  readonly kind: Kind
  /** Ways that lead to where its branches go. */
  ways: number
  hasElse: boolean
  /** Locals that are set in it, as bits. */
  readonly changed: Uint32Array
  /** Locals that may be read after the place where its branches go. */
  live: Uint32Array
}

/** What matters of a body, in its order. */
type Step =
  | { readonly what: 'get' | 'set'; readonly local: number }
  | { readonly what: 'open' | 'else' | 'end'; readonly block: Block }
  /** `leaves`: nothing after it is reached by it. */
  | { readonly what: 'branch'; readonly to: readonly Block[]; readonly leaves: boolean }

/** For each block, loop and if, in the order of their begins. The reader is at the first instruction, and stays there.
 *  @throws BinaryError, FeatureError */
export function movesOf(body: ByteReader, locals: number): Uint32Array {
  const words = (locals + 31) >> 5
  const sets = setsOf(body)
  if (sets.places * words > wordsMax) return Uint32Array.from(sets.blocks, (count) => Math.min(count, locals))
  const { steps, blocks } = read(body, words)
  const settled = settle(steps, blocks, words)
  return Uint32Array.from(blocks, ({ ways, changed, live }) => {
    if (ways < 2) return 0
    let count = 0
    for (let word = 0; word < words; word++) count += ones(settled ? changed[word]! & live[word]! : changed[word]!)
    return count
  })
}

/** Sets within each block, and how many blocks and branches there are. */
function setsOf(body: ByteReader): { blocks: number[]; places: number } {
  const reader = body.fork()
  const instruction = new InstructionReader()
  const blocks: number[] = []
  const open: number[] = []
  let branches = 0
  for (;;) {
    instruction.next(reader)
    switch (instruction.op) {
      case op.localSet:
      case op.localTee:
        if (open.length > 0) blocks[open.at(-1)!]!++
        break
      case op.block:
      case op.loop:
      case op.if:
        open.push(blocks.length)
        blocks.push(0)
        break
      case op.end: {
        const block = open.pop()
        if (block === undefined) return { blocks, places: blocks.length + branches }
        if (open.length > 0) blocks[open.at(-1)!]! += blocks[block]!
        break
      }
      case op.br:
      case op.brIf:
      case op.brOnNull:
      case op.brOnNonNull:
        branches++
        break
      case op.brTable:
        branches += instruction.labels.length
        break
    }
  }
}

function read(body: ByteReader, words: number): { steps: Step[]; blocks: Block[] } {
  const reader = body.fork()
  const instruction = new InstructionReader()
  const steps: Step[] = []
  const blocks: Block[] = []
  const open: { block: Block; reached: boolean }[] = []
  let reached = true
  const target = (depth: number): Block[] => {
    // The outermost is the function: to leave it moves nothing.
    if (depth === open.length) return []
    const frame = open[open.length - 1 - depth]
    if (frame === undefined) throw new BinaryError('a branch goes to no block')
    if (reached) frame.block.ways++
    return [frame.block]
  }
  const begin = (kind: Kind) => {
    const none = new Uint32Array(words)
    const block: Block = { kind, ways: 0, hasElse: false, changed: new Uint32Array(words), live: none }
    if (kind === 'loop' && reached) block.ways++
    blocks.push(block)
    open.push({ block, reached })
    steps.push({ what: 'open', block })
  }
  const leave = (to: readonly Block[]) => {
    steps.push({ what: 'branch', to, leaves: true })
    reached = false
  }
  for (;;) {
    instruction.next(reader)
    const { op: code, index } = instruction
    switch (code) {
      case op.localGet:
        if (reached) steps.push({ what: 'get', local: index })
        break
      case op.localSet:
      case op.localTee:
        if (!reached) break
        steps.push({ what: 'set', local: index })
        if (open.length > 0) mark(open.at(-1)!.block.changed, index)
        break
      case op.block:
        begin('block')
        break
      case op.loop:
        begin('loop')
        break
      case op.if:
        begin('if')
        break
      case op.else: {
        const frame = open.at(-1)
        if (frame === undefined) throw new BinaryError('an else without an if')
        frame.block.hasElse = true
        if (reached) frame.block.ways++
        reached = frame.reached
        steps.push({ what: 'else', block: frame.block })
        break
      }
      case op.end: {
        const frame = open.pop()
        if (frame === undefined) return { steps, blocks }
        const { block } = frame
        if (block.kind !== 'loop') {
          if (reached) block.ways++
          if (block.kind === 'if' && !block.hasElse && frame.reached) block.ways++
          reached = block.ways > 0
        }
        steps.push({ what: 'end', block })
        if (open.length > 0) unite(open.at(-1)!.block.changed, block.changed)
        break
      }
      case op.br:
        leave(target(index))
        break
      case op.brTable:
        leave([...new Set(instruction.labels)].flatMap(target))
        break
      case op.brIf:
      case op.brOnNull:
      case op.brOnNonNull:
        steps.push({ what: 'branch', to: target(index), leaves: false })
        break
      case op.unreachable:
      case op.return:
      case op.returnCall:
      case op.returnCallIndirect:
      case op.returnCallRef:
        leave([])
        break
    }
  }
}

/** Finds what is live where branches go. @returns whether it settled. */
function settle(steps: readonly Step[], blocks: readonly Block[], words: number): boolean {
  if (blocks.every(({ ways }) => ways < 2)) return true
  for (let pass = 0; pass < passesMax; pass++) if (!backward(steps, words)) return true
  return false
}

/** @returns whether the head of a loop has more live locals than before. */
function backward(steps: readonly Step[], words: number): boolean {
  let live = new Uint32Array(words)
  let more = false
  const elses = new Map<Block, Uint32Array>()
  for (let at = steps.length - 1; at >= 0; at--) {
    const step = steps[at]!
    switch (step.what) {
      case 'get':
        mark(live, step.local)
        break
      case 'set':
        live[step.local >> 5]! &= ~(1 << (step.local & 31))
        break
      case 'branch':
        if (step.leaves) live = new Uint32Array(words)
        for (const block of step.to) unite(live, block.live)
        break
      case 'end':
        if (step.block.kind !== 'loop') step.block.live = live.slice()
        break
      case 'else':
        elses.set(step.block, live)
        live = step.block.live.slice()
        break
      case 'open': {
        const { block } = step
        if (block.kind === 'if') unite(live, elses.get(block) ?? block.live)
        else if (block.kind === 'loop') more = unite(block.live, live) || more
        break
      }
    }
  }
  return more
}

function mark(bits: Uint32Array, index: number): void {
  if (index >> 5 >= bits.length) throw new BinaryError('a local is named that there is not')
  bits[index >> 5]! |= 1 << (index & 31)
}

/** @returns whether `bits` has more of them now. */
function unite(bits: Uint32Array, more: Uint32Array): boolean {
  let grew = false
  for (let word = 0; word < bits.length; word++) {
    const before = bits[word]!
    const after = (before | more[word]!) >>> 0
    if (after === before) continue
    bits[word] = after
    grew = true
  }
  return grew
}

function ones(word: number): number {
  let left = word - ((word >>> 1) & 0x55555555)
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333)
  return (((left + (left >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24
}
