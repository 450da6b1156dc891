// Guards that work for all entities of a host at once is done for some of them a turn of the loop: dropping what is idle, waking what was left
// with open streams.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { Activation } from '../../host/entity/activation.ts'
import { OpenStream, tellMax } from '../../host/entity/open-stream.ts'
import { dropMax } from '../../host/entity/portions.ts'
import { wakeMax } from '../../host/entity/waking.ts'
import type { Host } from '../../host/main.ts'
import { component } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { replicas, ScriptClient, scripted } from '../support/scripted.ts'
import { openStore, partitions } from '../support/store.ts'
import { countedInTurns } from '../support/turns.ts'

const All = suite('work for all entities')

All(
  'entities.N6: entities that are idle at once are dropped so many a turn, and come back with what they were',
  async () => {
    const data = temporary()
    let laterMs = 0
    const clock = { ...systemClock, now: () => Date.now() + laterMs }
    const host = await testHost(data.path, { 'passivate-after-ms': '3600000' }, { clock })
    assert.ok((await host.deployer.deploy((await component('counter/typescript')).bytes)).ok)
    const count = 3 * dropMax
    const add = (id: number) => http(host.listen, 'POST', `/counter/c${id}/add`, { amount: 2 })
    await Promise.all(Array.from({ length: count }, (_, id) => add(id)))
    const dropped = countedInTurns(Activation.prototype, 'passivate', () => 1)
    laterMs = 7_200_000
    await eventually(() => dropped.all === count)
    assert.ok(dropped.most <= dropMax, `${dropped.most} were dropped in a turn`)
    assert.is((await add(7)).json.value, '4')
    await host.stop()
    data.remove()
  },
)

All('entities.N6: past the cap of states the least recently used are dropped, so many a turn', async () => {
  const data = temporary()
  const host = await testHost(data.path, { 'activation-state-bytes-max': '1', 'passivate-after-ms': '3600000' })
  assert.ok((await host.deployer.deploy((await component('counter/typescript')).bytes)).ok)
  const count = 3 * dropMax
  const dropped = countedInTurns(Activation.prototype, 'passivate', () => 1)
  await Promise.all(
    Array.from({ length: count }, (_, id) => http(host.listen, 'POST', `/counter/c${id}/add`, { amount: 2 })),
  )
  await eventually(() => dropped.all >= count)
  assert.ok(dropped.most <= dropMax, `${dropped.most} were dropped in a turn`)
  await host.stop()
  data.remove()
})

All('waking.W1: entities that were left with open streams are woken so many a turn, and all hear of it', async () => {
  const data = temporary()
  const first = await testHost(data.path)
  assert.ok((await first.deployer.deploy(await scripted())).ok)
  const client = new ScriptClient(first.listen)
  const note = { cancelled: 'return { operations: [add(10)], answer: none() }' }
  const code = `return { operations: [create('pnCounter'), add(1)], answer: say('opened'), subscribe: ${JSON.stringify(note)} }`
  const count = 2 * wakeMax + 5
  const streams = Array.from({ length: count }, (_, id) => client.listen(replicas, 'Open', `w${id}`, code))
  await Promise.all(streams.map((stream) => stream.until(1)))
  await first.stop()
  const store = await openStore(data.path, { log: () => {} })
  const woken = store.journals.map((journal) => countedInTurns(journal, 'subscribed', (found) => found.length))
  const host: Host = await testHost(data.path, {}, { store })
  await eventually(() => woken.reduce((sum, { all }) => sum + all, 0) === count)
  const most = Math.max(...woken.map(({ most }) => most))
  assert.ok(most <= wakeMax && (partitions > 1 || most === wakeMax), `${most} in a turn`)
  await eventually(() => store.journals.every((journal) => journal.subscribed(undefined, 1).length === 0))
  for (const id of [0, wakeMax, count - 1]) {
    const state = await http(host.admin, 'GET', `/v1/services/${replicas}/entities/w${id}/state`)
    assert.equal(state.json.state, { pnCounter: { value: '11' } })
  }
  await host.stop()
  data.remove()
})

All('streams of an entity end so many a turn when another version takes over', async () => {
  const data = temporary()
  const host = await testHost(data.path)
  assert.ok((await host.deployer.deploy(await scripted())).ok)
  const client = new ScriptClient(host.listen)
  const code = "return { operations: [create('pnCounter')], answer: say('opened'), subscribe: {} }"
  const count = 2 * tellMax + 5
  const streams = Array.from({ length: count }, () => client.listen(replicas, 'Open', 'one', code))
  await Promise.all(streams.map((stream) => stream.until(1)))
  const ended = countedInTurns(OpenStream.prototype, 'fail', () => 1)
  assert.ok((await host.deployer.deploy(await scripted((text) => `${text}\n// another version`))).ok)
  for (const stream of streams) assert.is(await stream.ended(), 14)
  assert.equal([ended.most, ended.all], [tellMax, count])
  client.close()
  await host.stop()
  data.remove()
})

All.run()
