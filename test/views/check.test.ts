// Guards what SQLite is asked before a query serves: what may be read and called, what fits the reply, what fails on rows.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toJson } from '../../host/transcode/to-json.ts'
import { tableStatements } from '../../host/views/columns.ts'
import { checkQuery } from '../../host/views/process/check.ts'
import { Connection } from '../../host/views/process/connection.ts'
import { Generator } from '../../host/views/process/generated.ts'
import { orders, query, Shop } from './shop.ts'

const Check = suite('checks of queries')
const bounds = { rowsMax: 1_000, bytesMax: 1024 * 1024 }
const more = `message Any { int64 n = 1; string text = 2; double real = 3; uint64 size = 4; google.protobuf.Timestamp placed = 5; bool flag = 6;
  repeated string tags = 7; OrderRow row = 8; }
  message ItemRow { string item = 1 [(innkeeper.column) = { key: true }]; string order = 2 [(innkeeper.column) = { index: true }];
    repeated string tags = 3; }
  service ItemsView { option (innkeeper.view) = { row: "ItemRow", from: ["shop.v1.Order"] }; }`

/** All in one: compiling is dear. */
const checks: Record<string, { readonly sql: string; readonly problem: RegExp | undefined }> = {}
const told = (name: string, sql: string, problem?: RegExp) => (checks[name] = { sql, problem })

told('Star', 'SELECT * FROM orders_view', /has the column order in its result, and shop.v1.Any no field of that name/)
told('Fits', 'SELECT cents AS n, state AS text, size, placed FROM orders_view WHERE customer = :customer')
told('Joined', 'SELECT o.cents AS n, i.tags FROM orders_view o JOIN items_view AS i ON i."order" = o."order"')
told(
  'Column',
  'SELECT cents AS n\nFROM orders_view WHERE custmer = 1',
  /no such column: custmer, at line 2, character 24 of its SQL; did you mean customer\?/,
)
told('Table', 'SELECT n FROM order_view', /no such table: order_view, at character 15 of its SQL/)
told('Syntax', 'SELECT cents AS n FROM orders_view WHERE GROUP', /near "GROUP": syntax error, at character 42/)
told(
  'Named',
  'SELECT cents AS nn FROM orders_view',
  /has the column nn in its result, and shop.v1.Any no field of that name; did you mean n\?/,
)
told('Unnamed', 'SELECT count(*) FROM orders_view', /the column count\(\*\) in its result.*name it with AS/)
told('Twice', 'SELECT cents AS n, cents AS n FROM orders_view', /two columns named n/)
told(
  'Type',
  'SELECT state AS n FROM orders_view',
  /gives the column state, which is a string, to shop.v1.Any.n, which is an integer/,
)
told('Type2', 'SELECT placed AS flag FROM orders_view', /which is a timestamp, to shop.v1.Any.flag, which is a bool/)
told(
  'Value',
  "SELECT cents || 'x' AS n FROM orders_view",
  /fails on generated rows: the column n is text of \d+ characters where an integer is expected/,
)
told('Average', 'SELECT avg(cents) AS n FROM orders_view', /the column n is the real number .* where an integer/)
told('Real', 'SELECT avg(cents) AS real FROM orders_view')
told('Sum', 'SELECT sum(cents) AS n, total(cents) AS real FROM orders_view')
told('Least', 'SELECT min(size) AS size FROM orders_view', /is the integer -\d+, which is no uint64/)
told('First', 'SELECT (SELECT size FROM orders_view ORDER BY size LIMIT 1) AS size')
told('Message', "SELECT json_object('order', \"order\", 'cents', cents) AS row FROM orders_view")
told('Ids', 'SELECT cents AS n FROM orders_view WHERE cents IN (SELECT value FROM json_each(:ids))')
told('Tags', 'SELECT value AS text FROM items_view, json_each(items_view.tags)')
told(
  'Windows',
  'SELECT row_number() OVER (ORDER BY placed) AS n, lag(state) OVER (ORDER BY placed) AS text FROM orders_view',
)
told('Dates', "SELECT strftime('%Y', placed) AS text, date('now') AS placed FROM orders_view")
told(
  'Recursive',
  'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5) SELECT count(*) AS n FROM c',
)
told(
  'Endless',
  'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS n FROM c',
  /more than 1000 rows/,
)
for (const [name, call] of Object.entries({
  Random: 'random()',
  Bytes: 'hex(randomblob(4))',
  Load: "load_extension('x')",
  Files: "readfile('/etc/passwd')",
  Version: 'sqlite_version()',
  Changes: 'changes()',
  Inserted: 'last_insert_rowid()',
}))
  told(name, `SELECT ${call} AS text`, /function/)
