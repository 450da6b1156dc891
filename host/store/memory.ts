// Memory: a store that forgets at exit. For tests and tries.

import { KvCatalog } from '../catalog/kv-catalog.ts'
import type { Clock } from '../clock.ts'
import type { Journal } from '../journal/journal.ts'
import type { LogOf } from '../journal/kv-journal.ts'
import type { Column } from '../storage/columns.ts'
import type { Warn } from '../storage/health.ts'
import { Health } from '../storage/health.ts'
import { newReplica } from '../storage/incarnation.ts'
import type { Clear, Kv, Range, Write } from '../storage/kv.ts'
import { Pace } from '../storage/pace.ts'
import { composedStore } from './composed.ts'
import { engineForEach, oneEngine } from './engines.ts'
import type { Store } from './store.ts'

interface MemoryParts {
  readonly kv?: Kv
  /** Engines of the partitions, where each has its own: then `kv` is the catalog's. */
  readonly each?: readonly Kv[] | undefined
  readonly warn?: Warn
  readonly log?: LogOf
  readonly clock?: Clock
  /** Ids of the directory, if it is a fresh one, of the replica that it is, and of its runs. Random ones without it. */
  readonly ids?: { readonly directory: string; readonly replica: string; readonly run: () => string }
}

/** `journal` is that of the first partition. */
export function memoryStore(
  partitions = 1,
  { kv = new MemoryKv(), each, warn = () => {}, log, clock, ids }: MemoryParts = {},
): Store & { readonly journal: Journal } {
  const health = new Health(warn)
  const catalog = new KvCatalog(kv, health, partitions, clock, ids && (() => ids.directory))
  const replica = () => ({
    replica: ids?.replica ?? newReplica(catalog.directoryId),
    held: false,
    release() {},
    note() {},
  })
  const runId = ids?.run
  const store = composedStore({
    engines: each === undefined ? oneEngine(kv, partitions) : engineForEach(kv, each),
    catalog,
    health,
    warn,
    replica,
    clock,
    runId,
    ...(log === undefined ? {} : { log }),
  })
  return { ...store, journal: store.journals[0]! }
}

/** Each column a list sorted by key. */
export class MemoryKv implements Kv {
  private readonly columns = new Map<Column, { key: Buffer; value: Buffer }[]>()

  get(column: Column, key: Buffer): Buffer | undefined {
    const list = this.list(column)
    const at = place(list, key)
    return list[at]?.key.equals(key) ? list[at]!.value : undefined
  }

  getAll(column: Column, keys: readonly Buffer[], bytesMax: number): readonly (Buffer | undefined)[] | undefined {
    const values = keys.map((key) => this.get(column, key))
    return values.reduce((bytes, value) => bytes + (value?.length ?? 0), 0) > bytesMax ? undefined : values
  }

  range(column: Column, { from, to, reverse, limit, bytesMax = Number.POSITIVE_INFINITY, keysOnly }: Range): Buffer[] {
    const list = this.list(column)
    const found = list.slice(place(list, from), place(list, to))
    if (reverse) found.reverse()
    const rows: Buffer[] = []
    let bytes = 0
    for (const { key, value } of found.slice(0, limit)) {
      if (rows.length > 0 && bytes >= bytesMax) break
      rows.push(key, keysOnly ? Buffer.alloc(0) : value)
      bytes += value.length
    }
    return rows
  }

  write(writes: readonly Write[]): void {
    for (const [column, key, value] of writes) {
      const list = this.list(column)
      const at = place(list, key)
      const there = list[at]?.key.equals(key) ? 1 : 0
      if (value === undefined) list.splice(at, there)
      else list.splice(at, there, { key: Buffer.from(key), value: Buffer.from(value) })
    }
  }

  commit(writes: readonly Write[], done: (error: Error | undefined) => void): void {
    try {
      this.write(writes)
    } catch (error) {
      done(error as Error)
      return
    }
    done(undefined)
  }

  readonly pace = new Pace()

  erase(writes: readonly Write[], clears: readonly Clear[], done: (error: Error | undefined) => void): void {
    this.commit(writes, (error) => {
      if (error === undefined)
        for (const { column, from, to } of clears) {
          const list = this.list(column)
          const start = place(list, from)
          list.splice(start, place(list, to) - start)
        }
      done(error)
    })
  }

  readonly ailing = false

  async reopen(): Promise<void> {}

  async close(): Promise<void> {}

  private list(column: Column): { key: Buffer; value: Buffer }[] {
    let list = this.columns.get(column)
    if (list === undefined) {
      list = []
      this.columns.set(column, list)
    }
    return list
  }
}

/** Index of the first entry whose key is not less. */
function place(list: readonly { key: Buffer }[], key: Buffer): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (list[middle]!.key.compare(key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
