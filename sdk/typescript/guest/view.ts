// View: the interface of wit/view.wit, made from the author's definitions.
//
// P1. A batch is projected change by change, each on the rows that the one before left, and these pass through bytes (law L7).
// P2. A change touches only rows that its keys name, and those that its entity has put: else a batch would be another than its changes.
// P3. Messages and rows that the author's code sees are frozen.
// P4. Of a value, what its entity has put and does not put again is deleted; of an event nothing goes by itself.

import { deepFreeze } from '../frozen.ts'
import type { Change, Rows, RunningProjection, Source, View } from '../view.ts'
import { serviceOf, servicesByName } from './services.ts'
import type { WireRow, WireViewChange } from './wire.ts'

export interface ViewExports {
  keys(view: string, changes: readonly WireViewChange[]): readonly (readonly string[])[]
  project(view: string, changes: readonly WireViewChange[], rows: readonly WireRow[]): readonly (readonly WireRow[])[]
}

export function viewExports(definitions: readonly View[]): ViewExports {
  const views = servicesByName(definitions, (definition) => new RunningView(definition))
  return {
    keys: (name, changes) => serviceOf(views, name).keys(changes),
    project: (name, changes, rows) => serviceOf(views, name).project(changes, rows),
  }
}

/** What a change comes to: nothing, where the view takes no such message. */
interface Taken {
  readonly source: Source
  readonly change: Change
  readonly message: unknown
  readonly projection: RunningProjection | undefined
}

class RunningView {
  private readonly definition: View
  private readonly name: string
  private readonly sources: ReadonlyMap<string, Source>

  constructor(definition: View) {
    this.definition = definition
    this.name = definition.service.typeName
    this.sources = servicesByName(definition.sources, (source) => source)
  }

  keys(changes: readonly WireViewChange[]): readonly (readonly string[])[] {
    // What an earlier change of the same call may put, a later one of its entity may find.
    const before = new Map<string, readonly string[]>()
    return changes.map((given) => {
      const id = idOf(given)
      const keys = distinct([...this.ownKeys(this.taken(given)), ...given.keys, ...(before.get(id) ?? [])])
      before.set(id, keys)
      return keys
    })
  }

  project(changes: readonly WireViewChange[], rows: readonly WireRow[]): readonly (readonly WireRow[])[] {
    const table = new Map<string, Uint8Array>()
    for (const { key, row } of rows) if (row !== undefined) table.set(key, row)
    const put = new Map<string, ReadonlySet<string>>()
    return changes.map((given) => {
      const id = idOf(given)
      const former = put.get(id) ?? new Set(given.keys)
      const taken = this.taken(given)
      const touched = new TouchedRows(this.definition, table, distinct([...this.ownKeys(taken), ...former]))
      this.run(taken, given, former, touched)
      put.set(id, touched.after(former))
      return touched.puts()
    })
  }

  private run(
    { source, change, message, projection }: Taken,
    given: WireViewChange,
    former: ReadonlySet<string>,
    rows: TouchedRows,
  ): void {
    if (projection !== undefined) {
      try {
        projection.project(message, rows, change)
      } catch (error) {
        if (error instanceof Error) error.message = `${this.name}, of ${nameOf(given)}: ${error.message}`
        throw error
      }
    }
    const isState = given.what.tag === 'updated' ? projection !== undefined : given.what.tag === 'deleted'
    if (!isState || (given.what.tag === 'deleted' && source.deleted !== undefined)) return
    for (const key of former) if (!rows.has(key)) rows.delete(key)
  }

  private ownKeys({ projection, message, change }: Taken): readonly string[] {
    if (projection === undefined) return []
    return projection.keys === undefined ? [change.entity] : projection.keys(message, change)
  }

  private taken({ service, entity, sequence, atMs, what }: WireViewChange): Taken {
    const source = serviceOf(this.sources, service)
    const change: Change = { service, entity, sequence, at: atMs }
    if (what.tag === 'deleted') return { source, change, message: undefined, projection: source.deleted }
    const found = source.takes.find(({ type }) => type.typeName === what.val.typeName)
    const decoded = found?.type.decode(what.val.data)
    // A replicated value can only be looked at.
    const message = source.replica === undefined ? deepFreeze(decoded) : decoded
    return { source, change, message, projection: found?.projection }
  }
}

function idOf({ service, entity }: WireViewChange): string {
  return `${service}/${entity}`
}

function nameOf({ service, what }: WireViewChange): string {
  return what.tag === 'deleted' ? `a deletion in ${service}` : what.val.typeName
}

function distinct(keys: readonly string[]): readonly string[] {
  return [...new Set(keys)]
}

/** The rows that one change may touch, and what it has done to them. */
class TouchedRows implements Rows<object> {
  private readonly definition: View
  private readonly table: Map<string, Uint8Array>
  private readonly allowed: readonly string[]
  /** In the order in which they were touched first. */
  private readonly touched = new Map<string, Uint8Array | undefined>()

  constructor(definition: View, table: Map<string, Uint8Array>, allowed: readonly string[]) {
    this.definition = definition
    this.table = table
    this.allowed = allowed
  }

  get keys(): readonly string[] {
    return this.allowed.filter((key) => this.table.has(key))
  }

  get(key: string): object | undefined {
    this.check(key)
    const bytes = this.table.get(key)
    return bytes && deepFreeze(this.definition.row.decode(bytes))
  }

  put(key: string, row: object): void {
    this.check(key)
    const bytes = this.definition.row.encode(row)
    this.table.set(key, bytes)
    this.touched.set(key, bytes)
  }

  delete(key: string): void {
    this.check(key)
    this.table.delete(key)
    this.touched.set(key, undefined)
  }

  /** This change has put it, or deleted it. */
  has(key: string): boolean {
    return this.touched.has(key)
  }

  puts(): readonly WireRow[] {
    return [...this.touched].map(([key, row]) => ({ key, row }))
  }

  /** Keys that the entity has put and not deleted since. */
  after(former: ReadonlySet<string>): ReadonlySet<string> {
    const keys = new Set(former)
    for (const [key, row] of this.touched) {
      if (row === undefined) keys.delete(key)
      else keys.add(key)
    }
    return keys
  }

  private check(key: string): void {
    if (this.allowed.includes(key)) return
    throw new TypeError(`the row ${JSON.stringify(key)} is none that the change may touch; name its key in \`rows\``)
  }
}
