// Making: what making an instance of a module costs besides its code: elements of segments, globals and exports.
//
// N1. No fuel pays for it, and a function that traps makes the host make another instance (guest/warm.ts W1). So it is bounded before
//     anything runs: 20 segments of 99,000 elements, in a table that is within its bound, took a second for each trap.
// N2. Counted per module: one that is instantiated often costs as often.
//
// Owns: counting and its bounds.   cap.ts owns: sizes of memories and tables.   record.ts owns: how often a module is instantiated.

import type { Limits } from '../limits.ts'
import { BinaryError, ByteReader } from './bytes.ts'
import { InstructionReader, op } from './instructions.ts'
import { bodyOf, type Section, sectionId, skipValueType } from './sections.ts'

/** Of all modules of a component. Compilers write a few dozen. */
const globalsMax = 10_000
const exportsMax = 10_000

export interface Making {
  /** Of all segments, also those that are used later or never. */
  readonly elements: number
  readonly globals: number
  readonly exports: number
}

/** Of a valid module. @throws BinaryError, FeatureError */
export function makingOf(sections: readonly Section[]): Making {
  const count = (id: number) => {
    const body = bodyOf(sections, id)
    return body === undefined ? 0 : new ByteReader(body).u32()
  }
  const segments = bodyOf(sections, sectionId.element)
  return {
    elements: segments === undefined ? 0 : countElements(new ByteReader(segments)),
    globals: count(sectionId.global),
    exports: count(sectionId.export),
  }
}

/** Why modules that cost so much are refused; empty if they are not. */
export function tooMuch(modules: readonly Making[], { guestTableElementsMax }: Limits): string[] {
  const bounds = [
    ['elements', 'element segments have', guestTableElementsMax],
    ['globals', 'modules have', globalsMax],
    ['exports', 'modules have', exportsMax],
  ] as const
  return bounds.flatMap(([what, whose, max]) => {
    const sum = modules.reduce((total, making) => total + making[what], 0)
    return sum > max ? [`its ${whose} ${sum} ${what}, ${max} are allowed`] : []
  })
}

function countElements(reader: ByteReader): number {
  const instruction = new InstructionReader()
  const expression = () => {
    do instruction.next(reader)
    while (instruction.op !== op.end)
  }
  let elements = 0
  for (let left = reader.u32(); left > 0; left--) {
    const flags = reader.u32()
    if (flags > 7) throw new BinaryError('unknown element segment')
    const active = (flags & 1) === 0
    const expressions = (flags & 4) !== 0
    if (active && (flags & 2) !== 0) reader.u32()
    if (active) expression()
    if ((flags & 3) !== 0) {
      if (expressions) skipValueType(reader)
      else reader.byte()
    }
    const items = reader.u32()
    elements += items
    for (let item = 0; item < items; item++) {
      if (expressions) expression()
      else reader.u32()
    }
  }
  return elements
}