told('Schema', 'SELECT sql AS text FROM sqlite_schema', /reads sqlite_(?:schema|master), which is no view/)
told('Count', 'SELECT count(*) AS n FROM sqlite_schema', /which is no view/)
told(
  'Pragma',
  "SELECT name AS text FROM pragma_table_info('orders_view')",
  /refused|no view|nothing else|else than reading/,
)
told('Pragma2', 'SELECT count(*) AS n FROM pragma_database_list', /no view|else than reading/)
told('Pages', 'SELECT name AS text FROM dbstat', /no view/)
told('Inside', 'SELECT message AS text FROM orders_view, "$rows"', /reads \$rows, which is no view/)
told('Sources', 'SELECT count(*) AS n FROM "$sources"', /no such table|no view/)
told(
  'Writes',
  'WITH a AS (SELECT 1) INSERT INTO orders_view SELECT * FROM a',
  /else than reading|cannot modify|refused/,
)
told('Deletes', 'WITH a AS (SELECT * FROM orders_view) DELETE FROM "$rows"', /else than reading|reads/)
told('Name', 'SELECT cents AS n FROM v0.orders_view')

const shop = await Shop.of(
  orders(
    Object.entries(checks)
      .map(([name, { sql }]) => query(`${name}(Customer) returns (stream Any)`, sql))
      .join('\n') + query('All(Customer) returns (stream OrderRow)', 'SELECT * FROM orders_view'),
    more,
  ),
)
assert.equal(shop.problems, [])
const problemsOf = (method: string) => checkQuery(shop.schema, shop.component.views, shop.query(method), bounds)

for (const [name, { sql, problem }] of Object.entries(checks))
  Check(`allowed.A1, check.K1: ${sql} is ${problem === undefined ? 'fine' : 'refused'}`, () => {
    const problems = problemsOf(name)
    if (problem === undefined) assert.equal(problems, [])
    else assert.match(problems.join('\n'), problem)
  })

Check('generated messages are of any type, and none is long', async () => {
  const many = Array.from({ length: 60 }, (_, at) => `repeated Tree t${at} = ${at + 2}; `).join('')
  const { schema } = await Shop.of(
    `message Tree { string id = 1; ${many} map<string, Tree> named = 100; oneof one { Tree a = 101; int64 b = 102; } }`,
  )
  const tree = schema.messages.get('shop.v1.Tree')!
  const generator = new Generator(1, 'all')
  for (let left = 10; left > 0; left--) {
    const bytes = generator.message(tree)
    assert.ok(bytes.length > 100 && bytes.length < 50_000, `${bytes.length} bytes`)
    assert.ok(toJson(schema, tree, bytes).startsWith('{"id":'))
  }
})

Check('SELECT * answers rows, and generated columns are left out', () => {
  assert.equal(problemsOf('All'), [])
})

/** A connection to an empty table in memory. */
function connected(): Connection {
  const [view] = shop.component.views
  return new Connection([{ view: view!, path: undefined }], bounds, (db) => {
    for (const statement of tableStatements(view!, 'v0.')) db.exec(statement)
  })
}

Check('an index of a row is used through the view, and so is the key', () => {
  const connection = connected()
  connection.reopen()
  const plan = (sql: string) =>
    (connection.db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as unknown as unknown[][]).map((row) => row[3]).join('; ')
  assert.is(plan("SELECT * FROM orders_view WHERE customer = 'a'"), 'SEARCH $rows USING INDEX $by_f2 (f2=?)')
  assert.match(
    plan(`SELECT * FROM orders_view WHERE "order" = 'a'`),
    /^SEARCH \$rows USING INDEX sqlite_autoindex_\$rows_1 \(key=\?\)$/,
  )
  assert.match(
    plan('SELECT customer FROM orders_view ORDER BY customer LIMIT 1'),
    /^SCAN \$rows USING COVERING INDEX \$by_f2$/,
  )
  connection.end()
})

Check('§view-10, connection.X1: nothing can be attached, set or written once the doors are closed', () => {
  const connection = connected()
  for (const sql of [
    "ATTACH '/tmp/x.db' AS x",
    'DETACH v0',
    'PRAGMA query_only = OFF',
    'PRAGMA temp_store_directory',
    'DELETE FROM v0."$rows"',
    'CREATE TABLE x (y)',
    'CREATE TEMP TABLE x (y)',
    'BEGIN',
    'SAVEPOINT a',
    "VACUUM INTO '/tmp/x.db'",
    'ANALYZE',
    'REINDEX',
    'EXPLAIN SELECT * FROM sqlite_schema',
  ])
    assert.throws(() => connection.db.prepare(sql).all(), /./, sql)
  connection.end()
})

Check('connection.X2: a value is no longer than an answer, and temporary tables stay in memory', () => {
  const connection = connected()
  const run = (sql: string) => connection.prepare(sql).statement.all()
  assert.throws(() => run(`SELECT zeroblob(${bounds.bytesMax + 1})`), /too big/)
  assert.is(run(`SELECT length(zeroblob(${bounds.bytesMax - 100}))`).length, 1)
  connection.reopen()
  assert.equal(connection.db.prepare('PRAGMA temp_store').all(), [[2n]] as never)
  connection.end()
})

Check.run()
