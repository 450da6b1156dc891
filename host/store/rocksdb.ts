// RocksDB: the store on disk, behind `@nxtedition/rocksdb`. With database.ts the only module that knows the binding.
//
// D1. The WAL is walked before RocksDB opens it (wal.ts): damage in its middle refuses to start, a torn tail is cut.
// D2. WAL compression is off: a compressed WAL could not be walked.
// D3. One process at a time has a directory open; a second one is told so before it touches anything. RocksDB's own lock
//     comes too late: walking the log of a running host would find its unfinished write and cut it. So an empty RocksDB
//     beside the journal is opened first (2.4 ms) and kept open: its lock is the kernel's, and falls with the process. A damaged
//     one is made anew: nothing is in it.
// D4. RocksDB stops all writes for good once it meets a damaged block while it rewrites tables. Such a journal is frozen: its
//     folder is only read from then on, and a new one beside it takes what is written (layers.ts).
// D5. A quick disk syncs while the loop waits, since that is the least work; a slow one in a thread of its own (pace.ts, aside.ts). A
//     commit goes one way or the other as a whole, and none begins before the last one has ended, so their order is one.
// D6. What is written without sync while a commit is aside is put off until that has ended: RocksDB would let it wait for the sync.
// D7. RocksDB deletes a range in a write of its own. So that it is one with the commit that it belongs to, the commit says what is to be
//     deleted, and a start does what is left (erasures.ts).

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { RocksLevel } from '@nxtedition/rocksdb'
import { KvCatalog } from '../catalog/kv-catalog.ts'
import { InnkeeperError } from '../errors.ts'
import { Erasures } from '../journal/erasures.ts'
import type { NeverStored } from '../journal/record.ts'
import { Aside } from '../storage/aside.ts'
import type { Column } from '../storage/columns.ts'
import { isCorruption } from '../storage/damage.ts'
import { causeOf, Database, isHeld, openError } from '../storage/database.ts'
import type { Warn } from '../storage/health.ts'
import { Health } from '../storage/health.ts'
import { Incarnation } from '../storage/incarnation.ts'
import type { Clear, Kv, Range, Write } from '../storage/kv.ts'
import { Layers } from '../storage/layers.ts'
import { checkManifest, readMarker } from '../storage/marker.ts'
import { Pace } from '../storage/pace.ts'
import { composedStore } from './composed.ts'
import { oneEngine } from './engines.ts'
import type { Store } from './store.ts'

export interface StoreOptions {
  readonly log: Warn
  /** Names of metadata that is never stored. */
  readonly neverStored?: NeverStored
  /** How many a new directory is made with, 1 without it; of one that is there it must be its number. */
  readonly partitions?: number | undefined
}

/** Open a data directory, making it if there is none.
 *  @throws InnkeeperError `storage_unavailable`: damaged, of a newer format, or open elsewhere. */
export async function openStore(directory: string, options: StoreOptions): Promise<Store> {
  const kv = await openEngine(directory, options.log)
  try {
    try {
      return storeOf(directory, kv, options)
    } catch (error) {
      // The first write may meet the damaged block that RocksDB is rewriting.
      if (!kv.ailing) throw error
      await kv.reopen()
      return storeOf(directory, kv, options)
    }
  } catch (error) {
    await kv.close()
    throw error
  }
}

/** One engine with a lock of its own. @throws InnkeeperError as `openStore` does */
export async function openEngine(directory: string, log: Warn): Promise<Kv> {
  const kv = new RocksKv(directory, log, await lockDirectory(directory, log))
  try {
    await kv.open()
    return kv
  } catch (error) {
    await kv.close()
    throw error
  }
}

