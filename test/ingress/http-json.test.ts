// Guards the tables of HTTP/JSON transcoding (§request, §answer) for answers in one piece: what fills the request, what is refused and
// how, and what the answer looks like.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadSchema } from '../../host/schema/load.ts'
import type { MessageType } from '../../host/schema/schema.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { http } from '../support/host.ts'
import { fakeHost } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const proto = `syntax = "proto3";
package test.table.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "innkeeper/options.proto";
enum Shade { SHADE_UNSPECIFIED = 0; SHADE_DARK = 1; SHADE_LIGHT = -2; }
message Inner { string text = 1; int64 big_number = 2; repeated string tags = 3; Inner inner = 4; }
message All {
  string text = 1; int32 i32 = 2; int64 i64 = 3; uint32 u32 = 4; uint64 u64 = 5; sint32 s32 = 6; sint64 s64 = 7;
  fixed32 f32 = 8; fixed64 f64 = 9; float flt = 10; double dbl = 11; bool flag = 12; bytes raw = 13; Shade shade = 14;
  Inner inner = 15; repeated int32 many = 16; repeated Shade shades = 17; map<string, int32> table = 18;
  google.protobuf.Timestamp at = 19; optional int32 maybe = 20; string two_words = 21; repeated Inner inners = 22;
  oneof choice { string left = 23; int32 right = 24; }
}
message Known {
  string id = 1 [(innkeeper.entity_key) = true];
  google.protobuf.FieldMask mask = 2; google.protobuf.Timestamp at = 3; google.protobuf.Duration took = 4;
  google.protobuf.Int64Value big = 5; google.protobuf.BoolValue open = 6; google.protobuf.StringValue author = 7;
  google.protobuf.BytesValue raw = 8; google.protobuf.DoubleValue share = 9; repeated google.protobuf.Timestamp times = 10;
  int32 number = 11; repeated string tags = 12; map<string, int32> table = 13;
  google.api.HttpBody file = 14; google.protobuf.UInt32Value small = 15;
}
service Odd {
  rpc Look(Known) returns (Known) { option (google.api.http) = { get: "/known/{id}" additional_bindings { get: "/until/{at}/{open}" } }; }
  rpc Deep(Known) returns (Known) { option (google.api.http) = { get: "/known/{id}/deep" }; }
  rpc Pin(Known) returns (Known) { option (google.api.http) = { post: "/known/{id}:pin" body: "*" additional_bindings { put: "/known/{id}" body: "*" } }; }
  rpc Number(Known) returns (Known) { option (google.api.http) = { put: "/known/{id}/number" body: "number" }; }
  rpc Tags(Known) returns (Known) { option (google.api.http) = { put: "/known/{id}/tags" body: "tags" }; }
  rpc Entries(Known) returns (Known) { option (google.api.http) = { put: "/known/{id}/table" body: "table" }; }
  rpc Author(Known) returns (Known) { option (google.api.http) = { put: "/known/{id}/author" body: "author" }; }
  rpc Upload(Known) returns (Known) { option (google.api.http) = { put: "/known/{id}/file" body: "file" }; }
}
service Table {
  rpc Query(All) returns (All) { option (google.api.http) = { get: "/query/{text}" }; }
  rpc Whole(All) returns (All) { option (google.api.http) = { post: "/whole/{text}" body: "*" additional_bindings { put: "/whole" body: "*" } additional_bindings { patch: "/whole" body: "*" } }; }
  rpc Part(All) returns (All) { option (google.api.http) = { post: "/part/{text}" body: "inner" }; }
  rpc Nested(All) returns (All) { option (google.api.http) = { get: "/nested/{inner.text}/{i64}" }; }
  rpc Typed(All) returns (All) { option (google.api.http) = { get: "/typed/{i32}/{flag}/{raw}/{dbl}" }; }
  rpc Shaded(All) returns (All) { option (google.api.http) = { get: "/shaded/{shade}" }; }
  rpc Rest(All) returns (All) { option (google.api.http) = { get: "/rest/{text=**}" }; }
  rpc Verb(All) returns (All) { option (google.api.http) = { post: "/verb/{text}:run" }; }
  rpc Any(All) returns (All) { option (google.api.http) = { custom { kind: "*" path: "/any/{text}" } }; }
  rpc Text(All) returns (All) { option (google.api.http) = { get: "/only/text/{text}" response_body: "text" }; }
  rpc Big(All) returns (All) { option (google.api.http) = { get: "/only/big" response_body: "i64" }; }
  rpc Raw(All) returns (All) { option (google.api.http) = { get: "/only/raw" response_body: "raw" }; }
  rpc Flag(All) returns (All) { option (google.api.http) = { get: "/only/flag" response_body: "flag" }; }
  rpc Color(All) returns (All) { option (google.api.http) = { get: "/only/shade" response_body: "shade" }; }
  rpc One(All) returns (All) { option (google.api.http) = { post: "/only/inner" body: "*" response_body: "inner" }; }
  rpc Several(All) returns (All) { option (google.api.http) = { post: "/only/inners" body: "*" response_body: "inners" }; }
  rpc Map(All) returns (All) { option (google.api.http) = { post: "/only/table" body: "*" response_body: "table" }; }
  rpc Generated(All) returns (All);
  rpc Body(google.api.HttpBody) returns (google.api.HttpBody) { option (google.api.http) = { post: "/body" body: "*" }; }
}
`
const { bytes } = await protos({ 'table.proto': proto })
const schema = loadSchema(bytes)
const host = await fakeHost(schema, ['test.table.v1.Table', 'test.table.v1.Odd'])
const all = schema.messages.get('test.table.v1.All')!
const known = schema.messages.get('test.table.v1.Known')!
/** The request that the last call came to, as JSON without its defaults. */
let asked: Record<string, Json> = {}
host.onDispatch = (command, reply) => {
  const { input } = schema.services.get(command.service)!.methods.get(command.method)!
  asked = input === all || input === known ? brief(JSON.parse(toJson(schema, input, command.payload))) : {}
  reply({ kind: 'reply', payload: command.payload, metadata: [] })
}
const defaultsOf = (type: MessageType) => JSON.parse(toJson(schema, type, new Uint8Array())) as Record<string, Json>
const defaults = defaultsOf(all)
const anyDefaults = { ...defaultsOf(known), ...defaults }
function brief(json: Record<string, Json>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(json).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(anyDefaults[key])),
  )
}
const at = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  http(host.address, method, path, body, headers)
/** What the request became. */
async function fills(method: string, path: string, body: unknown, expected: Record<string, Json>): Promise<void> {
  const { status, text } = await at(method, path, body)
  assert.is(status, 200, `${path}: ${text}`)
  assert.equal(asked, expected, path)
}
async function refuses(method: string, path: string, body: unknown, message: string | RegExp): Promise<void> {
  const { status, json, headers } = await at(method, path, body)
  assert.equal([status, json?.code, json?.details], [400, 3, []], `${path}: ${JSON.stringify(json)}`)
  assert.is(headers.get('content-type'), 'application/json')
  if (typeof message === 'string') assert.is(json.message, message)
  else assert.match(json.message, message)
}

