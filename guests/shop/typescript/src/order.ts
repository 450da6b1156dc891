// One order: it holds seats, charges a card, and gives the money back if it ends without the seats.
//
//   NEW ── reserve ──▶ HOLDING ──▶ RESERVED ◀── refused ── PAYING ──▶ PAID
//                         │           │   └──── pay ─────────▲ │        │
//                         └───────────┴──── FAILED or CANCELLED ◀───────┘
//
// O1. A reservation lapses by one timer. A payment moves it: a payment has `paymentTime` to end, also if the reservation would have lapsed meanwhile, and
//     one that fails or does not end moves it back.
// O2. A charge has an id, under which the provider makes it once. While it is not known whether it happened, it is asked for again under that id.
// O3. A refund is final under that id, whether the charge has come or not: one that comes after it is refused. So an order can end without knowing.
// O4. What is owed is asked for until it is given back, at longer and longer intervals.
//
// Leaves to others: seats (show.ts), the sums of a day (day.ts), what mails say (mails.ts).
import { accept, type Call, call, eventSourced, hours, minutes, reasonOf, refuse, seconds } from '@innkeeper/sdk'
import { dayOf, timestampOf } from './days.ts'
import { PaymentState, Payments } from './gen/payments.ts'
import {
  Charge,
  type ChargeAnswer,
  ChargeAsked,
  ChargeFailed,
  ChargeNote,
  ChargeState,
  ChargeUnsure,
  Day,
  Failed,
  type HoldAnswer,
  Order,
  OrderState,
  Paid,
  type RefundAnswer,
  RefundDone,
  RefundFailed,
  Requested,
  Reserved,
  Revoked,
  Show,
  Step,
} from './gen/shop.ts'
import { confirmation, refunded } from './mails.ts'

export const holdTime = minutes(10)
export const paymentTime = minutes(2)
const seatsMax = 8
/** Cards that one order may try. */
const chargesMax = 5
const currency = 'CHF'

/** Who reserves waits for the one, who pays for the other. */
const held = 'held'
const payment = 'payment'

const evolve = {
  Requested: (state: OrderState, { show, customer, mail, seats }: Requested) => ({
    ...state,
    ...{ step: Step.HOLDING, show, customer, mail, seats },
  }),
  Reserved: (state: OrderState, { title, cents, lapses }: Reserved) => ({
    ...state,
    ...{ step: Step.RESERVED, title, cents, lapses },
  }),
  ChargeAsked: (state: OrderState, { charge, card }: ChargeAsked) => ({
    ...state,
    ...{ step: Step.PAYING, why: '' },
    charges: [...state.charges, Charge({ id: charge, card })],
  }),
  ChargeUnsure: (state: OrderState) => withLast(state, { unsure: true }),
  ChargeFailed: (state: OrderState, { why, refund }: ChargeFailed) => ({
    ...withLast(state, { state: refund ? ChargeState.REFUNDING : ChargeState.REFUSED }),
    ...{ step: Step.RESERVED, why },
  }),
  Paid: (state: OrderState, { receipt, at }: Paid) => ({
    ...withLast(state, { state: ChargeState.CHARGED, receipt }),
    ...{ step: Step.PAID, ...(at && { paid: at }) },
  }),
  Failed: (state: OrderState, { why }: Failed) => ({ ...owing(state), step: Step.FAILED, why }),
  Revoked: (state: OrderState, { why }: Revoked) => ({ ...owing(state), step: Step.CANCELLED, why }),
  RefundFailed: (state: OrderState, { charge }: RefundFailed) =>
    withCharge(state, charge, (one) => ({ refundFailures: one.refundFailures + 1 })),
  RefundDone: (state: OrderState, { charge, cents }: RefundDone) =>
    withCharge(state, charge, () => ({ state: ChargeState.REFUNDED, refundedCents: cents })),
}

