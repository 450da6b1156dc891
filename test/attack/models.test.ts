// Guards a running host against guests of every model that lie in bytes: each lie is a failure or a refusal of its own command, with a
// code and a sentence; whoever was asked together with it, other entities, other services and open streams go on.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sizes } from '../../host/guest/layout.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { Host } from '../../host/main.ts'
import { http, temporary, testHost } from '../support/host.ts'
import type { PuppetFunction } from '../support/puppet.ts'
import {
  actions,
  answerAt,
  decisionAt,
  events,
  eventType,
  free,
  memoryBytes,
  nothing,
  PuppetClient,
  puppetComponent,
  replicas,
  Script,
  values,
} from '../support/puppet.ts'

const data = temporary()
const inFlightBytesMax = 16 * 1024 * 1024
const limits = {
  'fuel-per-command': '20000000',
  'in-flight-bytes-max': String(inFlightBytesMax + defaultLimits.uploadBytesMax),
}
const host: Host = await testHost(data.path, limits)
assert.ok((await host.deployer.deploy(await puppetComponent())).ok)
const client = new PuppetClient(host.listen)

const fault = 13
const services = [events, values, replicas, actions]
/** What decides on a command of each. */
const decides: Readonly<Record<string, PuppetFunction>> = {
  [events]: 'decide',
  [values]: 'value',
  [replicas]: 'replica',
  [actions]: 'call',
}
/** Where a command's outcome lies. */
const outcomeAt: Readonly<Record<string, number>> = {
  [events]: decisionAt('decide') + 8,
  [values]: decisionAt('value') + 12,
  [replicas]: answerAt('replica') + 4,
  [actions]: decisionAt('call'),
}

/** It fails alone: those that were sent with it, and those after, are answered. */
async function failsAlone(service: string, script: Script, method = 'Do'): Promise<void> {
  const sent = [nothing, script, nothing].map((each) => client.do(service, 'lied', each, method))
  const other = client.do(service, 'other')
  const [before, lie, after] = await Promise.all(sent)
  assert.is(lie!.code, fault, `${service}: ${lie!.message}`)
  assert.match(lie!.message, /^the function failed \(request [\w-]+\)$/)
  assert.equal([before!.code, after!.code, (await other).code], [0, 0, 0])
}

async function lies(of: (name: PuppetFunction, service: string) => Script): Promise<void> {
  for (const service of services) await failsAlone(service, of(decides[service]!, service))
}

/** Operations of a replicated entity, with the answer that brings them. */
function operating(operations: Uint8Array | readonly number[], name: PuppetFunction = 'replica'): Script {
  const script = new Script().bytes(name, free, operations)
  return script.words(name, answerAt(name) + 84, free, operations.length)
}
const increment = [10, 2, 24, 1]

/** Opens a stream that keeps a note. */
function opening(note: Script): Script {
  const { done } = note
  return new Script().bytes('replica', free, done).words('replica', answerAt('replica') + 96, 1, free, done.length)
}

const stateOf = async (service: string, id: string) =>
  (await http(host.admin, 'GET', `/v1/services/${service}/entities/${encodeURIComponent(id)}/state`)).json
const openStreams = async (id: string): Promise<number> => (await stateOf(replicas, id)).streams?.length ?? 0
const inFlight = async (): Promise<number> =>
  Number(/^innkeeper_in_flight_bytes (\d+)/m.exec((await http(host.admin, 'GET', '/metrics')).text)?.[1])

const Lies = suite('guests that lie')

Lies('all are decent until they are asked not to be', async () => {
  for (const service of services)
    assert.equal(await client.do(service, 'lied'), { code: 0, message: '', bytes: Buffer.alloc(0) })
})

Lies('§fault-1, §fault-3: a trap, a loop without an end, a memory that grows while it decides', async () => {
  await lies((name) => new Script().trap(name))
  await lies((name) => new Script().loop(name))
  await lies((name) => new Script().grow(name, 100).trap(name))
  for (const service of services) {
    const grown = await client.do(service, 'grown', new Script().grow(decides[service]!, 256))
    assert.is(grown.code, 0)
  }
})

