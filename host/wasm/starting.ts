// Starting: what a fresh instance of a module costs before any of its code runs, in units of fuel.
//
// S1. All that V8 does something for is counted, by number and by length: exports, imports, globals and their expressions, segments and
//     what lies in them, the least sizes of memories and tables. A unit lasts about a nanosecond.
// S2. It is bounded where a component is deployed, not taken from a call: a call would have another fuel where it needs a fresh instance
//     (law L4). The bound is an eighth of a call's fuel, so a function that traps at each call holds the loop for less than one that
//     loops.
//
// Owns: the count of one module.   start.ts owns: how often each is instantiated, and the bound.

import { ByteReader } from './bytes.ts'
import { InstructionReader, op } from './instructions.ts'
import {
  bodyOf,
  countImports,
  readLimits,
  type Section,
  sectionId,
  skipElementType,
  skipValueType,
} from './sections.ts'

/** So many of a kind, and what they cost together. */
export interface StartingPart {
  readonly what: string
  readonly count: number
  readonly units: number
}

/** Units for each. */
const weights = {
  instances: 10_000,
  exports: 600,
  imports: 600,
  functions: 10,
  types: 10,
  globals: 250,
  'instructions in constants': 100,
  tables: 500,
  'table elements at the start': 25,
  memories: 10_000,
  // Each page is made ready when it is first touched, and an instance that is fresh touches them anew.
  'memory pages at the start': 4_000,
  'element segments': 50,
  'elements in segments': 120,
  'data segments': 25,
  'bytes in data segments': 1,
} as const

type Kind = keyof typeof weights

/** What one instance of the module costs, the dearest first. @throws BinaryError */
export function startingOf(sections: readonly Section[]): readonly StartingPart[] {
  const counts = new Map<Kind, number>([['instances', 1]])
  const add = (kind: Kind, count: number) => counts.set(kind, (counts.get(kind) ?? 0) + count)
  const instruction = new InstructionReader()
  const open = (id: number) => new ByteReader(bodyOf(sections, id) ?? Uint8Array.of(0))
  const expression = (reader: ByteReader) => {
    do {
      instruction.next(reader)
      add('instructions in constants', 1)
    } while (instruction.op !== op.end)
  }

  add(
    'imports',
    countImports(bodyOf(sections, sectionId.import)).reduce((sum, count) => sum + count, 0),
  )
  for (const [id, kind] of [
    [sectionId.type, 'types'],
    [sectionId.function, 'functions'],
    [sectionId.export, 'exports'],
  ] as const)
    add(kind, open(id).u32())

  const tables = open(sectionId.table)
  for (let left = tables.u32(); left > 0; left--) {
    skipValueType(tables)
    add('tables', 1)
    add('table elements at the start', readLimits(tables).min)
  }
  const memories = open(sectionId.memory)
  for (let left = memories.u32(); left > 0; left--) {
    add('memories', 1)
    add('memory pages at the start', readLimits(memories).min)
  }
  const globals = open(sectionId.global)
  for (let left = globals.u32(); left > 0; left--) {
    skipValueType(globals)
    globals.byte()
    add('globals', 1)
    expression(globals)
  }
  const elements = open(sectionId.element)
  for (let left = elements.u32(); left > 0; left--) {
    const { active, expressions } = skipElementType(elements, expression)
    add('element segments', 1)
    const count = elements.u32()
    if (active) add('elements in segments', count)
    for (let item = 0; item < count; item++) {
      if (expressions) expression(elements)
      else elements.u32()
    }
  }
  const data = open(sectionId.data)
  for (let left = data.u32(); left > 0; left--) {
    const flags = data.u32()
    if (flags === 2) data.u32()
    if (flags !== 1) expression(data)
    const length = data.u32()
    data.skip(length)
    add('data segments', 1)
    if (flags !== 1) add('bytes in data segments', length)
  }
  return [...counts]
    .map(([what, count]) => ({ what, count, units: count * weights[what] }))
    .sort((a, b) => b.units - a.units)
}

export function unitsOf(parts: readonly StartingPart[]): number {
  return parts.reduce((sum, { units }) => sum + units, 0)
}

/** Says which part it is: of a module, the dearest. */
export function tooDearToStart(
  module: string,
  parts: readonly StartingPart[],
  units: number,
  unitsMax: number,
): string {
  const number = (value: number) => value.toLocaleString('en-US')
  const { what, count, units: most } = parts[0]!
  return (
    `a fresh instance takes ${number(units)} units of fuel before any of its functions runs, ${number(unitsMax)} are allowed (--fuel-at-start): ` +
    `${number(count)} ${what} of module ${module} take ${number(most)} of them`
  )
}
