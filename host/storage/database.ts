// Database: one RocksDB folder with the columns of the store. What layers.ts puts on top of each other.
//
// B1. What RocksDB cannot read because it is damaged is thrown as damage (damage.ts), everything else as it comes.

import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { RocksLevel } from '@nxtedition/rocksdb'
import { InnkeeperError } from '../errors.ts'
import type { Column } from './columns.ts'
import { columns } from './columns.ts'
import { asDamage, DamagedBlock, unopenable } from './damage.ts'
import type { Warn } from './health.ts'
import type { Range, Write } from './kv.ts'
import type { Database as Layer } from './layers.ts'
import { checkWal } from './wal.ts'

const MiB = 1024 * 1024

/** For each column, how much of it is written and not yet in tables, in MiB. Its tables have an eighth of that, and its first level all of it. So more
 *  means fewer bytes rewritten and fewer tables to open at a start (decision 0038). The log reaches back as far as the oldest of all that, and RocksDB
 *  lets it be six times as much as all of them together: 137 MiB. A start reads that in some 200 ms. The binding's own option for it does
 *  nothing. */
const memtables: Readonly<Record<Column, number>> = {
  journal: 16,
  bases: 2,
  commits: 1,
  snapshots: 1,
  idempotency: 0.75,
  outbox: 0.5,
  components: 0.25,
  default: 0.25,
  subscriptions: 0.25,
  pending: 0.5,
  tickets: 0.25,
}

/** Of the column that most lies in: half as many blocks are half as much memory for their index, and a read of one row takes little longer. */
const journalBlockBytes = 8 * 1024

function columnOptions(name: Column): object {
  return {
    compaction: 'level',
    memtableMemoryBudget: memtables[name] * MiB,
    // Only what the binding adds to levels that are compressed anyway: a dictionary for each table. It takes more than twice the time of all else
    // that a host does for a command, and saves 4 % of the disk at most.
    compression: false,
    ...(name === 'journal' ? { blockSize: journalBlockBytes } : {}),
  }
}

const int32Max = 2 ** 31 - 1
const buffers = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const

export class Database implements Layer {
  readonly path: string
  private readonly db: RocksLevel
  private readonly handles: Record<Column, unknown>
  /** Made once for each column: an object for each put would be garbage on the hot path. */
  private readonly options: Record<Column, { column: unknown }>

  private constructor(path: string, db: RocksLevel) {
    this.path = path
    this.db = db
    this.handles = db.columns as Record<Column, unknown>
    this.options = Object.fromEntries(columns.map((name) => [name, { column: this.handles[name] }])) as Record<
      Column,
      { column: unknown }
    >
  }

  /** Make or open one. @throws InnkeeperError `storage_unavailable` */
  static async open(path: string, log: Warn): Promise<Database> {
    mkdirSync(path, { recursive: true })
    if (existsSync(join(path, 'CURRENT'))) checkWal(path, log)
    else refuseLeftovers(path)
    const db = new RocksLevel(path, {
      ...buffers,
      columns: Object.fromEntries(columns.map((name) => [name, columnOptions(name)])),
    })
    try {
      await db.open({ createIfMissing: true, walCompression: false, parallelism: 2 })
    } catch (error) {
      throw openError(path, error)
    }
    return new Database(path, db)
  }

  /** One that is open in another thread of this process, by its handle: to write to, and never to close. */
  static async share(handle: bigint): Promise<Database> {
    const db = new RocksLevel(handle, buffers)
    await db.open()
    return new Database('', db)
  }

  /** What another thread shares it by. */
  get handle(): bigint {
    return this.db.handle
  }

  /** Failures of flushing and rewriting tables since it was opened. */
  get backgroundErrors(): number {
    return Number(this.db.getProperty('rocksdb.background-errors'))
  }

