// Guards replicas against a bad network: three hosts exchange deltas through the peer hook that a cluster will use, over links
// that lose, double, delay and reorder, with partitions and restarts. In the end all hold the same bytes.
//
// SEED=n replays a run; a failing one prints its seed.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import type { Store } from '../../host/store/store.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { replicas, ScriptClient, scripted } from '../support/scripted.ts'
import { memoryStore } from '../support/store.ts'

const component = await scripted()
const seeds =
  process.env['SEED'] === undefined
    ? [1, 2, 3].map((at) => (Date.now() % 1_000_000) + at)
    : [Number(process.env['SEED'])]
const keys = ['set', 'map', 'count']

/** Numbers below 1, the same for the same seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

class Node_ {
  readonly store: Store = memoryStore()
  readonly data = temporary()
  host!: Host
  client!: ScriptClient
  private readonly onDelta: (key: string, delta: Uint8Array) => void

  constructor(onDelta: (key: string, delta: Uint8Array) => void) {
    this.onDelta = onDelta
  }

  async start(): Promise<void> {
    // The memory store is not closed by a stop: what was committed is there for the next start.
    this.host = await testHost(this.data.path, {}, { store: this.store })
    const deployed = await this.host.deployer.deploy(component)
    assert.ok(deployed.ok, JSON.stringify(deployed))
    this.host.replicas.onDelta((service, key, delta) => {
      assert.is(service, replicas)
      this.onDelta(key, delta)
    })
    this.client = new ScriptClient(this.host.listen)
  }

  async stop(): Promise<void> {
    this.client.close()
    await this.host.stop()
  }

  call(key: string, code: string) {
    return this.client.call(replicas, 'Do', key, code)
  }
}

interface Message {
  readonly to: number
  readonly key: string
  readonly delta: Uint8Array
}

const operations: Readonly<Record<string, (random: () => number) => string>> = {
  set: (random) => {
    const element = `'e${Math.floor(random() * 6)}'`
    const made = "...(view.exists ? [] : [create('orSet')])"
    return random() < 0.1 ? `${made}, clear()` : `${made}, ${random() < 0.6 ? 'insert' : 'remove'}(${element})`
  },
  map: (random) => {
    const key = `'k${Math.floor(random() * 3)}'`
    const made = "...(view.exists ? [] : [create('orMap')])"
    const roll = random()
    if (roll < 0.2) return `${made}, remove(${key})`
    if (roll < 0.5) return `${made}, create('orMap', ${key}), increment(${1 + Math.floor(random() * 3)}, ${key}, 'n')`
    return `${made}, create('orMap', ${key}), assign('v${Math.floor(random() * 9)}', 0, 0, ${key}, 'r')`
  },
  count: (random) => `add(${Math.floor(random() * 9) - 4})`,
}

const Simulation = suite('replicas over a bad network')

for (const seed of seeds) {
  Simulation(`§replica-6: three hosts end with the same bytes, whatever the network did (seed ${seed})`, async () => {
    console.log(`seed=${seed}`)
    const random = chance(seed)
    const sent: Message[] = []
    const partitioned = new Set<string>()
    const nodes = [0, 1, 2].map((from) => {
      return new Node_((key, delta) => {
        for (const to of [0, 1, 2]) if (to !== from && !partitioned.has(`${from}${to}`)) sent.push({ to, key, delta })
      })
    })
    try {
      for (const node of nodes) await node.start()
      for (let step = 0; step < 250; step++) {
        const roll = random()
        const key = keys[Math.floor(random() * keys.length)]!
        const node = nodes[Math.floor(random() * 3)]!
        if (roll < 0.55) {
          const { code, message } = await node.call(
            key,
            `return { operations: [${operations[key]!(random)}], answer: say('') }`,
          )
          assert.is(code, 0, message)
        } else if (roll < 0.9) {
          const at = Math.floor(random() * sent.length)
          const message = sent[at]
          if (message === undefined) continue
          // Any of them, so reordered; sometimes kept, so doubled; sometimes dropped.
          if (random() < 0.7) sent.splice(at, 1)
          if (random() < 0.85) await nodes[message.to]!.host.receiveDelta(replicas, message.key, message.delta)
        } else if (roll < 0.96) {
          const link = `${Math.floor(random() * 3)}${Math.floor(random() * 3)}`
          if (!partitioned.delete(link)) partitioned.add(link)
        } else {
          await node.stop()
          await node.start()
        }
      }
      // Healed: whoever missed deltas gets whole replicas, twice round.
      for (let round = 0; round < 2; round++) {
        for (const from of nodes) {
          for (const to of nodes) {
            for (const key of keys) {
              if (from !== to) await to.host.receiveDelta(replicas, key, from.host.replicaOf(replicas, key))
            }
          }
        }
      }
      for (const key of keys) {
        const bytes = nodes.map((node) => Buffer.from(node.host.replicaOf(replicas, key)).toString('hex'))
        assert.is(bytes[1], bytes[0], `${key} differs between 0 and 1 (seed ${seed})`)
        assert.is(bytes[2], bytes[0], `${key} differs between 0 and 2 (seed ${seed})`)
        const seen = await Promise.all(
          nodes.map(async (node) => (await node.call(key, 'return { answer: say(JSON.stringify(view.value)) }')).text),
        )
        assert.is(seen[1], seen[0])
        assert.is(seen[2], seen[0])
      }
    } finally {
      for (const node of nodes) {
        await node.stop().catch(() => {})
        node.data.remove()
      }
    }
  })
}

Simulation(
  '§replica-11: a change of a peer is told to subscribers once, with the value after it; the own is not sent back',
  async () => {
    const sent: Uint8Array[] = []
    const [one, two] = [new Node_((_, delta) => sent.push(delta)), new Node_((_, delta) => sent.push(delta))]
    try {
      await one.start()
      await two.start()
      const note = { changed: 'return { outcome: say(view.value.counter) }' }
      const stream = two.client.listen(
        replicas,
        'Open',
        'c',
        `return { operations: [add(1)], answer: say('open'), subscribe: ${JSON.stringify(note)} }`,
      )
      await stream.until(1)
      assert.is(sent.length, 1)
      await one.call('c', "return { operations: [add(10)], answer: say('') }")
      assert.is(sent.length, 2)
      const [own, peers] = sent
      await two.host.receiveDelta(replicas, 'c', peers!)
      // Known already, or its own: nothing new, nobody is told.
      await two.host.receiveDelta(replicas, 'c', peers!)
      await two.host.receiveDelta(replicas, 'c', own!)
      await one.host.receiveDelta(replicas, 'c', own!)
      await two.call('c', "return { operations: [add(100)], answer: say('') }")
      assert.equal(await stream.until(3), ['open', '11', '111'])
      assert.is(sent.length, 3)
      assert.is((await one.call('c', 'return { answer: say(view.value.counter) }')).text, '11')
      const journal = (await http(two.host.admin, 'GET', `/v1/services/${replicas}/entities/c/journal`)).json.records
      assert.equal(
        journal.map(({ origin = 'command' }: { origin?: string }) => origin),
        ['command', 'peer', 'command'],
      )
      stream.cancel()
    } finally {
      await one.stop()
      await two.stop()
    }
  },
)

Simulation('§replica-8: a deletion by a peer beats what happens meanwhile, and ends streams well', async () => {
  const sent: Uint8Array[] = []
  const [one, two] = [new Node_((_, delta) => sent.push(delta)), new Node_(() => {})]
  try {
    await one.start()
    await two.start()
    await one.call('d', "return { operations: [add(1)], answer: say('') }")
    await one.call('d', "return { delete: true, answer: say('') }")
    const note = { changed: 'return { outcome: say(view.value.counter) }' }
    const stream = two.client.listen(
      replicas,
      'Open',
      'd',
      `return { operations: [add(5)], answer: say('open'), subscribe: ${JSON.stringify(note)} }`,
    )
    await stream.until(1)
    for (const delta of sent.toReversed()) await two.host.receiveDelta(replicas, 'd', delta)
    assert.is(await stream.ended(), 0)
    assert.equal(await two.call('d', "return { answer: say('') }"), { code: 5, message: 'Entity deleted', text: '' })
    assert.equal(two.host.replicaOf(replicas, 'd'), one.host.replicaOf(replicas, 'd'))
  } finally {
    await one.stop()
    await two.stop()
  }
})

Simulation('§replica-11: what is no delta is refused, and the replica stays', async () => {
  const one = new Node_(() => {})
  try {
    await one.start()
    await one.call('x', "return { operations: [add(1)], answer: say('') }")
    for (const bytes of [[], [1], [255, 0, 3], Array(100).fill(7)]) {
      const refused = await one.host.receiveDelta(replicas, 'x', Uint8Array.from(bytes)).then(
        () => undefined,
        (error: Error) => error,
      )
      assert.match(String(refused?.message), /^not a delta/)
    }
    assert.is((await one.call('x', 'return { answer: say(view.value.counter) }')).text, '1')
  } finally {
    await one.stop()
  }
})

Simulation.run()
