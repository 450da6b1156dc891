// Guards the view of guests/sales: in each language it answers the same, on a running host.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { carts, caughtUp, table } from '../support/sales.ts'

const Sales = suite('sales')

/** What the queries answer, and the rows, after the same calls. Times are of each host. */
async function answersOf(language: string): Promise<readonly unknown[]> {
  const { path, remove } = temporary()
  const host = await testHost(path)
  try {
    for (const bytes of [await carts(), (await component(`sales/${language}`)).bytes]) {
      const result = await host.deployer.deploy(bytes)
      assert.ok(result.ok, JSON.stringify(result))
    }
    const post = async (path: string, body?: object) => {
      assert.is((await http(host.listen, 'POST', path, body ?? {})).status, 200)
    }
    const add = (user: string, product: string, quantity: number, name = product.toUpperCase()) =>
      post(`/cart/${encodeURIComponent(user)}/items/add`, { product_id: product, name, quantity })
    await add('ann', 'tea', 2)
    await add('bob', 'tea', 1)
    await add('ann', 'tea', 3, 'another name')
    await add('ann', 'cup', 1)
    await add('bob', 'pot', 1)
    await add('a\\b/c', 'grüße/€', 7)
    await post('/cart/bob/items/pot/remove')
    await post('/cart/ann/checkout')
    await caughtUp(host)
    const rows: string[] = []
    for (const query of ['users/ann/items', 'users/bob/items?limit=1', 'products', 'products?limit=1', 'totals']) {
      const { status, text } = await http(host.listen, 'GET', `/sales/${query}`)
      assert.is(status, 200, text)
      rows.push(text.replaceAll(/"changed":"[^"]*Z"/g, '"changed":"…"'))
    }
    return [...rows, (await table(host)).replaceAll(/"\d{4}-[^"]*Z"/g, '"…"')]
  } finally {
    await host.stop()
    remove()
  }
}

Sales('TypeScript: items of a user, what is sold most, and totals', async () => {
  const [ofAnn, ofBob, products, first, totals, rows] = await answersOf('typescript')
  assert.match(ofAnn as string, /"product":"cup".*\n.*"product":"tea","name":"TEA","quantity":"5",.*"sold":true/)
  assert.match(ofBob as string, /^\{"item":"bob\/tea".*"quantity":"1","changed":"…"(,"sold":false)?\}\n$/)
  assert.match(products as string, /^\{"product":"tea",.*"sold":"5","carts":"1"\}\n\{"product":"cup",/)
  assert.is((first as string).split('\n').length, 2)
  assert.is(totals, '{"users":"3","items":"14","sold":"6"}')
  assert.match(rows as string, JSON.stringify('a\\\\b\\/c/grüße/€'))
})

for (const language of ['rust', 'go'])
  Sales(`${language}: the same as TypeScript`, async () => {
    assert.equal(await answersOf(language), await answersOf('typescript'))
  })

Sales.run()
