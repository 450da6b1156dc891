// Guards what tests say of a later time: effects that are due later, asks and their answers, cancels, tickets. Of test/fixtures/guests/asking.
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Action } from '../../sdk/typescript/action.ts'
import type { AnswerMethod, MessageType, Method, ServiceType } from '../../sdk/typescript/codec/message.ts'
import type { EventSourced } from '../../sdk/typescript/event-sourced.ts'
import {
  accept,
  call,
  days,
  eventSourced,
  type flag,
  hours,
  json,
  minutes,
  reasonOf,
  refuse,
  seconds,
  update,
  value,
} from '../../sdk/typescript/index.ts'
import type { Replicated } from '../../sdk/typescript/replicated.ts'
import { any, testKit, together } from '../../sdk/typescript/testing.ts'
import type { Value } from '../../sdk/typescript/value.ts'
import { generated } from '../support/generated.ts'

interface PlaceRequest {
  readonly id: string
  readonly word: string
  readonly ms: number
  readonly text: string
}
type Text = { readonly text: string }
type ChargeRequest = { readonly id: string; readonly amount: bigint }
type ChargeReply = { readonly receipt: string }
type ChargeNote = { readonly order: string }
interface ChargeAnswer {
  readonly outcome?:
    | { readonly case: 'reply'; readonly value: ChargeReply }
    | { readonly case: 'failure'; readonly value: object }
  readonly note?: ChargeNote
}
type Charged = AnswerMethod<ChargeAnswer, object>
type OrderMethods = {
  readonly place: Method<PlaceRequest, Text>
  readonly settle: Method<PlaceRequest, Text>
  readonly look: Method<PlaceRequest, Text>
  readonly charged: Charged
}
type PaymentMethods = { readonly charge: Method<ChargeRequest, ChargeReply> }
type RoomMethods = { readonly enter: Method<PlaceRequest, Text>; readonly charged: Charged }
type Told = MessageType<Text, 'Told'>

const folder = fileURLToPath(new URL('../fixtures/guests/asking', import.meta.url))
const { Payments, Orders, Rooms, Told, ChargeNote } = await generated<{
  Rooms: ServiceType<RoomMethods>
  Payments: ServiceType<PaymentMethods>
  Orders: ServiceType<OrderMethods>
  Told: Told
  ChargeNote: MessageType<ChargeNote, 'ChargeNote'>
}>(folder, 'asking.ts')
const { default: services } = (await import(`${folder}/src/service.ts`)) as {
  default: readonly [
    EventSourced<OrderMethods, { readonly Told: Told }, { last: string }>,
    Value<PaymentMethods, { total: string }>,
    Replicated<RoomMethods, ReturnType<typeof flag>>,
    Action<{ readonly run: Method<PlaceRequest, Text> }>,
  ]
}
const [orders, payments, rooms, jobs] = services
const charge = call(Payments, 'charge', { id: 'p', amount: 1n })
const note = ChargeNote({ order: 'a' })

const Later = suite('words of a later time')

const place = (word: string, text = 'a', ms = 0) => testKit(orders).given().when('place', { id: 'o', word, text, ms })
const told = [Told({ text: 'a' })]

Later(
  'effect.F1: helpers give whole milliseconds, rounded up but for what a fraction of ten is beside one of two',
  () => {
    assert.equal(
      [seconds(1.5), seconds(4.35), minutes(1), hours(0.5), days(2)],
      [1_500, 4_350, 60_000, 1_800_000, 172_800_000],
    )
    assert.equal([seconds(0.0004), minutes(0.1), seconds(-0.0014)], [1, 6_000, -1])
    assert.equal([seconds(0.07), seconds(1.001), minutes(0.0011), days(1 / 3)], [70, 1_001, 66, 28_800_000])
    assert.equal([Number.NaN, Number.POSITIVE_INFINITY].map(seconds), [Number.NaN, Number.POSITIVE_INFINITY])
  },
)

Later('an effect is compared by when it is due, its name and its limit', () => {
  const came = () => place('after', 'a', 5)
  came().after(5, charge, { name: 'reminder', within: 1_500 }).then(told, { text: 'a' })
  assert.throws(() => came().after(6, charge, { name: 'reminder', within: 1_500 }), /after/)
  assert.throws(() => came().after(5, charge, { name: 'other', within: 1_500 }), /other/)
  assert.throws(() => came().after(5, charge, { name: 'reminder' }), /within/)
  assert.throws(() => came().at(5, charge, { name: 'reminder', within: 1_500 }), /at/)
  assert.throws(() => came().effects([charge]), /reminder/)
  place('at', 'a', 7).at(7, charge).then(told, { text: 'a' })
})

