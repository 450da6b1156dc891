// The rules of an order, without a host. Run by `inn build` first: it writes src/gen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, hours, refuse, seconds } from '@innkeeper/sdk'
import { any, testKit } from '@innkeeper/sdk/testing'
import { PaymentState, Payments } from '../src/gen/payments.ts'
import {
  ChargeAsked,
  ChargeFailed,
  ChargeNote,
  ChargeUnsure,
  Day,
  Failed,
  Order,
  Paid,
  RefundDone,
  RefundFailed,
  Requested,
  Reserved,
  Revoked,
  Show,
  Step,
} from '../src/gen/shop.ts'
import { confirmation, refunded } from '../src/mails.ts'
import { holdTime, order, paymentTime } from '../src/order.ts'

const { given } = testKit(order)

const now = Date.UTC(2030, 0, 31, 12)
const at = { now }
const lapses = BigInt(now + holdTime)
const wanted = { order: 'o', show: 'hamlet', customer: 'ann', mail: 'ann@example.com', seats: [3, 4] }
const requested = Requested({ show: 'hamlet', customer: 'ann', mail: 'ann@example.com', seats: [3, 4] })
const reserved = Reserved({ title: 'Hamlet', cents: 9000n, lapses })
const asked = ChargeAsked({ charge: 'o.1', card: 'visa' })
const paid = Paid({ receipt: 'r1', at: { seconds: BigInt(now / 1000), nanos: 0 } })

const hold = call(Show, 'hold', { show: 'hamlet', order: 'o', seats: [3, 4] })
const release = call(Show, 'release', { show: 'hamlet', order: 'o' })
const lapse = call(Order, 'lapse', { order: 'o' })
const charge = call(Payments, 'charge', {
  ...{ charge: 'o.1', cents: 9000n, currency: 'CHF', card: 'visa', text: 'Hamlet, seats 3, 4' },
})
const refund = call(Order, 'refund', { order: 'o', charge: 'o.1' })
const note = ChargeNote({ charge: 'o.1' })
const backThen = { call: lapse, synchronous: false, due: { tag: 'at', val: Number(lapses) }, name: 'lapse' } as const
const once = { within: seconds(30), name: 'charge' }
const charged = { reply: { charge: 'o.1', cents: 9000n, receipt: 'r1', state: PaymentState.CHARGED } } as const
const unknown = { failure: 'DEADLINE_EXCEEDED', reason: 'UNKNOWN' } as const
const declined = { failure: 'FAILED_PRECONDITION', message: 'payments answered 402' } as const

const holding = () => given([requested], 'o')
const reservedOrder = () => given([requested, reserved], 'o')
const paying = () => given([requested, reserved, asked], 'o')
const unsure = () => given([requested, reserved, asked, ChargeUnsure({})], 'o')
const paidOrder = () => given([requested, reserved, asked, paid], 'o')
/** A paid order whose show was cancelled. */
const owing = () => given([requested, reserved, asked, paid, Revoked({ why: 'the show is cancelled' })], 'o')

const lookedAt = (at: ReturnType<typeof paidOrder>) => at.when('look', { order: 'o' }).reply
const refusal = (why: string) => refuse('FAILED_PRECONDITION', why)
const heldEnds = (why: string) => ['held', 'reserve', refusal(why)] as const
const payEnds = (why: string) => ['payment', 'pay', refusal(why)] as const

test('an order asks the show for its seats, and answers when they are held', () => {
  given()
    .when('reserve', wanted)
    .asks(hold, 'seatsHeard')
    .later([requested], 'held')
    .answer('seatsHeard', { reply: { title: 'Hamlet', cents: 9000n } }, undefined, at)
    .after(holdTime, lapse, { name: 'lapse' })
    .resolves('held', 'reserve', lookedAt(reservedOrder()))
    .then([reserved], {})
    .when('reserve', wanted)
    .then([], any)
})

