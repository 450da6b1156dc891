// Guards what happens at once: commits in flight while clients leave, keys come twice, versions change, entities are purged.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer } from '../../host/command.ts'
import type { Batch } from '../../host/journal/journal.ts'
import { KvJournal } from '../../host/journal/kv-journal.ts'
import type { Host } from '../../host/main.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import type { Store } from '../../host/store/store.ts'
import { fixture } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, script, scripted, values } from '../support/scripted.ts'
import { memoryStore } from '../support/store.ts'

/** Says only later that a commit is on disk, as a slower disk would. */
class HeldJournal extends KvJournal {
  holding = false
  private readonly held: (() => void)[] = []

  override commit(batch: Batch, done: (error: Error | undefined) => void): void {
    super.commit(batch, (error) => {
      if (this.holding && !batch.empty) this.held.push(() => done(error))
      else done(error)
    })
  }

  get inFlight(): number {
    return this.held.length
  }

  release(): void {
    this.holding = false
    for (const done of this.held.splice(0)) done()
  }
}

const kv = new MemoryKv()
const journal = new HeldJournal({ kv, warn: () => {} })
const store: Store = { ...memoryStore(1, { kv }), journals: [journal] }
const data = temporary()
const host: Host = await testHost(data.path, { 'passivate-after-ms': '20' }, { store })
assert.ok((await host.deployer.deploy(await scripted())).ok)
assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
const client = new ScriptClient(host.listen)

const value = (id: string, code: string, headers: Record<string, string> = {}) =>
  client.call(values, 'Do', id, code, headers)
const act = (code: string, headers: Record<string, string> = {}) => client.call(actions, 'Do', '', code, headers)
const replica = (id: string, code: string, headers: Record<string, string> = {}) =>
  client.call(replicas, 'Do', id, code, headers)

const text = (code: string) => JSON.stringify(code)
const count = 'const n = String(Number(value ?? 0) + 1); return { change: { updated: n }, outcome: say(n) }'
const countEffect = (id: string) => `effect('Values', 'Do', '${id}', ${text(count)})`
const show = async (id: string): Promise<string> => (await value(id, 'return { outcome: say(value ?? 0) }')).text
const increment = "return { operations: [increment(1)], answer: { after: 'return say(view.value.counter)' } }"
const read = 'return { answer: say(view.value?.counter ?? 0) }'
const counter = async (id: string): Promise<string> => (await replica(id, read)).text
/** Adds 1, and when its client left 1,000 more. */
const joining = `return { operations: [add(1)], answer: say('open'), subscribe: ${JSON.stringify({
  changed: 'return { outcome: say(view.value.counter) }',
  cancelled: 'return { operations: [add(1000)], answer: none() }',
})} }`
const join = (id: string) => client.listen(replicas, 'Open', id, joining)

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}
const effects = async () => (await http(host.admin, 'GET', '/v1/effects')).json.effects
const settled = () => until(async () => (await effects()).length === 0)

/** Run with every commit held; `within` is called once one is. */
async function held<T>(start: () => T, within: (started: T) => unknown, commits = 1): Promise<T> {
  journal.holding = true
  try {
    const started = start()
    await until(() => journal.inFlight >= commits)
    await within(started)
    return started
  } finally {
    journal.release()
  }
}
const moment = (ms = 50) => new Promise((resolve) => setTimeout(resolve, ms))

const Flight = suite('while a commit is in flight')

Flight(
  '§subscription-6: a client that leaves before its stream is open is heard of once, after its command counts',
  async () => {
    await held(
      () => join('c1'),
      async (stream) => {
        stream.cancel()
        await stream.ended()
        await moment()
      },
    )
    await until(async () => (await counter('c1')) === '1001')
    await moment()
    assert.is(await counter('c1'), '1001')
    assert.equal((await http(host.admin, 'GET', `/v1/services/${replicas}/entities/c1/state`)).json.streams, [])
  },
)

Flight('§action-7: a function that is done is not told that its client left meanwhile; its effects run', async () => {
  const code = `if (cancelled) return { outputs: [none({ effects: [${countEffect('done-cancelled')}] })] }; return { outputs: [say('a', { effects: [${countEffect('done-effect')}] })], done: true }`
  await held(
    () => client.listen(actions, 'Out', '', code),
    async (stream) => {
      stream.cancel()
      await stream.ended()
      await moment()
    },
  )
  await until(async () => (await show('done-effect')) === '1')
  await moment()
  assert.is(await show('done-cancelled'), '0')
})

