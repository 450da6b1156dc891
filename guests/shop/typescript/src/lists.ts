// Tables of orders and shows, for customers and the office.
import { eventsOf, view } from '@innkeeper/sdk'
import { timestampOf } from './days.ts'
import { Order, OrderList, OrderRow, Show, ShowList, ShowRow, Step } from './gen/shop.ts'

export const orders = view(
  OrderList,
  OrderRow,
  eventsOf(Order, {
    Requested: ({ show, customer, seats }, _, { entity, at }) =>
      OrderRow({ order: entity, show, customer, seats: seats.length, step: Step.HOLDING, placed: timestampOf(at) }),
    Reserved: ({ title, cents }, row) => ({ ...row!, step: Step.RESERVED, title, cents }),
    ChargeAsked: (_, row) => ({ ...row!, step: Step.PAYING, why: '' }),
    ChargeFailed: ({ why }, row) => ({ ...row!, step: Step.RESERVED, why }),
    Paid: ({ at }, row) => ({ ...row!, step: Step.PAID, ...(at && { paid: at }) }),
    Failed: ({ why }, row) => ({ ...row!, step: Step.FAILED, why }),
    Revoked: ({ why }, row) => ({ ...row!, step: Step.CANCELLED, why }),
    RefundFailed: ({ why }, row) => ({ ...row!, refundFailures: row!.refundFailures + 1, trouble: why }),
    RefundDone: ({ cents }, row) => ({
      ...row!,
      ...{ refundedCents: row!.refundedCents + cents, refundFailures: 0, trouble: '' },
    }),
  }),
)

export const shows = view(
  ShowList,
  ShowRow,
  eventsOf(Show, {
    Opened: ({ title, starts, cents, seats }, _, { entity }) =>
      ShowRow({ show: entity, title, ...(starts && { starts }), cents, seats, left: seats }),
    SeatsHeld: ({ seats }, row) => ({ ...row!, left: row!.left - seats.length }),
    SeatsReleased: ({ count }, row) => ({ ...row!, left: row!.left + count }),
    Cancelled: (_, row) => ({ ...row!, left: 0, cancelled: true }),
  }),
)
