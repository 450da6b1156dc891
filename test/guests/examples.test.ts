// Guards the example services as their protos say: each as clients of both protocols see
// it on a running host, down to clients that leave in every way there is.

import http2 from 'node:http2'
import net from 'node:net'
import type { ClientDuplexStream, ClientReadableStream, ClientWritableStream } from '@grpc/grpc-js'
import { Client, credentials } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { component } from '../support/components.ts'
import { grpcClient, http, schemaOf, temporary, testHost } from '../support/host.ts'

const counter = 'examples.counter.v1.Counter'
const cart = 'examples.cart.v1.ShoppingCart'
const profiles = 'examples.profile.v1.Profiles'
const presence = 'examples.presence.v1.Presence'
const orders = 'examples.checkout.v1.Orders'

const data = temporary()
const host: Host = await testHost(data.path)
for (const guest of ['counter', 'cart', 'profile', 'presence', 'orders']) {
  const result = await host.deployer.deploy((await component(`${guest}/typescript`)).bytes)
  assert.ok(result.ok, JSON.stringify(result))
}
const client = new Client(host.listen, credentials.createInsecure())
const at = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  http(host.listen, method, path, body, headers)
const unary = Object.fromEntries(
  [counter, cart, profiles, presence, orders].map((name) => [name, grpcClient(host.listen, schemaOf(host, name))]),
)
const call = (service: string, method: string, json: Json) => unary[service]!.call(`${service}/${method}`, json)

const same = (bytes: Buffer) => bytes
function codec(service: string, name: string) {
  const schema = schemaOf(host, service)
  const { input, output } = schema.services.get(service)!.methods.get(name)!
  return {
    path: `/${service}/${name}`,
    encode: (json: Json) => Buffer.from(toMessage(schema, input, json)),
    decode: (bytes: Buffer) => JSON.parse(toJson(schema, output, bytes)),
  }
}

interface Listener {
  readonly seen: unknown[]
  readonly status: Promise<{ code: number; details: string }>
  cancel(): void
  until(count: number): Promise<readonly unknown[]>
}

function listener(stream: ClientReadableStream<Buffer>, decode: (bytes: Buffer) => unknown): Listener {
  const seen: unknown[] = []
  const status = new Promise<{ code: number; details: string }>((resolve) => stream.on('status', resolve))
  stream.on('data', (bytes: Buffer) => seen.push(decode(bytes)))
  stream.on('error', () => {})
  return {
    seen,
    status,
    cancel: () => stream.cancel(),
    async until(count) {
      await until(() => seen.length >= count)
      return seen
    },
  }
}

function listen(service: string, method: string, json: Json): Listener {
  const { path, encode, decode } = codec(service, method)
  return listener(client.makeServerStreamRequest(path, same, same, encode(json)), decode)
}

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}

const Counter = suite('counter')

Counter('starts at 0, tells the value after the event, and refuses as documented', async () => {
  assert.equal((await at('GET', '/counter/c')).json, { value: '0' })
  assert.equal((await call(counter, 'Add', { id: 'c', amount: 3 })).json, { value: '3' })
  assert.equal((await at('POST', '/counter/c/add', { amount: '4' })).json, { value: '7' })
  assert.equal((await call(counter, 'Get', { id: 'c' })).json, { value: '7' })
  for (const amount of [0, -1, '-9223372036854775808']) {
    const { status, json } = await at('POST', '/counter/c/add', { amount })
    assert.equal([status, json.code], [400, 3], String(amount))
    assert.is((await call(counter, 'Add', { id: 'c', amount })).code, 3)
  }
  assert.is((await call(counter, 'Add', { id: 'most', amount: '1000000000000' })).code, 0)
  assert.is((await call(counter, 'Add', { id: 'most', amount: 1 })).code, 9)
  const { status, json } = await at('POST', '/counter/most/add', { amount: '9223372036854775807' })
  assert.equal([status, json.code], [400, 9])
  assert.equal((await at('GET', '/counter/most')).json, { value: '1000000000000' })
  assert.is((await call(counter, 'Add', { id: 'over', amount: '1000000000001' })).code, 9)
})

