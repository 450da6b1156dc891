// Guards the way of a message into an HTTP request of a service that is elsewhere, and of its answer back: what goes out comes in at a host of ours
// as the same message, and what providers write is read as far as it is understood.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { requestMessage } from '../../host/ingress/http/request-json.ts'
import { routesOf } from '../../host/schema/http-rule.ts'
import { capture } from '../../host/schema/template.ts'
import { fullJson, sentJson, understood } from '../../host/transcode/foreign-json.ts'
import { formText } from '../../host/transcode/form.ts'
import type { Json } from '../../host/transcode/json.ts'
import { parseJson } from '../../host/transcode/json.ts'
import {
  OutwardError,
  type OutwardRequest,
  outwardProblems,
  outwardReply,
  outwardRequest,
  ReplyError,
} from '../../host/transcode/outward.ts'
import { pathProblem, segmentProblem } from '../../host/transcode/segment.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { message, methodOf, schema, service } from '../connectors/support.ts'
import { protos } from '../support/protos.ts'

const Outward = suite('outward')

function sent(method: string, json: Json, encoding: 'json' | 'form' = 'json'): OutwardRequest {
  const { input } = methodOf(method)
  return outwardRequest(schema, service, methodOf(method), toMessage(schema, input, json), encoding)
}

const text = (body: Uint8Array | undefined): string | undefined =>
  body === undefined ? undefined : Buffer.from(body).toString()

/** The message that a host of ours makes of such a request. */
function received(method: string, { path, query, body, contentType }: OutwardRequest): Uint8Array {
  const route = routesOf(service, methodOf(method)).routes[0]!
  const captured = capture(route.template, path)
  assert.ok(captured !== undefined, `${path} is not of ${route.path}`)
  return requestMessage(schema, route, { captured, query, body, contentType: contentType ?? '' })
}

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.integer({ min: -9, max: 9 }).map(String),
)
const word = fc.string({ unit: 'grapheme', maxLength: 12 })
const kind = fc.constantFrom('KIND_UNSPECIFIED', 'CARD', 'CASH', 9)
const item = fc.record({ price: word, quantity: fc.integer({ min: -5, max: 5 }) }, { requiredKeys: [] })
const base64 = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64'))
const moment = fc
  .date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9000-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString())
/** A field that is part of a path. */
const segment = fc
  .oneof(
    word,
    fc.string({ maxLength: 8 }),
    fc.constantFrom('a b', '100%', 'ü', 'a:b', 'x..', '...', 'a?b#c', ':cancel'),
  )
  .filter((value) => value !== '' && segmentProblem(value) === undefined)

const charge = fc.record(
  {
    order: word,
    amount: int64,
    kind,
    tags: fc.array(word, { maxLength: 3 }),
    items: fc.array(item, { maxLength: 3 }),
    main: item,
    metadata: fc.dictionary(word, word, { maxKeys: 3 }),
    note: word,
    capture: fc.boolean(),
    rate: fc
      .oneof(fc.double(), fc.constantFrom(0, -0))
      .map((value) => (Number.isFinite(value) ? value : String(value))),
    dueAt: moment,
    blob: base64,
    extra: fc.dictionary(word, fc.oneof(word, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean())),
  },
  { requiredKeys: [] },
) as unknown as fc.Arbitrary<{ [name: string]: Json }>

const get = fc.record(
  {
    id: segment,
    limit: fc.integer({ min: -9, max: 9 }),
    // A message without content has no words in a query.
    main: fc.record({ price: word.filter((value) => value !== ''), quantity: fc.integer({ min: 0, max: 3 }) }),
    kinds: fc.array(kind, { maxLength: 3 }),
    flag: fc.boolean(),
    since: moment,
    afterId: int64,
    big: int64,
    token: base64,
  },
  { requiredKeys: ['id'] },
) as unknown as fc.Arbitrary<{ [name: string]: Json }>