Flight('§action-7: one that is not done is told once', async () => {
  const code = `if (cancelled) return { outputs: [none({ effects: [${countEffect('more-cancelled')}] })] }; return { outputs: [say('a', { effects: [${countEffect('more-effect')}] })], more: true }`
  await held(
    () => client.listen(actions, 'Out', '', code),
    async (stream) => {
      stream.cancel()
      await stream.ended()
      await moment()
    },
  )
  await until(async () => (await show('more-cancelled')) === '1')
  await moment()
  assert.equal([await show('more-cancelled'), await show('more-effect')], ['1', '1'])
})

Flight('§action-7: a function that is done with a refusal is not told of the end of its stream', async () => {
  const code = `if (cancelled) return { outputs: [none({ effects: [${countEffect('refused-cancelled')}] })] }; return { outputs: [say('a'), refuse('aborted', 'no')], done: true }`
  const stream = client.listen(actions, 'Out', '', code)
  assert.equal([await stream.ended(), stream.message, stream.texts], [10, 'no', ['a']])
  await moment()
  assert.is(await show('refused-cancelled'), '0')
})

Flight('§deadline-2: a deadline that passes then is DEADLINE_EXCEEDED, and what was decided is stored', async () => {
  const dispatch = (service: string, code: string) =>
    new Promise<Answer>((resolve) => {
      const common = { metadata: [], idempotencyKey: undefined, hops: 0, requestId: 'late', effect: undefined }
      const payload = script('d1', code)
      host.dispatch({ service, method: 'Do', payload, deadlineMs: Date.now() + 200, ...common }, resolve)
    })
  await held(
    () => [dispatch(values, count), dispatch(replicas, increment)],
    async (answers) => {
      for (const answer of await Promise.all(answers))
        assert.is(answer.kind === 'error' && answer.error.code, 'deadline_exceeded')
    },
  )
  assert.equal([await show('d1'), await counter('d1')], ['1', '1'])
})

Flight('§idempotency-8: a key that comes again then decides nothing, whatever the kind', async () => {
  const key = { 'idempotency-key': 'twice' }
  const add = () => http(host.listen, 'POST', '/odd/k1/do', { what: 'add', amount: 1 }, key)
  const forwarded = `return { outcome: forward('Replicas', 'Do', 'k-f', ${text(increment)}) }`
  const answers = await held(
    () => ({
      values: [value('k1', count, key), value('k1', count, key)],
      replicas: [replica('k1', increment, key), replica('k1', increment, key)],
      odd: [add(), add()],
      forwards: [value('k-from', forwarded, key), value('k-from', forwarded, key)],
    }),
    () => moment(),
  )
  const same = async (both: readonly Promise<{ text: string }>[]) => (await Promise.all(both)).map((one) => one.text)
  assert.equal(await same(answers.values), ['1', '1'])
  assert.equal(await same(answers.replicas), ['1', '1'])
  assert.equal(await same(answers.forwards), ['1', '1'])
  const odds = await same(answers.odd)
  assert.is(odds[0], odds[1])
  assert.is((await http(host.listen, 'POST', '/odd/k1/do', { what: 'read' })).json.total, '1')
  assert.equal([await show('k1'), await counter('k1'), await counter('k-f')], ['1', '1', '1'])
})

Flight(
  '§memory-3, §command-1: an entity whose commit is in flight stays, and what waits for it goes on in order',
  async () => {
    const append = (letter: string) =>
      `return { change: { updated: (value ?? '') + '${letter}' }, outcome: say((value ?? '') + '${letter}') }`
    const first = await held(
      () => value('p1', append('a')),
      async () => {
        const rest = ['b', 'c', 'd'].map((letter) => value('p1', append(letter)))
        // The sweep for idle entities comes once a second.
        await moment(1_200)
        void Promise.all(rest)
      },
    )
    assert.is((await first).text, 'a')
    await until(async () => (await show('p1')) === 'abcd')
  },
)

Flight('a new version takes over after it: the stream that it opened ends, and is heard of once', async () => {
  const stream = await held(
    () => join('v1'),
    async () => assert.ok((await host.deployer.deploy(await scripted((source) => `${source}\n// in flight`))).ok),
  )
  assert.is(await stream.ended(), 14)
  await until(async () => (await counter('v1')) === '1001')
  await moment()
  assert.is(await counter('v1'), '1001')
})

const Changes = suite('while versions change')
let version = 0
const redeploy = async () => {
  const made = await scripted((source) => `${source}\n// version ${++version}`)
  const result = await host.deployer.deploy(made)
  assert.ok(result.ok, JSON.stringify(result))
}

