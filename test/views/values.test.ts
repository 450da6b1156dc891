// Guards what fields of messages are in SQL: values compare as the fields do, and come back as they were.

import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Field } from '../../host/schema/schema.ts'
import { WireError } from '../../host/schema/wire.ts'
import { Sink } from '../../host/transcode/sink.ts'
import { kindOf, putStatement, tableStatements } from '../../host/views/columns.ts'
import { Replies, type Target } from '../../host/views/reply.ts'
import { momentOf, timestampText } from '../../host/views/times.ts'
import { readValues, type SqlValue } from '../../host/views/values.ts'
import { refuses } from '../support/assert.ts'
import { Shop } from './shop.ts'

const shop = await Shop.of(`
  message All { string id = 1 [(innkeeper.column) = { key: true }];
    double a_double = 2; float a_float = 3; int32 an_int32 = 4; int64 an_int64 = 5; uint32 a_uint32 = 6; uint64 a_uint64 = 7;
    sint32 a_sint32 = 8; sint64 a_sint64 = 9; fixed32 a_fixed32 = 10; fixed64 a_fixed64 = 11; sfixed32 a_sfixed32 = 12;
    sfixed64 a_sfixed64 = 13; bool a_bool = 14; string a_string = 15; bytes some_bytes = 16; Colour colour = 17;
    google.protobuf.Timestamp at = 18; google.protobuf.Duration took = 19; google.protobuf.Int64Value wrapped = 20;
    google.protobuf.UInt64Value wrapped_unsigned = 21; google.protobuf.StringValue wrapped_text = 22;
    optional int32 maybe_int = 23; optional string maybe_text = 24; optional uint64 maybe_unsigned = 25;
    oneof choice { string left = 26; int64 right = 27; Inner other = 28; }
    Inner inner = 29; repeated int64 longs = 30; repeated Inner inners = 31; map<string, int32> counts = 32; repeated string texts = 33;
    google.protobuf.Struct structure = 34; google.protobuf.Value anything = 35; optional bytes maybe_bytes = 36;
    repeated uint64 unsigneds = 37; repeated google.protobuf.Timestamp times = 38; repeated Colour colours = 39; repeated double doubles = 40; }
  enum Colour { NONE = 0; RED = 1; BLUE = -5; }
  message Inner { string name = 1; repeated uint64 numbers = 2; }
  message Few { int32 narrow = 1; uint64 unsigned = 2; float real = 3; bool flag = 4; string text = 5; google.protobuf.Timestamp at = 6;
    repeated int32 list = 7; double wide = 8; bytes raw = 9; Colour colour = 10; google.protobuf.Duration took = 11; }
  service AllView { option (innkeeper.view) = { row: "All", from: ["shop.v1.All"] }; }`)
assert.equal(shop.problems, [])
const all = shop.schema.messages.get('shop.v1.All')!
const few = shop.schema.messages.get('shop.v1.Few')!
const [view] = shop.component.views

const Values = suite('values of views')

