// Ad hoc: SQL of an operator, over the views of all components, answered as values that JSON can hold.
//
// Integers beyond 2^53 are text, blobs are base64, infinite numbers are text; a uint64 is its number.
//
// Owns: those forms.   connection.ts owns: what it can read.

import type { DatabaseSync } from 'node:sqlite'
import { InnkeeperError } from '../../errors.ts'
import { quoted } from '../columns.ts'
import { formProblem } from '../sql.ts'
import { type SqlValue, unsignedOffset } from '../values.ts'
import type { Bounds, Connection } from './connection.ts'
import { Refused, told, tooLarge } from './failures.ts'

type RawValue = null | number | string

/** A table that the host makes for one statement, as of its entities. Its name is in lower case. */
export interface GivenTable {
  readonly name: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly RawValue[])[]
}

export function make(db: DatabaseSync, given: readonly GivenTable[]): void {
  for (const { name, columns, rows } of given) {
    db.exec(`CREATE TABLE main.${quoted(name)} (${columns.map(quoted).join(', ')})`)
    const put = db.prepare(`INSERT INTO main.${quoted(name)} VALUES (${columns.map(() => '?').join(', ')})`)
    for (const row of rows) put.run(...row.map((value) => (Number.isInteger(value) ? BigInt(value!) : value)))
  }
}

export interface RawResult {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly RawValue[])[]
}

/** @throws InnkeeperError `bad_request` with what is wrong: whoever asks may know all */
export function runRaw(connection: Connection, sql: string, bounds: Bounds): RawResult {
  const problem = formProblem(sql)
  if (problem !== undefined) throw new InnkeeperError('bad_request', `the statement ${problem}`)
  const rows: RawValue[][] = []
  let bytes = 0
  try {
    const { statement, columns } = connection.prepare(sql)
    for (const row of statement.iterate() as unknown as Iterable<SqlValue[]>) {
      const shown = row.map((value, at) => rawOf(value, columns[at]!.from?.kind === 'unsigned'))
      for (const value of shown) bytes += typeof value === 'string' ? value.length : 8
      rows.push(shown)
      if (rows.length > bounds.rowsMax || bytes > bounds.bytesMax) throw tooLarge()
    }
    return { columns: columns.map(({ name }) => name), rows }
  } catch (error) {
    if (error instanceof Refused) throw new InnkeeperError('bad_request', `the statement ${error.message}`)
    const known = told(error)
    if (known !== error || known instanceof InnkeeperError) throw known
    throw new InnkeeperError('bad_request', `SQLite says: ${(error as Error).message}`)
  }
}

function rawOf(value: SqlValue, unsigned: boolean): RawValue {
  if (typeof value === 'bigint') {
    const whole = unsigned ? value + unsignedOffset : value
    const number = Number(whole)
    return Number.isSafeInteger(number) ? number : String(whole)
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}
