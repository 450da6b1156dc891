// Scope: what one component has defined so far, as counts: the index spaces of the component model.
//
// X1. An index is good if it is below the count at the place where it is written. So a definition names only what stands before it, and
//     no component contains itself.
// X2. All scopes of a file share one budget: what is read is bounded, however it is nested.
//
// Owns: indices and counts.   definitions.ts owns: what is written.   plan.ts owns: what it means.

import { BinaryError, type ByteReader } from '../wasm/bytes.ts'
import { FeatureError } from '../wasm/instructions.ts'

/** What core modules import and export. */
export const coreSorts = ['core func', 'core table', 'core memory', 'core global'] as const
/** What components import and export. */
export const externSorts = ['func', 'type', 'component', 'instance', 'core module'] as const
export type CoreSort = (typeof coreSorts)[number]
export type ExternSort = (typeof externSorts)[number]

/** Each has indices of its own. */
export type Sort = CoreSort | ExternSort | 'core type' | 'core instance'

/** How many sections, definitions, arguments and exports a file may have. QuickJS's component, the largest that is built here, has 2,500. */
const definitionsMax = 100_000

export class Scope {
  readonly outer: Scope | undefined
  readonly #budget: { left: number }
  readonly #counts = new Map<Sort, number>()

  private constructor(budget: { left: number }, outer: Scope | undefined) {
    this.#budget = budget
    this.outer = outer
  }

  static ofFile(): Scope {
    return new Scope({ left: definitionsMax }, undefined)
  }

  /** Of a component that is defined in this one. */
  nested(): Scope {
    return new Scope(this.#budget, this)
  }

  /** @throws FeatureError when the file has more than any that is built. */
  spend(count: number): void {
    this.#budget.left -= count
    if (this.#budget.left < 0) throw new FeatureError(`has more than ${definitionsMax} definitions`)
  }

  /** So many more of a sort. */
  add(sort: Sort, count = 1): void {
    this.#counts.set(sort, this.#count(sort) + count)
  }

  /** An index into a sort. @throws BinaryError */
  index(reader: ByteReader, sort: Sort): number {
    const index = reader.u32()
    if (index >= this.#count(sort)) throw new BinaryError(`there is no ${sort} ${index}`)
    return index
  }

  /** The length of a vector whose elements have a byte at least. @throws BinaryError */
  static length(reader: ByteReader): number {
    const length = reader.u32()
    if (length > reader.end - reader.at) throw new BinaryError('unexpected end of bytes')
    return length
  }

  /** Read a vector, one element after the other. @throws BinaryError, FeatureError */
  each(reader: ByteReader, read: () => void): void {
    const length = Scope.length(reader)
    this.spend(length)
    for (let left = length; left > 0; left--) read()
  }

  #count(sort: Sort): number {
    return this.#counts.get(sort) ?? 0
  }
}
