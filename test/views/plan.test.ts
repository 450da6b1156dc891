// Guards what a .proto may say of views: each mistake is told with its method and its place, and what is right becomes a plan.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tableStatements } from '../../host/views/columns.ts'
import { commonTables, placeIn, tokensOf } from '../../host/views/sql.ts'
import { orders, query, Shop } from './shop.ts'

const Plan = suite('plans of views')

const tells = (problems: readonly string[], pattern: RegExp) => assert.match(problems.join('\n'), pattern)
const of = async (rpc: string, sql: string, more = '') => (await Shop.of(orders(query(rpc, sql, more)))).problems
const each = 'Q(Customer) returns (stream OrderRow)'
const row = (fields: string, name = 'RowsView') =>
  Shop.of(
    `message Row { ${fields} } service ${name} { option (innkeeper.view) = { row: "Row", from: ["shop.v1.Order"] }; }`,
  )
const key = 'string id = 1 [(innkeeper.column) = { key: true }];'

Plan('a view is called as its service in lower case, and knows its row by a name in its package', async () => {
  const shop = await Shop.of(orders(query(each, 'SELECT * FROM orders_view WHERE customer = :customer')))
  assert.equal(shop.problems, [])
  const [view] = shop.component.views
  assert.equal(
    [view!.name, view!.service, view!.row, view!.from, view!.key.name],
    ['orders_view', 'shop.v1.OrdersView', 'shop.v1.OrderRow', ['shop.v1.Order'], 'order'],
  )
  assert.equal(
    view!.columns.map(({ name, kind, nullable, index }) => [name, kind, nullable, index]),
    [
      ['order', 'text', false, false],
      ['customer', 'text', false, true],
      ['placed', 'timestamp', true, false],
      ['cents', 'integer', false, false],
      ['state', 'text', false, false],
      ['size', 'unsigned', false, false],
    ],
  )
  const [planned] = view!.queries
  assert.equal([planned!.answer, planned!.reads, planned!.parameters], ['each', ['shop.v1.OrdersView'], ['customer']])
  const { component } = await row(key, 'HTTPCallsOfV2')
  assert.is(component.views[0]!.name, 'http_calls_of_v2')
})

Plan('columns.C2: names that SQL takes for one are refused, generated ones too; another name helps', async () => {
  tells((await row(`${key} string a = 2; string A = 3;`)).problems, /two columns named a and A, which are one name/)
  tells((await row(`${key} uint64 a = 2; string a_text = 3;`)).problems, /two columns named a_text/)
  assert.equal((await row(`${key} string a = 2; string A = 3 [(innkeeper.column) = { name: "b" }];`)).problems, [])
  tells((await row(`${key} string a = 2 [(innkeeper.column) = { name: "b c" }];`)).problems, /no identifier/)
})

Plan('§view-1: a row has one key, which is text or a whole number', async () => {
  tells((await row('string id = 1;')).problems, /Row has no key: mark one field/)
  tells((await row(`${key} string b = 2 [(innkeeper.column) = { key: true }];`)).problems, /two keys, id and b/)
  for (const type of ['double', 'bytes', 'repeated string', 'optional string', 'bool'])
    tells((await row(`${type} id = 1 [(innkeeper.column) = { key: true }];`)).problems, /Row.id cannot be a key/)
  for (const type of ['int32', 'sint64', 'uint64', 'fixed32', 'string'])
    assert.equal((await row(`${type} id = 1 [(innkeeper.column) = { key: true }];`)).problems, [])
})

