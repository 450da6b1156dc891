// Guards what a client sees of a running host: HTTP/JSON, gRPC, errors, idempotency, faults, forwards and effects, restarts.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer, Command } from '../../host/command.ts'
import type { Host } from '../../host/main.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { component, fixture } from '../support/components.ts'
import { grpcClient, http, passivated, schemaOf, temporary, testHost } from '../support/host.ts'
import { memoryStore } from '../support/store.ts'

const odd = 'test.odd.v1.Odd'
const counter = 'examples.counter.v1.Counter'
const data = temporary()
const host: Host = await testHost(
  data.path,
  { 'message-bytes-max': '100000', 'passivate-after-ms': '50' },
  { sweepEveryMs: 20 },
)
for (const { bytes } of [
  await fixture('odd'),
  await component('counter/typescript'),
  await component('cart/typescript'),
]) {
  const result = await host.deployer.deploy(bytes)
  assert.ok(result.ok, JSON.stringify(result))
}
const at = host.listen
const grpc = grpcClient(at, schemaOf(host, odd))
const act = (id: string, what: string, more: object = {}, headers: Record<string, string> = {}) =>
  http(at, 'POST', `/odd/${id}/do`, { what, ...more }, headers)
const total = async (id: string): Promise<number> => Number((await act(id, 'read')).json.total)
const state = async (id: string, query = ''): Promise<unknown> =>
  (await http(host.admin, 'GET', `/v1/services/${odd}/entities/${id}/state${query}`)).json

function command(more: Partial<Command>): Command {
  return {
    service: odd,
    method: 'Do',
    payload: new Uint8Array(),
    metadata: [],
    idempotencyKey: undefined,
    deadlineMs: Date.now() + 60_000,
    hops: 0,
    requestId: 'test',
    effect: undefined,
    ...more,
  }
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}

const Service = suite('a running host')

Service('§event-3: answers a command with the state after its events, over HTTP and gRPC alike', async () => {
  const { status, text, headers } = await http(at, 'POST', '/counter/a/add', { amount: '5' })
  assert.is(status, 200)
  assert.is(text, '{"value":"5"}')
  assert.is(headers.get('content-type'), 'application/json')
  assert.ok(headers.get('x-request-id'))
  const client = grpcClient(at, schemaOf(host, counter))
  assert.equal(await client.call(`${counter}/Add`, { id: 'a', amount: 2 }), {
    code: 0,
    message: '',
    json: { value: '7' },
    trailer: undefined,
  })
  client.close()
  assert.is((await http(at, 'GET', '/counter/a')).text, '{"value":"7"}')
})

Service('keeps 64-bit integers exact', async () => {
  const { json } = await http(at, 'POST', '/odd/exact/do', { what: 'add', amount: '9007199254740993' })
  assert.is(json.total, '9007199254740993')
})

Service('follows the cart of the examples, refusals and additional bindings included', async () => {
  const post = (path: string, body: object) => http(at, 'POST', path, body)
  assert.is((await post('/cart/u/items/add', { productId: 'p', name: 'P', quantity: 2 })).text, '{}')
  await post('/cart/u/items/add', { product_id: 'p', name: 'other', quantity: 3 })
  assert.equal((await http(at, 'GET', '/carts/u')).json, {
    items: [{ productId: 'p', name: 'P', quantity: 5 }],
    checkedOut: false,
  })
  assert.is((await http(at, 'GET', '/carts/u/items')).text, '[{"productId":"p","name":"P","quantity":5}]')
  assert.is((await http(at, 'POST', '/cart/u/items/q/remove')).status, 404)
  assert.is((await post('/cart/u/items/add', { productId: '', quantity: 1 })).json.code, 3)
  assert.is((await post('/cart/empty/checkout', {})).json.code, 9)
  assert.is((await post('/cart/u/checkout', {})).json.checkedOut, true)
  assert.is((await post('/cart/u/items/add', { productId: 'p', quantity: 1 })).json.code, 9)
})

