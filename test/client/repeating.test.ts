// Guards tries: a command whose answer was lost is decided once, and nothing is tried again that might be done twice.

import type { DescMethodUnary } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pause } from '../../sdk/client/lost.ts'
import { component } from '../support/components.ts'
import { cutProxy } from '../support/cut-proxy.ts'
import { temporary, testHost } from '../support/host.ts'
import { freeAddress } from '../support/inn.ts'
import { protos } from '../support/protos.ts'
import { carts, caughtUp, sales } from '../support/sales.ts'
import { typedClient, written } from '../support/typed-client.ts'

const data = temporary()
const host = await testHost(data.path)
for (const bytes of [
  await carts(),
  await sales(),
  ...(await Promise.all(
    ['counter/typescript', 'orders/typescript'].map(async (name) => (await component(name)).bytes),
  )),
])
  assert.ok((await host.deployer.deploy(bytes)).ok)
await caughtUp(host)
const proxy = await cutProxy(host.listen)
const code = await typedClient(host)
const client = code.create({ baseUrl: `http://${proxy.address}` })

const key = (head: string) => /^idempotency-key: (.*)$/m.exec(head)?.[1]
const since = (at: number) => proxy.heads.slice(at)

/** A service that answers as it is told, in this process. */
const told = await written(
  await Promise.all(
    ['entity', 'action'].map(async (kind) => {
      const capital = kind.replace(/^./, (letter) => letter.toUpperCase())
      const { bytes } = await protos({
        [`${kind}.proto`]: `syntax = "proto3"; package told; message M { int64 n = 1; }
service ${capital} { rpc Do(M) returns (M); rpc Safe(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Often(M) returns (M) { option idempotency_level = IDEMPOTENT; } rpc Many(M) returns (stream M); rpc ManyOften(M) returns (stream M) { option idempotency_level = IDEMPOTENT; } }`,
      })
      return { name: `told.${capital}`, kind: kind === 'entity' ? 'value' : kind, descriptors: bytes }
    }),
  ),
)

type Answering = (context: HandlerContext) => unknown

/** Its client, and the calls that came. */
function telling(service: 'entity' | 'action', method: string, answer: Answering, options = {}) {
  const contexts: HandlerContext[] = []
  const { method: described } = told.create({ baseUrl: 'http://none' })[service][method] as { method: DescMethodUnary }
  const transport = createRouterTransport(({ rpc }) => {
    rpc(described, (_: unknown, context: HandlerContext) => {
      contexts.push(context)
      return answer(context) as never
    })
  })
  const call = told.create({ transport, ...options })[service][method]
  return { call, contexts }
}

const away = () => {
  throw new ConnectError('away', Code.Unavailable)
}

const failure = async (call: Promise<unknown>): Promise<ConnectError> => {
  try {
    await call
  } catch (error) {
    return error as ConnectError
  }
  return assert.unreachable() as never
}

const Repeating = suite('tries')

Repeating(
  'repeating.R1: a command whose answer was lost is decided once: the next try has its key, and gets its answer',
  async () => {
    const at = proxy.heads.length
    proxy.cutAnswers(2)
    assert.is((await client.counter.add({ id: 'lost', amount: 5n })).value, 5n)
    const keys = since(at).map(key)
    assert.is(keys.length, 3)
    assert.is(new Set(keys).size, 1)
    assert.match(keys[0]!, /^[\da-f-]{36}$/)
    assert.is((await client.counter.get({ id: 'lost' })).value, 5n)
  },
)

Repeating('each command has a key of its own, and a caller may give one', async () => {
  const at = proxy.heads.length
  await client.counter.add({ id: 'own', amount: 1n })
  await client.counter.add({ id: 'own', amount: 1n })
  const [one, other] = since(at).map(key)
  assert.is.not(one, other)
  for (const options of [{ idempotencyKey: 'mine' }, { headers: { 'Idempotency-Key': 'mine' } }]) {
    assert.is((await client.counter.add({ id: 'own', amount: 1n }, options)).value, 3n)
    assert.is(key(proxy.heads.at(-1)!), 'mine')
  }
})

