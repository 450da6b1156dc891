// Aside thread: writes what it is sent into the database of the thread that started it (aside.ts), synced.
//
// It never closes the database: that is the other thread's.

import { parentPort, workerData } from 'node:worker_threads'
import { Database } from './database.ts'
import { unpack } from './packed.ts'

export interface AsideThread {
  /** Of the open database, valid in all threads of the process. */
  readonly handle: bigint
}

export interface AsideDone {
  /** Why it failed. */
  readonly message: string | undefined
  readonly ms: number
}

const database = await Database.share((workerData as AsideThread).handle)

parentPort!.on('message', (packed: ArrayBuffer) => {
  const startedMs = performance.now()
  let message: string | undefined
  try {
    database.write(unpack(packed), true)
  } catch (error) {
    ;({ message } = error as Error)
  }
  parentPort!.postMessage({ message, ms: performance.now() - startedMs } satisfies AsideDone)
})
