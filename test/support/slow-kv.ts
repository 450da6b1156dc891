// A store in memory whose commits end when the test says so, and that can be left as a crash leaves it.

import type { Column } from '../../host/storage/columns.ts'
import { columns } from '../../host/storage/columns.ts'
import type { Write } from '../../host/storage/kv.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import type { TestStore } from './store.ts'
import { memoryStore } from './store.ts'

type Done = (error: Error | undefined) => void

/** As rocksdb.ts on a slow disk: V3 of kv.ts. */
export class SlowKv extends MemoryKv {
  /** Commits wait for `end`; otherwise they end at once. */
  waits = false
  private under: { readonly writes: readonly Write[]; readonly done: Done } | undefined
  private putOff: (readonly Write[])[] = []

  get busy(): boolean {
    return this.under !== undefined
  }

  override write(writes: readonly Write[], sync = true): void {
    if (!sync && this.busy) this.putOff.push(writes)
    else super.write(writes)
  }

  override commit(writes: readonly Write[], done: Done): void {
    if (this.busy) throw new Error('two commits are under way')
    if (this.waits) this.under = { writes, done }
    else super.commit(writes, done)
  }

  /** The commit under way ends: it is stored and said to be, or it is not, or it is stored and the disk said that it failed. */
  end(how: 'stored' | 'failed' | 'doubtful' = 'stored'): void {
    const { under } = this
    if (under === undefined) return
    this.under = undefined
    if (how !== 'failed') super.write(under.writes)
    const putOff = this.putOff.splice(0)
    if (how === 'stored') for (const writes of putOff) super.write(writes)
    under.done(how === 'stored' ? undefined : new Error('input/output error'))
  }

  /** What a crash leaves at this moment; `reached`: the commit under way had come to the disk, and nobody had been told. */
  crashed(reached: boolean): SlowKv {
    const left = new SlowKv()
    const everything = { from: Buffer.alloc(0), to: Buffer.alloc(64, 255), limit: Number.MAX_SAFE_INTEGER }
    for (const column of columns) left.write(rows(column, this.range(column, everything)))
    if (reached && this.under !== undefined) left.write(this.under.writes)
    return left
  }
}

function rows(column: Column, found: readonly Buffer[]): Write[] {
  const writes: Write[] = []
  for (let at = 0; at < found.length; at += 2) writes.push([column, found[at]!, found[at + 1]!])
  return writes
}

export function storeOn(kv: SlowKv): TestStore {
  return memoryStore(undefined, { kv })
}