Service('§refusal-1, §refusal-2: a refusal carries its code, message and details, and writes nothing', async () => {
  const before = await total('refusing')
  const { status, json } = await act('refusing', 'refuse', { other: 'this', amount: 3 })
  assert.is(status, 429)
  assert.equal(json, {
    code: 8,
    message: 'no more of this',
    details: [{ '@type': 'type.googleapis.com/test.odd.v1.Happened', amount: '3' }],
  })
  const answer = await grpc.call(`${odd}/Do`, { id: 'refusing', what: 'refuse', other: 'this' })
  assert.is(answer.code, 8)
  assert.is(answer.message, 'no more of this')
  assert.ok(answer.trailer?.get('grpc-status-details-bin')[0])
  assert.is(await total('refusing'), before)
})

Service(
  "§fault-1, §fault-2, errors.E3: a trap, an endless loop, a memory bomb and endless recursion fail alone, without the guest's words",
  async () => {
    await act('guilty', 'add', { amount: 1 })
    const innocent = Array.from({ length: 20 }, (_, index) => act('innocent', 'add', { amount: index }))
    for (const what of ['throw', 'loop', 'bomb', 'deep']) {
      const answers = await Promise.all([
        act('guilty', 'add', { amount: 1 }),
        act('guilty', what),
        act('guilty', 'add', { amount: 1 }),
      ])
      assert.equal(
        answers.map((answer) => answer.status),
        [200, 500, 200],
        what,
      )
      assert.match(answers[1]!.json.message, /^the function failed \(request \S+\)$/)
      assert.not.match(answers[1]!.text, /says why/)
    }
    assert.is(await total('guilty'), 9)
    for (const answer of await Promise.all(innocent)) assert.is(answer.status, 200)
    assert.is((await grpc.call(`${odd}/Do`, { id: 'guilty', what: 'throw' })).code, 13)
  },
)

Service('§request-6: mistakes in a request say where', async () => {
  const message = async (body: unknown) => (await http(at, 'POST', '/odd/x/do', body)).json.message
  assert.is(await message({ items: [{}, {}, { quantity: 'many' }] }), '$.items[2].quantity: expected int32')
  assert.is(await message({ amount: 1.5 }), '$.amount: expected int64')
  assert.match(await message({ nothing: 1 }), /^\$\.nothing: unknown field/)
  assert.match(await message({ shade: 'PINK' }), /^\$\.shade: expected/)
  assert.match(await message('{"what":'), /^\$: malformed JSON/)
  assert.match(await message('[]'), /^\$: expected an object/)
  assert.is((await http(at, 'POST', '/odd/x/do', '{}', { 'content-type': 'text/plain' })).status, 400)
  assert.is((await http(at, 'GET', '/odd/x/read?amount=oops')).json.message, '$.amount: expected int64')
  assert.is((await http(at, 'GET', '/odd/x/read?items=1')).status, 400)
  assert.is((await http(at, 'GET', '/nowhere')).status, 404)
  const wrong = await http(at, 'DELETE', '/odd/x/do')
  assert.is(wrong.status, 405)
  assert.is(wrong.headers.get('allow'), 'GET, POST')
  assert.is((await http(at, 'POST', '/odd/x/do', { other: 'x'.repeat(200_000) })).status, 413)
  assert.is((await http(at, 'POST', '/odd/x/do', '{"other":"\\ud800"}')).status, 400)
})

Service('fills the request from path, query and body as the rule says', async () => {
  assert.is((await http(at, 'GET', '/odd/from%20path/add?amount=7&flag=TRUE&shade=SHADE_DARK')).json.total, '7')
  assert.is(await total('from path'), 7)
  assert.is((await http(at, 'GET', '/odd/a+b/add?amount=1')).status, 200)
  assert.is(
    ((await http(host.admin, 'GET', `/v1/services/${odd}/entities?prefix=a%2Bb`)).json.entities as unknown[]).length,
    1,
  )
  assert.is((await http(at, 'POST', `/${odd}/Add`, { id: 'generated', amount: 4 })).json.total, '4')
  assert.is(
    (await http(at, 'POST', `/${odd}/Do`, { id: 'generated' })).status,
    404,
    'a method with a rule has only its own routes',
  )
})

