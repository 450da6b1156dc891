// Guards the feed in memory and on disk.

import { feedContract } from '../contract/feed.ts'
import { folder } from '../support/journal.ts'
import { memoryStore, openStore } from '../support/store.ts'

feedContract('memory', async () => {
  const store = memoryStore()
  return { store, close: () => store.journal.close() }
})

feedContract('rocksdb', async () => {
  const directory = folder()
  const log = () => {}
  let store = await openStore(directory, { log })
  return {
    store,
    reopen: async () => {
      await store.journal.close()
      store = await openStore(directory, { log })
      return store
    },
    close: () => store.journal.close(),
  }
})
