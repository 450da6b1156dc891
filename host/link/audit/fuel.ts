// Fuel: does a function body pay for what it does? Asked of the bytes as they are, without knowing how they were metered.
//
// G1. `credit` is what was paid and not yet used on the way to an instruction, the least of all ways that lead there. It never falls below
//     zero: so whatever way a call takes, everything on it was paid for before it ran.
// G2. A loop's head is reached again by any number of turns: nothing that was paid outside counts inside, and each turn pays by itself. What
//     was paid outside is there again behind the loop.
// G3. A body begins with a check. Without one it is a leaf: no calls, no loops, and no more than a call pays for (weights.ts).
// G4. The counter is touched by checks alone, whose bytes are matched one by one; each takes 1 to `chargeMax`.
//
//   check    global.get F · i64.const COST · SUBTRACT
//   length   local.set N · local.get N · global.get F · min(N, MOST) >> R << L · i64.extend_i32_u · SUBTRACT
//   growth   length · drop · local.get N · i32.eqz · if (result i32) · memory.size M · else · local.get N · memory.grow M · end
//   SUBTRACT i64.sub · local.tee L · global.set F · local.get L · i64.const 0 · i64.lt_s · if · unreachable · end
//
// Owns: one body of a module that V8 found valid.   module.ts owns: the rest of it.   meter.ts writes what is read here and must not be
// imported: a mistake in one is to be found by the other.

import { BinaryError, type ByteReader } from '../../wasm/bytes.ts'
import { InstructionReader, op } from '../../wasm/instructions.ts'
import { type LengthCost, lengthCost, weightOf } from '../../wasm/weights.ts'
import { Forged } from './forged.ts'

const chargeMax = 2 ** 28
const freeLeaf = 4

const i32Const = 0x41
const i64Const = 0x42
const localTee = 0x22
const drop = 0x1a
const emptyBlock = 0x40

const calls: ReadonlySet<number> = new Set([0x10, 0x11, 0x12, 0x13, 0x14, 0x15])

/** What was paid for a length, and the local that holds it. */
interface PaidLength extends LengthCost {
  readonly local: number
}

interface Frame {
  readonly kind: 'block' | 'loop' | 'if'
  /** How many loops are around it. */
  readonly level: number
  readonly live: boolean
  /** When it was opened. */
  readonly credit: number
  /** The least with which its end is branched to; none: infinity. */
  arriving: number
  elseSeen: boolean
}

/** @throws Forged, BinaryError. `reader` stands behind the locals. */
export function auditBody(reader: ByteReader, fuel: number): void {
  new BodyAudit(reader, fuel).run()
}

class BodyAudit {
  readonly #reader: ByteReader
  readonly #fuel: number
  readonly #instruction = new InstructionReader()
  readonly #frames: Frame[] = []
  /** Credit outside of each open loop, outermost first. */
  readonly #outside: number[] = []
  #credit = 0
  #live = true
  #leaf = false

  constructor(reader: ByteReader, fuel: number) {
    this.#reader = reader
    this.#fuel = fuel
  }

