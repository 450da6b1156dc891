// The rules of the ticket shop, without a host. Run by `inn build` first: it writes src/gen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, call, minutes, refuse, seconds, update } from '@innkeeper/sdk'
import { any, testKit, together } from '@innkeeper/sdk/testing'
import { booking } from '../src/booking.ts'
import {
  Booking,
  Failed,
  Opened,
  Paid,
  Purse,
  Requested,
  SeatAssigned,
  SeatHeld,
  SeatReleased,
  Show,
  Stage,
  Wallet,
} from '../src/gen/booking.ts'
import { show } from '../src/show.ts'
import { wallet } from '../src/wallet.ts'

const order = { booking: 'b', show: 'hamlet', account: 'ann', price: 150n }
const requested = Requested({ show: 'hamlet', account: 'ann', price: 150n })
const hold = call(Show, 'hold', { show: 'hamlet', booking: 'b' })
const release = call(Show, 'release', { show: 'hamlet', booking: 'b' })
const charge = call(Wallet, 'charge', { account: 'ann', charge: 'b', amount: 150n })
const refund = call(Wallet, 'refund', { account: 'ann', charge: 'b' })
const expire = call(Booking, 'expire', { booking: 'b' })

const holding = () => testKit(booking).given([requested], 'b')
const paying = () => testKit(booking).given([requested, SeatAssigned({ seat: 1 })], 'b')
const ended = (why: string) => ['end', 'book', refuse('FAILED_PRECONDITION', why)] as const

test('a booking holds a seat, charges the wallet, and answers with the seat', () => {
  testKit(booking)
    .given()
    .when('book', order)
    .asks(hold, 'held')
    .after(minutes(10), expire, { name: 'expiry' })
    .later([requested], 'end')
    .answer('held', { reply: { seat: 1 } })
    .asks(charge, 'charged')
    .then([SeatAssigned({ seat: 1 })], {})
    .answer('charged', { reply: { charge: 'b' } })
    .cancels('expiry')
    .resolves('end', 'book', { seat: 1 })
    .then([Paid()], {})
    .when('book', order)
    .then([], { seat: 1 })
})

test('who books again under one id waits along, or is another', () => {
  holding().when('book', order).effects([]).later([], 'end')
  holding()
    .when('book', { ...order, price: 1n })
    .refuses('ALREADY_EXISTS')
})

test('a show that is sold out ends the booking', () => {
  holding()
    .answer('held', { failure: 'FAILED_PRECONDITION', message: 'sold out' })
    .cancels('expiry')
    .resolves(...ended('sold out'))
    .effects([])
    .then([Failed({ why: 'sold out' })], {})
    .when('book', order)
    .refuses('FAILED_PRECONDITION', 'sold out')
})

test('a wallet that refuses ends the booking, and the seat is released', () => {
  paying()
    .answer('charged', { failure: 'FAILED_PRECONDITION', message: 'too poor' })
    .cancels('expiry')
    .resolves(...ended('too poor'))
    .effects([release])
    .then([Failed({ why: 'too poor' })], {})
})

test('what may have happened is asked again under the same id, and nothing is undone', () => {
  const unknown = { failure: 'DEADLINE_EXCEEDED', reason: 'UNKNOWN' } as const
  holding()
    .answer('held', unknown)
    .asks(hold, 'held', undefined, { after: seconds(1) })
    .then([], {})
  paying()
    .answer('charged', unknown)
    .asks(charge, 'charged', undefined, { after: seconds(1) })
    .then([], {})
})

test('a booking that expires undoes what may have been done; an answer after that changes nothing', () => {
  holding()
    .when('expire', { booking: 'b' })
    .resolves(...ended('the booking expired'))
    .effects([release])
    .then([Failed({ why: 'the booking expired' })], {})
    .answer('held', { reply: { seat: 1 } })
    .effects([])
    .then([], {})
  paying()
    .when('expire', { booking: 'b' })
    .resolves(...ended('the booking expired'))
    .effects([release, refund])
    .then([Failed({ why: 'the booking expired' })], {})
    .answer('charged', { reply: { charge: 'b' } })
    .effects([])
    .then([], {})
})

