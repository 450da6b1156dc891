// Composed: a store over its engines, whatever these are.
//
// Leaves to others: the engine (rocksdb.ts, memory.ts), what its rows mean (kv-journal.ts, kv-catalog.ts).

import type { KvCatalog } from '../catalog/kv-catalog.ts'
import type { Clock } from '../clock.ts'
import type { LogOf } from '../journal/kv-journal.ts'
import { KvJournal } from '../journal/kv-journal.ts'
import type { NeverStored } from '../journal/record.ts'
import type { Health, Warn } from '../storage/health.ts'
import type { Engines } from './engines.ts'
import type { Store } from './store.ts'

interface ComposedParts {
  /** With as many parts as the catalog says. */
  readonly engines: Engines
  /** It knows how many partitions there are. */
  readonly catalog: KvCatalog
  readonly health: Health
  readonly warn: Warn
  readonly never?: NeverStored | undefined
  /** The last commits of all partitions together, as far as they are known beside the store. */
  readonly noted?: () => number
  /** The id of the replica, and how it is noted, once the journals are there. */
  readonly replica: (lastCommit: () => number) => {
    readonly replica: string
    readonly held: boolean
    release(): void
    note(): void
  }
  readonly log?: LogOf
  readonly clock?: Clock | undefined
  readonly runId?: (() => string) | undefined
}

export function composedStore({
  engines,
  catalog,
  health,
  warn,
  never,
  noted,
  replica,
  log,
  clock,
  runId,
}: ComposedParts): Store {
  const { partitions } = catalog
  const { catalog: kv, parts } = engines
  const journals = parts.map(
    (part, index) =>
      new KvJournal({
        ...{ kv: part, warn, health, partition: { index, count: partitions }, runId },
        ...(never === undefined ? {} : { never }),
        ...(noted === undefined ? {} : { noted }),
        ...(log === undefined ? {} : { log }),
        ...(clock === undefined ? {} : { clock }),
      }),
  )
  const [first] = journals
  catalog.refused = (error) => first!.refused(error)
  const incarnation = replica(() => journals.reduce((sum, journal) => sum + journal.lastCommit(), 0))
  return {
    ...{ kv, journals, catalog, replica: incarnation.replica, pace: kv.pace, parts },
    held: () => incarnation.held,
    release: () => incarnation.release(),
    flush: () => engines.flush(),
    note: () => incarnation.note(),
    failure: () => health.broken,
    examine: () => {
      for (const journal of journals) journal.examine()
    },
    reopen: async () => {
      await engines.reopen()
      health.mended()
      try {
        catalog.reread()
        for (const journal of journals) journal.reread()
      } catch (error) {
        health.fail(error)
        throw error
      }
    },
    close: () => {
      for (const journal of journals) journal.stop()
      return engines.close()
    },
  }
}