Later('where effects are said, there are no others', () => {
  const came = place('ask').asks(charge, 'charged', undefined, { within: 2 })
  assert.throws(() => came.then(told, { text: 'a' }), /decided otherwise/)
  came.asks(charge, 'charged').then(told, { text: 'a' })
  assert.throws(() => place('cancel').after(1, charge), /decided otherwise/)
})

Later('an ask is compared by the method that hears it, its note and when it is due', () => {
  const came = () => place('note', 'a', 9)
  came().asks(charge, 'charged', note, { after: 9, name: 'charge' }).then(told, { text: 'a' })
  assert.throws(() => came().asks(charge, 'place', note, { after: 9, name: 'charge' }), /Place/)
  assert.throws(() => came().asks(charge, 'charged', ChargeNote({ order: 'b' }), { after: 9, name: 'charge' }), /note/)
  assert.throws(() => came().asks(charge, 'charged', note, { name: 'charge' }), /after/)
  assert.throws(() => came().asks(charge, 'nothing'), /asks for an answer to nothing, which is no method of/)
})

Later('cancels, tickets and later replies are compared', () => {
  place('cancel').cancels('reminder', 'a').then(told, { text: 'a' })
  assert.throws(() => place('cancel').cancels('a', 'reminder'), /cancels/)
  place('later', 'a', 1_001).later(told, 'a', { within: 1_001 })
  assert.throws(() => place('later', 'a', 1_001).later(told, 'b', { within: 1_001 }), /ticket/)
  assert.throws(() => place('later', 'a', 1_001).later(told, 'a', { within: 1_000 }), /within/)
  assert.throws(() => place('later').then(told, { text: 'a' }), /later/)
  assert.throws(() => place('at').later(told, 'a'), /reply/)
  const settle = (word: string) => testKit(orders).given().when('settle', { id: 'o', word, text: 'a', ms: 0 })
  settle('').resolves('open', 'place', { text: 'a' }).resolves('other', 'settle', { text: 'a' }).then(any, any)
  assert.throws(() => settle('').resolves('open', 'place', { text: 'b' }), /text/)
  assert.throws(() => settle('').resolves('open', 'settle', { text: 'a' }), /Settle/)
  const half = settle('').resolves('open', 'place', { text: 'a' })
  assert.throws(() => half.then(any, any), /other/)
  const over = refuse(9, 'it is over', { metadata: [['x-why', 'over']] })
  settle('refuse').resolves('a', 'place', over).then(any, any)
  assert.throws(() => settle('refuse').resolves('a', 'place', refuse(9, 'it is over')), /x-why/)
})

Later('an entity hears a reply, or why there is none', () => {
  const { given } = testKit(orders)
  const heard = (text: string) => [Told({ text })]
  given()
    .answer('charged', { reply: { receipt: 'r' } }, { order: 'o' })
    .resolves('open', 'place', { text: 'r' })
    .then(heard('o r'), {})
    .answer('charged', { failure: 'UNAVAILABLE', reason: 'UNKNOWN' })
    .then(heard(' UNKNOWN'), {})
    .answer('charged', { failure: 9, message: 'no' })
    .then(heard(' REFUSED'), {})
  assert.throws(() => given().answer('charged', { failure: 17 }), /17 is no code/)
  assert.throws(() => given().answer('place' as never, { reply: {} } as never), /Place hears no answers/)
})

Later('values, replicas and actions say it, too', () => {
  testKit(payments)
    .given()
    .when('charge', { id: 'p', amount: 2n })
    .after(1, call(Orders, 'look', { id: 'p' }), { name: 'look' })
    .then(update({ total: '2' }), { receipt: '2' })
  const room = testKit(rooms).given()
  const enter = (word: string) => room.when('enter', { id: 'r', word, text: 'a', ms: 3 })
  enter('ask')
    .asks(charge, 'charged', note, { at: 3 })
    .then((view) => accept(view.enable()), { text: 'a' })
  enter('later').later(accept(), 'a')
  enter('')
    .cancels('look')
    .resolves('a', 'enter', { text: 'a' })
    .then((view) => accept(view.enable()), { text: 'true' })
  room.answer('charged', { reply: { receipt: 'r' } }).then(accept(), {})
  const run = (word: string) => testKit(jobs).when('run', { id: 'j', word, text: 'a', ms: 3 })
  run('').at(3, charge, { within: 1 }).after(3, charge).then({ text: 'a' })
  run('refuse').after(3, charge, { within: 3 }).refuses('FAILED_PRECONDITION', 'a')
})

