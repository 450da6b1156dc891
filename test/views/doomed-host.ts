// A host that is about to be killed: it has a writer, and a reader in the middle of an endless query. It prints their numbers.

import { systemClock } from '../../host/clock.ts'
import { Tables } from '../../host/views/tables.ts'
import { limits, orders, query, Shop } from './shop.ts'

const shop = await Shop.of(
  orders(
    query(
      'Endless(Customer) returns (stream OrderRow)',
      'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS cents FROM c, orders_view',
    ),
  ),
)
const tables = new Tables(process.argv[2]!, { ...limits, viewsQueryMs: 600_000 }, systemClock, console.error)
await tables.open(shop.table('OrdersView', 'orders.db'))
await tables.apply(shop.table('OrdersView', 'orders.db'), { puts: [shop.bytes('OrderRow', { order: 'a' })] })
const files = new Map([['shop.v1.OrdersView', 'orders.db']])
// The first starts the process, and knows nothing after a moment but that it is up.
await tables.raw([], 'SELECT 1')
void tables.query(shop.component, shop.query('Endless'), files, new Uint8Array())
setTimeout(() => console.log(JSON.stringify([tables.processes.writer, ...tables.processes.readers])), 300)
