// Snapshot thread: loads a bundle in the engine. Started and ended by load-bundle.ts.

import { parentPort, workerData } from 'node:worker_threads'
import type { BundleToLoad, Loaded } from './load-bundle.ts'
import { LoadError, snapshot } from './snapshot.ts'

const { engine, script } = workerData as BundleToLoad

parentPort!.postMessage(loaded())

function loaded(): Loaded {
  try {
    return { core: snapshot(engine, script) }
  } catch (error) {
    if (error instanceof LoadError) return { failed: error.message.split('\n')[0]! }
    // The engine's own end: no memory is left, or no stack.
    if (error instanceof WebAssembly.RuntimeError) return { failed: error.message }
    throw error
  }
}