Repeating('outside of a page a client without a baseUrl is told so, at once', async () => {
  const refused = await failure(code.create({}).counter.get({ id: 'a' }))
  assert.is(refused.code, Code.InvalidArgument)
  assert.match(refused.message, /createClient\(\{ baseUrl: 'http:/)
})

Repeating('lost.L1: a refused, a cut and an unanswered connection are UNAVAILABLE, with the reason', async () => {
  const nowhere = code.create({ baseUrl: `http://${await freeAddress()}`, tries: 1 })
  const refused = await failure(nowhere.counter.get({ id: 'a' }))
  assert.is(refused.code, Code.Unavailable)
  assert.match(refused.message, /the connection was lost \(.*ECONNREFUSED/)
  assert.is((await failure(Array.fromAsync(nowhere.cartItems.ofUser({ userId: 'a' })))).code, Code.Unavailable)
  proxy.cutAnswers(1)
  assert.is((await failure(client.counter.get({ id: 'a' }, { tries: 1 }))).code, Code.Unavailable)
})

Repeating('repeating.R1: a query whose connection is lost is asked again; an action is called once', async () => {
  proxy.cutAnswers(1)
  assert.is((await client.cartItems.count({})).items, 0n)
  proxy.cutAnswers(1)
  assert.equal(await Array.fromAsync(client.cartItems.ofUser({ userId: 'none' })), [])
  const at = proxy.heads.length
  proxy.cutAnswers(1)
  assert.is((await failure(client.orders.place({ userId: 'ann' }))).code, Code.Unavailable)
  assert.is(since(at).length, 1)
  assert.is(key(since(at)[0]!), undefined)
})

Repeating('repeating.R1: an action whose .proto says that it may be repeated is tried again', async () => {
  for (const [service, method, tried] of [
    ['action', 'do', 1],
    ['action', 'often', 3],
    ['action', 'safe', 3],
    ['entity', 'do', 3],
    ['entity', 'safe', 3],
  ] as const) {
    const { call, contexts } = telling(service, method, away, { tries: 3 })
    assert.is((await failure(call({}))).code, Code.Unavailable)
    assert.is(contexts.length, tried, `${service} ${method}`)
    const keys = contexts.map(({ requestHeader }) => requestHeader.get('idempotency-key'))
    assert.is(new Set(keys).size, 1)
    assert.is(keys[0] === null, service === 'action')
  }
})

Repeating('repeating.R1: what a host refuses is not tried again, whatever it says but that it is away', async () => {
  for (const refused of [
    Code.InvalidArgument,
    Code.ResourceExhausted,
    Code.DeadlineExceeded,
    Code.Internal,
    Code.Aborted,
  ]) {
    const { call, contexts } = telling('entity', 'do', () => {
      throw new ConnectError('no', refused)
    })
    assert.is((await failure(call({}))).code, refused)
    assert.is(contexts.length, 1)
  }
})

Repeating('repeating.R2: a stream is tried again before its first element, and not behind it', async () => {
  let calls = 0
  const { call } = telling('entity', 'manyOften', async function* () {
    calls += 1
    if (calls === 1) away()
    yield { n: 1n }
    if (calls < 9) away()
  })
  const seen: bigint[] = []
  const failed = await failure(
    (async () => {
      for await (const { n } of call({})) seen.push(n)
    })(),
  )
  assert.is(failed.code, Code.Unavailable)
  assert.equal([calls, seen], [2, [1n]])
  const { call: once, contexts } = telling('entity', 'many', async function* () {
    yield away()
  })
  await failure(Array.fromAsync(once({})))
  assert.is(contexts.length, 1)
})

Repeating('a stream that is left is ended', async () => {
  let ended = false
  const { call } = telling('entity', 'many', async function* ({ signal }) {
    signal.addEventListener('abort', () => (ended = true))
    for (let n = 0n; ; n++) yield { n }
  })
  for await (const { n } of call({})) if (n === 3n) break
  while (!ended) await new Promise((resolve) => setTimeout(resolve, 1))
})

Repeating('an abort ends a call, and the wait for the next try', async () => {
  const { call, contexts } = telling('entity', 'do', away, { tries: 1_000 })
  const abort = new AbortController()
  const failed = failure(call({}, { signal: abort.signal }))
  while (contexts.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  abort.abort()
  assert.is((await failed).code, Code.Canceled)
  const came = contexts.length
  assert.is((await failure(call({}, { signal: abort.signal }))).code, Code.Canceled)
  assert.is(contexts.length, came)
})

Repeating('an abort ends the wait itself, and a network that is there again does', async () => {
  // Waits of seconds: whoever has not ended in one never heard.
  const abort = new AbortController()
  const waits = [pause(30, abort.signal), pause(30, undefined)].map((wait) =>
    wait.then(
      () => 'goes on',
      () => 'ended',
    ),
  )
  const network = new EventTarget()
  Object.assign(globalThis, { addEventListener: network.addEventListener.bind(network) })
  waits.push(pause(30, undefined).then(() => 'on the network'))
  Object.assign(globalThis, { addEventListener: undefined })
  network.dispatchEvent(new Event('online'))
  abort.abort()
  const late = new Promise<string>((resolve) => setTimeout(resolve, 1_000, 'late'))
  assert.equal(await Promise.all(waits.map((wait) => Promise.race([wait, late]))), ['ended', 'late', 'on the network'])
})

Repeating('a time limit is for all tries together', async () => {
  const left: number[] = []
  const answer: Answering = (context) => {
    left.push(context.timeoutMs()!)
    return away()
  }
  const { call } = telling('entity', 'do', answer, { tries: Number.POSITIVE_INFINITY })
  assert.is((await failure(call({}, { timeoutMs: 400 }))).code, Code.DeadlineExceeded)
  assert.ok(
    left.every((ms, at) => ms <= (left[at - 1] ?? 400)),
    left.join(),
  )
})

Repeating('headers of the client and of the call go with each try, those of the call first', async () => {
  const { call, contexts } = telling('entity', 'do', () => (contexts.length < 2 ? away() : {}), {
    headers: { authorization: 'one', 'x-page': 'p' },
  })
  await call({}, { headers: { authorization: 'other' } })
  assert.is(contexts.length, 2)
  for (const { requestHeader } of contexts)
    assert.equal([requestHeader.get('authorization'), requestHeader.get('x-page')], ['other', 'p'])
})

Repeating.after(async () => {
  await proxy.stop()
  await host.stop()
  for (const one of [code, told]) one.remove()
  data.remove()
})

Repeating.run()
