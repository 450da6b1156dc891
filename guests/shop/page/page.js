// The page of the shop: seats, orders and the office, over HTTP/JSON and server-sent events of the same host. No library, no build.
//
// What changes is followed and not asked for: the seats of a show by a watch, one's orders and the sales by live queries. Only the streams of the
// tab that is open are open: a browser has six connections to a site.

const seatsMax = 8
const byId = (id) => document.getElementById(id)
const money = (cents) => `CHF ${(Number(cents) / 100).toFixed(2)}`
const time = (text) => new Date(text).toLocaleString()

/** Seats of the show that were chosen, and the order that waits to be paid for. */
let chosen = new Set()
let order
let seats
let streams = []

// Calls

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  const text = await response.text()
  if (response.ok) return text
  let why = text
  try {
    why = JSON.parse(text).message
  } catch {
    // It is no JSON: told as it is.
  }
  throw new Error(why || `${response.status}`)
}

const one = async (method, path, body) => JSON.parse(await call(method, path, body))
const rows = async (path) =>
  (await call('GET', path))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

function say(text, isWrong = false) {
  byId('said').textContent = text
  byId('said').className = isWrong ? 'wrong' : ''
}

/** What a button does; why not is told. */
const trying =
  (act) =>
  async (...args) => {
    try {
      await act(...args)
    } catch (error) {
      say(error.message, true)
    }
  }

function follow(path, show) {
  const stream = new EventSource(path)
  stream.onmessage = ({ data }) => show(JSON.parse(data))
  streams.push(stream)
}

function leave() {
  for (const stream of streams) stream.close()
  streams = []
}

// Elements

function element(tag, text, more = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...more })
}

function button(text, act) {
  return element('button', text, { type: 'button', onclick: trying(act) })
}

function fill(body, lines) {
  byId(body).replaceChildren(
    ...lines.map((cells) => {
      const row = document.createElement('tr')
      for (const cell of cells) {
        const place = document.createElement('td')
        place.append(cell ?? '')
        row.append(place)
      }
      return row
    }),
  )
}

// Seats

function drawHall() {
  const { held, sold, seats: count, left, cancelled, title } = seats
  byId('left').textContent = cancelled
    ? `${title} is cancelled`
    : `${left} of ${count} seats left, each ${money(seats.cents)}`
  const isHeld = new Set(held)
  const isSold = new Set(sold)
  for (const seat of [...chosen]) if (isHeld.has(seat) || isSold.has(seat)) chosen.delete(seat)
  const mine = new Set(order?.seats)
  byId('hall').replaceChildren(
    ...Array.from({ length: count }, (_, i) => {
      const seat = i + 1
      const isTaken = isHeld.has(seat) || isSold.has(seat)
      const kind =
        mine.has(seat) || chosen.has(seat) ? 'mine' : isSold.has(seat) ? 'sold' : isHeld.has(seat) ? 'held' : 'free'
      const disabled = isTaken || cancelled || order !== undefined
      return element('button', seat, { type: 'button', className: kind, disabled, onclick: () => choose(seat) })
    }),
  )
  drawChoice()
}

function choose(seat) {
  if (!chosen.delete(seat)) {
    if (chosen.size === seatsMax) return say(`At most ${seatsMax} seats an order.`, true)
    chosen.add(seat)
  }
  drawHall()
}

function drawChoice() {
  byId('reserve').hidden = order !== undefined
  byId('pay').hidden = order === undefined
  byId('chosen').textContent =
    chosen.size === 0 ? '' : `${[...chosen].join(', ')} for ${money(Number(seats.cents) * chosen.size)}`
}

