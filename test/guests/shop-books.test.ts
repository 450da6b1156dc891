// Guards what the shop of guests/shop is tried with: its provider, which fails as it is asked to, and the checker of both books.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProviderBooks } from '../../guests/shop/books.ts'
import type { HallOfShop, OrderOfShop, ShopBooks } from '../../guests/shop/checker.ts'
import { problemsOf } from '../../guests/shop/checker.ts'
import type { Provider } from '../../guests/shop/provider.ts'
import { startProvider } from '../../guests/shop/provider.ts'
import { temporary } from '../support/host.ts'

const Desk = suite('the provider of the shop')

interface Answered {
  readonly status: number
  readonly json: Record<string, unknown>
}

async function post(provider: Provider, path: string, body: unknown, key?: string): Promise<Answered> {
  const response = await fetch(`${provider.url}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
    signal: AbortSignal.timeout(2_000),
  })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

const isCut = (answer: Promise<unknown>) =>
  answer.then(
    () => false,
    () => true,
  )

async function withProvider(act: (provider: Provider) => Promise<void>, books?: string): Promise<void> {
  const provider = await startProvider(books === undefined ? {} : { books })
  try {
    await act(provider)
  } finally {
    await provider.close()
  }
}

const visa = { charge: 'a.1', cents: '500', currency: 'CHF', card: 'visa', text: 'Hamlet' }
const charged = { charge: 'a.1', cents: 500, receipt: 'r-1', state: 'CHARGED' }

Desk('books.B1: a charge is made once under its id, whatever the key, and never after it was given back', () =>
  withProvider(async (provider) => {
    for (const key of ['k1', 'k2', undefined])
      assert.equal(await post(provider, '/v1/charges', visa, key), { status: 200, json: charged })
    assert.is((await post(provider, '/v1/charges', { ...visa, cents: '600' })).status, 409)
    const back = { ...charged, state: 'REFUNDED' }
    for (const key of ['k3', 'k4']) assert.equal((await post(provider, '/v1/charges/a.1/refund', {}, key)).json, back)
    assert.is((await post(provider, '/v1/charges', visa, 'k5')).status, 409)
    const early = { charge: 'b.1', cents: 0, receipt: '', state: 'VOID' }
    assert.equal((await post(provider, '/v1/charges/b.1/refund', {})).json, early)
    assert.is((await post(provider, '/v1/charges', { ...visa, charge: 'b.1' })).status, 409)
    assert.equal(provider.books.charges, [back, early])
  }),
)

Desk('a card that is declined takes nothing, and the same charge may be made by another', () =>
  withProvider(async (provider) => {
    const { status, json } = await post(provider, '/v1/charges', { ...visa, card: 'declined' })
    assert.equal([status, json], [402, { error: 'the card is declined' }])
    assert.equal(provider.books.charges, [])
    assert.is((await post(provider, '/v1/charges', visa)).status, 200)
  }),
)

Desk('provider.P1: the same key is answered the same, and another request under it is refused', () =>
  withProvider(async (provider) => {
    await post(provider, '/v1/charges', visa, 'k')
    await post(provider, '/v1/charges/a.1/refund', {})
    assert.equal(await post(provider, '/v1/charges', visa, 'k'), { status: 200, json: charged })
    assert.is((await post(provider, '/v1/charges', { ...visa, charge: 'c.1' }, 'k')).status, 422)
  }),
)

Desk('provider.P2: it fails as it was asked to, and as often', () =>
  withProvider(async (provider) => {
    const fail = (how: string, next = 1, on?: string) => post(provider, '/fail', { how, next, on })
    const charge = (id: string) => post(provider, '/v1/charges', { ...visa, charge: id })
    const has = (id: string) => provider.books.charges.some(({ charge }) => charge === id)
    await fail('refuse', 2)
    assert.equal([(await charge('a')).status, (await charge('a')).status, has('a')], [402, 402, false])
    await fail('503')
    assert.equal([(await charge('a')).status, has('a')], [503, false])
    await fail('reset')
    assert.equal([await isCut(charge('a')), has('a')], [true, false])
    await fail('half')
    assert.equal([await isCut(charge('b')), has('b')], [true, true])
    await fail('hang', 1, 'refunds')
    assert.is((await charge('c')).status, 200)
    assert.equal(await isCut(post(provider, '/v1/charges/c/refund', {})), true)
    assert.is(provider.books.charges.find(({ charge }) => charge === 'c')?.state, 'REFUNDED')
    assert.is((await charge('d')).status, 200)
  }),
)

Desk('what it does not understand is refused, and says why', () =>
  withProvider(async (provider) => {
    const told = async (path: string, body: unknown) => {
      const { status, json } = await post(provider, path, body)
      return [status, json['error']]
    }
    assert.equal(await told('/v1/charges', 'x'), [400, 'the body is no JSON object'])
    assert.equal(await told('/v1/charges', { cents: 1, card: 'visa' }), [400, 'charge: a text'])
    assert.equal(await told('/v1/charges', { ...visa, cents: 'much' }), [400, 'cents: more than 0'])
    assert.equal(await told('/v2/charges', visa), [404, 'there is no POST /v2/charges'])
    assert.equal(await told('/fail', { next: 1, how: 'sometimes' }), [
      400,
      'how: one of refuse, 503, hang, reset, half',
    ])
  }),
)

Desk('books.B2: its books are there when it starts again', async () => {
  const folder = temporary()
  const file = join(folder.path, 'books.jsonl')
  const mail = { id: 'a.paid', to: 'ann@example.com', subject: 'Seats', text: 'Yours.' }
  await withProvider(async (provider) => {
    await post(provider, '/v1/charges', visa)
    await post(provider, '/v1/messages', mail)
    await post(provider, '/v1/messages', { ...mail, text: 'again' })
    await post(provider, '/v1/charges/a.1/refund', {})
  }, file)
  await withProvider(async (provider) => {
    const books = (await (await fetch(`${provider.url}/books`)).json()) as ProviderBooks
    assert.equal(books, { charges: [{ ...charged, state: 'REFUNDED' }], mails: [mail] })
    assert.is((await post(provider, '/v1/charges', visa)).status, 409)
  }, file)
  await rm(folder.path, { recursive: true, force: true })
})

Desk.run()

const Checker = suite('the checker of the shop')

const charge = (id: string, more: Partial<OrderOfShop['charges'][number]> = {}) => ({
  ...{ id, state: 'CHARGED', receipt: 'r', refundedCents: '0' },
  ...more,
})
const order = (more: Partial<OrderOfShop>): OrderOfShop => ({
  ...{ step: 'PAID', show: 'hamlet', seats: [1, 2], cents: '900', charges: [] },
  ...more,
})
const hall = (...holds: HallOfShop['holds']): HallOfShop => ({ seats: 400, cancelled: false, holds })
const taken = (id: string, state: 'CHARGED' | 'REFUNDED' | 'VOID' = 'CHARGED', cents = 900) => ({
  ...{ charge: id, cents, receipt: 'r', state },
})
const mails = (...ids: readonly string[]) => ids.map((id) => ({ id, to: 'x', subject: 'x', text: 'x' }))
const day = (orders: string, cents: string, refundedCents = '0') => ({ orders, cents, refundedCents })

/** One order of each kind, as all should be. */
const good: { readonly shop: ShopBooks; readonly provider: ProviderBooks } = {
  shop: {
    orders: {
      paid: order({ charges: [charge('paid.1', { state: 'REFUSED', receipt: '' }), charge('paid.2')] }),
      held: order({ step: 'RESERVED', seats: [3] }),
      late: order({
        ...{ step: 'FAILED', seats: [4] },
        charges: [charge('late.1', { state: 'REFUNDED', receipt: '' })],
      }),
      back: order({
        ...{ step: 'CANCELLED', show: 'lear' },
        charges: [charge('back.1', { state: 'REFUNDED', refundedCents: '900' })],
      }),
    },
    shows: {
      hamlet: hall({ order: 'paid', seats: [1, 2], sold: true }, { order: 'held', seats: [3], sold: false }),
      lear: { ...hall(), cancelled: true },
    },
    days: [day('1', '900'), day('1', '900', '900')],
  },
  provider: {
    charges: [taken('paid.2'), taken('late.1', 'VOID', 0), taken('back.1', 'REFUNDED')],
    mails: mails('paid.paid', 'back.paid', 'back.1.refunded', 'report.2030-01-31'),
  },
}

Checker('says nothing of books that agree', () => {
  assert.equal(problemsOf(good.shop, good.provider), [])
})

const withOrder = (id: string, more: Partial<OrderOfShop>): ShopBooks => ({
  ...good.shop,
  orders: { ...good.shop.orders, [id]: { ...order({}), ...good.shop.orders[id], ...more } },
})
const withHall = (...holds: HallOfShop['holds']): ShopBooks => ({
  ...good.shop,
  shows: { ...good.shop.shows, hamlet: hall(...holds) },
})
const withCharges = (...charges: ProviderBooks['charges']): ProviderBooks => ({
  ...good.provider,
  charges: [...good.provider.charges.filter(({ charge }) => charges.every((one) => one.charge !== charge)), ...charges],
})
const sold = { order: 'paid', seats: [1, 2], sold: true } as const
const held = { order: 'held', seats: [3], sold: false } as const

const lies: readonly (readonly [string, ShopBooks, ProviderBooks, RegExp])[] = [
  ['a paid order whose charge never came', good.shop, withCharges(taken('paid.2', 'VOID', 0)), /keeps 0 charges of it/],
  [
    'money taken twice',
    good.shop,
    withCharges(taken('paid.1')),
    /paid is PAID, and the provider keeps 2 charges of it/,
  ],
  ['money kept for nothing', good.shop, withCharges(taken('late.1')), /late is FAILED, and the provider keeps 1/],
  ['another price', good.shop, withCharges(taken('paid.2', 'CHARGED', 800)), /paid\.2 took 800, and paid costs 900/],
  ['money that did not come back', good.shop, withCharges(taken('back.1')), /says that 900 of back\.1 came back/],
  ['a charge of nobody', good.shop, withCharges(taken('x.1', 'VOID', 0)), /the provider knows x\.1, and no order does/],
  [
    'money that is owed',
    withOrder('late', { charges: [charge('late.1', { state: 'REFUNDING', receipt: '' })] }),
    good.provider,
    /late owes late\.1/,
  ],
  ['an order that waits', withOrder('late', { step: 'PAYING' }), good.provider, /late is still PAYING/],
  [
    'an order of a cancelled show',
    withOrder('held', { show: 'lear' }),
    good.provider,
    /held is RESERVED, and its show lear is cancelled/,
  ],
  ['a seat of two orders', withHall(sold, { ...held, seats: [2] }), good.provider, /seat 2 of hamlet belongs to paid/],
  ['a seat that is not there', withHall(sold, { ...held, seats: [401] }), good.provider, /hamlet has no seat 401/],
  ['a paid order without its seats', withHall(held), good.provider, /paid has paid for 1, 2 of hamlet/],
  ['seats that are not marked sold', withHall({ ...sold, sold: false }, held), good.provider, /held seats for paid/],
  ['seats that nobody pays for', withOrder('held', { step: 'FAILED' }), good.provider, /for held, which is FAILED/],
  [
    'a seat that two paid for',
    withOrder('held', { step: 'PAID', seats: [2] }),
    good.provider,
    /seat 2 of hamlet was paid for by paid and by held/,
  ],
  [
    'a mail that was not sent',
    good.shop,
    { ...good.provider, mails: mails('back.paid', 'back.1.refunded') },
    /the mail paid\.paid was not sent/,
  ],
  [
    'a mail that was sent twice',
    good.shop,
    { ...good.provider, mails: [...good.provider.mails, ...mails('paid.paid')] },
    /the mail paid\.paid was sent twice/,
  ],
  [
    'a mail for nothing',
    good.shop,
    { ...good.provider, mails: [...good.provider.mails, ...mails('held.paid')] },
    /the mail held\.paid was sent for nothing/,
  ],
  ['a day too few', { ...good.shop, days: [day('1', '900')] }, good.provider, /the days have orders: 1, the orders 2/],
  [
    'a refund that no day has',
    { ...good.shop, days: [day('2', '1800')] },
    good.provider,
    /the days have cents given back: 0, the orders 900/,
  ],
]
for (const [what, shop, provider, told] of lies) {
  Checker(`tells of ${what}`, () => {
    const problems = problemsOf(shop, provider)
    assert.ok(
      problems.some((problem) => told.test(problem)),
      problems.join('\n'),
    )
  })
}

Checker.run()
