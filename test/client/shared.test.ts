// Guards what hooks ask: once for all components that ask the same, again after commands, and not a moment longer than somebody listens.

import type { DescMethodStreaming, DescMethodUnary } from '@bufbuild/protobuf'
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Asked, Entry } from '../../sdk/client/shared.ts'
import { entryOf, first } from '../../sdk/client/shared.ts'
import { protos } from '../support/protos.ts'
import { written } from '../support/typed-client.ts'

const { bytes } = await protos({
  'shop.proto': `syntax = "proto3"; package shop; import "innkeeper/options.proto"; message M { int64 n = 1; string id = 2 [(innkeeper.entity_key) = true]; }
service Cart { rpc Add(M) returns (M); rpc Get(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; } }
service Items { option (innkeeper.view) = { row: "M" }; rpc One(M) returns (M) { option (innkeeper.query) = { sql: "SELECT 1 AS n" }; }
  rpc All(M) returns (stream M) { option (innkeeper.query) = { sql: "SELECT 1 AS n" }; }
  rpc Live(M) returns (stream M) { option (innkeeper.query) = { sql: "SELECT 1 AS n" live: true }; } }`,
})
const code = await written([
  { name: 'shop.Cart', kind: 'value', descriptors: bytes },
  { name: 'shop.Items', kind: 'view', descriptors: bytes },
])

/** A client of a shop in this process. `stored` is what its queries answer; `calls` are those of each method. */
function shop() {
  const described = code.create({ baseUrl: 'http://none' })
  const method = (path: string): DescMethodUnary & DescMethodStreaming =>
    path.split('.').reduce((at, name) => at[name], described).method
  const state = {
    stored: 0n,
    calls: { one: 0, all: 0, live: 0, get: 0 },
    open: 0,
    refuse: false,
    held: undefined as Promise<void> | undefined,
  }
  const counted = (name: keyof typeof state.calls) => {
    state.calls[name] += 1
    if (state.refuse) throw new ConnectError('no', Code.PermissionDenied)
    return { n: state.stored }
  }
  const transport = createRouterTransport(({ rpc }) => {
    rpc(method('cart.add') as DescMethodUnary, (({ n }: { n: bigint }) => ({ n: (state.stored += n) })) as never)
    rpc(method('cart.get') as DescMethodUnary, (() => counted('get')) as never)
    rpc(
      method('items.one') as DescMethodUnary,
      (async () => {
        const answer = counted('one')
        await state.held
        return answer
      }) as never,
    )
    rpc(
      method('items.all') as never,
      async function* () {
        yield counted('all')
        yield { n: 7n }
      } as never,
    )
    rpc(
      method('items.live') as never,
      async function* (_: unknown, { signal }: { signal: AbortSignal }) {
        state.open += 1
        yield counted('live')
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        state.open -= 1
      } as never,
    )
  })
  return { state, client: code.create({ transport }) }
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}
const tick = () => new Promise((resolve) => setTimeout(resolve, 5))
const n = (entry: Entry) => (entry.snapshot.data as { n: bigint } | undefined)?.n
const entry = (asked: unknown, request: Readonly<Record<string, unknown>> = {}) => entryOf(asked as Asked, request)

const Shared = suite('shared queries')

Shared(
  'shared.S1: all who ask the same have one call, in whatever words; it is over some time after the last left',
  async () => {
    const { client, state } = shop()
    const one = entry(client.items.live, { id: 'a' })
    assert.is(one.snapshot, first)
    assert.is(entry(client.items.live, { $typeName: 'shop.M', id: 'a', n: 0n }), one)
    assert.is.not(entry(client.items.live, { id: 'b' }), one)
    assert.is.not(entry(client.items.one, { id: 'a' }), one)
    assert.is.not(entry(shop().client.items.live, { id: 'a' }), one)
    assert.is(state.calls.live, 0)
    const leave = [one.subscribe(() => {}), one.subscribe(() => {})]
    await until(() => n(one) === 0n)
    // As StrictMode does it: all leave, and come back.
    for (const go of leave.splice(0)) go()
    leave.push(one.subscribe(() => {}))
    await tick()
    assert.equal([state.calls.live, state.open], [1, 1])
    for (const go of leave) go()
    await until(() => state.open === 0)
    assert.is(one.snapshot, first)
    assert.is.not(entry(client.items.live, { id: 'a' }), one)
  },
)

Shared('shared.S1: who comes again after the end begins anew', async () => {
  const { client, state } = shop()
  const one = entry(client.items.live)
  const leave = one.subscribe(() => {})
  await until(() => state.open === 1)
  leave()
  await until(() => state.open === 0)
  const again = one.subscribe(() => {})
  await until(() => n(one) === 0n)
  assert.equal([state.calls.live, state.open], [2, 1])
  assert.is(entry(client.items.live), one)
  again()
  await until(() => state.open === 0)
})

Shared('shared.S2: a query is asked again after a command, and only then; what is followed is not', async () => {
  const { client, state } = shop()
  const all = [client.items.one, client.items.all, client.cart.get, client.items.live].map((asked) => entry(asked))
  const leave = all.map((one) => one.subscribe(() => {}))
  await until(() => all.every(({ snapshot }) => snapshot.data !== undefined))
  assert.equal(
    (all[1]!.snapshot.data as { n: bigint }[]).map((row) => row.n),
    [0n, 7n],
  )
  await client.cart.get({})
  await client.items.one({})
  await tick()
  assert.equal(state.calls, { one: 2, all: 1, get: 2, live: 1 })
  await client.cart.add({ n: 3n })
  await until(() => n(all[0]!) === 3n && n(all[2]!) === 3n && all[1]!.snapshot.data !== undefined)
  await tick()
  assert.equal(state.calls, { one: 3, all: 2, get: 3, live: 1 })
  for (const go of leave) go()
})

Shared('shared.S2: a command while a query is asked has it asked once more', async () => {
  const { client, state } = shop()
  const one = entry(client.items.one)
  const held = Promise.withResolvers<void>()
  state.held = held.promise
  const leave = one.subscribe(() => {})
  await until(() => state.calls.one === 1)
  await client.cart.add({ n: 1n })
  await client.cart.add({ n: 1n })
  held.resolve()
  await until(() => n(one) === 2n)
  await tick()
  assert.is(state.calls.one, 2)
  leave()
})

Shared('shared.S3: a snapshot changes when there is something to tell, and listeners hear of each change', async () => {
  const { client, state } = shop()
  const one = entry(client.items.one)
  const seen: unknown[] = []
  const leave = one.subscribe(() => seen.push(one.snapshot))
  await until(() => seen.length === 1)
  assert.is(one.current(), one.current())
  assert.equal({ ...one.snapshot, data: n(one) }, { data: 0n, error: undefined, loading: false })
  state.refuse = true
  one.refetch()
  await until(() => seen.length === 2)
  // What there was stays, beside the error.
  assert.is(n(one), 0n)
  assert.is((one.snapshot.error as ConnectError).code, Code.PermissionDenied)
  state.refuse = false
  one.refetch()
  await until(() => seen.length === 3)
  assert.is(one.snapshot.error, undefined)
  leave()
  await tick()
  assert.is(seen.length, 3)
})

Shared.after(() => code.remove())

Shared.run()