function storeOf(directory: string, kv: Kv, { log: warn, neverStored: never, partitions }: StoreOptions): Store {
  const health = new Health(warn)
  // The catalog first: it refuses a directory of a newer format before anything else is read.
  const catalog = new KvCatalog(kv, health, partitions)
  const replica = (lastCommit: () => number) => new Incarnation(directory, catalog, lastCommit, warn)
  const engines = oneEngine(kv, catalog.partitions)
  return composedStore({
    ...{ engines, catalog, health, warn, never, replica },
    noted: () => readMarker(directory).commit,
  })
}

const top = 'journal'
const tellEveryMs = 600_000
const frozenName = /^frozen-(\d+)$/

class RocksKv implements Kv {
  private readonly directory: string
  private readonly log: Warn
  private readonly lock: RocksLevel
  private layers: Layers | undefined
  /** RocksDB could not rewrite a damaged block, and refuses to write (D4). */
  private stopped = false
  readonly pace: Pace
  private aside: Aside | undefined
  private top: Database | undefined
  private closing = false
  private readonly erasures = new Erasures()
  /** Writes without sync that wait for the end of a commit (D6). */
  private putOff: (readonly Write[])[] = []

  constructor(directory: string, log: Warn, lock: RocksLevel) {
    this.directory = directory
    this.log = log
    this.lock = lock
    this.pace = new Pace(teller(log))
  }

  async open(): Promise<void> {
    checkManifest(this.directory, join(this.directory, top))
    const databases: Database[] = []
    try {
      for (const name of [top, ...this.frozen()]) {
        databases.push(await Database.open(join(this.directory, name), this.log))
      }
    } catch (error) {
      for (const database of databases) await database.close()
      throw error
    }
    this.layers = new Layers(databases)
    this.top = databases[0]
    this.finishErasures()
  }

  /** What a crash left half done (D7). */
  private finishErasures(): void {
    for (const [intent, clears] of this.erasures.left((range) => this.range('default', range))) {
      for (const { column, from, to } of clears) this.opened().clear(column, from, to)
      this.write([this.erasures.over(intent)], false)
    }
  }

  /** Writing has ended, or is about to: RocksDB met damage in the background. */
  get ailing(): boolean {
    return this.stopped || (this.layers?.top.backgroundErrors ?? 0) > 0
  }

  /** Names of the folders of frozen journals, the youngest first. */
  frozen(): readonly string[] {
    return readdirSync(this.directory)
      .flatMap((name) => frozenName.exec(name)?.[1] ?? [])
      .sort((a, b) => Number(b) - Number(a))
      .map((number) => `frozen-${number}`)
  }

  get(column: Column, key: Buffer): Buffer | undefined {
    return this.opened().get(column, key)
  }

  getAll(column: Column, keys: readonly Buffer[], bytesMax: number): readonly (Buffer | undefined)[] | undefined {
    return this.opened().getAll(column, keys, bytesMax)
  }

  range(column: Column, range: Range): Buffer[] {
    return this.opened().range(column, range)
  }

  write(writes: readonly Write[], sync: boolean): void {
    if (!sync && this.aside?.busy === true) {
      this.putOff.push(writes)
      return
    }
    const startedMs = performance.now()
    const alone = this.aside?.busy !== true
    try {
      this.opened().write(writes, sync)
    } catch (error) {
      throw this.met(error as Error)
    }
    // Behind a commit it takes two syncs.
    if (sync && alone) this.pace.measured(performance.now() - startedMs)
  }

  commit(writes: readonly Write[], done: (error: Error | undefined) => void): void {
    try {
      if (this.pace.slow) {
        this.commitAside(writes, done)
        return
      }
      this.write(writes, true)
    } catch (error) {
      done(error as Error)
      return
    }
    done(undefined)
  }

  private commitAside(writes: readonly Write[], done: (error: Error | undefined) => void): void {
    const top = this.opened().ofTop(writes)
    // It waits for its last commit, and the database goes after that.
    if (this.closing) throw new InnkeeperError('storage_unavailable', 'the store is being closed')
    if (this.aside === undefined || this.aside.failed) this.aside = new Aside(this.top!.handle)
    this.pace.aside += 1
    this.aside.write(top, (error, ms) => {
      if (error === undefined) this.pace.measured(ms)
      this.writePutOff()
      done(error === undefined ? undefined : this.met(error))
    })
  }

