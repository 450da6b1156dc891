// Guards that looking at a host changes nothing, and that whoever changes something is told what it was.

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../host/clock.ts'
import { systemClock } from '../../host/clock.ts'
import { columns } from '../../host/storage/columns.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { ScriptClient, scripted, values } from '../support/scripted.ts'
import { memoryStore } from '../support/store.ts'

/** Nothing runs by itself. */
const timer = { cancel() {}, unref: () => timer }
const clock: Clock = { ...systemClock, every: () => timer }

const store = memoryStore()
const data = temporary()
const host = await testHost(data.path, {}, { store, clock })
assert.ok((await host.deployer.deploy(await scripted())).ok)
const client = new ScriptClient(host.listen)

const paths = [
  ...readFileSync(new URL('../../docs/admin-api.md', import.meta.url), 'utf8').matchAll(/^\| `GET ([^`]+)` \|/gm),
]
  .map(([, path]) => path!.replace('{service}', values).replace('{entity}', 'a'))
  .flatMap((path) => (path.endsWith('/entities') ? [path, `${path}?stuck`] : [path]))

/** Every row, as text. */
function rows(): readonly string[] {
  const everything = { from: Buffer.alloc(1), to: Buffer.of(255, 255), limit: 1e6 }
  return columns.flatMap((column) =>
    store.kv.range(column, everything).map((bytes) => `${column} ${Buffer.from(bytes).toString('hex')}`),
  )
}

const effects = async () => (await http(host.admin, 'GET', '/v1/effects')).json.effects

const Reading = suite('reading by the admin port')

Reading('api.P2: whatever is looked at, what is stored stays as it is', async () => {
  const refused = JSON.stringify("return { outcome: refuse('invalid_argument', 'no') }")
  const effect = `effect('Values', 'Do', 'b', ${refused})`
  await client.call(
    values,
    'Do',
    'a',
    `return { change: { updated: 'x' }, outcome: say('', { effects: [${effect}] }) }`,
  )
  await eventually(async () => (await effects())[0]?.parked != null)
  const before = rows()
  assert.ok(paths.length > 10)
  for (const path of paths) assert.is((await http(host.admin, 'GET', path)).status, 200, path)
  assert.equal(rows(), before)
})

Reading('api.P2: an effect that is removed is told as it was', async () => {
  const [effect] = await effects()
  const removed = await http(host.admin, 'DELETE', `/v1/effects/${effect.id}`, {})
  assert.equal(removed.json, effect)
  assert.equal(await effects(), [])
})

Reading.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Reading.run()