  get(column: Column, key: Buffer): Buffer | undefined {
    try {
      const [value] = this.db._getManySync([key], { column: this.handles[column], valueEncoding: 'buffer' })
      return value ?? undefined
    } catch (error) {
      throw asDamage(error)
    }
  }

  getAll(column: Column, keys: readonly Buffer[], bytesMax: number): (Buffer | undefined)[] | undefined {
    try {
      // Of what is loaded so nobody reads again while it is in memory: the cache is for others, and filling it takes a seventh of the read.
      const options = {
        column: this.handles[column],
        valueEncoding: 'buffer',
        highWaterMarkBytes: bytesMax,
        fillCache: false,
      }
      // Null: not read any more. It is an array that only we have.
      const values = this.db._getManySync(keys, options) as (Buffer | null | undefined)[]
      return values.includes(null) ? undefined : (values as (Buffer | undefined)[])
    } catch (error) {
      throw asDamage(error)
    }
  }

  range(column: Column, { from, to, reverse = false, limit, bytesMax, keysOnly = false }: Range): Buffer[] {
    try {
      const { rows } = this.db.querySync({
        ...buffers,
        column: this.handles[column],
        gte: from,
        lt: to,
        reverse,
        // The binding takes 32 bits; what is larger would come out as another number.
        limit: Math.min(limit, int32Max),
        keys: true,
        values: !keysOnly,
        ...(bytesMax === undefined ? {} : { highWaterMarkBytes: Math.min(Math.max(1, bytesMax), int32Max) }),
      })
      return rows
    } catch (error) {
      throw asDamage(error)
    }
  }

  write(writes: readonly Write[], sync: boolean): void {
    const batch = this.db.batch()
    try {
      for (const [column, key, value] of writes) {
        const options = this.options[column]
        if (value === undefined) batch._del(key, options)
        else batch._put(key, value, options)
      }
      batch._writeSync({ sync })
    } finally {
      batch._closeSync()
    }
  }

  clear(column: Column, from: Buffer, to: Buffer): void {
    // One range deletion, done when this returns; but the binding tells its error a tick later, so look.
    this.db._clear({ column: this.handles[column], gte: from, lt: to }, () => {})
    if (!this.isEmpty(column, from, to)) throw new Error('a range was not cleared')
  }

  private isEmpty(column: Column, from: Buffer, to: Buffer): boolean {
    try {
      return this.range(column, { from, to, limit: 1, keysOnly: true }).length === 0
    } catch (error) {
      // What cannot be read cannot be seen to be gone either; what is damaged is most worth clearing.
      if (error instanceof DamagedBlock) return true
      throw error
    }
  }

  close(): Promise<void> {
    return this.db.close()
  }
}

/** Without CURRENT RocksDB would make a new database, and delete what is left of the one that was. @throws InnkeeperError */
function refuseLeftovers(path: string): void {
  const left = readdirSync(path).find(
    (name) => /\.sst$/.test(name) || (/\.log$/.test(name) && statSync(join(path, name)).size > 0),
  )
  if (left === undefined) return
  throw new InnkeeperError(
    'storage_unavailable',
    `${join(path, 'CURRENT')} is missing, but ${left} exists: CURRENT names the manifest of the database (\`MANIFEST-NUMBER\` and a new ` +
      'line). Put it back, or restore the directory from a backup',
  )
}

export function isHeld(error: unknown): boolean {
  // Not just "lock": damage is reported as "block checksum mismatch".
  return /while lock file|lock hold by current process/i.test(causeOf(error).message)
}

export function openError(path: string, error: unknown): Error {
  if (isHeld(error)) {
    const message = `${path} is in use by another process; stop that host, or choose another --data`
    return new InnkeeperError('storage_unavailable', message, error)
  }
  return new InnkeeperError(
    'storage_unavailable',
    `${path} cannot be opened: ${unopenable(causeOf(error).message)}`,
    error,
  )
}

export function causeOf(error: unknown): Error {
  return (error as { cause?: Error }).cause ?? (error as Error)
}
