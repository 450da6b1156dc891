// Tables of orders and shows, for customers and the office.
import { type Change, eventsOf, view } from '@innkeeper/sdk'
import { timestampOf } from './days.ts'
import { Order, OrderList, OrderRow, Show, ShowList, ShowRow, Step } from './gen/shop.ts'

/** The row as it is, with this change. A view takes what has happened, in whatever order: one without a beginning begins here. */
const orderRow = (row: OrderRow | undefined, { entity }: Change, more: Partial<OrderRow>): OrderRow => ({
  ...(row ?? OrderRow({ order: entity })),
  ...more,
})
const showRow = (row: ShowRow | undefined, { entity }: Change, more: Partial<ShowRow>): ShowRow => ({
  ...(row ?? ShowRow({ show: entity })),
  ...more,
})

export const orders = view(
  OrderList,
  OrderRow,
  eventsOf(Order, {
    Requested: ({ show, customer, seats }, row, change) =>
      orderRow(row, change, {
        ...{ show, customer, seats: seats.length, step: Step.HOLDING },
        placed: timestampOf(change.at),
      }),
    Reserved: ({ title, cents }, row, change) => orderRow(row, change, { step: Step.RESERVED, title, cents }),
    ChargeAsked: (_, row, change) => orderRow(row, change, { step: Step.PAYING, why: '' }),
    ChargeFailed: ({ why }, row, change) => orderRow(row, change, { step: Step.RESERVED, why }),
    Paid: ({ at }, row, change) => orderRow(row, change, { step: Step.PAID, ...(at && { paid: at }) }),
    Failed: ({ why }, row, change) => orderRow(row, change, { step: Step.FAILED, why }),
    Revoked: ({ why }, row, change) => orderRow(row, change, { step: Step.CANCELLED, why }),
    RefundFailed: ({ why }, row, change) =>
      orderRow(row, change, { refundFailures: (row?.refundFailures ?? 0) + 1, trouble: why }),
    RefundDone: ({ cents }, row, change) =>
      orderRow(row, change, {
        ...{ refundedCents: (row?.refundedCents ?? 0n) + cents, refundFailures: 0, trouble: '' },
      }),
  }),
)

export const shows = view(
  ShowList,
  ShowRow,
  eventsOf(Show, {
    Opened: ({ title, starts, cents, seats }, row, change) =>
      showRow(row, change, { title, ...(starts && { starts }), cents, seats, left: seats }),
    SeatsHeld: ({ seats }, row, change) => showRow(row, change, { left: (row?.left ?? 0) - seats.length }),
    SeatsReleased: ({ count }, row, change) =>
      showRow(row, change, { left: row?.cancelled ? 0 : (row?.left ?? 0) + count }),
    Cancelled: (_, row, change) => showRow(row, change, { left: 0, cancelled: true }),
  }),
)