Service(
  '§metadata-3, §metadata-5: metadata reaches the guest without credentials, and reply metadata becomes headers',
  async () => {
    const { json, headers } = await act(
      'meta',
      'metadata',
      {},
      { 'x-one': '1', 'ce-id': '7', authorization: 'secret', cookie: 'c', 'x-raw-bin': 'AQI=' },
    )
    assert.equal(JSON.parse(json.note), [
      ['x-one', '1'],
      ['ce-id', '7'],
      ['x-raw-bin', '1,2'],
    ])
    assert.is(headers.get('x-seen'), '3')
  },
)

Service('§idempotency-1: a repeated idempotency key gets the first answer and decides nothing', async () => {
  const add = (key: string, amount: number) => act('once', 'add', { amount }, { 'idempotency-key': key })
  const first = await add('k1', 5)
  assert.is((await add('k2', 5)).json.total, '10')
  assert.is((await add('k1', 5)).text, first.text)
  assert.is(await total('once'), 10)
  const conflict = await add('k1', 6)
  assert.is(conflict.status, 409)
  assert.is(conflict.json.code, 6)
  const together = await Promise.all([add('k3', 1), add('k3', 1), add('k3', 1)])
  assert.equal(
    together.map((answer) => answer.json.total),
    ['11', '11', '11'],
  )
  assert.is(
    (await grpc.call(`${odd}/Do`, { id: 'once', what: 'add', amount: 5 }, { 'idempotency-key': 'k4' })).json.total,
    '16',
  )
  assert.is((await act('once', 'refuse', {}, { 'idempotency-key': 'k5' })).status, 429)
  assert.is(
    (await act('once', 'add', { amount: 1 }, { 'idempotency-key': 'k5' })).json.total,
    '17',
    'refusals are not stored',
  )
})

Service(
  '§forward-1, forward.F2, forward.F4: forwards answer for the forwarder, are bounded, and are decided once under a key',
  async () => {
    const forward = () => act('from', 'forward', { amount: 3, other: 'to' }, { 'idempotency-key': 'f1' })
    const first = await forward()
    assert.equal(first.json, { total: '3', note: 'added' })
    assert.is((await forward()).text, first.text)
    assert.is(await total('from'), 3)
    assert.is(await total('to'), 3)
    const circle = await act('round', 'circle')
    assert.is(circle.json.code, 9)
    assert.match(circle.json.message, /more than 16/)
  },
)

Service(
  '§effect-1, §effect-2, outbox.O1: effects arrive once, synchronous ones before the reply, unknown ones are parked and harm nobody',
  async () => {
    assert.is((await act('cause', 'wait', { amount: 2, other: 'sync' })).status, 200)
    assert.is(await total('sync'), 2)
    assert.is((await act('cause', 'effect', { amount: 3, other: 'async' })).status, 200)
    await until(async () => (await total('async')) === 3)
    assert.is((await act('cause', 'lost', { amount: 1 })).status, 200)
    const { effects } = (await http(host.admin, 'GET', '/v1/effects')).json
    assert.is(effects.length, 1)
    assert.match(effects[0].parked, /no service no.such.Service/)
    assert.is((await http(host.admin, 'DELETE', `/v1/effects/${effects[0].id}`, {})).status, 200)
    assert.equal((await http(host.admin, 'GET', '/v1/effects')).json.effects, [])
  },
)

Service('§command-7: an entity may cause an effect on itself', async () => {
  assert.is((await act('self', 'wait', { amount: 2, other: 'self' })).status, 200)
  assert.is(await total('self'), 4)
})

Service('§command-5: time never goes back for an entity, and chance differs from command to command', async () => {
  const notes = await Promise.all([1, 2, 3].map(async () => (await act('luck', 'chance')).json.note as string))
  const times = notes.map((note) => Number(note.split(' ')[0]))
  assert.equal(
    [...times].sort((a, b) => a - b),
    times,
  )
  assert.is(new Set(notes.map((note) => note.split(' ')[1])).size, 3)
})

