// Guards requests that forgot their key: each is refused, naming method and field, in every model and protocol and from functions, too;
// a field may allow it, and what lies under the empty key can always be looked at.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { built, component } from '../support/components.ts'
import { grpcClient, http, schemaOf, temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, scripted, values } from '../support/scripted.ts'

const events = 'innkeeper.conformance.v1.Events'
const cart = 'examples.cart.v1.ShoppingCart'

const data = temporary()
const host = await testHost(data.path)
assert.ok((await host.deployer.deploy(await scripted())).ok)
assert.ok((await host.deployer.deploy((await component('cart/typescript')).bytes)).ok)
assert.ok((await host.deployer.deploy((await built('test/conformance/typescript', 'conformance-typescript')).bytes)).ok)
const client = new ScriptClient(host.listen)
const act = (code: string) => client.call(actions, 'Do', '', code)

const said = (method: string) =>
  `${method}: the field ${method.startsWith(cart) ? 'user_id' : 'id'} names the entity and is empty; set it in the request`

const Empty = suite('requests without a key')

Empty('§key-4: over HTTP, with an empty part of the path, an empty body, or an empty text in it', async () => {
  for (const [path, body, method] of [
    ['/cart//items/add', { quantity: 1 }, `${cart}/AddItem`],
    ['/values/', { code: '' }, `${values}/Do`],
    ['/replicas/', { code: '' }, `${replicas}/Do`],
    ['/replicas//open', { code: '' }, `${replicas}/Open`],
    [`/${replicas}/Blind`, {}, `${replicas}/Blind`],
    [`/${replicas}/Blind`, { id: '' }, `${replicas}/Blind`],
    [`/${replicas}/Some`, { code: 'return 1' }, `${replicas}/Some`],
    [`/${events}/Do`, {}, `${events}/Do`],
  ] as const) {
    const { status, json } = await http(host.listen, 'POST', path, body)
    assert.equal([status, json.code, json.message], [400, 3, said(method)], path)
  }
  const { status, json } = await http(host.listen, 'GET', '/carts/')
  assert.equal([status, json.message], [400, said(`${cart}/GetCart`)])
})

Empty('§key-4: over gRPC, where the message is {}', async () => {
  const grpc = grpcClient(host.listen, schemaOf(host, cart))
  const answer = await grpc.call(`${cart}/AddItem`, {})
  grpc.close()
  assert.equal([answer.code, answer.message], [3, said(`${cart}/AddItem`)])
  for (const [service, method] of [
    [values, 'Do'],
    [replicas, 'Do'],
    [replicas, 'Blind'],
    [replicas, 'One'],
    [replicas, 'Some'],
    [events, 'Do'],
  ] as const) {
    const { code, message } = await client.call(service, method, '', '')
    assert.equal([code, message], [3, said(`${service}/${method}`)])
  }
  const stream = client.listen(replicas, 'Open', '', 'return { answer: none(), subscribe: {} }')
  assert.is(await stream.ended(), 3)
  assert.equal([stream.message, stream.texts], [said(`${replicas}/Open`), []])
})

