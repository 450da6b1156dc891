// Guards the way of a call: who may go where, room and rates, reloads, what a deployment is told, and the numbers.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import type { Answered, OutwardCall } from '../../host/connectors/connector.ts'
import { unfitProblems } from '../../host/connectors/needs.ts'
import { Rates } from '../../host/connectors/rates.ts'
import { wordsOf } from '../../host/connectors/try.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { standardSet } from '../../host/schema/standard.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { answer, Misbehaving, type Step } from '../support/misbehaving.ts'
import { asked, call, closedPort, connectors, failed, httpRule, methodOf, replyOf, secret, service } from './support.ts'

const Way = suite('connectors')

const manyAnswers: Step[] = Array.from({ length: 20 }, (): Step[] => ['request', answer(200, '{}')]).flat()

Way('§connector-13: what is not granted is NOT_SENT, with what to add', async () => {
  const made = connectors({ url: 'http://127.0.0.1:1', grant: { paths: ['/v2/*'] } })
  for (const [one, code, words] of [
    [
      asked({ rule: { ...httpRule, name: 'mail' } }),
      7,
      /"connectors": \{ "mail": \{ .*"services": \["shop\.v1\.Order"\]/,
    ],
    [asked({ rule: { ...httpRule, name: 'payment' } }), 7, /did you mean payments\?/],
    [asked({ from: 'crm.v1.Customer' }), 7, /crm\.v1\.Customer may not use .*"services" of connectors\.payments/],
    [asked(), 7, /does not have the path \/v1\/charges; add it to "paths" of connectors\.payments/],
    [asked({ method: 'Get', json: { id: '..' } }), 3, /the field id/],
    [asked({ request: Uint8Array.from([0x0a, 9]) }), 3, /the request is no pay\.v1\.ChargeRequest/],
  ] as const) {
    const result = failed(await call(made, one))
    assert.equal([result.code, result.reason, result.again], [code, 'NOT_SENT', false])
    assert.match(result.message, words)
  }
  made.close()
})

Way('connectors/requests.R1: paths are asked about what is sent, after the path of the grant', async () => {
  const server = await Misbehaving.start(manyAnswers)
  const url = `http://127.0.0.1:${server.port}/base/`
  const made = connectors({ url, grant: { paths: ['/v1/charges/*'] } })
  replyOf(await call(made, asked({ method: 'Get', json: { id: 'a b', limit: 2 } })))
  assert.match(server.requests[0]!.head, /^GET \/base\/v1\/charges\/a%20b\?limit=2 HTTP/)
  assert.is(failed(await call(made, asked({ method: 'File', json: { id: 'a' } }))).code, 7)
  made.close()
  await server.stop()
})

Way('connectors/requests.R3: nothing that a call has with it can add a header', async () => {
  const server = await Misbehaving.start(manyAnswers)
  const made = connectors({ url: `http://127.0.0.1:${server.port}` })
  for (const key of ['a\r\nx-evil: 1', 'a\nb', 'ü', 'a\u0000'])
    assert.equal(failed(await call(made, asked({ key }))).reason, 'NOT_SENT', key)
  const long = 'x'.repeat(100)
  for (const traceparent of ['00-a\r\nx-evil: 1', long, '']) replyOf(await call(made, asked({ traceparent })))
  for (const { head } of server.requests) {
    assert.not.match(head, /evil|traceparent/)
  }
  assert.is(server.requests.length, 3)
  made.close()
  await server.stop()
})

Way('a form is sent where the connector has forms', async () => {
  const server = await Misbehaving.start(manyAnswers)
  const made = connectors({ url: `http://127.0.0.1:${server.port}` })
  replyOf(
    await call(made, asked({ rule: { ...httpRule, encoding: 'form' }, json: { order: 'a', main: { price: 'p' } } })),
  )
  const [{ head, body }] = server.requests as [(typeof server.requests)[number]]
  assert.match(head, /content-type: application\/x-www-form-urlencoded/)
  assert.is(body.toString(), 'order=a&main%5Bprice%5D=p')
  made.close()
  await server.stop()
})

/** A call that goes on until it is let go. */
async function held(test: (made: ReturnType<typeof connectors>, server: Misbehaving) => Promise<void>, grant: object) {
  const server = await Misbehaving.start(['request', 'hang'])
  const made = connectors({ url: `http://127.0.0.1:${server.port}`, grant })
  await test(made, server)
  made.close()
  await server.stop()
}

Way('§connector-8, connector.W1, connectors/rates.T1: who finds no room is told how long to wait', async () => {
  await held(
    async (made, server) => {
      const first = call(made, asked())
      const second = call(made, asked())
      assert.ok(made.enter(asked()) > 0)
      assert.equal([made.figures()[0]!.underWay, made.figures()[0]!.waits], [2, 1])
      await server.stop()
      await Promise.all([first, second])
      assert.is(made.figures()[0]!.underWay, 0)
      assert.is(made.enter(asked()), 0)
      server.stop = async () => {}
    },
    { concurrency: 2 },
  )
})

Way('connectors/rates.T2: one service leaves room for the others', async () => {
  const rates = new Rates(undefined, 16, 0)
  let taken = 0
  while (rates.take('greedy', 0) === 0) taken += 1
  assert.is(taken, 14)
  assert.equal([rates.take('modest', 0), rates.take('modest', 0)], [0, 0])
  assert.ok(rates.take('modest', 0) > 0)
  rates.give('greedy')
  assert.ok(rates.take('greedy', 0) > 0)
  assert.is(rates.take('another', 0), 0)
})

Way('connectors/rates.T3: no more than the rate, whatever the order of asking', () => {
  for (const [rate, seconds] of [
    [50, 10],
    [1, 10],
    [0.5, 10],
    [7.3, 10],
  ] as const) {
    const rates = new Rates(rate, 10_000, 0)
    let taken = 0
    for (let ms = 0; ms < seconds * 1_000; ms += 3) while (rates.take('a', ms) === 0) taken += 1
    const most = rate * seconds + Math.max(1, rate)
    assert.ok(taken <= most && taken >= most - Math.max(2, rate * 0.1), `${rate}/s: ${taken}`)
  }
  // Who comes back when it was told finds room.
  const rates = new Rates(4, 10, 0)
  let nowMs = 0
  for (let time = 0; time < 40; time++) {
    const waitMs = rates.take('a', nowMs)
    if (waitMs > 0) {
      nowMs += waitMs
      assert.is(rates.take('a', nowMs), 0)
    }
    rates.give('a')
  }
})

Way('a rate that is used up says when to come back, and nothing is sent', async () => {
  const server = await Misbehaving.start(manyAnswers)
  let steady = 0
  const clock = { ...systemClock, steady: () => steady, now: () => 1_000_000 + steady }
  const made = connectors({ url: `http://127.0.0.1:${server.port}`, grant: { ratePerSecond: 2 }, clock })
  for (let time = 0; time < 2; time++) replyOf(await call(made, asked()))
  assert.is(made.enter(asked()), 500)
  steady = 500
  replyOf(await call(made, asked()))
  assert.is(server.requests.length, 3)
  made.close()
  await server.stop()
})

Way('§connector-13, connectors/connectors.C2: a reload with a problem changes nothing', async () => {
  const made = connectors({ url: 'http://127.0.0.1:1' })
  const before = made.granted()
  for (const file of [
    { connectors: { payments: { url: 'x' } } },
    { connectors: 5 },
    { secrets: 5 },
    { connectors: { mail: { url: 'https://x.example', services: ['*'], ca: '/gone' } } },
  ])
    assert.ok(made.reload(file).length > 0)
  assert.equal(made.granted(), before)
  made.close()
})

Way(
  'connectors/connectors.C1, connectors/connectors.C2, in-force.I1: a grant that stays keeps its connections, another one lets them end',
  async () => {
    const server = await Misbehaving.start(manyAnswers)
    const url = `http://127.0.0.1:${server.port}`
    const made = connectors({ url })
    const grant = { url, services: ['shop.*'], private: true, headers: { authorization: 'Bearer {secret:stripe}' } }
    const secrets = { stripe: { env: 'STRIPE_KEY' } }
    replyOf(await call(made, asked()))
    assert.equal(made.reload({ connectors: { payments: grant, more: { ...grant, concurrency: 1 } }, secrets }), [])
    replyOf(await call(made, asked()))
    assert.is(server.connections, 1)
    const slow = { ...grant, timeoutMs: 9_000 }
    assert.equal(made.reload({ connectors: { payments: slow }, secrets }), [])
    replyOf(await call(made, asked()))
    assert.is(server.connections, 2)
    assert.equal(made.figures()[0]!.requests, [{ status: '2xx', attempt: '1', count: 3 }])
    assert.equal(made.reload({}), [])
    assert.is(failed(await call(made, asked())).code, 7)
    made.close()
    await server.stop()
  },
)

Way('connectors/connectors.C1: a call under way ends under the grant that it began with', async () => {
  let change = () => {}
  const server = await Misbehaving.start(['request', { run: () => change() }, answer(200, '{"id":"a"}')])
  const made = connectors({ url: `http://127.0.0.1:${server.port}` })
  change = () => assert.equal(made.reload({}), [])
  assert.equal((replyOf(await call(made, asked())) as { id: string }).id, 'a')
  made.close()
  await server.stop()
})

Way('needs.N2: what is missing of very many is told in part', () => {
  const made = connectors({ url: 'http://127.0.0.1:1' })
  const from = Array.from({ length: 1_000 }, (_, at) => `evil.v1.${'S'.repeat(200)}${at}`)
  const needs = Array.from({ length: 1_000 }, (_, at) => ({
    ...{ rule: { ...httpRule, name: `c${at}` }, service, methods: [methodOf('Charge')], from },
  }))
  const problems = made.missing(needs)
  assert.ok(problems.join().length < 400_000, `${problems.join().length}`)
  assert.match(problems[0]!, /S0".*\(and 950 services more\)$/)
  assert.match(problems.at(-1)!, /and more/)
  made.close()
})

Way('needs.N1: a deployment is told each thing that is missing, with what to write', () => {
  const made = connectors({ url: 'http://127.0.0.1:1', grant: { paths: ['/v1/charges', '/v1/charges/*'] } })
  const need = (names: readonly string[], more: object = {}) => ({
    ...{ rule: httpRule, service, methods: names.map(methodOf), from: ['shop.v1.Order'] },
    ...more,
  })
  assert.equal(made.missing([need(['Charge', 'Get', 'Capture', 'Cancel'])]), [])
  // One that may is enough.
  assert.equal(made.missing([need(['Charge'], { from: ['shop.v1.Order', 'crm.v1.Customer'] })]), [])
  assert.equal(made.missing([need(['Charge'], { from: ['crm.v1.Customer'] })]), [
    'pay.v1.Payments: none of the component\'s services may use it; add those that ask to connectors.payments.services: ["crm.v1.Customer"]',
  ])
  assert.equal(made.missing([need(['File', 'Charge'])]), [
    'pay.v1.Payments: its path is not granted; add "/v1/files/*" to connectors.payments.paths',
  ])
  assert.match(unfitProblems(httpRule, service, methodOf('Stream')).join(), /unary; remove "stream"/)
  const elsewhere = { ...httpRule, name: 'mail' }
  assert.equal(made.missing([need(['Charge', 'Get'], { rule: elsewhere })]), [
    'pay.v1.Payments: the connector mail is not granted; add to innkeeper.json: "connectors": { "mail": { "url": "https://…", ' +
      '"services": ["shop.v1.Order"], "paths": ["/v1/charges", "/v1/charges/*"] } }',
  ])
  const overGrpc = need(['Charge'], { rule: { ...httpRule, protocol: 'grpc' } })
  assert.match(made.missing([overGrpc]).join(), /add "\/pay\.v1\.Payments\/\*" to connectors\.payments\.paths/)
  made.close()
})

Way('figures count tries by status and attempt, failures by reason, and time', async () => {
  const statuses = [200, 200, 404, 503, 503]
  const server = await Misbehaving.start(statuses.flatMap((status): Step[] => ['request', answer(status, '{}')]))
  let steady = 0
  const clock = { ...systemClock, steady: () => (steady += 6) }
  const made = connectors({ url: `http://127.0.0.1:${server.port}`, clock })
  for (const [index] of statuses.entries()) await call(made, asked({ attempt: index + 1 }))
  failed(await call(made, asked({ method: 'Get', json: { id: '..' } })))
  const [{ requests, failures, time, underWay }] = made.figures() as [ReturnType<typeof made.figures>[number]]
  assert.equal(requests, [
    { status: '2xx', attempt: '1', count: 1 },
    { status: '2xx', attempt: '2', count: 1 },
    { status: '4xx', attempt: '3+', count: 1 },
    { status: '5xx', attempt: '3+', count: 2 },
  ])
  assert.equal([failures, underWay], [{ REFUSED: 1, NOT_SENT: 1, UNKNOWN: 2 }, 0])
  assert.is(time.counts.at(-1), 5)
  assert.is(time.counts[0], 0)
  assert.ok(time.sumMs >= 5 * 6)
  made.close()
  await server.stop()
})

Way('what is granted is shown with names of headers, and without secrets', () => {
  const made = connectors({ url: 'http://127.0.0.1:1' })
  assert.equal(made.granted(), [
    {
      ...{ connector: 'payments', url: 'http://127.0.0.1:1/', services: ['shop.*'], paths: ['/*'] },
      ...{
        proxy: undefined,
        headers: ['authorization'],
        timeoutMs: 10_000,
        retryMax: 5,
        ratePerSecond: undefined,
        concurrency: 20,
      },
    },
  ])
  made.close()
})

Way('try.T1, try.T2: a close ends what is under way as what may have happened, in words of our own', async () => {
  const server = await Misbehaving.start(['request', { run: () => made.close() }, 'hang'])
  const made = connectors({ url: `http://127.0.0.1:${server.port}` })
  const { code, reason, message } = failed(await call(made, asked()))
  assert.equal([code, reason], [14, 'UNKNOWN'])
  assert.not.ok(message.includes(secret))
  await server.stop()
  assert.is(wordsOf(new AggregateError([new Error('connect ECONNREFUSED')])), 'connect ECONNREFUSED')
  assert.is(wordsOf(Object.assign(new Error(''), { code: 'EPIPE' })), 'EPIPE')
})

// --- innkeeper.http.v1.Http/Fetch

const http = loadSchema(standardSet('innkeeper/http/v1/http.proto'))

interface Wanted {
  readonly method?: string
  readonly url: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: string
}

function fetching({ headers = [], body = '', ...rest }: Wanted, more: Partial<OutwardCall> = {}): OutwardCall {
  const request = toMessage(http, http.messages.get('innkeeper.http.v1.FetchRequest')!, {
    ...rest,
    headers: headers.map(([name, value]) => ({ name, value })),
    body: Buffer.from(body).toString('base64'),
  })
  return { ...asked(), place: { kind: 'fetch' }, request, ...more }
}

interface Fetched {
  readonly status: number
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly body: string
}

function fetched(answered: Answered): Fetched {
  if (answered.kind !== 'reply') throw new Error(`no reply: ${JSON.stringify(answered)}`)
  return JSON.parse(toJson(http, http.messages.get('innkeeper.http.v1.FetchReply')!, answered.payload)) as Fetched
}

Way('§connector-17: Fetch sends what a function asks for, and any status is its reply', async () => {
  for (const status of [200, 204, 302, 404, 429, 500]) {
    const headers = { 'x-request-id': 'r-1', 'set-cookie': 'a=b', location: 'http://elsewhere' }
    const server = await Misbehaving.start(['request', answer(status, status === 204 ? '' : 'hello', headers)])
    const url = `http://127.0.0.1:${server.port}`
    const made = connectors({ url: `${url}/base`, grant: { responseHeaders: ['X-Request-Id'] } })
    const wanted = {
      method: 'PATCH',
      url: `${url}/base/v1/x?y=1#z`,
      body: 'b',
      headers: [['Content-Type', 'text/x']] as const,
    }
    const reply = fetched(await call(made, fetching(wanted)))
    assert.equal(reply, {
      status,
      headers: [
        { name: 'content-type', value: 'application/json' },
        { name: 'x-request-id', value: 'r-1' },
      ],
      body: status === 204 ? '' : Buffer.from('hello').toString('base64'),
    })
    const [{ head, body }] = server.requests as [(typeof server.requests)[number]]
    assert.match(head, /^PATCH \/base\/v1\/x\?y=1 HTTP/)
    assert.match(head, /\r\ncontent-type: text\/x\r\n/)
    assert.match(head, /\r\nidempotency-key: key-of-the-effect/)
    assert.ok(head.includes(`Bearer ${secret}`))
    assert.is(body.toString(), 'b')
    made.close()
    await server.stop()
  }
})

Way('fetch.F1: the URL is one that is granted, after it was parsed', async () => {
  const port = await closedPort()
  const url = `http://127.0.0.1:${port}`
  const made = connectors({ url: `${url}/base`, grant: { paths: ['/v1/*'] } })
  for (const wrong of [
    ...['', '/base/v1/x', 'base', 'ftp://127.0.0.1/base/v1/x', 'file:///etc/passwd', 'data:,x'],
    ...[
      `http://127.0.0.1:${port + 1}/base/v1/x`,
      `https://127.0.0.1:${port}/base/v1/x`,
      `http://localhost:${port}/base/v1/x`,
    ],
    ...[`http://user@127.0.0.1:${port}/base/v1/x`, `http://127.0.0.1:${port}@evil.example/base/v1/x`],
    ...[`http://evil.example\\@127.0.0.1:${port}/base/v1/x`, `http://127.0.0.1.evil.example:${port}/base/v1/x`],
    ...[`${url}/base`, `${url}/based/v1/x`, `${url}/v1/x`, `${url}/base/v2/x`, `${url}/base/v1`],
    ...['..', '%2e%2e', '.%2E', '%252e%252e', '..;', '..\\', '%2f..', '..%2f', '%5c..'].map(
      (dots) => `${url}/base/v1/${dots}/${dots}/admin`,
    ),
    ...[`${url}/base/v1/%00`, `${url}/base/v1/${'x'.repeat(9_000)}`],
    ...['http://169.254.169.254/latest/meta-data', 'http://[::ffff:a9fe:a9fe]/', 'http://0x7f.1/base/v1/x'],
  ]) {
    const { reason, message } = failed(await call(made, fetching({ url: wrong })))
    assert.is(reason, 'NOT_SENT', wrong)
    assert.not.match(message, /ECONNREFUSED/, wrong)
  }
  // Other spellings of what is granted are that.
  for (const right of [
    `${url}/base/v1/x`,
    `http://0x7f.1:${port}/base/v1/x`,
    `HTTP://127.0.0.1:${port}/base/./v1/y/../x`,
  ])
    assert.match(failed(await call(made, fetching({ url: right }))).message, /ECONNREFUSED/, right)
  made.close()
})

Way('§connector-17, fetch.F2: a function sets no header of the grant or the host, and no line end', async () => {
  const url = `http://127.0.0.1:${await closedPort()}`
  const made = connectors({ url })
  for (const [name, value] of [
    ['Authorization', 'mine'],
    ['idempotency-key', 'mine'],
    ['host', 'evil.example'],
    ['Content-Length', '0'],
    ['transfer-encoding', 'chunked'],
    ['connection', 'upgrade'],
    ['proxy-authorization', 'x'],
    ['accept-encoding', 'gzip'],
    ['traceparent', 'x'],
    ['grpc-timeout', '1S'],
    ['x-a', 'b\r\nx-c: d'],
    ['x-a', 'b\nc'],
    ['x-a', 'ü'],
    ['x-a\r\nx-c', 'b'],
    ['x a', 'b'],
    ['', 'b'],
    [':path', '/'],
  ] as const) {
    const { code, reason, message } = failed(await call(made, fetching({ url: `${url}/x`, headers: [[name, value]] })))
    assert.equal([code, reason], [3, 'NOT_SENT'], name)
    assert.not.match(message, /ECONNREFUSED/)
  }
  for (const method of ['get', 'G T', 'CONNECT', 'TRACE', 'GET\r\n', 'X'.repeat(30)])
    assert.equal(failed(await call(made, fetching({ method, url: `${url}/x` }))).code, 3, method)
  const two = [
    ['x-a', '1'],
    ['X-A', '2'],
  ] as const
  assert.match(failed(await call(made, fetching({ url, headers: two }))).message, /given twice/)
  const request = Uint8Array.from([10, 200])
  assert.match(failed(await call(made, fetching({ url }, { request }))).message, /is no FetchRequest/)
  made.close()
})

Way(
  'fetch.F3: of several grants that have the URL the one with the longest path counts, if the service may use it',
  async () => {
    const server = await Misbehaving.start(manyAnswers)
    const url = `http://127.0.0.1:${server.port}`
    const made = connectors({ url })
    const grant = (path: string, services: readonly string[], paths = ['/*']) => ({
      ...{ url: `${url}${path}`, services, paths, private: true, headers: { 'x-grant': `of${path}` } },
    })
    const file = {
      connectors: {
        all: grant('/', ['*']),
        deep: grant('/a/b', ['*'], ['/x']),
        middle: grant('/a', ['shop.*']),
      },
    }
    assert.equal(made.reload(file), [])
    for (const [path, from, granted] of [
      ['/a/b/x', 'shop.v1.Order', 'of/a/b'],
      ['/a/b/y', 'shop.v1.Order', 'of/a'],
      ['/a/b/y', 'crm.v1.Customer', 'of/'],
      ['/ab', 'shop.v1.Order', 'of/'],
    ] as const) {
      fetched(await call(made, fetching({ url: `${url}${path}` }, { from })))
      assert.match(server.requests.at(-1)!.head, new RegExp(`\r\nx-grant: ${granted}\r\n`))
    }
    assert.match(
      failed(await call(made, fetching({ url: 'https://other.example/x' }))).message,
      /no grant has https:\/\/other\.example for shop\.v1\.Order; add "connectors"/,
    )
    made.close()
    await server.stop()
  },
)

Way.run()
