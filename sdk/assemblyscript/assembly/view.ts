// Views: rows of a table that follow from what entities have committed.
//
//   const orders = new TableView<OrderRow>(OrdersName)
//   orders.events(OrderName)
//     .row<Placed>((placed: Placed, row: OrderRow | null, change: Change): OrderRow | null => OrderRow.of(change.entity, placed.cents))
//   serveView(orders)
//
// P1. A batch is projected change by change, each on the rows that the one before left, and these pass through bytes (law L7).
// P2. A change touches only rows that its keys name, and those that its entity has put: else a batch would be another than its changes.
// P3. Of a value, what its entity has put and does not put again is deleted; of an event nothing goes by itself.

import { Bytes } from './bytes'
import { Draft, Place, View } from './crdt'
import { decode, encode, Message } from './message'
import { Kind } from './service'

/** Of which entity a change is, and when it was committed. */
@final
export class Change {
  constructor(
    /** Full name of the entity's service. */
    readonly service: string,
    readonly entity: string,
    /** Of the event, or of the record that changed the value: it rises. */
    readonly sequence: u64,
    /** Milliseconds since 1970. */
    readonly at: u64,
  ) {}
}

/** A row by its key; without bytes it is deleted, or not there. */
@final
export class Put {
  constructor(
    readonly key: string,
    readonly row: Bytes | null,
  ) {}
}

/** The rows that one change may touch, and what it has done to them. */
@final
export class Touched {
  allowed: string[] = []
  /** In the order in which they were touched first. */
  puts: Put[] = []

  constructor(readonly table: Map<string, Bytes>) {}

  check(key: string): void {
    if (this.allowed.includes(key)) return
    throw new Error(`the row "${key}" is none that the change may touch; name its key in \`rows\``)
  }

  set(key: string, row: Bytes | null): void {
    this.check(key)
    if (row === null) this.table.delete(key)
    else this.table.set(key, row)
    const put = new Put(key, row)
    for (let i = 0; i < this.puts.length; i++) {
      if (this.puts[i].key != key) continue
      this.puts[i] = put
      return
    }
    this.puts.push(put)
  }

  has(key: string): bool {
    for (let i = 0; i < this.puts.length; i++) if (this.puts[i].key == key) return true
    return false
  }
}

/** The rows that a change may touch: those that its keys name, and those that earlier changes of its entity have put. */
@final
export class Rows<R extends Message> {
  constructor(private touched: Touched) {}

  /** Keys of those that are there. */
  get keys(): string[] {
    const keys: string[] = []
    const allowed = this.touched.allowed
    for (let i = 0; i < allowed.length; i++) if (this.touched.table.has(allowed[i])) keys.push(allowed[i])
    return keys
  }

  get(key: string): R | null {
    this.touched.check(key)
    return this.touched.table.has(key) ? read<R>(this.touched.table.get(key)) : null
  }

  /** Traps for a key that is not among those that the change may touch. */
  put(key: string, row: R): void {
    this.touched.set(key, encode(row))
  }

  delete(key: string): void {
    this.touched.set(key, null)
  }
}

function read<M extends Message>(bytes: Bytes): M {
  const message = instantiate<M>()
  if (decode(message, bytes) !== null) throw new Error('these bytes are no ' + message.__typeName())
  return message
}

/** A message that a source takes, and what comes of it. */
abstract class Take {
  constructor(readonly typeName: string) {}

  abstract keys(message: Bytes, change: Change): string[]
  abstract project(message: Bytes, touched: Touched, change: Change): void
}

class OneRow<M extends Message, R extends Message> extends Take {
  constructor(private run: (message: M, row: R | null, change: Change) => R | null) {
    super(instantiate<M>().__typeName())
  }

  keys(message: Bytes, change: Change): string[] {
    return [change.entity]
  }

  project(message: Bytes, touched: Touched, change: Change): void {
    const rows = new Rows<R>(touched)
    const row = this.run(read<M>(message), rows.get(change.entity), change)
    if (row === null) rows.delete(change.entity)
    else rows.put(change.entity, row)
  }
}

class ManyRows<M extends Message, R extends Message> extends Take {
  constructor(
    private named: (message: M, change: Change) => string[],
    private run: (message: M, rows: Rows<R>, change: Change) => void,
  ) {
    super(instantiate<M>().__typeName())
  }

  keys(message: Bytes, change: Change): string[] {
    return this.named(read<M>(message), change)
  }

  project(message: Bytes, touched: Touched, change: Change): void {
    this.run(read<M>(message), new Rows<R>(touched), change)
  }
}

