// Views: rows of a table that follow from what entities have committed: the definition that an author writes, and its types.
//
// T1. A handler for a message that is not in the source's .proto, and a row of another type, are compile errors.
// T2. The methods of the service are queries, which the host answers: there are no handlers for them.
// T3. Which sources and which row there are says the .proto, too; a build compares them.
//
// Leaves to others: rows while changes are projected (guest/view.ts).

import type { Messages, MessageType, Methods, ServiceType } from './codec/message.ts'
import { readView } from './crdt/content.ts'
import type { AnyKind, ViewOf } from './crdt/kinds.ts'
import { rootPlace } from './crdt/operation.ts'
import type { DeepReadonly } from './definition.ts'
import { isMessageType } from './definition.ts'
import type { ViewExports } from './guest/view.ts'
import { viewExports } from './guest/view.ts'

type MessageOf<T> = T extends MessageType<infer M> ? M : never

/** Of which entity a change is, and when it was committed. */
export interface Change {
  readonly entity: string
  /** Full name of the entity's service. */
  readonly service: string
  /** Of the event, or of the record that changed the value: it rises. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The rows that a change may touch: those that its `keys` name, and those that earlier changes of its entity have put. */
export interface Rows<Row> {
  /** Keys of those that are there. */
  readonly keys: readonly string[]
  get(key: string): DeepReadonly<Row> | undefined
  /** @throws TypeError for a key that is not among those that the change may touch. */
  put(key: string, row: DeepReadonly<Row>): void
  /** @throws TypeError as `put` does. */
  delete(key: string): void
}

/** What becomes of the one row of an entity, whose key is the entity's; undefined: there is none. */
type OneRow<T, Row> = (
  message: DeepReadonly<T>,
  row: DeepReadonly<Row> | undefined,
  change: Change,
) => DeepReadonly<Row> | undefined

/** What `rows` makes. */
export interface ManyRows<T, Row> {
  readonly keys: (message: DeepReadonly<T>, change: Change) => readonly string[]
  readonly project: (message: DeepReadonly<T>, rows: Rows<Row>, change: Change) => void
}

export type Projection<T, Row> = OneRow<T, Row> | ManyRows<T, Row>

/** For a change that does not touch the row of its entity alone: the keys of the rows that it may touch, and what it does to them. */
export function rows<T, Row>(
  keys: (message: DeepReadonly<T>, change: Change) => readonly string[],
  project: (message: DeepReadonly<T>, rows: Rows<Row>, change: Change) => void,
): ManyRows<T, Row> {
  return { keys, project }
}

export interface RunningProjection {
  /** Undefined: the entity's. */
  readonly keys: ((message: unknown, change: Change) => readonly string[]) | undefined
  readonly project: (message: unknown, rows: Rows<unknown>, change: Change) => void
}

type SourceKind = 'event-sourced' | 'value' | 'replicated'

/** Changes that a view takes, and what it makes of them. `Row` only carries a type to the view. */
export interface Source<Row = unknown> {
  readonly service: ServiceType
  readonly kind: SourceKind
  readonly takes: readonly { readonly type: TakenType; readonly projection: RunningProjection }[]
  /** Undefined: the rows that the entity has put are deleted. */
  readonly deleted: RunningProjection | undefined
  /** Of replicated values. */
  readonly replica?: AnyKind
  readonly row?: (row: Row) => void
}

/** What handlers see of the message of a change. */
interface TakenType {
  /** Full protobuf name. */
  readonly typeName: string
  decode(bytes: Uint8Array): object
}

/** Events of the entities of an event-sourced service, by the names of their messages. Of those without a handler nothing comes. */
export function eventsOf<M extends Methods, E extends Messages, Row>(
  service: ServiceType<M, E>,
  handlers: { readonly [K in keyof E & string]?: Projection<MessageOf<E[K]>, Row> },
): Source<Row> {
  const takes = Object.entries<Projection<never, Row> | undefined>(handlers).flatMap(([name, handler]) => {
    if (handler === undefined) return []
    const type = service.messages[name]
    if (type === undefined) throw new TypeError(`${service.typeName}: ${name} is no message of the service's .proto`)
    return [{ type, projection: running(handler) }]
  })
  return { service, kind: 'event-sourced', takes, deleted: undefined }
}

/** The newest values of the entities of a value service, which are messages of `type`. Rows that an entity has put and that are not put
 *  again for its newest value are deleted; so are all of them if the value is, unless `deleted` says otherwise. */
export function valuesOf<M extends Methods, V extends object, Row>(
  service: ServiceType<M>,
  type: MessageType<V>,
  handlers: { readonly updated: Projection<V, Row>; readonly deleted?: Projection<undefined, Row> },
): Source<Row> {
  const { updated, deleted } = handlers
  return {
    service,
    kind: 'value',
    takes: [{ type, projection: running(updated) }],
    deleted: deleted && running(deleted),
  }
}

/** The newest values of the entities of a replicated service, of the kind that its definition has. What was said of `valuesOf` holds here, too. */
export function replicasOf<M extends Methods, K extends AnyKind, Row>(
  service: ServiceType<M>,
  kind: K,
  handlers: { readonly updated: Projection<ViewOf<K>, Row>; readonly deleted?: Projection<undefined, Row> },
): Source<Row> {
  const { updated, deleted } = handlers
  const decode = (bytes: Uint8Array): object => {
    const { content } = readView(bytes)
    return kind.open({ content, place: rootPlace(kind.number, content !== undefined) }) as object
  }
  return {
    service,
    kind: 'replicated',
    takes: [{ type: { typeName: viewType, decode }, projection: running(updated) }],
    deleted: deleted && running(deleted),
    replica: kind,
  }
}

/** A replicated value, as it crosses the boundary. */
const viewType = 'innkeeper.crdt.v1.View'

function running<T, Row>(projection: Projection<T, Row>): RunningProjection {
  if (typeof projection !== 'function') return projection as unknown as RunningProjection
  const one = projection as (message: unknown, row: unknown, change: Change) => object | undefined
  return {
    keys: undefined,
    project: (message, rows, change) => {
      const row = one(message, rows.get(change.entity), change)
      if (row === undefined) rows.delete(change.entity)
      else rows.put(change.entity, row)
    },
  }
}

/** A definition as the guest entry and the test kit run it. `Row` only carries a type to the test kit. */
export interface View<Row extends object = object> {
  readonly kind: 'view'
  readonly service: ServiceType
  readonly row: MessageType<Row>
  readonly sources: readonly Source[]
  exports(definitions: readonly View[]): ViewExports
}

/** Define a view: for each source what its changes do to rows. Its service has queries only, and the host answers them.
 *
 *  Functions are pure. Rows must not depend on the order of changes of different entities, nor on values between an entity's newest ones (law L7):
 *  a rebuild brings them in another order, and without those. */
export function view<M extends Methods, Row extends object>(
  service: ServiceType<M>,
  row: MessageType<Row>,
  ...sources: readonly Source<NoInfer<Row>>[]
): View<Row> {
  if (!isMessageType(row)) throw new TypeError(`${service.typeName}: a row is a message of the .proto`)
  const names = sources.map((source) => source.service.typeName)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new TypeError(`${service.typeName} has the source ${twice} twice`)
  return { kind: 'view', service, row, sources: sources as readonly Source[], exports: viewExports }
}
