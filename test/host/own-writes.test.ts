// Guards that who wrote reads what was written (§commit): what answers tell of, and queries that wait for it.

import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FrameReader, frame, trailerFlag } from '../../host/ingress/envelope.ts'
import { Placement } from '../../host/placement.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { standardSet } from '../../host/schema/standard.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { component } from '../support/components.ts'
import { http, schemaOf, temporary, testHost } from '../support/host.ts'
import { carts, caughtUp, salesWith, shown, view } from '../support/sales.ts'
import { actions, scripted, values } from '../support/scripted.ts'
import { partitions } from '../support/store.ts'

const cart = 'examples.cart.v1.ShoppingCart'
const orders = 'examples.checkout.v1.Orders'
const profiles = 'examples.profile.v1.Profiles'
const after = 'x-innkeeper-after'
const commit = 'x-innkeeper-commit'

/** Rows of carts, and one for each profile, but those of this name: they cannot be projected. */
const salesBut = (name: string) =>
  salesWith(
    (text) =>
      text
        .replace('import { eventsOf, rows, view }', 'import { eventsOf, rows, valuesOf, view }')
        .replace('import { CartItem,', "import { Profile, Profiles } from './gen/profile.ts'\nimport { CartItem,")
        .replace(
          /\n\)\n$/,
          `
  valuesOf(Profiles, Profile, {
    updated: ({ user, name }): CartItem => {
      if (name === '${name}') throw new Error('it is bitter')
      return { item: user, user, product: 'profile', name, quantity: 0n, sold: false }
    },
  }),
)
`,
        ),
    (text) =>
      text
        .replace('import "innkeeper/options.proto";', '$&\nimport "profile.proto";')
        .replace('from: ["examples.cart.v1.ShoppingCart"]', `from: ["${cart}", "${profiles}"]`),
  )

const data = temporary()
const host = await testHost(data.path, { 'deadline-ms': '5000', 'streams-max': '64' })
for (const bytes of [
  await carts(),
  (await component('counter/typescript')).bytes,
  (await component('orders/typescript')).bytes,
  (await component('profile/typescript')).bytes,
  await scripted(),
  await salesBut('poison'),
]) {
  const result = await host.deployer.deploy(bytes)
  assert.ok(result.ok, JSON.stringify(result))
}
await caughtUp(host)

/** What came of a call, over any protocol. */
interface Called {
  readonly code: number
  readonly message: string
  // biome-ignore lint/suspicious/noExplicitAny: what tests look at is what they assert
  readonly replies: readonly any[]
  /** What its headers tell of, and its trailer. */
  readonly header: string | undefined
  readonly trailer: string | undefined
}

type Headers = Readonly<Record<string, string | readonly string[]>>
type Call = (target: string, json: Json | readonly Json[], headers?: Headers) => Promise<Called>

const methodOf = (target: string) => {
  const [service, name] = target.split('/') as [string, string]
  const schema = schemaOf(host, service)
  return { schema, method: schema.services.get(service)!.methods.get(name)! }
}
const requestsOf = (target: string, json: Json | readonly Json[]): readonly Buffer[] => {
  const { schema, method } = methodOf(target)
  return ([json].flat() as Json[]).map((one) => Buffer.from(toMessage(schema, method.input, one)))
}
const replyOf = (target: string, bytes: Uint8Array) => {
  const { schema, method } = methodOf(target)
  return JSON.parse(toJson(schema, method.output, bytes))
}

const client = new Client(host.listen, credentials.createInsecure())

const grpc: Call = (target, json, headers = {}) =>
  new Promise((resolve) => {
    const metadata = new Metadata()
    for (const [name, value] of Object.entries(headers)) for (const one of [value].flat()) metadata.add(name, one)
    const same = (bytes: Buffer) => bytes
    const call = client.makeBidiStreamRequest(`/${target}`, same, same, metadata)
    const replies: unknown[] = []
    let header: string | undefined
    call.on('metadata', (given) => {
      header = given.get(commit)[0]?.toString()
    })
    call.on('data', (bytes: Buffer) => replies.push(replyOf(target, bytes)))
    call.on('error', () => {})
    call.on('status', ({ code, details, metadata: last }) =>
      resolve({ code, message: details, replies, header, trailer: last.get(commit)[0]?.toString() }),
    )
    for (const request of requestsOf(target, json)) call.write(request)
    call.end()
  })

