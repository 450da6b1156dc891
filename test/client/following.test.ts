// Guards watches and live queries of a client: they go on over kill -9 and deployments, and give the newest answer, each once.

import type { DescMethodStreaming } from '@bufbuild/protobuf'
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import { cutProxy } from '../support/cut-proxy.ts'
import { hostProcess, http, temporary } from '../support/host.ts'
import { freeAddress } from '../support/inn.ts'
import { protos } from '../support/protos.ts'
import { caughtUp, salesWith } from '../support/sales.ts'
import { typedClient, written } from '../support/typed-client.ts'

const told = await written([
  {
    name: 'told.Told',
    kind: 'value',
    descriptors: (
      await protos({
        'told.proto': `syntax = "proto3"; package told; import "innkeeper/options.proto"; message M { int64 n = 1; }
service Told { rpc Get(M) returns (M); rpc Watch(M) returns (stream M) { option (innkeeper.method) = { watch: "Get" }; } }`,
      })
    ).bytes,
  },
])

type Answering = (call: number, signal: AbortSignal) => AsyncIterable<{ n: bigint }>

/** A watch that is answered in this process; the calls that came are counted from 1. */
function telling(answer: Answering, options = {}) {
  const method = told.create({ baseUrl: 'http://none' }).told.watch.method as DescMethodStreaming
  const calls = { count: 0 }
  const transport = createRouterTransport(({ rpc }) => {
    rpc(method as never, ((_: unknown, { signal }: { signal: AbortSignal }) => answer(++calls.count, signal)) as never)
  })
  return { watch: told.create({ transport, ...options }).told.watch, calls }
}

const away = (code = Code.Unavailable): never => {
  throw new ConnectError('away', code)
}
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))

async function taken<T>(answers: AsyncIterable<T>, count: number): Promise<T[]> {
  const all: T[] = []
  for await (const answer of answers) if (all.push(answer) === count) break
  return all
}

const Following = suite('following')

Following('following.F1: a watch and a live query go on after kill -9 and a deployment of a new version', async () => {
  const data = temporary()
  const [listen, admin] = [await freeAddress(), await freeAddress()]
  const start = (more: readonly string[] = []) =>
    hostProcess(data.path, ['--listen', listen, '--admin', admin, '--deadline-ms', '5000', ...more])
  const [cart, sales] = [await component('cart/typescript'), await component('sales/typescript')]
  let host = await start([cart.file, sales.file])
  await caughtUp(host)
  const code = await typedClient(host)
  const { shoppingCart, cartItems } = code.create({ baseUrl: `http://${listen}` })
  const quantities: number[] = []
  const sold: bigint[] = []
  let lost = 0
  const abort = new AbortController()
  const options = { signal: abort.signal, onLost: () => lost++ }
  const followers = [
    (async () => {
      for await (const { items } of shoppingCart.watchCart({ userId: 'ann' }, options))
        quantities.push(items[0]?.quantity ?? 0)
    })(),
    (async () => {
      for await (const { products } of cartItems.dashboard({}, options)) sold.push(products[0]?.sold ?? 0n)
    })(),
  ]
  const ended = Promise.allSettled(followers)
  const buy = async (userId: string) => {
    await shoppingCart.addItem({ userId, productId: 'tea', name: 'Tea', quantity: 1 })
    await shoppingCart.checkout({ userId })
  }
  const add = () => shoppingCart.addItem({ userId: 'ann', productId: 'tea', name: 'Tea', quantity: 1 })
  await until(() => quantities.length === 1 && sold.length === 1)
  await add()
  await buy('bea')
  await until(() => quantities.at(-1) === 1 && sold.at(-1) === 1n)
  await host.kill()
  await until(() => lost === 2)
  host = await start()
  await add()
  await buy('cid')
  await until(() => quantities.at(-1) === 2 && sold.at(-1) === 2n)
  // With another row, so open calls of the view end, and its table is built anew.
  const other = await salesWith(
    (text) => text,
    (proto) => proto.replace('bool sold = 7;', 'bool sold = 7;\n  optional string note = 8;'),
  )
  assert.is(
    (await http(host.admin, 'POST', '/v1/components', other, { 'content-type': 'application/wasm' })).status,
    200,
  )
  await add()
  await buy('dan')
  await until(() => quantities.at(-1) === 3 && sold.at(-1) === 3n)
  // Each answer once, also those that were the same behind a new connection.
  assert.equal(quantities, [0, 1, 2, 3])
  assert.equal(sold, [0n, 1n, 2n, 3n])
  abort.abort()
  for (const result of await ended) {
    assert.is(result.status, 'rejected')
    assert.is((result as PromiseRejectedResult).reason.code, Code.Canceled)
  }
  await host.kill()
  code.remove()
  data.remove()
})