const same = (method: string, json: Json) => {
  const expected = toMessage(schema, methodOf(method).input, json)
  const out = outwardRequest(schema, service, methodOf(method), expected, 'json')
  // What is sent survives a parser of URLs unchanged.
  const url = new URL(`http://x${out.path}?${out.query}`)
  assert.equal([url.pathname, url.search.replace('?', '')], [out.path, out.query])
  assert.equal(Buffer.from(received(method, out)), Buffer.from(expected))
}

Outward('§connector-10: a body of all fields comes in as the same message', () => {
  for (const method of ['Charge', 'Plain'])
    fc.assert(
      fc.property(charge, (json) => same(method, json)),
      { numRuns: 300 },
    )
})

Outward('§connector-10: path and query come in as the same message', () => {
  fc.assert(
    fc.property(get, (json) => same('Get', json)),
    { numRuns: 500 },
  )
})

Outward('a path with a verb and a body comes in as the same message', () => {
  fc.assert(
    fc.property(get, (json) => same('Cancel', json)),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(get, (json) => same('Capture', json)),
    { numRuns: 200 },
  )
})

Outward('a path of several segments comes in as the same message', () => {
  // A slash that is encoded would be another path for some servers, so each segment is sent as one.
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
      const id = segments.join('/')
      const { path } = sent('File', { id })
      assert.equal(path.split('/').slice(3).map(decodeURIComponent), segments)
    }),
  )
  fc.assert(
    fc.property(segment, segment, (shelf, book) => {
      const { path } = sent('Book', { id: `shelves/${shelf}/books/${book}` })
      assert.equal(path.split('/').slice(2).map(decodeURIComponent), ['shelves', shelf, 'books', book])
    }),
  )
})

Outward('a body of one field, and a path of a field within it, come in as the same message', () => {
  const put = fc.record({ charge: fc.record({ id: segment, amount: int64 }), dry: fc.boolean() })
  fc.assert(
    fc.property(put, (json) => same('Put', json as unknown as Json)),
    { numRuns: 200 },
  )
})

Outward('a google.api.HttpBody is sent as it is, and an answer becomes one', () => {
  const upload = fc.record({
    id: segment,
    blob: fc.record({ contentType: fc.constantFrom('image/png', 'text/x'), data: base64 }),
  })
  fc.assert(
    fc.property(upload, (json) => same('Upload', json)),
    { numRuns: 100 },
  )
  const { body, contentType } = sent('Upload', { id: 'a', blob: { contentType: 'image/png', data: 'AAEC' } })
  assert.equal([[...body!], contentType], [[0, 1, 2], 'image/png'])
  const reply = outwardReply(schema, service, methodOf('Upload'), Buffer.from([1, 2]), 'image/gif')
  assert.equal(JSON.parse(toJson(schema, methodOf('Upload').output, reply)), {
    ...{ contentType: 'image/gif', data: 'AQI=', extensions: [] },
  })
})

Outward('foreign-json.F1: defaults are left out, and 64-bit integers are numbers as long as those are exact', () => {
  const bodyOf = (json: Json) => text(sent('Charge', json).body)
  assert.is(bodyOf({}), '{}')
  assert.is(bodyOf({ order: '', amount: 0, tags: [], metadata: {}, capture: false }), '{}')
  assert.is(bodyOf({ amount: 500 }), '{"amount":500}')
  assert.is(bodyOf({ amount: '9007199254740991' }), '{"amount":9007199254740991}')
  assert.is(bodyOf({ amount: '9007199254740992' }), '{"amount":"9007199254740992"}')
  assert.is(bodyOf({ rate: -0 }), '{"rate":-0}')
  // What can be unset is sent when it is set.
  assert.is(bodyOf({ note: '', main: {} }), '{"main":{},"note":""}')
  const { input } = methodOf('Charge')
  assert.equal(JSON.parse(JSON.stringify(sentJson(input, { order: 'a', kind: 'KIND_UNSPECIFIED' }))), { order: 'a' })
})

