// Guards CORS: pages of other origins are told nothing they were not allowed, and by default there is no such header at all.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadConfig } from '../../host/config.ts'
import { ConfigError } from '../../host/config-file.ts'
import { http } from '../support/host.ts'
import { fakeHost, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const name = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const hosts = {
  none: await fakeHost(schema, [name]),
  some: await fakeHost(schema, [name], { context: { corsOrigins: ['https://a.example', 'http://localhost:3000'] } }),
  any: await fakeHost(schema, [name], { context: { corsOrigins: ['*'] } }),
}
const preflight = (host: keyof typeof hosts, origin: string) =>
  http(hosts[host].address, 'OPTIONS', '/echo', undefined, {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,x-grpc-web',
  })
const corsHeaders = (headers: Headers) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'))

const CorsSuite = suite('cors')

CorsSuite('§cors-1: without the setting there is no CORS header, and OPTIONS is a method like any other', async () => {
  const answer = await preflight('none', 'https://a.example')
  assert.is(answer.status, 405)
  assert.equal(corsHeaders(answer.headers), {})
  const real = await http(hosts.none.address, 'POST', '/echo', {}, { origin: 'https://a.example' })
  assert.equal(corsHeaders(real.headers), {})
})

CorsSuite('§cors-1, cors.C1: a preflight of an allowed origin is answered, of another one not', async () => {
  const { status, headers } = await preflight('some', 'http://localhost:3000')
  assert.is(status, 204)
  assert.equal(corsHeaders(headers), {
    'access-control-allow-origin': 'http://localhost:3000',
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers': 'content-type,x-grpc-web',
    'access-control-max-age': '7200',
    vary: 'origin, access-control-request-headers',
  })
  for (const origin of ['https://b.example', 'https://a.example.evil', 'null', 'https://a.example:444']) {
    const other = await preflight('some', origin)
    assert.is(other.status, 405)
    assert.equal(corsHeaders(other.headers), { vary: 'origin' })
  }
})

CorsSuite('§cors-1, cors.C2: with * any origin is allowed, without credentials', async () => {
  const { status, headers } = await preflight('any', 'https://b.example')
  assert.is(status, 204)
  assert.is(headers.get('access-control-allow-origin'), '*')
  assert.is(headers.get('access-control-allow-credentials'), null)
})

CorsSuite('cors.C3: answers, refusals and streams are readable, with what the reply said of itself', async () => {
  hosts.some.onDispatch = (command, reply) =>
    reply({ kind: 'reply', payload: command.payload, metadata: [['x-page', '2']] })
  hosts.some.onOpen = (call) => {
    call.next(new Uint8Array(0), [['x-first', '1']])
    call.receiver.end()
  }
  const origin = 'https://a.example'
  const base = 'grpc-status, grpc-message, grpc-status-details-bin, x-request-id, x-innkeeper-commit'
  for (const [method, path, body, status, names] of [
    ['POST', '/echo', {}, 200, ', x-page'],
    ['POST', '/echo', { no: 1 }, 400, ''],
    ['GET', '/nowhere', undefined, 404, ''],
    ['GET', '/watch/a', undefined, 200, ', x-first'],
  ] as const) {
    const answer = await http(hosts.some.address, method, path, body, { origin })
    assert.is(answer.status, status)
    assert.equal(corsHeaders(answer.headers), {
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': base + names,
      vary: 'origin',
    })
  }
})

CorsSuite('cors.C1: an answer to another origin differs by origin, and says so', async () => {
  const { headers } = await http(hosts.some.address, 'POST', '/echo', {}, { origin: 'https://b.example' })
  assert.equal(corsHeaders(headers), { vary: 'origin' })
})

CorsSuite('config C2: origins are checked when the host starts', () => {
  const load = (text: string) =>
    loadConfig({ flags: { 'cors-origins': text }, env: {}, directory: '/' }).config.corsOrigins
  assert.equal(load(''), [])
  assert.equal(load('*'), ['*'])
  assert.equal(load('https://a.example, http://localhost:3000'), ['https://a.example', 'http://localhost:3000'])
  for (const bad of [
    'https://a.example/',
    'https://a.example/path',
    'a.example',
    'https://A.example',
    'https://a.example:443',
    '*,https://a.example',
    'https://',
    'file:///a',
    ',',
    'https://u:p@a.example',
  ]) {
    assert.throws(
      () => load(bad),
      (error: unknown) => error instanceof ConfigError,
      bad,
    )
  }
})

CorsSuite.after(async () => {
  for (const host of Object.values(hosts)) await host.ingress.close(100)
})

CorsSuite.run()
