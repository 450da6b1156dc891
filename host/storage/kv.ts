// Kv: what the journal asks of a storage engine: ordered keys in columns, atomic synced writes, ranges in both directions.
//
// V1. `write` is all or nothing, and with `sync` on disk when it returns; so is `commit` when it answers. Any throw leaves the outcome unknown.
// V2. Keys and values are bytes, in byte order.
// V3. One commit at a time is under way. Meanwhile everything can be read, as it was before; a write without sync is put off until
//     the commit has ended, and is lost where that fails; a write with sync waits for it.
// V4. What cannot be read because it is damaged is thrown as DamagedBlock (damage.ts): no failure of the engine.

import type { Column } from './columns.ts'
import type { Pace } from './pace.ts'

/** A value to put, or `undefined` to delete. */
export type Write = readonly [column: Column, key: Buffer, value: Buffer | undefined]

/** All keys from `from` to before `to`, to be deleted. */
export interface Clear {
  readonly column: Column
  readonly from: Buffer
  readonly to: Buffer
}

export interface Range {
  /** Inclusive. */
  readonly from: Buffer
  /** Exclusive. */
  readonly to: Buffer
  readonly reverse?: boolean
  readonly limit: number
  /** Stops after about so many bytes of values, at least one entry. */
  readonly bytesMax?: number
  /** Values are left empty. */
  readonly keysOnly?: boolean
}

export interface Kv {
  get(column: Column, key: Buffer): Buffer | undefined
  /** The values of many keys in one read; undefined: they take more than about so many bytes. */
  getAll(column: Column, keys: readonly Buffer[], bytesMax: number): readonly (Buffer | undefined)[] | undefined
  /** Keys and values in turn: key, value, key, value. */
  range(column: Column, range: Range): Buffer[]
  write(writes: readonly Write[], sync: boolean): void
  /** Write and sync; `done` is called in this call, or later where the disk is slow. A failure leaves the outcome unknown. */
  commit(writes: readonly Write[], done: (error: Error | undefined) => void): void
  /** Of the disk. */
  readonly pace: Pace
  /** Write, sync, and delete ranges, as one: once `done` was called without an error all of it is done, also after a crash. A failure leaves the
   *  outcome unknown. */
  erase(writes: readonly Write[], clears: readonly Clear[], done: (error: Error | undefined) => void): void
  /** Writing has ended, or is about to, for a reason that only `reopen` mends. */
  readonly ailing: boolean
  /** Close and open again, with all checks of opening. */
  reopen(): Promise<void>
  close(): Promise<void>
}
