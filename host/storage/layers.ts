// Layers: databases on top of each other, read as one. Usually there is one; frozen ones lie below it (rocksdb.D4).
//
// Y1. Only the top is written to. RocksDB never rewrites a table of a layer that gets no writes, so damage in it stays a refusal
//     of what is asked for in it.
// Y2. The top wins: a value, or a mark that the key is gone. A range that was cleared hides what the layers below have of it.
// Y3. With one layer nothing is added to what the database does.
//
// Owns: merging.   database.ts owns: one of them.   rocksdb.ts owns: when there is another.

import type { Column } from './columns.ts'
import { after } from './columns.ts'
import type { Range, Write } from './kv.ts'
import { following } from './walk.ts'

/** One folder of the engine (database.ts). */
export interface Database {
  readonly backgroundErrors: number
  get(column: Column, key: Buffer): Buffer | undefined
  getAll(column: Column, keys: readonly Buffer[], bytesMax: number): readonly (Buffer | undefined)[] | undefined
  range(column: Column, range: Range): Buffer[]
  write(writes: readonly Write[], sync: boolean): void
  clear(column: Column, from: Buffer, to: Buffer): void
  close(): Promise<void>
}

/** Stands in the top for a key of a lower layer that was deleted. No value of the store has one byte. */
const gone = Buffer.of(0)
const isGone = (value: Buffer): boolean => value.length === 1

const clearedPrefix = 'cleared/'

interface Cleared {
  readonly column: Column
  readonly from: Buffer
  readonly to: Buffer
}

interface Layer {
  readonly database: Database
  /** Ranges that this layer hides in those below it. */
  readonly cleared: Cleared[]
}

export class Layers {
  private readonly layers: readonly Layer[]

  /** @param databases the top first. */
  constructor(databases: readonly Database[]) {
    const bottom = databases.length - 1
    this.layers = databases.map((database, depth) => ({
      database,
      cleared: depth < bottom ? readCleared(database) : [],
    }))
  }

  get top(): Database {
    return this.layers[0]!.database
  }

  get(column: Column, key: Buffer): Buffer | undefined {
    for (const [depth, { database }] of this.layers.entries()) {
      if (depth > 0 && this.hidden(depth, column, key)) continue
      const value = database.get(column, key)
      if (value !== undefined) return depth < this.layers.length - 1 && isGone(value) ? undefined : value
    }
    return undefined
  }

  getAll(column: Column, keys: readonly Buffer[], bytesMax: number): readonly (Buffer | undefined)[] | undefined {
    if (this.layers.length === 1) return this.top.getAll(column, keys, bytesMax)
    const values = keys.map((key) => this.get(column, key))
    return values.reduce((bytes, value) => bytes + (value?.length ?? 0), 0) > bytesMax ? undefined : values
  }

  range(column: Column, range: Range): Buffer[] {
    return this.layers.length === 1 ? this.top.range(column, range) : this.merged(column, range)
  }

  write(writes: readonly Write[], sync: boolean): void {
    this.top.write(this.ofTop(writes), sync)
  }

  /** What is to be written to the top for these. */
  ofTop(writes: readonly Write[]): readonly Write[] {
    if (this.layers.length === 1) return writes
    return writes.map(([column, key, value]): Write => [column, key, value ?? gone])
  }

  clear(column: Column, from: Buffer, to: Buffer): void {
    this.top.clear(column, from, to)
    if (this.layers.length === 1) return
    const { cleared } = this.layers[0]!
    const name = `${clearedPrefix}${String(cleared.length).padStart(10, '0')}`
    const value = JSON.stringify({ column, from: from.toString('hex'), to: to.toString('hex') })
    this.top.write([['default', Buffer.from(name), Buffer.from(value)]], false)
    cleared.push({ column, from, to })
  }

  async close(): Promise<void> {
    for (const { database } of this.layers) await database.close()
  }

  private merged(column: Column, { limit, bytesMax = Number.POSITIVE_INFINITY, reverse = false, ...range }: Range) {
    const cursors = this.layers.map(
      ({ database }) => new Cursor(database, column, { ...range, reverse, limit, keysOnly: false }),
    )
    const rows: Buffer[] = []
    let bytes = 0
    while (rows.length < 2 * limit && (rows.length === 0 || bytes < bytesMax)) {
      let first: Buffer | undefined
      for (const { key } of cursors) {
        if (key === undefined) continue
        const order = first === undefined ? -1 : key.compare(first)
        if (reverse ? order > 0 || first === undefined : order < 0) first = key
      }
      if (first === undefined) break
      const value = this.take(column, first, cursors)
      if (value === undefined) continue
      rows.push(first, range.keysOnly === true ? Buffer.alloc(0) : value)
      bytes += value.length
    }
    return rows
  }

  /** The value of the highest layer that has the key; every cursor moves past it. */
  private take(column: Column, key: Buffer, cursors: readonly Cursor[]): Buffer | undefined {
    let taken: Buffer | undefined
    for (const [depth, cursor] of cursors.entries()) {
      if (cursor.key === undefined || !cursor.key.equals(key)) continue
      if (taken === undefined && !this.hidden(depth, column, key)) taken = cursor.value
      cursor.next()
    }
    return taken !== undefined && isGone(taken) ? undefined : taken
  }

  /** A layer above cleared the range in which the key lies. */
  private hidden(depth: number, column: Column, key: Buffer): boolean {
    for (const { cleared } of this.layers.slice(0, depth))
      for (const range of cleared)
        if (range.column === column && range.from.compare(key) <= 0 && key.compare(range.to) < 0) return true
    return false
  }
}

/** Rows of one layer, read as they are needed. */
class Cursor {
  private readonly database: Database
  private readonly column: Column
  private readonly reverse: boolean
  private range: Range
  private rows: Buffer[]
  private at = 0

  constructor(database: Database, column: Column, range: Range) {
    this.database = database
    this.column = column
    this.range = { ...range, limit: Math.min(range.limit, pageRows) }
    this.reverse = range.reverse === true
    this.rows = database.range(column, this.range)
  }

  get key(): Buffer | undefined {
    return this.rows[this.at]
  }

  get value(): Buffer {
    return this.rows[this.at + 1]!
  }

  next(): void {
    const last = this.rows[this.at]!
    this.at += 2
    if (this.at < this.rows.length || this.rows.length < 2 * this.range.limit) return
    this.range = this.reverse ? { ...this.range, to: last } : { ...this.range, from: following(last) }
    this.rows = this.range.from.compare(this.range.to) < 0 ? this.database.range(this.column, this.range) : []
    this.at = 0
  }
}

/** No more than was asked for: what lies behind may be damaged, and is nobody's business then. */
const pageRows = 256

function readCleared(database: Database): Cleared[] {
  const from = Buffer.from(clearedPrefix)
  const rows = database.range('default', { from, to: after(from), limit: Number.MAX_SAFE_INTEGER })
  const cleared: Cleared[] = []
  for (let at = 0; at < rows.length; at += 2) {
    const { column, from, to } = JSON.parse(rows[at + 1]!.toString('utf8')) as Record<'from' | 'to', string> & {
      column: Column
    }
    cleared.push({ column, from: Buffer.from(from, 'hex'), to: Buffer.from(to, 'hex') })
  }
  return cleared
}
