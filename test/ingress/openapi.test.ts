// Guards the OpenAPI document: valid by the official schema of OpenAPI 3.1, with every rule, and always that of what is deployed.

import { Validator } from '@seriousme/openapi-schema-validator'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openApi } from '../../host/ingress/http/openapi.ts'
import { Routes } from '../../host/ingress/http/routes.ts'
import type { Field, MessageType, Schema } from '../../host/schema/schema.ts'
import type { Service } from '../../host/services.ts'
import { http } from '../support/host.ts'
import { fakeHost, fakeService, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const shapes = (types: string, methods: string, packageName = 'test.shapes.v1') => `syntax = "proto3";
package ${packageName};
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
${types}
service Shapes { ${methods} }
`
const everything = `
enum Shade { DARK = 0; LIGHT = 1; }
message Tree { string name = 1; repeated Tree children = 2; Tree parent = 3; }
message All {
  string id = 1; int32 small = 2; int64 big = 3; uint32 positive = 4; uint64 large = 5; double real = 6; bool yes = 7;
  bytes raw = 8; Shade shade = 9; repeated string tags = 10; map<string, Tree> trees = 11; Tree tree = 12;
  oneof choice { string text = 13; int32 number = 14; }
  oneof other { bool left = 15; Tree right = 16; }
  google.protobuf.Timestamp at = 17; google.protobuf.Duration took = 18; google.protobuf.Any any = 19;
  google.protobuf.Struct struct = 20; google.protobuf.Value value = 21; google.protobuf.ListValue list = 22;
  google.protobuf.FieldMask mask = 23; google.protobuf.Int64Value wrapped = 24; google.protobuf.NullValue nothing = 25;
  google.protobuf.Empty empty = 26; optional int32 maybe_small = 27; google.api.HttpBody body = 28;
}`
const methods = `
  rpc Plain(All) returns (All);
  rpc Get(All) returns (All) { option (google.api.http) = { get: "/shapes/{id}" }; }
  rpc Put(All) returns (All) { option (google.api.http) = { put: "/shapes/{text}" body: "tree" }; }
  rpc Verb(All) returns (All) { option (google.api.http) = { post: "/shapes/{tree.name}:verb" body: "*" additional_bindings { get: "/verb/{id}" } }; }
  rpc Deep(All) returns (All) { option (google.api.http) = { get: "/deep/{id=a/*/b/*}" }; }
  rpc Rest(All) returns (All) { option (google.api.http) = { get: "/rest/{id=**}" additional_bindings { get: "/wild/*/**" } }; }
  rpc Any(All) returns (All) { option (google.api.http) = { custom: { kind: "*" path: "/any" } }; }
  rpc Part(All) returns (All) { option (google.api.http) = { get: "/part" response_body: "trees" }; }
  rpc File(All) returns (google.api.HttpBody) { option (google.api.http) = { get: "/file" }; }
  rpc Hidden(All) returns (All) { option (google.api.http) = { get: "/twice" }; }
  rpc Shown(All) returns (Tree) { option (google.api.http) = { get: "/twice" }; }
`
const { schema: shapesSchema } = await protos({ 'shapes.proto': shapes(everything, methods) })
const { schema: streamsSchema } = await protos({ 'streams.proto': streamsProto })

// biome-ignore lint/suspicious/noExplicitAny: what tests look at is what they assert
type Document = any

/** The document, and how often it looked a name up on the way: what it takes grows with that. */
function counted(routes: Routes): { document: Document; steps: number; lookups: number } {
  const { has } = Set.prototype
  let lookups = 0
  let steps = 0
  Set.prototype.has = function (value) {
    lookups += 1
    return has.call(this, value)
  }
  try {
    const work = openApi(routes)
    for (let made = work.next(); ; made = work.next()) {
      if (made.done) return { document: JSON.parse(made.value.toString()), steps, lookups }
      steps += 1
    }
  } finally {
    Set.prototype.has = has
  }
}

function read(routes: Routes): Document {
  return counted(routes).document
}

function documentOf(...services: readonly [schema: Schema, name: string][]): Document {
  const all = services.map(([schema, name]) => [name, fakeService(schema, name)] as const)
  return read(new Routes({ unserved: new Map(), services: new Map(all) }))
}

async function isValid(document: Document): Promise<void> {
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  assert.ok(valid, JSON.stringify(errors)?.slice(0, 2_000))
  const ids = Object.values<Document>(document.paths).flatMap((item) =>
    Object.values<Document>(item).map(({ operationId }) => operationId),
  )
  assert.is(new Set(ids).size, ids.length)
  for (const [, name] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    assert.ok(document.components.schemas[name!], name)
}

const shapesName = 'test.shapes.v1.Shapes'
const streamsName = 'test.streams.v1.Streams'
const document = documentOf([shapesSchema, shapesName], [streamsSchema, streamsName])
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const all = document.components.schemas['test.shapes.v1.All'].properties

const OpenApi = suite('openapi')

OpenApi('§rule-7, openapi.O1: the document is valid OpenAPI 3.1, also with nothing deployed', async () => {
  await isValid(document)
  await isValid(documentOf())
})

OpenApi('openapi.O1: the check for validity finds what is wrong', async () => {
  const broken = structuredClone(document)
  broken.paths['/part'].get.responses['200'].description = 7
  assert.not.ok((await new Validator().validate(broken)).valid)
})

OpenApi(
  '§rule-7, openapi.O1: each rule is an operation, generated ones too, and names of parameters do not make two paths of one',
  () => {
    assert.equal(Object.keys(document.paths['/test.shapes.v1.Shapes/Plain']), ['post'])
    // {id}, {text} and {tree.name} stand in one place; OpenAPI has one path for that.
    const shared = Object.keys(document.paths).filter((path) => /^\/shapes\/\{[^}]+\}$/.test(path))
    assert.is(shared.length, 1)
    assert.equal(Object.keys(document.paths[shared[0]!]).sort(), ['get', 'put'])
    assert.equal(Object.keys(document.paths['/any']).sort(), ['delete', 'get', 'patch', 'post', 'put'])
    assert.ok(document.paths['/shapes/{tree.name}:verb'].post)
    assert.ok(document.paths['/verb/{id}'].get)
  },
)

OpenApi('openapi.O1: where two rules have one path, the one that answers is shown', () => {
  assert.is(document.paths['/twice'].get.operationId, 'Shapes_Shown')
})

OpenApi('openapi.O1: wildcards are parameters that say what they are', () => {
  const names = (path: string) => document.paths[path].get.parameters.filter((each: Document) => each.in === 'path')
  assert.equal(
    names('/deep/a/{id_1}/b/{id_2}').map(({ name, description }: Document) => [name, description]),
    [
      ['id_1', 'Part 1 of id, which is a/*/b/*.'],
      ['id_2', 'Part 2 of id, which is a/*/b/*.'],
    ],
  )
  assert.match(names('/rest/{id}')[0].description, /may contain slashes/)
  assert.equal(
    names('/wild/{segment1}/{segment2}').map(({ required }: Document) => required),
    [true, true],
  )
})

OpenApi(
  'openapi.O1: the query has the fields that a text can mean and that are not in the path or body, nested ones by dotted names',
  () => {
    const query = (path: string, method: string) =>
      (document.paths[path][method].parameters ?? [])
        .filter((each: Document) => each.in === 'query')
        .map((each: Document) => each.name)
    const names = query('/part', 'get')
    for (const name of ['id', 'big', 'tags', 'shade', 'at', 'tree.name', 'maybe_small'])
      assert.ok(names.includes(name), name)
    for (const name of ['trees', 'any', 'tree', 'tree.children', 'tree.parent.name'])
      assert.not.ok(names.includes(name), name)
    assert.not.ok(query('/verb/{id}', 'get').includes('id'))
    assert.equal(query('/shapes/{tree.name}:verb', 'post'), [])
  },
)

OpenApi('openapi.O2: every kind of field is in its proto3 JSON form', () => {
  assert.equal(all.small, { type: 'integer', format: 'int32' })
  assert.equal(all.big, { type: ['string', 'integer'], format: 'int64' })
  assert.equal(all.large, { type: ['string', 'integer'], format: 'uint64' })
  assert.equal(all.raw, { type: 'string', contentEncoding: 'base64' })
  assert.equal(all.real.anyOf[1], { enum: ['NaN', 'Infinity', '-Infinity'] })
  assert.equal(all.shade, ref('test.shapes.v1.Shade'))
  assert.equal(document.components.schemas['test.shapes.v1.Shade'], { type: 'string', enum: ['DARK', 'LIGHT'] })
  assert.equal(all.tags, { type: 'array', items: { type: 'string' } })
  assert.equal(all.trees, { type: 'object', additionalProperties: ref('test.shapes.v1.Tree') })
  assert.equal(all.at, { type: 'string', format: 'date-time' })
  assert.equal(all.nothing, { type: 'null' })
  assert.equal(all.wrapped, { anyOf: [{ type: ['string', 'integer'], format: 'int64' }, { type: 'null' }] })
  assert.equal(all.empty, ref('google.protobuf.Empty'))
  assert.ok('maybeSmall' in all)
  const { allOf } = document.components.schemas['test.shapes.v1.All']
  assert.equal(
    allOf.map(({ description }: Document) => description),
    ['At most one of choice.', 'At most one of other.'],
  )
})

OpenApi('openapi.O2: bodies, response bodies, HttpBody and errors', () => {
  const put = Object.values<Document>(document.paths).find((item) => item.put?.operationId === 'Shapes_Put').put
  assert.equal(put.requestBody.content['application/json'].schema, ref('test.shapes.v1.Tree'))
  const content = (path: string, status = '200') => document.paths[path].get.responses[status].content
  assert.equal(content('/part')['application/json'].schema, all.trees)
  assert.equal(content('/file'), { '*/*': {} })
  assert.equal(content('/part', 'default')['application/json'].schema, ref('google.rpc.Status'))
})

OpenApi('openapi.O2: streams say their two forms', () => {
  const watch = document.paths['/watch/{text}'].get.responses['200']
  assert.equal(Object.keys(watch.content), ['application/json', 'text/event-stream'])
  assert.match(watch.description, /a JSON object a line/)
  assert.equal(Object.keys(document.paths['/file/{text}'].get.responses['200'].content), ['*/*', 'text/event-stream'])
  assert.match(document.paths['/collect'].post.description, /only element/)
})

OpenApi(
  'openapi.O3: messages of one name that differ between components are two schemas, equal ones are one',
  async () => {
    const one = 'message Thing { string name = 1; Inner inner = 2; } message Inner { NUMBER number = 1; }'
    const rpc = (path: string) =>
      `rpc Do(Thing) returns (Thing) { option (google.api.http) = { post: "${path}" body: "*" }; }`
    const load = async (number: string, path: string) =>
      (await protos({ 'shapes.proto': shapes(one.replace('NUMBER', number), rpc(path), 'test.twice') })).schema
    const [a, b, c] = [await load('int32', '/a'), await load('int32', '/b'), await load('string', '/c')]
    const services = [a, b, c].map((schema, index) => {
      const service = fakeService(schema, 'test.twice.Shapes')
      return [`test.twice.${index}`, service] as const
    })
    const twice = read(new Routes({ unserved: new Map(), services: new Map(services) }))
    await isValid(twice)
    const names = Object.keys(twice.components.schemas).filter((name) => name.startsWith('test.twice'))
    assert.equal(names.sort(), ['test.twice.Inner', 'test.twice.Inner_2', 'test.twice.Thing', 'test.twice.Thing_2'])
  },
)

OpenApi('§rule-7, §call-2: GET /openapi.json follows deployments, and no route of a service wins over it', async () => {
  const host = await fakeHost(streamsSchema, [streamsName])
  const get = () => http(host.address, 'GET', '/openapi.json')
  const first = await get()
  assert.is(first.status, 200)
  assert.is(first.headers.get('content-type'), 'application/json')
  assert.ok(first.json.paths['/echo'])
  assert.is((await http(host.address, 'POST', '/openapi.json', {})).status, 404)
  host.services.change([fakeService(shapesSchema, shapesName)], [streamsName])
  const second = await get()
  assert.not.ok(second.json.paths['/echo'])
  assert.ok(second.json.paths['/part'])
  const own = `rpc Own(All) returns (All) { option (google.api.http) = { METHOD: "/openapi.json" }; }`
  const { schema: other } = await protos({
    'shapes.proto': shapes(everything, own.replace('METHOD', 'delete'), 'test.own.v1'),
  })
  host.services.change([fakeService(other, 'test.own.v1.Shapes')])
  assert.is((await get()).json.openapi, '3.1.0', 'a route of another method leaves it there')
  assert.is((await http(host.address, 'DELETE', '/openapi.json')).status, 200)
  const { schema: loses } = await protos({
    'shapes.proto': shapes(everything, own.replace('METHOD', 'get'), 'test.own.v1'),
  })
  host.services.change([fakeService(loses, 'test.own.v1.Shapes')])
  const { json } = await get()
  assert.is(json.openapi, '3.1.0')
  assert.not.ok(json.paths['/openapi.json'], 'what cannot be reached is not in it')
  await host.ingress.close(100)
})

/** A service of one method with so many rules, whose operations would all have one id. */
function ruled(count: number): Routes {
  const service = fakeService(shapesSchema, shapesName)
  const plain = service.type.methods.get('Plain')!
  const methods = Array.from({ length: count }, (_, index) => {
    const path = `/${index}/{id}`
    const rule = { selector: '', method: 'GET', path, body: '', responseBody: '', additional: [] } as const
    return [path, { ...plain, http: rule }] as const
  })
  const type = { ...service.type, methods: new Map(methods) }
  return new Routes({
    unserved: new Map(),
    services: new Map([[service.name, { ...service, type } as unknown as Service]]),
  })
}

OpenApi('openapi.O4: twice the rules take twice the steps, and operations of one name get their own', async () => {
  await isValid(counted(ruled(50)).document)
  const [once, twice] = [counted(ruled(1_000)), counted(ruled(2_000))]
  assert.is(Object.keys(twice.document.paths).length, 2_000)
  for (const what of ['steps', 'lookups'] as const)
    assert.ok(twice[what] < 2.1 * once[what], `${what}: ${once[what]}, then ${twice[what]}`)
  const parameters = Object.values<Document>(twice.document.paths).flatMap(({ get }) => get.parameters)
  assert.ok(parameters.length < 23_000, `${parameters.length} parameters`)
})

OpenApi(
  'openapi.O4: messages nested without end are a document, and are compared no more often than they differ',
  async () => {
    const depth = 3_000
    const service = fakeService(shapesSchema, shapesName)
    const plain = service.type.methods.get('Plain')!
    const field = plain.input.fields[0]!
    const chain = (scalar: 'int32' | 'string'): MessageType => {
      let type: Field['type'] = { kind: 'scalar', scalar }
      let message = plain.input
      for (let at = 0; at < depth; at++) {
        const fields = [{ ...field, name: 'next', jsonName: 'next', type }]
        message = { fullName: `test.deep.M${at}`, fields, byNumber: new Map(), byName: new Map() }
        type = { kind: 'message', message }
      }
      return message
    }
    const services = (['int32', 'int32', 'string'] as const).map((scalar, index): [string, Service] => {
      const rule = {
        selector: '',
        method: 'POST',
        path: `/${index}`,
        body: '*',
        responseBody: '',
        additional: [],
      } as const
      const method = { ...plain, input: chain(scalar), output: chain(scalar), http: rule }
      const type = { ...service.type, methods: new Map([['Do', method]]) }
      return [String(index), { ...service, name: String(index), type } as unknown as Service]
    })
    const { document, steps } = counted(new Routes({ unserved: new Map(), services: new Map(services) }))
    const names = Object.keys(document.components.schemas).filter((name) => name.startsWith('test.deep'))
    assert.is(names.length, 2 * depth)
    assert.ok(steps < 5 * depth, `${steps} steps`)
  },
)

OpenApi.run()