const Request = suite('requests over HTTP/JSON')

Request(
  '§request-1, call.J3: without a body all query parameters apply, by field name, and the path wins',
  async () => {
    await fills('GET', '/query/a', undefined, { text: 'a' })
    await fills('GET', '/query/a?text=b', undefined, { text: 'a' })
    await fills('GET', '/query/a?i32=-5&i64=-9223372036854775808&u32=4294967295&u64=18446744073709551615', undefined, {
      text: 'a',
      i32: -5,
      i64: '-9223372036854775808',
      u32: 4294967295,
      u64: '18446744073709551615',
    })
    await fills('GET', '/query/a?flt=1.5&dbl=-2.5e10&s32=-1&s64=-1&f32=7&f64=8', undefined, {
      text: 'a',
      flt: 1.5,
      dbl: -25000000000,
      s32: -1,
      s64: '-1',
      f32: 7,
      f64: '8',
    })
    for (const yes of ['true', 'TRUE', 'True'])
      await fills('GET', `/query/a?flag=${yes}`, undefined, { text: 'a', flag: true })
    await fills('GET', '/query/a?flag=FALSE', undefined, { text: 'a' })
    await fills('GET', '/query/a?raw=AQI%3D', undefined, { text: 'a', raw: 'AQI=' })
    await fills('GET', '/query/a?two_words=x+y%20z%2B', undefined, { text: 'a', twoWords: 'x y z+' })
    await fills('GET', '/query/a?many=1&many=2&many=3', undefined, { text: 'a', many: [1, 2, 3] })
    await fills('GET', '/query/a?maybe=0', undefined, { text: 'a', maybe: 0 })
    await fills('GET', '/query/a?right=0', undefined, { text: 'a', right: 0 })
    await fills('GET', '/query/a?', undefined, { text: 'a' })
    await fills('GET', '/query/a?&&', undefined, { text: 'a' })
  },
)

