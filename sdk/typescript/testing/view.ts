// The test kit of views: given(rows).when(changes).then(rows). Rows are by their keys; what is there in the end is all that is said.
//
// Each `when` checks, of all changes so far: L4 and L6, a fresh instance and a worked one project the same; L7, a batch projects as its changes one by
// one, in whatever order different entities come, and without values that are not their entity's newest.
//
// V1. A row that is given is one that the entity of the same key has put.

import type { ServiceType } from '../codec/message.ts'
import { messageTypeOf } from '../codec/message.ts'
import type { AnyTagged } from '../decision.ts'
import type { DeepReadonly } from '../definition.ts'
import type { ViewExports } from '../guest/view.ts'
import type { WireRow, WireViewChange } from '../guest/wire.ts'
import type { RunningProjection, Source, View } from '../view.ts'
import { heard } from './console.ts'
import { Instances, mustBeSame } from './law.ts'
import { filled, guarded, timeOf } from './outcome.ts'
import { encodeView, fromPlain } from './replica.ts'
import { difference, show } from './show.ts'

/** What became of an entity: `{ of: Orders, entity: 'a', event: Placed({ cents: 5 }) }`. `at`: milliseconds since 1970. `replica`: a replicated value, as
 *  tests of its service write it down. */
export type Changed = { readonly of: ServiceType; readonly entity: string; readonly at?: number } & (
  | { readonly event: AnyTagged }
  | { readonly updated: AnyTagged }
  | { readonly replica: unknown }
  | { readonly deleted: true }
)

type RowsByKey<Row> = Readonly<Record<string, DeepReadonly<Row>>>

export interface ViewKit<Row> {
  /** A table with these rows. */
  given(rows?: RowsByKey<Row>): GivenRows<Row>
}

export interface GivenRows<Row> {
  readonly rows: RowsByKey<Row>
  /** @throws LawBroken */
  when(...changes: readonly Changed[]): WhenRows<Row>
}

export interface WhenRows<Row> {
  /** To look at. */
  readonly rows: RowsByKey<Row>
  /** All rows that there are now. */
  then(rows: RowsByKey<Row>): GivenRows<Row>
}

export function viewKit<Row extends object>(definition: View<Row>): ViewKit<Row> {
  const tried = new Tried(definition as unknown as View)
  return {
    given: (rows = {}) => {
      const start = new Map(Object.entries(rows).map(([key, row]) => [key, definition.row.encode(row as Row)]))
      return givenRows(tried, start, [], start) as GivenRows<Row>
    },
  }
}

type Table = ReadonlyMap<string, Uint8Array>

function givenRows(tried: Tried, start: Table, changes: readonly WireViewChange[], now: Table): GivenRows<object> {
  return {
    rows: tried.rowsOf(now),
    when(...more) {
      const next = [...changes, ...more.map((change, index) => tried.wireChange(change, changes.length + index))]
      const table = tried.project(start, next)
      const rows = tried.rowsOf(table)
      return {
        rows,
        // biome-ignore lint/suspicious/noThenProperty: see outcome.K4
        then(expected) {
          const [wanted, there] = [show(inOrder(filled(normal(tried, expected), rows))), show(inOrder(rows))]
          if (wanted !== there) throw assertion(`${tried.name} has other rows`, wanted, there)
          return givenRows(tried, start, next, table)
        },
      }
    },
  }
}

/** As what is read back, so that a field that was left out is its default. */
function normal(tried: Tried, rows: Readonly<Record<string, object>>): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(rows).map(([key, row]) => [key, tried.made(row)]))
}

