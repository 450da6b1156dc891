// Guards the file of a view: what a batch wrote is there as a whole, in the form that a function and a query need, and damage is seen.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Batch } from '../../host/views/component.ts'
import { dropTable, Table } from '../../host/views/process/table.ts'
import { refuses } from '../support/assert.ts'
import { orders, query, Shop } from './shop.ts'

const proto = orders(query('Q(Customer) returns (stream OrderRow)', 'SELECT * FROM orders_view'))
const shop = await Shop.of(proto)
const numbered = await Shop.of(`message Row { int64 id = 1 [(innkeeper.column) = { key: true }]; uint64 other = 2; }
  message Unsigned { uint64 id = 1 [(innkeeper.column) = { key: true }]; }
  service RowsView { option (innkeeper.view) = { row: "Row", from: ["a"] }; }
  service UnsignedView { option (innkeeper.view) = { row: "Unsigned", from: ["a"] }; }`)
assert.equal([...shop.problems, ...numbered.problems], [])
const [view] = shop.component.views

interface Context {
  directory: string
  path: string
  open: (path?: string) => Table
  close: () => void
}
const T = suite<Context>('table of a view')
T.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'innkeeper-table-'))
  context.path = join(context.directory, 'orders.db')
  const opened: Table[] = []
  context.open = (path = context.path) => {
    const table = new Table(path, view!, view!.row, shop.schema)
    opened.push(table)
    return table
  }
  context.close = () => {
    for (const table of opened.splice(0)) table.close()
  }
})
T.after.each(({ directory, close }) => {
  close()
  rmSync(directory, { recursive: true })
})

const row = (order: string, customer = 'ann', cents = 1): Uint8Array =>
  shop.bytes('OrderRow', { order, customer, cents: String(cents) })
const offset = (commit: number, partition = 0) => ({
  partition,
  commit,
  directory: 'd',
  incarnation: 'i',
  hash: `h${commit}`,
})
const source = (entity: string, keys: readonly string[], service = 'shop.v1.Order', revision = 1) => ({
  ...{ service, entity, revision, keys },
})
const keysOf = (table: Table, ...keys: string[]) => keys.filter((key) => table.row(key) !== undefined)

T(
  'table.W3: a row is given back byte for byte, unknown fields and all, and a put with its key replaces it',
  ({ open }) => {
    const table = open()
    const odd = Buffer.concat([row('a'), Uint8Array.of(0x80, 0x7d, 5), row('a', 'bob')])
    table.apply({ puts: [odd, row('b')] })
    assert.is(Buffer.compare(table.row('a')!, odd), 0)
    table.apply({ puts: [row('a', 'eve')], deletes: ['b', 'nobody'] })
    assert.equal(shop.json('OrderRow', table.row('a')!), {
      order: 'a',
      customer: 'eve',
      cents: '1',
      state: '',
      size: '0',
    })
    assert.is(table.row('b'), undefined)
    assert.is(table.size().rows, 1)
    assert.ok(table.size().bytes > 0)
  },
)

T('table.W3: keys are any text, and numbers by their digits', ({ open, directory }) => {
  const table = open()
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (key) => {
      table.apply({ puts: [row(key)] })
      assert.is(Buffer.compare(table.row(key)!, row(key)), 0)
      table.apply({ deletes: [key] })
      assert.is(table.row(key), undefined)
    }),
    { numRuns: 100 },
  )
  const [rows, unsigned] = numbered.component.views
  for (const [plan, type, id] of [
    [rows!, 'Row', '-9223372036854775808'],
    [unsigned!, 'Unsigned', '18446744073709551615'],
  ] as const) {
    const other = new Table(join(directory, `${type}.db`), plan, plan.row, numbered.schema)
    assert.is(other.put(numbered.bytes(type, { id })), id)
    assert.ok(other.row(id))
    assert.is(other.size().rows, 1)
    other.close()
  }
})

T('table.W1: a batch with a row that is none leaves nothing behind', ({ open }) => {
  const table = open()
  table.apply({ puts: [row('a')], sources: [source('1', ['a'])], offsets: [offset(1)] })
  const batch: Batch = {
    deletes: ['a'],
    puts: [row('b'), Uint8Array.of(10, 9, 1)],
    sources: [source('1', ['b'])],
    offsets: [offset(2)],
  }
  assert.throws(() => table.apply(batch), /cut|length/)
  assert.equal(keysOf(table, 'a', 'b'), ['a'])
  assert.equal(table.source('shop.v1.Order', '1'), source('1', ['a']))
  assert.equal(table.offsets(), [offset(1)])
  table.apply({ ...batch, puts: [row('b')] })
  assert.equal([keysOf(table, 'a', 'b'), table.offsets()], [['b'], [offset(2)]])
})