const text = fc.string({ unit: 'grapheme', maxLength: 30 })
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)
const unsigned = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const uint = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const base64 = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64'))
const moment = fc.record({
  seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
})
/** As protobuf's JSON has it: no digits that say nothing. */
const timestamp = moment.map((one) => timestampText(one)!.replace(/(?:000|000000|\.000000000)Z$/, 'Z'))
const real = fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0))
const shown = (value: number) => (Number.isFinite(value) ? value : value > 0 ? 'Infinity' : '-Infinity')
const inner = fc.record({ name: text, numbers: fc.array(unsigned, { maxLength: 3 }) })
const json = fc.record(
  {
    ...{
      id: text,
      aDouble: real.map(shown),
      aFloat: fc.float({ noNaN: true, noDefaultInfinity: true }).filter((one) => !Object.is(one, -0)),
    },
    ...{
      anInt32: int,
      anInt64: long,
      aUint32: uint,
      aUint64: unsigned,
      aSint32: int,
      aSint64: long,
      aFixed32: uint,
      aFixed64: unsigned,
    },
    ...{
      aSfixed32: int,
      aSfixed64: long,
      aBool: fc.boolean(),
      aString: text,
      someBytes: base64,
      at: timestamp,
      texts: fc.array(text, { maxLength: 3 }),
    },
    ...{
      colour: fc.constantFrom('NONE', 'RED', 'BLUE', 77),
      took: fc.constantFrom('0s', '1.500s', '-0.000000001s', '9000000000s'),
    },
    ...{
      wrapped: long,
      wrappedUnsigned: unsigned,
      wrappedText: text,
      maybeInt: int,
      maybeText: text,
      maybeUnsigned: unsigned,
    },
    ...{
      maybeBytes: base64,
      inner,
      longs: fc.array(long, { maxLength: 3 }),
      inners: fc.array(inner, { maxLength: 3 }),
    },
    ...{
      counts: fc.dictionary(text, int, { maxKeys: 3 }),
      structure: fc.constantFrom({}, { a: [1, null, 'x'] }),
      anything: fc.constantFrom(null, true, 'x', 1.5),
    },
    ...{ unsigneds: fc.array(unsigned, { maxLength: 3 }), times: fc.array(timestamp, { maxLength: 2 }) },
  },
  { requiredKeys: ['id'] },
)
const choice = fc.option(fc.oneof(fc.record({ left: text }), fc.record({ right: long }), fc.record({ other: inner })), {
  nil: {},
})

/** One table, emptied by each row that has the same key. */
const db = new DatabaseSync(':memory:', { readBigInts: true, returnArrays: true })
for (const statement of tableStatements(view!)) db.exec(statement)
const put = db.prepare(putStatement(view!))
const shownNames = new Set(view!.columns.map(({ name }) => name))

function stored(bytes: Uint8Array): { row: SqlValue[]; targets: Target[] } {
  const fields = view!.columns.map(({ field }) => all.byNumber.get(field)!)
  const values = readValues(shop.schema, all, fields, bytes, 'canonical')
  put.run(values[0]!, bytes, ...values.slice(1))
  const read = db.prepare(`SELECT * FROM ${view!.name} WHERE id = ?`)
  const columns = read.columns()
  const row = read.get(values[0]!) as unknown as SqlValue[]
  db.exec('DELETE FROM "$rows"')
  const targets = columns.map(({ name }) => {
    if (!shownNames.has(name)) return undefined
    const field = all.byName.get(name)!
    return { field, kind: kindOf(field), from: view!.columns.find((column) => column.name === name)! }
  })
  return { row, targets }
}

function reply(row: SqlValue[], targets: Target[]): Uint8Array {
  const sink = new Sink()
  new Replies(shop.schema, all, targets, 'q').write(sink, row)
  return sink.finish()
}

Values('values.V1, values.V2: a message that goes through a table and SELECT * comes back as it was', () => {
  fc.assert(
    fc.property(json, choice, (one, more) => {
      const bytes = shop.bytes('All', { ...one, ...more })
      const { row, targets } = stored(bytes)
      assert.equal(shop.json('All', reply(row, targets)), shop.json('All', bytes))
    }),
    { numRuns: 300 },
  )
})

Values('values.V1: on the wire the last scalar wins, messages merge, and of a oneof the last member is set', () => {
  const bytes = Buffer.concat([
    shop.bytes('All', {
      id: 'a',
      anInt64: '1',
      inner: { name: 'n', numbers: ['1'] },
      left: 'l',
      longs: ['1'],
      wrapped: '5',
    }),
    shop.bytes('All', { id: 'b', anInt64: '2', inner: { numbers: ['2'] }, right: '0', longs: ['2'] }),
    // Not packed.
    Uint8Array.of(0xf0, 1, 3),
  ])
  const { row, targets } = stored(bytes)
  const back = shop.json('All', reply(row, targets)) as Record<string, unknown>
  assert.equal(
    [back['id'], back['anInt64'], back['inner'], back['left'], back['right'], back['longs'], back['wrapped']],
    [...['b', '2', { name: 'n', numbers: ['1', '2'] }, undefined, '0', ['1', '2', '3'], '5']],
  )
})