Changes('§deploy-4: commands of every kind go on, each decided once; streams end and are heard of once', async () => {
  const streams = Array.from({ length: 10 }, () => join('ch-s'))
  await Promise.all(streams.map((stream) => stream.until(1)))
  let running = true
  const tallies = { values: 0, replicas: 0, effects: 0 }
  const failed: unknown[] = []
  const caused = `return say('', { effects: [${countEffect('ch-e')}] })`
  const load = Array.from({ length: 4 }, async () => {
    while (running) {
      for (const [kind, answer] of [
        ['values', await value('ch', count)],
        ['replicas', await replica('ch', increment)],
        ['effects', await act(caused)],
      ] as const) {
        if (answer.code === 0) tallies[kind] += 1
        else failed.push([kind, answer])
      }
    }
  })
  for (let round = 0; round < 3; round++) await redeploy()
  running = false
  await Promise.all(load)
  assert.equal(failed, [])
  assert.equal(await Promise.all(streams.map((stream) => stream.ended())), Array(10).fill(14))
  await settled()
  assert.equal(
    [await show('ch'), await counter('ch'), await show('ch-e')],
    [tallies.values, tallies.replicas, tallies.effects].map(String),
  )
  await until(async () => (await counter('ch-s')) === '10010')
})

Changes(
  '§stream-5: undeploying ends open streams of every kind with UNAVAILABLE; who was left is heard of when it is back',
  async () => {
    const streams = [join('un'), client.listen(actions, 'Out', '', "return { outputs: ended ? [say('a')] : [] }")]
    await Promise.all(streams.map((stream) => stream.until(1)))
    for (const service of [replicas, actions])
      assert.is((await http(host.admin, 'DELETE', `/v1/services/${service}`, {})).status, 200)
    assert.equal(await Promise.all(streams.map((stream) => stream.ended())), [14, 14])
    assert.is((await replica('un', read)).code, 12)
    assert.is((await http(host.listen, 'POST', '/replicas/un', { code: read })).status, 404)
    await redeploy()
    assert.is(await counter('un'), '1001')
  },
)

Changes(
  '§deploy-10: a purge with open streams and commands under way leaves nothing, and no other service feels it',
  async () => {
    const streams = Array.from({ length: 5 }, () => join('pu'))
    await Promise.all(streams.map((stream) => stream.until(1)))
    let running = true
    const codes = new Set<number>()
    const load = Array.from({ length: 4 }, async (_, worker) => {
      while (running) {
        codes.add((await value(`pu-other-${worker}`, count)).code)
        await replica('pu', increment)
      }
    })
    await moment(100)
    assert.is((await http(host.admin, 'DELETE', `/v1/services/${replicas}?purge`, {})).status, 200)
    assert.equal(await Promise.all(streams.map((stream) => stream.ended())), Array(5).fill(14))
    await moment(100)
    running = false
    await Promise.all(load)
    assert.equal([...codes], [0])
    await redeploy()
    assert.is(await counter('pu'), '0')
    assert.equal((await http(host.admin, 'GET', `/v1/services/${replicas}/entities`)).json.entities, [])
  },
)

const Idle = suite('while entities leave the memory')

Idle('§memory-1: values and replicas lose and reorder nothing around their passivation', async () => {
  // The host looks for idle entities once a second: calls come around that.
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, at) => {
        assert.is((await value(`idle-${at}`, count)).text, String(round + 1))
        assert.is((await replica(`idle-${at}`, increment)).text, String(round + 1))
      }),
    )
    await moment(80)
  }
  assert.match(
    (await http(host.admin, 'GET', '/metrics')).text,
    /innkeeper_entities_passivated_total\{service="test.script.v1.Values"\} [1-9]/,
  )
})

Idle(
  'entities.N3, §memory-2, §memory-3: past the cap the least recently used leave, those with streams stay, and nothing is lost',
  async () => {
    const small = temporary()
    const capped = await testHost(small.path, { 'activations-max': '5' })
    const at = new ScriptClient(capped.listen)
    try {
      assert.ok((await capped.deployer.deploy(await scripted())).ok)
      const stream = at.listen(replicas, 'Open', 'room', joining)
      await stream.until(1)
      for (let round = 1; round <= 3; round++) {
        const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => at.call(values, 'Do', `v${n}`, count)))
        assert.equal([...new Set(answers.map((answer) => answer.text))], [String(round)])
      }
      const inMemory = async () =>
        Number(/^innkeeper_activations (\d+)$/m.exec((await http(capped.admin, 'GET', '/metrics')).text)![1])
      await until(async () => (await inMemory()) <= 5)
      await at.call(replicas, 'Do', 'room', "return { operations: [add(1)], answer: say('') }")
      assert.equal(await stream.until(2), ['open', '2'])
      stream.cancel()
    } finally {
      at.close()
      await capped.stop()
      small.remove()
    }
  },
)

