// The seats of one show: which order has which.
//
// S1. A seat has one order at most. It is free again when that order releases it.
// S2. A show that is cancelled holds nothing more, and tells its orders in portions, so that no decision has more than `portion` effects.
//
// Leaves to others: when seats lapse, and money (order.ts).
import { accept, call, eventSourced, refuse, seconds } from '@innkeeper/sdk'
import {
  Cancelled,
  Hall,
  type Hold,
  Opened,
  Order,
  OrdersTold,
  type Seats,
  SeatsHeld,
  SeatsReleased,
  SeatsSold,
  Show,
} from './gen/shop.ts'

const seatsMax = 2_000
/** Orders that are told in one decision. The provider is asked for as many refunds at a time. */
const portion = 50

export const show = eventSourced(Show, {
  state: Hall,
  decide: {
    open: (hall, { title, starts, cents, seats = 400 }) => {
      if (title === '') return refuse('INVALID_ARGUMENT', 'title: a show has one')
      if (starts === undefined) return refuse('INVALID_ARGUMENT', 'starts: say when, as "2030-01-31T20:00:00Z"')
      if (cents <= 0n) return refuse('INVALID_ARGUMENT', `cents: a seat has a price, got ${cents}`)
      if (seats < 1 || seats > seatsMax) return refuse('INVALID_ARGUMENT', `seats: 1 to ${seatsMax}, got ${seats}`)
      const isSame = title === hall.title && cents === hall.cents && seats === hall.seats
      if (isSame && starts.seconds === hall.starts?.seconds) return accept().reply(seatsOf(hall))
      if (hall.seats > 0) return refuse('ALREADY_EXISTS', 'there is a show of this name, and it is another one')
      return accept(Opened({ title, starts, cents, seats })).reply(seatsOf)
    },
    look: (hall) => (hall.seats === 0 ? noShow() : accept().reply(seatsOf(hall))),
    audit: (hall) => (hall.seats === 0 ? noShow() : accept().reply(hall)),

    hold: (hall, { order, seats }, { now }) => {
      if (hall.seats === 0) return noShow()
      const known = holdOf(hall, order)
      if (known !== undefined) return accept().reply(heldOf(hall, known))
      if (hall.cancelled) return refuse('FAILED_PRECONDITION', 'the show is cancelled')
      if (BigInt(Math.floor(now / 1000)) >= hall.starts!.seconds) {
        return refuse('FAILED_PRECONDITION', 'the show has begun')
      }
      const stranger = seats.find((seat) => seat < 1 || seat > hall.seats)
      if (stranger !== undefined) return refuse('INVALID_ARGUMENT', `there is no seat ${stranger}`)
      const taken = new Set(hall.holds.flatMap((hold) => hold.seats))
      const other = seats.find((seat) => taken.has(seat))
      if (other !== undefined) return refuse('FAILED_PRECONDITION', `seat ${other} is taken`)
      return accept(SeatsHeld({ order, seats })).reply(heldOf(hall, { seats }))
    },
    release: (hall, { order }) => {
      const hold = holdOf(hall, order)
      if (hold === undefined || hold.sold) return accept().reply({})
      return accept(SeatsReleased({ order, count: hold.seats.length })).reply({})
    },
    sell: (hall, { order }) =>
      holdOf(hall, order)?.sold === false ? accept(SeatsSold({ order })).reply({}) : accept().reply({}),

    cancel: (hall, { show }) => {
      if (hall.seats === 0) return noShow()
      if (hall.cancelled) return accept().reply(seatsOf(hall))
      return accept(Cancelled({}))
        .effect(call(Show, 'tell', { show }))
        .reply(seatsOf)
    },
    tell: (hall, { show }) => {
      const orders = hall.holds.slice(0, portion).map(({ order }) => order)
      if (orders.length === 0) return accept().reply({})
      const told = orders.reduce(
        (answer, order) => answer.effect(call(Order, 'showCancelled', { order })),
        accept(OrdersTold({ orders })),
      )
      if (hall.holds.length === orders.length) return told.reply({})
      // A second later, which begins a chain of effects of its own.
      return told.after(seconds(1), call(Show, 'tell', { show }), { name: 'tell' }).reply({})
    },
  },
  evolve: {
    Opened: (hall, { title, starts, cents, seats }) => ({ ...hall, title, starts, cents, seats }),
    SeatsHeld: (hall, { order, seats }) => ({ ...hall, holds: [...hall.holds, { order, seats, sold: false }] }),
    SeatsReleased: (hall, { order }) => ({ ...hall, holds: hall.holds.filter((hold) => hold.order !== order) }),
    SeatsSold: (hall, { order }) => ({
      ...hall,
      holds: hall.holds.map((hold) => (hold.order === order ? { ...hold, sold: true } : hold)),
    }),
    Cancelled: (hall) => ({ ...hall, cancelled: true }),
    OrdersTold: (hall, { orders }) => {
      const told = new Set(orders)
      return { ...hall, holds: hall.holds.filter(({ order }) => !told.has(order)) }
    },
  },
})

type Looked = Pick<Hall, 'title' | 'starts' | 'cents' | 'seats' | 'cancelled'> & { readonly holds: readonly Hold[] }

function seatsOf({ title, starts, cents, seats, cancelled, holds }: Looked): Seats {
  const of = (sold: boolean) => holds.filter((hold) => hold.sold === sold).flatMap((hold) => hold.seats)
  const [held, sold] = [of(false).sort(ascending), of(true).sort(ascending)]
  const left = cancelled ? 0 : seats - held.length - sold.length
  return { title, ...(starts && { starts }), cents, seats, left, held, sold, cancelled }
}

const ascending = (a: number, b: number) => a - b
const holdOf = ({ holds }: Pick<Looked, 'holds'>, order: string) => holds.find((hold) => hold.order === order)
const heldOf = ({ cents, title }: Pick<Hall, 'cents' | 'title'>, { seats }: Pick<Hold, 'seats'>) => ({
  title,
  cents: cents * BigInt(seats.length),
})
const noShow = () => refuse('NOT_FOUND', 'there is no show of this name')
