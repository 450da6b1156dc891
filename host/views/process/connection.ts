// Connection: the tables that a query reads, attached read-only beside one another, with all doors closed behind them.
//
// X1. The host attaches; then the authorizer closes (allowed.ts), and no statement gets anything open.
// X2. One value has at most as many bytes as a whole answer, and nothing is put aside on disk: memory is what a query takes, and that is bounded
//     from outside (child.ts). SQLite's own `hard_heap_limit` does nothing in Node, which builds it without memory statistics.
//
// Owns: what is open.   queries.ts owns: what is asked of it.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { type ColumnPlan, quoted, storedName, tables } from '../columns.ts'
import type { ViewPlan } from '../plan.ts'
import type { ResultColumn } from '../reply.ts'
import { commonTables } from '../sql.ts'
import { allowing } from './allowed.ts'
import { Refused } from './failures.ts'

export interface Attached {
  readonly view: ViewPlan
  /** Undefined: an empty table in memory. */
  readonly path: string | undefined
}

export interface Bounds {
  readonly rowsMax: number
  readonly bytesMax: number
}

const busyMs = 1_000
/** Bounds of SQLite's, beside that of a value. */
const limits = { sqlLength: 100_000, exprDepth: 200, compoundSelect: 100, vdbeOp: 100_000, likePatternLength: 1_000 }

export class Connection {
  readonly db: DatabaseSync
  readonly attached: readonly Attached[]
  private readonly statements = new Map<string, Prepared>()
  private refused: string | undefined
  /** Of the statement that is prepared. */
  private readonly named = new Set<string>()

  private readonly others: readonly string[]

  /** @param fill does what it has to before the doors close
   *  @param others tables that it makes, which can be read like views */
  constructor(
    attached: readonly Attached[],
    { bytesMax }: Bounds,
    fill?: (db: DatabaseSync) => void,
    others: readonly string[] = [],
  ) {
    this.attached = attached
    this.others = others
    this.db = new DatabaseSync(':memory:', { readBigInts: true, returnArrays: true, timeout: busyMs })
    try {
      this.db.exec('PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF')
      for (const [at, { path }] of attached.entries()) {
        const uri = path === undefined ? ':memory:' : `${pathToFileURL(path).href}?mode=ro`
        this.db.prepare(`ATTACH ? AS ${quoted(databaseName(at))}`).run(uri)
      }
      fill?.(this.db)
      // Not in the types of Node yet.
      const db = this.db as unknown as { limits: object; enableDefensive(on: boolean): void }
      db.enableDefensive(true)
      Object.assign(db.limits, limits, { length: bytesMax })
      this.close()
    } catch (error) {
      this.end()
      throw error
    }
  }

  /** Nothing but reading from here on. */
  close(): void {
    const names = new Set([...this.attached.map(({ view }) => view.name), ...this.others])
    this.db.setAuthorizer(allowing(names, this.named, (what) => (this.refused ??= what)))
  }

  /** For rows that are tried: until `close`. */
  reopen(): void {
    this.db.setAuthorizer(null)
  }

  /** Prepared once. @throws SQLite's error, or Refused */
  prepare(sql: string): Prepared {
    let prepared = this.statements.get(sql)
    if (prepared === undefined) {
      this.refused = undefined
      this.named.clear()
      for (const name of commonTables(sql)) this.named.add(name)
      try {
        const statement = this.db.prepare(sql)
        prepared = { statement, columns: this.columnsOf(statement) }
      } catch (error) {
        throw this.refused === undefined ? error : new Refused(this.refused)
      }
      this.statements.set(sql, prepared)
    }
    return prepared
  }

  end(): void {
    this.db.close()
  }

  private columnsOf(statement: StatementSync): readonly ResultColumn[] {
    return statement.columns().map(({ name, database, table, column }) => {
      const view = table === tables.rows ? this.attached[databaseAt(database!)]?.view : undefined
      return { name, from: view && columnFrom(view, column!) }
    })
  }
}

interface Prepared {
  readonly statement: StatementSync
  readonly columns: readonly ResultColumn[]
}

export function databaseName(at: number): string {
  return `v${at}`
}

function databaseAt(name: string): number {
  return Number(name.slice(1))
}

function columnFrom({ columns, key }: ViewPlan, stored: string): ColumnPlan | undefined {
  return columns.find((column) => storedName(column, key) === stored)
}
