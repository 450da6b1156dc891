// Types: how many values the functions and blocks of a module take and give.
//
// Y1. `takes` and `gives` number values; `takesWide` and `givesWide` count what carrying them costs: a v128 is as wide as two others.
//
// Owns: arities, widths.   regions.ts owns: where they are paid for.

import { BinaryError, ByteReader } from './bytes.ts'
import { FeatureError, noType, oneResult } from './instructions.ts'
import { bodyOf, eachImport, externKind, type Section, sectionId, skipValueType } from './sections.ts'

/** How many values go in and come out. */
export interface Arity {
  readonly takes: number
  readonly gives: number
  readonly takesWide: number
  readonly givesWide: number
}

const v128 = 0x7b
const v128Wide = 2
const i32 = 0x7f
const i64 = 0x7e

/** Steps over a value type. @returns how wide it is. */
function widthOfType(reader: ByteReader): number {
  const wide = reader.peek() === v128 ? v128Wide : 1
  skipValueType(reader)
  return wide
}

/** Steps over the type of a local. @returns how wide it is, if no integer register holds it, else 0. */
export function wideOfLocal(reader: ByteReader): number {
  const type = reader.peek()
  const wide = widthOfType(reader)
  return type === i32 || type === i64 ? 0 : wide
}

const nothing: Arity = { takes: 0, gives: 0, takesWide: 0, givesWide: 0 }
const one: Arity = { takes: 0, gives: 1, takesWide: 0, givesWide: v128Wide }

export class Types {
  readonly #types: readonly Arity[]
  /** Type indices of all functions, imported ones first. */
  readonly #functions: readonly number[]
  readonly imported: number

  /** @throws BinaryError, FeatureError */
  constructor(sections: readonly Section[]) {
    this.#types = readTypes(bodyOf(sections, sectionId.type))
    const functions: number[] = []
    eachImport(bodyOf(sections, sectionId.import), (_module, _name, kind, type) => {
      if (kind === externKind.function) functions.push(type)
    })
    this.imported = functions.length
    const reader = new ByteReader(bodyOf(sections, sectionId.function) ?? Uint8Array.of(0))
    for (let left = reader.u32(); left > 0; left--) functions.push(reader.u32())
    this.#functions = functions
  }

  get count(): number {
    return this.#types.length
  }

  /** Functions that the module defines. */
  get defined(): number {
    return this.#functions.length - this.imported
  }

  /** By its number among those that the module defines. */
  ofDefined(number: number): Arity {
    return this.ofFunction(this.imported + number)
  }

  ofFunction(index: number): Arity {
    const type = this.#functions[index]
    if (type === undefined) throw new BinaryError('a function is named that there is not')
    return this.ofType(type)
  }

  ofType(index: number): Arity {
    const type = this.#types[index]
    if (type === undefined) throw new BinaryError('a type is named that there is not')
    return type
  }

  /** Of a block, by what `InstructionReader.index` says of it. */
  ofBlock(type: number): Arity {
    return type === noType ? nothing : type === oneResult ? one : this.ofType(type)
  }
}

function readTypes(body: Uint8Array | undefined): Arity[] {
  const types: Arity[] = []
  const reader = new ByteReader(body ?? Uint8Array.of(0))
  for (let left = reader.u32(); left > 0; left--) {
    if (reader.byte() !== 0x60) throw new FeatureError('uses garbage-collected types; build for linear memory')
    const [takes, takesWide] = readValues(reader)
    const [gives, givesWide] = readValues(reader)
    types.push({ takes, gives, takesWide, givesWide })
  }
  return types
}

function readValues(reader: ByteReader): [count: number, wide: number] {
  const count = reader.u32()
  let wide = 0
  for (let left = count; left > 0; left--) wide += widthOfType(reader)
  return [count, wide]
}
