// Describe a core: what a built service says of itself, asked before it becomes a component, in a thread that can be ended.
//
// C1. It is the author's own code, on the author's machine: its time is bounded, and nothing else of it.
// C2. Imports are those of WASI, and are sealed as in the component (wasi-stub.wat).
//
// Leaves to others: whether the answer can be served (served.ts).

import { Worker } from 'node:worker_threads'
import type { Description } from '../../host/guest/about.ts'

const timeoutMs = 5_000

export interface CoreToDescribe {
  readonly core: Uint8Array
  /** The module whose functions stand for WASI. */
  readonly wasi: Uint8Array | undefined
}

/** `failed`: what to tell the author. */
export type Described = { readonly description: Description } | { readonly failed: string }

export function describeCore(of: CoreToDescribe): Promise<Described> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./describe-thread.ts', import.meta.url), {
      workerData: of,
      execArgv: ['--no-warnings'],
      env: {},
    })
    const timer = setTimeout(() => {
      resolve({ failed: `its description took more than ${timeoutMs / 1000} seconds; is there an endless loop?` })
      void worker.terminate()
    }, timeoutMs)
    worker.once('message', (described: Described) => {
      resolve(described)
      void worker.terminate()
    })
    worker.once('error', reject)
    worker.once('exit', () => {
      clearTimeout(timer)
      // Settled already, unless the thread ended without a word.
      resolve({ failed: 'it ended before it described itself' })
    })
  })
}
