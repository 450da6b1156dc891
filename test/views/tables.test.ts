// Guards tables in processes: what is written is read, queries answer what their SQL says, and none of them holds another, or outlives its time.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { Tables } from '../../host/views/tables.ts'
import { rejects } from '../support/assert.ts'
import { limits, orders, query, Shop } from './shop.ts'

const shop = await Shop.of(
  orders(
    `
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
    ${query('BySize(Customer) returns (stream OrderRow)', 'SELECT * FROM orders_view WHERE size <= :size ORDER BY 1')}
    ${query('Since(Customer) returns (stream OrderRow)', 'SELECT * FROM orders_view WHERE placed >= :since ORDER BY 1')}
    ${query('ByCents(Customer) returns (stream OrderRow)', 'SELECT * FROM orders_view WHERE cents IN (SELECT value FROM json_each(:ids)) ORDER BY 1')}
    ${query('Maybe(Customer) returns (stream OrderRow)', 'SELECT * FROM orders_view WHERE :maybe IS NULL OR customer = :maybe ORDER BY 1')}
    ${query('Items(google.protobuf.Empty) returns (stream Item)', 'SELECT item, tags, o.customer FROM items_view i JOIN orders_view o ON o."order" = i."order" ORDER BY 1')}
    ${query('Json(Customer) returns (stream OrderRow)', "SELECT :customer ->> 'a' AS state")}
    ${query('Sum(google.protobuf.Empty) returns (Day)', 'SELECT sum(cents) AS cents FROM orders_view')}
  `,
    `message ItemRow { string item = 1 [(innkeeper.column) = { key: true }]; string order = 2; repeated string tags = 3; }
     message Item { string item = 1; repeated string tags = 2; string customer = 3; }
     service ItemsView { option (innkeeper.view) = { row: "ItemRow", from: ["shop.v1.Order"] }; }`,
  ),
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
const files = new Map([
  ['shop.v1.OrdersView', file],
  ['shop.v1.ItemsView', 'items-1.db'],
])
const items = shop.table('ItemsView', 'items-1.db')
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
  const tables = new Tables(context.directory, limits, systemClock, (line) => context.lines.push(line))
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

T('§view-8, reply.R3: a stream has one message a row, in the order of the query', async ({ ask }) => {
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

T(
  '§view-8: one row is answered by a method of one message; none is not found, and several are told',
  async ({ ask }) => {
    assert.equal(keys(await ask('One', { customer: 'bob' })), ['c'])
    await rejects(() => ask('One', { customer: 'nobody' }), 'not_found')
    await rejects(() => ask('One', { customer: 'ann' }), 'several_rows')
  },
)

T('parameters compare with columns of their types as their values do', async ({ ask, tables }) => {
  assert.equal(keys(await ask('BySize', { size: '18446744073709551614' })), [])
  assert.equal(keys(await ask('BySize', { size: '18446744073709551615' })), ['a', 'b', 'c'])
  assert.equal(keys(await ask('Since', { since: '2026-01-01T10:00:00.000000001Z' })), ['b', 'c'])
  assert.equal(keys(await ask('ByCents', { ids: ['9007199254740992', '5'] })), ['a'])
  assert.equal(keys(await ask('ByCents', { ids: ['9007199254740993'] })), ['c'])
  await tables.apply(table, { puts: [shop.bytes('OrderRow', { order: 'e' })] })
  assert.equal(keys(await ask('Since', {})), [], 'no timestamp is NULL, and nothing compares with it')
})

T('a request without a value binds NULL for an optional field, and else the default', async ({ ask, tables }) => {
  assert.equal(keys(await ask('Maybe', {})), ['a', 'b', 'c'])
  assert.equal(keys(await ask('Maybe', { maybe: '' })), [])
  assert.equal(keys(await ask('Maybe', { maybe: 'bob' })), ['c'])
  await tables.apply(table, { puts: [shop.bytes('OrderRow', { order: 'e' })] })
  assert.equal(keys(await ask('OfCustomer', { limit: 5 })), ['e'])
})

T('§view-8, queries.Z1: a parameter is never part of the SQL', async ({ ask }) => {
  for (const customer of ["' OR 1=1 --", "ann'; DROP TABLE x; --", ':customer'])
    assert.equal(await ask('OfCustomer', { customer, limit: 10 }), [])
})

T('§view-9, queries.Z2: a result with too many rows or bytes is refused as a whole', async ({ ask, tables }) => {
  const many = (count: number, state: string) =>
    Array.from({ length: count }, (_, at) => shop.bytes('OrderRow', { order: `n${at}`, customer: 'many', state }))
  await tables.apply(table, { puts: many(limits.viewsRowsMax, '') })
  const request = { customer: 'many', limit: 10_000 }
  assert.is((await ask('OfCustomer', request)).length, limits.viewsRowsMax)
  await tables.apply(table, { puts: many(limits.viewsRowsMax + 1, '') })
  assert.match((await rejects(() => ask('OfCustomer', request), 'query_too_large')).message, /more than 1000 rows/)
  await tables.apply(table, { puts: many(20, 'x'.repeat(100_000)) })
  await rejects(() => ask('OfCustomer', request), 'query_too_large')
})

T('a query joins views of several files, and JSON columns are lists again', async ({ ask, tables }) => {
  await tables.open(items)
  await tables.apply(items, { puts: [shop.bytes('ItemRow', { item: 'i', order: 'c', tags: ['x', 'y"'] })] })
  assert.equal(await ask('Items'), [{ item: 'i', tags: ['x', 'y"'], customer: 'bob' }])
})

T('§view-8: a failure of a query tells the caller nothing of it, and the log everything', async ({ ask }) => {
  const error = await rejects(() => ask('Json', { customer: '{secret' }), 'query_failed')
  assert.is(error.message, 'the query failed; the log of the host says why')
  assert.is((error.cause as Error).message, 'shop.v1.OrdersView/Json: malformed JSON')
})

T('bytes that are no request are the fault of the caller', async ({ tables }) => {
  await rejects(() => tables.query(shop.component, shop.query('One'), files, Uint8Array.of(10, 5, 1)), 'bad_request')
})

T('a check tells what is wrong with each method, and what does not end', async ({ directory, lines }) => {
  const tables = new Tables(directory, { ...limits, viewsQueryMs: 400 }, systemClock, (line) => lines.push(line))
  const problems = await tables.check(shop.component)
  await tables.close()
  assert.equal(problems.map(({ method }) => method).sort(), [
    'Blob',
    'Concat',
    'Cross',
    'Endless',
    'Many',
    'Sorted',
    'Text',
  ])
  assert.match(problems.find(({ method }) => method === 'Endless')!.problem, /^does not end in time on a few rows: /)
  assert.match(
    problems.find(({ method }) => method === 'Many')!.problem,
    /^answers 16 rows of each view: .* more than 1000 rows/,
  )
})

T('rows, sources and offsets are read back, and a dropped table is made anew', async ({ ask, tables }) => {
  assert.equal(await tables.open(table), [offset])
  const sources = [{ service: 'shop.v1.Order', entity: '1', revision: 3, keys: ['a'] }]
  assert.equal(await tables.apply(table, { sources }), { shared: 0 })
  assert.equal(
    await tables.sources(table, [
      { service: 'shop.v1.Order', entity: '1' },
      { service: 'x', entity: '1' },
    ]),
    [...sources, undefined],
  )
  const [found, none] = await tables.rows(table, ['a', 'nobody'])
  assert.equal([Buffer.compare(found!, rows[0]!), none], [0, undefined])
  assert.equal(await tables.checkpoint(table), [offset])
  assert.is((await tables.size(table)).rows, 3)
  assert.equal(keys(await ask('One', { customer: 'bob' })), ['c'])
  await tables.drop(file)
  assert.equal(await tables.open(table), [])
  await tables.apply(table, { puts: [order('z', 'bob', '2026-01-01T00:00:00Z', 1)] })
  assert.equal(keys(await ask('One', { customer: 'bob' })), ['z'])
})

T(
  'a file that is not there, or is damaged, is told as such, and drop makes room for another',
  async ({ directory, tables, ask }) => {
    await rejects(() => ask('Items'), 'storage_unavailable')
    writeFileSync(join(directory, 'items-1.db'), 'no database '.repeat(1_000))
    await rejects(() => tables.open(items), 'data_damaged')
    await rejects(() => ask('Items'), 'data_damaged')
    await tables.drop('items-1.db')
    assert.equal(await tables.open(items), [])
    assert.equal(await ask('Items'), [])
  },
)

T('SQL of an operator reads the views that it names, and shows values as JSON has them', async ({ tables }) => {
  const { columns, rows } = await tables.raw(
    [table, items],
    'SELECT "order", cents, size, size_text, placed FROM orders_view ORDER BY 1 DESC LIMIT 2',
  )
  assert.equal(columns, ['order', 'cents', 'size', 'size_text', 'placed'])
  assert.equal(rows, [
    ['c', '9007199254740993', '18446744073709551615', '18446744073709551615', '2026-01-02T00:00:00.000000000Z'],
    ['b', 7, '18446744073709551615', '18446744073709551615', '2026-01-01T10:00:00.000000001Z'],
  ])
  assert.equal((await tables.raw([], "SELECT x'00ff' AS a, 9e999 AS b, NULL AS c")).rows, [['AP8=', 'Infinity', null]])
  const entities = {
    name: 'entities',
    columns: ['service', 'key', 'events'],
    rows: [
      ['s', 'a', 3],
      ['s', 'b', 4],
    ],
  }
  const joined = 'SELECT e.events + o.cents FROM entities e JOIN orders_view o ON o."order" = e.key ORDER BY 1'
  assert.equal((await tables.raw([table], joined, undefined, [entities])).rows, [[8], [11]])
  for (const [sql, problem] of [
    ['DELETE FROM orders_view', /begins with DELETE/],
    ['SELECT x FROM orders_view', /SQLite says: no such column: x/],
    ['SELECT random()', /calls the function random/],
    ['SELECT * FROM sqlite_schema', /reads sqlite_(?:schema|master), which is no view/],
  ] as const)
    assert.match((await rejects(() => tables.raw([table], sql), 'bad_request')).message, problem)
})

T(
  'tables.B1: a write whose process ends is refused, and the next opens the table as the last one left it',
  async ({ tables, lines }) => {
    process.kill(tables.processes.writer!, 'SIGSTOP')
    const write = tables.apply(table, {
      puts: [order('d', 'dan', '2026-01-01T00:00:00Z', 1)],
      offsets: [{ ...offset, commit: 10 }],
    })
    process.kill(tables.processes.writer!, 'SIGKILL')
    await rejects(() => write, 'unavailable')
    assert.equal(await tables.open(table), [offset])
    assert.equal(await tables.rows(table, ['d']), [undefined])
    assert.is(tables.ended.crashed, 1)
    assert.match(lines.splice(0).join(), /the process that writes views ended by itself \(SIGKILL\)/)
  },
)

T(
  'standing.G1, standing.G2: a process that ends by itself is started again, and knows what it is asked',
  async ({ ask, tables, lines }) => {
    await Promise.all([ask('One', { customer: 'bob' }), ask('One', { customer: 'bob' })])
    const { readers } = tables.processes
    assert.is(readers.length, 2)
    const busy = [ask('Endless'), ask('Endless')].map((one) => rejects(() => one, 'unavailable'))
    for (const pid of readers) process.kill(pid, 'SIGTERM')
    await Promise.all(busy)
    assert.equal(keys(await ask('One', { customer: 'bob' })), ['c'])
    assert.equal(tables.ended, { killed: 0, crashed: 2 })
    const again = tables.processes.readers
    assert.ok(again.length > 0 && again.every((pid) => !readers.includes(pid)))
    assert.is(lines.splice(0).length, 2)
  },
)

T('§view-8: a sum beyond 64 bits is out of range', async ({ ask, tables }) => {
  await tables.apply(table, { puts: [order('x', 'x', '2026-01-01T00:00:00Z', '9223372036854775807')] })
  await rejects(() => ask('Sum'), 'out_of_range')
})

T(
  '§view-9, readers.D1, readers.D3, child.H2: a query past its deadline ends with its process, and others are answered meanwhile',
  async ({ ask, tables }) => {
    const endless = rejects(() => ask('Endless', {}, 1_000), 'deadline_exceeded')
    const others = await Promise.all([1, 2, 3].map(() => ask('One', { customer: 'bob' })))
    assert.equal(
      others.map((one) => keys(one)),
      [['c'], ['c'], ['c']],
    )
    await endless
    assert.equal(tables.ended, { killed: 1, crashed: 0 })
    assert.equal(keys(await ask('One', { customer: 'bob' })), ['c'])
  },
)

T('§view-9, readers.D1: a query past its own time ends with its process', async ({ tables, directory, lines }) => {
  await tables.apply(table, {
    puts: Array.from({ length: 300 }, (_, at) => order(`n${at}`, 'many', '2026-01-01T00:00:00Z', at)),
  })
  const hasty = new Tables(directory, { ...limits, viewsQueryMs: 200 }, systemClock, (line) => lines.push(line))
  for (const method of ['Endless', 'Cross']) {
    const query = () => hasty.query(shop.component, shop.query(method), files, new Uint8Array())
    assert.match((await rejects(query, 'deadline_exceeded')).message, /longer than 200 milliseconds/)
  }
  assert.equal(hasty.ended, { killed: 2, crashed: 0 })
  await hasty.close()
})

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

T('§view-9, tables.B2: all end soon, in the middle of a query too', async ({ ask, tables }) => {
  const endless = ask('Endless').catch((error: unknown) => error)
  await ask('One', { customer: 'bob' })
  await tables.close()
  const error = await endless
  assert.match(String(error), /stopping/)
})

T.run()
