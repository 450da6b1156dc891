// The cart's rules, without a host. Run by `inn build` first: it writes src/gen.
import { test } from 'node:test'
import { testKit } from '@innkeeper/sdk/testing'
import { CheckedOut, ItemAdded, ItemRemoved } from '../src/gen/cart.ts'
import cart from '../src/service.ts'

const { given } = testKit(cart)
const userId = 'u'
const tea = { productId: 'tea', name: 'Tea', quantity: 2 }
const cup = { productId: 'cup', name: 'Cup', quantity: 1 }

test('lists items in the order first added', () => {
  given()
    .when('addItem', { userId, ...tea })
    .then([ItemAdded(tea)], {})
    .when('addItem', { userId, ...cup })
    .then([ItemAdded(cup)], {})
    .when('getCart', { userId })
    .then([], { items: [tea, cup], checkedOut: false })
})

test('adds up the quantity of a product that is added again, under its first name', () => {
  const again = { productId: 'tea', name: 'Green tea', quantity: 3 }
  given([ItemAdded(tea), ItemAdded(cup)])
    .when('addItem', { userId, ...again })
    .then([ItemAdded(again)], {})
    .when('getCart', { userId })
    .then([], { items: [{ ...tea, quantity: 5 }, cup], checkedOut: false })
})

test('refuses a quantity that is not positive, an empty product id, and more than an int32 holds', () => {
  for (const quantity of [0, -1]) {
    given()
      .when('addItem', { userId, ...tea, quantity })
      .refuses('INVALID_ARGUMENT', /quantity/)
  }
  given()
    .when('addItem', { userId, ...tea, productId: '' })
    .refuses('INVALID_ARGUMENT', /product_id/)
  given([ItemAdded({ ...tea, quantity: 2_147_483_647 })])
    .when('addItem', { userId, ...tea, quantity: 1 })
    .refuses('INVALID_ARGUMENT', /more than/)
})

test('removes what is in it, and refuses what is not', () => {
  given([ItemAdded(tea), ItemAdded(cup)])
    .when('removeItem', { userId, productId: 'tea' })
    .then([ItemRemoved({ productId: 'tea' })], {})
    .when('removeItem', { userId, productId: 'tea' })
    .refuses('NOT_FOUND')
    .when('getCart', { userId })
    .then([], { items: [cup], checkedOut: false })
})

test('checks out once, and changes no more', () => {
  const after = given([ItemAdded(tea)])
    .when('checkout', { userId })
    .then([CheckedOut()], { items: [tea], checkedOut: true })
  after.when('checkout', { userId }).refuses('FAILED_PRECONDITION')
  after.when('addItem', { userId, ...cup }).refuses('FAILED_PRECONDITION')
  after.when('removeItem', { userId, productId: 'tea' }).refuses('FAILED_PRECONDITION')
})

test('refuses to check out an empty cart', () => {
  given().when('checkout', { userId }).refuses('FAILED_PRECONDITION', 'the cart is empty')
})