const Cart = suite('cart')
const add = (user_id: string, product_id: string, name: string, quantity: number) =>
  call(cart, 'AddItem', { user_id, product_id, name, quantity })

Cart('keeps what is added, in order, quantities added up, the first name staying', async () => {
  assert.equal((await add('a', 'p', 'Pear', 1)).json, {})
  assert.equal((await at('POST', '/cart/a/items/add', { product_id: 'q', name: 'Quince', quantity: 2 })).json, {})
  await add('a', 'p', 'Other', 4)
  const items = [
    { productId: 'p', name: 'Pear', quantity: 5 },
    { productId: 'q', name: 'Quince', quantity: 2 },
  ]
  assert.equal((await call(cart, 'GetCart', { user_id: 'a' })).json, { items, checkedOut: false })
  assert.equal((await at('GET', '/carts/a')).json, { items, checkedOut: false })
  assert.equal((await at('GET', '/carts/a/items')).json, items)
  assert.equal((await at('POST', '/cart/a/items/p/remove')).json, {})
  await add('a', 'p', 'Again', 1)
  assert.equal((await at('GET', '/carts/a/items')).json, [items[1], { productId: 'p', name: 'Again', quantity: 1 }])
  assert.equal((await at('GET', '/carts/nobody')).json, { items: [], checkedOut: false })
  assert.equal((await at('GET', '/carts/nobody/items')).text, '[]')
})

Cart('refuses as documented, over both protocols', async () => {
  for (const [product_id, quantity] of [
    ['p', 0],
    ['p', -1],
    ['', 1],
  ] as const) {
    assert.is((await add('r', product_id, 'x', quantity)).code, 3)
    assert.is((await at('POST', '/cart/r/items/add', { product_id, quantity })).status, 400)
  }
  assert.is((await call(cart, 'RemoveItem', { user_id: 'r', product_id: 'p' })).code, 5)
  assert.is((await at('POST', '/cart/r/items/p/remove')).status, 404)
  assert.is((await call(cart, 'Checkout', { user_id: 'r' })).code, 9)
  await add('r', 'p', 'Pear', 1)
  const sold = { items: [{ productId: 'p', name: 'Pear', quantity: 1 }], checkedOut: true }
  assert.equal((await at('POST', '/cart/r/checkout', {})).json, sold)
  for (const late of [
    add('r', 'q', 'x', 1),
    call(cart, 'RemoveItem', { user_id: 'r', product_id: 'p' }),
    call(cart, 'Checkout', { user_id: 'r' }),
  ])
    assert.is((await late).code, 9)
  assert.equal((await at('GET', '/carts/r')).json, sold)
})

const Profiles = suite('profile')

Profiles('puts, fetches, replaces, deletes, over both protocols', async () => {
  const ada = { user: 'ada', name: 'Ada', email: 'ada@example.com' }
  assert.is((await call(profiles, 'Fetch', { user: 'ada' })).code, 5)
  assert.is((await at('GET', '/profile/ada')).status, 404)
  assert.equal((await at('PUT', '/profile/ada', { name: 'Ada', email: 'ada@example.com' })).json, ada)
  assert.equal((await call(profiles, 'Fetch', { user: 'ada' })).json, ada)
  assert.equal((await call(profiles, 'Put', { user: 'ada', name: 'A. L.' })).json, {
    user: 'ada',
    name: 'A. L.',
    email: '',
  })
  assert.equal((await at('GET', '/profile/ada')).json, { user: 'ada', name: 'A. L.', email: '' })
  assert.equal((await at('DELETE', '/profile/ada')).json, {})
  assert.is((await at('GET', '/profile/ada')).status, 404)
  assert.equal((await call(profiles, 'Delete', { user: 'ada' })).json, {})
  assert.is((await call(profiles, 'Fetch', { user: 'ada' })).code, 5)
  // A body may name the user of the path, and no other.
  assert.is((await at('PUT', '/profile/bob', { user: 'bob', name: 'Bob' })).json.user, 'bob')
  assert.is((await at('PUT', '/profile/bob', { user: 'eve', name: 'Eve' })).status, 400)
})

