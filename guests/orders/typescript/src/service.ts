// Orders: no state of its own; it connects carts and a counter.
import { accept, action, bidi, call, clientStream, emit, end, keep, serverStream } from '@innkeeper/sdk'
import { ShoppingCart } from './gen/cart.ts'
import { Counter } from './gen/counter.ts'
import { Orders } from './gen/orders.ts'

export default action(Orders, {
  methods: {
    place: ({ userId }) =>
      accept()
        .effect(call(Counter, 'add', { id: 'orders', amount: 1n }), { synchronous: true })
        .forward(call(ShoppingCart, 'checkout', { userId })),

    // An action gets no answers of other services, so it decides by itself what a cart would refuse.
    import: clientStream({
      start: () => ({ accepted: 0, refused: 0 }),
      item: (sum, item) =>
        item.quantity > 0 && item.productId !== ''
          ? keep({ ...sum, accepted: sum.accepted + 1 }).effect(call(ShoppingCart, 'addItem', item), {
              synchronous: true,
            })
          : keep({ ...sum, refused: sum.refused + 1 }),
      end: (sum) => accept().reply(sum),
    }),

    watch: serverStream({
      start: ({ userId, times }) => ({ userId, times }),
      next: ({ userId, times }) =>
        times > 0
          ? emit(accept().forward(call(ShoppingCart, 'getCart', { userId }))).keep({ userId, times: times - 1 })
          : end(),
    }),

    echo: bidi({
      item: (_, { text }) => emit({ text }),
    }),
  },
})
