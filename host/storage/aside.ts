// Aside: writes and syncs commits in a thread of its own, on the database that the loop has open. What slow disks are served by.
//
// E1. One commit at a time; it is answered on the loop, after its sync. RocksDB shows nobody a write before its sync has ended, so
//     what can be read is on disk, as it is when the loop writes.
// E2. A thread that ends by itself leaves the outcome of its commit unknown, like a failed write.
// E3. `close` waits for the commit under way: the database may not be closed under it.
//
// Owns: the thread.   aside-thread.ts owns: writing.   rocksdb.ts owns: when.

import { Worker } from 'node:worker_threads'
import type { AsideDone, AsideThread } from './aside-thread.ts'
import type { Write } from './kv.ts'
import { pack } from './packed.ts'

/** `ms`: of the write and its sync, without the ways there and back. */
export type Written = (error: Error | undefined, ms: number) => void

export class Aside {
  private readonly worker: Worker
  private written: Written | undefined
  private ended: Error | undefined
  private readonly idle: (() => void)[] = []

  constructor(handle: bigint) {
    this.worker = new Worker(new URL('./aside-thread.ts', import.meta.url), {
      workerData: { handle } satisfies AsideThread,
      execArgv: ['--no-warnings'],
      env: {},
    })
    this.worker.on('message', ({ message, ms }: AsideDone) =>
      this.done(message === undefined ? undefined : new Error(message), ms),
    )
    this.worker.on('error', (error) => this.end(error))
    this.worker.on('exit', () => this.end(new Error('the thread that writes commits has ended')))
    // A store that nobody closes keeps no process alive, but a commit does.
    this.worker.unref()
  }

  /** Of no use any more. */
  get failed(): boolean {
    return this.ended !== undefined
  }

  get busy(): boolean {
    return this.written !== undefined
  }

  write(writes: readonly Write[], written: Written): void {
    if (this.written !== undefined) throw new Error('a commit is under way')
    if (this.ended !== undefined) {
      written(this.ended, 0)
      return
    }
    this.written = written
    this.worker.ref()
    const packed = pack(writes)
    this.worker.postMessage(packed, [packed])
  }

  async close(): Promise<void> {
    if (this.busy) await new Promise<void>((resolve) => this.idle.push(resolve))
    await this.worker.terminate()
  }

  private end(error: Error): void {
    this.ended ??= error
    if (this.busy) this.done(error, 0)
  }

  private done(error: Error | undefined, ms: number): void {
    const { written } = this
    this.written = undefined
    this.worker.unref()
    written?.(error, ms)
    if (!this.busy) for (const resolve of this.idle.splice(0)) resolve()
  }
}