Request('§request-3: dotted names and enums in the query work, by name and by number', async () => {
  await fills(
    'GET',
    '/query/a?inner.text=b&inner.big_number=7&inner.tags=x&inner.tags=y&inner.inner.text=c',
    undefined,
    {
      text: 'a',
      inner: { text: 'b', bigNumber: '7', tags: ['x', 'y'], inner: { text: 'c', bigNumber: '0', tags: [] } },
    },
  )
  await fills('GET', '/query/a?shade=SHADE_DARK', undefined, { text: 'a', shade: 'SHADE_DARK' })
  await fills('GET', '/query/a?shade=1', undefined, { text: 'a', shade: 'SHADE_DARK' })
  await fills('GET', '/query/a?shade=-2', undefined, { text: 'a', shade: 'SHADE_LIGHT' })
  await fills('GET', '/query/a?shades=SHADE_DARK&shades=0', undefined, {
    text: 'a',
    shades: ['SHADE_DARK', 'SHADE_UNSPECIFIED'],
  })
  await fills('GET', '/shaded/SHADE_DARK', undefined, { shade: 'SHADE_DARK' })
  await fills('GET', '/shaded/1', undefined, { shade: 'SHADE_DARK' })
  await fills('GET', '/nested/x/5', undefined, { inner: { text: 'x', bigNumber: '0', tags: [] }, i64: '5' })
  await fills('GET', '/nested/x/5?inner.big_number=3&inner.text=lost', undefined, {
    inner: { text: 'x', bigNumber: '3', tags: [] },
    i64: '5',
  })
})

