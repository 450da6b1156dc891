// The rules of shows, days, the office and the lists, and of all together, without a host. Run by `inn build` first: it writes src/gen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, action, call, minutes, refuse, seconds, update } from '@innkeeper/sdk'
import { any, testKit, together } from '@innkeeper/sdk/testing'
import { day } from '../src/day.ts'
import { Mail } from '../src/gen/mail.ts'
import { PaymentState, Payments } from '../src/gen/payments.ts'
import {
  Cancelled,
  ChargeAsked,
  ChargeFailed,
  Day,
  Failed,
  Hall,
  Opened,
  Order,
  OrderRow,
  OrdersTold,
  Paid,
  RefundDone,
  RefundFailed,
  Requested,
  Reserved,
  Revoked,
  SeatsHeld,
  SeatsReleased,
  SeatsSold,
  Show,
  ShowRow,
  Step,
  Takings,
} from '../src/gen/shop.ts'
import { orders, shows } from '../src/lists.ts'
import { report } from '../src/mails.ts'
import { office } from '../src/office.ts'
import { holdTime, order } from '../src/order.ts'
import { show } from '../src/show.ts'

const starts = { seconds: BigInt(Date.UTC(2030, 0, 31, 20) / 1000), nanos: 0 }
const opened = Opened({ title: 'Hamlet', starts, cents: 4500n, seats: 400 })
const held = (order: string, ...seats: number[]) => SeatsHeld({ order, seats })
const hall = testKit(show)

test('a show is opened once, with 400 seats', () => {
  const request = { show: 'hamlet', title: 'Hamlet', starts, cents: 4500n }
  const empty = { title: 'Hamlet', starts, cents: 4500n, seats: 400, left: 400, held: [], sold: [], cancelled: false }
  hall
    .given()
    .when('open', request)
    .then([opened], empty)
    .when('open', request)
    .then([], empty)
    .when('open', { ...request, cents: 1n })
    .refuses('ALREADY_EXISTS')
  for (const wrong of [{ title: '' }, { cents: 0n }, { seats: 0 }, { seats: 2001 }])
    hall
      .given()
      .when('open', { ...request, ...wrong })
      .refuses('INVALID_ARGUMENT')
  hall.given().when('look', { show: 'hamlet' }).refuses('NOT_FOUND')
})

test('a show holds all seats of an order, or none, and the same for one that asks again', () => {
  const hold = (order: string, ...seats: number[]) => ({ show: 'hamlet', order, seats })
  hall
    .given([opened])
    .when('hold', hold('a', 3, 4))
    .then([held('a', 3, 4)], { title: 'Hamlet', cents: 9000n })
    .when('hold', hold('a', 3, 4))
    .then([], { title: 'Hamlet', cents: 9000n })
    .when('hold', hold('b', 4, 5))
    .refuses('FAILED_PRECONDITION', 'seat 4 is taken')
    .when('hold', hold('b', 401))
    .refuses('INVALID_ARGUMENT', 'there is no seat 401')
    .when('hold', hold('b', 5), { now: Number(starts.seconds) * 1000 })
    .refuses('FAILED_PRECONDITION', 'the show has begun')
    .when('release', { show: 'hamlet', order: 'a' })
    .then([SeatsReleased({ order: 'a', count: 2 })], {})
    .when('release', { show: 'hamlet', order: 'a' })
    .then([], {})
    .when('hold', hold('b', 4, 5))
    .then([held('b', 4, 5)], any)
})

test('a seat that is sold stays sold', () => {
  hall
    .given([opened, held('a', 3), held('b', 9, 7)])
    .when('sell', { show: 'hamlet', order: 'a' })
    .then([SeatsSold({ order: 'a' })], {})
    .when('sell', { show: 'hamlet', order: 'a' })
    .then([], {})
    .when('release', { show: 'hamlet', order: 'a' })
    .then([], {})
    .when('look', { show: 'hamlet' })
    .then([], {
      ...{ title: 'Hamlet', starts, cents: 4500n, seats: 400, left: 397, held: [7, 9], sold: [3], cancelled: false },
    })
})

