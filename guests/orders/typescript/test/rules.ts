// The rules of orders, without a host. Run by `inn build` first: it writes src/gen.
import { test } from 'node:test'
import { call } from '@innkeeper/sdk'
import { testKit } from '@innkeeper/sdk/testing'
import { ShoppingCart } from '../src/gen/cart.ts'
import { Counter } from '../src/gen/counter.ts'
import orders from '../src/service.ts'

const { when, stream } = testKit(orders)
const awaited = (target: ReturnType<typeof call>) => ({ call: target, synchronous: true })
const tea = { userId: 'u', productId: 'tea', name: 'Tea', quantity: 2 }

test('placing an order checks the cart out, and counts the order', () => {
  when('place', { userId: 'u', orderId: 'o' })
    .effects([awaited(call(Counter, 'add', { id: 'orders', amount: 1n }))])
    .forwards(call(ShoppingCart, 'checkout', { userId: 'u' }))
})

test('an import adds what can be added, and counts the rest', () => {
  stream('import')
    .sends(tea, { ...tea, quantity: 0 }, { ...tea, productId: '' }, { ...tea, productId: 'cup' })
    .closes()
    .effects([
      awaited(call(ShoppingCart, 'addItem', tea)),
      awaited(call(ShoppingCart, 'addItem', { ...tea, productId: 'cup' })),
    ])
    .replies({ accepted: 2, refused: 2 })
})

test('an import of nothing is nothing', () => {
  stream('import').closes().replies({ accepted: 0, refused: 0 })
})

test('watching is the cart, so many times', () => {
  const cart = call(ShoppingCart, 'getCart', { userId: 'u' })
  stream('watch', { userId: 'u', times: 3 }).forwards(cart).forwards(cart).forwards(cart).ends()
  stream('watch', { userId: 'u', times: 0 }).ends()
})

test('an echo is what was sent, for as long as something is sent', () => {
  stream('echo')
    .sends({ text: 'a' })
    .emits({ text: 'a' })
    .silent()
    .sends({ text: 'b' }, { text: '' })
    .emits({ text: 'b' }, { text: '' })
    .closes()
    .ends()
})