/** A replicated value, as it crosses the boundary. */
export const replicaName = 'innkeeper.crdt.v1.View'

/** The value that these bytes hold, to look at. */
function seen<V extends View>(bytes: Bytes): V {
  return instantiate<V>(new Place(new Draft(bytes), null, Bytes.empty()))
}

function onlySeen(view: View): void {
  if (view.__place.draft.count > 0) throw new Error('a view is shown a replicated value to look at, and changes none')
}

class OneReplica<V extends View, R extends Message> extends Take {
  constructor(private run: (value: V, row: R | null, change: Change) => R | null) {
    super(replicaName)
  }

  keys(message: Bytes, change: Change): string[] {
    return [change.entity]
  }

  project(message: Bytes, touched: Touched, change: Change): void {
    const rows = new Rows<R>(touched)
    const value = seen<V>(message)
    const row = this.run(value, rows.get(change.entity), change)
    onlySeen(value)
    if (row === null) rows.delete(change.entity)
    else rows.put(change.entity, row)
  }
}

class ManyOfReplica<V extends View, R extends Message> extends Take {
  constructor(
    private named: (value: V, change: Change) => string[],
    private run: (value: V, rows: Rows<R>, change: Change) => void,
  ) {
    super(replicaName)
  }

  keys(message: Bytes, change: Change): string[] {
    const value = seen<V>(message)
    const keys = this.named(value, change)
    onlySeen(value)
    return keys
  }

  project(message: Bytes, touched: Touched, change: Change): void {
    const value = seen<V>(message)
    this.run(value, new Rows<R>(touched), change)
    onlySeen(value)
  }
}

abstract class Gone {
  abstract project(touched: Touched, change: Change): void
}

class GoneRows<R extends Message> extends Gone {
  constructor(private run: (rows: Rows<R>, change: Change) => void) {
    super()
  }

  project(touched: Touched, change: Change): void {
    this.run(new Rows<R>(touched), change)
  }
}

/** Whose changes a view takes, without the type of its rows. */
export abstract class AnySource {
  __takes: Take[] = []
  __deleted: Gone | null = null

  constructor(
    readonly __service: string,
    readonly __kind: Kind,
  ) {}

  __take(typeName: string): Take | null {
    for (let i = 0; i < this.__takes.length; i++) if (this.__takes[i].typeName == typeName) return this.__takes[i]
    return null
  }

  __types(): string[] {
    return this.__takes.map<string>((take) => take.typeName).sort()
  }
}

/** Whose changes a view takes. Of messages that nothing takes nothing comes. */
export class Source<R extends Message> extends AnySource {
  /** What becomes of the one row of an entity, whose key is the entity's; null: there is none. */
  row<M extends Message>(project: (message: M, row: R | null, change: Change) => R | null): Source<R> {
    this.__takes.push(new OneRow<M, R>(project))
    return this
  }

  /** For a change that does not touch the row of its entity alone: the keys of the rows that it may touch, and what it does to them. */
  rows<M extends Message>(
    keys: (message: M, change: Change) => string[],
    project: (message: M, rows: Rows<R>, change: Change) => void,
  ): Source<R> {
    this.__takes.push(new ManyRows<M, R>(keys, project))
    return this
  }

  /** `row` for a replicated entity, whose value is of its service's kind. The value can only be looked at. */
  replica<V extends View>(project: (value: V, row: R | null, change: Change) => R | null): Source<R> {
    this.__takes.push(new OneReplica<V, R>(project))
    return this
  }

  /** `rows` for a replicated entity, as `replica` is `row`. */
  replicaRows<V extends View>(
    keys: (value: V, change: Change) => string[],
    project: (value: V, rows: Rows<R>, change: Change) => void,
  ): Source<R> {
    this.__takes.push(new ManyOfReplica<V, R>(keys, project))
    return this
  }

  /** What is done when nothing is left of an entity, instead of deleting the rows that it has put: `rows` has these. */
  deleted(project: (rows: Rows<R>, change: Change) => void): Source<R> {
    this.__deleted = new GoneRows<R>(project)
    return this
  }
}

/** A change as it comes. */
@final
export class Came {
  constructor(
    readonly change: Change,
    /** What of the contract: an event, a value, or deleted. */
    readonly what: u8,
    readonly typeName: string,
    readonly data: Bytes,
    /** Of the rows that its entity has put. */
    readonly keys: string[],
  ) {}

  get id(): string {
    return this.change.service + '/' + this.change.entity
  }
}

export const enum What {
  Event,
  Updated,
  Deleted,
}