const Presence = suite('presence')
const room = async (name: string) => (await at('GET', `/rooms/${name}`)).json
const look = async (name: string) => (await call(presence, 'Look', { room: name })).json
const joinRoom = (name: string, user: string) => listen(presence, 'Join', { room: name, user })
const becomes = (name: string, users: string[], connections: number) =>
  until(async () => JSON.stringify(await room(name)) === JSON.stringify({ users, connections }))

Presence(
  '§subscription-2: tells the room at once and after every change, users sorted; the last connection takes its user along',
  async () => {
    assert.equal(await room('r1'), { users: [], connections: 0 })
    const zoe = joinRoom('r1', 'zoe')
    assert.equal(await zoe.until(1), [{ users: ['zoe'], connections: 1 }])
    const ada = joinRoom('r1', 'ada')
    assert.equal(await ada.until(1), [{ users: ['ada', 'zoe'], connections: 2 }])
    const again = joinRoom('r1', 'ada')
    await again.until(1)
    assert.equal(await zoe.until(3), [
      { users: ['zoe'], connections: 1 },
      { users: ['ada', 'zoe'], connections: 2 },
      { users: ['ada', 'zoe'], connections: 3 },
    ])
    ada.cancel()
    assert.equal((await ada.status).code, 1)
    assert.equal((await zoe.until(4))[3], { users: ['ada', 'zoe'], connections: 2 })
    assert.equal(await look('r1'), { users: ['ada', 'zoe'], connections: 2 })
    again.cancel()
    assert.equal((await zoe.until(5))[4], { users: ['zoe'], connections: 1 })
    zoe.cancel()
    await becomes('r1', [], 0)
  },
)

Presence('rooms are apart, and any name is one', async () => {
  const streams = [joinRoom('r2', 'a'), joinRoom('r 2/ü', 'b'), joinRoom('', 'c')]
  for (const stream of streams) await stream.until(1)
  assert.equal(
    [await room('r2'), await look('r 2/ü'), await look('')],
    [
      { users: ['a'], connections: 1 },
      { users: ['b'], connections: 1 },
      { users: ['c'], connections: 1 },
    ],
  )
  assert.equal(await room('r%202%2F%C3%BC'), { users: ['b'], connections: 1 })
  for (const stream of streams) stream.cancel()
  await becomes('r2', [], 0)
})

