// Guards that a client's queries reflect its own commands, by themselves.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Heard } from '../../sdk/client/heard.ts'
import { component } from '../support/components.ts'
import { cutProxy } from '../support/cut-proxy.ts'
import { temporary, testHost } from '../support/host.ts'
import { carts, caughtUp, sales } from '../support/sales.ts'
import { typedClient } from '../support/typed-client.ts'

const deployTo = async (host: Awaited<ReturnType<typeof testHost>>): Promise<void> => {
  for (const bytes of [await carts(), await sales(), (await component('orders/typescript')).bytes])
    assert.ok((await host.deployer.deploy(bytes)).ok)
  await caughtUp(host)
}

const data = temporary()
const host = await testHost(data.path)
await deployTo(host)
const proxy = await cutProxy(host.listen)
const code = await typedClient(host)
const fresh = () => code.create({ baseUrl: `http://${proxy.address}` })
const last = (header: string): string | undefined => new RegExp(`^${header}: (.*)$`, 'm').exec(proxy.heads.at(-1)!)?.[1]

const Writes = suite('own writes')

Writes('a query sees what the same client wrote, each time: one row, many rows, live', async () => {
  const { shoppingCart, cartItems } = fresh()
  for (let count = 1; count <= 40; count++) {
    await shoppingCart.addItem({ userId: 'ann', productId: `p${count}`, name: 'P', quantity: 1 })
    const rows = await Array.fromAsync(cartItems.ofUser({ userId: 'ann', limit: 100 }))
    assert.is(rows.length, count)
    const { items } = await cartItems.count({})
    assert.is(items, BigInt(count))
  }
  await shoppingCart.checkout({ userId: 'ann' })
  for await (const { products } of cartItems.dashboard({ limit: 100 })) {
    assert.is(products.length, 40)
    break
  }
})

Writes('tokens go to methods of views only, and only once something was heard', async () => {
  const { shoppingCart, cartItems } = fresh()
  await cartItems.count({})
  assert.is(last('x-innkeeper-after'), undefined)
  await shoppingCart.getCart({ userId: 'bea' })
  await shoppingCart.addItem({ userId: 'bea', productId: 'tea', name: 'Tea', quantity: 1 })
  assert.is(last('x-innkeeper-after'), undefined)
  await cartItems.count({})
  assert.match(last('x-innkeeper-after')!, /^\d+:\d+(,\d+:\d+)*$/)
  await shoppingCart.addItem({ userId: 'bea', productId: 'tea', name: 'Tea', quantity: 1 })
  assert.is(last('x-innkeeper-after'), undefined)
})

Writes("a caller's own token goes in place of the client's", async () => {
  const { shoppingCart, cartItems } = fresh()
  await shoppingCart.addItem({ userId: 'cid', productId: 'tea', name: 'Tea', quantity: 1 })
  await cartItems.count({}, { headers: { 'x-innkeeper-after': '0:1' } })
  assert.is(last('x-innkeeper-after'), '0:1')
})

Writes('a refusal tells of commits, too', async () => {
  const { shoppingCart, cartItems } = fresh()
  await shoppingCart.addItem({ userId: 'dan', productId: 'tea', name: 'Tea', quantity: 0 }).catch(() => {})
  await cartItems.count({})
  assert.match(last('x-innkeeper-after')!, /^\d+:\d+/)
})

Writes(
  'a host that lost commits, as one with a fresh directory, is asked as of now; what is wrong with a request stays wrong',
  async () => {
    const client = fresh()
    for (let i = 0; i < 5; i++)
      await client.shoppingCart.addItem({ userId: 'eve', productId: 'tea', name: 'Tea', quantity: 1 })
    const other = temporary()
    const empty = await testHost(other.path)
    await deployTo(empty)
    proxy.cut()
    proxy.point(empty.listen)
    let at = proxy.heads.length
    assert.is((await client.cartItems.count({})).items, 0n)
    assert.is(proxy.heads.length - at, 2)
    at = proxy.heads.length
    await client.cartItems.count({})
    assert.is(proxy.heads.length - at, 1)
    assert.equal(await Array.fromAsync(client.cartItems.ofUser({ userId: 'eve' })), [])
    try {
      await client.cartItems.count({}, { headers: { 'x-innkeeper-after': 'nonsense' } })
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, /invalid_argument.*PARTITION:COMMIT/)
    }
    proxy.point(host.listen)
    proxy.cut()
    await empty.stop()
    other.remove()
  },
)

Writes('heard.H1: the highest number of each partition is kept, and what is no token is passed over', () => {
  const heard = new Heard()
  const hear = (text: string) => heard.hear(new Headers({ 'x-innkeeper-commit': text }))
  assert.is(heard.text, undefined)
  hear('0:9')
  hear('0:10, 3:9007199254740993')
  hear('0:2')
  hear('x:1,12345:1,,1:,-1:2')
  heard.hear(new Headers())
  assert.is(heard.text, '0:10,3:9007199254740993')
  heard.forget()
  assert.is(heard.text, undefined)
})

Writes.after(async () => {
  await proxy.stop()
  await host.stop()
  code.remove()
  data.remove()
})

Writes.run()
