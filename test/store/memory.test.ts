// Guards that the store of tests and tries keeps the same promises as the one on disk.

import { basesContract } from '../contract/bases.ts'
import { journalContract } from '../contract/journal.ts'
import { memoryStore } from '../support/store.ts'

const open = async () => {
  const store = memoryStore()
  return { store, close: () => store.journal.close() }
}

journalContract('memory', open)
basesContract('memory', open)
