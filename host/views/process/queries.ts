// Queries: SQL of authors on tables of their views, and the replies that come of it.
//
// Z1. Parameters are bound, never pasted.
// Z2. Rows and bytes of an answer are bounded: what is beyond is refused as a whole, and nothing is cut.
//
// Owns: running one.   ../reply.ts owns: a row's reply.   ../tables.ts owns: how long it may take.

import { InnkeeperError } from '../../errors.ts'
import type { MessageType, Schema } from '../../schema/schema.ts'
import { wireType } from '../../schema/wire.ts'
import { Sink } from '../../transcode/sink.ts'
import type { QueryPlan } from '../plan.ts'
import { generatedNames, Replies, targetsOf } from '../reply.ts'
import { readValues, type SqlValue } from '../values.ts'
import type { Attached, Bounds, Connection } from './connection.ts'
import { queryFailure } from './failures.ts'

/** Messages, one after the other, and where each ends. */
export interface Answer {
  readonly bytes: Uint8Array
  readonly ends: Uint32Array
}

/** For the log. */
function queryName({ service, method }: QueryPlan): string {
  return `${service}/${method}`
}

/** The message that a row becomes. */
export function rowTypeOf(schema: Schema, { output, answer }: QueryPlan): MessageType {
  const type = schema.messages.get(output)!
  if (typeof answer === 'string') return type
  const list = type.byNumber.get(answer.list)!.type
  if (list.kind !== 'message') throw new Error('a list of no messages')
  return list.message
}

export function generatedOf(attached: readonly Attached[]): ReadonlySet<string> {
  return new Set(attached.flatMap(({ view }) => generatedNames(view.columns)))
}

/** @throws InnkeeperError; WireError if the request is no message of the query's */
export function runQuery(
  connection: Connection,
  schema: Schema,
  query: QueryPlan,
  request: Uint8Array,
  bounds: Bounds,
): Answer {
  const { answer } = query
  const parameters = parametersOf(schema, query, request)
  const ends: number[] = []
  const sink = new Sink()
  try {
    const { statement, columns } = connection.prepare(query.sql)
    const targets = targetsOf(columns, rowTypeOf(schema, query), generatedOf(connection.attached), (problem) => {
      throw new Error(problem)
    })
    const replies = new Replies(schema, rowTypeOf(schema, query), targets, queryName(query))
    let count = 0
    for (const row of statement.iterate(parameters) as unknown as Iterable<SqlValue[]>) {
      count += 1
      if (count > 1 && answer === 'one')
        throw new InnkeeperError('several_rows', 'there are several rows, and the method answers one')
      if (typeof answer === 'string') replies.write(sink, row)
      else {
        sink.varint((answer.list << 3) | wireType.bytes)
        const start = sink.open()
        replies.write(sink, row)
        sink.close(start)
      }
      if (count > bounds.rowsMax || sink.size > bounds.bytesMax) throw tooMuch(bounds)
      if (typeof answer === 'string') ends.push(sink.size)
    }
    if (count === 0 && answer === 'one') throw new InnkeeperError('not_found', 'there is no such row')
  } catch (error) {
    throw queryFailure(error, queryName(query))
  }
  if (typeof answer !== 'string') ends.push(sink.size)
  return { bytes: sink.finish(), ends: Uint32Array.from(ends) }
}

function parametersOf(schema: Schema, { input, parameters }: QueryPlan, request: Uint8Array): Record<string, SqlValue> {
  const type = schema.messages.get(input)!
  const fields = parameters.map((name) => type.fields.find((field) => field.name === name)!)
  const values = readValues(schema, type, fields, request, 'values')
  return Object.fromEntries(parameters.map((name, at) => [`:${name}`, values[at]!]))
}

function tooMuch({ rowsMax, bytesMax }: Bounds): InnkeeperError {
  return new InnkeeperError(
    'query_too_large',
    `the result has more than ${rowsMax} rows or ${bytesMax} bytes: ask for less, as with LIMIT`,
  )
}