Plan('a view says what its rows are and where they are from', async () => {
  const { problems } = await Shop.of(`message Row { ${key} }
    service AView { option (innkeeper.view) = { row: "Rwo" }; } service JsonEach { option (innkeeper.view) = { row: "Row", from: ["a"] }; }
    service Plain { ${query('Q(Row) returns (Row)', 'SELECT 1')} } `)
  tells(problems, /AView says no source/)
  tells(problems, /AView has rows of Rwo, which is no message that it knows; did you mean shop.v1.Row\?/)
  tells(problems, /JsonEach would be called json_each in SQL, which is a name of SQLite's/)
  tells(problems, /Plain.Q has \(innkeeper.query\), and its service no \(innkeeper.view\)/)
  const twice =
    await Shop.of(`message Row { ${key} } service AB { option (innkeeper.view) = { row: "Row", from: ["a"] }; }
    service A_B { option (innkeeper.view) = { row: "shop.v1.Row", from: ["a"] }; rpc Q(Row) returns (Row); }`)
  tells(twice.problems, /A_B.Q is a method of a view, and has no \(innkeeper.query\)/)
})

Plan('§view-1, plan.V2: a query is one SELECT, and says so where it is not', async () => {
  for (const [sql, problem] of [
    ['DELETE FROM orders_view', /begins with DELETE: a query is one SELECT/],
    ['EXPLAIN SELECT 1', /begins with EXPLAIN/],
    ['SELECT 1; SELECT 2', /second statement, at character 11 of its SQL/],
    ['SELECT 1;\n\n  DROP TABLE x', /second statement, at line 3, character 3/],
    ['', /has no SQL/],
    ['-- SELECT', /has no SQL/],
  ] as const)
    tells(await of(each, sql), problem)
  for (const sql of [
    "SELECT ';x' AS state;",
    'WITH a AS (SELECT 1) SELECT "b;" AS state FROM a; -- and; so on',
    '/* ; */ select 1',
  ])
    assert.equal(await of(each, sql), [])
})

Plan(
  'plan.V1, plan.V2: a parameter is a field of the request, of a type that SQL has; all problems are told at once',
  async () => {
    tells(
      await of(each, 'SELECT * FROM orders_view WHERE state = :custmer'),
      /:custmer, and shop.v1.Customer has no field custmer; did you mean :customer\?, at character 41/,
    )
    tells(await of(each, 'SELECT :customer(x) AS state'), /no field customer\(x\)/)
    tells(await of(each, 'SELECT ?1 AS state'), /the parameter \?1: write :name/)
    tells(await of(each, 'SELECT $customer AS state, @customer AS x'), /the parameter @customer: write :name/)
    tells(await of(each, 'SELECT * FROM orders_view LIMIT :size'), /a uint64 and cannot be a LIMIT/)
    assert.is((await of(each, 'SELECT :a, :b')).length, 2)
    const nested = await Shop.of(
      orders(
        query('Q(In) returns (stream OrderRow)', 'SELECT :customer.limit, :list'),
        'message In { Customer customer = 1; repeated Customer list = 2; }',
      ),
    )
    assert.is(nested.problems.length, 2)
    tells(nested.problems, /:customer, which is a message: give its fields to the request itself/)
  },
)

Plan('a live query streams a message of one list of rows', async () => {
  const sql = 'SELECT * FROM orders_view'
  assert.equal(await of('Q(Customer) returns (stream Rows)', sql, 'live: true'), [])
  tells(await of('Q(Customer) returns (Rows)', sql, 'live: true'), /is live, and answers one message/)
  tells(await of(each, sql, 'live: true'), /shop.v1.OrderRow is not a message with one repeated field of messages/)
  tells(await of('Q(stream Customer) returns (stream OrderRow)', sql), /a query with a stream of requests/)
})

Plan('sql.Q1: text, comments and quoted names hide what is in them', () => {
  const words = (sql: string) => tokensOf(sql).map(({ kind, text }) => `${kind} ${text}`)
  assert.equal(words(`a':b''c'"d""e"[f;g]\`h\`--:i\n/*:j*/:k x'00' 1.5e3 ?2 é$`), [
    ...['word a', "text ':b''c'", 'quoted d"e', 'quoted f;g', 'quoted h', 'parameter :k', "text x'00'"],
    ...['number 1.5e3', 'parameter ?2', 'word é$'],
  ])
  assert.equal(words("'open"), ["text 'open"])
  assert.equal(words(':a(;b)c :a::b'), ['parameter :a(;b)', 'word c', 'parameter :a::b'])
  assert.is(placeIn('a\nbc', 3), 'line 2, character 2')
  assert.equal(
    commonTables('with recursive A(x, y) as (select 1), "b" AS materialized (select 2) select a as c from A'),
    ['a', 'b'],
  )
})

Plan('sql.Q1: parameters are those that SQLite sees, wherever they stand', () => {
  const db = new DatabaseSync(':memory:')
  const parts = [
    ":a ':b",
    "'",
    '"',
    '`',
    '[',
    ']',
    '--',
    '\n',
    '/*',
    '*/',
    ' ',
    '1',
    '::c',
    '(',
    ')',
    ',',
    '.',
    '+',
    "x'00'",
    '$d',
    'é',
    ':a',
    '@b',
  ]
  let read = 0
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 8 }), (some) => {
      const sql = `SELECT ${some.join('')}`
      let statement: StatementSync
      try {
        statement = db.prepare(sql)
      } catch {
        return
      }
      read += 1
      const parameters = tokensOf(sql).filter(({ kind }) => kind === 'parameter')
      statement.all(Object.fromEntries(parameters.map(({ text }) => [text, 7654321n])))
      assert.is(statement.expandedSQL.split('7654321').length - 1, parameters.length, sql)
    }),
    { numRuns: 20_000 },
  )
  assert.ok(read > 100)
})

Plan('the table and its view are what SQLite is told', async () => {
  const { component } = await row(
    `uint64 id = 7 [(innkeeper.column) = { key: true }]; string order = 2 [(innkeeper.column) = { index: true }];`,
  )
  const [table, index, view] = tableStatements(component.views[0]!)
  assert.is(
    table,
    'CREATE TABLE "$rows" (key TEXT PRIMARY KEY NOT NULL, message BLOB NOT NULL, f7 INTEGER NOT NULL UNIQUE, f2 TEXT NOT NULL) STRICT',
  )
  assert.is(index, 'CREATE INDEX "$by_f2" ON "$rows" (f2)')
  assert.match(
    view!,
    /^CREATE VIEW "rows_view" AS SELECT f7 AS "id", CASE .* END AS "id_text", f2 AS "order" FROM "\$rows"$/,
  )
})

Plan.run()