function inOrder(rows: unknown): object {
  const entries = Object.entries(rows as object)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

function assertion(what: string, expected: string, actual: string): Error {
  const error = new Error(`${what}\n${difference(expected, actual)}`)
  error.name = 'AssertionError'
  return Object.assign(error, { expected, actual })
}

class Tried {
  readonly name: string
  private readonly definition: View
  private readonly instances: Instances<ViewExports>

  constructor(definition: View) {
    const sources = definition.sources.map((source) => ({
      ...source,
      takes: source.takes.map(({ type, projection }) => ({ type, projection: guardedProjection(projection, source) })),
      deleted: source.deleted && guardedProjection(source.deleted, source),
    }))
    this.definition = { ...definition, sources }
    this.name = definition.service.typeName
    const make = heard(definition.exports)
    this.instances = new Instances(this.name, () => make([this.definition]))
  }

  wireChange(change: Changed, index: number): WireViewChange {
    const { of, entity, at = timeOf(index) } = change
    const given = { service: of.typeName, entity, sequence: index + 1, atMs: at, keys: [] }
    if ('deleted' in change) return { ...given, what: { tag: 'deleted' } }
    if ('replica' in change) {
      const source = this.definition.sources.find(({ service }) => service.typeName === of.typeName)
      if (source?.replica === undefined) throw new TypeError(`${of.typeName} is no source of replicated values`)
      const data = encodeView(fromPlain(source.replica, change.replica), undefined)
      return { ...given, what: { tag: 'updated', val: { typeName: source.takes[0]!.type.typeName, data } } }
    }
    const isEvent = 'event' in change
    const message = isEvent ? change.event : change.updated
    const type = messageTypeOf(message)
    if (type === undefined) throw new TypeError('make the message by its type: Placed({ cents: 5 })')
    const val = { typeName: type.typeName, data: type.encode(message) }
    return { ...given, what: { tag: isEvent ? 'event' : 'updated', val } }
  }

  rowsOf(table: Table): Readonly<Record<string, object>> {
    return Object.fromEntries([...table].map(([key, row]) => [key, this.definition.row.decode(row)]))
  }

  made(row: object): object {
    return this.definition.row(row)
  }

  /** The rows after the changes, however they are brought. @throws LawBroken */
  project(start: Table, changes: readonly WireViewChange[]): Table {
    const together = this.after(start, [changes])
    const one = (order: readonly WireViewChange[]) =>
      this.after(
        start,
        order.map((change) => [change]),
      )
    const check = (law: string, other: Table): void =>
      mustBeSame(this.name, law, inOrder(this.rowsOf(together)), inOrder(this.rowsOf(other)))
    check('L7: a batch projects to other rows than its changes one by one', one(changes))
    for (const order of this.orders(changes))
      check('L7: rows depend on the order of changes of different entities', one(order))
    check("L7: rows depend on values that are not their entity's newest", one(this.newest(changes)))
    return together
  }

  private after(start: Table, batches: readonly (readonly WireViewChange[])[]): Table {
    const table = new Map(start)
    const put = new Map<string, ReadonlySet<string>>()
    const own = (change: WireViewChange): ReadonlySet<string> =>
      put.get(idOf(change)) ?? new Set(start.has(change.entity) ? [change.entity] : [])
    for (const batch of batches) {
      const changes = batch.map((change) => ({ ...change, keys: [...own(change)] }))
      const answer = this.instances.both((exports) => {
        const keys = exports.keys(this.name, changes)
        const rows = [...new Set(keys.flat())].map((key): WireRow => ({ key, row: table.get(key) }))
        return exports.project(this.name, changes, rows)
      })
      for (const [index, puts] of answer.entries()) {
        const change = changes[index]!
        const keys = new Set(own(change))
        for (const { key, row } of puts) {
          if (row === undefined) table.delete(key)
          else table.set(key, row)
          if (row === undefined) keys.delete(key)
          else keys.add(key)
        }
        put.set(idOf(change), keys)
      }
    }
    return table
  }

  /** Entity by entity, and the last entity first. */
  private orders(changes: readonly WireViewChange[]): readonly (readonly WireViewChange[])[] {
    const groups = new Map<string, WireViewChange[]>()
    for (const change of changes) groups.set(idOf(change), [...(groups.get(idOf(change)) ?? []), change])
    const lists = [...groups.values()]
    return [lists.flat(), lists.reverse().flat()]
  }

  /** All events, and of each value the last change. */
  private newest(changes: readonly WireViewChange[]): readonly WireViewChange[] {
    const last = new Map(changes.map((change) => [idOf(change), change]))
    const values = this.definition.sources.filter(({ kind }) => kind !== 'event-sourced')
    const isValue = ({ service }: WireViewChange) => values.some((source) => source.service.typeName === service)
    return changes.filter((change) => !isValue(change) || last.get(idOf(change)) === change)
  }
}

function guardedProjection({ keys, project }: RunningProjection, { replica }: Source): RunningProjection {
  const frozen = replica === undefined ? [0] : []
  return { keys: keys && guarded('keys', keys, frozen), project: guarded('a projection', project, frozen) }
}

function idOf({ service, entity }: WireViewChange): string {
  return `${service}/${entity}`
}