  run(): void {
    const entry = this.#check()
    this.#leaf = entry === undefined
    this.#credit = entry ?? freeLeaf
    while (this.#step());
    if (!this.#reader.done) throw new Forged('goes on after its end')
  }

  /** @returns false at the body's end */
  #step(): boolean {
    const paid = this.#check()
    if (paid !== undefined) {
      this.#credit += paid
      return true
    }
    const length = this.#lengthCheck()
    if (length !== undefined && this.#growth(length)) return true
    const reader = this.#reader
    const instruction = this.#instruction
    const at = reader.at
    instruction.next(reader)
    const { op: code, sub, index } = instruction
    if ((code === op.globalGet || code === op.globalSet) && index === this.#fuel)
      throw new Forged('touches the counter of fuel outside of a check')
    const cost = lengthCost(code, sub)
    if (cost !== undefined && (cost.left !== length?.left || cost.right !== length.right))
      throw new Forged('does not pay for a length')
    if (this.#live) this.#spend(code, sub)
    switch (code) {
      case op.block:
        this.#open('block')
        break
      case op.loop:
        this.#open('loop')
        break
      case op.if:
        this.#open('if')
        break
      case op.else:
        this.#else()
        break
      case op.end:
        return this.#end()
      case op.brIf:
      case op.brOnNull:
      case op.brOnNonNull:
        this.#branch(index)
        break
      case op.br:
        this.#branch(index)
        this.#live = false
        break
      case op.brTable:
        this.#table(at)
        this.#live = false
        break
      case op.return:
      case op.returnCall:
      case op.returnCallIndirect:
      case op.returnCallRef:
      case op.unreachable:
        this.#live = false
        break
    }
    return true
  }

  #spend(code: number, sub: number): void {
    if (this.#leaf && (calls.has(code) || code === op.loop)) throw new Forged('does not pay at its entry')
    this.#credit -= weightOf(code, sub)
    if (this.#credit < 0) throw new Forged('does more than it pays for')
  }

  #open(kind: Frame['kind']): void {
    const { length: level } = this.#outside
    this.#frames.push({
      ...{ kind, level, live: this.#live, credit: this.#credit },
      ...{ arriving: Number.POSITIVE_INFINITY, elseSeen: false },
    })
    if (kind !== 'loop') return
    this.#outside.push(this.#credit)
    const turn = this.#check()
    if (this.#live && turn === undefined) throw new Forged('does not pay at the head of a loop')
    this.#credit = turn ?? 0
  }

  #else(): void {
    const frame = this.#frames.at(-1)
    if (frame?.kind !== 'if' || frame.elseSeen) throw new BinaryError('an else without an if')
    if (this.#live) frame.arriving = Math.min(frame.arriving, this.#credit)
    frame.elseSeen = true
    this.#credit = frame.credit
    this.#live = frame.live
  }

  #end(): boolean {
    const frame = this.#frames.pop()
    if (frame === undefined) return false
    if (frame.kind === 'loop') {
      this.#credit = this.#outside.pop()!
      return true
    }
    let least = frame.arriving
    if (this.#live) least = Math.min(least, this.#credit)
    // Without an else its condition may lead past it.
    if (frame.kind === 'if' && !frame.elseSeen && frame.live) least = Math.min(least, frame.credit)
    this.#live = least !== Number.POSITIVE_INFINITY
    this.#credit = this.#live ? least : 0
    return true
  }

  #branch(depth: number): void {
    if (!this.#live) return
    const target = this.#frames.at(-1 - depth)
    // The body's own end, or the head of a loop, which asks for nothing.
    if (target === undefined || target.kind === 'loop') return
    // Out of loops, what was paid inside is left behind.
    const credit = target.level === this.#outside.length ? this.#credit : this.#outside[target.level]!
    target.arriving = Math.min(target.arriving, credit)
  }

  /** The targets of the br_table at this place, which was read as an instruction already. */
  #table(at: number): void {
    const reader = this.#reader
    const behind = reader.at
    reader.at = at + 1
    // The default stands behind those that are counted.
    for (let labels = reader.u32() + 1; labels > 0; labels--) this.#branch(reader.u32())
    reader.at = behind
  }

  /** What a check here takes, and past it; undefined, and where it was, if there is none. */
  #check(): number | undefined {
    if (!this.#begins(op.globalGet)) return undefined
    return this.#attempt(() => {
      if (!this.#reads(op.globalGet, this.#fuel) || !this.#byte(i64Const)) return undefined
      const cost = this.#reader.s32()
      return cost >= 1 && cost <= chargeMax && this.#subtract() ? cost : undefined
    })
  }

  #lengthCheck(): PaidLength | undefined {
    if (!this.#begins(op.localSet)) return undefined
    return this.#attempt(() => {
      if (!this.#byte(op.localSet)) return undefined
      const local = this.#reader.u32()
      const own = (): boolean => this.#reads(op.localGet, local)
      if (!own() || !this.#reads(op.globalGet, this.#fuel) || !own() || !this.#byte(i32Const)) return undefined
      const most = this.#reader.s32()
      if (!own() || !this.#constant(most) || !this.#byte(0x49) || !this.#byte(0x1b)) return undefined
      const right = this.#shift(0x76)
      const left = this.#shift(0x74)
      // Longer ones fail by themselves, without work.
      if (most !== Math.min(2 ** 30, (chargeMax * 2 ** right) / 2 ** left)) return undefined
      return this.#byte(0xad) && this.#subtract() ? { right, left, local } : undefined
    })
  }

  /** memory.grow, which stands in an arm of its own: one of nothing is memory.size. */
  #growth({ left, right, local }: PaidLength): boolean {
    if (!this.#begins(drop)) return false
    const cost = lengthCost(op.memoryGrow, 0)!
    const own = (): boolean => this.#reads(op.localGet, local)
    const found = this.#attempt(() => {
      if (left !== cost.left || right !== cost.right) return undefined
      if (!this.#byte(drop) || !own() || !this.#byte(0x45) || !this.#byte(op.if) || !this.#byte(0x7f)) return undefined
      if (!this.#byte(0x3f)) return undefined
      const memory = this.#reader.u32()
      return this.#byte(op.else) && own() && this.#reads(op.memoryGrow, memory) && this.#byte(op.end)
        ? memory
        : undefined
    })
    if (found === undefined) return false
    if (this.#live) this.#spend(op.memoryGrow, 0)
    return true
  }

  #shift(code: number): number {
    const by = this.#attempt(() => {
      if (!this.#byte(i32Const)) return undefined
      const bits = this.#reader.s32()
      return bits >= 1 && bits <= 28 && this.#byte(code) ? bits : undefined
    })
    return by ?? 0
  }

  #subtract(): boolean {
    if (!this.#byte(0x7d) || !this.#byte(localTee)) return false
    const left = this.#reader.u32()
    return (
      this.#reads(op.globalSet, this.#fuel) &&
      this.#reads(op.localGet, left) &&
      this.#byte(i64Const) &&
      this.#byte(0) &&
      this.#byte(0x53) &&
      this.#byte(op.if) &&
      this.#byte(emptyBlock) &&
      this.#byte(op.unreachable) &&
      this.#byte(op.end)
    )
  }

  #constant(value: number): boolean {
    return this.#byte(i32Const) && this.#reader.s32() === value
  }

  #reads(code: number, index: number): boolean {
    return this.#byte(code) && this.#reader.u32() === index
  }

  #begins(code: number): boolean {
    return !this.#reader.done && this.#reader.peek() === code
  }

  #byte(expected: number): boolean {
    return !this.#reader.done && this.#reader.byte() === expected
  }

  /** Goes back where a pattern does not match; bytes that are no number, or end, match nothing. */
  #attempt<Found>(read: () => Found | undefined): Found | undefined {
    const from = this.#reader.at
    let found: Found | undefined
    try {
      found = read()
    } catch (thrown) {
      if (!(thrown instanceof BinaryError)) throw thrown
    }
    if (found === undefined) this.#reader.at = from
    return found
  }
}
