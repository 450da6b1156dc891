// Guards the code of typed clients: it compiles against what a host serves, whatever things are called, and says nothing that only the host is to know.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Deployed } from '../../sdk/build/client/client-code.ts'
import { clientCode } from '../../sdk/build/client/client-code.ts'
import { writeClient } from '../../sdk/build/client/client-folder.ts'
import { component } from '../support/components.ts'
import { temporary, testHost } from '../support/host.ts'
import { oddFiles } from '../support/odd-names.ts'
import { protos } from '../support/protos.ts'
import { deployedOn, folderInCheckout, typedClient, written } from '../support/typed-client.ts'

const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url))
const strict = {
  ...{ target: 'es2022', module: 'nodenext', lib: ['es2024', 'dom', 'dom.asynciterable'], types: [], jsx: 'react-jsx' },
  ...{ strict: true, noEmit: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
}

/** What the compiler says of `code` beside a client, of which it reads the types; `''` where nothing. */
function compiled(folder: string, code: string): string {
  writeFileSync(join(folder, 'usage.tsx'), code)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: strict, files: ['usage.tsx'] }))
  try {
    execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    return ''
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

/** As a host tells of it. */
async function deployed(files: Readonly<Record<string, string>>, kind = 'event-sourced'): Promise<readonly Deployed[]> {
  const { bytes, schema } = await protos(files)
  return [...schema.services.keys()].sort().map((name) => ({ name, kind, descriptors: bytes }))
}

const untypable = ['any', 'unknown', 'never', 'undefined', 'symbol', 'infer', 'keyof', 'unique', 'readonly']
const mainWith = (type: string): string =>
  `syntax = "proto3"; package main; import "odd/holder.proto"; service MainOfAll { rpc Do(.${type}) returns (.${type}); }`

const textsOf = (all: readonly Deployed[]): ReadonlyMap<string, string> => clientCode('client', all).files
const generatedIn = (all: readonly Deployed[]): readonly string[] =>
  [...textsOf(all).keys()].filter((path) => path.startsWith('gen/') && path.endsWith('.js')).sort()

const data = temporary()
const host = await testHost(data.path)
for (const guest of ['cart/typescript', 'sales/typescript', 'orders/typescript'])
  assert.ok((await host.deployer.deploy((await component(guest)).bytes)).ok)
const served = await deployedOn(host)

const Code = suite('code of a client')

Code('it compiles against what is deployed, and types answers by the kind of a method', async () => {
  const { folder, remove } = await typedClient(host)
  const said = compiled(
    folder,
    `import { type Answer, type Cart, Code, ConnectError, createClient, type Product, ProductSchema, type Products } from './index.js'
import { useCommand, useQuery } from './react.js'

const client = createClient({ baseUrl: 'http://localhost' })
const { shoppingCart, cartItems, orders } = client
export async function all(): Promise<void> {
  const cart: Cart = await shoppingCart.getCart({ userId: 'ann' })
  const checkedOut: boolean = cart.checkedOut
  for await (const one of shoppingCart.watchCart({ userId: 'ann' }, { onLost: () => {} })) one satisfies Cart
  for await (const row of cartItems.bestSelling({ limit: 3 })) row.sold satisfies bigint
  for await (const { products } of cartItems.dashboard({})) products satisfies Product[]
  const { users }: { users: bigint } = await cartItems.count({})
  await orders.place({ userId: 'ann' }, { signal: AbortSignal.timeout(9), idempotencyKey: 'k', tries: 2 })
  // @ts-expect-error there is no such field
  await shoppingCart.addItem({ nobody: 'ann' })
  // @ts-expect-error it is a number
  await shoppingCart.addItem({ quantity: 'one' })
  // @ts-expect-error only what is followed is lost and found
  await shoppingCart.getCart({}, { onLost: () => {} })
  // @ts-expect-error it takes a stream, and no client has it
  orders.import
  void [checkedOut, users, ProductSchema, Code.NotFound, ConnectError]
}
export function Page() {
  const cart = useQuery(shoppingCart.watchCart, { userId: 'ann' })
  const items = useQuery(cartItems.ofUser, cart.data && { userId: 'ann' })
  const sold = useQuery(cartItems.dashboard, {})
  const add = useCommand(shoppingCart.addItem)
  // @ts-expect-error a stream that a function opens may never end
  useQuery(orders.watch, {})
  // @ts-expect-error a watch is no command
  useCommand(shoppingCart.watchCart)
  const first: string | undefined = items.data?.[0]?.product
  const products: Products | undefined = sold.data
  return <button disabled={add.loading} onClick={() => add.run({ userId: first ?? '', quantity: products?.products.length ?? 0 })} />
}
export type Again = Answer<typeof shoppingCart.getCart.method>
`,
  )
  assert.is(said, '')
  remove()
})

Code('client-code.K1: the same services make the same bytes, in whatever order they come', () => {
  const [one, other] = [textsOf(served), textsOf([...served].reverse())]
  assert.equal([...one], [...other])
})

Code('stripped.T1: options of Innkeeper and of HTTP stay with the host, and so do the imports of their files', () => {
  const { files } = clientCode('client', served)
  const paths = generatedIn(served)
  assert.equal(paths, [
    'gen/examples/cart/v1/cart_pb.js',
    'gen/examples/checkout/v1/orders_pb.js',
    'gen/examples/sales/v1/sales_pb.js',
  ])
  for (const path of paths) {
    const [, base64] = /fileDesc\("([^"]+)"/.exec(files.get(path)!)!
    const bytes = Buffer.from(base64!, 'base64').toString('latin1')
    assert.not.match(bytes, /SELECT|\/carts\/|entity_key/)
    assert.not.match(files.get(path)!, /innkeeper\/|google\/api/)
  }
})

