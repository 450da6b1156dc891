// Guards the shop of guests/shop on a real host that is killed again and again, with a provider that fails in every way, while customers reserve, pay and
// leave, and a show is cancelled: at the end both books agree (guests/shop/checker.ts).

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HallOfShop, OrderOfShop, ShopBooks, TakingsOfShop } from '../../guests/shop/checker.ts'
import { problemsOf } from '../../guests/shop/checker.ts'
import { settings } from '../../guests/shop/grants.ts'
import type { Failing } from '../../guests/shop/provider.ts'
import { startProvider } from '../../guests/shop/provider.ts'
import { mulberry } from '../../host/laws/random.ts'
import { component } from '../support/components.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { runInn } from '../support/inn.ts'

const Shop = suite('the shop')

const { file } = await component('shop/typescript')
const data = temporary()
const provider = await startProvider({ books: join(data.path, 'books.jsonl') })
// One try of a payment: what it does not tell, the shop has to ask again.
writeFileSync(join(data.path, 'innkeeper.json'), JSON.stringify(settings(provider.url, { timeoutMs: 300, max: 1 })))
let host: HostProcess

const start = (...args: readonly string[]) => hostProcess(join(data.path, 'data'), args, {}, data.path)

const at = (method: string, path: string, body?: object) => http(host.listen, method, path, body)
/** Of a host that may be killed meanwhile: asked again until one answers. */
async function ask(method: string, path: string, body?: object) {
  for (;;) {
    try {
      const answer = await at(method, path, body)
      if (answer.status !== 503) return answer
    } catch {
      // It is killed.
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function kill(): Promise<void> {
  await host.kill()
  host = await start()
}

/** That are open. */
const shows: string[] = []

async function open(id: string, seats: number): Promise<void> {
  shows.push(id)
  assert.is((await at('POST', `/shows/${id}`, show(id, seats))).status, 200)
}

const show = (title: string, seats: number) => ({ title, starts: '2100-01-31T20:00:00Z', cents: 4500, seats })

/** What a customer does: an order after the other, each with some seats that others want, too. */
async function customer(name: string, random: () => number): Promise<void> {
  const pick = <T>(...of: readonly T[]): T => of[Math.floor(random() * of.length)]!
  for (let i = 0; i < 5; i++) {
    const id = `${name}-${i}`
    const first = 1 + Math.floor(random() * 55)
    const seats = [0, 1, 2].slice(0, pick(1, 2, 3)).map((seat) => first + seat)
    const request = { show: pick('hamlet', 'lear'), customer: name, mail: `${name}@example.com`, seats }
    await ask('POST', `/orders/${id}`, request)
    const { json } = await ask('GET', `/orders/${id}`)
    if (json.step !== 'RESERVED') continue
    const does = pick('pays', 'pays', 'pays', 'tries', 'leaves', 'waits')
    if (does === 'tries') await ask('POST', `/orders/${id}/pay`, { card: 'declined' })
    if (does === 'tries' || does === 'pays') await ask('POST', `/orders/${id}/pay`, { card: 'visa' })
    if (does === 'leaves') await ask('POST', `/orders/${id}/give-up`)
  }
}

async function ordersOfShop(): Promise<Readonly<Record<string, OrderOfShop>>> {
  const { json } = await http(host.admin, 'GET', '/v1/services/examples.shop.v1.Order/entities?limit=1000')
  const ids = (json.entities as readonly { readonly id: string }[]).map(({ id }) => id)
  const read = async (id: string) => [id, (await at('GET', `/orders/${id}`)).json as OrderOfShop] as const
  return Object.fromEntries(await Promise.all(ids.map(read)))
}

async function booksOfShop(): Promise<ShopBooks> {
  const halls = shows.map(async (id) => [id, (await at('GET', `/admin/shows/${id}`)).json] as const)
  const { json } = await http(host.admin, 'GET', '/v1/services/examples.shop.v1.Day/entities?limit=10')
  const days = (json.entities as readonly { readonly id: string }[]).map(
    async ({ id }) => (await at('GET', `/admin/days/${id}`)).json as TakingsOfShop,
  )
  return {
    orders: await ordersOfShop(),
    shows: Object.fromEntries(await Promise.all(halls)) as Record<string, HallOfShop>,
    days: await Promise.all(days),
  }
}

/** Nothing waits, but for reservations. @throws AssertionError where something is parked: nobody would go on with it. */
async function isSettled(): Promise<boolean> {
  const { json } = await http(host.admin, 'GET', '/v1/effects')
  assert.equal(
    json.effects.filter(({ parked }: { parked: unknown }) => parked !== null),
    [],
  )
  if (json.effects.length > 0) return false
  const halls = await Promise.all(shows.map(async (id) => (await at('GET', `/admin/shows/${id}`)).json as HallOfShop))
  if (halls.some(({ cancelled, holds }) => cancelled && holds.length > 0)) return false
  const orders = Object.entries(await ordersOfShop())
  const owing = orders.filter(([, { charges }]) => charges.some(({ state }) => state === 'REFUNDING'))
  // The office does not wait for the next try.
  for (const [id] of owing) await at('POST', `/admin/orders/${id}/refund`)
  return owing.length === 0 && !orders.some(([, { step }]) => step === 'HOLDING' || step === 'PAYING')
}

/** The timer of an order that reserves its seats or pays for them is due. */
async function lapse(order: string): Promise<void> {
  const { json } = await http(host.admin, 'GET', `/v1/services/examples.shop.v1.Order/timers?entity=${order}&limit=10`)
  const { timer } = json.timers.find(({ name }: { name: string }) => name === 'lapse')
  const fired = await http(host.admin, 'POST', `/v1/timers/${timer}/fire`, {})
  assert.is(fired.status, 200, fired.text)
}

async function reserved(order: string, seat: number): Promise<void> {
  const request = { show: 'macbeth', customer: 'bob', mail: 'bob@example.com', seats: [seat] }
  assert.is((await at('POST', `/orders/${order}`, request)).json.step, 'RESERVED')
}

const isStep = (order: string, step: string) => async () => (await at('GET', `/orders/${order}`)).json.step === step
const isCharged = (charge: string) => () =>
  provider.books.charges.some((one) => one.charge === charge && one.state === 'CHARGED')

/** Now one request fails, and now another, until it is stopped. A mail that is refused would be parked, for an operator. */
function failures(random: () => number): { stop(): void } {
  const pick = <T>(...of: readonly T[]): T => of[Math.floor(random() * of.length)]!
  const fail = () => {
    const on = pick<Failing['on']>('charges', 'refunds', 'mails')
    const how = pick<Failing['how']>('503', 'hang', 'reset', 'half', on === 'mails' ? '503' : 'refuse')
    provider.fail({ next: pick(1, 2), how, on })
  }
  const timer = setInterval(fail, 50)
  return {
    stop: () => {
      clearInterval(timer)
      provider.fail({ next: 0, how: '503' })
    },
  }
}

Shop('money is taken once or given back, and no seat is sold twice, whenever the host is killed', async () => {
  const seed = Date.now() % 2 ** 31
  const random = mulberry(seed)
  host = await start(file)
  for (const id of ['hamlet', 'lear']) await open(id, 60)
  const customers = Array.from({ length: 16 }, (_, i) => customer(`c${i}`, mulberry(seed + i + 1)))
  const failing = failures(mulberry(seed + 100))
  for (let kills = 0; kills < 3; kills++) {
    await new Promise((resolve) => setTimeout(resolve, 100 + random() * 400))
    // Before the last kill: its orders are told in portions, of which the host is killed in the middle.
    if (kills === 2) await ask('POST', '/admin/shows/lear/cancel')
    await kill()
  }
  await Promise.all(customers)
  failing.stop()
  await eventually(isSettled)
  const shop = await booksOfShop()
  const problems = problemsOf(shop, provider.books)
  assert.equal(problems, [], `seed ${seed}`)
  const steps = new Set(Object.values(shop.orders).map(({ step }) => step))
  for (const step of ['PAID', 'FAILED', 'CANCELLED']) assert.ok(steps.has(step), `no order is ${step}, seed ${seed}`)
})

Shop('a full house of 400 gets its money back, though refunds fail and the host is killed meanwhile', async () => {
  await open('faust', 400)
  const seats = Array.from({ length: 400 }, (_, i) => i + 1)
  const buy = async (seat: number) => {
    const request = { show: 'faust', customer: 'all', mail: 'all@example.com', seats: [seat] }
    assert.is((await at('POST', `/orders/faust-${seat}`, request)).json.step, 'RESERVED')
    assert.is((await at('POST', `/orders/faust-${seat}/pay`, { card: 'visa' })).json.step, 'PAID')
  }
  for (let first = 0; first < 400; first += 40) await Promise.all(seats.slice(first, first + 40).map(buy))
  assert.is((await at('GET', '/shows/faust')).json.left, 0)
  provider.fail({ next: 60, how: 'refuse', on: 'refunds' })
  assert.is((await at('POST', '/admin/shows/faust/cancel')).status, 200)
  // Some are told by now, and not all.
  await eventually(async () => (await at('GET', '/admin/shows/faust')).json.holds.length < 400)
  await kill()
  await eventually(isSettled)
  const shop = await booksOfShop()
  assert.equal(problemsOf(shop, provider.books), [])
  const back = Object.entries(shop.orders).filter(
    ([id, { step, charges }]) =>
      id.startsWith('faust-') && step === 'CANCELLED' && charges[0]?.refundedCents === '4500',
  )
  assert.is(back.length, 400)
})

Shop('a reservation lapses by its timer, and its seats are free', async () => {
  const request = { show: 'macbeth', customer: 'ann', mail: 'ann@example.com', seats: [7] }
  await open('macbeth', 400)
  assert.is((await at('POST', '/orders/late', request)).json.step, 'RESERVED')
  assert.is((await at('POST', '/orders/next', request)).json.message, 'seat 7 is taken')
  await lapse('late')
  await eventually(isStep('late', 'FAILED'))
  await eventually(async () => (await at('GET', '/shows/macbeth')).json.left === 400)
  assert.is((await at('POST', '/orders/third', request)).json.step, 'RESERVED')
})

Shop('a payment that is never answered is given back, and another card pays for the same seats', async () => {
  await reserved('slow', 100)
  provider.fail({ next: 1, how: 'hang', on: 'charges' })
  const paying = at('POST', '/orders/slow/pay', { card: 'visa' })
  await eventually(isCharged('slow.1'))
  await lapse('slow')
  const { status, json } = await paying
  assert.equal([status, json.message], [400, 'the payment did not end in time; what it took is given back'])
  assert.is((await at('POST', '/orders/slow/pay', { card: 'visa' })).json.step, 'PAID')
  const charges = async () => (await at('GET', '/orders/slow')).json.charges as OrderOfShop['charges']
  await eventually(async () => {
    await at('POST', '/admin/orders/slow/refund')
    return (await charges())[0]?.state === 'REFUNDED'
  })
  assert.equal(
    (await charges()).map(({ state, refundedCents }) => `${state} ${refundedCents}`),
    ['REFUNDED 4500', 'CHARGED 0'],
  )
  assert.equal(problemsOf(await booksOfShop(), provider.books), [])
})

for (const [index, how] of (['hang', 'half', 'reset'] as const).entries())
  Shop(`a charge of which nobody knows (${how}) is asked for again under the same id`, async () => {
    await reserved(how, 101 + index)
    provider.fail({ next: 1, how, on: 'charges' })
    const { step, charges } = (await at('POST', `/orders/${how}/pay`, { card: 'visa' })).json as OrderOfShop
    assert.equal([step, charges.map(({ id }) => id)], ['PAID', [`${how}.1`]])
  })

Shop('a mail that the provider refuses is parked, and sent once an operator says so', async () => {
  await reserved('mailed', 110)
  provider.fail({ next: 1, how: 'refuse', on: 'mails' })
  assert.is((await at('POST', '/orders/mailed/pay', { card: 'visa' })).json.step, 'PAID')
  const parked = async () => {
    const { effects } = (await http(host.admin, 'GET', '/v1/effects')).json
    return effects.find((one: { parked: unknown }) => one.parked !== null) as { id: number } | undefined
  }
  await eventually(async () => (await parked()) !== undefined)
  const isSent = () => provider.books.mails.some(({ id }) => id === 'mailed.paid')
  assert.is(isSent(), false)
  const { code, err } = await runInn(data.path, ['effects', '--retry-all', '--admin', host.admin])
  assert.is(code, 0, err)
  await eventually(isSent)
  await eventually(isSettled)
  assert.equal(problemsOf(await booksOfShop(), provider.books), [])
})

Shop('the report of the day before is mailed once, however often the schedule runs', async () => {
  const run = async () => {
    const args = ['schedules', 'examples.shop.v1.Office', '--run', 'Nightly', '--admin', host.admin]
    const { code, err } = await runInn(data.path, args)
    assert.is(code, 0, err)
  }
  const reports = () => provider.books.mails.filter(({ id }) => id.startsWith('report.'))
  await run()
  await eventually(() => reports().length > 0)
  const [report] = reports()
  assert.is(report?.to, 'office@shop.example')
  assert.match(report?.text ?? '', /^\d{4}-\d\d-\d\d: \d+ orders, \d+ seats, CHF \d+\.\d\d\. Given back: /)
  await run()
  await eventually(isSettled)
  assert.is(reports().length, 1)
})

Shop('customers and the office see orders and sales, and the seats that are left, as they change', async () => {
  await open('othello', 400)
  const request = { show: 'othello', customer: 'eve', mail: 'eve@example.com', seats: [7] }
  assert.is((await at('POST', '/orders/seen', request)).json.step, 'RESERVED')
  assert.is((await at('POST', '/orders/unseen', request)).status, 400)
  const seats = new AbortController()
  const watch = await fetch(`http://${host.listen}/shows/othello/watch`, {
    headers: { accept: 'text/event-stream' },
    signal: seats.signal,
  })
  let told = ''
  const reading = (async () => {
    for await (const chunk of watch.body!.pipeThrough(new TextDecoderStream())) told += chunk
  })().catch(() => {})
  await eventually(() => told.includes('"left":399'))
  assert.is((await at('POST', '/orders/seen/pay', { card: 'visa' })).json.step, 'PAID')
  await eventually(() => told.includes('"sold":[7]'))
  seats.abort()
  await reading
  const listed = async (path: string) =>
    (await at('GET', path)).text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  await eventually(async () => (await listed('/customers/eve/orders')).some(({ step }) => step === 'PAID'))
  const mine = await listed('/customers/eve/orders')
  assert.equal(mine.map(({ order, step }) => `${order} ${step}`).sort(), ['seen PAID', 'unseen FAILED'])
  assert.equal(
    (await listed('/admin/orders?show=othello&step=PAID')).map(({ order }) => order),
    ['seen'],
  )
  const days = await listed('/admin/sales')
  const { orders } = await booksOfShop()
  const paid = Object.values(orders).filter(({ charges }) => charges.some(({ receipt }) => receipt !== ''))
  const sum = days.reduce((all, { orders }) => all + Number(orders), 0)
  assert.is(sum, paid.length)
})

Shop.after(async () => {
  await host.kill()
  await provider.close()
  data.remove()
})

Shop.run()
