// Guards "connectors" of innkeeper.json: what it says is in force, and what is wrong in it is told with its place and what to write.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { allows, linesToAdd, readGrants } from '../../host/connectors/grants.ts'

const Grants = suite('grants')

const least = { url: 'https://api.example', services: ['shop.*'] }

const read = (grant: unknown, secrets: readonly string[] = ['stripe']) => {
  const { grants, problems } = readGrants({ payments: grant }, secrets)
  return { grant: grants.get('payments'), problems }
}

Grants('grants.G3: what a grant does not say is closed, or has a default', () => {
  const { grant, problems } = read(least)
  assert.equal(problems, [])
  assert.equal(
    [grant!.addresses, [...grant!.responseHeaders], grant!.headers, grant!.ca, grant!.proxy],
    [{ private: false, named: [] }, [], [], undefined, undefined],
  )
  const { timeoutMs, bodyBytes, ratePerSecond, concurrency, idempotencyHeader, base } = grant!
  assert.equal([timeoutMs, bodyBytes, ratePerSecond, concurrency], [10_000, 1_048_576, undefined, 20])
  assert.equal([idempotencyHeader, base], ['idempotency-key', ''])
  assert.equal([grant!.retry.max, [...grant!.retry.on]], [5, ['UNAVAILABLE', '429', '503']])
  assert.equal(readGrants(undefined, []), { grants: new Map(), problems: [] })
})

Grants('a grant with every field is read', () => {
  const { grant, problems } = read({
    url: 'https://api.example:8443/base/',
    services: ['shop.*', 'crm.v1.Customer'],
    paths: ['/v1/*', '/v2/charges'],
    headers: { Authorization: 'Bearer {secret:stripe}', 'x-version': '2030-01-31' },
    responseHeaders: ['X-Request-Id'],
    timeoutMs: 500,
    bodyBytes: 1_000,
    retry: { max: 2, on: ['ABORTED', 503] },
    ratePerSecond: 0.5,
    concurrency: 3,
    addresses: ['10.0.0.0/8', 'fd00::1'],
    private: true,
    idempotencyHeader: null,
    ca: '/ca.pem',
    proxy: 'http://proxy.example:3128',
  })
  assert.equal(problems, [])
  assert.equal([grant!.url.href, grant!.base], ['https://api.example:8443/base/', '/base'])
  assert.equal(grant!.headers, [
    { name: 'authorization', parts: ['Bearer ', { secret: 'stripe' }] },
    { name: 'x-version', parts: ['2030-01-31'] },
  ])
  assert.equal(
    [[...grant!.responseHeaders], grant!.idempotencyHeader, grant!.proxy?.host],
    [['x-request-id'], undefined, 'proxy.example:3128'],
  )
  assert.equal(grant!.addresses.named.length, 2)
})

