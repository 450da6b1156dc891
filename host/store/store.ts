// Store: one open data directory: the journals of its partitions, the catalog, and what they share.
//
// Owns: what fails and is opened again together.   rocksdb.ts and memory.ts make one.   partition.ts (of the host) composes what stands on a journal.

import type { Catalog } from '../catalog/catalog.ts'
import type { InnkeeperError } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
import type { Kv } from '../storage/kv.ts'
import type { Pace } from '../storage/pace.ts'

export interface Store {
  /** The engine of the catalog: for checks of every byte (doctor/scrub.ts). */
  readonly kv: Kv
  /** What each partition sees of it. */
  readonly parts: readonly Kv[]
  /** By partition. */
  readonly journals: readonly Journal[]
  readonly catalog: Catalog
  /** Id of this host among the replicas of its entities (incarnation.ts). */
  readonly replica: string
  /** It was copied or restored, and does nothing by the clock until it is released (storage/incarnation.ts). */
  held(): boolean
  release(): void
  /** Write what the journals have handed in, as one (partitioned.ts). */
  flush(): void
  /** Note how far this replica has come. Called now and then, and at the end. */
  note(): void
  readonly pace: Pace
  /** Why nothing can be served, or undefined when all is well (journal.J4). */
  failure(): InnkeeperError | undefined
  /** Look whether the engine has stopped by itself; if so it has failed from now on. */
  examine(): void
  /** After a failure: close, check, open. Rejects if that does not work yet. */
  reopen(): Promise<void>
  close(): Promise<void>
}
