// Guards the door for descriptors: what authors write loads right, and what strangers send is refused, all of it at once.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadSchema, SchemaError } from '../../host/schema/load.ts'
import type { Field, FieldType } from '../../host/schema/schema.ts'
import { protos } from '../support/protos.ts'

const { bytes, schema } = await protos({
  'all.proto': `syntax = "proto3"; package test.v1;
    import "cloudstate/entity_key.proto"; import "google/api/annotations.proto"; import "innkeeper/options.proto";
    service All {
      rpc Do(Request) returns (Reply) { option (google.api.http) = {
        put: "/a/{id}" body: "*" response_body: "id" additional_bindings { custom { kind: "*" path: "/b" } } }; }
      rpc Watch(stream Request) returns (stream Reply);
    }
    message Request {
      string id = 1 [(innkeeper.entity_key) = true];
      string cloud = 2 [(cloudstate.entity_key) = true];
      int64 legacy = 3 [(cloudstate.legacy_entity_key) = true];
      string not = 4 [(innkeeper.entity_key) = false];
      map<int32, Inner> by_number = 5;
      oneof choice { string left = 6; Inner right = 7; }
      optional int32 maybe = 8;
      repeated int32 packed = 9;
      repeated int32 expanded = 10 [packed = false];
      repeated string texts = 11;
      string renamed = 12 [json_name = "other"];
      Shade shade = 13;
      Inner inner = 14;
      message Inner { Inner again = 1; }
    }
    message Reply { string id = 1; }
    enum Shade { option allow_alias = true; SHADE_UNSPECIFIED = 0; DARK = 1; BLACK = 1; }`,
})
const request = schema.messages.get('test.v1.Request')!
const field = (name: string): Field => request.byName.get(name)!

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
/** A length-delimited field; parts are bytes, nested fields or text. */
const part = (number: number, ...content: readonly (readonly number[] | string)[]): number[] => {
  const inner = content.flatMap((item) => (typeof item === 'string' ? [...Buffer.from(item)] : item))
  return [...varint(number * 8 + 2), ...varint(inner.length), ...inner]
}
const int = (number: number, value: number): number[] => [...varint(number * 8), ...varint(value)]
const name = (text: string) => part(1, text)
const file = (...content: readonly number[][]) => part(1, name('a.proto'), part(12, 'proto3'), ...content)
const message = (called: string, ...content: readonly number[][]) => part(4, name(called), ...content)
const member = (called: string, number: number, type: number, ...more: readonly number[][]) =>
  part(2, name(called), int(3, number), int(4, 1), int(5, type), ...more)

function problems(...files: readonly number[][]): readonly string[] {
  try {
    loadSchema(Uint8Array.from(files.flat()))
  } catch (error) {
    if (error instanceof SchemaError) return error.problems
    throw error
  }
  assert.unreachable('nothing was refused')
  return []
}

function refuses(expected: RegExp, ...files: readonly number[][]): void {
  assert.match(problems(...files).join('\n'), expected)
}

/** Nothing but a SchemaError may come of any bytes. */
function survives(input: Uint8Array): void {
  try {
    loadSchema(input)
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    assert.ok(error.problems.length > 0 && error.problems.length <= 100)
  }
}

const Load = suite('schema')

Load('§key-1: all three options mark entity keys, and false does not', () => {
  assert.equal(
    request.fields.filter((item) => item.entityKey).map((item) => item.name),
    ['id', 'cloud', 'legacy'],
  )
})

Load('reads maps, oneofs, optional, packing and JSON names', () => {
  const map = field('by_number').type as Extract<FieldType, { kind: 'map' }>
  assert.equal([map.kind, map.key, map.value.kind, field('by_number').repeated], ['map', 'int32', 'message', false])
  assert.equal([field('left').oneof, field('right').oneof, field('maybe').oneof], ['choice', 'choice', undefined])
  assert.equal(
    ['id', 'left', 'maybe', 'inner', 'packed'].map((item) => field(item).presence),
    [false, true, true, true, false],
  )
  assert.equal(
    ['packed', 'expanded', 'texts'].map((item) => [field(item).repeated, field(item).packed]),
    [
      [true, true],
      [true, false],
      [true, false],
    ],
  )
  assert.is(request.byName.get('other'), field('renamed'))
  assert.is(request.byName.get('byNumber'), field('by_number'))
  assert.is(schema.enums.get('test.v1.Shade')!.byNumber.get(1), 'DARK')
  assert.is(schema.enums.get('test.v1.Shade')!.byName.get('BLACK'), 1)
})