Outward('§connector-11, outward.O1: a field that would make the path another one is refused', () => {
  const dots = [
    '.',
    '..',
    '%2e%2e',
    '%2E%2e',
    '.%2e',
    '%252e%252e',
    '%25252e%25252e',
    '..;',
    '..;a=b',
    '.;',
    '%2e%2e;x',
  ]
  const slashes = [
    'a/b',
    '../x',
    '..\\x',
    'a\\b',
    '%2f',
    'a%2fb',
    '..%2fcapture',
    '%5c',
    '%255c',
    '..%c0%af..%2f',
    '/',
    '\\',
  ]
  const controls = ['a\u0000', '%00', 'a\tb', '.\t.', '%0a', '%0d%0aHost: x', '\u007f']
  for (const id of [...dots, ...slashes, ...controls]) {
    for (const method of ['Get', 'Capture', 'Cancel'])
      assert.throws(
        () => sent(method, { id }),
        (error: Error) => error instanceof OutwardError,
        `${method} ${id}`,
      )
  }
  for (const id of ['a/../b', '..', 'a/./b', 'a//b', '/a', 'a/', 'a/%2e%2e/b', 'a\\b', 'a/%2f', ''])
    assert.throws(
      () => sent('File', { id }),
      (error: Error) => error instanceof OutwardError,
      `File ${id}`,
    )
  for (const id of ['shelves/1', 'shelves/1/books/2/x', 'shelf/1/books/2', 'shelves/../books/1', 'shelves//books/1'])
    assert.throws(
      () => sent('Book', { id }),
      (error: Error) => error instanceof OutwardError,
      `Book ${id}`,
    )
  assert.is(sent('Get', { id: 'a' }).path, '/v1/charges/a')
})

Outward('§connector-11, outward.O1: an empty field in a path is refused', () => {
  assert.throws(() => sent('Get', {}), /the field id is empty/)
  assert.throws(() => sent('Put', { dry: true }), /the field charge\.id is empty/)
})

