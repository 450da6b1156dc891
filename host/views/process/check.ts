// Check: what only SQLite knows of a query: prepared on empty tables, then tried on generated rows, before anybody calls it.
//
// K1. Refused is what does not prepare, a column of the result that is no field of the reply or does not fit it, and a value of an expression
//     that is not of the field's type on a row that was tried. Sums that overflow and rows that are missing depend on the data, and are not.
//
// Owns: the trial.   allowed.ts owns: what SQL may do.   ../plan.ts owns: what is known without SQLite.

import { InnkeeperError } from '../../errors.ts'
import { didYouMean } from '../../nearest.ts'
import type { Schema } from '../../schema/schema.ts'
import { ownColumns, putStatement, quoted, tableStatements, tables } from '../columns.ts'
import type { QueryPlan, ViewPlan } from '../plan.ts'
import { targetsOf } from '../reply.ts'
import { isName, placeIn, tokensOf } from '../sql.ts'
import { readValues } from '../values.ts'
import { type Attached, type Bounds, Connection, databaseName } from './connection.ts'
import { Refused } from './failures.ts'
import { Generator, type Spread } from './generated.ts'
import { generatedOf, rowTypeOf, runQuery } from './queries.ts'

/** As many in each table. */
const rowsTried = 16
const requestsTried = 4

/** Clauses about the query. */
export function checkQuery(
  schema: Schema,
  views: readonly ViewPlan[],
  query: QueryPlan,
  bounds: Bounds,
): readonly string[] {
  const attached: Attached[] = query.reads.map((service) => ({
    view: views.find((view) => view.service === service)!,
    path: undefined,
  }))
  const connection = new Connection(attached, bounds, (db) => {
    for (const [at, { view }] of attached.entries())
      for (const statement of tableStatements(view, `${databaseName(at)}.`)) db.exec(statement)
  })
  try {
    const problems: string[] = []
    const { columns } = connection.prepare(query.sql)
    targetsOf(columns, rowTypeOf(schema, query), generatedOf(attached), (problem) => problems.push(problem))
    if (problems.length > 0) return problems
    return tried(connection, schema, query, bounds)
  } catch (error) {
    if (error instanceof Refused) return [error.message]
    if (error instanceof InnkeeperError) throw error
    return [sqliteSays(error as Error, query, attached)]
  } finally {
    connection.end()
  }
}

function tried(connection: Connection, schema: Schema, query: QueryPlan, bounds: Bounds): readonly string[] {
  /** By what they are about: one of each is enough. */
  const problems = new Map<string, string>()
  for (const spread of ['none', 'small', 'all'] as const) {
    if (spread !== 'none') fill(connection, schema, spread)
    const requests = new Generator(1, spread === 'all' ? 'all' : 'small')
    for (let left = requestsTried; left > 0; left--) {
      try {
        runQuery(connection, schema, query, requests.message(schema.messages.get(query.input)!), bounds)
      } catch (error) {
        const problem = problemOf(error, spread)
        if (problem !== undefined) problems.set(problem.split(' is ')[0]!, problem)
      }
    }
  }
  return [...problems.values()]
}

function problemOf(error: unknown, spread: Spread | 'none'): string | undefined {
  if (!(error instanceof InnkeeperError)) throw error
  const { code, cause, message } = error
  if (code === 'query_too_large') return `answers ${rowsTried} rows of each view: ${message}`
  // Of small numbers nothing is too large.
  if (code !== 'query_failed' && (code !== 'out_of_range' || spread === 'all')) return undefined
  const detail = cause instanceof Error ? cause.message.slice(cause.message.indexOf(': ') + 2) : message
  // What SQLite itself says of a value depends on it: text that is no JSON, for one.
  return detail.startsWith('the column ') ? `fails on generated rows: ${detail}` : undefined
}

function fill(connection: Connection, schema: Schema, spread: Spread): void {
  connection.reopen()
  for (const [at, { view }] of connection.attached.entries()) {
    const within = `${databaseName(at)}.`
    connection.db.exec(`DELETE FROM ${within}${quoted(tables.rows)}`)
    const put = connection.db.prepare(putStatement(view, within))
    const type = schema.messages.get(view.row)!
    const generator = new Generator(at + 1, spread)
    const own = ownColumns(view.columns, view.key)
    const keyAt = view.columns.findIndex(({ field }) => field === view.key.field)
    for (let left = rowsTried; left > 0; left--) {
      const message = generator.message(type)
      const fields = view.columns.map(({ field }) => type.byNumber.get(field)!)
      const values = readValues(schema, type, fields, message, 'canonical')
      put.run(String(values[keyAt]), message, ...own.map((column) => values[view.columns.indexOf(column)]!))
    }
  }
  connection.close()
}

function sqliteSays({ message }: Error, { sql }: QueryPlan, attached: readonly Attached[]): string {
  const known = attached.flatMap(({ view }) => [view.name, ...view.columns.map(({ name }) => name)])
  const missing = /^no such (?:column|table): (?:.*\.)?(.+)$/.exec(message)?.[1]
  const near = /^near "(.+)":/.exec(message)?.[1]
  const token = tokensOf(sql).find(
    (one) =>
      (missing !== undefined && isName(one) && one.text.toLowerCase() === missing.toLowerCase()) || one.text === near,
  )
  const place = token === undefined ? '' : `, at ${placeIn(sql, token.at)} of its SQL`
  return `is refused by SQLite: ${message}${place}${missing === undefined ? '' : didYouMean(missing, known)}`
}
