// Stores for tests: with as many partitions as the run is for, and with the journal of one of them at hand.

import type { Journal } from '../../host/journal/journal.ts'
import type { Numbering } from '../../host/journal/numbering.ts'
import { memoryStore as madeStore } from '../../host/store/memory.ts'
import type { StoreOptions } from '../../host/store/rocksdb.ts'
import { openStore as openedStore } from '../../host/store/rocksdb.ts'
import type { Store } from '../../host/store/store.ts'

/** `test/run.ts` runs tests of the host and the journal with 1 and with 4. */
export const partitions = Number(process.env['TEST_PARTITIONS'] ?? 1)

/** Of the partition whose journal tests have at hand: the last. */
export const numbering: Numbering = { index: partitions - 1, count: partitions }

/** `journal`: of one partition, whose commits are written when they are asked for. */
export type TestStore = Store & { readonly journal: Journal }

export async function openStore(directory: string, options: StoreOptions): Promise<TestStore> {
  return withJournal(await openedStore(directory, { partitions, ...options }))
}

export function memoryStore(count = partitions, parts: Parameters<typeof madeStore>[1] = {}): TestStore {
  return withJournal(madeStore(count, parts))
}

function withJournal(store: Store): TestStore {
  const last = store.journals.length - 1
  return { ...store, journal: last === 0 ? store.journals[0]! : flushed(store, store.journals[last]!) }
}

/** A journal that needs nobody to flush its store. */
function flushed(store: Store, journal: Journal): Journal {
  const own: Pick<Journal, 'close' | 'commit' | 'reopen'> = {
    commit: (batch, done) => {
      journal.commit(batch, done)
      store.flush()
    },
    reopen: () => store.reopen(),
    close: () => store.close(),
  }
  return new Proxy(journal, {
    get: (target, name) => {
      if (Object.hasOwn(own, name)) return own[name as keyof typeof own]
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
