// Checker: whether the shop and the provider agree, once nothing is under way. Each problem is a sentence; none is as it should be.
//
// C1. Money: a paid order has exactly one charge that was taken and kept, of its price. Of any other order nothing is kept.
// C2. Seats: a seat belongs to one order at most, and that one has paid for it or still may. Every paid order has its seats.
// C3. Words: who paid has a mail that says so, who got money back has one, and each was mailed once. The days add up to what was paid and given back.
// C4. Nothing is left: no order waits, nothing is owed, a cancelled show has no order that goes on.
//
// It takes what the host answers over HTTP/JSON, where 64-bit numbers are texts.

import type { ChargeOfBooks, ProviderBooks } from './books.ts'

export interface OrderOfShop {
  readonly step: string
  readonly show: string
  readonly seats: readonly number[]
  readonly cents: string
  readonly charges: readonly {
    readonly id: string
    readonly state: string
    readonly receipt: string
    readonly refundedCents: string
  }[]
}

export interface HallOfShop {
  readonly seats: number
  readonly cancelled: boolean
  readonly holds: readonly { readonly order: string; readonly seats: readonly number[]; readonly sold: boolean }[]
}

export interface TakingsOfShop {
  readonly orders: string
  readonly cents: string
  readonly refundedCents: string
}

/** All orders, shows and days, by their ids. */
export interface ShopBooks {
  readonly orders: Readonly<Record<string, OrderOfShop>>
  readonly shows: Readonly<Record<string, HallOfShop>>
  readonly days: readonly TakingsOfShop[]
}

type Tell = (problem: string) => void

export function problemsOf(shop: ShopBooks, provider: ProviderBooks): readonly string[] {
  const problems: string[] = []
  const tell: Tell = (problem) => problems.push(problem)
  const charges = new Map(provider.charges.map((charge) => [charge.charge, charge]))
  for (const [id, order] of Object.entries(shop.orders)) {
    checkMoney(id, order, charges, tell)
    checkEnd(id, order, shop, tell)
  }
  checkStrangers(shop, provider, tell)
  for (const [id, hall] of Object.entries(shop.shows)) checkSeats(id, hall, shop, tell)
  checkMails(shop, provider, charges, tell)
  checkDays(shop, tell)
  return problems
}

const isOver = (step: string) => step === 'FAILED' || step === 'CANCELLED'
const wasPaid = ({ charges }: OrderOfShop) => charges.some(({ receipt }) => receipt !== '')

function checkMoney(id: string, order: OrderOfShop, charges: ReadonlyMap<string, ChargeOfBooks>, tell: Tell): void {
  const kept = order.charges.filter((charge) => charges.get(charge.id)?.state === 'CHARGED')
  const wanted = order.step === 'PAID' ? 1 : 0
  if (kept.length !== wanted) tell(`${id} is ${order.step}, and the provider keeps ${kept.length} charges of it`)
  for (const charge of order.charges) {
    const { cents = 0, state = 'none' } = charges.get(charge.id) ?? {}
    if (state !== 'none' && state !== 'VOID' && String(cents) !== order.cents)
      tell(`${charge.id} took ${cents}, and ${id} costs ${order.cents}`)
    if (charge.state === 'REFUNDED' && charge.refundedCents !== (state === 'REFUNDED' ? String(cents) : '0'))
      tell(
        `${id} says that ${charge.refundedCents} of ${charge.id} came back, and the provider says ${state}, ${cents}`,
      )
    if (charge.state === 'CHARGED' && state !== 'CHARGED') tell(`${id} has paid by ${charge.id}, which is ${state}`)
    if (charge.state === 'REFUNDING') tell(`${id} owes ${charge.id}`)
  }
}

