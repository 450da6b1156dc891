// Guards views of values and of replicas: rows follow the newest one, and go when it is gone.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { caughtUp, salesWith } from '../support/sales.ts'

const Sources = suite('sources of views')

/** One view over rooms and profiles, in the place of that of sales. */
const proto =
  () => `syntax = "proto3"; package examples.sales.v1; import "innkeeper/options.proto"; import "presence.proto"; import "profile.proto";
  service CartItems {
    option (innkeeper.view) = { row: "Known", from: ["examples.presence.v1.Presence", "examples.profile.v1.Profiles"] };
    rpc All(AllRequest) returns (stream Known) { option (innkeeper.query) = { sql: "SELECT * FROM cart_items ORDER BY key" }; }
  }
  message AllRequest {}
  message Known { string key = 1 [(innkeeper.column) = { key: true }]; string what = 2; int64 count = 3; }`
const code = () => `import { orMap, pnCounter, replicasOf, rows, text, valuesOf, view } from '@innkeeper/sdk'
import { CartItems, Known } from './gen/sales.ts'
import { Presence } from './gen/presence.ts'
import { Profile, Profiles } from './gen/profile.ts'
export default view(CartItems, Known,
  replicasOf(Presence, orMap(text, pnCounter()), {
    updated: rows(
      (room, { entity }) => [...room].map(([user]) => \`\${entity}/\${user}\`),
      (room, known, { entity }) => {
        for (const [user, { value }] of room) known.put(\`\${entity}/\${user}\`, { key: \`\${entity}/\${user}\`, what: 'here', count: value })
      },
    ),
  }),
  valuesOf(Profiles, Profile, {
    updated: ({ name }, _, { entity }) => ({ key: entity, what: name, count: 0n }),
  }),
)`

Sources(
  '§view-2: of values and replicas the newest one is projected, from before the view and after it, and none when it is gone',
  async () => {
    const { path, remove } = temporary()
    const host = await testHost(path)
    try {
      for (const name of ['presence/typescript', 'profile/typescript'])
        assert.ok((await host.deployer.deploy((await component(name)).bytes)).ok)
      const held: Response[] = []
      const join = async (room: string, user: string) => {
        const abort = new AbortController()
        // Held: a response that nobody holds is collected, and its stream is cancelled.
        const response = await fetch(`http://${host.listen}/rooms/${room}/join/${user}`, {
          headers: { accept: 'text/event-stream' },
          signal: abort.signal,
        })
        held.push(response)
        return abort
      }
      const ann = await join('hall', 'ann')
      const deployed = await host.deployer.deploy(await salesWith(code, proto))
      assert.ok(deployed.ok, JSON.stringify(deployed))
      const all = async () => {
        await caughtUp(host)
        const sql = 'SELECT key, count FROM cart_items ORDER BY key'
        return (await http(host.admin, 'POST', '/v1/sql', { sql })).json.rows
      }
      const until = async (wanted: unknown) => {
        for (let tries = 0; tries < 500; tries++) {
          if (JSON.stringify(await all()) === JSON.stringify(wanted)) return
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
        assert.equal(await all(), wanted)
      }
      await until([['hall/ann', 1]])
      const again = await join('hall', 'ann')
      const ben = await join('hall', 'ben')
      await until([
        ['hall/ann', 2],
        ['hall/ben', 1],
      ])
      ann.abort()
      ben.abort()
      await until([['hall/ann', 1]])
      again.abort()
      await until([])
    } finally {
      await host.stop()
      remove()
    }
  },
)

Sources.run()