Later('what cannot be said is told in words', () => {
  const one = () => accept()
  assert.throws(() => one().after(Number.NaN, charge), /after: NaN is no number of milliseconds/)
  assert.throws(() => one().at(Number.POSITIVE_INFINITY, charge), /at: Infinity is no number of milliseconds/)
  assert.throws(() => one().after('1' as never, charge), /after: 1 is no number of milliseconds/)
  assert.throws(() => one().effect(charge, { within: Number.NaN }), /within: NaN/)
  assert.throws(() => one().effect(charge, { name: '' }), /the name of an effect is empty/)
  assert.throws(() => one().cancel('a', ''), /the name of an effect is empty/)
  assert.throws(() => one().later(''), /a ticket is empty/)
  assert.throws(() => one().later('a', { within: 2 ** 45 }), /a ticket is open for 4294967295 seconds at most/)
  assert.throws(() => one().resolve('\ud800', 'place', {}), /half of a surrogate pair/)
  assert.throws(
    () => one().ask(charge, 'charged', { order: 'a' } as never),
    /the note was not made by its message type/,
  )
  assert.throws(() => one().ask(charge, 'charged', note, { after: 1, at: 1 } as never), /either `after` or `at`/)
  assert.throws(
    () => one().ask(charge, 'charged', note, { synchronous: true } as never),
    /a synchronous effect has no answer/,
  )
})

Later('a reason that nobody gives is UNKNOWN', () => {
  assert.is(reasonOf({ details: [] }), 'UNKNOWN')
  const typeUrl = 'type.googleapis.com/google.rpc.ErrorInfo'
  assert.is(reasonOf({ details: [{ typeUrl, value: Uint8Array.of(10, 9) }] }), 'UNKNOWN')
})

const order = (word: string, text = 'a', ms = 0, id = 'o') => ({ id, word, text, ms })

Later('together.G4: what is due later waits for the clock, in the order of its time', () => {
  const shop = together(orders, payments)
  shop.call(Orders, 'place', order('after', 'a', 5_000)).replies({ text: 'a' })
  shop.call(Orders, 'place', order('at', 'b', 3, 'other'))
  const dueMs = [3, Date.UTC(2026, 0, 1, 0, 0, 5)]
  assert.equal(
    shop.pending.map((one) => [one.dueMs, one.name]),
    [
      [dueMs[0], undefined],
      [dueMs[1], 'reminder'],
    ],
  )
  shop.turn(0)
  // It has made another one.
  assert.equal(
    shop.pending.map(({ name }) => name),
    ['look', 'reminder'],
  )
  shop.turn(4_999)
  assert.equal(
    shop.pending.map(({ name }) => name),
    ['reminder'],
  )
  shop.turn(2)
  assert.equal(shop.pending, [])
  assert.is(shop.call(Payments, 'charge', { id: 'p', amount: 1n }).reply.receipt, '3')
})

Later('together: a name is that of one effect, and a cancel drops it', () => {
  const shop = together(orders)
  const names = () => shop.pending.map(({ name, dueMs }) => [name, dueMs])
  shop.call(Orders, 'place', order('after', 'a', 5_000))
  shop.call(Orders, 'place', order('after', 'a', 90_000))
  shop.call(Orders, 'place', order('after', 'a', 7_000, 'other'))
  assert.equal(names(), [
    ['reminder', Date.UTC(2026, 0, 1, 0, 0, 7)],
    ['reminder', Date.UTC(2026, 0, 1, 0, 1, 30)],
  ])
  shop.call(Orders, 'place', order('cancel'))
  assert.equal(names(), [['reminder', Date.UTC(2026, 0, 1, 0, 0, 7)]])
})

Later('together.G5: an ask is heard, and resolves the ticket of who waits', () => {
  const shop = together(orders, payments)
  shop.call(Orders, 'place', order('open', 'n', 5_000)).replies({ text: '1' })
  shop.call(Orders, 'look', order('')).replies({ text: 'n 1' })
  const late = shop.call(Orders, 'place', order('note', 'm', 2_000)).reply
  assert.equal(late, { text: 'm' })
  shop.turn(2_000)
  shop.call(Orders, 'look', order('')).replies({ text: 'm 2' })
  assert.equal(shop.parked, [])
})