test('a show that is cancelled tells its orders, fifty at a time', () => {
  const names = Array.from({ length: 120 }, (_, i) => `o${i}`)
  const tell = call(Show, 'tell', { show: 'hamlet' })
  const told = (from: number, to: number) =>
    names.slice(from, to).map((order) => call(Order, 'showCancelled', { order }))
  hall
    .given([opened, ...names.map((name, i) => held(name, i + 1))])
    .when('cancel', { show: 'hamlet' })
    .effects([tell])
    .then([Cancelled({})], any)
    .when('hold', { show: 'hamlet', order: 'late', seats: [399] })
    .refuses('FAILED_PRECONDITION', 'the show is cancelled')
    .when('tell', { show: 'hamlet' })
    .effects([...told(0, 50), { call: tell, synchronous: false, due: { tag: 'after', val: seconds(1) }, name: 'tell' }])
    .then([OrdersTold({ orders: names.slice(0, 50) })], {})
    .when('tell', { show: 'hamlet' })
    .then([OrdersTold({ orders: names.slice(50, 100) })], {})
    .when('tell', { show: 'hamlet' })
    .effects(told(100, 120))
    .then([OrdersTold({ orders: names.slice(100) })], {})
    .when('tell', { show: 'hamlet' })
    .effects([])
    .then([], {})
    .when('audit', { show: 'hamlet' })
    .then([], Hall({ title: 'Hamlet', starts, cents: 4500n, seats: 400, cancelled: true }))
})

test('a day adds up what was sold and given back, and reports it once', () => {
  const { given } = testKit(day)
  const sums = { orders: 2n, seats: 5n, cents: 900n, refunds: 1n, refundedCents: 300n }
  given()
    .when('look', { day: '2030-01-31' })
    .refuses('NOT_FOUND')
    .when('sold', { day: '2030-01-31', seats: 2, cents: 300n })
    .then(any, {})
    .when('sold', { day: '2030-01-31', seats: 3, cents: 600n })
    .then(any, {})
    .when('refunded', { day: '2030-01-31', cents: 300n })
    .then(update(Takings(sums)), {})
    .when('report', { day: '2030-01-31', to: 'office@shop.example' })
    .effects([report('2030-01-31', 'office@shop.example', Takings(sums))])
    .then(update(Takings({ ...sums, reported: true })), {})
    .when('report', { day: '2030-01-31', to: 'office@shop.example' })
    .effects([])
    .then(accept(), {})
  given()
    .when('report', { day: '2030-01-31', to: 'office@shop.example' })
    .then(update(Takings({ reported: true })), {})
})

test('at night the day that has ended is reported, however late that is', () => {
  const kit = testKit(office)
  const to = 'office@shop.example'
  const options = { now: Date.UTC(2030, 1, 3), metadata: [['innkeeper-due', '2030-02-01T00:10:00Z']] as const }
  kit
    .when('nightly', { to }, options)
    .effects([call(Day, 'report', { day: '2030-01-31', to })])
    .then({})
  kit
    .when('nightly', { to }, { now: Date.UTC(2030, 2, 1, 9) })
    .effects([call(Day, 'report', { day: '2030-02-28', to })])
    .then({})
})

const second = (at: number) => ({ seconds: BigInt(at), nanos: 0 })
const row = (more: Partial<OrderRow>) =>
  OrderRow({ ...{ order: 'a', customer: 'ann', show: 'hamlet', title: 'Hamlet', seats: 2, cents: 9000n }, ...more })

