// Plan: what a component's .proto says of views, checked as far as that goes without SQLite, in a form that other processes are sent.
//
// V1. All that is wrong is told at once: a clause each, with the method and the place in its SQL.
// V2. A query is one statement, and every parameter of it is a field of the request that SQL can hold.
//
// Owns: names, keys, parameters, the shape of replies.   process/check.ts owns: what only SQLite knows.   Deployment owns: whether the services
// of `from` exist.

import { didYouMean } from '../nearest.ts'
import type { Field, MessageType, MethodType, Schema, ServiceType } from '../schema/schema.ts'
import { elementKind, kindOf, planColumns, type TablePlan } from './columns.ts'
import { formProblem, isName, placeIn, type Token, tokensOf } from './sql.ts'

export interface ViewPlan extends TablePlan {
  /** Full name. */
  readonly service: string
  /** Full name of the row's message. */
  readonly row: string
  readonly from: readonly string[]
  readonly queries: readonly QueryPlan[]
}

export interface QueryPlan {
  readonly service: string
  readonly method: string
  readonly sql: string
  /** Full names of messages. */
  readonly input: string
  readonly output: string
  /** Exactly one row; a message for each row; one message with all rows, in this field of the reply. */
  readonly answer: 'one' | 'each' | { readonly list: number }
  /** Services of the views that it reads, in the order of their names in the SQL. */
  readonly reads: readonly string[]
  /** Names of fields of the request. */
  readonly parameters: readonly string[]
}

type Report = (problem: string, method?: string) => void

/** Characters. */
export const sqlMax = 64 * 1024
/** As many files SQLite reads at once. */
export const viewsOfQueryMax = 10
const notForViews = new Set(['json_each', 'json_tree'])

/** @param report each with the full name of the service, and of the method where it is one's */
export function planViews(
  schema: Schema,
  services: readonly ServiceType[],
  report: (problem: string, service: string, method?: string) => void,
): readonly ViewPlan[] {
  const open: { view: Omit<ViewPlan, 'queries'>; service: ServiceType; report: Report }[] = []
  const names = new Map<string, string>()
  for (const service of services) {
    const own: Report = (problem, method) => report(problem, service.fullName, method)
    if (service.view === undefined) {
      for (const { name, query } of service.methods.values())
        if (query !== undefined)
          own('has (innkeeper.query), and its service no (innkeeper.view): say there what the rows are', name)
      continue
    }
    const view = planTable(schema, service, own)
    if (view === undefined) continue
    const other = names.get(view.name)
    if (other !== undefined) own(`would be called ${view.name} in SQL, as ${other} is: rename one of the services`)
    names.set(view.name, service.fullName)
    open.push({ view, service, report: own })
  }
  const byName = new Map(open.map(({ view }) => [view.name, view.service]))
  return open.map(({ view, service, report }) => ({
    ...view,
    queries: [...service.methods.values()].flatMap((method) => planQuery(service.fullName, method, byName, report)),
  }))
}

function planTable(schema: Schema, service: ServiceType, report: Report): Omit<ViewPlan, 'queries'> | undefined {
  const { fullName } = service
  const { row: rowName, from } = service.view!
  const name = viewName(fullName)
  if (name.startsWith('sqlite_') || notForViews.has(name))
    report(`would be called ${name} in SQL, which is a name of SQLite's: rename the service`)
  if (from.length === 0) report('says no source: list services of entities in (innkeeper.view).from')
  const row = rowOf(schema, fullName, rowName)
  if (row === undefined) {
    const known = [...schema.messages.keys()]
    report(`has rows of ${rowName || 'no message'}, which is no message that it knows${didYouMean(rowName, known)}`)
    return undefined
  }
  const { columns, key } = planColumns(row, report)
  if (key === undefined) return undefined
  return { service: fullName, name, row: row.fullName, from: [...new Set(from)], columns, key }
}

