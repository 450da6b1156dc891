// Guards effects and forwards across kinds of services (A8, A9, B1.1 to B1.3): once, in order, awaited, tried again, parked.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Store } from '../../host/journal/catalog.ts'
import type { Write } from '../../host/journal/kv.ts'
import { KvCatalog } from '../../host/journal/kv-catalog.ts'
import { KvJournal } from '../../host/journal/kv-journal.ts'
import { MemoryKv } from '../../host/journal/memory.ts'
import type { Host } from '../../host/main.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { ScriptClient, scripted, values } from '../support/scripted.ts'

/** Writes fail while it says so, and nothing of them is done. */
class FailingKv extends MemoryKv {
  failing = false

  override write(writes: readonly Write[]): void {
    if (this.failing) throw new Error('no space left on device')
    super.write(writes)
  }

  override async reopen(): Promise<void> {
    if (this.failing) throw new Error('still failing')
  }
}

const kv = new FailingKv()
const store: Store = {
  journal: new KvJournal(kv, () => {}),
  catalog: new KvCatalog(kv),
  replica: 'effects-test',
  note() {},
}
const data = temporary()
/** Time that the test can let pass. */
let ahead = 0
const clock = { now: () => Date.now() + ahead }
const host: Host = await testHost(data.path, {}, { store, clock })
assert.ok((await host.deployer.deploy(await scripted())).ok)
const client = new ScriptClient(host.listen)

const value = (id: string, code: string, headers: Record<string, string> = {}) =>
  client.call(values, 'Do', id, code, headers)

const text = (code: string) => JSON.stringify(code)
/** One more, and the count as the answer. */
const count = 'const n = String(Number(value ?? 0) + 1); return { change: { updated: n }, outcome: say(n) }'
const put = (what: string) => `return { change: { updated: '${what}' }, outcome: say('') }`
const show = async (id: string): Promise<string> =>
  (await value(id, 'return { outcome: say(value ?? "nothing") }')).text
/** Counts once the value of it is "open"; refuses before. */
const gated = `if (value === undefined) return { outcome: refuse('unavailable', 'not yet') }; ${count}`
const effects = async () => (await http(host.admin, 'GET', '/v1/effects')).json.effects
const change = { 'content-type': 'application/json' }

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}
const settled = () => until(async () => (await effects()).length === 0)

const Once = suite('effects arrive once')

Once('A8: an effect given up by hand while it waits for its next try is not tried again', async () => {
  await value('drop', `return { outcome: say('', { effects: [effect('Values', 'Do', 'dropped', ${text(gated)})] }) }`)
  await until(async () => (await effects())[0]?.attempts === 2)
  const [{ id }] = await effects()
  assert.is((await http(host.admin, 'DELETE', `/v1/effects/${id}`, undefined, change)).status, 200)
  await value('dropped', put('0'))
  // Longer than the wait that was under way.
  await new Promise((resolve) => setTimeout(resolve, 800))
  assert.is(await show('dropped'), '0')
})

Once('A8, A14: an effect that waits for its next try while storage fails and comes back arrives once', async () => {
  await value('sf', `return { outcome: say('', { effects: [effect('Values', 'Do', 'sf-target', ${text(gated)})] }) }`)
  await until(async () => (await effects())[0]?.attempts === 2)
  kv.failing = true
  assert.is((await value('sf-other', put('x'))).code, 14)
  kv.failing = false
  await until(async () => (await http(host.admin, 'GET', '/readyz')).status === 200)
  await value('sf-target', put('0'))
  await settled()
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  assert.is(await show('sf-target'), '1')
})

Once('A8: an effect whose target waits for effects of its own, longer than a try may take, arrives once', async () => {
  // The target accepts, and then waits for an effect that is refused again and again.
  const target = `const n = String(Number(value ?? 0) + 1); return { change: { updated: n }, outcome: say(n, { effects: [effect('Values', 'Do', 'slow-last', ${text(gated)}, true)] }) }`
  await value(
    'slow',
    `return { outcome: say('', { effects: [effect('Values', 'Do', 'slow-target', ${text(target)})] }) }`,
  )
  await until(async () => (await show('slow-target')) === '1')
  ahead += 61_000
  await new Promise((resolve) => setTimeout(resolve, 700))
  await value('slow-last', put('0'))
  await settled()
  assert.equal([await show('slow-target'), await show('slow-last')], ['1', '1'])
})

Once('A8: a target that forwards after effects that take longer than a try, decides once', async () => {
  const target = `const n = String(Number(value ?? 0) + 1); return { change: { updated: n }, outcome: forward('Values', 'Do', 'fslow-end', ${text(count)}, { effects: [effect('Values', 'Do', 'fslow-last', ${text(gated)}, true)] }) }`
  await value(
    'fslow',
    `return { outcome: say('', { effects: [effect('Values', 'Do', 'fslow-target', ${text(target)})] }) }`,
  )
  await until(async () => (await show('fslow-target')) === '1')
  ahead += 61_000
  await new Promise((resolve) => setTimeout(resolve, 700))
  await value('fslow-last', put('0'))
  await settled()
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.equal([await show('fslow-target'), await show('fslow-last'), await show('fslow-end')], ['1', '1', '1'])
})

Once.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Once.run()