Empty('§key-4: over gRPC-Web', async () => {
  for (const [service, method] of [
    [cart, 'AddItem'],
    [values, 'Do'],
    [replicas, 'Open'],
  ]) {
    const response = await fetch(`http://${host.listen}/${service}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/grpc-web+proto' },
      body: new Uint8Array(5),
    })
    const text = Buffer.from(await response.arrayBuffer()).toString()
    assert.match(text, /grpc-status: ?3/)
    assert.match(decodeURIComponent(text.replace(/^[^g]*/, '')), said(`${service}/${method}`))
  }
})

Empty('§key-4: of a forward, from functions of every kind: the caller hears of the target', async () => {
  for (const [service, method] of [
    [values, 'Do'],
    [replicas, 'Do'],
    [replicas, 'Open'],
    [events, 'Do'],
  ] as const) {
    const forward = `forward('${service}', '${method}', '', '')`
    for (const { code, message } of [
      await client.call(values, 'Do', 'from', `return { outcome: ${forward} }`),
      await client.call(replicas, 'Do', 'from', `return { answer: ${forward} }`),
      await act(`return ${forward}`),
    ]) {
      assert.equal([code, message], [3, said(`${service}/${method}`)])
    }
    const stream = client.listen(actions, 'Out', '', `return { outputs: [say('first'), ${forward}], done: true }`)
    assert.is(await stream.ended(), 3)
    assert.equal([stream.texts, stream.message], [['first'], said(`${service}/${method}`)])
  }
})

Empty(
  '§key-4: of an effect, from functions of every kind: it is parked with that reason, and its caller goes on',
  async () => {
    const targets = [
      [values, 'Do'],
      [replicas, 'Do'],
      [replicas, 'Open'],
      [events, 'Do'],
    ] as const
    const effects = targets.map(([service, method]) => `effect('${service}', '${method}', '', '', true)`).join()
    assert.is((await client.call(values, 'Do', 'x', `return { outcome: say('', { effects: [${effects}] }) }`)).code, 0)
    assert.is((await client.call(replicas, 'Do', 'x', `return { answer: say('', { effects: [${effects}] }) }`)).code, 0)
    assert.is((await act(`return say('', { effects: [${effects}] })`)).code, 0)
    const parked = (await http(host.admin, 'GET', '/v1/effects')).json.effects as { to: string; parked: string }[]
    assert.is(parked.length, 3 * targets.length)
    for (const { to, parked: reason } of parked) assert.is(reason, said(to))
  },
)

Empty('leave nothing behind: no entity has the empty key', async () => {
  for (const service of [cart, values, replicas, events]) {
    const { entities } = (await http(host.admin, 'GET', `/v1/services/${service}/entities`)).json
    assert.equal(
      entities.filter(({ id }: { id: string }) => id === ''),
      [],
      service,
    )
  }
})

Empty('of an action are as good as any: it has no key', async () => {
  assert.equal(await act("return say('on')"), { code: 0, message: '', text: 'on' })
})

Empty(
  '§key-5: are for the entity of that name where the field allows it, and it can be looked at when it no longer does',
  async () => {
    const folder = temporary()
    const other = await testHost(folder.path)
    const own = new ScriptClient(other.listen)
    const entity = (service: string, what: string) =>
      http(other.admin, 'GET', `/v1/services/${service}/entities//${what}`)
    try {
      const allowing = await scripted(undefined, (proto) =>
        proto.replace(
          '[(innkeeper.entity_key) = true]',
          '[(innkeeper.entity_key) = true, (innkeeper.allow_empty_key) = true]',
        ),
      )
      const first = await other.deployer.deploy(allowing)
      assert.ok(first.ok, JSON.stringify(first))
      const change = "return { change: { updated: 'kept' }, outcome: say('[' + entity + ']') }"
      assert.is((await own.call(values, 'Do', '', change)).text, '[]')
      const increment = "return { operations: [increment(1)], answer: say('[' + entity + ']') }"
      assert.is((await http(other.listen, 'POST', '/replicas/', { code: increment })).json.text, '[]')

      assert.ok((await other.deployer.deploy(await scripted())).ok)
      assert.is((await own.call(values, 'Do', '', 'return { outcome: say(value) }')).code, 3)
      assert.is((await own.call(replicas, 'Do', '', increment)).code, 3)
      for (const service of [values, replicas]) {
        const { entities } = (await http(other.admin, 'GET', `/v1/services/${service}/entities`)).json
        assert.equal(
          entities.map(({ id }: { id: string }) => id),
          [''],
        )
        const { json } = await entity(service, 'state')
        assert.equal([json.entity, json.revision], ['', 1], service)
      }
      assert.is((await entity(replicas, 'journal')).json.records.length, 1)

      assert.ok((await other.deployer.deploy(allowing)).ok)
      assert.is((await own.call(values, 'Do', '', 'return { outcome: say(value) }')).text, 'kept')
    } finally {
      own.close()
      await other.stop()
      folder.remove()
    }
  },
)

Empty('an option that allows what cannot be is refused at the deployment', async () => {
  for (const [change, said] of [
    [
      (proto: string) => proto.replace('string code = 2;', 'string code = 2 [(innkeeper.allow_empty_key) = true];'),
      /Values\.Do: code has \(innkeeper\.allow_empty_key\) and is no entity key; remove the option/,
    ],
    [
      (proto: string) =>
        proto.replace(
          'string id = 1 [(innkeeper.entity_key) = true]',
          'int64 id = 1 [(innkeeper.entity_key) = true, (innkeeper.allow_empty_key) = true]',
        ),
      /Values\.Do: id has \(innkeeper\.allow_empty_key\) and is never empty, since 0 and false are keys/,
    ],
  ] as const) {
    const result = await host.deployer.deploy(await scripted(undefined, change), { dryRun: true })
    assert.not.ok(result.ok)
    if (!result.ok) assert.match(result.reasons.join('\n'), said)
  }
})

Empty.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Empty.run()
