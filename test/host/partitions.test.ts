// Guards directories with several partitions: where entities lie, ids of effects, and that what goes from one partition to another arrives once, over
// kill -9, too.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as moment } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Placement } from '../../host/placement.ts'
import { openStore } from '../../host/store/rocksdb.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary, testHost } from '../support/host.ts'
import { runInn } from '../support/inn.ts'
import { ScriptClient, scripted, values } from '../support/scripted.ts'

const Partitioned = suite('partitions')

const json = { 'content-type': 'application/json' }
const show = 'return { outcome: say(value ?? 0) }'
const more = "{ change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('') }"
/** Adds one to its own value, and has another entity do so. */
const both = (other: string) =>
  `return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('', { effects: [effect('Values', 'Do', '${other}', ${JSON.stringify(`return ${more}`)})] }) }`
/** Its effect is forwarded by its target to a third entity, and by that to a fourth. */
const onward = (other: string, third: string, fourth: string) => {
  const last = `return ${more}`
  const again = `return { outcome: forward('Values', 'Do', '${fourth}', ${JSON.stringify(last)}) }`
  const forwarded = `return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: forward('Values', 'Do', '${third}', ${JSON.stringify(again)}) }`
  return `return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('', { effects: [effect('Values', 'Do', '${other}', ${JSON.stringify(forwarded)})] }) }`
}

async function settled(host: { admin: string }): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const { json } = await http(host.admin, 'GET', '/v1/effects')
    if (json?.effects?.length === 0) return
    await moment(20)
  }
  assert.unreachable('effects did not arrive')
}

Partitioned('placement.P1: an entity is always in the same partition, and many spread evenly over all', () => {
  for (const count of [1, 2, 4, 64]) {
    const placement = new Placement(count)
    const held = Array.from({ length: count }, () => 0)
    for (let at = 0; at < 20_000; at++) {
      const partition = placement.ofEntity(at % 7, `entity-${at}`)
      assert.is(partition, placement.ofEntity(at % 7, `entity-${at}`))
      held[partition]! += 1
    }
    const part = 20_000 / count
    for (const entities of held) assert.ok(entities > 0.6 * part && entities < 1.4 * part, `${entities} of ${part}`)
  }
  // For ever: these are the partitions that directories have.
  const placement = new Placement(64)
  assert.equal(
    [placement.ofEntity(1, 'a'), placement.ofEntity(2, 'a'), placement.ofEntity(1, ''), placement.ofEntity(1, 'ü')],
    fixed,
  )
})

const fixed = [21, 47, 1, 20]

Partitioned(
  'placement.P2: an effect is where its id came from, and what a call sends where its effect or its request id is',
  () => {
    const placement = new Placement(4)
    for (const id of [0, 1, 7, 4_002]) {
      assert.is(placement.ofEffect(id), id % 4)
      // Of a call that delivers an effect the request id says nothing.
      for (const requestId of ['a', 'b', 'c']) assert.is(placement.ofCall({ effect: { id }, requestId }), id % 4)
    }
    const held = Array.from({ length: 1_000 }, (_, at) => placement.ofCall({ effect: undefined, requestId: `${at}` }))
    for (let partition = 0; partition < 4; partition++)
      assert.ok(held.filter((of) => of === partition).length > 150, `${partition}`)
    assert.equal(
      held,
      Array.from({ length: 1_000 }, (_, at) => new Placement(4).ofCall({ effect: undefined, requestId: `${at}` })),
    )
  },
)

Partitioned(
  '§storage-8: the number of partitions is fixed when a directory is made; another one is refused, and both are named',
  async () => {
    const data = temporary()
    try {
      const directory = join(data.path, 'data')
      const first = await testHost(directory, { partitions: '3' })
      assert.is(first.partitions, 3)
      await first.stop()
      const wrong = await runInn(data.path, [
        'up',
        '--data',
        directory,
        '--partitions',
        '5',
        '--listen',
        '127.0.0.1:0',
        '--admin',
        '127.0.0.1:0',
      ])
      assert.is(wrong.code, 1)
      assert.match(wrong.err, 'was made with 3 partitions, and --partitions says 5')
      const config = await runInn(data.path, ['up', '--data', directory, '--partitions', '0'])
      assert.match(config.err, 'expected a whole number from 1 to 1024')
      // Without the flag it has what it was made with.
      const store = await openStore(directory, { log() {} })
      assert.is(store.journals.length, 3)
      await store.close()
    } finally {
      data.remove()
    }
  },
)

