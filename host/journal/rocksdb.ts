// RocksDB: the store on disk, behind `@nxtedition/rocksdb`. The only module that knows the binding.
//
// D1. The WAL is walked before RocksDB opens it (wal.ts): damage in its middle refuses to start, a torn tail is cut.
// D2. WAL compression is off: a compressed WAL could not be walked.
// D3. One process at a time has a directory open; a second one is told so before it touches anything. RocksDB's own lock
//     comes too late: walking the log of a running host would find its unfinished write and cut it. So an empty RocksDB
//     beside the journal is opened first (2.4 ms) and kept open: its lock is the kernel's, and falls with the process.

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { RocksLevel } from '@nxtedition/rocksdb'
import { InnkeeperError } from '../errors.ts'
import type { Store } from './catalog.ts'
import { Incarnation } from './incarnation.ts'
import type { Column } from './keys.ts'
import { columns } from './keys.ts'
import type { Kv, Range, Write } from './kv.ts'
import { KvCatalog } from './kv-catalog.ts'
import type { Warn } from './kv-journal.ts'
import { KvJournal } from './kv-journal.ts'
import { checkWal } from './wal.ts'

export interface StoreOptions {
  readonly log: Warn
}

/** Open a data directory, making it if there is none.
 *  @throws InnkeeperError `storage_unavailable`: damaged, of a newer format, or open elsewhere. */
export async function openStore(directory: string, { log }: StoreOptions): Promise<Store> {
  const lock = await lockDirectory(directory)
  const kv = new RocksKv(join(directory, 'journal'), log, lock)
  try {
    await kv.open()
    // The catalog first: it refuses a directory of a newer format before anything else is read.
    let journal: KvJournal | undefined
    const catalog = new KvCatalog(kv, (run) => (journal === undefined ? run() : journal.using(run)))
    const opened = new KvJournal(kv, log)
    journal = opened
    const incarnation = new Incarnation(directory, catalog, () => opened.lastCommit(), log)
    return { journal, catalog, replica: incarnation.replica, note: () => incarnation.note() }
  } catch (error) {
    await kv.close()
    throw error
  }
}

/** Memory for what is not yet in tables. It also bounds the write-ahead log that is walked at a start: RocksDB keeps at most 24
 *  quarters of these budgets of it, 720 MiB in all, about 1.2 seconds' walk. Few bytes go to the minor columns. */
function columnOptions(name: Column): object {
  const mebibytes = name === 'journal' ? 64 : name === 'snapshots' || name === 'bases' ? 16 : 4
  return { compaction: 'level', memtableMemoryBudget: mebibytes * 1024 * 1024 }
}

const int32Max = 2 ** 31 - 1
const buffers = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const

class RocksKv implements Kv {
  private readonly path: string
  private readonly log: Warn
  private db: RocksLevel | undefined
  private handles: Record<Column, unknown> = {} as Record<Column, unknown>
  private readonly lock: RocksLevel

  constructor(path: string, log: Warn, lock: RocksLevel) {
    this.path = path
    this.log = log
    this.lock = lock
  }

  async open(): Promise<void> {
    mkdirSync(this.path, { recursive: true })
    if (existsSync(join(this.path, 'CURRENT'))) checkWal(this.path, this.log)
    const db = new RocksLevel(this.path, {
      ...buffers,
      columns: Object.fromEntries(columns.map((name) => [name, columnOptions(name)])),
    })
    try {
      await db.open({ createIfMissing: true, walCompression: false, parallelism: 2 })
    } catch (error) {
      throw openError(this.path, error)
    }
    this.db = db
    this.handles = db.columns as Record<Column, unknown>
  }

  get(column: Column, key: Buffer): Buffer | undefined {
    const [value] = this.opened()._getManySync([key], { column: this.handles[column], valueEncoding: 'buffer' })
    return value ?? undefined
  }

  range(column: Column, { from, to, reverse = false, limit, bytesMax, keysOnly = false }: Range): Buffer[] {
    const { rows } = this.opened().querySync({
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
  }

  write(writes: readonly Write[], sync: boolean): void {
    const batch = this.opened().batch()
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
    this.opened()._clear({ column: this.handles[column], gte: from, lt: to }, () => {})
    if (this.range(column, { from, to, limit: 1, keysOnly: true }).length > 0)
      throw new Error('a range was not cleared')
  }

  async reopen(): Promise<void> {
    await this.closeJournal()
    await this.open()
  }

  async close(): Promise<void> {
    await this.closeJournal()
    await this.lock.close()
  }

  private async closeJournal(): Promise<void> {
    const db = this.db
    this.db = undefined
    await db?.close()
  }

  /** Made once for each column: an object for each put would be garbage on the hot path. */
  private get options(): Record<Column, { column: unknown }> {
    if (this.madeFor !== this.handles) {
      this.madeFor = this.handles
      this.made = Object.fromEntries(columns.map((name) => [name, { column: this.handles[name] }])) as Record<
        Column,
        { column: unknown }
      >
    }
    return this.made
  }
  private made = {} as Record<Column, { column: unknown }>
  private madeFor: unknown

  private opened(): RocksLevel {
    if (this.db === undefined) throw new InnkeeperError('storage_unavailable', 'the store is closed')
    return this.db
  }
}

/** @throws InnkeeperError `storage_unavailable` if another process has it. */
async function lockDirectory(directory: string): Promise<RocksLevel> {
  const path = join(directory, 'lock')
  const lock = new RocksLevel(path, { memtableMemoryBudget: 1024 * 1024, cacheSize: 0 })
  try {
    mkdirSync(path, { recursive: true })
    await lock.open({ createIfMissing: true, parallelism: 1 })
  } catch (error) {
    throw openError(directory, error)
  }
  return lock
}

function openError(path: string, error: unknown): Error {
  const cause = (error as { cause?: Error }).cause ?? (error as Error)
  // Not just "lock": damage is reported as "block checksum mismatch".
  if (/while lock file|lock hold by current process/i.test(cause.message)) {
    const message = `${path} is in use by another process; stop that host, or choose another --data`
    return new InnkeeperError('storage_unavailable', message, error)
  }
  return new InnkeeperError('storage_unavailable', `${path} cannot be opened: ${cause.message}`, error)
}
