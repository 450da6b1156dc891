// Guards the operator's port: who may call, and that what is documented is what is there.

import { readFileSync } from 'node:fs'
import nodeHttp from 'node:http'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { link } from '../../host/link/link.ts'
import { component } from '../support/components.ts'
import type { HttpAnswer } from '../support/host.ts'
import { http, temporary, testHost } from '../support/host.ts'

const counter = 'examples.counter.v1.Counter'
const data = temporary()
// Which tells its progress.
const host = await testHost(data.path, {}, { link })
const { bytes } = await component('counter/typescript')
const of = (path = '') => `/v1/services/${counter}${path}`
const get = (path: string, headers: Record<string, string> = {}) => http(host.admin, 'GET', path, undefined, headers)
const deploy = (query = '', body: Uint8Array = bytes): Promise<HttpAnswer> =>
  http(host.admin, 'POST', `/v1/components${query}`, body, { 'content-type': 'application/wasm' })

/** As sent: neither headers nor path are put right on the way. */
function raw(method: string, path: string, headers: Record<string, string>, to = host.admin): Promise<number> {
  const [name, port] = to.split(':') as [string, string]
  return new Promise((resolve, reject) => {
    nodeHttp
      .request({ host: name, port, method, path, headers }, (response) => {
        response.resume()
        resolve(response.statusCode!)
      })
      .on('error', reject)
      .end()
  })
}

/** Method and path of each row of the table. */
function documented(): readonly string[] {
  const text = readFileSync(new URL('../../docs/admin-api.md', import.meta.url), 'utf8')
  return [...text.matchAll(/^\| `((?:GET|POST|DELETE) [^`]+)` \|/gm)].map((match) => match[1]!)
}

const Admin = suite('admin port')

Admin('§admin-1, server.A1: requests of web pages are refused', async () => {
  for (const origin of ['http://example.com', 'null', `http://${host.admin}`]) {
    assert.is((await get('/v1/services', { origin })).status, 403)
  }
})

Admin('§admin-1, server.A1: a foreign Host is refused, the own address and localhost are not', async () => {
  const port = host.admin.split(':')[1]!
  for (const name of ['example.com', `example.com:${port}`, 'localhost.example.com', '127.0.0.1.nip.io', '[::2]']) {
    assert.is(await raw('GET', '/v1/services', { host: name }), 403, name)
  }
  for (const name of [`localhost:${port}`, 'LOCALHOST', `127.0.0.1:${port}`, '[::1]:1', '[::1]']) {
    assert.is(await raw('GET', '/v1/services', { host: name }), 200, name)
  }
})

Admin('§admin-1, server.A1: changes need a content type that no form can send', async () => {
  const types = ['text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded', 'application/json-x']
  for (const type of [undefined, ...types]) {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
    assert.is(await raw('DELETE', of(), headers), 403, type)
    assert.is(await raw('POST', '/v1/components', headers), 403, type)
  }
})

Admin('§admin-2, server.A2: with a token every request but /healthz needs it', async () => {
  const own = temporary()
  const guarded = await testHost(own.path, { token: 'hush' })
  try {
    for (const path of ['/metrics', '/readyz', '/openapi.json', '/v1/services', '/nowhere']) {
      assert.is((await http(guarded.admin, 'GET', path)).status, 401, path)
      const wrong = ['hush', 'Bearer hus', 'Bearer hush2', 'Basic hush'].map(async (authorization) => {
        assert.is((await http(guarded.admin, 'GET', path, undefined, { authorization })).status, 401, authorization)
      })
      await Promise.all(wrong)
    }
    assert.is((await http(guarded.admin, 'GET', '/healthz')).status, 200)
    const authorization = 'Bearer hush'
    assert.is((await http(guarded.admin, 'GET', '/metrics', undefined, { authorization })).status, 200)
    assert.is((await http(guarded.admin, 'GET', '/healthz', undefined, { origin: 'http://a' })).status, 403)
  } finally {
    await guarded.stop()
    own.remove()
  }
})

Admin('§admin-1, server.A1: bound to every address, it answers to the one that it was called by', async () => {
  const own = temporary()
  const wide = await testHost(own.path, { admin: '0.0.0.0:0', token: 'hush' })
  try {
    const at = `127.0.0.2:${wide.admin.split(':')[1]}`
    assert.is(await raw('GET', '/healthz', { host: at }, at), 200)
    assert.is(await raw('GET', '/healthz', { host: 'example.com' }, at), 403)
  } finally {
    await wide.stop()
    own.remove()
  }
})

Admin('paths are taken as they were sent, and what is unknown is told apart from what is not allowed', async () => {
  for (const path of ['//', '/v1', '/v1/services/', '/nowhere', '/%']) assert.is(await raw('GET', path, {}), 404, path)
  assert.is(await raw('GET', '/v1/services/%zz', {}), 400)
  const wrong = await http(host.admin, 'POST', '/v1/services', {})
  assert.is(wrong.status, 405)
  assert.is(wrong.headers.get('allow'), 'GET')
})