Values('reply.R2: NaN is NULL in SQL, and NaN again in a reply', () => {
  const { row, targets } = stored(shop.bytes('All', { id: 'a', aDouble: 'NaN', aFloat: 'NaN' }))
  assert.equal(row.slice(1, 3), [null, null])
  const back = shop.json('All', reply(row, targets)) as Record<string, unknown>
  assert.equal([back['aDouble'], back['aFloat']], ['NaN', 'NaN'])
})

/** The order of SQLite. */
const order = db.prepare('SELECT ?1 < ?2, ?1 = ?2')
const column = (name: string, value: unknown): SqlValue => {
  const field = all.byName.get(name)!
  return readValues(shop.schema, all, [field], shop.bytes('All', { [field.jsonName]: value }), 'canonical')[0]!
}
const ordered = <T>(name: string, one: T, two: T, less: boolean, equal: boolean): void => {
  assert.equal(order.get(column(name, one), column(name, two)), [less ? 1n : 0n, equal ? 1n : 0n] as never)
}

Values('columns.C1: uint64 and fixed64 are in the order of their numbers', () => {
  for (const name of ['a_uint64', 'a_fixed64', 'wrapped_unsigned'])
    fc.assert(
      fc.property(unsigned, unsigned, (one, two) => ordered(name, one, two, BigInt(one) < BigInt(two), one === two)),
    )
})

Values('columns.C1: timestamps are in their order to the nanosecond, and date functions read them', () => {
  fc.assert(
    fc.property(moment, moment, fc.boolean(), (one, other, near) => {
      const two = near ? { seconds: one.seconds, nanos: other.nanos } : other
      const nanos = (of: typeof one) => of.seconds * 1_000_000_000n + BigInt(of.nanos)
      ordered('at', timestampText(one)!, timestampText(two)!, nanos(one) < nanos(two), nanos(one) === nanos(two))
      assert.equal(momentOf(timestampText(one)!), { ...one })
      const [day, seconds] = db.prepare('SELECT date(?1), unixepoch(?1)').get(timestampText(one)!) as unknown as [
        string,
        bigint,
      ]
      assert.equal([day, seconds], [timestampText(one)!.slice(0, 10), one.seconds])
    }),
  )
})

Values('columns.C1: a generated column shows a uint64 as text, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.oneof(unsigned, fc.constantFrom('0', '9223372036854775807', '9223372036854775808', '18446744073709551615')),
      (number) => {
        db.exec('DELETE FROM "$rows"')
        const fields = view!.columns.map(({ field }) => all.byNumber.get(field)!)
        const values = readValues(
          shop.schema,
          all,
          fields,
          shop.bytes('All', { id: 'a', aUint64: number }),
          'canonical',
        )
        put.run(values[0]!, new Uint8Array(), ...values.slice(1))
        assert.equal(db.prepare(`SELECT a_uint64_text, maybe_unsigned_text FROM ${view!.name}`).get(), [
          number,
          null,
        ] as never)
      },
    ),
  )
  db.exec('DELETE FROM "$rows"')
})

Values('a duration is nanoseconds; one beyond 292 years is the end of that', () => {
  assert.is(column('took', '1.5s'), 1_500_000_000n)
  assert.is(column('took', '-0.000000001s'), -1n)
  assert.is(column('took', '315576000000s'), 2n ** 63n - 1n)
  assert.is(column('took', '-315576000000s'), -(2n ** 63n))
})

