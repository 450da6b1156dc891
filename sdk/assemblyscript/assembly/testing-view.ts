// Testing of views: given(rows), changes, then(rows). `then` also tries what the host relies on, of all changes so far: law L7, a batch projects as its
// changes one by one, in whatever order different entities come, and without values that are not their entity's newest; and law L4, the same is
// projected twice.
//
// A row that is given is one that the entity of the same key has put.

import { Bytes } from './bytes'
import { Draft, Place, View } from './crdt'
import { viewBytes } from './crdt-view'
import { encode, Message } from './message'
import { after, AnyView, Came, Change, Put, replicaName, TableView, What } from './view'

/** A table of a view: `givenView(orders).event(OrderName, 'a', Placed.of(5)).then(['a'], [OrderRow.of('a', 5)])`. */
export function givenView<R extends Message>(view: TableView<R>): GivenView<R> {
  return new GivenView<R>(view)
}

/** A replicated value that is not there yet, for `replica`; its operations make it. */
export function replicaOf<V extends View>(): V {
  return instantiate<V>(new Place(new Draft(Bytes.empty()), null, Bytes.empty()))
}

const startMs: u64 = 1_700_000_000_000

export class GivenView<R extends Message> {
  private start: Map<string, Bytes> = new Map<string, Bytes>()
  private changes: Came[] = []

  constructor(private view: AnyView) {}

  /** A row that is there. */
  row(key: string, row: R): GivenView<R> {
    this.start.set(key, encode(row))
    return this
  }

  /** An event of an entity. */
  event(service: string, entity: string, event: Message): GivenView<R> {
    return this.changed(service, entity, What.Event, event.__typeName(), encode(event))
  }

  /** The value of an entity is this one from now on. */
  updated(service: string, entity: string, value: Message): GivenView<R> {
    return this.changed(service, entity, What.Updated, value.__typeName(), encode(value))
  }

  /** The value of a replicated entity is this one from now on: `const set = replicaOf<ORSet>(); set.add('x')`. */
  replica(service: string, entity: string, value: View): GivenView<R> {
    return this.changed(service, entity, What.Updated, replicaName, viewBytes(value.__place.draft))
  }

  /** Nothing is left of an entity. */
  deleted(service: string, entity: string): GivenView<R> {
    return this.changed(service, entity, What.Deleted, '', Bytes.empty())
  }

  private changed(service: string, entity: string, what: What, typeName: string, data: Bytes): GivenView<R> {
    const index = <u64>this.changes.length
    const change = new Change(service, entity, index + 1, startMs + index * 1000)
    this.changes.push(new Came(change, <u8>what, typeName, data, []))
    return this
  }

  /** All rows that there are now, by these keys. */
  then(keys: string[], rows: R[]): GivenView<R> {
    const together = this.after([this.changes])
    this.same(together, this.after([this.changes]), 'L4: the same changes are projected differently twice')
    this.same(together, this.one(this.changes), 'L7: a batch is projected differently than its changes one by one')
    const groups = this.byEntity()
    const order = 'L7: rows depend on the order of changes of different entities'
    this.same(together, this.one(groups.flat()), order)
    this.same(together, this.one(groups.reverse().flat()), order)
    this.same(together, this.one(this.newest()), "L7: rows depend on values that are not their entity's newest")
    const expected = new Map<string, Bytes>()
    for (let i = 0; i < keys.length; i++) expected.set(keys[i], encode(rows[i]))
    const difference = differing(expected, together)
    if (difference !== null) throw new Error(`the row "${difference}" is another than was said`)
    return this
  }

  private same(one: Map<string, Bytes>, other: Map<string, Bytes>, law: string): void {
    const difference = differing(one, other)
    if (difference !== null) throw new Error(`the row "${difference}" breaks law ${law}`)
  }

  private one(order: Came[]): Map<string, Bytes> {
    const batches: Came[][] = []
    for (let i = 0; i < order.length; i++) batches.push([order[i]])
    return this.after(batches)
  }

  private byEntity(): Came[][] {
    const groups: Came[][] = []
    for (let i = 0; i < this.changes.length; i++) {
      let at = 0
      while (at < groups.length && groups[at][0].id != this.changes[i].id) at++
      if (at == groups.length) groups.push([])
      groups[at].push(this.changes[i])
    }
    return groups
  }

  /** All events, and of each value the last change. */
  private newest(): Came[] {
    const kept: Came[] = []
    for (let i = 0; i < this.changes.length; i++) {
      let isLast = true
      for (let k = i + 1; k < this.changes.length; k++) if (this.changes[k].id == this.changes[i].id) isLast = false
      if (isLast || this.changes[i].what == What.Event) kept.push(this.changes[i])
    }
    return kept
  }

  private after(batches: Came[][]): Map<string, Bytes> {
    const table = new Map<string, Bytes>()
    const starts = this.start.keys()
    for (let i = 0; i < starts.length; i++) table.set(starts[i], this.start.get(starts[i]))
    const put = new Map<string, string[]>()
    for (let b = 0; b < batches.length; b++) {
      const changes: Came[] = []
      for (let i = 0; i < batches[b].length; i++) {
        const came = batches[b][i]
        const entity = came.change.entity
        if (!put.has(came.id)) put.set(came.id, this.start.has(entity) ? [entity] : [])
        changes.push(new Came(came.change, came.what, came.typeName, came.data, put.get(came.id)))
      }
      const keys = this.view.__keys(changes).flat()
      const rows: Put[] = []
      for (let i = 0; i < keys.length; i++) if (table.has(keys[i])) rows.push(new Put(keys[i], table.get(keys[i])))
      const lists = this.view.__project(changes, rows)
      for (let i = 0; i < lists.length; i++) {
        put.set(changes[i].id, after(put.get(changes[i].id), lists[i]))
        for (let k = 0; k < lists[i].length; k++) {
          const row = lists[i][k].row
          if (row === null) table.delete(lists[i][k].key)
          else table.set(lists[i][k].key, row)
        }
      }
    }
    return table
  }
}

/** The key of a row that is not the same in both. */
function differing(one: Map<string, Bytes>, other: Map<string, Bytes>): string | null {
  const keys = one.keys().concat(other.keys())
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]
    if (!one.has(key) || !other.has(key) || !one.get(key).equals(other.get(key))) return key
  }
  return null
}