Load('reads methods with their HTTP rules and streams', () => {
  const { methods } = schema.services.get('test.v1.All')!
  assert.equal(methods.get('Do')!.http, {
    ...{ selector: '', method: 'PUT', path: '/a/{id}', body: '*', responseBody: 'id' },
    additional: [{ selector: '', method: { custom: '*' }, path: '/b', body: '', responseBody: '', additional: [] }],
  })
  const watch = methods.get('Watch')!
  assert.equal([watch.clientStreaming, watch.serverStreaming, watch.http], [true, true, undefined])
})

Load('reads views, their columns and their queries; a name is kept as it was written', async () => {
  const { schema } = await protos({
    'view.proto': `syntax = "proto3"; package v.v1; import "innkeeper/options.proto";
      message Row { string id = 1 [(innkeeper.column) = { key: true }]; string b = 2 [(innkeeper.column) = { index: true name: "bee" }];
        string plain = 3; }
      service RowsView {
        option (innkeeper.view) = { row: "Row", from: ["v.v1.One", "v.v1.Two"] };
        rpc All(Row) returns (stream Row) { option (innkeeper.query) = { sql: "SELECT 1", live: true }; }
        rpc Other(Row) returns (Row);
      }
      service None { rpc Do(Row) returns (Row); }`,
  })
  const view = schema.services.get('v.v1.RowsView')!
  assert.equal(view.view, { row: 'Row', from: ['v.v1.One', 'v.v1.Two'] })
  assert.equal(view.methods.get('All')!.query, { sql: 'SELECT 1', live: true })
  assert.is(view.methods.get('Other')!.query, undefined)
  assert.is(schema.services.get('v.v1.None')!.view, undefined)
  assert.equal(
    schema.messages.get('v.v1.Row')!.fields.map(({ column }) => column),
    [{ key: true, index: false, name: '' }, { key: false, index: true, name: 'bee' }, undefined],
  )
})

Load('reads proto2 and edition 2023 with their own defaults', async () => {
  const old = await protos({
    'old.proto':
      'syntax = "proto2"; package o; message M { optional string a = 1; repeated int32 b = 2; required int32 c = 3; }',
  })
  const edition = await protos({
    'new.proto': `edition = "2023"; package n;
      message M { string a = 1; string b = 2 [features.field_presence = IMPLICIT]; repeated int32 c = 3;
        repeated int32 d = 4 [features.repeated_field_encoding = EXPANDED]; }`,
  })
  const facts = (fields: readonly Field[]) => fields.map(({ presence, packed }) => [presence, packed])
  assert.equal(facts(old.schema.messages.get('o.M')!.fields), [
    [true, false],
    [false, false],
    [true, false],
  ])
  assert.equal(facts(edition.schema.messages.get('n.M')!.fields), [
    [true, false],
    [false, false],
    [false, true],
    [false, false],
  ])
})

Load('load.L1, load.L2, schema.S1: every problem is reported at once, each naming its element', () => {
  const found = problems(
    file(
      part(3, 'missing.proto'),
      message('A', member('x', 1, 9), member('y', 1, 9), member('x', 2, 9), member('0', 3, 9)),
      message('Twice'),
      message('Twice'),
      message('a-b'),
      message('C', member('low', 0, 9), member('kept', 19_500, 9), member('odd', 5, 99)),
      message('D', member('m', 1, 11, part(6, '.no.Such')), member('e', 2, 14, part(6, '.no.Enum'))),
      message('E', member('g', 1, 10)),
      message('F', member('o', 1, 9, int(9, 3))),
      part(5, name('Empty')),
      part(6, name('S'), part(2, name('Do'), part(2, '.no.In'), part(3, '.no.Out'))),
    ),
  )
  for (const expected of [
    /^a.proto: imports missing.proto, which is not/,
    /^A.y: field number 1 is used twice/,
    /^A.x: is defined twice/,
    /^A: "0" is no identifier/,
    /^a.proto: Twice is declared twice/,
    /^a.proto: "a-b" is no identifier/,
    /^C.low: 0 is no legal field number/,
    /^C.kept: 19500 is no legal field number/,
    /^C.odd: has the unknown type 99/,
    /^D.m: refers to the message no.Such/,
    /^D.e: refers to the enum no.Enum/,
    /^E.g: is a group/,
    /^F.o: belongs to a oneof that is not there/,
    /^Empty: has no values/,
    /^S.Do: takes .no.In/,
    /^S.Do: returns .no.Out/,
  ]) {
    assert.ok(
      found.some((problem) => expected.test(problem)),
      `${expected} in\n${found.join('\n')}`,
    )
  }
})