Request('§request-3: what is wrong in the query is 400, and says where', async () => {
  await refuses('GET', '/query/a?nothing=1', undefined, /nothing: unknown field of test.table.v1.All/)
  await refuses('GET', '/query/a?inner=1', undefined, /inner: a message cannot be given in the query/)
  await refuses('GET', '/query/a?at=2020-02-30T00:00:00Z', undefined, /at: expected a timestamp/)
  await refuses('GET', '/query/a?table=1', undefined, /table: a message cannot be given/)
  await refuses('GET', '/query/a?inner.nothing=1', undefined, /inner.nothing"\]: unknown field/)
  await refuses('GET', '/query/a?text.nothing=1', undefined, /text.nothing"\]: text is not a single message/)
  await refuses(
    'GET',
    '/query/a?inners.text=1',
    undefined,
    /inners.text"\]: inners is not a single message.*send it in the body/,
  )
  await refuses('GET', '/query/a?inner.tags.x=1', undefined, /tags is not a single message/)
  await refuses('GET', '/query/a?table.x=1', undefined, /table is not a single message/)
  await refuses('GET', '/query/a?i32=1&i32=2', undefined, '$.i32: given several times')
  await refuses('GET', '/nested/x/5?inner.big_number=3&inner.bigNumber=4', undefined, /given several times/)
  await refuses('GET', '/query/a?i32=many', undefined, '$.i32: expected int32')
  await refuses('GET', '/query/a?i32=2147483648', undefined, '$.i32: out of range for int32')
  await refuses('GET', '/query/a?u32=-1', undefined, '$.u32: out of range for uint32')
  await refuses('GET', '/query/a?i64=9223372036854775808', undefined, '$.i64: out of range for int64')
  await refuses('GET', '/query/a?i32=', undefined, '$.i32: expected int32')
  await refuses('GET', '/query/a?i32=1.5', undefined, '$.i32: expected int32')
  await refuses('GET', '/query/a?flag=yes', undefined, '$.flag: expected bool')
  await refuses('GET', '/query/a?flag=', undefined, '$.flag: expected bool')
  await refuses('GET', '/query/a?raw=*', undefined, /^\$\.raw: /)
  await refuses('GET', '/query/a?shade=PINK', undefined, /^\$\.shade: /)
  await refuses('GET', '/query/a?many=1&many=x', undefined, '$.many[1]: expected int32')
  await refuses('GET', '/query/a?left=1&right=2', undefined, /choice|left|right/)
})

Request(
  '§request-2, call.J3: path values are percent-decoded, a plus stays a plus, and a wrong type is 400',
  async () => {
    await fills('GET', '/query/a%20b%2Fc%25%C3%BC', undefined, { text: 'a b/c%ü' })
    await fills('GET', '/query/a+b', undefined, { text: 'a+b' })
    await fills('GET', '/query/', undefined, {})
    await fills('GET', '/rest/a/b%2Fc/d', undefined, { text: 'a/b/c/d' })
    await fills('GET', '/rest/', undefined, {})
    await fills('GET', '/typed/-7/True/AQI%3D/1e3', undefined, { i32: -7, flag: true, raw: 'AQI=', dbl: 1000 })
    await fills('POST', '/verb/x:run', undefined, { text: 'x' })
    await refuses('GET', '/typed/x/true/AQI=/1', undefined, '$.i32: expected int32')
    await refuses('GET', '/typed/1/maybe/AQI=/1', undefined, '$.flag: expected bool')
    await refuses('GET', '/typed/1/true/AQI=/x', undefined, '$.dbl: expected double')
    await refuses('GET', '/nested/x/many', undefined, '$.i64: expected int64')
    await refuses('GET', '/query/%zz', undefined, /malformed escape/)
    await refuses('GET', '/query/%ff', undefined, /malformed escape/)
    assert.is((await at('GET', '/query/a/b')).status, 404)
    assert.is((await at('POST', '/verb/x')).status, 404)
    assert.is((await at('POST', '/verb/x:walk')).status, 404)
  },
)

Request('§request-1: with body "*" the query is ignored and the path wins over the body', async () => {
  await fills('POST', '/whole/a', { text: 'lost', i32: 1 }, { text: 'a', i32: 1 })
  await fills('POST', '/whole/a?i32=7&nonsense=1', {}, { text: 'a' })
  await fills('PUT', '/whole', { text: 'b', two_words: 'x' }, { text: 'b', twoWords: 'x' })
  await fills('PATCH', '/whole', { twoWords: 'x' }, { twoWords: 'x' })
  await fills('POST', '/test.table.v1.Table/Generated', { i64: 5 }, { i64: '5' })
  await fills(
    'POST',
    '/whole/a',
    { i64: '5', u64: 6, dbl: 'NaN', flt: '-Infinity', raw: 'AQI', at: '2020-01-01T00:00:00.5Z' },
    {
      text: 'a',
      i64: '5',
      u64: '6',
      dbl: 'NaN',
      flt: '-Infinity',
      raw: 'AQI=',
      at: '2020-01-01T00:00:00.500Z',
    },
  )
  await fills(
    'POST',
    '/whole/a',
    { table: { x: 1 }, shades: [1, 'SHADE_DARK'], inners: [{}], i32: null },
    {
      text: 'a',
      table: { x: 1 },
      shades: ['SHADE_DARK', 'SHADE_DARK'],
      inners: [{ text: '', bigNumber: '0', tags: [] }],
    },
  )
})

Request('§request-1: with a field as body the rest comes from path and query', async () => {
  await fills(
    'POST',
    '/part/a?i32=3',
    { text: 'in', bigNumber: 4 },
    { text: 'a', i32: 3, inner: { text: 'in', bigNumber: '4', tags: [] } },
  )
  await fills('POST', '/part/a', {}, { text: 'a', inner: { text: '', bigNumber: '0', tags: [] } })
  await refuses('POST', '/part/a', { nothing: 1 }, /^\$\.inner\.nothing: unknown field/)
  await refuses('POST', '/part/a?nothing=1', {}, /nothing: unknown field/)
})

Request('§request-8: messages whose JSON is one text or number stand in paths and queries', async () => {
  for (const [query, expected] of [
    ['mask=title,body_text', { mask: 'title,bodyText' }],
    ['mask=bodyText', { mask: 'bodyText' }],
    ['at=2026-01-02T03:04:05.5Z', { at: '2026-01-02T03:04:05.500Z' }],
    ['took=1.5s', { took: '1.500s' }],
    ['big=9007199254740993', { big: '9007199254740993' }],
    ['open=FALSE&author=', { open: false, author: '' }],
    ['raw=AQI&share=0.25&small=0', { raw: 'AQI=', share: 0.25, small: 0 }],
    [
      'times=2026-01-02T03:04:05Z&times=2026-01-03T03:04:05Z',
      { times: ['2026-01-02T03:04:05Z', '2026-01-03T03:04:05Z'] },
    ],
  ] as const)
    await fills('GET', `/known/x?${query}`, undefined, { id: 'x', ...expected } as unknown as Record<string, Json>)
  await fills('GET', '/until/2026-01-02T03:04:05Z/true', undefined, { at: '2026-01-02T03:04:05Z', open: true })
  await refuses('GET', '/known/x?at=yesterday', undefined, /^\$\.at: expected a timestamp/)
  await refuses('GET', '/known/x?small=-1', undefined, '$.small: out of range for uint32')
  await refuses('GET', '/known/x?open=1', undefined, '$.open: expected bool')
  await refuses('GET', '/known/x?file=1', undefined, /file: a message cannot be given in the query/)
})

Request('§rule-4, §rule-5: an id may have colons, and what has a verb of some rule goes there', async () => {
  for (const id of ['urn:isbn:1', 'a:', ':', 'a:other']) await fills('GET', `/known/${id}`, undefined, { id })
  await fills('GET', '/known/urn:x:1/deep', undefined, { id: 'urn:x:1' })
  await fills('POST', '/known/urn:x:1:pin', {}, { id: 'urn:x:1' })
  await fills('GET', '/known/x:pin', undefined, { id: 'x:pin' })
  await fills('POST', '/known/a%3Ab%2Fc:pin', {}, { id: 'a:b/c' })
})

Request('§rule-6: HEAD is a GET without its body', async () => {
  const head = await fetch(`http://${host.address}/known/x`, { method: 'HEAD' })
  const get = await fetch(`http://${host.address}/known/x`)
  assert.equal([head.status, await head.text()], [200, ''])
  for (const name of ['content-type', 'content-length']) assert.is(head.headers.get(name), get.headers.get(name), name)
  await get.text()
  assert.is((await fetch(`http://${host.address}/openapi.json`, { method: 'HEAD' })).status, 200)
  assert.is((await fetch(`http://${host.address}/whole`, { method: 'HEAD' })).status, 405)
})

Request('§rule-2: a body may be one field of any type', async () => {
  await fills('PUT', '/known/x/number', '5', { id: 'x', number: 5 })
  await fills('PUT', '/known/x/tags', '["a","b"]', { id: 'x', tags: ['a', 'b'] })
  await fills('PUT', '/known/x/table', '{"a":1}', { id: 'x', table: { a: 1 } })
  await fills('PUT', '/known/x/author', '"me"', { id: 'x', author: 'me' })
  await refuses('PUT', '/known/x/tags', '{}', '$.tags: expected an array')
  await refuses('PUT', '/known/x/number', '"many"', '$.number: expected int32')
  const { status, json } = await at('PUT', '/known/x/file', 'a,b', { 'content-type': 'text/csv' })
  assert.equal([status, json.file], [200, { contentType: 'text/csv', data: 'YSxi', extensions: [] }])
})

Request('§request-4: no body, and an empty one, is a message without anything in it', async () => {
  for (const [method, path] of [
    ['POST', '/known/x:pin'],
    ['PUT', '/known/x/number'],
    ['PUT', '/known/x/tags'],
  ] as const) {
    const bare = await fetch(`http://${host.address}${path}`, { method })
    assert.is(bare.status, 200, await bare.text())
    assert.equal(asked, { id: 'x' })
    const typed = await fetch(`http://${host.address}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
    })
    assert.is(typed.status, 200, await typed.text())
  }
  const type = { 'content-type': 'text/plain' }
  assert.is((await fetch(`http://${host.address}/known/x:pin`, { method: 'POST', headers: type })).status, 400)
})

Request('§request-4: a page of another origin sends JSON, for which its browser asks before, or nothing', async () => {
  const from = async (origin: string, headers: Record<string, string> = {}, path = '/known/x:pin') =>
    (await at('POST', path, undefined, { origin, ...headers })).status
  assert.is(await from('http://evil.example'), 400)
  assert.is(await from('null'), 400)
  assert.is(await from(`http://${host.address}`), 200)
  assert.is(
    (await at('POST', '/body', 'x', { origin: 'http://evil.example', 'content-type': 'text/plain' })).status,
    400,
  )
})

Request('§request-10: a path and a body that name different entities name none', async () => {
  await fills('PUT', '/known/x', { id: 'x', number: 1 }, { id: 'x', number: 1 })
  await fills('PUT', '/known/x', { id: '', number: 1 }, { id: 'x', number: 1 })
  await fills('PUT', '/known/x', { id: null, number: 1 }, { id: 'x', number: 1 })
  await refuses('PUT', '/known/x', { id: 'y' }, '$.id: the path names another entity')
  await refuses('PUT', '/known/x', { id: 5 }, '$.id: expected string')
  await refuses('GET', '/known/x?id=y', undefined, '$.id: the path names another entity')
})

Request('§request-5: numbers keep each digit, and a name is there once', async () => {
  await fills('PUT', '/known/x', '{"big":9007199254740993}', { id: 'x', big: '9007199254740993' })
  await fills('POST', '/whole/a', '{"u64":18446744073709551615,"i64":-9223372036854775808}', {
    text: 'a',
    u64: '18446744073709551615',
    i64: '-9223372036854775808',
  })
  await fills('POST', '/whole/a', '{"i64":"12e1","i32":1.20e2,"u32":"1.0"}', {
    text: 'a',
    i64: '120',
    i32: 120,
    u32: 1,
  })
  await refuses('POST', '/whole/a', '{"i64":9223372036854775808}', '$.i64: out of range for int64')
  await refuses('POST', '/whole/a', '{"dbl":1e400}', '$.dbl: out of range for double')
  await refuses('POST', '/whole/a', '{"i32":1,"i32":2}', /an object has the name "i32" twice, at character 10/)
  await refuses('POST', '/whole/a', '{"table":{"a":1,"a":2}}', /has the name "a" twice/)
})

Request('§request-6: what is wrong in a body is 400, and says where', async () => {
  await refuses('POST', '/whole/a', { nothing: 1 }, /^\$\.nothing: unknown field/)
  await refuses('POST', '/whole/a', { inners: [{}, { tags: ['a', 1] }] }, '$.inners[1].tags[1]: expected string')
  await refuses('POST', '/whole/a', { table: { x: 'many' } }, /^\$\.table/)
  await refuses('PUT', '/whole', { text: 1 }, '$.text: expected string')
  await refuses('POST', '/whole/a', { text: 'a', many: 5 }, /^\$\.many: /)
  await refuses('POST', '/whole/a', { at: 'yesterday' }, /^\$\.at: /)
  await refuses('POST', '/whole/a', { i32: true }, '$.i32: expected int32')
  await refuses('POST', '/whole/a', { left: 'a', right: 1 }, /choice|right|left/)
  await refuses('POST', '/whole/a', '[]', /^\$: expected an object/)
  await refuses('POST', '/whole/a', 'null', /^\$: /)
  await refuses('POST', '/whole/a', '{"text":', /^\$: malformed JSON/)
  await refuses('POST', '/whole/a', '{} {}', /^\$: malformed JSON/)
})

Request('errors.E3: what is wrong is told in one line, whatever lines the body has', async () => {
  for (const body of ['{"text":\n\n}', '{\r\n"text"\r\n}', '"\n"', '\u2028', { 'a\nb': 1 }, { text: 'a', i32: 'x\ny' }])
    await refuses('POST', '/whole/a', body, /^\$[^\s:]*: [^\r\n\u2028]+$/)
})

Request('§request-4: a body needs application/json, in utf-8; where none is used none is asked for', async () => {
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'Application/JSON',
  ])
    assert.is((await at('POST', '/whole/a', '{}', { 'content-type': type })).status, 200, type)
  for (const type of [
    'text/plain',
    'application/json; charset=latin1',
    'application/jsonx',
    'application/x-www-form-urlencoded',
  ]) {
    const { status, json } = await at('POST', '/whole/a', '{}', { 'content-type': type })
    assert.equal([status, json.code], [400, 3], type)
  }
  for (const type of ['application/vnd.example.v2+json', 'application/merge-patch+json; charset=utf-8'])
    assert.is((await at('POST', '/whole/a', '{}', { 'content-type': type })).status, 200, type)
  for (const type of ['application/proto', 'application/connect+json', 'application/x-protobuf'])
    assert.is((await at('POST', '/whole/a', '{}', { 'content-type': type })).status, 415, type)
  assert.is((await at('POST', '/verb/x:run', 'anything', { 'content-type': 'text/plain' })).status, 200)
  assert.is((await at('POST', '/whole/a', Buffer.from([0x7b, 0xff, 0x7d]))).status, 400)
})

Request(
  '§rule-6, §refusal-6, call.J1: an unknown path is 404, a known one with another method 405 with Allow, and custom "*" takes all',
  async () => {
    const unknown = await at('GET', '/nowhere')
    assert.equal(
      [unknown.status, unknown.json.code, unknown.headers.get('content-type')],
      [404, 12, 'application/json'],
    )
    const wrong = await at('DELETE', '/whole')
    assert.equal([wrong.status, wrong.json.code, wrong.headers.get('allow')], [405, 12, 'PATCH, PUT'])
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])
      await fills(method, '/any/x', undefined, { text: 'x' })
    assert.is((await at('POST', '/test.table.v1.Table/Query', {})).status, 404)
  },
)