Outward('segment.S1: no segment is decoded into another path, however often it is encoded', () => {
  fc.assert(
    fc.property(fc.constantFrom('..', '.', 'a/b', '\\', '\u0000'), fc.integer({ min: 0, max: 12 }), (bad, times) => {
      let encoded = [...bad].map((sign) => `%${sign.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')
      for (let time = 0; time < times; time++) encoded = encoded.replaceAll('%', '%25')
      assert.type(segmentProblem(encoded), 'string')
      assert.type(pathProblem(`/v1/${encoded}/x`), 'string')
    }),
  )
  assert.type(segmentProblem(`%${'25'.repeat(40)}41`), 'string')
  assert.is(pathProblem('/v1/a%20b/100%25/x..y'), undefined)
})

Outward('segment.S2: nor as only old servers decode', () => {
  for (const bad of [
    '%c0%ae%c0%ae',
    '%c0%ae.',
    '.%e0%80%ae',
    '%f0%80%80%ae.',
    '%25c0%25ae.',
    '%u002e%u002e',
    'a%c0%afb',
  ])
    assert.type(segmentProblem(bad), 'string', bad)
  for (const bad of ['a%u005cb', 'a%c1%9cb', 'a%e0%80%afb', 'a%u002Fb']) assert.type(segmentProblem(bad), 'string', bad)
  for (const good of ['%c3%80%c2%ae', 'é', '%e2%82%ac', '%u00e9', '%f0%9f%8f%a8'])
    assert.is(segmentProblem(good), undefined)
})

Outward('outward.O2: what a query has no words for is refused', () => {
  assert.throws(() => sent('Get', { id: 'a', items: [{ price: 'x' }] }), /the field items cannot be in a query/)
  assert.is(sent('Get', { id: 'a', main: {} }).query, '')
  assert.is(sent('Get', { id: 'a', kinds: ['CARD', 9], flag: false }).query, 'kinds=CARD&kinds=9&flag=false')
})

Outward('outward.O3: methods that no request can be made for are told at deployment', () => {
  assert.equal(outwardProblems(service, methodOf('Charge')), [])
  assert.match(outwardProblems(service, methodOf('Stream'))[0]!, /Stream: a method of a connector is unary/)
  assert.match(outwardProblems(service, methodOf('Wild'))[0]!, /wildcard that no field fills/)
  assert.throws(() => sent('Wild', { id: 'a' }), /wildcard/)
})

Outward('a request that is no message of the method is refused', () => {
  assert.throws(
    () => outwardRequest(schema, service, methodOf('Charge'), Buffer.from([0x0a, 0x05]), 'json'),
    (error: Error) => error instanceof OutwardError,
  )
})

Outward('form.F1: nested fields are names with brackets', () => {
  const { body, contentType } = sent(
    'Charge',
    {
      order: 'a b&c',
      amount: '500',
      tags: ['x', 'ü'],
      items: [{ price: 'p1', quantity: 2 }, { price: 'p2' }],
      main: { price: 'm' },
      metadata: { "it's": '1' },
      capture: true,
    },
    'form',
  )
  assert.is(contentType, 'application/x-www-form-urlencoded')
  assert.equal(text(body)!.split('&'), [
    ...['order=a%20b%26c', 'amount=500', 'tags%5B%5D=x', 'tags%5B%5D=%C3%BC', 'items%5B0%5D%5Bprice%5D=p1'],
    ...['items%5B0%5D%5Bquantity%5D=2', 'items%5B1%5D%5Bprice%5D=p2', 'main%5Bprice%5D=m'],
    ...['metadata%5Bit%27s%5D=1', 'capture=true'],
  ])
  assert.is(formText({ a: null, b: [[1, 2]], c: [], d: {} }), 'a=&b%5B0%5D%5B%5D=1&b%5B0%5D%5B%5D=2')
})

Outward('form.F1: a form says the same message to whoever reads it', () => {
  fc.assert(
    fc.property(charge, (json) => {
      const { extra: _, main: __, ...flat } = json
      // Lists of empty messages and text keys with brackets have no words in a form.
      flat['items'] = ((flat['items'] as Json[] | undefined) ?? []).map((one) => ({ ...(one as object), price: 'x' }))
      flat['metadata'] = { 'a-b': 'c' }
      const expected = message('ChargeRequest', flat)
      const { body } = outwardRequest(schema, service, methodOf('Charge'), expected, 'form')
      const read = message('ChargeRequest', fromForm(text(body)!) as Json)
      assert.equal(Buffer.from(read), Buffer.from(expected))
    }),
    { numRuns: 200 },
  )
})

/** As PHP reads a form. */
function fromForm(form: string): unknown {
  const root: { [name: string]: unknown } = {}
  for (const [name, value] of new URLSearchParams(form)) {
    const [first, ...steps] = name.replaceAll(']', '').split('[')
    let at: { [name: string]: unknown } = root
    let key = first!
    for (const step of steps) {
      at[key] ??= /^\d*$/.test(step) ? [] : {}
      at = at[key] as { [name: string]: unknown }
      key = step === '' ? String((at as unknown as unknown[]).length) : step
    }
    at[key] = key === 'capture' ? value === 'true' : value
  }
  return root
}

function reply(method: string, body: string): unknown {
  const { output } = methodOf(method)
  const bytes = outwardReply(schema, service, methodOf(method), Buffer.from(body), 'application/json')
  return JSON.parse(toJson(schema, output, bytes))
}

const emptyReply = {
  ...{ id: '', amount: '0', kind: 'KIND_UNSPECIFIED', kinds: [], items: [], byName: {}, statusText: '' },
}

Outward('§connector-12, foreign-json.F2: an answer is read as far as it is understood', () => {
  for (const [body, fields] of [
    ['', {}],
    [' \r\n', {}],
    ['{}', {}],
    ['\ufeff{"id":"a"}', { id: 'a' }],
    ['{"unknown":{"id":1},"id":"a","livemode":false}', { id: 'a' }],
    ['{"amount":500}', { amount: '500' }],
    ['{"amount":"500"}', { amount: '500' }],
    ['{"amount":500.0}', { amount: '500' }],
    ['{"amount":9007199254740993}', { amount: '9007199254740993' }],
    ['{"kind":"CRYPTO","kinds":["CARD","CRYPTO",2,null]}', { kinds: ['CARD', 'CASH'] }],
    ['{"id":null,"items":null,"byName":null}', {}],
    ['{"items":[null,{"price":"x","more":1}]}', { items: [{ price: 'x', quantity: 0 }] }],
    ['{"byName":{"a":null,"b":{"more":[1]}}}', { byName: { b: { price: '', quantity: 0 } } }],
    ['{"status_text":"ok"}', { statusText: 'ok' }],
    ['{"statusText":null,"status_text":"ok"}', { statusText: 'ok' }],
    ['{"card":null,"account":"b"}', { account: 'b' }],
    ['{"card":"a","account":"b"}', { card: 'a' }],
    ['{"__proto__":{"id":"x"},"constructor":1}', {}],
  ] as const)
    assert.equal(reply('Charge', body), { ...emptyReply, ...fields }, body)
})

const wide = await protos({
  'wide.proto': `syntax = "proto3"; package w;
    message Wide { ${Array.from({ length: 1_000 }, (_, at) => `int32 f${at} = ${at + 1};`).join(' ')} }
    message Many { repeated Wide all = 1; }`,
})

Outward('foreign-json.F2: of a message with many fields only those are looked at that are given', () => {
  const type = wide.schema.messages.get('w.Wide')!
  let looked = 0
  const counted = (fields: typeof type.fields) =>
    new Proxy(fields, {
      get: (target, name) => {
        looked += 1
        return Reflect.get(target, name) as unknown
      },
    })
  for (let times = 0; times < 100; times++) {
    assert.equal({ ...(understood({ ...type, fields: counted(type.fields) }, {}) as object) }, {})
  }
  assert.ok(looked < 1_000, `${looked}`)
  const read = understood(type, { f999: 1, f3: null, f7: 2, x: 3 })
  assert.equal({ ...(read as object) }, { f7: 2, f999: 1 })
})

Outward('to-json.O5: few bytes that are very long JSON are not sent', () => {
  const many = Buffer.from([10, 0, ...new Array<number>(200).fill(10).flatMap((tag) => [tag, 0])])
  assert.throws(() => fullJson(wide.schema, wide.schema.messages.get('w.Many')!, many), /JSON is too long/)
})

Outward('foreign-json.F3: what is no value of its field is refused, with its place', () => {
  for (const [body, words] of [
    ['{"amount":"x"}', /\$\.amount: expected int64/],
    ['{"items":[{"quantity":1.5}]}', /\$\.items\[0\]\.quantity: expected int32/],
    ['{"items":{}}', /\$\.items: expected an array/],
    ['{"byName":[]}', /\$\.byName: expected an object/],
    ['3', /expected an object/],
    ['{"id":"a"} x', /is no JSON/],
    ['{"id":"\\ud800"}', /is no/],
    [`${'['.repeat(600)}`, /nested more than/],
  ] as const)
    assert.throws(() => reply('Charge', body), words, body)
  assert.throws(
    () => outwardReply(schema, service, methodOf('Charge'), Buffer.from([0x22, 0xff, 0x22]), ''),
    (error: Error) => error instanceof ReplyError && /not UTF-8/.test(error.message),
  )
})

Outward('foreign-json.F2: whatever JSON comes, it is a message or refused in words', () => {
  fc.assert(
    fc.property(fc.json(), (body) => {
      try {
        reply('Charge', body)
      } catch (error) {
        assert.ok(error instanceof ReplyError, String(error))
      }
      understood(methodOf('Charge').output, parseJson(body))
    }),
    { numRuns: 500 },
  )
})

Outward('a list at the top is the field that response_body names', () => {
  assert.equal(reply('List', '[{"id":"a"},{"id":"b"}]'), {
    charges: [
      { ...emptyReply, id: 'a' },
      { ...emptyReply, id: 'b' },
    ],
  })
  assert.equal(reply('List', ''), { charges: [] })
  assert.equal(reply('List', 'null'), { charges: [] })
  assert.throws(() => reply('Charge', '[]'), /response_body/)
})

Outward('whoever wants nothing is not told what came', () => {
  assert.equal(reply('Capture', '<html>OK</html>'), {})
})

Outward.run()
