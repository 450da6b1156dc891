// Dot index: in which element or key of a large set or map a dot lives, so that a delta finds what it removes.
//
// X1. Every living dot is in it. Dead ones may be too: nobody is told of removals, and taking one back needs no care.
// X2. Built when a merge first needs it (a host without peers never does), dropped when it has doubled: so it holds at most
//     about twice what lived, and costs a constant per dot. Replica.size does not count it.

import type { Dot } from './dot.ts'

/** Below this a walk is as cheap as an index. */
export const walkedMax = 32

export class DotIndex {
  private readonly keys: Map<Dot, string>
  private readonly sizeMax: number

  constructor(keys: Map<Dot, string>) {
    this.keys = keys
    this.sizeMax = keys.size * 2 + 64
  }

  get full(): boolean {
    return this.keys.size > this.sizeMax
  }

  add(dot: Dot, key: string): void {
    this.keys.set(dot, key)
  }

  /** The candidates that may live here, by key. */
  group(candidates: readonly Dot[]): Map<string, Dot[]> {
    const groups = new Map<string, Dot[]>()
    for (const dot of candidates) {
      const key = this.keys.get(dot)
      if (key === undefined) continue
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [dot])
      else group.push(dot)
    }
    return groups
  }
}