test('what is no order is refused', () => {
  const wrong = [
    [{ order: '../x' }, /an id has letters/],
    [{ customer: '' }, /say who/],
    [{ mail: 'ann' }, /an address/],
    [{ seats: [] }, /1 to 8/],
    [{ seats: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, /1 to 8/],
    [{ seats: [3, 3] }, /each once/],
  ] as const
  for (const [change, why] of wrong)
    given()
      .when('reserve', { ...wanted, ...change })
      .refuses('INVALID_ARGUMENT', why)
  reservedOrder()
    .when('reserve', { ...wanted, seats: [5] })
    .refuses('ALREADY_EXISTS')
})

test('who reserves again under one id waits along', () => {
  holding().when('reserve', wanted).effects([]).later([], 'held')
})

test('a seat that is taken ends the order', () => {
  holding()
    .answer('seatsHeard', { failure: 'FAILED_PRECONDITION', message: 'seat 3 is taken' })
    .cancels('lapse', 'charge')
    .resolves(...heldEnds('seat 3 is taken'))
    .resolves(...payEnds('seat 3 is taken'))
    .effects([release])
    .then([Failed({ why: 'seat 3 is taken' })], {})
    .when('reserve', wanted)
    .refuses('FAILED_PRECONDITION', 'seat 3 is taken')
})

test('a payment moves the timer of the reservation, and sells the seats', () => {
  reservedOrder()
    .when('pay', { order: 'o', card: 'visa' }, at)
    .asks(charge, 'charged', note, once)
    .after(paymentTime, lapse, { name: 'lapse' })
    .later([asked], 'payment')
    .when('pay', { order: 'o', card: 'visa' })
    .effects([])
    .later([], 'payment')
  paying()
    .answer('charged', charged, note, at)
    .cancels('lapse')
    .resolves('payment', 'pay', lookedAt(paidOrder()))
    .effects([
      call(Show, 'sell', { show: 'hamlet', order: 'o' }),
      call(Day, 'sold', { day: '2030-01-31', seats: 2, cents: 9000n }),
      confirmation('o', lookedAt(paidOrder())),
    ])
    .then([paid], {})
    .when('pay', { order: 'o', card: 'other' })
    .then([], any)
})

test('only a reservation is paid for, by one card at a time', () => {
  given().when('pay', { order: 'o', card: 'visa' }).refuses('NOT_FOUND')
  holding().when('pay', { order: 'o', card: 'visa' }).refuses('FAILED_PRECONDITION', 'the seats are not held yet')
  reservedOrder().when('pay', { order: 'o', card: '' }).refuses('INVALID_ARGUMENT')
  paying()
    .when('pay', { order: 'o', card: 'other' })
    .refuses('FAILED_PRECONDITION', /by another card/)
  reservedOrder()
    .when('pay', { order: 'o', card: 'visa' }, { now: Number(lapses) })
    .refuses('FAILED_PRECONDITION', 'the reservation lapsed')
})

test('a card that is refused leaves the seats held, until they would have lapsed', () => {
  const why = 'the card is declined'
  const next = ChargeAsked({ charge: 'o.2', card: 'other' })
  paying()
    .answer('charged', declined, note)
    .resolves(...payEnds(why))
    .at(Number(lapses), lapse, { name: 'lapse' })
    .then([ChargeFailed({ why, refund: false })], {})
    .when('pay', { order: 'o', card: 'other' }, at)
    .later([next], 'payment')
    // Of the first charge.
    .answer('charged', charged, note)
    .effects([])
    .then([], {})
})

test('a provider that cannot be reached has taken nothing', () => {
  const why = 'no payments are possible just now; try again'
  paying()
    .answer('charged', { failure: 'UNAVAILABLE', reason: 'NOT_SENT' }, note)
    .resolves(...payEnds(why))
    .effects([backThen])
    .then([ChargeFailed({ why, refund: false })], {})
})

test('a sixth card is not tried', () => {
  const tries = [1, 2, 3, 4, 5].flatMap((n) => [
    ChargeAsked({ charge: `o.${n}`, card: 'visa' }),
    ChargeFailed({ why: 'no', refund: false }),
  ])
  given([requested, reserved, ...tries], 'o')
    .when('pay', { order: 'o', card: 'visa' }, at)
    .refuses('FAILED_PRECONDITION', /no more than 5 cards/)
})

test('a charge that may have happened is asked for again under its id, and nothing is undone', () => {
  paying()
    .answer('charged', unknown, note)
    .asks(charge, 'charged', note, { ...once, after: seconds(5) })
    .then([ChargeUnsure({})], {})
    .answer('charged', unknown, note)
    .asks(charge, 'charged', note, { ...once, after: seconds(5) })
    .then([], {})
    .answer('charged', charged, note, at)
    .cancels('lapse')
    .then([paid], {})
})

test('a refusal after that is not believed: the charge is given back all the same', () => {
  const why = 'the card is declined'
  unsure()
    .answer('charged', declined, note)
    .resolves(...payEnds(why))
    .effects([backThen, refund])
    .then([ChargeFailed({ why, refund: true })], {})
})

test('a charge that was taken back elsewhere pays for nothing', () => {
  const why = 'the charge was taken back'
  const answer = { ...charged.reply, state: PaymentState.REFUNDED }
  paying()
    .answer('charged', { reply: answer }, note)
    .resolves(...payEnds(why))
    .then([ChargeFailed({ why, refund: false })], {})
})

test('a reservation lapses, and its seats are free', () => {
  const why = 'the reservation lapsed'
  reservedOrder()
    .when('lapse', { order: 'o' })
    .cancels('lapse', 'charge')
    .resolves(...heldEnds(why))
    .resolves(...payEnds(why))
    .effects([release])
    .then([Failed({ why })], {})
    .when('pay', { order: 'o', card: 'visa' })
    .refuses('FAILED_PRECONDITION', why)
  paidOrder().when('lapse', { order: 'o' }).effects([]).then([], {})
})

test('a payment that takes too long is given back; what the provider says after that changes nothing', () => {
  const why = 'the payment did not end in time; what it took is given back'
  for (const start of [paying, unsure]) {
    start()
      .when('lapse', { order: 'o' }, { now: Number(lapses) })
      .cancels('lapse', 'charge')
      .resolves(...heldEnds(why))
      .resolves(...payEnds(why))
      .effects([release, refund])
      .then([Failed({ why })], {})
      .answer('charged', charged, note)
      .effects([])
      .then([], {})
    // There is time left for another card.
    start()
      .when('lapse', { order: 'o' }, at)
      .cancels('charge')
      .resolves(...payEnds(why))
      .effects([backThen, refund])
      .then([ChargeFailed({ why, refund: true })], {})
      .answer('charged', charged, note)
      .effects([])
      .then([], {})
  }
})

test('who does not want the seats gives them up', () => {
  reservedOrder()
    .when('giveUp', { order: 'o' })
    .effects([release])
    .then([Failed({ why: 'given up' })], any)
  for (const start of [holding, paying, paidOrder])
    start()
      .when('giveUp', { order: 'o' })
      .refuses('FAILED_PRECONDITION', /paid for/)
})

test('a show that is cancelled ends every order, and gives back what was paid or may be', () => {
  const why = 'the show is cancelled'
  const cases = [
    [holding, [release]],
    [reservedOrder, [release]],
    [paying, [release, refund]],
    [paidOrder, [release, refund]],
  ] as const
  for (const [start, effects] of cases) {
    start()
      .when('showCancelled', { order: 'o' })
      .cancels('lapse', 'charge')
      .resolves(...heldEnds(why))
      .resolves(...payEnds(why))
      .effects([...effects])
      .then([Revoked({ why })], {})
      .when('showCancelled', { order: 'o' })
      .effects([])
      .then([], {})
  }
  given([requested, reserved, Failed({ why: 'given up' })], 'o')
    .when('showCancelled', { order: 'o' })
    .then([], {})
})

test('what is owed is asked for, and told to the day and the customer', () => {
  const ask = call(Payments, 'refund', { charge: 'o.1', reason: 'the show is cancelled' })
  const back = { reply: { charge: 'o.1', cents: 9000n, receipt: 'r1', state: PaymentState.REFUNDED } } as const
  const mail = refunded('o.1', { mail: 'ann@example.com', title: 'Hamlet', why: 'the show is cancelled' }, 9000n)
  owing()
    .when('refund', { order: 'o', charge: 'o.1' })
    .asks(ask, 'refundHeard', note, { within: seconds(30) })
    .then([], {})
    .answer('refundHeard', back, note, at)
    .effects([mail, call(Day, 'refunded', { day: '2030-01-31', cents: 9000n })])
    .then([RefundDone({ charge: 'o.1', cents: 9000n })], {})
    .when('refund', { order: 'o', charge: 'o.1' })
    .effects([])
    .then([], {})
    .answer('refundHeard', back, note)
    .effects([])
    .then([], {})
})

test('a charge that never came is void, and nobody hears of it', () => {
  given([requested, reserved, asked, Failed({ why: 'late' })], 'o')
    .answer('refundHeard', { reply: { charge: 'o.1', cents: 0n, receipt: '', state: PaymentState.VOID } }, note)
    .effects([])
    .then([RefundDone({ charge: 'o.1', cents: 0n })], {})
})

test('money that was taken for an order that was never paid is in no sum of a day', () => {
  const back = { reply: { charge: 'o.1', cents: 9000n, receipt: 'r1', state: PaymentState.REFUNDED } } as const
  const mail = refunded('o.1', { mail: 'ann@example.com', title: 'Hamlet', why: 'late' }, 9000n)
  given([requested, reserved, asked, Failed({ why: 'late' })], 'o')
    .answer('refundHeard', back, note)
    .effects([mail])
    .then([RefundDone({ charge: 'o.1', cents: 9000n })], {})
})

test('a refund that fails is tried again, later and later, for ever', () => {
  const failures = [declined, unknown, { failure: 'UNAVAILABLE', reason: 'NOT_SENT' }] as const
  for (const failure of failures)
    owing()
      .answer('refundHeard', failure, note)
      .after(seconds(2), refund, { name: 'refund o.1' })
      .then([RefundFailed({ charge: 'o.1', why: any })], {})
  const many = (count: number) => Array.from({ length: count }, () => RefundFailed({ charge: 'o.1', why: 'no' }))
  const waits = (count: number, ms: number) =>
    given([requested, reserved, asked, paid, Revoked({ why: 'the show is cancelled' }), ...many(count)], 'o')
      .answer('refundHeard', declined, note)
      .after(ms, refund, { name: 'refund o.1' })
      .then([RefundFailed({ charge: 'o.1', why: declined.message })], {})
  waits(3, seconds(16))
  waits(11, hours(1))
  waits(50, hours(1))
})

test('the office has a refund tried now', () => {
  owing().when('refundNow', { order: 'o' }).cancels('refund o.1').effects([refund]).then([], any)
  paidOrder().when('refundNow', { order: 'o' }).refuses('FAILED_PRECONDITION', 'nothing is owed')
})

test('an order is looked at, without its cards', () => {
  given().when('look', { order: 'o' }).refuses('NOT_FOUND')
  const { step, cents, seats, title } = lookedAt(reservedOrder())
  assert.deepEqual([step, cents, seats, title], [Step.RESERVED, 9000n, [3, 4], 'Hamlet'])
  const [charge] = lookedAt(paidOrder()).charges
  assert.deepEqual([charge?.receipt, charge?.card], ['r1', ''])
})