Following(
  'following.F3: what is the same behind a new connection is not given again; that it is there is told',
  async () => {
    const { watch, calls } = telling(async function* (call) {
      yield { n: call < 4 ? 1n : 2n }
      away()
    })
    const [lost, found] = [[] as string[], [] as number[]]
    const options = { onLost: ({ message }: Error) => lost.push(message), onFound: () => found.push(calls.count) }
    assert.equal(
      (await taken<{ n: bigint }>(watch({}, options), 2)).map(({ n }) => n),
      [1n, 2n],
    )
    assert.equal(lost.slice(0, 3), ['[unavailable] away', '[unavailable] away', '[unavailable] away'])
    assert.equal(found, [1, 2, 3, 4])
  },
)

Following(
  'following.F1: before its first answer a watch is tried so often as any call, and then for ever',
  async () => {
    const never = telling(
      async function* () {
        yield away()
      },
      { tries: 3 },
    )
    try {
      await taken(never.watch({}), 1)
      assert.unreachable()
    } catch (error) {
      assert.is((error as ConnectError).code, Code.Unavailable)
    }
    assert.is(never.calls.count, 3)
    const once = telling(
      async function* (call) {
        if (call > 1 && call < 5) away()
        yield { n: BigInt(call) }
      },
      { tries: 2 },
    )
    assert.equal(
      (await taken<{ n: bigint }>(once.watch({}), 2)).map(({ n }) => n),
      [1n, 5n],
    )
  },
)

Following(
  'following.F1: a refusal ends a watch; one that has no room is tried again, so often as any call',
  async () => {
    for (const [code, tried] of [
      [Code.PermissionDenied, 1],
      [Code.FailedPrecondition, 1],
      [Code.ResourceExhausted, 3],
    ] as const) {
      const { watch, calls } = telling(
        async function* (call) {
          if (call === 1) yield { n: 1n }
          away(code)
        },
        { tries: 3 },
      )
      const seen: bigint[] = []
      try {
        for await (const { n } of watch({})) seen.push(n)
        assert.unreachable()
      } catch (error) {
        assert.is((error as ConnectError).code, code)
      }
      assert.equal([seen, calls.count], [[1n], tried])
    }
  },
)

Following('following.F2: who takes slowly gets the newest', async () => {
  let given = 0n
  const { watch } = telling(async function* (_, signal) {
    while (given < 100n) yield { n: ++given }
    await aborted(signal)
  })
  const answers = watch({})[Symbol.asyncIterator]()
  assert.ok((await answers.next()).value.n >= 1n)
  await until(() => given === 100n)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.is((await answers.next()).value.n, 100n)
  await answers.return()
})

Following('following.F4: leaving ends the call, and those who wait for an answer', async () => {
  let ended = 0
  const { watch, calls } = telling(async function* (_, signal) {
    yield { n: 1n }
    await aborted(signal)
    ended += 1
  })
  for await (const { n } of watch({})) if (n === 1n) break
  await until(() => ended === 1)
  const answers = watch({})[Symbol.asyncIterator]()
  await answers.next()
  const waiting = answers.next()
  await answers.return()
  assert.equal(await waiting, { done: true, value: undefined })
  assert.equal(await answers.next(), { done: true, value: undefined })
  await until(() => ended === 2)
  const abort = new AbortController()
  const other = watch({}, { signal: abort.signal })[Symbol.asyncIterator]()
  await other.next()
  const [one, two] = [other.next(), other.next()].map((next) => next.catch((error: ConnectError) => error.code))
  abort.abort()
  assert.is(await one, Code.Canceled)
  assert.equal(await two, { done: true, value: undefined })
  await until(() => ended === 3)
  await watch({})[Symbol.asyncIterator]().return()
  assert.is(calls.count, 3)
})

Following('following.F4: leaving while it waits to come again is the end', async () => {
  const { watch, calls } = telling(async function* () {
    yield { n: 1n }
    away()
  })
  let lost = false
  const answers = watch({}, { onLost: () => (lost = true) })[Symbol.asyncIterator]()
  await answers.next()
  await until(() => lost)
  await answers.return()
  const { count } = calls
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.is(calls.count, count)
})

Following('each iteration is a call of its own', async () => {
  const { watch, calls } = telling(async function* (call) {
    yield { n: BigInt(call) }
  })
  const answers = watch({})
  assert.equal(calls.count, 0)
  for (const expected of [1n, 2n]) for await (const { n } of answers) if (n === expected) break
  assert.is(calls.count, 2)
})

Following('lost.L1: a connection that is cut in the middle of a watch is made again', async () => {
  const data = temporary()
  const host = await hostProcess(data.path, [(await component('cart/typescript')).file])
  const proxy = await cutProxy(host.listen)
  const code = await typedClient(host)
  const { shoppingCart } = code.create({ baseUrl: `http://${proxy.address}` })
  const answers = shoppingCart.watchCart({ userId: 'ann' })[Symbol.asyncIterator]()
  assert.equal((await answers.next()).value.items, [])
  proxy.cut()
  await shoppingCart.addItem({ userId: 'ann', productId: 'tea', name: 'Tea', quantity: 1 })
  assert.is((await answers.next()).value.items[0].quantity, 1)
  await answers.return()
  await proxy.stop()
  await host.kill()
  code.remove()
  data.remove()
})

Following.after(() => told.remove())

Following.run()