function drawOrder() {
  if (order === undefined) return
  const left = Math.max(0, Math.floor((Number(order.lapses) - Date.now()) / 1000))
  const minutes = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`
  byId('order').textContent =
    `${order.title}, seats ${order.seats.join(', ')}: ${money(order.cents)}. Yours for ${minutes}.`
}

async function drawShows() {
  const shows = (await rows('/shows')).filter(({ cancelled }) => !cancelled)
  const options = shows.map(({ show, title, starts }) =>
    element('option', `${title}, ${time(starts)}`, { value: show }),
  )
  byId('show').replaceChildren(...options)
  if (shows.length === 0) say('There is no show yet. Open one in the office.')
}

function openHall() {
  leave()
  chosen = new Set()
  const show = byId('show').value
  if (show === '') return
  follow(`/shows/${encodeURIComponent(show)}/watch`, (now) => {
    seats = now
    drawHall()
  })
}

/** The order as it is, until it is paid or over. */
function followOrder(id) {
  follow(`/orders/${id}/watch`, (now) => {
    if (order?.id !== id) return
    if (now.step === 'RESERVED' || now.step === 'PAYING') order = { ...now, id }
    else {
      order = undefined
      say(
        now.step === 'PAID' ? `Paid. The seats ${now.seats.join(', ')} are yours.` : `No seats: ${now.why}.`,
        now.step !== 'PAID',
      )
    }
    if (seats) drawHall()
  })
}

function who() {
  const form = byId('who')
  if (!form.reportValidity()) throw new Error('Say who you are.')
  return Object.fromEntries(new FormData(form))
}

const reserve = trying(async () => {
  if (chosen.size === 0) throw new Error('Choose seats first.')
  const id = crypto.randomUUID()
  const request = { ...who(), show: byId('show').value, seats: [...chosen] }
  order = { ...(await one('POST', `/orders/${id}`, request)), id }
  chosen = new Set()
  say('Reserved. Pay before the time is up.')
  followOrder(id)
  drawOrder()
  drawHall()
})

const pay = trying(async () => {
  say('Paying…')
  await one('POST', `/orders/${order.id}/pay`, { card: new FormData(byId('pay')).get('card') })
})

const giveUp = trying(() => one('POST', `/orders/${order.id}/give-up`))

// My orders

function openMine() {
  leave()
  const { customer } = who()
  follow(`/customers/${encodeURIComponent(customer)}/orders/watch`, ({ orders }) =>
    fill(
      'my-orders',
      orders.map((row) => [row.title || row.show, row.seats, money(row.cents), stateOf(row), backOf(row), row.why]),
    ),
  )
}

const stateOf = ({ step, paid }) => (step === 'PAID' ? `paid ${time(paid)}` : step.toLowerCase())
const backOf = ({ refundedCents }) => (refundedCents === '0' ? '' : money(refundedCents))

// Office

async function openOffice() {
  leave()
  follow('/admin/sales/watch', ({ days }) =>
    fill(
      'sales',
      days.map((day) => [day.day, day.orders, day.seats, money(day.cents), money(day.refundedCents)]),
    ),
  )
  await drawOffice()
}

async function drawOffice() {
  const shows = await rows('/shows')
  fill(
    'all-shows',
    shows.map(({ show, title, starts, left, seats: count, cancelled }) => [
      title,
      time(starts),
      cancelled ? 'cancelled' : `${left} of ${count}`,
      cancelled ? '' : button('Cancel', () => cancel(show, title)),
    ]),
  )
  listed = []
  await drawOrders()
}

async function cancel(show, title) {
  if (!confirm(`Cancel ${title}, and give all money back?`)) return
  await one('POST', `/admin/shows/${encodeURIComponent(show)}/cancel`)
  say(`${title} is cancelled. All orders are being told.`)
  await drawOffice()
}

const page = 100
let listed = []

async function drawOrders() {
  const behind = listed.length === 0 ? '' : `&behind=${encodeURIComponent(listed.at(-1).order)}`
  const next = await rows(`/admin/orders?limit=${page}${behind}`)
  listed = [...listed, ...next]
  byId('more').hidden = next.length < page
  fill(
    'all-orders',
    listed.map((row) => [
      row.order.slice(0, 8),
      row.customer,
      row.title || row.show,
      money(row.cents),
      stateOf(row),
      row.refundFailures === 0 ? row.why : `${row.trouble} (${row.refundFailures} times)`,
      row.refundFailures === 0 ? '' : button('Refund now', () => one('POST', `/admin/orders/${row.order}/refund`)),
    ]),
  )
}

const openShow = trying(async () => {
  const { show, starts, ...rest } = Object.fromEntries(new FormData(byId('open')))
  await one('POST', `/shows/${encodeURIComponent(show)}`, { ...rest, starts: new Date(starts).toISOString() })
  say(`${rest.title} is open.`)
  await drawOffice()
})

// The page

const tabs = {
  seats: async () => {
    await drawShows()
    openHall()
    if (order) followOrder(order.id)
  },
  mine: openMine,
  office: openOffice,
}

const open = trying(async (tab) => {
  for (const main of document.querySelectorAll('main')) main.hidden = main.dataset.shows !== tab
  await tabs[tab]()
})

for (const one of document.querySelectorAll('[data-tab]')) one.onclick = () => open(one.dataset.tab)
const submits = { reserve, pay, open: openShow, who: () => open('mine') }
for (const [id, act] of Object.entries(submits))
  byId(id).onsubmit = (event) => {
    event.preventDefault()
    act()
  }
byId('give-up').onclick = giveUp
byId('more').onclick = trying(drawOrders)
byId('show').onchange = openHall
for (const input of byId('who').elements) {
  input.value = localStorage.getItem(input.name) ?? ''
  input.onchange = () => localStorage.setItem(input.name, input.value)
}
setInterval(drawOrder, 1000)
open('seats')