/** Without the type of its rows: what the component calls. */
export abstract class AnyView {
  __sources: AnySource[] = []

  /** Full name of the view's service. */
  constructor(readonly __name: string) {}

  abstract __rowType(): string

  __keys(changes: Came[]): string[][] {
    // What an earlier change of the same call may put, a later one of its entity may find.
    const before = new Map<string, string[]>()
    const lists: string[][] = []
    for (let i = 0; i < changes.length; i++) {
      const came = changes[i]
      const keys = withNew(this.ownKeys(came), came.keys)
      if (before.has(came.id)) withNew(keys, before.get(came.id))
      before.set(came.id, keys)
      lists.push(keys)
    }
    return lists
  }

  __project(changes: Came[], rows: Put[]): Put[][] {
    const table = new Map<string, Bytes>()
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i].row
      if (row !== null) table.set(rows[i].key, row)
    }
    const touched = new Touched(table)
    const put = new Map<string, string[]>()
    const lists: Put[][] = []
    for (let i = 0; i < changes.length; i++) {
      const came = changes[i]
      const former = put.has(came.id) ? put.get(came.id) : came.keys
      touched.allowed = withNew(this.ownKeys(came), former)
      touched.puts = []
      this.run(came, former, touched)
      lists.push(touched.puts)
      put.set(came.id, after(former, touched.puts))
    }
    return lists
  }

  private run(came: Came, former: string[], touched: Touched): void {
    const source = this.source(came)
    const gone = source.__deleted
    const take = this.take(came)
    if (came.what == What.Deleted && gone !== null) {
      gone.project(touched, came.change)
      return
    }
    if (take !== null) take.project(came.data, touched, came.change)
    if (came.what != What.Deleted && (came.what != What.Updated || take === null)) return
    for (let i = 0; i < former.length; i++) if (!touched.has(former[i])) touched.set(former[i], null)
  }

  private ownKeys(came: Came): string[] {
    const take = this.take(came)
    return take === null ? [] : withNew([], take.keys(came.data, came.change))
  }

  private take(came: Came): Take | null {
    return came.what == What.Deleted ? null : this.source(came).__take(came.typeName)
  }

  private source(came: Came): AnySource {
    for (let i = 0; i < this.__sources.length; i++) {
      if (this.__sources[i].__service == came.change.service) return this.__sources[i]
    }
    throw new Error('the host brings changes only of sources that were described')
  }
}

/** A view whose rows are messages of one type. Its service has queries alone, which the host answers.
 *
 *  Rows must not depend on the order of changes of different entities, nor on values between an entity's newest ones (law L7): a rebuild brings
 *  them in another order, and without those. */
export class TableView<R extends Message> extends AnyView {
  /** Events of the entities of an event-sourced service. */
  events(service: string): Source<R> {
    return this.source_(service, Kind.EventSourced)
  }

  /** The newest values of the entities of a value service. Rows that an entity has put and that are not put again for its newest value are
   *  deleted; so are all of them if the value is, unless `deleted` says otherwise. */
  values(service: string): Source<R> {
    return this.source_(service, Kind.Value)
  }

  /** The newest values of the entities of a replicated service, which `replica` or `replicaRows` takes. What was said of `values` holds here, too. */
  replicas(service: string): Source<R> {
    return this.source_(service, Kind.Replicated)
  }

  private source_(service: string, kind: Kind): Source<R> {
    const source = new Source<R>(service, kind)
    this.__sources.push(source)
    return source
  }

  __rowType(): string {
    return instantiate<R>().__typeName()
  }
}

export const views: AnyView[] = []

/** Have the component serve this view. At module level, once for each. */
export function serveView(view: AnyView): void {
  views.push(view)
}

export function viewNamed(name: Bytes): AnyView {
  for (let i = 0; i < views.length; i++) if (name.is(views[i].__name)) return views[i]
  throw new Error('the host asks only for views that were described')
}

/** The keys that are not there yet come behind those that are. */
function withNew(keys: string[], more: string[]): string[] {
  for (let i = 0; i < more.length; i++) if (!keys.includes(more[i])) keys.push(more[i])
  return keys
}

/** The keys of the rows that an entity has put, after these puts. */
export function after(former: string[], puts: Put[]): string[] {
  const keys: string[] = []
  for (let i = 0; i < former.length; i++) {
    let touched = false
    for (let k = 0; k < puts.length; k++) if (puts[k].key == former[i]) touched = true
    if (!touched) keys.push(former[i])
  }
  for (let k = 0; k < puts.length; k++) if (puts[k].row !== null) keys.push(puts[k].key)
  return keys
}