export const order = eventSourced(Order, {
  state: OrderState,
  decide: {
    reserve: (state, { order, show, customer, mail, seats }) => {
      const wrong = problemOf(order, customer, mail, seats)
      if (wrong !== undefined) return refuse('INVALID_ARGUMENT', wrong)
      if (state.step === Step.NEW) {
        return accept(Requested({ show, customer, mail, seats }))
          .ask(call(Show, 'hold', { show, order, seats }), 'seatsHeard')
          .later(held)
      }
      const isSame = show === state.show && customer === state.customer && `${seats}` === `${state.seats}`
      if (!isSame) return refuse('ALREADY_EXISTS', `${order} is another order; make a new id`)
      if (state.step === Step.HOLDING) return accept().later(held)
      return isOver(state) ? over(state) : accept().reply(shown(state))
    },
    pay: (state, { order, card }, { now }) => {
      if (card === '') return refuse('INVALID_ARGUMENT', 'card: say which')
      if (state.step === Step.NEW) return noOrder()
      if (state.step === Step.HOLDING) return refuse('FAILED_PRECONDITION', 'the seats are not held yet')
      if (isOver(state)) return over(state)
      if (state.step === Step.PAID) return accept().reply(shown(state))
      if (state.step === Step.PAYING) {
        if (card !== lastOf(state).card) return refuse('FAILED_PRECONDITION', 'a payment is under way, by another card')
        return accept().later(payment)
      }
      if (now >= Number(state.lapses)) return refuse('FAILED_PRECONDITION', 'the reservation lapsed')
      if (state.charges.length === chargesMax) return refuse('FAILED_PRECONDITION', `no more than ${chargesMax} cards`)
      const charge = `${order}.${state.charges.length + 1}`
      return accept(ChargeAsked({ charge, card }))
        .ask(chargeOf(state, charge, card), 'charged', ChargeNote({ charge }), asking)
        .after(paymentTime, call(Order, 'lapse', { order }), { name: 'lapse' })
        .later(payment)
    },
    giveUp: (state, { order }) => {
      if (state.step === Step.NEW) return noOrder()
      if (isOver(state)) return accept().reply(shown(state))
      if (state.step !== Step.RESERVED) return refuse('FAILED_PRECONDITION', 'it is paid for, or just being so')
      return ended(state, Failed({ why: 'given up' }), order).reply(shown)
    },
    look: (state) => (state.step === Step.NEW ? noOrder() : accept().reply(shown(state))),

    seatsHeard: (state, { outcome }, { entity, now }) => {
      if (state.step !== Step.HOLDING) return accept().reply({})
      if (isUnknown(outcome)) {
        const hold = call(Show, 'hold', { show: state.show, order: entity, seats: state.seats })
        return accept()
          .ask(hold, 'seatsHeard', undefined, { after: seconds(1) })
          .reply({})
      }
      if (outcome?.case !== 'reply') return ended(state, Failed({ why: whyOf(outcome) }), entity).reply({})
      const { title, cents } = outcome.value
      const reserved = Reserved({ title, cents, lapses: BigInt(now + holdTime) })
      return accept(reserved)
        .after(holdTime, call(Order, 'lapse', { order: entity }), { name: 'lapse' })
        .resolve(held, 'reserve', shown(evolve.Reserved(state, reserved)))
        .reply({})
    },
    charged: (state, { outcome, note }, { entity, now }) => {
      const charge = state.charges.at(-1)
      // What comes after the end changes nothing: the refund is final (O3).
      if (state.step !== Step.PAYING || charge === undefined || charge.id !== note?.charge) return accept().reply({})
      if (isUnknown(outcome)) {
        return accept(...(charge.unsure ? [] : [ChargeUnsure({})]))
          .ask(chargeOf(state, charge.id, charge.card), 'charged', ChargeNote({ charge: charge.id }), {
            ...asking,
            after: seconds(5),
          })
          .reply({})
      }
      if (outcome?.case === 'reply' && outcome.value.state === PaymentState.CHARGED) {
        const paid = Paid({ receipt: outcome.value.receipt, at: timestampOf(now) })
        const after = evolve.Paid(state, paid)
        return accept(paid)
          .cancel('lapse')
          .resolve(payment, 'pay', shown(after))
          .effect(call(Show, 'sell', { show: state.show, order: entity }))
          .effect(call(Day, 'sold', { day: dayOf(now), seats: state.seats.length, cents: state.cents }))
          .effect(confirmation(entity, after))
          .reply({})
      }
      const why = whyNotPaid(outcome)
      // Where it is not certain, an earlier ask for it may be on its way still.
      return notPaid(state, entity, why, charge.unsure).reply({})
    },

    lapse: (state, { order }, { now }) => {
      if (state.step === Step.RESERVED) {
        return ended(state, Failed({ why: 'the reservation lapsed' }), order).reply({})
      }
      if (state.step !== Step.PAYING) return accept().reply({})
      const why = 'the payment did not end in time; what it took is given back'
      if (now >= Number(state.lapses)) return ended(state, Failed({ why }), order).reply({})
      return notPaid(state, order, why, true).cancel('charge').reply({})
    },
    showCancelled: (state, { order }) =>
      state.step === Step.NEW || isOver(state)
        ? accept().reply({})
        : ended(state, Revoked({ why: 'the show is cancelled' }), order).reply({}),

    refund: (state, { charge }) => {
      const isOwed = state.charges.some(({ id, state }) => id === charge && state === ChargeState.REFUNDING)
      if (!isOwed) return accept().reply({})
      const ask = call(Payments, 'refund', { charge, reason: state.why })
      return accept()
        .ask(ask, 'refundHeard', ChargeNote({ charge }), { within: seconds(30) })
        .reply({})
    },
    refundHeard: (state, { outcome, note }, { entity, now }) => {
      const charge = state.charges.find(({ id }) => id === note?.charge)
      if (charge?.state !== ChargeState.REFUNDING) return accept().reply({})
      if (outcome?.case !== 'reply') {
        // Whether it happened or not: under its id it may be asked for as often as one likes.
        return accept(RefundFailed({ charge: charge.id, why: whyOf(outcome) }))
          .after(patience(charge.refundFailures), refundOf(entity, charge.id), { name: `refund ${charge.id}` })
          .reply({})
      }
      const { cents, state: is } = outcome.value
      const back = is === PaymentState.REFUNDED ? cents : 0n
      const done = accept(RefundDone({ charge: charge.id, cents: back }))
      if (back === 0n) return done.reply({})
      const mailed = done.effect(refunded(charge.id, state, back))
      // What was not in the day's sums does not come out of them.
      if (charge.receipt === '') return mailed.reply({})
      return mailed.effect(call(Day, 'refunded', { day: dayOf(now), cents: back })).reply({})
    },
    refundNow: (state, { order }) => {
      const owed = owedIn(state)
      if (owed.length === 0) return refuse('FAILED_PRECONDITION', 'nothing is owed')
      const waiting = accept().cancel(...owed.map((id) => `refund ${id}`))
      return owed.reduce((answer, id) => answer.effect(refundOf(order, id)), waiting).reply(shown(state))
    },
  },
  evolve,
})

