// Partitioned: one engine that several partitions lie in, each under keys of its own.
//
//   every column   | partition 2 | key as in keys.ts |      the catalog's rows in `default`, and `components`, have no partition
//
// Where there is one partition, it has the engine to itself, and nothing stands before its keys: a directory of format 1 (composed.ts).
//
// P1. A partition sees its own keys only, without what stands before them. So a partition can be moved to an engine of its own as it is.
// P2. What the partitions commit is gathered until `flush`, and is one synced write; each hears of it when all of it is on disk.
// P3. Rows of the catalog begin with a letter, and so lie behind those of every partition.
//
// Owns: the bytes before a key, the one write.   The journal of a partition owns: what is written.   group-commit.ts owns: when.

import type { Column } from './columns.ts'
import type { Clear, Kv, Range, Write } from './kv.ts'
import type { Pace } from './pace.ts'

/** Before the first letter, as two bytes. */
export const partitionsMax = 1_024
const prefixBytes = 2

type Done = (error: Error | undefined) => void

export class PartitionedKv {
  readonly parts: readonly Kv[]
  private readonly kv: Kv
  private writes: readonly Write[] = []
  private waiting: Done[] = []

  constructor(kv: Kv, count: number) {
    this.kv = kv
    this.parts = Array.from({ length: count }, (_, index) => new Part(kv, index, this.join))
  }

  /** Write what has been handed in: one commit. */
  flush(): void {
    const { writes, waiting } = this
    if (waiting.length === 0) return
    this.writes = []
    this.waiting = []
    this.kv.commit(writes, (error) => {
      for (const done of waiting) done(error)
    })
  }

  private readonly join = (writes: readonly Write[], done: Done): void => {
    this.writes = this.waiting.length === 0 ? writes : [...this.writes, ...writes]
    this.waiting.push(done)
  }
}

/** What one partition sees. */
class Part implements Kv {
  private readonly kv: Kv
  private readonly prefix: Buffer
  private readonly join: (writes: readonly Write[], done: Done) => void

  constructor(kv: Kv, index: number, join: Part['join']) {
    this.kv = kv
    this.join = join
    this.prefix = Buffer.from([index >> 8, index & 255])
  }

  get pace(): Pace {
    return this.kv.pace
  }

  get ailing(): boolean {
    return this.kv.ailing
  }

  get(column: Column, key: Buffer): Buffer | undefined {
    return this.kv.get(column, this.own(key))
  }

  getAll(column: Column, keys: readonly Buffer[], bytesMax: number): readonly (Buffer | undefined)[] | undefined {
    return this.kv.getAll(
      column,
      keys.map((key) => this.own(key)),
      bytesMax,
    )
  }

  range(column: Column, range: Range): Buffer[] {
    const rows = this.kv.range(column, { ...range, from: this.own(range.from), to: this.own(range.to) })
    for (let at = 0; at < rows.length; at += 2) rows[at] = rows[at]!.subarray(prefixBytes)
    return rows
  }

  write(writes: readonly Write[], sync: boolean): void {
    this.kv.write(this.ownAll(writes), sync)
  }

  commit(writes: readonly Write[], done: Done): void {
    this.join(this.ownAll(writes), done)
  }

  erase(writes: readonly Write[], clears: readonly Clear[], done: Done): void {
    const own = clears.map(({ column, from, to }) => ({ column, from: this.own(from), to: this.own(to) }))
    this.kv.erase(this.ownAll(writes), own, done)
  }

  /** The engine is everybody's: the store opens it again (composed.ts). */
  reopen(): Promise<void> {
    throw new Error('a partition does not open its engine')
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private own(key: Buffer): Buffer {
    const own = Buffer.allocUnsafe(prefixBytes + key.length)
    own.set(this.prefix)
    own.set(key, prefixBytes)
    return own
  }

  private ownAll(writes: readonly Write[]): readonly Write[] {
    return writes.map(([column, key, value]): Write => [column, this.own(key), value])
  }
}