const web: Call = async (target, json, headers = {}) => {
  const response = await fetch(`http://${host.listen}/${target}`, {
    method: 'POST',
    headers: [
      ['content-type', 'application/grpc-web+proto'],
      ...Object.entries(headers).flatMap(([name, value]) =>
        [value].flat().map((one) => [name, one] as [string, string]),
      ),
    ],
    body: new Uint8Array(Buffer.concat(requestsOf(target, json).map((bytes) => frame(0, bytes)))),
  })
  const reader = new FrameReader(10_000_000)
  reader.push(Buffer.from(await response.arrayBuffer()))
  const replies: unknown[] = []
  let trailer = new Map<string, string>()
  for (let next = reader.next(); next !== undefined; next = reader.next())
    if (next.flags !== trailerFlag) replies.push(replyOf(target, next.payload))
    else {
      const lines = next.payload.toString().trimEnd().split('\r\n')
      trailer = new Map(lines.map((line) => line.split(/: (.*)/) as [string, string]))
    }
  return {
    code: Number(trailer.get('grpc-status')),
    message: decodeURIComponent(trailer.get('grpc-message') ?? ''),
    replies,
    header: response.headers.get(commit) ?? undefined,
    trailer: trailer.get(commit),
  }
}

/** Each method of it has a rule, or the rule of methods without one. */
const paths: Readonly<
  Record<string, (json: Record<string, string>) => readonly [method: string, path: string, body?: unknown]>
> = {
  [`${cart}/AddItem`]: ({ user_id, ...body }) => ['POST', `/cart/${user_id}/items/add`, body],
  [`${cart}/RemoveItem`]: ({ user_id, product_id }) => ['POST', `/cart/${user_id}/items/${product_id}/remove`],
  [`${cart}/GetCart`]: ({ user_id }) => ['GET', `/carts/${user_id}`],
  [`${profiles}/Put`]: ({ user, ...body }) => ['PUT', `/profile/${user}`, body],
  [`${orders}/Place`]: ({ user_id, order_id }) => ['POST', `/orders/${user_id}/${order_id}/place`],
  [`${view}/OfUser`]: ({ user_id }) => ['GET', `/sales/users/${user_id}/items?limit=99`],
  [`${view}/Count`]: () => ['GET', '/sales/totals'],
}

