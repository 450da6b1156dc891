// Table: the file of a view in the process that writes it: its rows, what was last written for each entity, and up to which commit all of that
// reflects the journal. Plain and synchronous, for a loop that projects beside it.
//
// W1. Rows, sources and offsets of a batch are written in one transaction: after a crash there is all of it or none.
// W2. What `checkpoint` answers is on disk: the journal may forget what came before. A commit itself waits for no disk, and may be lost with the
//     machine, never torn: write-ahead log and synchronous=NORMAL.
// W3. A row's message is given back byte for byte; its key is that of its columns.
// W4. A file that was made for other columns is refused, and one that SQLite calls malformed is `data_damaged`: it is rebuilt.
//
// Owns: writing.   ../columns.ts owns: the tables.   queries.ts owns: reading by SQL.

import { rmSync, statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { InnkeeperError } from '../../errors.ts'
import type { Field, MessageType, Schema } from '../../schema/schema.ts'
import { ownColumns, putStatement, quoted, type TablePlan, tableStatements, tables } from '../columns.ts'
import type { Batch, OffsetRecord, SourceRecord, TableSize, Written } from '../component.ts'
import { keyText, readValues } from '../values.ts'
import { told } from './failures.ts'

/** Of the tables beside the rows. */
const layout = 1
const busyMs = 5_000
/** Its file is cut to this when it begins anew. */
const logBytesMax = 64 * 1024 * 1024

const [rows, sources, offsets, about] = [tables.rows, tables.sources, tables.offsets, tables.about].map(quoted)

const sharedKeys =
  `SELECT each.value FROM ${sources} AS one, json_each(one.keys) AS each WHERE one.service = ?1 ` +
  `INTERSECT SELECT each.value FROM ${sources} AS other, json_each(other.keys) AS each WHERE other.service <> ?1`

const statements = {
  delete: `DELETE FROM ${rows} WHERE key = ?`,
  row: `SELECT message FROM ${rows} WHERE key = ?`,
  count: `SELECT count(*) FROM ${rows}`,
  source: `SELECT revision, keys FROM ${sources} WHERE service = ? AND entity = ?`,
  setSource: `INSERT OR REPLACE INTO ${sources} (service, entity, revision, keys) VALUES (?, ?, ?, ?)`,
  shared: `SELECT count(*) FROM (${sharedKeys})`,
  purge: `DELETE FROM ${rows} WHERE key IN (SELECT each.value FROM ${sources} AS one, json_each(one.keys) AS each WHERE one.service = ?1) AND key NOT IN (${sharedKeys})`,
  forget: `DELETE FROM ${sources} WHERE service = ?`,
  offsets: `SELECT partition, number, directory, incarnation, hash FROM ${offsets} ORDER BY partition`,
  setOffset: `INSERT OR REPLACE INTO ${offsets} (partition, number, directory, incarnation, hash) VALUES (?, ?, ?, ?, ?)`,
  mark: `UPDATE ${about} SET checkpoints = checkpoints + 1`,
} as const

export class Table {
  private readonly path: string
  private readonly plan: TablePlan
  private readonly schema: Schema
  private readonly type: MessageType
  private readonly fields: readonly Field[]
  /** Where among the fields the key is. */
  private readonly keyAt: number
  /** Of the fields, those whose column is not the key. */
  private readonly own: readonly number[]
  private readonly db: DatabaseSync
  private readonly prepared: Readonly<Record<keyof typeof statements | 'put', StatementSync>>

  /** Opens the file, or makes it. @throws InnkeeperError `data_damaged` (rebuild it), `storage_unavailable` */
  constructor(path: string, plan: TablePlan, row: string, schema: Schema) {
    this.path = path
    this.plan = plan
    this.schema = schema
    this.type = schema.messages.get(row)!
    this.fields = plan.columns.map(({ field }) => this.type.byNumber.get(field)!)
    this.keyAt = plan.columns.findIndex(({ field }) => field === plan.key.field)
    this.own = ownColumns(plan.columns, plan.key).map((column) => plan.columns.indexOf(column))
    let db: DatabaseSync | undefined
    try {
      db = new DatabaseSync(path, { readBigInts: true, returnArrays: true, timeout: busyMs })
      this.db = db
      db.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA fullfsync = ON; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = ${logBytesMax}`,
      )
      this.make()
      this.prepared = Object.fromEntries(
        Object.entries({ ...statements, put: putStatement(plan) }).map(([name, sql]) => [name, this.db.prepare(sql)]),
      ) as Table['prepared']
    } catch (error) {
      db?.close()
      throw told(error)
    }
  }

  /** Begins a transaction, which a commit ends; on an error, `rollback`. `transaction` does all three. */
  begin(): void {
    this.db.exec('BEGIN IMMEDIATE')
  }

  commit(): void {
    this.db.exec('COMMIT')
  }

  rollback(): void {
    if (this.db.isTransaction) this.db.exec('ROLLBACK')
  }

  /** All of the work, or nothing of it (W1). @throws what the work throws; SQLite's errors as ours */
  transaction<Result>(work: () => Result): Result {
    try {
      this.begin()
      const result = work()
      this.commit()
      return result
    } catch (error) {
      this.rollback()
      throw told(error)
    }
  }

  /** @throws WireError if the message is no row, InnkeeperError */
  apply({ purges = [], deletes = [], puts = [], sources: written = [], offsets: reached = [] }: Batch): Written {
    return this.transaction(() => {
      let shared = 0
      for (const service of purges) shared += this.purge(service)
      for (const key of deletes) this.delete(key)
      for (const message of puts) this.put(message)
      for (const source of written) this.setSource(source)
      for (const offset of reached) this.setOffset(offset)
      return { shared }
    })
  }

  /** Answers its key. @throws WireError if the message is no row */
  put(message: Uint8Array): string {
    const values = readValues(this.schema, this.type, this.fields, message, 'canonical')
    const key = keyText(this.plan.key, values[this.keyAt]!)
    this.prepared.put.run(key, message, ...this.own.map((at) => values[at]!))
    return key
  }

  delete(key: string): void {
    this.prepared.delete.run(key)
  }

  row(key: string): Uint8Array | undefined {
    return cells<[Uint8Array]>(this.prepared.row.get(key))?.[0]
  }

  source(service: string, entity: string): SourceRecord | undefined {
    const found = cells<[bigint, string]>(this.prepared.source.get(service, entity))
    return found && { service, entity, revision: Number(found[0]), keys: JSON.parse(found[1]) as string[] }
  }

  setSource({ service, entity, revision, keys }: SourceRecord): void {
    this.prepared.setSource.run(service, entity, BigInt(revision), JSON.stringify(keys))
  }

  /** Deletes the rows of a service's entities, and what is known of these. Answers how many rows stay, since others have them as well. */
  purge(service: string): number {
    const [shared] = cells<[bigint]>(this.prepared.shared.get(service))!
    this.prepared.purge.run(service)
    this.prepared.forget.run(service)
    return Number(shared)
  }

  offsets(): readonly OffsetRecord[] {
    return (this.prepared.offsets.all() as unknown as [bigint, bigint, string, string, string][]).map(
      ([partition, commit, directory, incarnation, hash]) => ({
        ...{ partition: Number(partition), commit: Number(commit) },
        ...{ directory, incarnation, hash },
      }),
    )
  }

  setOffset({ partition, commit, directory, incarnation, hash }: OffsetRecord): void {
    this.prepared.setOffset.run(BigInt(partition), BigInt(commit), directory, incarnation, hash)
  }

  /** Answers offsets that no end of the machine takes back (W2). */
  checkpoint(): readonly OffsetRecord[] {
    try {
      const reached = this.offsets()
      // A commit that waits for the disk brings those before it there, too: they are in the same log. Node lets no sealed process sync by itself.
      this.db.exec('PRAGMA synchronous = FULL')
      this.prepared.mark.run()
      this.db.exec('PRAGMA synchronous = NORMAL')
      // Not all that is in the log, where a query reads an older state; the next time takes the rest.
      this.db.exec('PRAGMA wal_checkpoint(PASSIVE)')
      return reached
    } catch (error) {
      throw told(error)
    }
  }

  size(): TableSize {
    const [count] = cells<[bigint]>(this.prepared.count.get())!
    const bytes = [this.path, `${this.path}-wal`].map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
    return { rows: Number(count), bytes: bytes[0]! + bytes[1]! }
  }

  close(): void {
    this.db.close()
  }

  private make(): void {
    const shape = JSON.stringify([layout, this.type.fullName, tableStatements(this.plan)])
    const made = this.db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(tables.about) !== undefined
    if (made) {
      const [stored] = cells<[string]>(this.db.prepare(`SELECT shape FROM ${about}`).get()) ?? []
      if (stored === shape) return
      throw new InnkeeperError(
        'data_damaged',
        `the table of the view ${this.plan.name} was made for other columns; build it anew`,
      )
    }
    this.begin()
    for (const statement of tableStatements(this.plan)) this.db.exec(statement)
    this.db.exec(
      `CREATE TABLE ${sources} (service TEXT NOT NULL, entity TEXT NOT NULL, revision INTEGER NOT NULL, keys TEXT NOT NULL, PRIMARY KEY (service, entity)) STRICT, WITHOUT ROWID;
       CREATE TABLE ${offsets} (partition INTEGER PRIMARY KEY, number INTEGER NOT NULL, directory TEXT NOT NULL, incarnation TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
       CREATE TABLE ${about} (shape TEXT NOT NULL, checkpoints INTEGER NOT NULL) STRICT`,
    )
    this.db.prepare(`INSERT INTO ${about} (shape, checkpoints) VALUES (?, 0)`).run(shape)
    this.commit()
  }
}

/** Deletes a table's files. It is closed. */
export function dropTable(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true })
}

/** Rows are arrays, which the types of Node do not know. */
function cells<Row>(row: unknown): Row | undefined {
  return row as Row | undefined
}