Grants('grants.G1: each problem names the place, what is wrong, and what to write', () => {
  for (const [fields, words] of [
    [{ url: undefined }, /^connectors\.payments\.url: expected text|\.url: missing/],
    [{ url: 'api.example' }, /\.url: is no URL; write one such as/],
    [{ url: 'ftp://api.example' }, /\.url: begins with neither/],
    [{ url: 'https://user:hunter2@api.example' }, /\.url: has a user or a password/],
    [{ url: 'https://api.example/?key=hunter2' }, /\.url: has a query/],
    [{ url: 'https://api.example/#' }, /\.url: has a query or a fragment/],
    [{ url: 'http://127.0.0.1' }, /\.url: 127\.0\.0\.1, an address that is loopback; .*"private": true/],
    [{ url: 'http://[::ffff:10.0.0.1]' }, /\.url: .*10\.0\.0\.1, an address that is private/],
    [{ services: undefined }, /\.services: missing; write which services may ask/],
    [{ services: [] }, /\.services: missing/],
    [{ services: 'shop.*' }, /\.services: expected a list/],
    [{ services: ['shop*'] }, /\.services\[0\]: expected a service or a pattern such as "shop\.\*"/],
    [{ paths: ['v1'] }, /\.paths\[0\]: expected a path/],
    [{ paths: ['/v1?x'] }, /\.paths\[0\]/],
    [{ paths: ['/v1/ x'] }, /\.paths\[0\]/],
    [{ headers: { host: 'x.example' } }, /\.headers\.host: is set by the host/],
    [{ headers: { 'Content-Length': '1' } }, /\.headers\.Content-Length: is set by the host/],
    [{ headers: { 'idempotency-key': 'x' } }, /idempotency-key: is set by the host \("idempotencyHeader"\)/],
    [{ headers: { 'a b': 'x' } }, /\.headers\.a b: is no name of a header/],
    [{ headers: { a: 'hunter2\r\nx: y' } }, /\.headers\.a: expected text of visible ASCII/],
    [{ headers: { a: 7 } }, /\.headers\.a: expected text/],
    [{ headers: { a: '1', A: '2' } }, /\.headers\.A: is there twice/],
    [{ headers: { a: '{secret:strip}' } }, /the secret strip, which "secrets" does not have; did you mean stripe\?/],
    [{ headers: { a: '{hunter2}' } }, /\.headers\.a: has braces that are no secret; write \{secret:NAME\}/],
    [{ headers: ['hunter2'] }, /\.headers: expected an object/],
    [{ responseHeaders: ['a b'] }, /\.responseHeaders\[0\]/],
    [{ timeoutMs: 0 }, /\.timeoutMs: expected a whole number from 1 to 600000/],
    [{ timeoutMs: '10s' }, /\.timeoutMs: expected a whole number/],
    [{ bodyBytes: -1 }, /\.bodyBytes/],
    [{ retry: { max: 0 } }, /\.retry\.max/],
    [{ retry: { on: ['UNAVAILABEL'] } }, /\.retry\.on\[0\]: expected a google\.rpc\.Code/],
    [{ retry: { on: [200] } }, /\.retry\.on\[0\]/],
    [{ retry: { om: [] } }, /\.retry\.om: unknown; did you mean on\?/],
    [{ retry: 5 }, /\.retry: expected an object/],
    [{ ratePerSecond: 0 }, /\.ratePerSecond: expected a number from 0\.001/],
    [{ concurrency: 1.5 }, /\.concurrency: expected a whole number/],
    [{ addresses: ['10.0.0.0/33'] }, /\.addresses\[0\]: expected an address or a range/],
    [{ addresses: [7] }, /\.addresses\[0\]/],
    [{ private: 'yes' }, /\.private: expected true or false/],
    [{ idempotencyHeader: 'host' }, /\.idempotencyHeader: is set by the host; or null, to send none/],
    [{ proxy: 'https://proxy.example' }, /\.proxy: is not of the form "http:\/\/HOST:PORT"/],
    [{ proxy: 'http://u:hunter2@proxy.example' }, /\.proxy: is not of the form/],
    [{ ca: '' }, /\.ca: expected text that is not empty/],
    [{ timeoutMS: 5 }, /\.timeoutMS: unknown; did you mean timeoutMs\?/],
    [{ hunter2: 5 }, /\.hunter2: unknown; there are url, services/],
  ] as const) {
    const { problems } = read({ ...least, ...fields })
    assert.match(problems.join('\n'), words, JSON.stringify(fields))
    assert.match(problems.join('\n'), /^connectors\.payments\./)
  }
})

Grants('grants.G1, fields.F2: all problems are told at once', () => {
  const { problems } = read({ timeoutMs: 0, hosts: 1 })
  assert.is(problems.length, 4)
  assert.is(readGrants({ 'A b': least, '': least, a: 5, b: [] }, []).problems.length, 4)
  assert.equal(readGrants(5, []).problems.length, 1)
})

Grants('grants.G2, fields.F1: no problem repeats a value', () => {
  const value = 'hunter2hunter2'
  for (const name of [
    'url',
    'services',
    'paths',
    'responseHeaders',
    'timeoutMs',
    'retry',
    'addresses',
    'private',
    'ca',
  ])
    for (const wrong of [value, [value], { a: value }, { authorization: [value] }, [{ x: value }]]) {
      const { problems } = read({ ...least, [name]: wrong })
      assert.not.match(problems.join('\n'), /hunter/, name)
    }
  for (const wrong of [`${value}\n`, `{${value}}`, [value], { x: value }])
    assert.not.match(read({ ...least, headers: { authorization: wrong } }).problems.join('\n'), /hunter/)
})

Grants('patterns mean whole names and paths', () => {
  const { grant } = read({ ...least, services: ['shop.*', 'a.B'], paths: ['/v1/*', '/v2/*/capture', '/v3'] })
  for (const [service, granted] of [
    ['shop.v1.Order', true],
    ['shop.Order', true],
    ['shopping.Order', false],
    ['my.shop.v1.Order', false],
    ['a.B', true],
    ['a.Bc', false],
    ['a.B.C', false],
  ] as const)
    assert.is(allows(grant!.services, service), granted, service)
  for (const [path, granted] of [
    ['/v1/charges', true],
    ['/v1/', true],
    ['/v1', false],
    ['/v10/x', false],
    ['/v2/a/capture', true],
    ['/v2/capture', false],
    ['/v2/a/captured', false],
    ['/v3', true],
    ['/v3/x', false],
    ['/V1/x', false],
  ] as const)
    assert.is(allows(grant!.paths, path), granted, path)
})

Grants('the lines to add are JSON that grants it', () => {
  const lines = linesToAdd('payments', ['shop.v1.Order'], ['/v1/charges'], 'https://api.example')
  assert.is(
    lines,
    '"connectors": { "payments": { "url": "https://api.example", "services": ["shop.v1.Order"], "paths": ["/v1/charges"] } }',
  )
  const { connectors } = JSON.parse(`{${lines}}`) as { connectors: unknown }
  assert.equal(readGrants(connectors, []).problems, [])
})

Grants.run()
