// The sums of one day, and its report. What is added comes exactly once: an effect of an order.
import { accept, refuse, update, value } from '@innkeeper/sdk'
import { Day, Takings } from './gen/shop.ts'
import { report } from './mails.ts'

export const day = value(Day, {
  value: Takings,
  decide: {
    look: (takings) =>
      takings === undefined ? refuse('NOT_FOUND', 'nothing was sold on that day') : accept().reply(takings),
    sold: (takings = Takings(), { seats, cents }) =>
      update({
        ...takings,
        ...{ orders: takings.orders + 1n, seats: takings.seats + BigInt(seats), cents: takings.cents + cents },
      }).reply({}),
    refunded: (takings = Takings(), { cents }) =>
      update({ ...takings, refunds: takings.refunds + 1n, refundedCents: takings.refundedCents + cents }).reply({}),
    // The action that asks for it may run twice.
    report: (takings = Takings(), { day, to }) =>
      takings.reported
        ? accept().reply({})
        : update({ ...takings, reported: true })
            .effect(report(day, to, takings))
            .reply({}),
  },
})
