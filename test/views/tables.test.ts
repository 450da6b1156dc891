// Guards tables in processes: what is written is read, queries answer what their SQL says, and none of them holds another, or outlives its time.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { Tables } from '../../host/views/tables.ts'
import { rejects } from '../support/assert.ts'
import { orders, query, Shop, settings } from './shop.ts'

const shop = await Shop.of(
  orders(`
    ${query('OfCustomer(Customer) returns (stream OrderRow)', 'SELECT * FROM orders_view WHERE customer = :customer ORDER BY placed DESC LIMIT :limit')}
    ${query('PerDay(google.protobuf.Empty) returns (stream Day)', 'SELECT date(placed) AS day, sum(cents) AS cents FROM orders_view GROUP BY 1 ORDER BY 1')}
    ${query('Follow(Customer) returns (stream Rows)', 'SELECT * FROM orders_view WHERE customer = :customer ORDER BY 1', 'live: true')}
    ${query('One(Customer) returns (OrderRow)', 'SELECT * FROM orders_view WHERE customer = :customer')}
    ${query('Endless(google.protobuf.Empty) returns (stream Day)', 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS cents FROM c')}
    ${query('Cross(google.protobuf.Empty) returns (stream Day)', `SELECT count(*) AS cents FROM ${[...'abcdefgh'].map((name) => `orders_view ${name}`).join(', ')} WHERE a.cents + b.cents < h.cents`)}
    ${query('Blob(google.protobuf.Empty) returns (stream Day)', 'SELECT length(hex(zeroblob(1000000000))) AS cents')}
    ${query('Text(google.protobuf.Empty) returns (stream Day)', "SELECT printf('%.*c', 1000000000, 'x') AS day")}
    ${query('Concat(google.protobuf.Empty) returns (stream Day)', 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000) SELECT group_concat(hex(zeroblob(n))) AS day FROM c')}
    ${query('Sorted(google.protobuf.Empty) returns (stream Day)', 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT hex(zeroblob(100000)) AS day FROM c ORDER BY 1')}
    ${query('Many(google.protobuf.Empty) returns (stream Day)', 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n AS cents FROM c')}
    ${query('Sum(google.protobuf.Empty) returns (Day)', 'SELECT sum(cents) AS cents FROM orders_view')}
  `),
)
assert.equal(shop.problems, [])

const order = (key: string, customer: string, placed: string, cents: string | number) =>
  shop.bytes('OrderRow', {
    order: key,
    customer,
    placed,
    cents: String(cents),
    state: 'new',
    size: '18446744073709551615',
  })
const rows = [
  order('a', 'ann', '2026-01-01T10:00:00Z', 5),
  order('b', 'ann', '2026-01-01T10:00:00.000000001Z', 7),
  order('c', 'bob', '2026-01-02T00:00:00Z', '9007199254740993'),
]
const offset = { partition: 0, commit: 9, directory: 'd', incarnation: 'i', hash: 'h' }
const file = 'orders-1.db'
const files = new Map([['shop.v1.OrdersView', file]])
const table = shop.table('OrdersView', file)

interface Context {
  directory: string
  tables: Tables
  lines: string[]
  ask(method: string, request?: unknown, deadlineMs?: number): Promise<unknown[]>
}
const T = suite<Context>('tables of views')

T.before.each(async (context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'innkeeper-views-'))
  context.lines = []
  const tables = new Tables(context.directory, settings, systemClock, (line) => context.lines.push(line))
  context.tables = tables
  context.ask = async (method, request = {}, deadlineMs) => {
    const plan = shop.query(method)
    const input = plan.input.startsWith('shop')
      ? shop.bytes(plan.input.replace('shop.v1.', ''), request)
      : new Uint8Array()
    const answers = await tables.query(shop.component, plan, files, input, deadlineMs)
    return answers.map((bytes) => shop.json(plan.output.replace('shop.v1.', ''), bytes))
  }
  await tables.open(table)
  await tables.apply(table, { puts: rows, offsets: [offset] })
})
T.after.each(async ({ tables, directory, lines }) => {
  await tables.close()
  rmSync(directory, { recursive: true })
  if (lines.length > 0) console.log(lines.join('\n'))
})