Later('together.G5: a caller waits until its ticket is resolved, or for as long as it said', () => {
  const shop = together(orders)
  const [first, second] = [1, 2].map(() => shop.call(Orders, 'place', order('later', 'a', 60_000)))
  first!.waits()
  assert.throws(() => first!.reply, /comes later/)
  shop.call(Orders, 'settle', order('refuse'))
  for (const one of [first!, second!]) one.metadata('x-why', 'over').refuses('FAILED_PRECONDITION', 'it is over')
  assert.throws(() => first!.waits(), /comes later/)
  const third = shop.call(Orders, 'place', order('later', 'a', 60_000))
  shop.turn(59_000)
  third.waits()
  shop.turn(1_000)
  third.refuses('DEADLINE_EXCEEDED')
})

Later('together: what nobody answers in time has failed, and nobody knows whether it happened', () => {
  const shop = together(orders)
  const open = shop.call(Orders, 'place', order('open', 'n', 5_000))
  assert.equal(shop.outside, [charge])
  open.waits()
  shop.turn(5_000)
  open.replies({ text: 'UNKNOWN' })
  shop.call(Orders, 'look', order('')).replies({ text: 'n UNKNOWN' })
})

/** Payments that wait for a minute, or for a charge of nothing. */
const deferring = value(Payments, {
  value: json<{ total: string }>(),
  decide: {
    charge: (_, { id, amount }) => {
      if (amount > 0n) return accept().later(id, { within: 60_000 })
      return accept().resolve(id, 'charge', { receipt: 'late' }).reply({ receipt: 'none' })
    },
  },
})

/** Orders that ask, and tell when they heard. */
const telling = eventSourced(Orders, {
  state: { last: '' },
  decide: {
    place: () =>
      accept()
        .ask(charge, 'charged')
        .after(1, call(Rooms, 'enter', {}), { name: 'expiry' })
        .later('open'),
    charged: (_, __, { now }) =>
      accept()
        .cancel('expiry')
        .resolve('open', 'place', { text: String(now) })
        .reply({}),
    settle: (_, { text }) => accept().reply({ text }),
    look: (_, { text }) => accept().reply({ text }),
  },
  evolve: { Told: (state) => state },
})

Later('together.G4: the own time of an ask holds for what its target deferred, and for no one else', () => {
  const shop = together(orders, deferring)
  const open = shop.call(Orders, 'place', order('open', 'n', 5_000))
  const other = shop.call(Payments, 'charge', { id: 'p', amount: 1n })
  shop.turn(4_999)
  open.waits()
  shop.turn(1)
  open.replies({ text: 'UNKNOWN' })
  other.waits()
  shop.call(Payments, 'charge', { id: 'p', amount: 0n })
  other.replies({ receipt: 'late' })
  shop.call(Orders, 'look', order('')).replies({ text: 'n UNKNOWN' })
})

Later('together.G4: who was answered in time hears no more when the time is up', () => {
  const shop = together(orders, deferring)
  const open = shop.call(Orders, 'place', order('open', 'n', 5_000))
  shop.call(Payments, 'charge', { id: 'p', amount: 0n })
  open.replies({ text: 'late' })
  shop.turn(60_000)
  shop.call(Orders, 'look', order('')).replies({ text: 'n late' })
})

Later('together.G5: if the ticket ends first, nobody knows whether it happened', () => {
  const shop = together(orders, deferring)
  const open = shop.call(Orders, 'place', order('open', 'n', 90_000))
  shop.turn(59_999)
  open.waits()
  shop.turn(1)
  open.replies({ text: 'UNKNOWN' })
})

Later('together.G2: an answer cancels what was set beside its ask', () => {
  const shop = together(telling, payments)
  const open = shop.call(Orders, 'place', order(''))
  open.replies({ text: String(Date.UTC(2026, 0, 1, 0, 0)) })
  assert.equal(
    shop.pending.map(({ name }) => name),
    ['look'],
  )
})

Later('together.G4: the end of a ticket moves the clock', () => {
  const shop = together(telling, deferring)
  const open = shop.call(Orders, 'place', order(''))
  shop.turn(0)
  shop.turn(90_000)
  open.replies({ text: String(Date.UTC(2026, 0, 1, 0, 1)) })
})

Later.run()
