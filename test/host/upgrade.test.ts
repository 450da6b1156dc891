// Guards upgrades: a new version takes over between two turns, one that cannot replay leaves the entity stuck and readable, and
// snapshots are only a cache.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer } from '../../host/command.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { fixture } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { memoryStore } from '../support/store.ts'

const Upgrade = suite('upgrade')
const odd = 'test.odd.v1.Odd'

Upgrade(
  '§fault-6: a version that cannot replay leaves the entity stuck: refused, listed, readable, freed by one that can',
  async () => {
    const data = temporary()
    const host = await testHost(data.path)
    try {
      const deploy = async (name: string, force = false) =>
        assert.ok((await host.deployer.deploy((await fixture(name)).bytes, { force })).ok)
      const act = (id: string, what: string, amount = 0) => http(host.listen, 'POST', `/odd/${id}/do`, { what, amount })
      const admin = (path: string) => http(host.admin, 'GET', `/v1/services/${odd}${path}`)
      await deploy('odd')
      for (const amount of [1, 13]) await act('unlucky', 'add', amount)
      await act('lucky', 'add', 7)
      await deploy('odd-two', true)
      assert.is((await act('lucky', 'read')).json.note, 'two')
      const refused = await act('unlucky', 'read')
      assert.is(refused.status, 400)
      assert.is(refused.json.code, 9)
      assert.match(refused.json.message, /"unlucky" cannot be read: deployment 2 fails at its event 2/)
      assert.equal(
        (await admin('/entities?stuck')).json.entities.map((entity: { id: string }) => entity.id),
        ['unlucky'],
      )
      assert.is((await admin('/entities/unlucky/journal')).json.records.length, 2)
      await deploy('odd')
      assert.is((await act('unlucky', 'read')).json.total, '14')
      assert.equal((await admin('/entities?stuck')).json.entities, [])
      const history = (await admin('')).json.history
      assert.equal(
        history.map((version: { deployment: number; active: boolean }) => [version.deployment, version.active]),
        [
          [1, false],
          [2, false],
          [3, true],
        ],
      )
    } finally {
      await host.stop()
      data.remove()
    }
  },
)

Upgrade(
  'services.S1, services.S2: a directory stays what it was, and each deployment makes its services anew',
  async () => {
    const data = temporary()
    const host = await testHost(data.path)
    try {
      const deployed = async (name: string) => {
        assert.ok((await host.deployer.deploy((await fixture(name)).bytes, { force: true })).ok)
        return host.services.current
      }
      const empty = host.services.current
      const first = await deployed('odd')
      const service = first.services.get(odd)!
      const second = await deployed('odd-two')
      assert.is(empty.services.size, 0)
      assert.is(first.services.get(odd), service)
      assert.is.not(second.services.get(odd), service)
      assert.equal([service.deployment, second.services.get(odd)!.deployment], [1, 2])
    } finally {
      await host.stop()
      data.remove()
    }
  },
)

Upgrade('§deploy-4: waiting commands go to the new version', async () => {
  const data = temporary()
  const host = await testHost(data.path)
  try {
    assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
    let adding = true
    const load = (async () => {
      let failed = 0
      while (adding)
        if ((await http(host.listen, 'POST', `/${odd}/Add`, { id: 'moved', amount: 1 })).status !== 200) failed += 1
      return failed
    })()
    assert.ok((await host.deployer.deploy((await fixture('odd-two')).bytes)).ok)
    assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
    adding = false
    assert.is(await load, 0)
  } finally {
    await host.stop()
    data.remove()
  }
})

Upgrade('§event-6: deleting all snapshots changes no state', async () => {
  const data = temporary()
  const kv = new MemoryKv()
  const store = memoryStore(undefined, { kv })
  const read = async (address: string, id: string) =>
    (await http(address, 'POST', `/odd/${id}/do`, { what: 'read' })).json.total
  const first = await testHost(data.path, {}, { store })
  const ids = Array.from({ length: 10 }, (_, index) => `snap-${index}`)
  try {
    assert.ok((await first.deployer.deploy((await fixture('odd')).bytes)).ok)
    // The guest asks for a snapshot every five events.
    for (let round = 1; round <= 12; round++) {
      await Promise.all(ids.map((id) => http(first.listen, 'POST', `/odd/${id}/do`, { what: 'add', amount: round })))
    }
  } finally {
    await first.stop()
  }
  const all = { from: Buffer.alloc(0), to: Buffer.alloc(64, 255) }
  assert.ok(kv.range('snapshots', { ...all, limit: 1_000 }).length / 2 >= ids.length, 'snapshots were taken')
  kv.erase([], [{ column: 'snapshots', ...all }], () => {})
  const second = await testHost(data.path, {}, { store })
  try {
    for (const id of ids) assert.is(await read(second.listen, id), '78')
  } finally {
    await second.stop()
    data.remove()
  }
})

Upgrade(
  'event-sourced.S1, §event-5: a snapshot is taken after the batch in which a multiple of the number was passed, at the last event of the batch',
  async () => {
    const data = temporary()
    const kv = new MemoryKv()
    const store = memoryStore(undefined, { kv })
    const host = await testHost(data.path, {}, { store })
    const common = { metadata: [], idempotencyKey: undefined, hops: 0, requestId: 'snapshot', effect: undefined }
    // AddRequest{ id: "x", amount: 5 }
    const payload = Uint8Array.from([10, 1, 120, 16, 5])
    /** Commands that arrive in one turn of the loop are one batch. */
    const batch = async (commands: number) => {
      const deadlineMs = Date.now() + 60_000
      const answers = Array.from({ length: commands }, () => {
        const command = { service: odd, method: 'Add', payload, deadlineMs, ...common }
        return new Promise<Answer>((resolve) => host.dispatch(command, resolve))
      })
      for (const answer of await Promise.all(answers)) assert.is(answer.kind, 'reply')
    }
    /** A snapshot that is due is taken before the next decision. */
    const sequences = async () => {
      assert.is((await http(host.listen, 'POST', '/odd/x/do', { what: 'read' })).status, 200)
      const rows = kv.range('snapshots', { from: Buffer.alloc(0), to: Buffer.alloc(64, 255), limit: 100 })
      const keys = rows.filter((_, index) => index % 2 === 0)
      return keys.map((key) => Number(Buffer.from(key).readBigUInt64BE(key.length - 8)))
    }
    try {
      assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
      // The service asks for one every five events.
      await batch(4)
      assert.equal(await sequences(), [])
      await batch(2)
      assert.equal(await sequences(), [6])
      await batch(3)
      assert.equal(await sequences(), [6])
      await batch(1)
      assert.equal(await sequences(), [6, 10])
      await batch(11)
      assert.equal(await sequences(), [6, 10, 21])
    } finally {
      await host.stop()
      data.remove()
    }
  },
)

Upgrade.run()