const keys = (answers: unknown[]) => answers.map((row) => (row as { order: string }).order)

T('a stream has one message a row, in the order of the query', async ({ ask }) => {
  const answers = await ask('OfCustomer', { customer: 'ann', limit: 10 })
  assert.equal(answers, [
    {
      order: 'b',
      customer: 'ann',
      placed: '2026-01-01T10:00:00.000000001Z',
      cents: '7',
      state: 'new',
      size: '18446744073709551615',
    },
    {
      order: 'a',
      customer: 'ann',
      placed: '2026-01-01T10:00:00Z',
      cents: '5',
      state: 'new',
      size: '18446744073709551615',
    },
  ])
  assert.equal(keys(await ask('OfCustomer', { customer: 'ann', limit: 1 })), ['b'])
  assert.equal(await ask('OfCustomer', { customer: 'nobody', limit: 1 }), [])
})

T('days are counted by date(), and sums keep each digit', async ({ ask }) => {
  assert.equal(await ask('PerDay'), [
    { day: '2026-01-01', cents: '12' },
    { day: '2026-01-02', cents: '9007199254740993' },
  ])
})

T('a live query has all rows in one message, and no row is a message, too', async ({ ask }) => {
  const [answer] = await ask('Follow', { customer: 'ann' })
  assert.equal(keys((answer as { rows: unknown[] }).rows), ['a', 'b'])
  assert.equal(await ask('Follow', { customer: 'nobody' }), [{ rows: [] }])
})

T('one row is answered by a method of one message; none is not found, and several are told', async ({ ask }) => {
  assert.equal(keys(await ask('One', { customer: 'bob' })), ['c'])
  await rejects(() => ask('One', { customer: 'nobody' }), 'not_found')
  await rejects(() => ask('One', { customer: 'ann' }), 'several_rows')
})

T('a sum beyond 64 bits is out of range', async ({ ask, tables }) => {
  await tables.apply(table, { puts: [order('x', 'x', '2026-01-01T00:00:00Z', '9223372036854775807')] })
  await rejects(() => ask('Sum'), 'out_of_range')
})

T(
  'readers.D1, readers.D3: a query past its time ends with its process, and others are answered meanwhile',
  async ({ ask, tables }) => {
    const endless = ask('Endless').catch((error: unknown) => error)
    const others = await Promise.all([1, 2, 3].map(() => ask('One', { customer: 'bob' })))
    assert.equal(
      others.map((one) => keys(one)),
      [['c'], ['c'], ['c']],
    )
    await rejects(async () => {
      throw await endless
    }, 'deadline_exceeded')
    assert.is(tables.ended.killed, 1)
    await tables.apply(table, {
      puts: Array.from({ length: 300 }, (_, at) => order(`n${at}`, 'many', '2026-01-01T00:00:00Z', at)),
    })
    await rejects(() => ask('Cross'), 'deadline_exceeded')
    assert.equal(keys(await ask('One', { customer: 'bob' })), ['c'])
  },
)

T('readers.D1: a deadline that passes ends a query that runs, and one that waits', async ({ ask }) => {
  await Promise.all([ask('One', { customer: 'bob' }), ask('One', { customer: 'bob' })])
  const busy = [ask('Endless', {}, 200), ask('Endless', {}, 200)].map((one) => rejects(() => one, 'deadline_exceeded'))
  await rejects(() => ask('One', { customer: 'bob' }, 50), 'deadline_exceeded')
  await Promise.all(busy)
})

for (const method of ['Blob', 'Text', 'Concat', 'Sorted', 'Many'])
  T(`readers.D2: ${method} takes too much and is refused, and the next query is answered`, async ({ ask, tables }) => {
    const error = await rejects(() => ask(method), 'query_too_large')
    assert.match(error.message, /bytes|memory/)
    assert.equal(keys(await ask('One', { customer: 'bob' })), ['c'])
    assert.is(tables.ended.crashed, 0)
  })

T('tables.B2: all end soon, in the middle of a query too', async ({ ask, tables }) => {
  const endless = ask('Endless').catch((error: unknown) => error)
  await ask('One', { customer: 'bob' })
  await tables.close()
  const error = await endless
  assert.match(String(error), /stopping/)
})

T.run()