const Response = suite('answers over HTTP/JSON')

Response(
  '§answer-1: an answer is proto3 JSON with its defaults, without white space, application/json exactly',
  async () => {
    const { text, headers, json } = await at('POST', '/whole/a', { i64: 1, shade: 1 })
    assert.is(headers.get('content-type'), 'application/json')
    assert.is(Number(headers.get('content-length')), Buffer.byteLength(text))
    assert.not.match(text, /\s/)
    assert.equal(json, { ...defaults, text: 'a', i64: '1', shade: 'SHADE_DARK' })
    assert.equal(defaults, {
      text: '',
      i32: 0,
      i64: '0',
      u32: 0,
      u64: '0',
      s32: 0,
      s64: '0',
      f32: 0,
      f64: '0',
      flt: 0,
      dbl: 0,
      flag: false,
      raw: '',
      shade: 'SHADE_UNSPECIFIED',
      many: [],
      shades: [],
      table: {},
      twoWords: '',
      inners: [],
    })
  },
)

Response('§answer-2: response_body is that field alone, in the form that it has in the whole', async () => {
  assert.is((await at('GET', '/only/text/x%22y')).text, '"x\\"y"')
  assert.is((await at('GET', '/only/text/')).text, '""')
  assert.is((await at('GET', '/only/big?i64=9007199254740993')).text, '"9007199254740993"')
  assert.is((await at('GET', '/only/big')).text, '"0"')
  assert.is((await at('GET', '/only/raw?raw=AQI%3D')).text, '"AQI="')
  assert.is((await at('GET', '/only/flag?flag=true')).text, 'true')
  assert.is((await at('GET', '/only/flag')).text, 'false')
  assert.is((await at('GET', '/only/shade?shade=1')).text, '"SHADE_DARK"')
  assert.is((await at('POST', '/only/inner', { inner: { text: 'a' } })).text, '{"text":"a","bigNumber":"0","tags":[]}')
  assert.is(
    (await at('POST', '/only/inners', { inners: [{}, { tags: ['x'] }] })).text,
    '[{"text":"","bigNumber":"0","tags":[]},{"text":"","bigNumber":"0","tags":["x"]}]',
  )
  assert.is((await at('POST', '/only/inners', {})).text, '[]')
  assert.is((await at('POST', '/only/table', { table: { a: 1 } })).text, '{"a":1}')
  for (const path of ['/only/text/x', '/only/big', '/only/flag'])
    assert.is((await at('GET', path)).headers.get('content-type'), 'application/json')
})

