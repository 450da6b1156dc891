// Guards that views are built: a project may have nothing else, and what does not fit its .proto is told where it is.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { interfaces } from '../../host/guest/layout.ts'
import { load } from '../../host/guest/load.ts'
import { checkViewLaws } from '../../host/laws/laws.ts'
import { defaultLimits } from '../../host/limits.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { buildProject } from '../support/building.ts'
import { linked } from '../support/linked.ts'
import { problemsOf, withProject } from '../support/project.ts'

const proto = `syntax = "proto3";
package shop.v1;
import "innkeeper/options.proto";

service Orders {
  rpc Place(Order) returns (Order);
}

service OrdersView {
  option (innkeeper.view) = {row: "OrderRow", from: ["shop.v1.Orders"]};
  rpc All(Order) returns (stream OrderRow) {
    option (innkeeper.query) = {sql: "SELECT id, cents FROM orders_view"};
  }
}

message Order {
  string id = 1 [(innkeeper.entity_key) = true];
  int64 cents = 2;
}
message OrderRow {
  string id = 1 [(innkeeper.column) = {key: true}];
  int64 cents = 2;
}
message Placed {
  int64 cents = 1;
}
message Cancelled {}
`
const source = `import { eventsOf, view } from '@innkeeper/sdk'
import { OrderRow, Orders, OrdersView } from './gen/shop.ts'
export default view(OrdersView, OrderRow,
  eventsOf(Orders, {
    Placed: ({ cents }, row, { entity }) => ({ id: entity, cents: (row?.cents ?? 0n) + cents }),
    Cancelled: () => undefined,
  }),
)
`
const project = (of = source, said = proto) => ({
  'proto/tally.proto': '',
  'proto/shop.proto': said,
  'src/service.ts': of,
  'test/service.test.ts': '',
})
const change = (text: string, from: string, to: string): string => {
  assert.ok(text.includes(from), from)
  return text.replace(from, to)
}

const Views = suite('views are built')

Views('a project may have a view alone', async () => {
  await withProject(project(), async (folder) => {
    const { file, services, others } = await buildProject(folder, { out: join(folder, 'shop.wasm') })
    assert.equal([services, others], [['shop.v1.OrdersView'], ['shop.v1.Orders']])
    const made = await linked(new Uint8Array(readFileSync(file)), defaultLimits)
    assert.ok(made.ok, JSON.stringify(made))
    if (!made.ok) return
    const { artefact } = made
    assert.equal(Object.keys(artefact.plan.exports).sort(), [interfaces.about, interfaces.view])
    const [described] = artefact.description.viewServices
    assert.equal(described, {
      name: 'shop.v1.OrdersView',
      rowType: 'shop.v1.OrderRow',
      sources: [{ service: 'shop.v1.Orders', kind: 'event-sourced', types: ['shop.v1.Cancelled', 'shop.v1.Placed'] }],
    })
    const schema = loadSchema(artefact.description.descriptors)
    assert.equal(checkViewLaws(described!, schema, () => load(artefact, defaultLimits), 1).broken, [])
  })
})

Views('a view of replicated values is tried on those that their service makes', async () => {
  const rooms = `syntax = "proto3";
    package shop.v1;
    import "innkeeper/options.proto";
    service Rooms { rpc Enter(Guest) returns (Guest); }
    service RoomsView {
      option (innkeeper.view) = {row: "Room", from: ["shop.v1.Rooms"]};
      rpc All(Guest) returns (stream Room) { option (innkeeper.query) = {sql: "SELECT id, guests FROM rooms_view"}; }
    }
    message Guest { string id = 1 [(innkeeper.entity_key) = true]; string name = 2; }
    message Room { string id = 1 [(innkeeper.column) = {key: true}]; int32 guests = 2; }`
  const of = (guests: string) => `import { accept, orSet, replicasOf, replicated, text, view } from '@innkeeper/sdk'
    import { Room, Rooms, RoomsView } from './gen/shop.ts'
    const set = orSet(text)
    const rooms = replicated(Rooms, {
      value: set,
      decide: { enter: (room, guest) => accept(room.add(guest.name)).reply(guest) },
    })
    const seen = view(RoomsView, Room,
      replicasOf(Rooms, set, { updated: (room, row, { entity }) => ({ id: entity, guests: ${guests} }) }))
    export default [rooms, seen]`
  for (const [guests, broken] of [
    ['room.size', /^$/],
    [
      '(row?.guests ?? 0) + room.size',
      /L7: rows depend on values that are not their entity's newest: .* on Rooms "\w" View 0x/,
    ],
  ] as const) {
    await withProject(project(of(guests), rooms), async (folder) => {
      const { file } = await buildProject(folder, { out: join(folder, 'rooms.wasm') })
      const made = await linked(new Uint8Array(readFileSync(file)), defaultLimits)
      assert.ok(made.ok, JSON.stringify(made))
      if (!made.ok) return
      const { description } = made.artefact
      const schema = loadSchema(description.descriptors)
      const fresh = () => load(made.artefact, defaultLimits)
      assert.match(checkViewLaws(description.viewServices[0]!, schema, fresh, 1).broken.join(), broken)
    })
  }
})

Views('what a view takes or makes otherwise than its .proto says is told at the service', async () => {
  const other = change(source, 'view(OrdersView, OrderRow', 'view(OrdersView, Row')
  const rows = change(other, 'OrderRow, Orders,', 'Order as Row, Orders,')
  assert.equal(await problemsOf(project(rows)), [
    'proto/shop.proto:9:1: shop.v1.OrdersView: its row is shop.v1.OrderRow in the .proto, and shop.v1.Order in the code',
  ])
  const more = change(proto, 'from: ["shop.v1.Orders"]', 'from: ["shop.v1.Orders", "shop.v1.Carts"]')
  assert.equal(await problemsOf(project(source, more)), [
    'proto/shop.proto:9:1: shop.v1.OrdersView: it takes nothing of shop.v1.Carts, which `from` names',
  ])
})

Views('view.T1: a handler of no message, and a row of another type, are compile errors', async () => {
  const unknown = await problemsOf(project(change(source, 'Cancelled:', 'Canceled:')))
  assert.match(unknown.join(), /src\/service\.ts:6:5: .*Canceled/)
  const wrong = await problemsOf(project(change(source, 'cents: (row', 'cent: (row')))
  assert.match(wrong.join(), /src\/service\.ts:5:\d+: /)
})

Views.run()