Load('refuses files that are there twice, without a name, or of an unknown edition', () => {
  refuses(/a.proto: is defined twice/, file(), file())
  refuses(/needs a name/, part(1, part(12, 'proto3')))
  refuses(/has a package that is no name/, part(1, name('a.proto'), part(2, 'a..b')))
  refuses(/unknown edition/, part(1, name('a.proto'), part(12, 'proto4')))
  refuses(/unknown edition/, part(1, name('a.proto'), part(12, 'editions'), int(14, 99)))
})

Load('refuses maps that are none', () => {
  const entry = (...fields: readonly number[][]) =>
    file(
      message('M', member('m', 1, 11, part(6, '.M.E'), int(4, 3)), part(3, name('E'), ...fields, part(7, int(7, 1)))),
    )
  refuses(/is a map with a malformed entry/, entry())
  refuses(/is a map with a malformed entry/, entry(member('key', 1, 2), member('value', 2, 9)))
  refuses(/is a map whose values are lists or maps/, entry(member('key', 1, 9), member('value', 2, 9, int(4, 3))))
  refuses(
    /is a map whose values are lists or maps/,
    entry(member('key', 1, 9), member('value', 2, 11, part(6, '.M.E'))),
  )
})

Load('raw.R2: bounds depth, number and bytes of descriptors', () => {
  let deep = message('Deep')
  for (let depth = 0; depth < 40; depth++) deep = depth === 39 ? part(4, name('D'), deep) : part(3, name('D'), deep)
  refuses(/nested more than 32 deep/, file(deep))
  const tiny = part(4, part(2), part(2), part(2))
  refuses(/more than 50000 descriptors/, part(1, ...Array.from({ length: 20_000 }, () => tiny)))
  assert.match(
    (() => {
      try {
        loadSchema(new Uint8Array(4 * 1024 * 1024 + 1))
      } catch (error) {
        return (error as SchemaError).problems.join()
      }
      return ''
    })(),
    /4194304 are allowed/,
  )
})

Load('raw.R1: fields that are not known are skipped, wherever they stand', () => {
  const unknown = [
    ...int(900, 1),
    ...part(901, 'text'),
    ...varint(902 * 8 + 1),
    ...Array(8).fill(7),
    ...varint(903 * 8 + 5),
    1,
    2,
    3,
    4,
  ]
  const of = (...more: readonly number[][]) =>
    loadSchema(Uint8Array.from([...file(message('M', member('m', 1, 9, ...more), ...more), ...more), ...more.flat()]))
      .messages
  assert.equal(of(unknown), of())
})

Load('names that mean something to JavaScript are names like others', () => {
  const odd = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  const loaded = loadSchema(
    Uint8Array.from(file(...odd.map((text) => message(text, ...odd.map((inner, at) => member(inner, at + 1, 9)))))),
  )
  for (const text of odd) assert.is(loaded.messages.get(text)!.byName.get('__proto__')!.number, 1)
})

Load('cut anywhere, a descriptor set is loaded or refused, never worse', () => {
  for (let end = 0; end < bytes.length; end += 7) survives(bytes.subarray(0, end))
})

Load('bytes changed anywhere are loaded or refused, never worse', () => {
  const change = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const copy = Uint8Array.from(bytes)
      for (const { at, value } of changes) copy[at] = value
      survives(copy)
    }),
    { numRuns: 1_000 },
  )
})

Load('random bytes are loaded or refused, never worse', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), survives), { numRuns: 2_000 })
})

Load.run()
