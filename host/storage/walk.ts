// Walk: reading a range of the store past what is damaged in it. For what must go on without the rest: lists, starts, checks.
//
// L1. Every row outside of a damaged block comes, in order; a gap tells between which keys nothing can be read.
// L2. Where blocks are damaged on both sides of readable ones, these may be passed over as part of one gap.
//
// Owns: finding the other side of a gap.   Readers own: what a gap means to them.

import type { Column } from './columns.ts'
import { DamagedBlock } from './damage.ts'
import type { Kv } from './kv.ts'

export type Step =
  /** Keys and values in turn. */
  { readonly kind: 'rows'; readonly rows: readonly Buffer[] } | Gap

export interface Gap {
  readonly kind: 'gap'
  /** The last key before it that was read, or where the walk began. */
  readonly after: Buffer
  /** The first key behind it, or the end of the walk. */
  readonly to: Buffer
  readonly reason: DamagedBlock
}

interface Walk {
  readonly column: Column
  readonly from: Buffer
  readonly to: Buffer
  readonly rowsMax: number
  readonly bytesMax?: number
  readonly keysOnly?: boolean
}

export function* walk(kv: Pick<Kv, 'range'>, { column, from, to, rowsMax, ...page }: Walk): Generator<Step, undefined> {
  let at = from
  let last = from
  // Pages shrink before a gap, so that what stands right before it is read as well.
  let limit = rowsMax
  while (at.compare(to) < 0) {
    try {
      const rows = kv.range(column, { from: at, to, limit, ...page })
      if (rows.length === 0) return undefined
      last = rows[rows.length - 2]!
      at = following(last)
      yield { kind: 'rows', rows }
    } catch (error) {
      if (!(error instanceof DamagedBlock)) throw error
      if (limit > 1) {
        limit = 1
        continue
      }
      at = gapEnd(kv, column, at, to)
      limit = rowsMax
      yield { kind: 'gap', after: last, to: at, reason: error }
    }
  }
  return undefined
}

/** The first key at or behind `at` that can be read, where `at` itself cannot; `to` if there is none. */
export function gapEnd(kv: Pick<Kv, 'range'>, column: Column, at: Buffer, to: Buffer): Buffer {
  let low = at
  let high = to
  // By halves of the keys' first different bytes: to somewhere behind the gap.
  for (let middle = between(low, high); middle !== undefined; middle = between(low, high)) {
    if (readable(kv, column, middle, to)) high = middle
    else low = middle
  }
  // Where nothing before `to` can be read, `to` itself may lie in the gap.
  if (!high.equals(to)) high = kv.range(column, { from: high, to, limit: 1, keysOnly: true })[0] ?? to
  // From there backwards, row by row, to its very end.
  for (;;) {
    try {
      const rows = kv.range(column, { from: at, to: high, reverse: true, limit: 1, keysOnly: true })
      if (rows.length === 0) return high
      high = rows[0]!
    } catch (error) {
      if (!(error instanceof DamagedBlock)) throw error
      return high
    }
  }
}

function readable(kv: Pick<Kv, 'range'>, column: Column, from: Buffer, to: Buffer): boolean {
  try {
    kv.range(column, { from, to, limit: 1, keysOnly: true })
    return true
  } catch (error) {
    if (error instanceof DamagedBlock) return false
    throw error
  }
}

/** Half way, as far as eight bytes behind their common start tell; undefined where they are next to each other. */
function between(low: Buffer, high: Buffer): Buffer | undefined {
  let common = 0
  while (common < low.length && common < high.length && low[common] === high[common]) common++
  const [a, b] = [low, high].map((key) => wordAt(key, common)) as [bigint, bigint]
  if (b - a < 2n) return undefined
  const word = Buffer.alloc(8)
  word.writeBigUInt64BE((a + b) / 2n)
  return Buffer.concat([low.subarray(0, common), word])
}

function wordAt(key: Buffer, at: number): bigint {
  const word = Buffer.alloc(8)
  key.copy(word, 0, at, Math.min(key.length, at + 8))
  return word.readBigUInt64BE()
}

/** The next key of all. */
export function following(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)])
}