T('table.W1: a process that is killed in the middle of a batch leaves all of those before it', ({ path, open }) => {
  const script = `
    import { Table } from ${JSON.stringify(new URL('../../host/views/process/table.ts', import.meta.url).href)}
    import { loadSchema } from ${JSON.stringify(new URL('../../host/schema/load.ts', import.meta.url).href)}
    import { readFileSync } from 'node:fs'
    const [path, plan, descriptors, row] = JSON.parse(readFileSync(0, 'utf8'))
    const table = new Table(path, plan, plan.row, loadSchema(Buffer.from(descriptors, 'base64')))
    table.apply({ puts: [Buffer.from(row, 'base64')], offsets: [${JSON.stringify(offset(1))}] })
    table.begin()
    table.delete('a')
    table.setOffset(${JSON.stringify(offset(2))})
    process.kill(process.pid, 'SIGKILL')`
  const input = [
    path,
    view,
    ...[shop.component.descriptors, row('a')].map((bytes) => Buffer.from(bytes).toString('base64')),
  ]
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '--no-warnings', '-e', script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
  })
  assert.is(signal, 'SIGKILL', stderr)
  const table = open()
  assert.equal([keysOf(table, 'a'), table.offsets()], [['a'], [offset(1)]])
})

T(
  'table.W2: what a checkpoint answers is in the files, while a query still reads an older state',
  ({ path, open, directory }) => {
    const table = open()
    table.apply({ puts: [row('a')], offsets: [offset(1), offset(7, 1)] })
    assert.equal(table.checkpoint(), [offset(1), offset(7, 1)])
    // A reader keeps the log from being moved.
    const reader = new DatabaseSync(path)
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM orders_view').get()
    table.apply({ puts: [row('b')], offsets: [offset(2)] })
    assert.equal(table.checkpoint(), [offset(2), offset(7, 1)])
    for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, join(directory, `copy.db${end}`))
    reader.close()
    const copy = open(join(directory, 'copy.db'))
    assert.equal(
      [copy.offsets(), keysOf(copy, 'a', 'b')],
      [
        [offset(2), offset(7, 1)],
        ['a', 'b'],
      ],
    )
  },
)

T('what was last written for an entity is kept with its revision; no keys are kept, too', ({ open, close }) => {
  open().apply({ sources: [source('1', ['a', 'b'], 'shop.v1.Order', 2 ** 40), source('2', [])] })
  close()
  const table = open()
  assert.equal(table.source('shop.v1.Order', '1'), source('1', ['a', 'b'], 'shop.v1.Order', 2 ** 40))
  assert.equal(table.source('shop.v1.Order', '2'), source('2', []))
  assert.is(table.source('shop.v1.Show', '1'), undefined)
})

T('§view-7: a purge deletes the rows that only its service has, and tells how many others share', ({ open }) => {
  const table = open()
  table.apply({
    puts: ['a', 'b', 'c', 'd'].map((key) => row(key)),
    sources: [
      source('1', ['a', 'b']),
      source('2', ['b']),
      source('1', ['b', 'c'], 'shop.v1.Show'),
      source('9', ['d'], 'shop.v1.Show'),
    ],
  })
  assert.equal(table.apply({ purges: ['shop.v1.Order'] }), { shared: 1 })
  assert.equal(keysOf(table, 'a', 'b', 'c', 'd'), ['b', 'c', 'd'])
  assert.equal([table.source('shop.v1.Order', '1'), table.source('shop.v1.Show', '9')?.keys], [undefined, ['d']])
  assert.equal(table.apply({ purges: ['shop.v1.Show'] }), { shared: 0 })
  assert.is(table.size().rows, 0)
})

T(
  'table.W4: a file of other columns, of no table, or cut is told as damage, and can be dropped and made again',
  ({ path, open, close }) => {
    const other = numbered.component.views[0]!
    new Table(path, other, other.row, numbered.schema).close()
    assert.match(refuses(() => open(), 'data_damaged').message, /made for other columns; build it anew/)
    dropTable(path)
    writeFileSync(path, 'this is no database, whatever it is. '.repeat(200))
    refuses(() => open(), 'data_damaged')
    dropTable(path)
    const table = open()
    table.apply({ puts: Array.from({ length: 2_000 }, (_, at) => row(`key ${at}`)) })
    table.checkpoint()
    close()
    assert.ok(readFileSync(path).length > 100_000)
    truncateSync(path, 50_000)
    refuses(() => open().apply({ puts: Array.from({ length: 2_000 }, (_, at) => row(`key ${at}`)) }), 'data_damaged')
    close()
    dropTable(path)
    assert.not.ok(existsSync(path))
    open().apply({ puts: [row('a')] })
  },
)

T.run()