test('the list of orders has a row for each, from the first word to the money given back', () => {
  const placed = second(1_900_000_000)
  const at = 1_900_000_000_000
  const changed = (entity: string, ...events: readonly object[]) =>
    events.map((event) => ({ of: Order, entity, at, event }) as never)
  const requested = Requested({ show: 'hamlet', customer: 'ann', mail: 'ann@example.com', seats: [3, 4] })
  const reserved = Reserved({ title: 'Hamlet', cents: 9000n, lapses: 1n })
  const asked = ChargeAsked({ charge: 'a.1', card: 'visa' })
  const paid = Paid({ receipt: 'r', at: second(7) })
  const list = testKit(orders)
  list
    .given()
    .when(...changed('a', requested, reserved, asked, paid), ...changed('b', requested))
    .then({
      a: row({ step: Step.PAID, placed, paid: second(7) }),
      b: OrderRow({ order: 'b', customer: 'ann', show: 'hamlet', seats: 2, step: Step.HOLDING, placed }),
    })
    .when(
      ...changed('a', Revoked({ why: 'cancelled' }), RefundFailed({ charge: 'a.1', why: 'no answer' })),
      ...changed('b', Failed({ why: 'seat 3 is taken' })),
    )
    .then({
      a: row({
        step: Step.CANCELLED,
        placed,
        paid: second(7),
        why: 'cancelled',
        refundFailures: 1,
        trouble: 'no answer',
      }),
      b: OrderRow({
        ...{ order: 'b', customer: 'ann', show: 'hamlet', seats: 2, step: Step.FAILED, placed, why: 'seat 3 is taken' },
      }),
    })
    .when(...changed('a', RefundDone({ charge: 'a.1', cents: 9000n })), ...changed('b'))
    .then({
      a: row({ step: Step.CANCELLED, placed, paid: second(7), why: 'cancelled', refundedCents: 9000n }),
      b: OrderRow({
        ...{ order: 'b', customer: 'ann', show: 'hamlet', seats: 2, step: Step.FAILED, placed, why: 'seat 3 is taken' },
      }),
    })
  list
    .given()
    .when(...changed('a', requested, reserved, asked, ChargeFailed({ why: 'declined', refund: true })))
    .then({ a: row({ step: Step.RESERVED, placed, why: 'declined' }) })
    .when(...changed('a', RefundDone({ charge: 'a.1', cents: 0n }), asked))
    .then({ a: row({ step: Step.PAYING, placed }) })
})

test('a list takes an event without a beginning, as it may be in no journal', () => {
  testKit(orders)
    .given()
    .when({ of: Order, entity: 'a', event: RefundDone({ charge: 'a.1', cents: 5n }) })
    .then({ a: OrderRow({ order: 'a', refundedCents: 5n }) })
  testKit(shows)
    .given()
    .when({ of: Show, entity: 'h', event: held('a', 1) })
    .then({ h: ShowRow({ show: 'h', left: -1 }) })
})

test('the list of shows has the seats that are left', () => {
  const of = (entity: string, ...events: readonly object[]) =>
    events.map((event) => ({ of: Show, entity, event }) as never)
  const shown = ShowRow({ show: 'hamlet', title: 'Hamlet', starts, cents: 4500n, seats: 400, left: 398 })
  testKit(shows)
    .given()
    .when(...of('hamlet', opened, held('a', 1, 2, 3), SeatsReleased({ order: 'a', count: 3 }), held('b', 1, 2)))
    .then({ hamlet: shown })
    .when(...of('hamlet', SeatsSold({ order: 'b' })))
    .then({ hamlet: shown })
    .when(...of('hamlet', Cancelled({}), SeatsReleased({ order: 'b', count: 2 })))
    .then({ hamlet: ShowRow({ ...shown, left: 0, cancelled: true }) })
})