/** As protobuf resolves names: from the package outwards. */
function rowOf(schema: Schema, service: string, row: string): MessageType | undefined {
  if (row === '') return undefined
  for (let scope = service; scope.includes('.'); ) {
    scope = scope.slice(0, scope.lastIndexOf('.'))
    const found = schema.messages.get(`${scope}.${row}`)
    if (found !== undefined) return found
  }
  return schema.messages.get(row.replace(/^\./, ''))
}

/** `orders_view` of `shop.v1.OrdersView`. */
function viewName(service: string): string {
  return service
    .slice(service.lastIndexOf('.') + 1)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}

function planQuery(
  service: string,
  method: MethodType,
  views: ReadonlyMap<string, string>,
  reportOf: Report,
): readonly QueryPlan[] {
  let wrong = false
  const report = (problem: string): void => {
    wrong = true
    reportOf(problem, method.name)
  }
  const { query, input, output } = method
  if (query === undefined) {
    report('is a method of a view, and has no (innkeeper.query)')
    return []
  }
  if (method.clientStreaming) report('is a query with a stream of requests: a query has one request')
  const answer = answerOf(method, query.live, report)
  const { parameters, reads } = wordsOf(query.sql, input, views, report)
  if (wrong) return []
  const { sql } = query
  return [
    { service, method: method.name, sql, input: input.fullName, output: output.fullName, answer, reads, parameters },
  ]
}

function answerOf({ serverStreaming, output }: MethodType, live: boolean, report: Report): QueryPlan['answer'] {
  if (!live) return serverStreaming ? 'each' : 'one'
  if (!serverStreaming) report('is live, and answers one message: let it return a stream')
  const [field, second] = output.fields
  if (field === undefined || second !== undefined || !field.repeated || field.type.kind !== 'message')
    report(`is live, and ${output.fullName} is not a message with one repeated field of messages, for the rows`)
  return { list: field?.number ?? 0 }
}

function wordsOf(
  sql: string,
  input: MessageType,
  views: ReadonlyMap<string, string>,
  report: (problem: string) => void,
): Pick<QueryPlan, 'parameters' | 'reads'> {
  if (sql.length > sqlMax || sql.includes('\0')) {
    report(`has SQL of more than ${sqlMax} characters, or with a character 0 in it`)
    return { parameters: [], reads: [] }
  }
  const tokens = tokensOf(sql)
  const form = formProblem(sql, tokens)
  if (form !== undefined) report(form)
  const parameters = new Set<string>()
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== 'parameter') continue
    const problem = parameterProblem(token, tokens[at - 1], tokens[at + 1], input)
    if (problem === undefined) parameters.add(token.text.slice(1))
    else report(`${problem}, at ${placeIn(sql, token.at)} of its SQL`)
  }
  const named = tokens.filter(isName).flatMap(({ text }) => views.get(text.toLowerCase()) ?? [])
  const reads = [...new Set(named)]
  if (reads.length > viewsOfQueryMax) report(`reads ${reads.length} views, ${viewsOfQueryMax} are possible`)
  return { parameters: [...parameters], reads }
}

function parameterProblem(
  { text, at }: Token,
  before: Token | undefined,
  after: Token | undefined,
  input: MessageType,
): string | undefined {
  if (!text.startsWith(':')) return `has the parameter ${text}: write :name, with the name of a field of the request`
  const name = text.slice(1)
  const field = input.fields.find((one) => one.name === name)
  if (field === undefined) {
    const known = input.fields.map((one) => one.name)
    return `has the parameter ${text}, and ${input.fullName} has no field ${name}${didYouMean(name, known, '', ':')}`
  }
  const nested = after?.text === '.' && after.at === at + text.length
  if (nested || !fitsParameter(field))
    return `has the parameter ${text}, which is a message: give its fields to the request itself`
  if (kindOf(field) === 'unsigned' && before?.kind === 'word' && /^(?:limit|offset)$/i.test(before.text))
    return `has the parameter ${text}, which is a uint64 and cannot be a ${before.text.toUpperCase()}: let it be int64 or uint32`
  return undefined
}

/** Scalars, and what is one in SQL; or a list of these. */
function fitsParameter({ type }: Field): boolean {
  return elementKind(type) !== 'json'
}
