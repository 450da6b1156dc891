// Reply: a row of a result becomes the bytes of a message: each column of it is a field.
//
// R1. A value becomes what the field is, or nothing does: what is out of the field's range is `out_of_range`, what is of another type `query_failed`,
//     with query and column for the log and none of it for the caller.
// R2. NULL is a field that is not set; of a column of a plain double or float it is NaN, which SQLite keeps so.
// R3. A number that comes straight from a column of uint64 or fixed64 is that number: `columns()` of SQLite says where it is from.
//
// Owns: results.   values.ts owns: the way into SQL.

import { InnkeeperError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import type { Field, MessageType, ScalarType, Schema } from '../schema/schema.ts'
import { wireType, wireTypeOfScalar } from '../schema/wire.ts'
import { JsonError, parseJson } from '../transcode/json.ts'
import type { Sink } from '../transcode/sink.ts'
import { TranscodeError, writeFields } from '../transcode/to-message.ts'
import { type ColumnPlan, type Kind, kindOf, textName, wrappedScalar } from './columns.ts'
import { durationOf, momentOf } from './times.ts'
import { type SqlValue, unsignedOffset } from './values.ts'

export interface ResultColumn {
  readonly name: string
  /** The column that it is from, if it is no expression. */
  readonly from: ColumnPlan | undefined
}

/** A column of the result and its field; undefined: it is left out. */
export type Target = { readonly field: Field; readonly kind: Kind; readonly from: ColumnPlan | undefined } | undefined

/** @param generated names of columns that `SELECT *` brings along, and that a reply need not have
 *  @param report clauses about the query */
export function targetsOf(
  columns: readonly ResultColumn[],
  reply: MessageType,
  generated: ReadonlySet<string>,
  report: (problem: string) => void,
): readonly Target[] {
  const taken = new Set<string>()
  return columns.map(({ name, from }) => {
    const field = reply.fields.find((one) => one.name === name)
    if (field === undefined) {
      const known = reply.fields.map((one) => one.name)
      if (!generated.has(name))
        report(
          `has the column ${name.slice(0, 100)} in its result, and ${reply.fullName} no field of that name${didYouMean(name, known, '; name it with AS')}`,
        )
      return undefined
    }
    if (taken.has(name)) report(`has two columns named ${name} in its result: name one otherwise with AS`)
    taken.add(name)
    const kind = kindOf(field)
    if (from !== undefined && !fits[from.kind].includes(kind))
      report(
        `gives the column ${from.name}, which is ${words[from.kind]}, to ${reply.fullName}.${name}, which is ${words[kind]}`,
      )
    return { field, kind, from }
  })
}

export function generatedNames(columns: readonly ColumnPlan[]): readonly string[] {
  return columns.filter(({ kind }) => kind === 'unsigned').map(({ name }) => textName(name))
}

const fits: Readonly<Record<Kind, readonly Kind[]>> = {
  integer: ['integer', 'unsigned', 'real', 'enum'],
  unsigned: ['unsigned', 'integer'],
  bool: ['bool', 'integer'],
  enum: ['enum', 'integer'],
  real: ['real'],
  text: ['text'],
  bytes: ['bytes'],
  timestamp: ['timestamp', 'text'],
  duration: ['duration', 'integer'],
  json: ['json', 'text'],
}

const words: Readonly<Record<Kind, string>> = {
  integer: 'an integer',
  unsigned: 'a uint64',
  bool: 'a bool',
  enum: 'an enum',
  real: 'a double or float',
  text: 'a string',
  bytes: 'bytes',
  timestamp: 'a timestamp',
  duration: 'a duration',
  json: 'a message, list or map',
}

/** Encodes the rows of one query. */
export class Replies {
  private readonly schema: Schema
  private readonly type: MessageType
  private readonly targets: readonly Target[]
  /** For the log: what query this is. */
  private readonly query: string

  constructor(schema: Schema, type: MessageType, targets: readonly Target[], query: string) {
    this.schema = schema
    this.type = type
    this.targets = targets
    this.query = query
  }

  /** @throws InnkeeperError `out_of_range`, `query_failed` */
  write(sink: Sink, row: readonly SqlValue[]): void {
    for (const [at, target] of this.targets.entries()) {
      if (target === undefined) continue
      const { field, from, kind } = target
      let value = row[at]!
      if (value === null) {
        if (from?.kind !== 'real' || kind !== 'real' || field.presence) continue
        value = Number.NaN
      } else if (from?.kind === 'unsigned' && typeof value === 'bigint') value += unsignedOffset
      this.field(sink, field, kind, value)
    }
  }

  private field(sink: Sink, field: Field, kind: Kind, value: Exclude<SqlValue, null>): void {
    const { type, number } = field
    if (kind === 'json') {
      this.json(sink, field, value)
      return
    }
    if (kind === 'timestamp') {
      const moment = typeof value === 'string' ? momentOf(value) : undefined
      if (moment === undefined) throw this.wrong(field, 'a timestamp', value)
      writeMoment(sink, number, moment)
      return
    }
    if (kind === 'duration') {
      if (typeof value !== 'bigint') throw this.wrong(field, 'a duration in nanoseconds', value)
      writeMoment(sink, number, durationOf(value))
      return
    }
    const checked = this.checked(field, scalarOf(field), value)
    if (type.kind !== 'message') {
      if (field.presence || !isDefault(checked)) writeScalar(sink, number, scalarOf(field), checked)
      return
    }
    sink.varint((number << 3) | wireType.bytes)
    const start = sink.open()
    if (!isDefault(checked)) writeScalar(sink, 1, scalarOf(field), checked)
    sink.close(start)
  }

  private json(sink: Sink, field: Field, value: SqlValue): void {
    if (typeof value !== 'string') throw this.wrong(field, 'JSON', value)
    try {
      const out = { schema: this.schema, sink }
      writeFields(out, this.type, { [field.jsonName]: parseJson(value) }, 0)
    } catch (error) {
      if (!(error instanceof JsonError || error instanceof TranscodeError)) throw error
      throw this.wrong(field, `its JSON (${error.message})`, value)
    }
  }

  /** The value in the form that the field has on the wire. */
  private checked(field: Field, type: ScalarType | 'enum', value: SqlValue): bigint | number | string | Uint8Array {
    switch (type) {
      case 'string':
        if (typeof value !== 'string') throw this.wrong(field, 'text', value)
        return value
      case 'bytes':
        if (!(value instanceof Uint8Array)) throw this.wrong(field, 'a blob', value)
        return value
      case 'double':
      case 'float': {
        if (typeof value !== 'number' && typeof value !== 'bigint') throw this.wrong(field, 'a number', value)
        const real = Number(value)
        if (type === 'float' && Number.isFinite(real) && !Number.isFinite(Math.fround(real)))
          throw this.beyond(field, type, value)
        return real
      }
    }
    if (typeof value !== 'bigint') throw this.wrong(field, 'an integer', value)
    const [min, max] = ranges[type]
    if (value >= min && value <= max) return value
    if (type === 'bool') throw this.wrong(field, '0 or 1', value)
    throw this.beyond(field, type, value)
  }

  private wrong(field: Field, expected: string, value: SqlValue): InnkeeperError {
    const what = `${this.query}: the column ${field.name} is ${shown(value)} where ${expected} is expected`
    return new InnkeeperError('query_failed', 'the query failed; the log of the host says why', new Error(what))
  }

  private beyond(field: Field, type: string, value: SqlValue): InnkeeperError {
    const what = `${this.query}: the column ${field.name} is ${shown(value)}, which is no ${type}`
    return new InnkeeperError(
      'out_of_range',
      `the result of the query has a number that its field ${field.name} (${type}) cannot hold`,
      new Error(what),
    )
  }
}

/** Of a log: its type, and not what clients stored. Numbers are told, for they say what went wrong. */
function shown(value: SqlValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return `text of ${value.length} characters`
  if (value instanceof Uint8Array) return `a blob of ${value.length} bytes`
  return typeof value === 'bigint' ? `the integer ${value}` : `the real number ${value}`
}

function scalarOf({ type }: Field): ScalarType | 'enum' {
  if (type.kind === 'enum') return 'enum'
  if (type.kind === 'scalar') return type.scalar
  const wrapped = type.kind === 'message' ? wrappedScalar(type.message) : undefined
  if (wrapped === undefined) throw new Error('a message where a scalar is')
  return wrapped
}

const signed = (bits: bigint) => [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] as const
const unsigned = (bits: bigint) => [0n, 2n ** bits - 1n] as const
type Whole = Exclude<ScalarType, 'double' | 'float' | 'string' | 'bytes'> | 'enum'

const ranges: Readonly<Record<Whole, readonly [bigint, bigint]>> = {
  enum: signed(32n),
  bool: [0n, 1n],
  int32: signed(32n),
  sint32: signed(32n),
  sfixed32: signed(32n),
  int64: signed(64n),
  sint64: signed(64n),
  sfixed64: signed(64n),
  uint32: unsigned(32n),
  fixed32: unsigned(32n),
  uint64: unsigned(64n),
  fixed64: unsigned(64n),
}

function isDefault(value: bigint | number | string | Uint8Array): boolean {
  if (typeof value === 'bigint') return value === 0n
  return typeof value === 'number' ? Object.is(value, 0) : value.length === 0
}

function writeScalar(sink: Sink, number: number, type: ScalarType | 'enum', value: SqlValue): void {
  sink.varint((number << 3) | (type === 'enum' ? wireType.varint : wireTypeOfScalar(type)))
  if (typeof value === 'string') sink.string(value)
  else if (typeof value === 'bigint') writeWhole(sink, type, value)
  else if (typeof value !== 'number') sink.view(value!)
  else if (type === 'float') sink.float(value)
  else sink.double(value)
}

function writeWhole(sink: Sink, type: ScalarType | 'enum', value: bigint): void {
  if (type === 'sint32' || type === 'sint64') sink.varint64((value << 1n) ^ (value >> 63n))
  else if (type === 'fixed32' || type === 'sfixed32') sink.fixed32(Number(BigInt.asUintN(32, value)))
  else if (type === 'fixed64' || type === 'sfixed64') sink.fixed64(value)
  else sink.varint64(value)
}

function writeMoment(sink: Sink, number: number, { seconds, nanos }: { seconds: bigint; nanos: number }): void {
  sink.varint((number << 3) | wireType.bytes)
  const start = sink.open()
  if (seconds !== 0n) {
    sink.varint(8)
    sink.varint64(seconds)
  }
  if (nanos !== 0) {
    sink.varint(16)
    sink.varint64(BigInt(nanos))
  }
  sink.close(start)
}