Values('lists of parameters are JSON of values that compare with columns', () => {
  const list = (name: string, value: unknown): SqlValue => {
    const field = all.byName.get(name) as Field
    return readValues(shop.schema, all, [field], shop.bytes('All', { [field.jsonName]: value }), 'values')[0]!
  }
  assert.is(list('longs', ['9007199254740993', '-1']), '[9007199254740993,-1]')
  assert.is(list('unsigneds', ['0', '18446744073709551615']), '[-9223372036854775808,9223372036854775807]')
  assert.is(list('texts', ['a"b', '']), '["a\\"b",""]')
  assert.is(list('colours', ['BLUE', 'RED']), '[-5,1]')
  assert.is(list('times', ['2026-01-01T00:00:00Z']), '["2026-01-01T00:00:00.000000000Z"]')
  assert.is(list('doubles', [1.5, 'NaN', 'Infinity']), '[1.5,null,9e999]')
  assert.is(list('texts', []), '[]')
})

const answered = (name: string, value: SqlValue): unknown => {
  const field = few.byName.get(name)!
  const sink = new Sink()
  new Replies(shop.schema, few, [{ field, kind: kindOf(field), from: undefined }], 'q').write(sink, [value])
  return (shop.json('Few', sink.finish()) as Record<string, unknown>)[name]
}

Values(
  'reply.R1: a number that its field cannot hold is out of range; another type is a failure, told to the log only',
  () => {
    for (const [name, value] of [
      ['narrow', 2n ** 31n],
      ['narrow', -(2n ** 31n) - 1n],
      ['unsigned', -1n],
      ['real', 1e300],
      ['colour', 2n ** 31n],
    ] as const)
      assert.match(refuses(() => answered(name, value), 'out_of_range').message, new RegExp(`field ${name} `))
    for (const [name, value] of [
      ['narrow', 1.5],
      ['narrow', '1'],
      ['text', 1n],
      ['flag', 2n],
      ['raw', 'secret'],
      ['at', 'yesterday'],
      ['at', 5n],
      ['list', 'secret'],
      ['list', '["a"]'],
      ['took', 'secret'],
      ['wide', 'secret'],
    ] as const) {
      const error = refuses(() => answered(name, value), 'query_failed')
      assert.not.match(error.message, /column|secret/)
      assert.match((error.cause as Error).message, new RegExp(`^q: the column ${name} is `))
      assert.not.match((error.cause as Error).message, /secret/)
    }
  },
)

Values('reply.R1, reply.R2: what fits becomes the field, and NULL is none', () => {
  assert.equal(
    (
      [
        ['narrow', -(2n ** 31n)],
        ['narrow', null],
        ['unsigned', 5n],
        ['real', 3n],
        ['wide', 2.5],
        ['flag', 1n],
        ['at', '2026-01-02'],
        ['at', '2026-01-02 03:04'],
        ['at', '2026-01-02T03:04:05.1234Z'],
        ['list', '[1,2]'],
        ['list', null],
        ['colour', -5n],
        ['took', -1_500_000_000n],
        ['at', null],
      ] as const
    ).map(([name, value]) => answered(name, value)),
    [
      ...[
        -2147483648,
        0,
        '5',
        3,
        2.5,
        true,
        '2026-01-02T00:00:00Z',
        '2026-01-02T03:04:00Z',
        '2026-01-02T03:04:05.123400Z',
      ],
      ...[[1, 2], [], 'BLUE', '-1.500s', undefined],
    ],
  )
  for (const text of ['2026-02-30', '2026-01-01T25:00:00Z', '0000-01-01', '2026-01-01T00:00:00+01:00'])
    assert.is(momentOf(text), undefined)
})

Values('bytes that are not the message are told as such', () => {
  assert.throws(
    () => stored(Uint8Array.of(10, 5, 1)),
    (error: unknown) => error instanceof WireError,
  )
  // Seconds of a year that no timestamp has.
  const late = Uint8Array.of(0x92, 1, 7, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)
  assert.throws(() => stored(late), /a timestamp out of range/)
})

Values.run()
