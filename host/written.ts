// Written: one way to write to whoever may not read: nothing more is made for them before they took what they have.
//
// W1. `written` resolves once for each chunk: true when the buffers below took it, false when the other side is gone.
// W2. A writer that waits for it has one chunk in memory, however slow the reader.
//
// Owns: the wait.   Streams of services do the same with counts (grpc-stream.ts, http-stream.ts), since they batch.

import type { Writable } from 'node:stream'

/** What ends a stream: `cancelled` is grpc-js' word. */
const ends = ['close', 'cancelled'] as const

export function written(to: Writable & { readonly cancelled?: boolean }, chunk: string | Uint8Array): Promise<boolean> {
  if (to.destroyed || to.writableEnded || to.cancelled === true) return Promise.resolve(false)
  return new Promise((resolve) => {
    const done = (taken: boolean) => {
      for (const end of ends) to.off(end, gone)
      resolve(taken)
    }
    const gone = () => done(false)
    for (const end of ends) to.on(end, gone)
    to.write(chunk, (error) => done(error === undefined || error === null))
  })
}