function checkEnd(id: string, { step, show, seats }: OrderOfShop, { shows }: ShopBooks, tell: Tell): void {
  if (step === 'NEW' || step === 'HOLDING' || step === 'PAYING') tell(`${id} is still ${step}`)
  const hall = shows[show]
  if (hall?.cancelled && !isOver(step)) tell(`${id} is ${step}, and its show ${show} is cancelled`)
  if (step !== 'PAID') return
  const hold = hall?.holds.find(({ order }) => order === id)
  if (hold?.sold !== true || `${hold.seats}` !== `${seats}`)
    tell(`${id} has paid for ${seats.join(', ')} of ${show}, and the show has not sold it these seats`)
}

/** What only one of them knows. */
function checkStrangers({ orders }: ShopBooks, { charges }: ProviderBooks, tell: Tell): void {
  const known = new Set(Object.values(orders).flatMap((order) => order.charges.map(({ id }) => id)))
  for (const { charge } of charges) if (!known.has(charge)) tell(`the provider knows ${charge}, and no order does`)
}

function checkSeats(id: string, { seats, holds }: HallOfShop, { orders }: ShopBooks, tell: Tell): void {
  const owner = new Map<number, string>()
  for (const hold of holds) {
    for (const seat of hold.seats) {
      const other = owner.get(seat)
      if (other !== undefined) tell(`seat ${seat} of ${id} belongs to ${other} and to ${hold.order}`)
      if (seat < 1 || seat > seats) tell(`${id} has no seat ${seat}, and ${hold.order} has it`)
      owner.set(seat, hold.order)
    }
    const step = orders[hold.order]?.step ?? 'unknown'
    if (step !== (hold.sold ? 'PAID' : 'RESERVED'))
      tell(`${id} has ${hold.sold ? 'sold' : 'held'} seats for ${hold.order}, which is ${step}`)
  }
  const paid = Object.entries(orders).filter(([, { step, show }]) => step === 'PAID' && show === id)
  const buyers = new Map<number, string>()
  for (const [order, { seats }] of paid)
    for (const seat of seats) {
      const other = buyers.get(seat)
      if (other !== undefined) tell(`seat ${seat} of ${id} was paid for by ${other} and by ${order}`)
      buyers.set(seat, order)
    }
}

function checkMails(
  { orders }: ShopBooks,
  { mails }: ProviderBooks,
  charges: ReadonlyMap<string, ChargeOfBooks>,
  tell: Tell,
): void {
  const wanted = new Set(
    Object.entries(orders).flatMap(([id, order]) => [
      ...(wasPaid(order) ? [`${id}.paid`] : []),
      ...order.charges.flatMap((charge) =>
        charges.get(charge.id)?.state === 'REFUNDED' ? [`${charge.id}.refunded`] : [],
      ),
    ]),
  )
  const sent = mails.map(({ id }) => id).filter((id) => !id.startsWith('report.'))
  for (const id of wanted) if (!sent.includes(id)) tell(`the mail ${id} was not sent`)
  for (const [index, id] of sent.entries()) {
    if (!wanted.has(id)) tell(`the mail ${id} was sent for nothing`)
    if (sent.indexOf(id) !== index) tell(`the mail ${id} was sent twice`)
  }
}

function checkDays({ orders, days }: ShopBooks, tell: Tell): void {
  const paid = Object.values(orders).filter(wasPaid)
  const back = paid.flatMap((order) => order.charges.filter(({ receipt }) => receipt !== ''))
  const sum = (numbers: readonly string[]) => numbers.reduce((all, one) => all + BigInt(one), 0n)
  const compare = (what: string, ofDays: bigint, ofOrders: bigint) => {
    if (ofDays !== ofOrders) tell(`the days have ${what} ${ofDays}, the orders ${ofOrders}`)
  }
  compare('orders:', sum(days.map((day) => day.orders)), BigInt(paid.length))
  compare('cents:', sum(days.map((day) => day.cents)), sum(paid.map(({ cents }) => cents)))
  const refunded = back.map(({ refundedCents }) => refundedCents)
  compare('cents given back:', sum(days.map((day) => day.refundedCents)), sum(refunded))
}
