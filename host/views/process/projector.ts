// Projector: changes become rows of a table, by the function of its component, in the process that writes it.
//
// P1. What is asked for at once is one transaction: rows, what was last written for each entity, and offsets. Queries see all of it or none.
// P2. A change that is not newer than what was projected of its entity is passed over: a scan and what follows it may bring one twice.
// P3. Where a batch fails it is projected change by change (law L7 says that it is the same). What then fails is named, and nothing of all is written.
//
// Owns: calls of the function, and what they mean for rows.   table.ts owns: writing.

import { GuestFault, type RowPut, type ViewGuest } from '../../guest/guest.ts'
import { WireError } from '../../schema/wire.ts'
import type { OffsetRecord, Projected, SourceChange, Step } from '../component.ts'
import type { Table } from './table.ts'

/** Given to the function at once. */
const changesMax = 64
const bytesMax = 256 * 1024

/** The change that cannot be projected. */
class Choked extends Error {
  readonly change: SourceChange

  constructor(change: SourceChange, cause: Error) {
    super(cause instanceof GuestFault ? cause.told : cause.message, { cause })
    this.change = change
  }
}

interface Entity {
  readonly service: string
  readonly entity: string
  revision: number
  readonly keys: Set<string>
}

export class Projector {
  private readonly guest: ViewGuest
  private readonly view: string
  private atOnce = changesMax
  private good = 0

  constructor(guest: ViewGuest, view: string) {
    this.guest = guest
    this.view = view
  }

  /** @throws InnkeeperError of the table */
  project(table: Table, steps: readonly Step[], offsets: readonly OffsetRecord[]): Projected {
    try {
      const shared = this.attempt(table, steps, offsets, this.atOnce)
      this.wentWell()
      return { shared, choked: undefined }
    } catch (error) {
      if (!isFault(error) && !(error instanceof Choked)) throw error
    }
    this.atOnce = Math.max(1, this.atOnce >> 1)
    this.good = 0
    try {
      return { shared: this.attempt(table, steps, offsets, 1), choked: undefined }
    } catch (error) {
      if (!(error instanceof Choked)) throw error
      const { service, entity, sequence, what } = error.change
      const type = what.kind === 'deleted' ? 'deleted' : what.typeName
      return { shared: 0, choked: { service, entity, sequence, type, reason: error.message } }
    }
  }

  private wentWell(): void {
    this.good += 1
    if (this.good < 16 || this.atOnce === changesMax) return
    this.atOnce *= 2
    this.good = 0
  }

  private attempt(table: Table, steps: readonly Step[], offsets: readonly OffsetRecord[], atOnce: number): number {
    table.begin()
    try {
      let shared = 0
      for (const run of runsOf(steps, atOnce)) {
        if (run.kind === 'purged') shared += table.purge(run.service)
        else this.run(table, run.changes)
      }
      for (const offset of offsets) table.setOffset(offset)
      table.commit()
      return shared
    } catch (error) {
      table.rollback()
      throw error
    }
  }

  private run(table: Table, given: readonly SourceChange[]): void {
    const entities = new Map<string, Entity>()
    const before = new Map<Entity, readonly string[]>()
    const changes = given.filter((change) => {
      const entity = entityOf(table, entities, change)
      if (change.sequence <= entity.revision) return false
      if (!before.has(entity)) before.set(entity, [...entity.keys])
      entity.revision = change.sequence
      return true
    })
    if (changes.length === 0) return
    try {
      const asked = changes.map((change) => ({ ...change, keys: before.get(entities.get(idOf(change))!)! }))
      const keys = this.guest.keys(this.view, asked)
      const rows: RowPut[] = []
      for (const key of new Set(keys.flat())) {
        const row = table.row(key)
        if (row !== undefined) rows.push({ key, row })
      }
      const puts = this.guest.project(this.view, asked, keys, rows)
      const last = new Map<string, Uint8Array | undefined>()
      for (const [at, change] of changes.entries()) {
        const entity = entities.get(idOf(change))!
        for (const { key, row } of puts[at]!) {
          last.set(key, row)
          if (row === undefined) entity.keys.delete(key)
          else entity.keys.add(key)
        }
      }
      for (const [key, row] of last) put(table, key, row)
    } catch (error) {
      if (isFault(error) && changes.length === 1) throw new Choked(changes[0]!, error)
      throw error
    }
    for (const entity of before.keys()) table.setSource({ ...entity, keys: [...entity.keys] })
  }
}

function put(table: Table, key: string, row: Uint8Array | undefined): void {
  if (row === undefined) {
    table.delete(key)
    return
  }
  const own = table.put(row)
  if (own !== key)
    throw new GuestFault(
      'malformed',
      `a row is put under the key ${JSON.stringify(key.slice(0, 200))}, and its key column is ${JSON.stringify(own.slice(0, 200))}`,
    )
}

function entityOf(table: Table, known: Map<string, Entity>, change: SourceChange): Entity {
  const id = idOf(change)
  let entity = known.get(id)
  if (entity === undefined) {
    const { service, entity: name } = change
    const { revision = 0, keys = [] } = table.source(service, name) ?? {}
    entity = { service, entity: name, revision, keys: new Set(keys) }
    known.set(id, entity)
  }
  return entity
}

function idOf({ service, entity }: SourceChange): string {
  return `${service}\0${entity}`
}

/** Of the function, or of what it answers. */
function isFault(error: unknown): error is Error {
  return error instanceof GuestFault || error instanceof WireError
}

type Run = { readonly kind: 'changes'; readonly changes: SourceChange[] } | Extract<Step, { kind: 'purged' }>

function* runsOf(steps: readonly Step[], atOnce: number): Generator<Run, undefined> {
  let changes: SourceChange[] = []
  let bytes = 0
  for (const step of steps) {
    if (step.kind === 'change') {
      changes.push(step.change)
      const { what } = step.change
      bytes += what.kind === 'deleted' ? 0 : what.data.length
      if (changes.length < atOnce && bytes < bytesMax) continue
    }
    if (changes.length > 0) yield { kind: 'changes', changes }
    changes = []
    bytes = 0
    if (step.kind === 'purged') yield step
  }
  if (changes.length > 0) yield { kind: 'changes', changes }
  return undefined
}