Admin('server.A4: errors are a status in JSON, wherever they come from', async () => {
  const errors = [
    [await get('/nowhere'), 12],
    [await http(host.admin, 'POST', '/v1/services', {}), 12],
    [await http(host.admin, 'POST', '/v1/effects/7/retry', {}), 5],
  ] as const
  for (const [{ headers, json }, code] of errors) {
    assert.is(headers.get('content-type'), 'application/json')
    assert.equal([json.code, typeof json.message], [code, 'string'])
  }
})

Admin('§admin-3, server.A3: bodies are bounded', async () => {
  const answer = await http(host.admin, 'POST', '/v1/effects/1/retry', new Uint8Array(1024 * 1024 + 1))
  assert.is(answer.status, 413)
  assert.is((await get('/healthz')).status, 200)
})

Admin('api.P1: the documented paths are those of /openapi.json', async () => {
  const { json } = await get('/openapi.json')
  const described = Object.entries(json.paths as Record<string, Record<string, unknown>>).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  )
  assert.equal([...documented()].sort(), described.sort())
  assert.is(documented().length, 35)
})

Admin('§deploy-1, deploy.D1: a refused deployment tells its reasons and changes nothing', async () => {
  const { status, json } = await deploy('', Buffer.from('not wasm'))
  assert.is(status, 400)
  assert.is(json.code, 3)
  assert.ok(json.reasons.length > 0)
  assert.ok(json.message.includes(json.reasons[0]))
  assert.equal((await get('/v1/services')).json, { services: [], unrestored: [] })
})

Admin('§deploy-15: a dry run says what a deployment would, and changes nothing', async () => {
  assert.equal((await deploy('?dry-run')).json.services, [
    {
      name: counter,
      methods: [
        { name: 'Add', routes: ['POST /counter/{id}/add'] },
        { name: 'Get', routes: ['GET /counter/{id}'] },
      ],
    },
  ])
  assert.equal((await get('/v1/services')).json, { services: [], unrestored: [] })
  const { json } = await deploy()
  assert.equal([json.deployment, json.unchanged, json.services[0].name], [1, false, counter])
  assert.is((await deploy()).json.unchanged, true)
})

Admin('progress comes in lines where they are asked for, the result last', async () => {
  const accept = { 'content-type': 'application/wasm', accept: 'application/x-ndjson' }
  const cart = await component('cart/typescript')
  const { text } = await http(host.admin, 'POST', '/v1/components?dry-run', cart.bytes, accept)
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { progress?: string; deployment?: number })
  const last = lines.pop()!
  assert.is(last.deployment, 2)
  assert.ok(lines.length > 1)
  for (const line of lines) assert.type(line.progress, 'string')
})

Admin('every documented path answers', async () => {
  for (const id of ['a', '..', 'x/y', 'ü']) {
    await http(host.listen, 'POST', `/counter/${id === '' ? '' : encodeURIComponent(id).replaceAll('.', '%2E')}/add`, {
      amount: 1,
    })
  }
  for (const row of documented()) {
    const [method, template] = row.split(' ') as [string, string]
    if (method !== 'GET') continue
    const path = template.replace('{service}', counter).replace('{entity}', 'a')
    assert.is((await get(path)).status, 200, row)
  }
  assert.is((await http(host.admin, 'POST', '/v1/effects/7/retry', {})).status, 404)
  assert.is((await http(host.admin, 'DELETE', '/v1/effects/7', {})).status, 404)
})

Admin('entities of any key can be looked at', async () => {
  for (const id of ['x%2Fy', '%C3%BC']) assert.is((await get(of(`/entities/${id}/state`))).json.sequence, 1, id)
  assert.is((await get(of('/entities/none/state'))).status, 404)
  const answer = await get(of('/entities/a/state?at=x'))
  assert.is(answer.status, 400)
  assert.match(answer.json.message, /^at: expected a whole number/)
})

Admin('§deploy-10: undeploying keeps the data, purging deletes it', async () => {
  const value = async () => (await http(host.listen, 'GET', '/counter/a')).json.value
  assert.equal((await http(host.admin, 'DELETE', of(), {})).json, {
    service: counter,
    kind: 'event-sourced',
    purged: false,
  })
  assert.is((await get(of())).status, 404)
  await deploy()
  assert.is(await value(), '1')
  assert.equal((await http(host.admin, 'DELETE', of('?purge'), {})).json, {
    service: counter,
    kind: 'event-sourced',
    purged: true,
  })
  await deploy()
  assert.is(await value(), '0')
  const { history } = (await get(of())).json
  assert.equal(
    history.map((item: { active: boolean }) => item.active),
    [false, false, true],
  )
})

Admin.after(async () => {
  await host.stop()
  data.remove()
})

Admin.run()