  private writePutOff(): void {
    for (const writes of this.putOff.splice(0)) {
      try {
        this.write(writes, false)
      } catch (err) {
        // A cache's writes (journal.J5). An engine that has stopped says so at the next commit.
        this.log('an optional file could not be written', { err })
      }
    }
  }

  private met(error: Error): Error {
    if (isCorruption(error.message)) this.stopped = true
    return error
  }

  erase(writes: readonly Write[], clears: readonly Clear[], done: (error: Error | undefined) => void): void {
    const intent = this.erasures.next()
    this.commit([...writes, this.erasures.write(intent, clears)], (error) => {
      if (error !== undefined) {
        done(error)
        return
      }
      try {
        for (const { column, from, to } of clears) this.opened().clear(column, from, to)
        this.write([this.erasures.over(intent)], false)
      } catch (error) {
        done(error as Error)
        return
      }
      done(undefined)
    })
  }

  async reopen(): Promise<void> {
    await this.closeLayers()
    await this.open()
  }

  async close(): Promise<void> {
    await this.closeLayers()
    await this.lock.close()
  }

  private freeze(): void {
    const number = Math.max(0, ...this.frozen().map((name) => Number(frozenName.exec(name)![1]))) + 1
    const name = `frozen-${number}`
    renameSync(join(this.directory, top), join(this.directory, name))
    this.log(
      `a table of the journal is damaged where RocksDB has to rewrite it: the journal is kept as ${name} and only read from now on, ` +
        'new data goes to a new journal; run `inn doctor` to see what is lost, and restore a backup when you can',
      { frozen: name },
    )
  }

  private async closeLayers(): Promise<void> {
    const { ailing } = this
    this.closing = true
    await this.aside?.close()
    this.aside = undefined
    this.closing = false
    const { layers } = this
    this.layers = undefined
    this.top = undefined
    await layers?.close()
    if (ailing) this.freeze()
    this.stopped = false
  }

  private opened(): Layers {
    if (this.layers === undefined) throw new InnkeeperError('storage_unavailable', 'the store is closed')
    return this.layers
  }
}

/** Tells that commits leave the loop or return to it, now and then. */
function teller(log: Warn): (slow: boolean, movingMs: number) => void {
  let toldMs = Number.NEGATIVE_INFINITY
  return (slow, movingMs) => {
    if (!slow || performance.now() - toldMs < tellEveryMs) return
    toldMs = performance.now()
    log('syncs of the disk are slow: commits wait for them outside the event loop, and writes take longer', {
      syncMs: Math.round(movingMs * 10) / 10,
    })
  }
}

/** @throws InnkeeperError `storage_unavailable` if another process has it. */
async function lockDirectory(directory: string, log: Warn): Promise<RocksLevel> {
  const path = join(directory, 'lock')
  try {
    return await openLock(path)
  } catch (error) {
    // Whoever holds it is told apart before any file of it is read.
    if (!existsSync(path) || isHeld(error)) throw openError(directory, error)
    log('the lock file was damaged and has been created again; it contains no data', { reason: causeOf(error).message })
  }
  rmSync(path, { recursive: true, force: true })
  try {
    return await openLock(path)
  } catch (error) {
    throw openError(directory, error)
  }
}

async function openLock(path: string): Promise<RocksLevel> {
  // First: what is made below opens by itself in the next turn of the loop, and would hold the lock though nobody closes it.
  mkdirSync(path, { recursive: true })
  const lock = new RocksLevel(path, { memtableMemoryBudget: 1024 * 1024, cacheSize: 0 })
  await lock.open({ createIfMissing: true, parallelism: 1 })
  return lock
}