Response('§answer-3, §request-9: google.api.HttpBody is its bytes with its content type, both ways', async () => {
  const csv = await at('POST', '/body', 'a,b\n', { 'content-type': 'text/csv' })
  assert.equal([csv.status, csv.headers.get('content-type'), csv.text], [200, 'text/csv', 'a,b\n'])
  const json = await at('POST', '/body', '{"a":', { 'content-type': 'application/json' })
  assert.equal([json.status, json.headers.get('content-type'), json.text], [200, 'application/json', '{"a":'])
  const bare = await at('POST', '/body', Buffer.from([1, 2]), { 'content-type': '' })
  assert.equal([bare.status, bare.text], [200, '\x01\x02'])
  const nothing = await at('POST', '/body', '', { 'content-type': 'text/csv' })
  assert.equal([nothing.status, nothing.headers.get('content-type'), nothing.text], [200, 'text/csv', ''])
})

Response(
  '§refusal-1: each code has its canonical HTTP status, and the body says code, message and details',
  async () => {
    const statuses = [499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]
    const before = host.onDispatch
    for (const [index, expected] of statuses.entries()) {
      const code = index + 1
      const detail = {
        typeName: 'test.table.v1.Inner',
        data: toMessage(schema, schema.messages.get('test.table.v1.Inner')!, { text: 'x' }),
      }
      const unknown = { typeName: 'not.known', data: new Uint8Array([1, 2]) }
      host.onDispatch = (_command, reply) =>
        reply({
          kind: 'refusal',
          failure: { code, message: 'no "way"', details: [detail, unknown] },
          metadata: [['x-why', 'because']],
        })
      const { status, json, headers } = await at('GET', '/query/a')
      assert.equal(
        [status, headers.get('content-type'), headers.get('x-why')],
        [expected, 'application/json', 'because'],
      )
      assert.equal(json, {
        code,
        message: 'no "way"',
        details: [
          { '@type': 'type.googleapis.com/test.table.v1.Inner', text: 'x', bigNumber: '0', tags: [] },
          { '@type': 'type.googleapis.com/not.known', value: 'AQI=' },
        ],
      })
    }
    host.onDispatch = before
  },
)

Response.after(async () => {
  await host.ingress.close(0)
})

Request.run()
Response.run()