const asking = { within: seconds(30), name: 'charge' }

/** The charge is given up, and the seats are held until they would have lapsed. `refund`: it may have been made all the same. */
function notPaid(state: OrderState, order: string, why: string, refund: boolean) {
  const answer = accept(ChargeFailed({ why, refund }))
    .at(Number(state.lapses), call(Order, 'lapse', { order }), { name: 'lapse' })
    .resolve(payment, 'pay', refuse('FAILED_PRECONDITION', why))
  return refund ? answer.effect(refundOf(order, lastOf(state).id)) : answer
}

/** The end without seats: they are free, what is owed is given back, and whoever waits hears why. */
function ended(state: OrderState, end: ReturnType<typeof Failed | typeof Revoked>, id: string) {
  const refusal = refuse('FAILED_PRECONDITION', end.why)
  const answer = accept(end)
    .cancel('lapse', 'charge')
    .resolve(held, 'reserve', refusal)
    .resolve(payment, 'pay', refusal)
    .effect(call(Show, 'release', { show: state.show, order: id }))
  return owedIn(owing(state)).reduce((done, charge) => done.effect(refundOf(id, charge)), answer)
}

type Outcome = HoldAnswer['outcome'] | ChargeAnswer['outcome'] | RefundAnswer['outcome']

/** In words for a customer; those of the provider are for the office. */
function whyNotPaid(outcome: ChargeAnswer['outcome']): string {
  if (outcome?.case !== 'failure') return 'the charge was taken back'
  console.warn('not paid:', outcome.value.message)
  return reasonOf(outcome.value) === 'REFUSED' ? 'the card is declined' : 'no payments are possible just now; try again'
}

const isUnknown = (outcome: Outcome) => outcome?.case === 'failure' && reasonOf(outcome.value) === 'UNKNOWN'
const whyOf = (outcome: Outcome) => (outcome?.case === 'failure' ? outcome.value.message : '')

/** What a charge may have taken is owed once the order ends. */
function owing(state: OrderState): OrderState {
  const last = state.charges.at(-1)
  const isTaken = last?.state === ChargeState.ASKED || last?.state === ChargeState.CHARGED
  return isTaken ? withLast(state, { state: ChargeState.REFUNDING }) : state
}

function owedIn({ charges }: OrderState): readonly string[] {
  return charges.filter(({ state }) => state === ChargeState.REFUNDING).map(({ id }) => id)
}

function withCharge(state: OrderState, id: string, change: (charge: Charge) => Partial<Charge>): OrderState {
  return { ...state, charges: state.charges.map((one) => (one.id === id ? { ...one, ...change(one) } : one)) }
}

const lastOf = ({ charges }: OrderState) => charges.at(-1)!
const withLast = (state: OrderState, change: Partial<Charge>) =>
  withCharge(state, state.charges.at(-1)?.id ?? '', () => change)

/** What anybody sees who knows the order's id: not the cards. */
function shown(state: OrderState): OrderState {
  return { ...state, charges: state.charges.map((charge) => ({ ...charge, card: '' })) }
}

const isOver = ({ step }: OrderState) => step === Step.FAILED || step === Step.CANCELLED
const over = ({ why }: OrderState) => refuse('FAILED_PRECONDITION', why)
const noOrder = () => refuse('NOT_FOUND', 'there is no such order')

/** The id becomes part of a path. */
function problemOf(id: string, customer: string, mail: string, seats: readonly number[]): string | undefined {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) return 'order: an id has letters, digits and hyphens, at most 64'
  if (customer === '') return 'customer: say who'
  if (!/^[^@\s]+@[^@\s]+$/.test(mail)) return 'mail: an address, as ann@example.com'
  if (seats.length === 0 || seats.length > seatsMax) return `seats: 1 to ${seatsMax}`
  if (new Set(seats).size < seats.length) return 'seats: each once'
  return undefined
}

function chargeOf({ cents, title, seats }: OrderState, charge: string, card: string): Call {
  return call(Payments, 'charge', { charge, cents, currency, card, text: `${title}, seats ${seats.join(', ')}` })
}

const refundOf = (order: string, charge: string): Call => call(Order, 'refund', { order, charge })

/** After so many failures: two seconds, four, eight, to an hour. */
const patience = (failures: number) => Math.min(seconds(2 ** Math.min(failures + 1, 12)), hours(1))
