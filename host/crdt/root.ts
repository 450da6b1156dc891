// Root: the entity's own value. Like an entry of a map (map.O4), but without presence: it goes only with the entity.

import type { Kind } from './kind.ts'
import { emptyStore, newStore } from './map.ts'
import type { Candidates, Meeting } from './meeting.ts'
import type { Store } from './store.ts'

export class Root {
  /** By kind, ascending; the first is seen. None: the entity does not exist yet. */
  readonly stores: Store[]

  constructor(stores: Store[] = []) {
    this.stores = stores
  }

  get seen(): Store | undefined {
    return this.stores[0]
  }

  add(store: Store): void {
    this.stores.push(store)
    this.stores.sort((a, b) => a.kind - b.kind)
  }

  take(store: Store): void {
    this.stores.splice(this.stores.indexOf(store), 1)
  }

  weigh(): number {
    let weight = 0
    for (const store of this.stores) weight += store.weigh()
    return weight
  }

  /** True if the visible value is another one now. */
  join(theirs: Root, meeting: Meeting, candidates: Candidates): boolean {
    const seenBefore = this.seen
    let changed = false
    for (const { kind } of theirs.stores) {
      if (this.find(kind) !== undefined) continue
      this.add(newStore(kind))
      meeting.news = true
    }
    for (const store of this.stores) {
      const changedStore = store.join(theirs.find(store.kind) ?? emptyStore(store.kind), meeting, candidates)
      if (store === seenBefore) changed = changedStore
    }
    return changed || this.seen !== seenBefore
  }

  private find(kind: Kind): Store | undefined {
    return this.stores.find((store) => store.kind === kind)
  }
}