/** The shop with a provider that takes every card but one, and remembers nothing. */
function shop() {
  const provider = action(Payments, {
    methods: {
      charge: ({ charge, cents, card }) =>
        card === 'none'
          ? refuse('FAILED_PRECONDITION', 'the card is declined')
          : accept().reply({ charge, cents, receipt: `r.${charge}`, state: PaymentState.CHARGED }),
      refund: ({ charge }) =>
        accept().reply({ charge, cents: 4500n, receipt: `r.${charge}`, state: PaymentState.REFUNDED }),
    },
  })
  const post = action(Mail, { methods: { send: () => accept().reply({}) } })
  const all = together(show, order, day, office, provider, post)
  all.call(Show, 'open', { show: 'hamlet', title: 'Hamlet', starts, cents: 4500n })
  const who = { show: 'hamlet', customer: 'ann', mail: 'ann@example.com' }
  const left = () => all.call(Show, 'look', { show: 'hamlet' }).reply.left
  const stepOf = (id: string) => all.call(Order, 'look', { order: id }).reply.step
  return {
    ...{ all, left, stepOf },
    reserve: (id: string, ...seats: number[]) => all.call(Order, 'reserve', { ...who, order: id, seats }),
    pay: (id: string, card = 'visa') => all.call(Order, 'pay', { order: id, card }),
  }
}

test('together: a seat is reserved and paid for, and nobody else gets it', () => {
  const { all, left, stepOf, reserve, pay } = shop()
  assert.equal(reserve('a', 7).reply.cents, 4500n)
  reserve('b', 7).refuses('FAILED_PRECONDITION', 'seat 7 is taken')
  pay('a', 'none').refuses('FAILED_PRECONDITION', 'the card is declined')
  assert.equal(stepOf('a'), Step.RESERVED)
  assert.equal(pay('a').reply.step, Step.PAID)
  all.turn(minutes(20))
  assert.deepEqual([stepOf('a'), left(), all.pending, all.parked], [Step.PAID, 399, [], []])
})

test('together: a reservation that nobody pays for is free for the next one', () => {
  const { all, left, stepOf, reserve, pay } = shop()
  assert.equal(reserve('a', 7).reply.step, Step.RESERVED)
  all.turn(holdTime - 1)
  assert.equal(left(), 399)
  all.turn(1)
  assert.deepEqual([stepOf('a'), left()], [Step.FAILED, 400])
  pay('a').refuses('FAILED_PRECONDITION', 'the reservation lapsed')
  assert.equal(reserve('b', 7).reply.step, Step.RESERVED)
  assert.equal(pay('b').reply.step, Step.PAID)
  assert.deepEqual([all.pending, all.parked], [[], []])
})

test('together: 60 orders of a cancelled show get their money back, and the day knows', () => {
  const { all, left, stepOf, reserve, pay } = shop()
  const ids = Array.from({ length: 60 }, (_, i) => `o${i}`)
  for (const [i, id] of ids.entries()) {
    assert.equal(reserve(id, i + 1).reply.step, Step.RESERVED)
    if (i % 4 !== 0) assert.equal(pay(id).reply.step, Step.PAID)
  }
  assert.equal(left(), 340)
  all.call(Show, 'cancel', { show: 'hamlet' })
  all.turn(seconds(3))
  assert.deepEqual(new Set(ids.map(stepOf)), new Set([Step.CANCELLED]))
  const [paid] = all.call(Order, 'look', { order: 'o1' }).reply.charges
  assert.equal(paid?.refundedCents, 4500n)
  const [{ seconds: at }] = [all.call(Order, 'look', { order: 'o1' }).reply.paid!]
  const today = new Date(Number(at) * 1000).toISOString().slice(0, 10)
  all
    .call(Day, 'look', { day: today })
    .replies({ orders: 45n, seats: 45n, cents: 202500n, refunds: 45n, refundedCents: 202500n, reported: false })
  all
    .call(Show, 'audit', { show: 'hamlet' })
    .replies(Hall({ title: 'Hamlet', starts, cents: 4500n, seats: 400, cancelled: true }))
  assert.deepEqual([all.pending, all.parked], [[], []])
})
