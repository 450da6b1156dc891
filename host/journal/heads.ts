// Heads: the last numbers of entities, remembered so that appending to one need not read them.
//
// H1. A head that is not here is read from the store: what is dropped costs a read. At least the last `keptMin` that were set are here.
// H2. What a purge deleted has none, though it was read while the purge was under way.
//
// Two generations: one more than the younger may hold makes it the older, and drops what the older had and nobody asked for since.
//
// Owns: remembering.   kv-journal.ts owns: when a head is true.

import type { EntityRef } from './journal.ts'

export interface Head {
  readonly revision: number
  readonly sequence: number
}

/** Of 100,000 entities in memory at most half of those that are written to by chance are read again. A head takes some 200 bytes. */
const keptMin = 50_000

export class Heads {
  private young = new Map<string, Head>()
  private old = new Map<string, Head>()

  get(entity: EntityRef): Head | undefined {
    const key = headKey(entity)
    const head = this.young.get(key)
    if (head !== undefined) return head
    const older = this.old.get(key)
    if (older !== undefined) this.put(key, older)
    return older
  }

  set(entity: EntityRef, head: Head): void {
    this.put(headKey(entity), head)
  }

  clear(): void {
    this.young = new Map()
    this.old = new Map()
  }

  private put(key: string, head: Head): void {
    if (this.young.size >= keptMin) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(key, head)
  }
}

export function headKey({ storage, key }: EntityRef): string {
  return `${storage}\0${key}`
}
