// The seats of a show. A booking may repeat each call: it gets the same seat, and what it released stays released.
import { accept, eventSourced, refuse } from '@innkeeper/sdk'
import { Hall, Opened, SeatHeld, SeatReleased, Show } from './gen/booking.ts'

export const show = eventSourced(Show, {
  state: Hall,
  decide: {
    open: (_, { seats }) => accept(Opened({ seats })).reply((after: Hall) => after),
    lookAt: (hall) => accept().reply(hall),
    hold: (hall, { booking }) => {
      const known = hall.holds.find((hold) => hold.booking === booking)
      if (known?.released) return refuse('FAILED_PRECONDITION', `${booking} has released its seat`)
      if (known !== undefined) return accept().reply({ seat: known.seat })
      const taken = new Set(hall.holds.filter(({ released }) => !released).map(({ seat }) => seat))
      for (let seat = 1; seat <= hall.seats; seat++) {
        if (!taken.has(seat)) return accept(SeatHeld({ booking, seat })).reply({ seat })
      }
      return refuse('FAILED_PRECONDITION', 'sold out')
    },
    release: (hall, { booking }) =>
      hall.holds.some((hold) => hold.booking === booking && hold.released)
        ? accept().reply({})
        : accept(SeatReleased({ booking })).reply({}),
  },
  evolve: {
    Opened: (hall, { seats }) => ({ ...hall, seats }),
    SeatHeld: (hall, { booking, seat }) => ({ ...hall, holds: [...hall.holds, { booking, seat, released: false }] }),
    SeatReleased: (hall, { booking }) => {
      const seat = hall.holds.find((hold) => hold.booking === booking)?.seat ?? 0
      const others = hall.holds.filter((hold) => hold.booking !== booking)
      return { ...hall, holds: [...others, { booking, seat, released: true }] }
    },
  },
})