Idle('entities.N4, §memory-2: least recently used means of all services, not of the first', async () => {
  const small = temporary()
  const capped = await testHost(small.path, { 'activations-max': '3' })
  const at = new ScriptClient(capped.listen)
  try {
    assert.ok((await capped.deployer.deploy(await scripted())).ok)
    const touch = async (service: string, id: string) => {
      const code = service === values ? count : increment
      assert.is((await at.call(service, 'Do', id, code)).code, 0)
      // Use is noted by the millisecond.
      await moment(5)
    }
    const left = async (service: string) =>
      Number(
        new RegExp(`^innkeeper_entities_passivated_total\\{service="${service}"\\} (\\d+)$`, 'm').exec(
          (await http(capped.admin, 'GET', '/metrics')).text,
        )?.[1] ?? 0,
      )
    await touch(values, 'hot')
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      await touch(replicas, id)
      await touch(values, 'hot')
    }
    assert.equal([await left(values), await left(replicas)], [0, 3])
  } finally {
    at.close()
    await capped.stop()
    small.remove()
  }
})

Idle('§memory-2: past the bytes that all states may have the least recently used leave', async () => {
  const small = temporary()
  const capped = await testHost(small.path, { 'activation-state-bytes-max': '1000' })
  const at = new ScriptClient(capped.listen)
  try {
    assert.ok((await capped.deployer.deploy(await scripted())).ok)
    const put = "return { change: { updated: 'x'.repeat(400) }, outcome: say('') }"
    for (let n = 0; n < 6; n++) await at.call(values, 'Do', `v${n}`, put)
    const inMemory = async () =>
      Number(/^innkeeper_activations (\d+)$/m.exec((await http(capped.admin, 'GET', '/metrics')).text)![1])
    await until(async () => (await inMemory()) <= 2)
    for (let n = 0; n < 6; n++)
      assert.is((await at.call(values, 'Do', `v${n}`, 'return { outcome: say(value.length) }')).text, '400')
  } finally {
    at.close()
    await capped.stop()
    small.remove()
  }
})

const Peers = suite('deltas of another host')

Peers(
  '§subscription-2, §replica-8, §replica-11: come in while commands run: both hosts agree, streams hear them, a deletion holds on both',
  async () => {
    const small = temporary()
    const two = await testHost(small.path)
    const at = new ScriptClient(two.listen)
    const sending: Promise<void>[] = []
    try {
      assert.ok((await two.deployer.deploy(await scripted())).ok)
      const send = (to: Host) => (service: string, key: string, delta: Uint8Array) => {
        if (key === joined) sending.push(to.receiveDelta(service, key, delta))
      }
      let joined: string | undefined
      host.replicas.onDelta((service, key, delta) => {
        joined ??= key
        send(two)(service, key, delta)
      })
      two.replicas.onDelta(send(host))
      const watching = `return { answer: say('open'), subscribe: ${JSON.stringify({ changed: 'return { outcome: say(view.value.counter) }' })} }`
      assert.is((await replica('peers', increment)).code, 0)
      await Promise.all(sending.splice(0))
      const streams = [
        client.listen(replicas, 'Open', 'peers', watching),
        at.listen(replicas, 'Open', 'peers', watching),
      ]
      await Promise.all(streams.map((stream) => stream.until(1)))
      await Promise.all(
        Array.from({ length: 40 }, (_, n) => (n % 2 ? client : at).call(replicas, 'Do', 'peers', increment)),
      )
      while (sending.length > 0) await Promise.all(sending.splice(0))
      assert.equal([await counter('peers'), (await at.call(replicas, 'Do', 'peers', read)).text], ['41', '41'])
      for (const stream of streams) await until(() => stream.texts.at(-1) === '41')
      // Each change was told once: 40 of them, or fewer where a delta held several.
      for (const { texts } of streams) assert.equal([...new Set(texts)], texts)
      assert.is((await at.call(replicas, 'Do', 'peers', "return { delete: true, answer: say('gone') }")).text, 'gone')
      while (sending.length > 0) await Promise.all(sending.splice(0))
      assert.equal(await Promise.all(streams.map((stream) => stream.ended())), [0, 0])
      const deleted = { code: 5, message: 'Entity deleted', text: '' }
      assert.equal(
        [await replica('peers', increment), await at.call(replicas, 'Do', 'peers', increment)],
        [deleted, deleted],
      )
    } finally {
      at.close()
      await two.stop()
      small.remove()
    }
  },
)

for (const each of [Flight, Changes, Idle, Peers]) {
  if (each === Peers)
    each.after(async () => {
      client.close()
      await host.stop()
      data.remove()
    })
  each.run()
}
