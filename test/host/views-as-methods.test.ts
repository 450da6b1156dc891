// Guards queries of views as methods: how they are described, who may call them, and what ends those that go on.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { grpcClient, http, schemaOf, temporary, testHost } from '../support/host.ts'
import { carts, caughtUp, sales, salesWith, view } from '../support/sales.ts'
import { actions, ScriptClient, script, scripted } from '../support/scripted.ts'

const Queries = suite('queries as methods')

const data = temporary()
const host = await testHost(data.path)
for (const bytes of [await carts(), await sales(), await scripted()]) {
  const result = await host.deployer.deploy(bytes)
  assert.ok(result.ok, JSON.stringify(result))
}
const client = new ScriptClient(host.listen)
for (const [user, product] of [
  ['ann', 'tea'],
  ['ann', 'cup'],
  ['bob', 'tea'],
]) {
  const item = { product_id: product, name: product, quantity: 1 }
  assert.is((await http(host.listen, 'POST', `/cart/${user}/items/add`, item)).status, 200)
}
await caughtUp(host)

async function eventually(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.unreachable('it did not come about')
}

/** What a live query has told so far, over HTTP. */
async function live(path: string) {
  const abort = new AbortController()
  const response = await fetch(`http://${host.listen}${path}`, {
    headers: { accept: 'text/event-stream' },
    signal: abort.signal,
  })
  const heard = { text: '', over: false, cancel: () => abort.abort() }
  void (async () => {
    for await (const chunk of response.body!) heard.text += Buffer.from(chunk).toString()
  })()
    .catch(() => {})
    .finally(() => {
      heard.over = true
    })
  return heard
}

Queries('read-side.X1, projection/views.V1: a host without views has no folder of them, and no process', async () => {
  const { path, remove } = temporary()
  const other = await testHost(path)
  try {
    assert.ok((await other.deployer.deploy(await carts())).ok)
    const { json } = await http(other.admin, 'GET', '/v1/views')
    assert.equal(json, { views: [], processes: { readers: [] } })
    assert.not(existsSync(join(path, 'views')))
  } finally {
    await other.stop()
    remove()
  }
})

Queries('§feed-3, projection.J3: a view is a follower of the journal, and says what it has on its disk', async () => {
  await eventually(async () => {
    const { followers } = (await http(host.admin, 'GET', '/v1/host')).json
    const [one, ...others] = followers.filter(({ name }: { name: string }) => name.startsWith('view/'))
    assert.equal([one.state, others], ['follows', []])
    return one.commits === 0
  })
})

Queries('§view-12: OpenAPI and reflection show them as any method', async () => {
  const { paths } = (await http(host.listen, 'GET', '/openapi.json')).json
  assert.ok(paths['/sales/dashboard'].get.responses[200].content['text/event-stream'])
  assert.ok(paths['/sales/totals'].get)
  const files = [...schemaOf(host, view).files.values()]
  assert.ok(files.some(({ symbols }) => symbols.includes(`${view}.OfUser`)))
})

Queries('§view-12: over gRPC a query answers as over HTTP/JSON', async () => {
  const grpc = grpcClient(host.listen, schemaOf(host, view))
  try {
    const { json } = await grpc.call(`${view}/Count`, {})
    assert.equal(json, { users: '2', items: '3', sold: '0' })
    assert.equal((await http(host.listen, 'GET', '/sales/totals')).json, json)
  } finally {
    grpc.close()
  }
})

Queries('§view-12, queries.Q1: a forward goes to a query; an effect on one is parked', async () => {
  const forwarded = await new Promise<Buffer | undefined>((resolve, reject) => {
    const same = (bytes: Buffer) => bytes
    const code = `return forward('${view}', 'Count', '', '')`
    client.client.makeUnaryRequest(`/${actions}/Do`, same, same, script('', code), (error, reply) =>
      error === null ? resolve(reply) : reject(error),
    )
  })
  assert.equal([...forwarded!], [8, 2, 16, 3])
  const sends = `return say('', { effects: [effect('${view}', 'Count', '', '')] })`
  assert.is((await client.call(actions, 'Do', '', sends)).code, 0)
  await eventually(async () => {
    const { effects } = (await http(host.admin, 'GET', '/v1/effects')).json
    return effects.length === 1 && /CartItems is a view/.test(String(effects[0].parked))
  })
})

Queries('§view-11, live.L1, live.L2: a change of the table that leaves a result as it is is not told', async () => {
  const dashboard = await live('/sales/dashboard')
  await eventually(() => /^data: \{"?/m.test(dashboard.text))
  const item = { product_id: 'pot', name: 'pot', quantity: 1 }
  assert.is((await http(host.listen, 'POST', '/cart/eve/items/add', item)).status, 200)
  await caughtUp(host)
  assert.is((await http(host.listen, 'POST', '/cart/eve/checkout', {})).status, 200)
  await eventually(() => /"sold":"1"/.test(dashboard.text))
  assert.is(dashboard.text.match(/^data: /gm)?.length, 2)
  dashboard.cancel()
  await eventually(() => dashboard.over)
})

Queries('§view-11: it ends with UNAVAILABLE when another version is deployed', async () => {
  const dashboard = client.listen(view, 'Dashboard', '', '')
  await eventually(() => dashboard.texts.length === 1)
  const result = await host.deployer.deploy(await salesWith((text) => text.replace('sold: false', 'sold: true')))
  assert.ok(result.ok, JSON.stringify(result))
  await eventually(() => dashboard.code !== undefined)
  assert.is(dashboard.code, 14)
})

Queries.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Queries.run()