test('a show holds one seat for a booking, and none for one that has released it', () => {
  testKit(show)
    .given([Opened({ seats: 1 })])
    .when('hold', { show: 'hamlet', booking: 'b' })
    .then([SeatHeld({ booking: 'b', seat: 1 })], { seat: 1 })
    .when('hold', { show: 'hamlet', booking: 'b' })
    .then([], { seat: 1 })
    .when('hold', { show: 'hamlet', booking: 'c' })
    .refuses('FAILED_PRECONDITION', 'sold out')
    .when('release', { show: 'hamlet', booking: 'b' })
    .then([SeatReleased({ booking: 'b' })], {})
    .when('release', { show: 'hamlet', booking: 'b' })
    .then([], {})
    .when('hold', { show: 'hamlet', booking: 'b' })
    .refuses('FAILED_PRECONDITION', 'b has released its seat')
    .when('hold', { show: 'hamlet', booking: 'c' })
    .then([SeatHeld({ booking: 'c', seat: 1 })], { seat: 1 })
})

test('a wallet charges once under an id, and never what was refunded', () => {
  const small = { account: 'ann', charge: 'b', amount: 100n }
  const at = (balance: bigint, stage: number) => Purse({ balance, charges: [{ id: 'b', amount: 100n, stage }] })
  testKit(wallet)
    .given(Purse({ balance: 120n }))
    .when('charge', small)
    .then(update(at(20n, Stage.CHARGED)), { charge: 'b' })
    .when('charge', small)
    .then(accept(), { charge: 'b' })
    .when('charge', { ...small, charge: 'c' })
    .refuses('FAILED_PRECONDITION', 'there are only 20 in the wallet')
    .when('refund', { account: 'ann', charge: 'b' })
    .resolves('b', 'charge', refuse('FAILED_PRECONDITION', 'b was refunded'))
    .then(update(at(120n, Stage.REFUNDED)), {})
    .when('charge', small)
    .refuses('FAILED_PRECONDITION', 'b was refunded')
})

test('a refund that overtakes its charge keeps it from being made', () => {
  testKit(wallet)
    .given(Purse({ balance: 120n }))
    .when('refund', { account: 'ann', charge: 'b' })
    .then(any, {})
    .when('charge', { account: 'ann', charge: 'b', amount: 100n })
    .refuses('FAILED_PRECONDITION', 'b was refunded')
})

/** The three services, with one seat and 500 in the wallet; a booking of 150 waits for its owner. */
function shop() {
  const all = together(booking, show, wallet)
  all.call(Show, 'open', { show: 'hamlet', seats: 1 })
  all.call(Wallet, 'deposit', { account: 'ann', amount: 500n })
  const balance = () => all.call(Wallet, 'balance', { account: 'ann' }).reply.balance
  return {
    all,
    balance,
    book: (id: string, price: bigint) => all.call(Booking, 'book', { ...order, booking: id, price }),
  }
}

test('together: the owner approves, and all who wait get the seat', () => {
  const { all, balance, book } = shop()
  const callers = [book('b', 150n), book('b', 150n)]
  for (const caller of callers) caller.waits()
  all.turn(minutes(2))
  for (const caller of callers) caller.waits()
  all.call(Wallet, 'approve', { account: 'ann', charge: 'b' })
  for (const caller of callers) caller.replies({ seat: 1 })
  book('c', 50n).refuses('FAILED_PRECONDITION', 'sold out')
  assert.deepEqual([balance(), all.pending, all.parked], [350n, [], []])
})

test('together: nobody approves in time, so the next one gets the seat', () => {
  const { all, balance, book } = shop()
  const late = book('b', 150n)
  all.turn(minutes(10))
  late.refuses('FAILED_PRECONDITION', 'the booking expired')
  all.call(Wallet, 'approve', { account: 'ann', charge: 'b' }).refuses('NOT_FOUND', 'no charge b waits for approval')
  assert.equal(balance(), 500n)
  book('c', 50n).replies({ seat: 1 })
  assert.deepEqual([balance(), all.pending, all.parked], [450n, [], []])
})

test('together: a wallet that is too empty costs no seat', () => {
  const { all, book } = shop()
  book('b', 501n).refuses('FAILED_PRECONDITION', 'there are only 500 in the wallet')
  book('c', 50n).replies({ seat: 1 })
  assert.deepEqual([all.pending, all.parked], [[], []])
})
