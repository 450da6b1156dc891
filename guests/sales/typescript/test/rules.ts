// Guards the rows of carts, without a host. Run by `inn build` first: it writes src/gen.
import { test } from 'node:test'
import { testKit } from '@innkeeper/sdk/testing'
import { CheckedOut, ItemAdded, ItemRemoved, ShoppingCart } from '../src/gen/cart.ts'
import { CartItem } from '../src/gen/sales.ts'
import sales from '../src/service.ts'

const { given } = testKit(sales)

const nameOf = (product: string) => product.toUpperCase()
const added = (entity: string, productId: string, quantity: number) => ({
  ...{ of: ShoppingCart, entity, at: 1_500 },
  event: ItemAdded({ productId, name: nameOf(productId), quantity }),
})
const removed = (entity: string, productId: string) => ({ of: ShoppingCart, entity, event: ItemRemoved({ productId }) })
const checkedOut = (entity: string) => ({ of: ShoppingCart, entity, event: CheckedOut() })
const row = (item: string, user: string, product: string, quantity: bigint, sold = false) =>
  CartItem({ item, user, product, name: nameOf(product), quantity, changed: { seconds: 1n, nanos: 500_000_000 }, sold })

test('has a row of each product in each cart', () => {
  given()
    .when(added('ann', 'tea', 2), added('bob', 'tea', 1), added('ann', 'cup', 1), added('ann', 'tea', 3))
    .then({
      'ann/cup': row('ann/cup', 'ann', 'cup', 1n),
      'ann/tea': row('ann/tea', 'ann', 'tea', 5n),
      'bob/tea': row('bob/tea', 'bob', 'tea', 1n),
    })
})

test('sells what is in the cart when it is checked out', () => {
  given()
    .when(added('ann', 'tea', 2), added('ann', 'cup', 1), removed('ann', 'tea'), checkedOut('ann'))
    .then({ 'ann/cup': row('ann/cup', 'ann', 'cup', 1n, true) })
})

test('keeps users apart whose names have a slash', () => {
  given()
    .when(added('a', 'b\\/c', 1), added('a/b', 'c', 1))
    .then({
      'a/b\\/c': row('a/b\\/c', 'a', 'b\\/c', 1n),
      'a\\/b/c': row('a\\/b/c', 'a/b', 'c', 1n),
    })
})
