// Written: the ways to write to a client that may not read: nothing more is made for it before it took what it has.
//
// W1. `written` resolves once for each chunk: true when the buffers below took it, false when the other side is gone. Who waits for it has one chunk
//     in memory.
// W2. A `Writer` is ready until `unsentBytesMax` or `unsentChunksMax` are not taken, and says when it is again.
// W3. What is not taken is counted (in-flight.ts). grpc-js' writes are counted below it (ingress/grpc/sessions.ts).
//
// Owns: the wait.

import type { Writable } from 'node:stream'
import type { Flow } from './in-flight.ts'

/** What ends a stream: `cancelled` is grpc-js' word. */
const ends = ['close', 'cancelled'] as const

type To = Writable & { readonly cancelled?: boolean }

export function written(to: To, chunk: string | Uint8Array, flow?: Flow): Promise<boolean> {
  if (to.destroyed || to.writableEnded || to.cancelled === true) return Promise.resolve(false)
  const bytes = lengthOf(chunk)
  flow?.owes(bytes)
  return new Promise((resolve) => {
    const done = (taken: boolean) => {
      flow?.owes(-bytes)
      for (const end of ends) to.off(end, gone)
      resolve(taken)
    }
    const gone = () => done(false)
    for (const end of ends) to.on(end, gone)
    to.write(chunk, (error) => done(error === undefined || error === null))
  })
}

const unsentBytesMax = 256 * 1024
const unsentChunksMax = 64

/** A `Writable`, or what writes as it does. */
interface Taking {
  write(chunk: string | Uint8Array, taken: (error?: Error | null) => void): unknown
}

export class Writer {
  private readonly to: Taking
  private readonly flow: Flow | undefined
  private readonly again: () => void
  private unsentBytes = 0
  private unsentChunks = 0
  private full = false

  /** `again` is called when it is ready after it was not. */
  constructor(to: Taking, flow: Flow | undefined, again: () => void) {
    this.to = to
    this.flow = flow
    this.again = again
  }

  get ready(): boolean {
    return !this.full
  }

  write(chunk: string | Uint8Array): void {
    const bytes = lengthOf(chunk)
    this.unsentBytes += bytes
    this.unsentChunks += 1
    this.flow?.owes(bytes)
    if (this.unsentBytes >= unsentBytesMax || this.unsentChunks >= unsentChunksMax) this.full = true
    this.to.write(chunk, (error) => this.taken(bytes, error))
  }

  private taken(bytes: number, error: Error | null | undefined): void {
    this.unsentBytes -= bytes
    this.unsentChunks -= 1
    this.flow?.owes(-bytes)
    // The other side is gone, and will say so.
    if (error !== undefined && error !== null) return
    if (!this.full || this.unsentBytes > unsentBytesMax / 2 || this.unsentChunks > unsentChunksMax / 2) return
    this.full = false
    this.again()
  }
}

function lengthOf(chunk: string | Uint8Array): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length
}
