// What lies in carts, a row for each product in each of them, and what of it was sold.
import { eventsOf, rows, view } from '@innkeeper/sdk'
import { ShoppingCart } from './gen/cart.ts'
import { CartItem, CartItems } from './gen/sales.ts'

const key = (user: string, product: string) => `${user.replace(/[\\/]/g, '\\$&')}/${product}`

export default view(
  CartItems,
  CartItem,
  eventsOf(ShoppingCart, {
    ItemAdded: rows(
      ({ productId }, { entity }) => [key(entity, productId)],
      ({ productId, name, quantity }, items, { entity, at }) => {
        const item = key(entity, productId)
        const before = items.get(item)
        items.put(item, {
          ...{ item, user: entity, product: productId, name: before?.name ?? name, sold: false },
          quantity: (before?.quantity ?? 0n) + BigInt(quantity),
          changed: { seconds: BigInt(Math.floor(at / 1000)), nanos: (at % 1000) * 1_000_000 },
        })
      },
    ),
    ItemRemoved: rows(
      ({ productId }, { entity }) => [key(entity, productId)],
      ({ productId }, items, { entity }) => items.delete(key(entity, productId)),
    ),
    // Its own rows are there, whatever they are.
    CheckedOut: rows(
      () => [],
      (_, items) => {
        for (const item of items.keys) items.put(item, { ...items.get(item)!, sold: true })
      },
    ),
  }),
)