const json: Call = async (target, asked, headers = {}) => {
  const [method, path, body] = paths[target]!(asked as Record<string, string>)
  const response = await fetch(`http://${host.listen}${path}`, {
    method,
    headers: [
      ...(body === undefined ? [] : [['content-type', 'application/json'] as [string, string]]),
      ...Object.entries(headers).flatMap(([name, value]) =>
        [value].flat().map((one) => [name, one] as [string, string]),
      ),
    ],
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  const all = lines.map((line) => JSON.parse(line))
  return {
    code: response.status === 200 ? 0 : all[0].code,
    message: response.status === 200 ? '' : all[0].message,
    replies: response.status === 200 ? all : [],
    header: response.headers.get(commit) ?? undefined,
    trailer: undefined,
  }
}

const protocols: Readonly<Record<string, Call>> = { JSON: json, gRPC: grpc, 'gRPC-Web': web }

const add = (user: string, product: string) => ({ user_id: user, product_id: product, name: product, quantity: 1 })
const token = /^\d+:\d+(,\d+:\d+)*$/
const partitionsOf = (text: string | undefined) => (text ?? '').split(',').map((one) => Number(one.split(':')[0]))

/** Where an entity lies. */
function placed(service: string, key: string): number {
  const { storage } = host.services.get(service)! as { readonly storage: number }
  return new Placement(host.partitions).ofEntity(storage, key)
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 3_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.unreachable('it did not come about')
}

/** The first result of a live query, as an event. */
async function firstResult(headers: Readonly<Record<string, string>>): Promise<string> {
  const stream = await fetch(`http://${host.listen}/sales/dashboard?limit=999`, {
    headers: { accept: 'text/event-stream', ...headers },
  })
  let seen = ''
  for await (const chunk of stream.body!) {
    seen += Buffer.from(chunk).toString()
    const [, event] = /^data: (.*)$/m.exec(seen) ?? []
    if (event !== undefined) return event
  }
  return seen
}

const inOrder = (...numbers: readonly number[]) => [...new Set(numbers)].sort((a, b) => a - b)
const productsOf = ({ replies }: Called) => replies.map(({ product }) => product)
const ofUser = (user: string) => ({ user_id: user, limit: 99 })

const OwnWrites = suite('reading one’s own writes')

OwnWrites.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

for (const [name, call] of Object.entries(protocols)) {
  OwnWrites(`§commit-1, §commit-4: over ${name} a query with what a write was answered sees it at once`, async () => {
    for (let at = 0; at < 25; at++) {
      const user = `${name}-${at}`
      const added = await call(`${cart}/AddItem`, add(user, 'tea'))
      assert.is(added.code, 0, added.message)
      assert.equal(partitionsOf(added.header), [placed(cart, user)])
      const items = await call(`${view}/OfUser`, ofUser(user), { [after]: added.header! })
      assert.equal(productsOf(items), ['tea'], `${at}: ${items.message}`)
      const put = await call(`${profiles}/Put`, { user, name: 'Ann' })
      assert.equal(partitionsOf(put.header), [placed(profiles, user)])
      const both = await call(`${view}/OfUser`, ofUser(user), { [after]: `${added.header}, ${put.header}` })
      assert.equal(productsOf(both).sort(), ['profile', 'tea'], `${at}: ${both.message}`)
    }
  })

  OwnWrites(`§commit-1: over ${name} an answer tells of the forward and the synchronous effect, too`, async () => {
    for (let at = 0; at < 10; at++) {
      const user = `sold-${name}-${at}`
      const count = async (headers = {}) => Number((await call(`${view}/Count`, {}, headers)).replies[0].sold)
      const added = await call(`${cart}/AddItem`, add(user, 'tea'))
      const before = await count({ [after]: added.header! })
      const { code, header } = await call(`${orders}/Place`, { user_id: user, order_id: `o${at}` })
      assert.is(code, 0)
      const touched = partitionsOf(header)
      assert.equal(touched, inOrder(...touched), 'one number of each partition')
      for (const one of [placed('examples.counter.v1.Counter', 'orders'), placed(cart, user)])
        assert.ok(touched.includes(one), `${header} has no ${one}`)
      assert.is(await count({ [after]: header! }), before + 1)
    }
  })

  OwnWrites(`§commit-2: over ${name} what writes nothing tells of the last commit of its partition`, async () => {
    const user = `read-${name}`
    const added = await call(`${cart}/AddItem`, add(user, 'tea'))
    const read = await call(`${cart}/GetCart`, { user_id: user })
    assert.is(read.header, added.header)
    const refused = await call(`${cart}/RemoveItem`, { user_id: user, product_id: 'none' })
    assert.is(refused.code, 5)
    assert.is(refused.header, added.header)
    const query = await call(`${view}/Count`, {})
    assert.equal([query.code, query.header], [0, undefined])
  })

  OwnWrites(`§commit-5: over ${name} a token that cannot be is refused`, async () => {
    const { header } = await call(`${cart}/AddItem`, add(`bad-${name}`, 'tea'))
    const [partition, number] = header!.split(':').map(Number) as [number, number]
    for (const [given, message] of [
      ['tea', /^x-innkeeper-after is a list of PARTITION:COMMIT, as `0:1234`$/],
      [`${header},`, /^x-innkeeper-after is a list/],
      [`${header},-1:2`, /^x-innkeeper-after is a list/],
      ['0:99999999999999999', /^x-innkeeper-after is a list/],
      [`${partitions}:1`, new RegExp(`^there is no partition ${partitions}, only 0 to ${partitions - 1}; send what `)],
      [
        `${partition}:${number + 1_000}`,
        new RegExp(`^partition ${partition} ends at commit [0-9]+, before ${number + 1_000}; send`),
      ],
    ] as const)
      for (const method of ['OfUser', 'Count']) {
        const asked = await call(`${view}/${method}`, method === 'Count' ? {} : ofUser('a'), { [after]: given })
        assert.is(asked.code, 3, given)
        assert.match(asked.message, message)
        assert.equal(asked.replies, [])
      }
  })
}

OwnWrites('§commit-4: the first result of a live query reflects the token', async () => {
  for (let at = 0; at < 10; at++) {
    const user = `live-${at}`
    await json(`${cart}/AddItem`, add(user, `live-${at}`))
    const { header } = await json(`${orders}/Place`, { user_id: user, order_id: 'o' })
    assert.match(await firstResult({ [after]: header! }), `"live-${at}"`)
  }
  const refused = await http(host.listen, 'GET', '/sales/dashboard?limit=9', undefined, { [after]: '0:999999999' })
  assert.is(refused.status, 400)
})

OwnWrites('queries.Q2, §commit-4: lists add up, and so do repeated headers', async () => {
  for (const [name, call] of Object.entries(protocols)) {
    const users = Array.from({ length: 8 }, (_, at) => `many-${name}-${at}`)
    const tokens = await Promise.all(
      users.map(async (user) => (await call(`${cart}/AddItem`, add(user, 'pot'))).header!),
    )
    const answers = await Promise.all(
      users.map((user, at) =>
        call(`${view}/OfUser`, ofUser(user), { [after]: at % 2 === 0 ? tokens : [tokens.join(','), tokens[0]!] }),
      ),
    )
    for (const answer of answers) assert.equal(productsOf(answer), ['pot'], answer.message)
    const [last] = tokens
    const wrong = await call(`${view}/OfUser`, ofUser('a'), { [after]: [last!, 'tea'] })
    assert.is(wrong.code, 3)
  }
})

OwnWrites(
  '§commit-2, §commit-6: a repeat under a key tells of the last commit by then, not of what it told before',
  async () => {
    const key = { 'idempotency-key': 'k' }
    const first = await json(`${cart}/AddItem`, add('again', 'tea'), key)
    const other = await json(`${cart}/AddItem`, add('again', 'cup'))
    assert.is.not(other.header, first.header)
    const repeat = await json(`${cart}/AddItem`, add('again', 'tea'), key)
    assert.equal([repeat.code, repeat.header], [0, other.header])
  },
)

OwnWrites('§commit-2: an action that wrote nothing and waited for nothing tells of no commit', async () => {
  for (const call of [grpc, web]) {
    const echo = await call(`${orders}/Echo`, [{ text: 'a' }, { text: 'b' }])
    assert.equal(echo.replies, [{ text: 'a' }, { text: 'b' }])
    assert.equal([echo.header, echo.trailer], [undefined, undefined])
  }
})

OwnWrites('§commit-3: a streamed request is answered with all that it waited for', async () => {
  for (const [name, call] of [
    ['gRPC', grpc],
    ['gRPC-Web', web],
  ] as const) {
    const users = ['x', 'y', 'z'].map((user) => `import-${name}-${user}`)
    const imported = await call(
      `${orders}/Import`,
      users.map((user) => add(user, 'tea')),
    )
    assert.equal(imported.replies, [{ accepted: 3, refused: 0 }])
    for (const user of users) {
      assert.ok(partitionsOf(imported.header).includes(placed(cart, user)))
      const items = await call(`${view}/OfUser`, ofUser(user), { [after]: imported.header! })
      assert.equal(productsOf(items), ['tea'])
    }
  }
})

OwnWrites(
  '§commit-3: headers of a stream tell of its first element, and a trailer of all, where that is more',
  async () => {
    const write = "return { change: { updated: 'x' }, outcome: say('') }"
    /** Two elements, one of which waits for a write. */
    const stream = (writing: number) => `
    if (cancelled) return {}
    memory.count = (memory.count ?? 0) + 1
    const effects = [effect('Values', 'Do', 'written', ${JSON.stringify(write)}, true)]
    if (memory.count > 2) return { done: true }
    return { outputs: [say(memory.count, memory.count === ${writing} ? { effects } : {})], more: true }`
    for (const call of [grpc, web]) {
      const late = await call(`${actions}/Out`, { code: stream(2) })
      assert.equal(
        late.replies.map(({ text }) => text),
        ['1', '2'],
        late.message,
      )
      assert.is(late.header, undefined)
      assert.match(late.trailer ?? '', token)
      assert.ok(partitionsOf(late.trailer).includes(placed(values, 'written')))
      const early = await call(`${actions}/Out`, { code: stream(1) })
      assert.match(early.header ?? '', token)
      assert.is(early.trailer, undefined)
    }
  },
)

OwnWrites('§commit-1: a reply that was deferred tells of the commit that resolved it', async () => {
  const act = (code: string) => grpc(`${values}/Do`, { id: 'deferred', code })
  const deferred = act("return { change: { updated: 'asked' }, outcome: later('t', 60) }")
  await until(async () => (await act("return { outcome: say(value ?? '') }")).replies[0].text === 'asked')
  const resolved = await act(
    "return { change: { updated: 'told' }, outcome: say('', { resolves: [told('t', 'Do', 'yes')] }) }",
  )
  const { replies, header } = await deferred
  assert.equal(replies, [{ text: 'yes' }])
  assert.match(header ?? '', token)
  assert.is(header, resolved.header)
})

OwnWrites('§commit-3: a watch tells of the commit that its first answer reflects', async () => {
  const { header } = await grpc(`${cart}/AddItem`, add('watched', 'tea'))
  const abort = new AbortController()
  const stream = await fetch(`http://${host.listen}/carts/watched/watch`, { signal: abort.signal })
  assert.is(stream.headers.get(commit), header)
  abort.abort()
})

OwnWrites('§commit-6: no function gets the header, and none sets it', async () => {
  const code = `return { change: { updated: 'a' }, outcome: say(metadata, { metadata: [['${commit}', '9:9'], ['x-own', '1']] }) }`
  const answer = await http(host.listen, 'POST', '/values/own', { code }, { [commit]: '8:8', 'x-mine': 'yes' })
  assert.is(answer.status, 200, answer.text)
  assert.match(answer.headers.get(commit)!, new RegExp(`^${placed(values, 'own')}:[0-9]+$`))
  assert.is(answer.headers.get('x-own'), '1')
  assert.match(answer.text, 'x-mine')
  assert.not.match(answer.text, commit)
})

OwnWrites('§commit-3: answers of pipelined commands carry it as metadata', async () => {
  const same = (bytes: Buffer) => bytes
  const pipe = client.makeBidiStreamRequest('/innkeeper.v1.Commands/Stream', same, same)
  const [payload] = requestsOf(`${cart}/AddItem`, add('piped', 'tea'))
  const command = { id: '1', service: cart, method: 'AddItem', payload: payload!.toString('base64') }
  const commands = { hello: { version: 1 }, commands: [command] }
  const schema = loadSchema(standardSet('innkeeper/v1/commands.proto'))
  pipe.write(Buffer.from(toMessage(schema, schema.messages.get('innkeeper.v1.Frame')!, commands)))
  const answers = await new Promise<{ metadata: { name: string; text: string }[] }[]>((resolve) =>
    pipe.on('data', (bytes: Buffer) => {
      const { answers } = JSON.parse(toJson(schema, schema.messages.get('innkeeper.v1.Answers')!, bytes))
      if (answers?.length > 0) resolve(answers)
    }),
  )
  pipe.end()
  const { text } = answers[0]!.metadata.find(({ name }) => name === commit)!
  assert.equal(productsOf(await grpc(`${view}/OfUser`, ofUser('piped'), { [after]: text })), ['tea'])
})

OwnWrites(
  'projection/views.V3, §commit-4, §commit-5: where the view cannot come so far a query ends at its deadline, and one that waits goes on once it can',
  async () => {
    const poison = await grpc(`${profiles}/Put`, { user: 'poison', name: 'poison' })
    const headers = { [after]: poison.header! }
    await until(async () => (await shown(host)).state === 'stuck')
    const soon = { ...headers, 'grpc-timeout': '300m' }
    const late = await Promise.all([
      ...[grpc, web].flatMap((call) => [
        call(`${view}/OfUser`, ofUser('a'), soon),
        call(`${view}/Count`, {}, soon),
        call(`${view}/Dashboard`, { limit: 9 }, soon),
      ]),
      json(`${view}/Count`, {}, headers),
    ])
    for (const { code, replies } of late) assert.equal([code, replies], [4, []])
    // So many may wait as there may be streams, but for an eighth.
    const crowd = await Promise.all(Array.from({ length: 60 }, () => grpc(`${view}/Count`, {}, soon)))
    assert.is(crowd.filter(({ code }) => code === 4).length, 56)
    for (const { code, message } of crowd)
      if (code !== 4) assert.equal([code, message], [8, 'too many queries wait for commits; try again later'])
    // Who does not name it is answered.
    assert.is((await json(`${view}/Count`, {})).code, 0)
    const waiting = grpc(`${view}/OfUser`, ofUser('poison'), { ...headers, 'grpc-timeout': '1M' })
    const result = await host.deployer.deploy(await salesBut('nothing'))
    assert.ok(result.ok, JSON.stringify(result))
    const items = await waiting
    assert.equal([items.code, productsOf(items)], [0, ['profile']], items.message)
  },
)

OwnWrites.run()