Code('stripped.T2: what changes bytes or types of messages stays', async () => {
  const files = textsOf(
    await deployed({
      'a.proto': `syntax = "proto3"; package a; import "innkeeper/options.proto";
message M { string id = 1 [(innkeeper.entity_key) = true]; int64 as_text = 2 [jstype = JS_STRING]; repeated int32 apart = 3 [packed = false]; }
service S { rpc Do(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; } }`,
    }),
  )
  assert.match(files.get('gen/a/a_pb.d.ts')!, /asText: string/)
  assert.match(files.get('index.js')!, /\['do', 'read'\]/)
})

Code('client-code.K2, stripped.T1: comments and options of strangers get into no code', async () => {
  const evil = "*/ alert(1) /* ' alert(2)"
  const files = textsOf(
    await deployed({
      'evil.proto': `syntax = "proto3"; package a; option java_package = "${evil}";
// ${evil}
service S { rpc Do(M) returns (M); } message M { string s = 1 [json_name = "${evil}"]; }`,
    }),
  )
  // A name in JSON is told in a comment, which it does not end.
  for (const [path, text] of files) assert.not.match(text.replaceAll(/\/\*[\s\S]*?\*\//g, ''), /alert/, path)
})

Code(
  'well-known types are those of protobuf-es, and files of google and innkeeper that messages use are generated',
  async () => {
    const { folder, create, remove } = await written(
      await deployed({
        'a.proto': `syntax = "proto3"; package a; import "google/protobuf/timestamp.proto"; import "google/protobuf/any.proto"; import "google/protobuf/empty.proto";
import "google/api/httpbody.proto"; import "google/rpc/status.proto"; import "innkeeper/options.proto";
enum Size { UNKNOWN = 0; LARGE = 1; }
message M { google.protobuf.Timestamp at = 1; google.rpc.Status status = 2; int64 big = 3; Size size = 4; oneof pick { string text = 5; google.protobuf.Any any = 6; } map<string, Size> sizes = 7; }
service S { rpc Do(M) returns (google.api.HttpBody); rpc Other(google.protobuf.Empty) returns (M); }`,
      }),
    )
    assert.equal(Object.keys(create({ baseUrl: 'http://a' }).s), ['do', 'other'])
    const said = compiled(
      folder,
      `import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { createClient, Size } from './index.js'
const { s } = createClient()
export async function all(): Promise<void> {
  const { data } = await s.do({ at: timestampFromMs(1), big: 1n, size: Size.LARGE, pick: { case: 'text', value: 'x' }, sizes: { a: Size.LARGE } })
  data satisfies Uint8Array
  const { pick, status } = await s.other({})
  if (pick.case === 'any') pick.value.typeUrl satisfies string
  status?.code satisfies number | undefined
}
`,
    )
    assert.is(said, '')
    remove()
  },
)

Code(
  'gathered.G1: files of one name that say different things are two; one that two components bring is one',
  async () => {
    const common = 'syntax = "proto3"; package common; message Money { int64 cents = 1; }'
    const service = (name: string, field: string) =>
      `syntax = "proto3"; package ${name}; import "common.proto"; message M { common.Money ${field} = 1; } service S { rpc Do(M) returns (common.Money); }`
    const [one, other] = [
      await deployed({ 'common.proto': common, 'service.proto': service('one', 'a') }),
      await deployed({ 'common.proto': common, 'service.proto': service('other', 'b') }),
    ]
    const all = [...one, ...other]
    assert.equal(generatedIn(all), ['gen/common/common_pb.js', 'gen/one/service_pb.js', 'gen/other/service_pb.js'])
    const { create, remove } = await written(all)
    assert.equal(Object.keys(create({ baseUrl: 'http://a' })), ['one_S', 'other_S'])
    remove()
  },
)

Code(
  'gathered.G2: two versions of one file have the name of a service before them; nothing else renames a file',
  async () => {
    const service = (name: string) =>
      `syntax = "proto3"; package ${name}; import "common.proto"; service S { rpc Do(common.Money) returns (common.Money); }`
    const common = (field: string) => `syntax = "proto3"; package common; message Money { int64 ${field} = 1; }`
    const [one, other, alone] = [
      await deployed({ 'common.proto': common('cents'), 'service.proto': service('one') }),
      await deployed({ 'common.proto': common('pence'), 'service.proto': service('other') }),
      await deployed({
        'deep/in/common.proto': 'syntax = "proto3"; package alone; message M {} service S { rpc Do(M) returns (M); }',
      }),
    ]
    assert.equal(generatedIn([...one, ...other, ...alone]), [
      'gen/alone/common_pb.js',
      'gen/one.S/common/common_pb.js',
      'gen/one/service_pb.js',
      'gen/other.S/common/common_pb.js',
      'gen/other/service_pb.js',
    ])
    const { folder, remove } = await written([...one, ...other])
    const said = compiled(
      folder,
      `import { createClient } from './index.js'
import type { Money as Pence } from './gen/other.S/common/common_pb.js'
const { one_S, other_S } = createClient()
export const all = async () => [(await one_S.do({ cents: 1n })).cents, (await other_S.do({ pence: 1n })) satisfies Pence]
`,
    )
    assert.is(said, '')
    remove()
  },
)

Code('gathered.G1: a service of another component, which a file also declares, is had from that one', async () => {
  const shop = (more: string) =>
    `syntax = "proto3"; package shop; message M { string s = 1; ${more} } service Shop { rpc Do(M) returns (M); }`
  const view =
    'syntax = "proto3"; package seen; import "shop.proto"; service Seen { rpc All(shop.M) returns (shop.M); }'
  const [now] = await deployed({ 'shop.proto': shop('string more = 2;') })
  const [seen] = await deployed({ 'shop.proto': shop(''), 'seen.proto': view })
  assert.equal([now!.name, seen!.name], ['shop.Shop', 'seen.Seen'])
  const { folder, remove } = await written([now!, seen!])
  const said = compiled(
    folder,
    `import { createClient } from './index.js'
const { shop, seen } = createClient()
export const all = async () => [(await shop.do({ more: 'x' })).more, (await seen.all({ s: 'x' })).s]
`,
  )
  assert.is(said, '')
  remove()
})

Code('gathered.G3: no name of a file leaves the folder', async () => {
  const [service] = await deployed({
    'a.proto': 'syntax = "proto3"; message M {} service S { rpc Do(M) returns (M); }',
  })
  for (const [name, path] of [
    ['../../../x.proto', 'gen/x_pb.js'],
    ['/etc/passwd', 'gen/passwd_pb.js'],
    ['..', 'gen/___pb.js'],
    ["a'b`c.proto", 'gen/a_b_c_pb.js'],
  ] as const) {
    const descriptors = renamed(service!.descriptors, 'a.proto', name)
    assert.equal(generatedIn([{ ...service!, descriptors }]), [path], name)
  }
})

Code('gathered.G4: files that no service uses are left out', async () => {
  const all = await deployed({
    'unused.proto': 'syntax = "proto3"; package a; message Unused {}',
    'used.proto': 'syntax = "proto3"; package a; message Used {}',
    'public.proto': 'syntax = "proto3"; package a; import public "used.proto";',
    'a.proto': `syntax = "proto3"; package a; import "public.proto"; import "google/protobuf/duration.proto";
message M { google.protobuf.Duration d = 1; Used used = 2; } service S { rpc Do(M) returns (M); }`,
  })
  assert.equal(generatedIn(all), ['gen/a/a_pb.js', 'gen/a/used_pb.js'])
})

Code('entry.E1: a service has its short name, and its whole one where several share that', async () => {
  const service = 'message M {} service'
  const { create, remove } = await written([
    ...(await deployed({ 'a.proto': `syntax = "proto3"; package a.v1; ${service} Shop { rpc Do(M) returns (M); }` })),
    ...(await deployed({ 'b.proto': `syntax = "proto3"; package b; ${service} Shop { rpc Do(M) returns (M); }` })),
    ...(await deployed({ 'c.proto': `syntax = "proto3"; package c; ${service} HTTPGate { rpc Do(M) returns (M); }` })),
    ...(await deployed({ 'd.proto': `syntax = "proto3"; package d; ${service} Then { rpc Do(M) returns (M); }` })),
  ])
  const client = create({ baseUrl: 'http://a' })
  assert.equal(Object.keys(client), ['a_v1_Shop', 'b_Shop', 'httpGate', 'then$'])
  assert.is(await client, client)
  remove()
})

Code(
  'entry.E2: what two files export under one name is had from each, and what the entry is called stays',
  async () => {
    const { folder, remove } = await written([
      ...(await deployed({
        'a.proto':
          'syntax = "proto3"; package a; message Same { string a = 1; } message Client {} service A { rpc Do(Same) returns (Client); }',
      })),
      ...(await deployed({
        'b.proto':
          'syntax = "proto3"; package b; message Same { string b = 1; } message Own {} service B { rpc Do(Same) returns (Own); }',
      })),
    ])
    const said = compiled(
      folder,
      `import { type Client, createClient, type Own, OwnSchema } from './index.js'
import { type Same, SameSchema } from './gen/b/b_pb.js'
// @ts-expect-error two files have it
import { SameSchema as either } from './index.js'
export const client: Client = createClient()
export const own: (same: Same) => Promise<Own> = (same) => client.b.do(same)
void [SameSchema, OwnSchema, either]
`,
    )
    assert.is(said, '')
    remove()
  },
)

Code('methods that a browser cannot call, or TypeScript tell apart, are left out and told', async () => {
  const { files, left } = clientCode(
    'client',
    await deployed({
      'a.proto': `syntax = "proto3"; package a; message M {}
service S { rpc Send(stream M) returns (M); rpc Chat(stream M) returns (stream M); rpc Do(M) returns (M); rpc do(M) returns (M); }`,
    }),
  )
  assert.equal(left, [
    'a.S/Send takes a stream, which browsers do not send; call it over gRPC',
    'a.S/Chat takes a stream, which browsers do not send; call it over gRPC',
    'a.S/do would have the name of Do in TypeScript',
  ])
  assert.match(files.get('index.js')!, /new Map\(\[\['do', 'command'\]\]\)/)
})

Code('services, methods and messages may be called by any word', async () => {
  const { texts, holder } = oddFiles(7, { edition: true, wide: true, oneOf: 3 })
  const messages = texts['odd/messages.proto']!.replace(new RegExp(`\\b(?:${untypable.join('|')})\\b`, 'g'), 'x_$&')
  // protobuf-es calls a field by the name of a oneof where only a `_` at the end tells them apart.
  const added = texts['odd/added.proto']!.replaceAll(' kind_ ', ' kind_too ')
  const odd = { ...texts, 'odd/messages.proto': messages, 'odd/added.proto': added, 'main.proto': mainWith(holder) }
  const { folder, create, remove } = await written(await deployed(odd))
  const client = create({ baseUrl: 'http://a' })
  assert.ok(Object.keys(client).length > 50)
  for (const service of Object.values(client) as object[]) assert.ok(Object.keys(service).length > 0)
  const said = compiled(
    folder,
    `import { createClient } from './index.js'
export const all = async () => (await createClient().mainOfAll.do({ m0: {} })).m0?.$typeName
`,
  )
  assert.is(said, '')
  remove()
})

Code('messages.M1: a message whose name no type can have is told by its name', async () => {
  const texts = untypable.map((name) => `message ${name} {}`).join(' ')
  const all = await deployed({
    'a.proto': `syntax = "proto3"; package a; ${texts} service S { rpc Do(any) returns (never); }`,
  })
  assert.throws(
    () => clientCode('client', all),
    (error: Error) =>
      untypable.every((name) => error.message.includes(`a.${name} has a name that no type of TypeScript`)),
  )
})

Code('client-folder.F1: only an empty folder or a client of ours is written into, and by force any', async () => {
  const { path, remove } = folderInCheckout()
  const fails = async (folder: string, why: RegExp): Promise<void> => {
    try {
      await writeClient(folder, new Map([['index.js', '1']]), false)
    } catch (error) {
      return assert.match((error as Error).message, why)
    }
    assert.unreachable()
  }
  writeFileSync(join(path, 'mine.txt'), 'mine')
  await fails(path, /is not empty, and no client that inn wrote; name another with --out, or .*--force/)
  await fails(join(path, 'mine.txt'), /is no folder; name another with --out/)
  await writeClient(path, new Map([['index.js', '1']]), true)
  await writeClient(path, new Map([['index.js', '2']]), false)
  assert.is(readFileSync(join(path, 'index.js'), 'utf8'), '2')
  assert.is(readFileSync(join(path, 'mine.txt'), 'utf8'), 'mine')
  remove()
})

Code('client-folder.F2: what is no longer generated is removed, and nothing else, whatever the list says', async () => {
  const { path, remove } = folderInCheckout()
  const folder = join(path, 'client')
  await writeClient(
    folder,
    new Map([
      ['gen/a/b_pb.js', '1'],
      ['index.js', '1'],
    ]),
    false,
  )
  mkdirSync(join(folder, 'node_modules'))
  for (const file of [join(folder, 'node_modules/x.js'), join(path, 'outside.js')]) writeFileSync(file, '1')
  const list = join(folder, '.innkeeper-client')
  writeFileSync(list, `${readFileSync(list, 'utf8')}../outside.js\nnode_modules/x.js\n`)
  await writeClient(folder, new Map([['index.js', '1']]), false)
  assert.throws(() => readFileSync(join(folder, 'gen/a/b_pb.js')), /ENOENT/)
  for (const file of [join(folder, 'node_modules/x.js'), join(path, 'outside.js')])
    assert.is(readFileSync(file, 'utf8'), '1')
  remove()
})

Code.after(async () => {
  await host.stop()
  data.remove()
})

Code.run()

/** A descriptor set in which a file is called otherwise. */
function renamed(set: Uint8Array, from: string, to: string): Uint8Array {
  const bytes = Buffer.from(set)
  const field = (text: string) => Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)])
  const [old, now] = [field(from), field(to)]
  const at = bytes.indexOf(old)
  // The file's own length stands before its name, in one or two bytes.
  let start = at - 1
  while (bytes[start] !== 0x0a) start -= 1
  const size = lengthAt(bytes, start + 1) + now.length - old.length
  const length = size < 128 ? [size] : [(size & 127) | 128, size >> 7]
  return Buffer.concat([bytes.subarray(0, start + 1), Buffer.from(length), now, bytes.subarray(at + old.length)])
}

function lengthAt(bytes: Buffer, at: number): number {
  const first = bytes[at]!
  return first < 128 ? first : (first & 127) | (bytes[at + 1]! << 7)
}
