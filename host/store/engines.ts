// Engines: what the catalog and the partitions of a store lie in: one engine for all, or one for each, since partitions are to move.
//
// E1. A partition knows nothing of it: the same rows are under the same keys, whichever it is (partitioned.P1).
// E2. One engine takes what all partitions hand in until `flush` as one synced write. Engines of their own write when it is handed in.
//
// Owns: how many there are.   partitioned.ts owns: the keys of one engine.   composed.ts owns: what stands on them.

import type { Kv } from '../storage/kv.ts'
import { PartitionedKv } from '../storage/partitioned.ts'

export interface Engines {
  readonly catalog: Kv
  /** By partition. */
  readonly parts: readonly Kv[]
  flush(): void
  reopen(): Promise<void>
  close(): Promise<void>
}

/** One for the catalog and `partitions`. */
export function oneEngine(kv: Kv, partitions: number): Engines {
  const partitioned = partitions === 1 ? undefined : new PartitionedKv(kv, partitions)
  return {
    catalog: kv,
    parts: partitioned?.parts ?? [kv],
    flush: () => partitioned?.flush(),
    reopen: () => kv.reopen(),
    close: () => kv.close(),
  }
}

/** One for the catalog, and one for each partition. */
export function engineForEach(catalog: Kv, parts: readonly Kv[]): Engines {
  const all = [catalog, ...parts]
  return {
    catalog,
    parts,
    flush() {},
    async reopen() {
      for (const kv of all) await kv.reopen()
    },
    async close() {
      // Also those behind one that cannot be closed: each has a lock.
      const closed = await Promise.allSettled(all.map((kv) => kv.close()))
      for (const one of closed) if (one.status === 'rejected') throw one.reason
    },
  }
}