Lies('lists of 2^31 and 2^32 - 1 items, pointers outside of the memory, and ones that are not aligned', async () => {
  const lists = [
    [free, 0x80000000],
    [free, 0xffffffff],
    [memoryBytes - 4, 1],
    [0xfffffffc, 1],
    [free + 1, 1],
  ] as const
  for (const [pointer, count] of lists) {
    // Effects, metadata, log lines, details of a failure.
    for (const [offset, before] of [[40], [48], [56], [16, 1]] as const)
      await lies((name, service) => {
        const at = outcomeAt[service]!
        return new Script().words(name, at, before ?? 0).words(name, at + offset, pointer, count)
      })
  }
})

Lies('text that is not UTF-8, cases that there are not, a unary answer that is none', async () => {
  await lies((name, service) => {
    const at = outcomeAt[service]!
    return new Script()
      .words(name, at, 1)
      .words(name, at + 8, free, 2)
      .bytes(name, free, [0xc0, 0x80])
  })
  for (const [offset, wrong] of [
    [0, 2],
    [0, 255],
    [4, 3],
    [4, 2],
  ] as const)
    await lies((name, service) => new Script().bytes(name, outcomeAt[service]! + offset, [wrong]))
  await lies((name, service) => new Script().words(name, outcomeAt[service]!, 1, 16))
})

Lies('too few and too many decisions, and an answer that nothing is held', async () => {
  for (const [service, at] of [
    [events, answerAt('decide') + 8],
    [values, answerAt('value') + 8],
    [actions, answerAt('call') + 4],
  ] as const)
    for (const count of [0, 2, 65]) await failsAlone(service, new Script().words(decides[service]!, at, count))
  for (const service of [events, values])
    await failsAlone(service, new Script().bytes(decides[service]!, answerAt(decides[service]!), [1]))
})

Lies(
  '§limit-4, §limit-5: a thousand effects, a reply of 5 MB, headers of 17 KB, and effects that are all the same megabyte',
  async () => {
    await lies((name, service) => new Script().words(name, outcomeAt[service]! + 40, free, 1000))
    await lies((name, service) => new Script().words(name, outcomeAt[service]! + 8, free, 5_000_000))
    await lies((name, service) =>
      new Script()
        .words(name, outcomeAt[service]! + 48, free, 1)
        .words(name, free, free + 64, 1, 0, free + 128, 17_000)
        .text(name, free + 64, 'x'),
    )
    await lies((name, service) =>
      new Script()
        .words(name, outcomeAt[service]! + 40, free, 100)
        .words(name, free, free + 4096, 1, free + 4096, 1, 0, 1_000_000)
        .repeat(name, free, sizes.effect, 99),
    )
  },
)

Lies('an event without a name, a token that was never given, a state that lies about its size', async () => {
  const event = (typeLength: number) =>
    new Script()
      .words('decide', decisionAt('decide'), free, 1)
      .words('decide', free, free + 64, typeLength, free + 256, nothing.done.length)
      .text('decide', free + 64, eventType)
      .bytes('decide', free + 256, nothing.done)
  await failsAlone(events, event(0))
  const next = answerAt('decide') + 12
  // Held, of one byte, with a token of the guest's own making: the next command names it, and is answered on it.
  for (const token of [0, 7, 0xffffffff]) {
    const held = event(eventType.length)
      .bytes('decide', next, [2])
      .words('decide', next + 4, token, 1, 0)
    assert.is((await client.do(events, `held ${token}`, held)).code, 0)
    assert.is((await client.do(events, `held ${token}`)).code, 0)
  }
  // A size of 4 GB is refused for what it says; nothing was stored.
  const large = event(eventType.length)
    .bytes('decide', next, [2])
    .words('decide', next + 4, 1, 0xffffffff, 0)
  const refused = await client.do(events, 'large', large)
  assert.is(refused.code, 8)
  assert.match(refused.message, /the state would have 4294967295 bytes, 16777216 are allowed.*Nothing was stored/)
  assert.is((await client.do(events, 'large')).code, 0)
})

Lies(
  'a value of 17 MB is refused and named; 64 values that are one memory are more than one answer may have',
  async () => {
    const updated = (length: number) => new Script().words('value', decisionAt('value'), 1, free, length)
    const refused = await client.do(values, 'large', updated(17_000_000))
    assert.is(refused.code, 8)
    assert.match(refused.message, /the value would have 17000000 bytes/)
    assert.is((await client.do(values, 'large')).code, 0)
    assert.equal((await stateOf(values, 'large')).state, undefined)
  },
)