Partitioned(
  'stored.S1, partition.P1: entities of all partitions are listed in one order, counted, shown and purged',
  async () => {
    const data = temporary()
    const host = await testHost(join(data.path, 'data'), { partitions: '4' })
    const client = new ScriptClient(host.listen)
    try {
      assert.ok((await host.deployer.deploy(await scripted())).ok)
      const ids = Array.from({ length: 40 }, (_, at) => `e${String(at).padStart(2, '0')}`)
      for (const id of ids) assert.is((await client.call(values, 'Do', id, `return ${more}`)).code, 0)
      const listed: string[] = []
      for (let after: string | null = ''; after !== null; ) {
        const query: string = after === '' ? 'limit=7' : `limit=7&after=${after}`
        const { json: page } = await http(host.admin, 'GET', `/v1/services/${values}/entities?${query}`)
        listed.push(...page.entities.map(({ id }: { id: string }) => id))
        after = page.next
      }
      assert.equal(listed, ids)
      const state = await http(host.admin, 'GET', `/v1/services/${values}/entities/e07/state`)
      assert.is(state.status, 200)
      const used = async () => {
        const { text } = await http(host.admin, 'GET', '/metrics')
        return Number(/^innkeeper_service_disk_bytes\{service="test\.script\.v1\.Values"\} (.*)$/m.exec(text)?.[1] ?? 0)
      }
      assert.ok((await used()) > 0)
      assert.is((await http(host.admin, 'DELETE', `/v1/services/${values}?purge`, undefined, json)).status, 200)
      assert.ok((await host.deployer.deploy(await scripted())).ok)
      for (const id of ids) assert.is((await client.call(values, 'Do', id, show)).text, '0')
      assert.is(await used(), 0)
    } finally {
      client.close()
      await host.stop()
      data.remove()
    }
  },
)

Partitioned(
  '§effect-1, §storage-3, outbox.O9, partition.P2: effects and their forwards between partitions arrive once, over kill -9, and leave nothing behind',
  async () => {
    const data = temporary()
    const directory = join(data.path, 'data')
    const file = join(data.path, 'scripted.wasm')
    writeFileSync(file, await scripted())
    let host: HostProcess = await hostProcess(directory, [file, '--partitions', '4'])
    let acknowledged = 0
    let sent = 0
    try {
      for (let round = 0; round < 5; round++) {
        const client = new ScriptClient(host.listen)
        const load = Array.from({ length: 6 }, async (_, worker) => {
          for (let at = worker; ; at += 6) {
            sent += 1
            const code = at % 2 === 0 ? both(`b${at % 16}`) : onward(`b${at % 16}`, `c${at % 8}`, `d${at % 8}`)
            if ((await client.call(values, 'Do', `a${at % 16}`, code)).code !== 0) return
            acknowledged += 1
          }
        })
        await moment(250 + 70 * round)
        await host.kill()
        await Promise.all(load)
        client.close()
        host = await hostProcess(directory)
        await settled(host)
        const after = new ScriptClient(host.listen)
        const total = async (name: string, count: number) => {
          let sum = 0
          for (let at = 0; at < count; at++) sum += Number((await after.call(values, 'Do', `${name}${at}`, show)).text)
          return sum
        }
        const [a, b] = [await total('a', 16), await total('b', 16)]
        assert.ok(a >= acknowledged && a <= sent, `${a} of ${acknowledged} to ${sent}`)
        assert.is(b, a, 'each has caused one')
        after.close()
      }
      host.child.kill('SIGTERM')
      await new Promise((resolve) => host.child.once('exit', resolve))
      const store = await openStore(directory, { log() {} })
      for (const journal of store.journals) {
        assert.equal([journal.outbox(0, 10), journal.receipts(0, 10)], [[], []])
        assert.ok(journal.lastCommit() > 0)
      }
      await store.close()
    } finally {
      await host.kill()
      data.remove()
    }
  },
)

Partitioned.run()