/** Ways to be in a room; what they answer leaves it. */
const ways: Record<string, (user: string) => Promise<() => void>> = {
  'a gRPC call that is cancelled': async (user) => {
    const stream = joinRoom('ways', user)
    await stream.until(1)
    return () => stream.cancel()
  },
  'a gRPC channel that is closed': async (user) => {
    const own = new Client(host.listen, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
    const { path, encode, decode } = codec(presence, 'Join')
    const stream = listener(own.makeServerStreamRequest(path, same, same, encode({ room: 'ways', user })), decode)
    await stream.until(1)
    return () => {
      stream.cancel()
      own.close()
    }
  },
  'an HTTP/2 connection that is cut off': async (user) => {
    const session = http2.connect(`http://${host.listen}`)
    session.on('error', () => {})
    const request = session.request({
      ':method': 'POST',
      ':path': `/${presence}/Join`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    request.on('error', () => {})
    const payload = codec(presence, 'Join').encode({ room: 'ways', user })
    const frame = Buffer.concat([Buffer.alloc(5), payload])
    frame.writeUInt32BE(payload.length, 1)
    request.end(frame)
    await new Promise((resolve) => request.once('data', resolve))
    return () => session.destroy()
  },
  'an HTTP/2 stream that is reset': async (user) => {
    const session = http2.connect(`http://${host.listen}`)
    session.on('error', () => {})
    const request = session.request({
      ':method': 'POST',
      ':path': `/${presence}/Join`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    request.on('error', () => {})
    const payload = codec(presence, 'Join').encode({ room: 'ways', user })
    const frame = Buffer.concat([Buffer.alloc(5), payload])
    frame.writeUInt32BE(payload.length, 1)
    request.end(frame)
    await new Promise((resolve) => request.once('data', resolve))
    return () => {
      request.close(http2.constants.NGHTTP2_CANCEL)
      request.on('close', () => session.close())
    }
  },
  'server-sent events that are aborted': async (user) => {
    const leaving = new AbortController()
    const headers = { accept: 'text/event-stream' }
    const response = await fetch(`http://${host.listen}/rooms/ways/join/${user}`, { headers, signal: leaving.signal })
    const reader = response.body!.getReader()
    await reader.read()
    return () => leaving.abort()
  },
  'a body of JSON lines that is no longer read': async (user) => {
    const response = await fetch(`http://${host.listen}/rooms/ways/join/${user}`)
    const reader = response.body!.getReader()
    await reader.read()
    return () => void reader.cancel()
  },
  'an HTTP/1.1 socket that is destroyed': async (user) => (await rawJoin(user)).destroy,
  'an HTTP/1.1 socket that is reset': async (user) => (await rawJoin(user)).reset,
}

async function rawJoin(user: string): Promise<{ destroy: () => void; reset: () => void }> {
  const [name, port] = host.listen.split(':') as [string, string]
  const socket = net.connect(Number(port), name)
  socket.on('error', () => {})
  socket.write(`GET /rooms/ways/join/${user} HTTP/1.1\r\nhost: x\r\n\r\n`)
  let text = ''
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk
      if (text.includes('"connections"')) resolve()
    })
  })
  return { destroy: () => socket.destroy(), reset: () => socket.resetAndDestroy() }
}

for (const [name, enter] of Object.entries(ways)) {
  Presence(`a connection leaves with ${name}; its user stays while another one of it is there`, async () => {
    await becomes('ways', [], 0)
    const leaveFirst = await enter('ada')
    const leaveSecond = await enter('ada')
    assert.equal(await room('ways'), { users: ['ada'], connections: 2 })
    leaveFirst()
    await becomes('ways', ['ada'], 1)
    leaveSecond()
    await becomes('ways', [], 0)
  })
}

Presence('server-sent events carry the room, one event a change', async () => {
  const leaving = new AbortController()
  const headers = { accept: 'text/event-stream' }
  const response = await fetch(`http://${host.listen}/rooms/sse/join/ada`, { headers, signal: leaving.signal })
  assert.equal([response.status, response.headers.get('content-type')], [200, 'text/event-stream'])
  let text = ''
  const reading = (async () => {
    for await (const chunk of response.body!) text += Buffer.from(chunk)
  })().catch(() => {})
  await until(() => text.includes('\n\n'))
  const bob = joinRoom('sse', 'bob')
  await until(() => text.split('\n\n').length > 2)
  assert.is(
    text,
    'id: 1\ndata: {"users":["ada"],"connections":1}\n\nid: 2\ndata: {"users":["ada","bob"],"connections":2}\n\n',
  )
  leaving.abort()
  await reading
  await bob.until(2)
  assert.equal(bob.seen[1], { users: ['bob'], connections: 1 })
  bob.cancel()
})

const Orders = suite('orders')
const importAll = (items: readonly Json[]): Promise<{ code: number; json: unknown }> => {
  const { path, encode, decode } = codec(orders, 'Import')
  return new Promise((resolve) => {
    const stream: ClientWritableStream<Buffer> = client.makeClientStreamRequest(path, same, same, (error, reply) => {
      if (error === null) resolve({ code: 0, json: decode(reply as Buffer) })
      else resolve({ code: error.code, json: undefined })
    })
    for (const item of items) stream.write(encode(item))
    stream.end()
  })
}
const counted = async () => Number((await at('GET', '/counter/orders')).json.value)

Orders('Place answers as Checkout does, and counts the order before that', async () => {
  await add('o1', 'p', 'Pear', 2)
  const before = await counted()
  const order = { items: [{ productId: 'p', name: 'Pear', quantity: 2 }], checkedOut: true }
  assert.equal((await call(orders, 'Place', { user_id: 'o1', order_id: '1' })).json, order)
  assert.is(await counted(), before + 1)
  await add('o2', 'p', 'Pear', 1)
  assert.equal((await at('POST', '/orders/o2/2/place')).json.checkedOut, true)
  assert.is(await counted(), before + 2)
  // The refusal of the cart is that of the order; its effect ran before.
  assert.is((await call(orders, 'Place', { user_id: 'nobody', order_id: '3' })).code, 9)
  assert.is((await at('POST', '/orders/nobody/4/place')).status, 400)
  assert.equal((await http(host.admin, 'GET', '/v1/effects')).json.effects, [])
})

Orders('Import adds up what it accepted and refused, and puts it into the carts', async () => {
  const item = (user_id: string, product_id: string, quantity: number) => ({
    user_id,
    product_id,
    name: product_id,
    quantity,
  })
  assert.equal(await importAll([]), { code: 0, json: { accepted: 0, refused: 0 } })
  const items = [item('i1', 'a', 1), item('i1', '', 1), item('i2', 'b', 2), item('i1', 'a', 0), item('i1', 'a', 3)]
  assert.equal(await importAll(items), { code: 0, json: { accepted: 3, refused: 2 } })
  assert.equal((await at('GET', '/carts/i1/items')).json, [{ productId: 'a', name: 'a', quantity: 4 }])
  assert.equal((await at('GET', '/carts/i2/items')).json, [{ productId: 'b', name: 'b', quantity: 2 }])
  const many = Array.from({ length: 150 }, (_, n) => item('i3', `p${n % 10}`, 1))
  assert.equal((await importAll(many)).json, { accepted: 150, refused: 0 })
  const whole = (await at('GET', '/carts/i3/items')).json as { quantity: number }[]
  assert.equal(
    whole.map(({ quantity }) => quantity),
    Array(10).fill(15),
  )
  // Over HTTP the body is the one element.
  assert.equal((await at('POST', '/orders/import', item('i4', 'a', 1))).json, { accepted: 1, refused: 0 })
})

Orders('Watch tells the cart so many times, over every form of stream', async () => {
  await add('w', 'p', 'Pear', 1)
  const now = { items: [{ productId: 'p', name: 'Pear', quantity: 1 }], checkedOut: false }
  const stream = listen(orders, 'Watch', { user_id: 'w', times: 3 })
  assert.is((await stream.status).code, 0)
  assert.equal(stream.seen, [now, now, now])
  const none = listen(orders, 'Watch', { user_id: 'w', times: 0 })
  assert.equal([(await none.status).code, none.seen], [0, []])
  const line = JSON.stringify(now)
  assert.is((await at('GET', '/orders/w/watch/2')).text, `${line}\n${line}\n`)
  const events = await at('GET', '/orders/w/watch/2', undefined, { accept: 'text/event-stream' })
  assert.is(events.text, `id: 1\ndata: ${line}\n\nid: 2\ndata: ${line}\n\nevent: end\nid: end\ndata: {}\n\n`)
  assert.equal((await at('GET', '/orders/w/watch/0')).text, '')
  assert.is((await at('GET', '/orders/w/watch/many')).status, 400)
})

Orders('Echo gives back each text as it comes, until the client is done', async () => {
  const { path, encode, decode } = codec(orders, 'Echo')
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(path, same, same)
  const echo = listener(stream, decode)
  for (const text of ['a', '', 'ü']) {
    stream.write(encode({ text }))
    assert.equal((await echo.until(echo.seen.length + 1)).at(-1), { text })
  }
  for (let n = 0; n < 500; n++) stream.write(encode({ text: String(n) }))
  stream.end()
  assert.is((await echo.status).code, 0)
  assert.equal(
    echo.seen.slice(3),
    Array.from({ length: 500 }, (_, n) => ({ text: String(n) })),
  )
  assert.is((await at('POST', '/orders/echo', { text: 'x' })).text, '{"text":"x"}\n')
})

Orders.after(async () => {
  client.close()
  for (const each of Object.values(unary)) each.close()
  await host.stop()
  data.remove()
})

for (const each of [Counter, Cart, Profiles, Presence, Orders]) each.run()
