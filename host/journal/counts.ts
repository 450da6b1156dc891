// Counts: what was counted of stored entities: by storage id their number, types of events, the largest, the oldest and the last changed.
//
// Owns: adding up.   census.ts owns: what is counted, and the rows.

import type { Typed } from '../outcome.ts'
import type { StorageId } from './journal.ts'

/** An entity and its size: events, or bytes of a value. */
export type Sized = readonly [key: string, size: number]

/** Entities kept of each storage id, largest and oldest. */
export const censusEntities = 20
/** What a batch brought, told once it is on disk. */
export interface Counted {
  readonly storage: StorageId
  readonly key: string
  /** It is the entity's first record. */
  readonly born: boolean
  readonly size: number
  readonly events: readonly Typed[]
}

export interface TypeCount {
  count: number
  readonly entity: string
  readonly sequence: number
}

/** The largest of many, without sorting them each time: every record of an entity comes here. */
class Largest {
  private readonly sizes = new Map<string, number>()
  private smallest = 0

  add(key: string, size: number): void {
    const { sizes } = this
    const known = sizes.get(key)
    if (known === undefined && sizes.size >= censusEntities) {
      if (size <= this.smallest) return
      for (const [other, least] of sizes) {
        if (least !== this.smallest) continue
        sizes.delete(other)
        break
      }
    }
    sizes.set(key, size)
    if (known === undefined || known === this.smallest) this.smallest = Math.min(...sizes.values())
    else this.smallest = Math.min(this.smallest, size)
  }

  list(): readonly Sized[] {
    return [...this.sizes].sort((a, b) => b[1] - a[1])
  }
}

/** The last changed of many, the newest last. */
class Newest {
  private readonly keys = new Set<string>()

  add(key: string): void {
    const { keys } = this
    keys.delete(key)
    keys.add(key)
    if (keys.size <= censusEntities) return
    for (const oldest of keys) {
      keys.delete(oldest)
      return
    }
  }

  list(): readonly string[] {
    return [...this.keys]
  }
}

export class Tally {
  readonly types = new Map<StorageId, Map<string, TypeCount>>()
  readonly largest = new Map<StorageId, Largest>()
  readonly oldest = new Map<StorageId, string[]>()
  readonly newest = new Map<StorageId, Newest>()
  readonly entities = new Map<StorageId, number>()

  add({ storage, key, born, size, events }: Counted): void {
    if (events.length > 0) this.addEvents(storage, key, size, events)
    this.addLargest(storage, key, size)
    this.addNewest(storage, key)
    if (!born) return
    this.addOldest(storage, key)
    this.addEntities(storage, 1)
  }

  addType(storage: StorageId, name: string, type: TypeCount): void {
    const types = this.types.get(storage) ?? new Map<string, TypeCount>()
    this.types.set(storage, types)
    const known = types.get(name)
    if (known === undefined) types.set(name, { ...type })
    else known.count += type.count
  }

  addLargest(storage: StorageId, key: string, size: number): void {
    let largest = this.largest.get(storage)
    if (largest === undefined) {
      largest = new Largest()
      this.largest.set(storage, largest)
    }
    largest.add(key, size)
  }

  addNewest(storage: StorageId, key: string): void {
    let newest = this.newest.get(storage)
    if (newest === undefined) {
      newest = new Newest()
      this.newest.set(storage, newest)
    }
    newest.add(key)
  }

  addOldest(storage: StorageId, key: string): void {
    const list = this.oldest.get(storage) ?? []
    if (list.length >= censusEntities || list.includes(key)) return
    list.push(key)
    this.oldest.set(storage, list)
  }

  addEntities(storage: StorageId, count: number): void {
    this.entities.set(storage, (this.entities.get(storage) ?? 0) + count)
  }

  forget(storage: StorageId): void {
    for (const part of [this.types, this.largest, this.oldest, this.newest, this.entities]) part.delete(storage)
  }

  /** Into this one: what came later, of all or of one storage id. */
  merge(later: Tally, only?: StorageId): this {
    const wanted = (storage: StorageId) => only === undefined || only === storage
    for (const [storage, types] of later.types)
      if (wanted(storage)) for (const [name, type] of types) this.addType(storage, name, type)
    for (const [storage, largest] of later.largest)
      if (wanted(storage)) for (const [key, size] of largest.list()) this.addLargest(storage, key, size)
    for (const [storage, list] of later.oldest)
      if (wanted(storage)) for (const key of list) this.addOldest(storage, key)
    for (const [storage, newest] of later.newest)
      if (wanted(storage)) for (const key of newest.list()) this.addNewest(storage, key)
    for (const [storage, count] of later.entities) if (wanted(storage)) this.addEntities(storage, count)
    return this
  }

  private addEvents(storage: StorageId, key: string, size: number, events: readonly Typed[]): void {
    let types = this.types.get(storage)
    if (types === undefined) {
      types = new Map()
      this.types.set(storage, types)
    }
    let sequence = size - events.length
    for (const { typeName } of events) {
      sequence += 1
      const known = types.get(typeName)
      // One that has only its row may have been seen before, by a host without a census.
      if (known !== undefined && known.count > 0) known.count += 1
      else types.set(typeName, { count: 1, entity: key, sequence })
    }
  }
}
