// A page of the shop: a cart as it is now, what lies in it by the view of guests/sales, and what is sold most. Three parts of a page, each with a
// query, and none knows of the others.

import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createClient } from './client/index.js'
import { useCommand, useQuery } from './client/react.js'

const asked = new URLSearchParams(location.search)
const { shoppingCart, cartItems } = createClient({ baseUrl: asked.get('host') ?? 'http://localhost:8080' })

function Cart({ userId }: { userId: string }) {
  const cart = useQuery(shoppingCart.watchCart, { userId })
  const add = useCommand(shoppingCart.addItem)
  const checkout = useCommand(shoppingCart.checkout)
  const [product, setProduct] = useState('tea')
  const { items = [], checkedOut = false } = cart.data ?? {}
  const failure = add.error ?? checkout.error ?? cart.error
  const addOne = () => add.run({ userId, productId: product, name: product, quantity: 1 })
  return (
    <section id="cart">
      <h2>Cart of {userId}</h2>
      {cart.loading && <output>loading …</output>}
      <table>
        <tbody>
          {items.map(({ productId, name, quantity }) => (
            <tr key={productId}>
              <td>{name}</td>
              <td>{quantity}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {checkedOut ? (
        <output>checked out</output>
      ) : (
        <p>
          <input value={product} onChange={({ target }) => setProduct(target.value)} aria-label="product" />
          <button type="button" id="add" onClick={addOne} disabled={add.loading}>
            Add
          </button>
          <button type="button" id="checkout" onClick={() => checkout.run({ userId })} disabled={checkout.loading}>
            Check out
          </button>
        </p>
      )}
      {failure && <p role="alert">{failure.message}</p>}
    </section>
  )
}

function Items({ userId }: { userId: string }) {
  const { data = [] } = useQuery(cartItems.ofUser, { userId })
  return (
    <section id="items">
      <h2>As the view has it</h2>
      <table>
        <tbody>
          {data.map(({ item, name, quantity, sold }) => (
            <tr key={item}>
              <td>{name}</td>
              <td>{sold ? 'sold' : 'in the cart'}</td>
              <td>{String(quantity)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function BestSelling() {
  const { data, error, loading } = useQuery(cartItems.dashboard, { limit: 10 })
  return (
    <section id="sold">
      <h2>Sold most, live</h2>
      {loading && <output>loading …</output>}
      {error && <p role="alert">{error.message}</p>}
      <table>
        <tbody>
          {data?.products.map(({ product, name, sold, carts }) => (
            <tr key={product}>
              <td>{name}</td>
              <td>{String(carts)} carts</td>
              <td>{String(sold)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Totals() {
  const { data } = useQuery(cartItems.count, {})
  return <p id="totals">{data && `${data.users} users, ${data.items} items, ${data.sold} of them sold`}</p>
}

function Page() {
  const userId = asked.get('user') ?? 'ann'
  return (
    <>
      <h1>Shop</h1>
      <Totals />
      <main>
        <Cart userId={userId} />
        <Items userId={userId} />
        <BestSelling />
      </main>
    </>
  )
}

createRoot(document.getElementById('page')!).render(
  <StrictMode>
    <Page />
  </StrictMode>,
)
