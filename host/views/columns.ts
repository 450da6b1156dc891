// Columns: how fields of messages look in SQL: one column for each field of a row, with a type that sorts and compares as the field's values do.
//
// C1. Columns compare as the values of their fields: uint64 and fixed64 are kept less 2^63, a Timestamp is text down to the nanosecond.
// C2. A name is one column only, in upper and lower case alike, generated ones (`NAME_text`) included.
//
// Decided here: a Duration is whole nanoseconds, and what lies beyond 292 years is kept as the end of that, so that no row is refused for it;
// wrappers are their values, or NULL; NaN is NULL, for SQLite has no other form of it; a key is text or a whole number.
//
// Owns: what becomes of which type.   values.ts owns: the values.   docs/reference/views.md has the table for authors.

import type { Field, MessageType, ScalarType } from '../schema/schema.ts'
import { wrappers } from '../schema/wrappers.ts'

export type Kind =
  | 'integer'
  /** Less 2^63. */
  | 'unsigned'
  | 'bool'
  | 'enum'
  | 'real'
  | 'text'
  | 'bytes'
  /** `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ` */
  | 'timestamp'
  /** Nanoseconds. */
  | 'duration'
  | 'json'

export interface ColumnPlan {
  /** In queries. */
  readonly name: string
  /** Number of the row's field. */
  readonly field: number
  readonly kind: Kind
  readonly nullable: boolean
  readonly index: boolean
}

export const timestampType = 'google.protobuf.Timestamp'
export const durationType = 'google.protobuf.Duration'
/** Names have to be written somewhere. */
const columnsMax = 500

const kinds: Readonly<Record<ScalarType, Kind>> = {
  double: 'real',
  float: 'real',
  int64: 'integer',
  uint64: 'unsigned',
  int32: 'integer',
  fixed64: 'unsigned',
  fixed32: 'integer',
  bool: 'bool',
  string: 'text',
  bytes: 'bytes',
  uint32: 'integer',
  sfixed32: 'integer',
  sfixed64: 'integer',
  sint32: 'integer',
  sint64: 'integer',
}

const sqlTypes: Readonly<Record<Kind, 'INTEGER' | 'REAL' | 'TEXT' | 'BLOB'>> = {
  integer: 'INTEGER',
  unsigned: 'INTEGER',
  bool: 'INTEGER',
  enum: 'INTEGER',
  real: 'REAL',
  text: 'TEXT',
  bytes: 'BLOB',
  timestamp: 'TEXT',
  duration: 'INTEGER',
  json: 'TEXT',
}

export function kindOf({ type, repeated }: Pick<Field, 'type' | 'repeated'>): Kind {
  return repeated || type.kind === 'map' ? 'json' : elementKind(type)
}

/** Of one element, where the field is a list. */
export function elementKind(type: Field['type']): Kind {
  if (type.kind === 'map') return 'json'
  if (type.kind === 'enum') return 'enum'
  if (type.kind === 'scalar') return kinds[type.scalar]
  if (type.message.fullName === timestampType) return 'timestamp'
  if (type.message.fullName === durationType) return 'duration'
  const wrapped = wrappedScalar(type.message)
  return wrapped === undefined ? 'json' : kinds[wrapped]
}

/** The type of a wrapper's value; undefined: the message is none. */
export function wrappedScalar({ fullName, byNumber }: MessageType): ScalarType | undefined {
  if (!wrappers.includes(fullName)) return undefined
  const type = byNumber.get(1)?.type
  return type?.kind === 'scalar' ? type.scalar : undefined
}

/** What is wrong is told to `report`, in clauses that begin with the field. */
export function planColumns(
  row: MessageType,
  report: (problem: string) => void,
): { readonly columns: readonly ColumnPlan[]; readonly key: ColumnPlan | undefined } {
  if (row.fields.length > columnsMax) report(`${row.fullName} has more than ${columnsMax} fields`)
  const columns = row.fields.map(columnOf)
  const keys = row.fields.flatMap((field, at) => (field.column?.key === true ? [columns[at]!] : []))
  const [key, second] = keys
  if (key === undefined) report(`${row.fullName} has no key: mark one field with [(innkeeper.column) = { key: true }]`)
  else if (second !== undefined) report(`${row.fullName} has two keys, ${key.name} and ${second.name}: mark one field`)
  else if (key.nullable || !['text', 'integer', 'unsigned'].includes(key.kind))
    report(`${row.fullName}.${key.name} cannot be a key: a key is a string or an integer that is not optional`)
  checkNames(row, columns, report)
  return { columns, key }
}

