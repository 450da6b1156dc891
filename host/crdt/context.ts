// Context: which dots a replica, or a delta, has seen. What it has seen and does not hold was removed.
//
//     replica a   1 ─────────── 17      21 ── 22          a version vector is the case of one range from 1;
//     replica b   1 ── 4                                  what lies behind a gap is the cloud
//
// C1. Per replica: ascending ranges that neither overlap nor touch, so equal knowledge has one form.
// C2. Ranges are never spelled out: one of 2^40 dots costs what one of two costs.
// C3. Removed things leave nothing but their place in a range: no tombstones.
//
// Owns: ranges.   Meeting owns: what follows from them for the dots of two replicas.

import type { Dot } from './dot.ts'
import { counterOf, dotOf, replicaOf } from './dot.ts'

/** Bytes in memory, roughly. */
const replicaWeight = 128
const rangeWeight = 16

export class Context {
  /** By replica: low, high, low, high, ...; both ends belong to the range. */
  readonly ranges: (number[] | undefined)[] = []
  /** Bytes in memory, roughly. */
  weight = 0

  static of(dots: readonly Dot[]): Context {
    const counters = new Map<number, number[]>()
    for (const dot of dots) {
      const list = counters.get(replicaOf(dot))
      if (list === undefined) counters.set(replicaOf(dot), [counterOf(dot)])
      else list.push(counterOf(dot))
    }
    const context = new Context()
    for (const [replica, list] of counters) context.set(replica, rangesOf(list.sort((a, b) => a - b)))
    return context
  }

  get empty(): boolean {
    return this.weight === 0
  }

  has(dot: Dot): boolean {
    const ranges = this.ranges[replicaOf(dot)]
    if (ranges === undefined) return false
    const counter = counterOf(dot)
    if (counter <= ranges[1]!) return counter >= ranges[0]!
    if (ranges.length === 2) return false
    const at = firstEndingFrom(ranges, counter)
    return at < ranges.length && ranges[at]! <= counter
  }

  /** The highest counter seen of this replica; 0: none. */
  last(replica: number): number {
    return this.ranges[replica]?.at(-1) ?? 0
  }

  /** Take the ranges of one replica; none for `undefined`. */
  set(replica: number, ranges: number[] | undefined): void {
    while (this.ranges.length < replica) this.ranges.push(undefined)
    this.weight += weigh(ranges) - weigh(this.ranges[replica])
    this.ranges[replica] = ranges
  }

  /** True if any of it is new. */
  insert(replica: number, low: number, high: number): boolean {
    const ranges = this.ranges[replica]
    if (ranges === undefined) {
      this.set(replica, [low, high])
      return true
    }
    const from = firstEndingFrom(ranges, low - 1)
    let to = from
    while (to < ranges.length && ranges[to]! <= high + 1) to += 2
    if (from === to) ranges.splice(from, 0, low, high)
    else {
      if (ranges[from]! <= low && ranges[from + 1]! >= high) return false
      const newLow = Math.min(low, ranges[from]!)
      const newHigh = Math.max(high, ranges[to - 1]!)
      ranges.splice(from, to - from, newLow, newHigh)
    }
    this.weight += rangeWeight * (1 - (to - from) / 2)
    return true
  }

  /** True if any of it is new. */
  union(other: Context): boolean {
    let grown = false
    other.ranges.forEach((theirs, replica) => {
      if (theirs === undefined) return
      const mine = this.ranges[replica]
      // A short list finds its places; two long ones are merged, or each place would move the rest.
      if (mine === undefined) {
        this.set(replica, theirs.slice())
        grown = true
      } else if (theirs.length <= 16) {
        for (let at = 0; at < theirs.length; at += 2) {
          grown = this.insert(replica, theirs[at]!, theirs[at + 1]!) || grown
        }
      } else {
        const both = unionOf(mine, theirs)
        if (both.length === mine.length && both.every((bound, at) => bound === mine[at])) return
        this.set(replica, both)
        grown = true
      }
    })
    return grown
  }

  /** Every dot, if there are at most `max`. */
  list(max: number): Dot[] | undefined {
    let count = 0
    for (const ranges of this.ranges) {
      if (ranges === undefined) continue
      for (let at = 0; at < ranges.length; at += 2) count += ranges[at + 1]! - ranges[at]! + 1
      if (count > max) return undefined
    }
    const dots: Dot[] = []
    this.ranges.forEach((ranges = [], replica) => {
      for (let at = 0; at < ranges.length; at += 2) {
        for (let counter = ranges[at]!; counter <= ranges[at + 1]!; counter++) dots.push(dotOf(replica, counter))
      }
    })
    return dots
  }
}

function weigh(ranges: readonly number[] | undefined): number {
  return ranges === undefined ? 0 : replicaWeight + (ranges.length / 2) * rangeWeight
}

/** Where the first range begins whose end is at `counter` or later. */
function firstEndingFrom(ranges: readonly number[], counter: number): number {
  let low = 0
  let high = ranges.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ranges[middle * 2 + 1]! >= counter) high = middle
    else low = middle + 1
  }
  return low * 2
}

function rangesOf(ascending: readonly number[]): number[] {
  const ranges: number[] = []
  for (const counter of ascending) append(ranges, counter, counter)
  return ranges
}

function unionOf(a: readonly number[], b: readonly number[]): number[] {
  const ranges: number[] = []
  let atA = 0
  let atB = 0
  while (atA < a.length || atB < b.length) {
    if (atB >= b.length || (atA < a.length && a[atA]! <= b[atB]!)) {
      append(ranges, a[atA]!, a[atA + 1]!)
      atA += 2
    } else {
      append(ranges, b[atB]!, b[atB + 1]!)
      atB += 2
    }
  }
  return ranges
}

/** `low` is not below the lows that are there. */
function append(ranges: number[], low: number, high: number): void {
  const last = ranges.length - 1
  if (last > 0 && ranges[last]! >= low - 1) ranges[last] = Math.max(ranges[last]!, high)
  else ranges.push(low, high)
}