Lies('operations that no kind has, in noise, too many, too deep, beyond the range of a counter', async () => {
  assert.is((await client.do(replicas, 'count', operating([10, 2, 24, 1]))).code, 0)
  const path = (depth: number) => [10, depth * 3 + 2, ...new Array(depth).fill([10, 1, 97]).flat(), 16, 1]
  const wrong: readonly (readonly number[])[] = [
    // Cut, of no kind, of a kind that there is not, without a change, of another kind, too deep, with a length of 4 GB.
    [10, 2, 24],
    [10, 2, 16, 9],
    [10, 2, 16, 0],
    [10, 0],
    [10, 2, 32, 2],
    [10, 2, 72, 1],
    [10, 2, 80, 1],
    [10, 3, 42, 1, 97],
    path(33),
    [10, 255, 255, 255, 255, 15],
    [10, 4, 42, 255, 255, 15],
    // 2^63, and 2^63 - 1 twice.
    [10, 11, 24, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1],
    [...[10, 10, 24, ...new Array(8).fill(255), 127], ...[10, 10, 24, ...new Array(8).fill(255), 127], 10, 2, 24, 2],
    new Array(10_001).fill(increment).flat(),
    new Array(1000).fill(255),
  ]
  for (const operations of wrong) {
    const lie = await client.do(replicas, 'count', operating(operations))
    assert.is(lie.code, fault, JSON.stringify(operations.slice(0, 16)))
    assert.match(lie.message, /^the function failed/)
  }
  assert.equal((await stateOf(replicas, 'count')).state, { gCounter: { value: '1' } })
})

Lies('ten thousand elements to see, and elements to see of 5 MB', async () => {
  await failsAlone(replicas, new Script().words('reads', answerAt('reads'), free, 10_000), 'Some')
  await failsAlone(
    replicas,
    new Script().words('reads', answerAt('reads'), free, 1).words('reads', free, free, 5_000_000),
    'Some',
  )
})

Lies(
  'a stream opened by a method that answers once; a note of 16 MB; a note beyond what is kept of a stream',
  async () => {
    await failsAlone(replicas, opening(nothing))
    for (const [length, code] of [
      [16_000_000, fault],
      [100_000, 8],
    ] as const) {
      const note = new Script().words('replica', answerAt('replica') + 96, 1, free, length)
      const stream = client.open(replicas, 'Open', 'notes', note)
      assert.is((await stream.ended).code, code)
    }
    assert.is(await openStreams('notes'), 0)
  },
)

const Streams = suite('streams of guests that lie')

Streams(
  'steps for others, twice, or too many cut off who was to be told; the entity and other streams go on',
  async () => {
    const step = (...words: readonly number[]) =>
      new Script().words('changed', answerAt('changed'), free, 1).words('changed', free, ...words)
    const wrong = [
      step(free + 64, 4),
      new Script().words('changed', answerAt('changed'), free, 5),
      step(0xfffffff0, 40),
      new Script().trap('changed'),
    ]
    const calm = client.open(replicas, 'Open', 'calm', opening(nothing))
    for (const [index, lie] of wrong.entries()) {
      const stream = client.open(replicas, 'Open', `steps ${index}`, opening(lie))
      while (stream.elements() === 0) await turn()
      assert.is((await client.do(replicas, `steps ${index}`, operating(increment))).code, 0)
      assert.is((await stream.ended).code, fault)
      assert.is((await client.do(replicas, `steps ${index}`, operating(increment))).code, 0)
    }
    assert.is(calm.elements(), 1)
    calm.cancel()
  },
)

Streams('a function that fails to hear that a client left is asked twice, and the entity goes on', async () => {
  const stream = client.open(replicas, 'Open', 'leaves', opening(new Script().loop('cancelled')))
  while (stream.elements() === 0) await turn()
  stream.cancel()
  while ((await openStreams('leaves')) > 0) await turn()
  assert.is((await client.do(replicas, 'leaves')).code, 0)
})

