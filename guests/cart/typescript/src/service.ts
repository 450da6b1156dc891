// A shopping cart per user. The state is the message that GetCart replies.
import { accept, eventSourced, refuse } from '@innkeeper/sdk'
import { Cart, CheckedOut, ItemAdded, ItemRemoved, ShoppingCart } from './gen/cart.ts'

const checkedOut = refuse('FAILED_PRECONDITION', 'the cart is checked out')

export default eventSourced(ShoppingCart, {
  state: Cart,
  decide: {
    addItem: (cart, { productId, name, quantity }) => {
      if (productId === '') return refuse('INVALID_ARGUMENT', 'product_id must not be empty')
      if (quantity <= 0) return refuse('INVALID_ARGUMENT', `quantity must be positive, got ${quantity}`)
      if (cart.checkedOut) return checkedOut
      const inCart = cart.items.find((item) => item.productId === productId)?.quantity ?? 0
      if (inCart + quantity > 2_147_483_647) return refuse('INVALID_ARGUMENT', 'quantity is more than a cart can hold')
      return accept(ItemAdded({ productId, name, quantity })).reply({})
    },
    removeItem: (cart, { productId }) => {
      if (cart.checkedOut) return checkedOut
      if (!cart.items.some((item) => item.productId === productId)) {
        return refuse('NOT_FOUND', `there is no ${productId} in the cart`)
      }
      return accept(ItemRemoved({ productId })).reply({})
    },
    getCart: (cart) => accept().reply(cart),
    checkout: (cart) => {
      if (cart.checkedOut) return checkedOut
      if (cart.items.length === 0) return refuse('FAILED_PRECONDITION', 'the cart is empty')
      return accept(CheckedOut()).reply((after: Cart) => after)
    },
  },
  evolve: {
    ItemAdded: (cart, added) => {
      const known = cart.items.findIndex((item) => item.productId === added.productId)
      if (known < 0) return { ...cart, items: [...cart.items, added] }
      const item = cart.items[known]!
      return { ...cart, items: cart.items.with(known, { ...item, quantity: item.quantity + added.quantity }) }
    },
    ItemRemoved: (cart, { productId }) => ({
      ...cart,
      items: cart.items.filter((item) => item.productId !== productId),
    }),
    CheckedOut: (cart) => ({ ...cart, checkedOut: true }),
  },
})