Service('§event-8: a state is shown as of now, and as of an earlier event', async () => {
  for (let index = 0; index < 13; index++) await act('snap', 'add', { amount: 1 })
  await until(async () => {
    await new Promise((resolve) => setTimeout(resolve, 60))
    return (await total('snap')) === 13
  })
  assert.equal(await state('snap'), {
    service: odd,
    entity: 'snap',
    sequence: 13,
    of: 13,
    state: { total: { $bigint: '13' } },
    effects: [],
  })
  assert.equal(((await state('snap', '?at=4')) as { state: unknown }).state, { total: { $bigint: '4' } })
})

Service('§memory-1: passivated entities come back with what they were, and no command is lost on the way', async () => {
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => act(`sleepy-${index}`, 'add', { amount: 1 })))
    await passivated(host)
  }
  for (let index = 0; index < 50; index++) assert.is(await total(`sleepy-${index}`), 3)
})

Service(
  '§deploy-8, deploy.D4: a fresh start on the same directory serves the same state, at once and without linking',
  async () => {
    const data = temporary()
    const first = await testHost(data.path)
    assert.ok((await first.deployer.deploy((await fixture('odd')).bytes)).ok)
    await http(first.listen, 'POST', '/odd/kept/do', { what: 'add', amount: 3 })
    await first.stop()
    const second = await testHost(data.path)
    assert.is((await http(second.listen, 'POST', '/odd/kept/do', { what: 'read' })).json.total, '3')
    const again = await second.deployer.deploy((await fixture('odd')).bytes)
    assert.ok(again.ok && again.unchanged)
    await second.stop()
    data.remove()
  },
)

Service('serves from memory where a store is given', async () => {
  const data = temporary()
  const host = await testHost(data.path, {}, { store: memoryStore() })
  assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
  assert.is((await http(host.listen, 'POST', '/odd/m/do', { what: 'add', amount: 3 })).json.total, '3')
  await host.stop()
  data.remove()
})

Service('§limit-3: past the mailbox bound callers are told to retry, and nothing is dropped silently', async () => {
  const data = temporary()
  const host = await testHost(data.path, { 'mailbox-commands-max': '5' })
  try {
    assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
    const { schema } = host.services.get(odd)!
    const payload = toMessage(schema, schema.messages.get('test.odd.v1.DoRequest')!, {
      id: 'busy',
      what: 'add',
      amount: 1,
    })
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => {
        return new Promise<Answer>((resolve) => {
          host.dispatch(command({ payload, requestId: `r${index}` }), resolve)
        })
      }),
    )
    const kinds = answers.map((answer) => (answer.kind === 'error' ? answer.error.code : answer.kind))
    assert.equal(kinds, ['reply', 'reply', 'reply', 'reply', 'reply', 'overloaded', 'overloaded', 'overloaded'])
  } finally {
    await host.stop()
    data.remove()
  }
})

Service(
  '§deadline-2, router.R2: a command that waits past its deadline is answered, and not given to the guest',
  async () => {
    const { schema } = host.services.get(odd)!
    const payload = (what: string) =>
      toMessage(schema, schema.messages.get('test.odd.v1.DoRequest')!, { id: 'late', what, amount: 1 })
    const answers: Promise<Answer>[] = []
    const send = (what: string, deadlineMs: number) =>
      answers.push(new Promise((resolve) => host.dispatch(command({ payload: payload(what), deadlineMs }), resolve)))
    // The loops keep the entity busy for longer than the add may wait.
    for (let index = 0; index < 8; index++) send('loop', Date.now() + 60_000)
    send('add', Date.now() + 1)
    const last = (await Promise.all(answers)).at(-1)!
    assert.is(last.kind === 'error' && last.error.code, 'deadline_exceeded')
    assert.is(await total('late'), 0)
  },
)

Service.after(async () => {
  grpc.close()
  await host.stop()
  data.remove()
})

Service.run()
