// Early: the partition's thread, begun before there is anything to tell it: its modules load while the main thread still reads its own.
//
// E1. At most one is begun early, and taken once. Until then it holds up no end of the process.

import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'

export const partitionScript = new URL('./serving.ts', import.meta.url)

let early: Worker | undefined

export function beginEarly(): void {
  early ??= beginThread(partitionScript, undefined)
  early.unref()
}

/** One that was begun early, which waits for its start as a message. */
export function takeEarly(): Worker | undefined {
  const taken = early
  early = undefined
  taken?.ref()
  return taken
}

/** The thread keeps compiled code where this one does: each has to be told. */
export function beginThread(script: URL, workerData: unknown): Worker {
  const folder = getCompileCacheDir()
  const env = folder === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(folder) }
  return new Worker(script, { workerData, env })
}