Streams(
  '§limit-6: outputs without number, and effects without number, end the stream; others are answered',
  async () => {
    const outputs = (count: number) => new Script().words('stream', answerAt('stream'), free, count)
    for (const lie of [outputs(100_000), outputs(0xffffffff), new Script().trap('stream'), new Script().loop('stream')])
      assert.is((await client.open(actions, 'Out', '', lie).ended).code, fault)
    // A hundred outputs of a hundred effects, of a step with three inputs.
    const effects = outputs(100)
      .words('stream', free + 40, free + 0x10000, 100)
      .repeat('stream', free, sizes.outcome, 99)
    assert.is((await client.open(actions, 'Out', '', effects).ended).code, fault)
    assert.is((await client.do(actions, '')).code, 0)
  },
)

Streams('what comes with and after the end of a stream: outputs are given, and nothing is asked any more', async () => {
  const script = new Script()
    .words('stream', answerAt('stream'), free, 3)
    .bytes('stream', answerAt('stream') + 20, [255, 255])
  const stream = client.open(actions, 'Out', '', script)
  assert.is((await stream.ended).code, 0)
  assert.is(stream.elements(), 3)
})

Streams('a stream that asks for more for ever, and says nothing, is ended', async () => {
  // What it keeps is a script that asks for more, and keeps itself.
  const kept = new Script()
    .bytes('stream', answerAt('stream') + 21, [1])
    .words('stream', answerAt('stream') + 8, 1, free, 41).done
  assert.is(kept.length, 41)
  const silent = new Script()
    .bytes('stream', free, kept)
    .bytes('stream', answerAt('stream') + 21, [1])
    .words('stream', answerAt('stream') + 8, 1, free, 41)
  assert.is((await client.open(actions, 'Out', '', silent).ended).code, fault)
})

Streams(
  '§stream-3: what clients do not take is bounded in the whole host: the stream with most of it is ended, others go on',
  async () => {
    // Eight outputs of nearly a megabyte each, of the same memory.
    const script = new Script()
      .words('stream', answerAt('stream'), free, 8)
      .words('stream', free, 0, 0, free + 0x10000, 1_000_000)
      .repeat('stream', free, sizes.outcome, 7)
      .bytes('stream', answerAt('stream') + 20, [1])
    const slow = Array.from({ length: 12 }, () => client.open(actions, 'Out', '', script))
    for (const stream of slow) stream.pause()
    const codes: number[] = []
    for (const stream of slow) void stream.ended.then(({ code }) => codes.push(code))
    for (let left = 400; left > 0; left--) {
      await turn()
      const bytes = await inFlight()
      assert.ok(bytes <= inFlightBytesMax, `${bytes} bytes wait`)
    }
    assert.is((await client.do(actions, '')).code, 0)
    for (const stream of slow) stream.resume()
    await Promise.all(slow.map(({ ended }) => ended))
    assert.ok(codes.includes(8), `some were ended: ${codes}`)
    assert.ok(codes.includes(0), `some were not: ${codes}`)
  },
)

Streams(
  'functions that spend all they have on each stream that is told: others get their turns in between',
  async () => {
    const told = opening(new Script().loop('changed'))
    for (const deleted of [0, 1]) {
      const id = `hot ${deleted}`
      const open = Array.from({ length: 60 }, () => client.open(replicas, 'Blind', id, told))
      while (open.some((stream) => stream.elements() === 0)) await turn()
      let ended = 0
      for (const stream of open) void stream.ended.then(() => (ended += 1))
      const changed = client.do(
        replicas,
        id,
        operating(increment).bytes('replica', answerAt('replica') + 92, [deleted]),
      )
      let answered = 0
      while (ended < open.length) {
        assert.is((await client.do(values, 'neighbour')).code, 0)
        answered += 1
      }
      assert.is((await changed).code, 0)
      assert.ok(answered >= 5, `${answered} calls of a neighbour while ${open.length} streams were told`)
      assert.is((await client.do(replicas, id)).code, deleted === 1 ? 5 : 0)
      assert.is(await openStreams(id), 0)
    }
  },
)

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

process.on('exit', () => data.remove())
Lies.run()
Streams.after(async () => {
  client.close()
  await host.stop()
})
Streams.run()
