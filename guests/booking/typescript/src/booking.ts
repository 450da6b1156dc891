// A booking holds a seat, charges a wallet, and answers who booked when that has ended.
//
// It fails if the show or the wallet refuses, or when it expires. Then it undoes what it did: `release` and `refund` are final under the
// booking's id, so an answer that comes after the end changes nothing. While it is not known whether a call happened, it asks again.
//
// Leaves to others: seats (show.ts), money (wallet.ts).
import { accept, type Call, call, eventSourced, minutes, reasonOf, refuse, seconds } from '@innkeeper/sdk'
import {
  Booking,
  type ChargeAnswer,
  Failed,
  type HoldAnswer,
  Paid,
  Requested,
  Reservation,
  SeatAssigned,
  Show,
  Step,
  Wallet,
} from './gen/booking.ts'

/** All who book under one id wait for this ticket. */
const end = 'end'

export const booking = eventSourced(Booking, {
  state: Reservation,
  decide: {
    book: (state, { booking, show, account, price }) => {
      if (price <= 0n) return refuse('INVALID_ARGUMENT', `price must be positive, got ${price}`)
      if (state.step === Step.NEW) {
        return accept(Requested({ show, account, price }))
          .ask(call(Show, 'hold', { show, booking }), 'held')
          .after(minutes(10), call(Booking, 'expire', { booking }), { name: 'expiry' })
          .later(end)
      }
      if (show !== state.show || account !== state.account || price !== state.price) {
        return refuse('ALREADY_EXISTS', `${booking} is another booking`)
      }
      if (state.step === Step.BOOKED) return accept().reply({ seat: state.seat })
      if (state.step === Step.FAILED) return refuse('FAILED_PRECONDITION', state.why)
      return accept().later(end)
    },
    look: (state) => accept().reply(state),

    held: (state, { outcome }, { entity }) => {
      if (state.step !== Step.HOLDING) return accept().reply({})
      if (isUnknown(outcome)) {
        return accept()
          .ask(call(Show, 'hold', { show: state.show, booking: entity }), 'held', undefined, { after: seconds(1) })
          .reply({})
      }
      if (outcome?.case !== 'reply') return failed(whyOf(outcome))
      return accept(SeatAssigned({ seat: outcome.value.seat }))
        .ask(charge(state, entity), 'charged')
        .reply({})
    },
    charged: (state, { outcome }, { entity }) => {
      if (state.step !== Step.PAYING) return accept().reply({})
      if (isUnknown(outcome)) {
        // Under the same id: a wallet that has charged answers as it did, one that waits for its owner goes on waiting.
        return accept()
          .ask(charge(state, entity), 'charged', undefined, { after: seconds(1) })
          .reply({})
      }
      if (outcome?.case !== 'reply') return failed(whyOf(outcome), release(state, entity))
      return accept(Paid()).cancel('expiry').resolve(end, 'book', { seat: state.seat }).reply({})
    },
    expire: (state, { booking }) => {
      if (state.step === Step.HOLDING) return failed('the booking expired', release(state, booking))
      if (state.step !== Step.PAYING) return accept().reply({})
      return failed('the booking expired', release(state, booking), refund(state, booking))
    },
  },
  evolve: {
    Requested: (state, { show, account, price }) => ({ ...state, step: Step.HOLDING, show, account, price }),
    SeatAssigned: (state, { seat }) => ({ ...state, step: Step.PAYING, seat }),
    Paid: (state) => ({ ...state, step: Step.BOOKED }),
    Failed: (state, { why }) => ({ ...state, step: Step.FAILED, why }),
  },
})

/** The end of a booking that got no seat. The effects arrive once; one that cannot is parked, for an operator. */
function failed(why: string, ...undo: readonly Call[]) {
  const ended = accept(Failed({ why })).cancel('expiry').resolve(end, 'book', refuse('FAILED_PRECONDITION', why))
  return undo.reduce((answer, one) => answer.effect(one), ended).reply({})
}

type Outcome = HoldAnswer['outcome'] | ChargeAnswer['outcome']

const isUnknown = (outcome: Outcome) => outcome?.case === 'failure' && reasonOf(outcome.value) === 'UNKNOWN'
const whyOf = (outcome: Outcome) => (outcome?.case === 'failure' ? outcome.value.message : '')

const charge = ({ account, price }: Reservation, id: string) =>
  call(Wallet, 'charge', { account, charge: id, amount: price })
const refund = ({ account }: Reservation, id: string) => call(Wallet, 'refund', { account, charge: id })
const release = ({ show }: Reservation, id: string) => call(Show, 'release', { show, booking: id })