function columnOf(field: Field): ColumnPlan {
  const kind = kindOf(field)
  return {
    name: field.column?.name || field.name,
    field: field.number,
    kind,
    // NaN is NULL.
    nullable: field.presence || kind === 'real',
    index: field.column?.index === true && field.column.key !== true,
  }
}

function checkNames(row: MessageType, columns: readonly ColumnPlan[], report: (problem: string) => void): void {
  const taken = new Map<string, string>()
  const names = columns.flatMap(({ name, kind }) => (kind === 'unsigned' ? [name, textName(name)] : [name]))
  for (const name of names) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(name))
      report(`${row.fullName} has a column named ${JSON.stringify(name.slice(0, 64))}, which is no identifier`)
    const other = taken.get(name.toLowerCase())
    if (other !== undefined)
      report(
        `${row.fullName} has two columns named ${other === name ? name : `${other} and ${name}, which are one name in SQL`}: give one another name with (innkeeper.column).name`,
      )
    taken.set(name.toLowerCase(), name)
  }
}

/** The generated column that shows an unsigned one as text. */
export function textName(name: string): string {
  return `${name}_text`
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Names of tables that no query can name: no service is called so. */
export const tables = { rows: '$rows', sources: '$sources', offsets: '$offsets', about: '$about' } as const

/** The column in the table of rows. Names of authors are only in the view, so that none of ours is taken. */
export function storedName(column: ColumnPlan, key: ColumnPlan): string {
  // A key of text is there once.
  return column.field === key.field && key.kind === 'text' ? 'key' : `f${column.field}`
}

export interface TablePlan {
  /** In queries. */
  readonly name: string
  readonly columns: readonly ColumnPlan[]
  readonly key: ColumnPlan
}

/** The table of rows, and the view of it that queries see: its columns, without key and message of the host.
 *  @param within the database, where several are attached: `v0.` */
export function tableStatements({ name, columns, key }: TablePlan, within = ''): readonly string[] {
  const rows = quoted(tables.rows)
  const own = ownColumns(columns, key)
  const stored = own.map(
    (column) =>
      `${storedName(column, key)} ${sqlTypes[column.kind]}${column.nullable ? '' : ' NOT NULL'}${column.field === key.field ? ' UNIQUE' : ''}`,
  )
  const shown = columns.flatMap((column) => {
    const from = storedName(column, key)
    const shown = `${from} AS ${quoted(column.name)}`
    return column.kind === 'unsigned' ? [shown, `${unsignedText(from)} AS ${quoted(textName(column.name))}`] : [shown]
  })
  return [
    `CREATE TABLE ${within}${rows} (${['key TEXT PRIMARY KEY NOT NULL', 'message BLOB NOT NULL', ...stored].join(', ')}) STRICT`,
    ...own
      .filter(({ index }) => index)
      .map((column) => {
        const stored = storedName(column, key)
        return `CREATE INDEX ${within}${quoted(`$by_${stored}`)} ON ${rows} (${stored})`
      }),
    `CREATE VIEW ${within}${quoted(name)} AS SELECT ${shown.join(', ')} FROM ${rows}`,
  ]
}

/** Puts a row: its key, its message, then its columns but for a key of text. One with the same key is replaced. */
export function putStatement({ columns, key }: TablePlan, within = ''): string {
  const names = ['key', 'message', ...ownColumns(columns, key).map((column) => storedName(column, key))]
  return (
    `INSERT INTO ${within}${quoted(tables.rows)} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')}) ` +
    `ON CONFLICT (key) DO UPDATE SET ${names
      .slice(1)
      .map((name) => `${name} = excluded.${name}`)
      .join(', ')}`
  )
}

/** Those that are not there as the key. */
export function ownColumns(columns: readonly ColumnPlan[], key: ColumnPlan): readonly ColumnPlan[] {
  return columns.filter((column) => storedName(column, key) !== 'key')
}

/** Decimal text of a number that is kept less 2^63. It is made of two halves, for no integer of SQLite holds it. */
function unsignedText(column: string): string {
  const [high, low] = [9_223_372_036, 854_775_808]
  return (
    `CASE WHEN ${column} < 0 THEN CAST(${column} + 9223372036854775807 + 1 AS TEXT) ` +
    `WHEN ${column} >= 0 THEN format('%d%09d', ${high} + ${column} / 1000000000 + (${column} % 1000000000 + ${low}) / 1000000000, ` +
    `(${column} % 1000000000 + ${low}) % 1000000000) END`
  )
}
