// What mails say. Each has an id, so that one that comes twice can be sent once. It is an effect: one that cannot be sent is parked, for an operator.
import { type Call, call } from '@innkeeper/sdk'
import { Mail } from './gen/mail.ts'
import type { OrderState, Takings } from './gen/shop.ts'

export function confirmation(order: string, { mail, title, seats, cents, charges }: OrderState): Call {
  const text = `Your seats for ${title}: ${seats.join(', ')}. You have paid ${money(cents)}; receipt ${charges.at(-1)?.receipt}.`
  return call(Mail, 'send', { id: `${order}.paid`, to: mail, subject: `Your seats for ${title}`, text })
}

export function refunded(
  charge: string,
  { mail, title, why }: Pick<OrderState, 'mail' | 'title' | 'why'>,
  cents: bigint,
): Call {
  const text = `We give ${money(cents)} back for ${title}: ${why}.`
  return call(Mail, 'send', { id: `${charge}.refunded`, to: mail, subject: `Your money for ${title}`, text })
}

export function report(day: string, to: string, { orders, seats, cents, refunds, refundedCents }: Takings): Call {
  const sold = `${orders} orders, ${seats} seats, ${money(cents)}`
  const text = `${day}: ${sold}. Given back: ${refunds} orders, ${money(refundedCents)}.`
  return call(Mail, 'send', { id: `report.${day}`, to, subject: `Sales of ${day}`, text })
}

function money(cents: bigint): string {
  return `CHF ${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`
}
