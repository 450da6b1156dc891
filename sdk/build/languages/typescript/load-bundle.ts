// Load bundle: the core module of a bundle, made in a thread that can be ended: loading runs the author's module.
//
// N1. Loading may take five seconds.
// N2. What the module throws is the author's mistake, told as a sentence.
//
// Leaves to others: what is done with the engine (snapshot.ts).

import { Worker } from 'node:worker_threads'

const timeoutMs = 5_000

export interface BundleToLoad {
  readonly engine: Uint8Array
  readonly script: string
}

/** `failed`: what to tell the author. */
export type Loaded = { readonly core: Uint8Array } | { readonly failed: string }

export function loadBundle(bundle: BundleToLoad): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./snapshot-thread.ts', import.meta.url), {
      workerData: bundle,
      execArgv: ['--no-warnings'],
      env: {},
    })
    const timer = setTimeout(() => {
      resolve({ failed: `it took more than ${timeoutMs / 1000} seconds; is there an endless loop?` })
      void worker.terminate()
    }, timeoutMs)
    worker.once('message', (loaded: Loaded) => {
      resolve(loaded)
      void worker.terminate()
    })
    worker.once('error', reject)
    worker.once('exit', () => {
      clearTimeout(timer)
      // Settled already, unless the thread ended without a word.
      resolve({ failed: 'it ended before it was loaded' })
    })
  })
}
