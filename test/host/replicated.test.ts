// Guards replicated entities, case by case (§replica, §subscription): values, streams, who is told what and when, and what stays.

import http2 from 'node:http2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Replica } from '../../host/crdt/replica.ts'
import { frame } from '../../host/ingress/envelope.ts'
import type { Host } from '../../host/main.ts'
import { http, passivated, temporary, testHost } from '../support/host.ts'
import type { Answered, Listening } from '../support/scripted.ts'
import { replicas, ScriptClient, script, scripted } from '../support/scripted.ts'

const data = temporary()
let host: Host = await testHost(
  data.path,
  { 'passivate-after-ms': '50', 'stream-backlog-max': '20' },
  { sweepEveryMs: 20 },
)
assert.ok((await host.deployer.deploy(await scripted())).ok)
let client = new ScriptClient(host.listen)
const act = (id: string, code: string, headers: Record<string, string> = {}): Promise<Answered> =>
  client.call(replicas, 'Do', id, code, headers)
/** Operations, and the value after them as the answer. */
const change = (...operations: string[]) =>
  `return { operations: [${operations.join()}], answer: { after: 'return say(JSON.stringify(view.value))' } }`
const read = 'return { answer: say(JSON.stringify(view.value ?? null)) }'
const show = async (id: string) => JSON.parse((await act(id, read)).text) as unknown
const changed = async (id: string, ...operations: string[]) => {
  const { code, text, message } = await act(id, change(...operations))
  assert.is(code, 0, message)
  return JSON.parse(text) as unknown
}
const state = async (id: string) =>
  (await http(host.admin, 'GET', `/v1/services/${replicas}/entities/${id}/state`)).json

/** A stream that says the value at first and after each change; leaving runs `cancelled`. */
const subscribe = (more: { operations?: string; answer?: string; changed?: string; cancelled?: string } = {}) => {
  const note = {
    changed: more.changed ?? 'return { outcome: say(JSON.stringify(view.value)) }',
    ...(more.cancelled === undefined ? {} : { cancelled: more.cancelled }),
  }
  const answer = more.answer ?? "say('opened')"
  return `return { operations: [${more.operations ?? ''}], answer: ${answer}, subscribe: ${JSON.stringify(note)} }`
}
const open = (id: string, more: Parameters<typeof subscribe>[0] = {}): Listening =>
  client.listen(replicas, 'Open', id, subscribe(more))

/** By HTTP/2 itself: a stream whose connection, or window, is the test's. */
function openBy(session: http2.ClientHttp2Session, id: string, code: string): http2.ClientHttp2Stream {
  const request = session.request({
    ':method': 'POST',
    ':path': `/${replicas}/Open`,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  request.on('error', () => {})
  request.end(frame(0, script(id, code)))
  return request
}
async function until(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}
/** Streams that the journal knows of. */
const streamsOf = async (id: string): Promise<number> => (await state(id)).streams.length

const Kinds = suite('values of replicated entities')

Kinds('§replica-2: an entity that was never written does not exist, and reading it stores nothing', async () => {
  assert.is((await act('never', 'return { answer: say(view.exists + " " + view.value) }')).text, 'false undefined')
  assert.is((await http(host.admin, 'GET', `/v1/services/${replicas}/entities/never/state`)).status, 404)
})

Kinds('§replica-1: each of the eight kinds is changed by its operations, and seen after them', async () => {
  assert.equal(await changed('g', 'increment(2)', 'increment(3)'), { counter: '5' })
  assert.equal(await changed('pn', 'add(2)', 'add(-5)'), { counter: '-3' })
  assert.equal(await changed('gs', "create('gSet')", "insert('b')", "insert('a')"), { elements: ['a', 'b'], size: 2 })
  assert.equal(await changed('os', "create('orSet')", "insert('a')", "insert('b')"), { elements: ['a', 'b'], size: 2 })
  assert.equal(await changed('os', "remove('a')", "insert('c')"), { elements: ['b', 'c'], size: 2 })
  assert.equal(await changed('os', 'clear()'), { elements: [], size: 0 })
  assert.equal(await changed('lww', "assign('x')"), { value: 'x' })
  assert.equal(await changed('lww', "assign('y')"), { value: 'y' })
  assert.equal(await changed('fl', "create('flag')"), { enabled: false })
  assert.equal(await changed('fl', 'enable()'), { enabled: true })
  assert.equal(await changed('v', 'vote(true)'), { self: true, for: 1, voters: 1 })
  assert.equal(await changed('v', 'vote(false)'), { self: false, for: 0, voters: 1 })
  assert.equal(
    await changed('m', "create('orMap')", "increment(2, 'k')", "create('orMap', 'in')", "enable('in', 'f')"),
    {
      entries: { k: { counter: '2' }, in: { entries: { f: { enabled: true } }, size: 1 } },
      size: 2,
    },
  )
  assert.equal(await changed('m', "remove('k')"), {
    entries: { in: { entries: { f: { enabled: true } }, size: 1 } },
    size: 1,
  })
})

Kinds(
  '§register-6, §replica-10: a write that loses by its clock is no error, and the answer tells what won',
  async () => {
    assert.equal(await changed('clock', "assign('high', 2, 100)"), { value: 'high' })
    assert.equal(await changed('clock', "assign('low', 2, 50)"), { value: 'high' })
    assert.equal(await changed('clock', "assign('next', 3, 50)"), { value: 'next' })
  },
)

Kinds('§memory-1: a value survives passivation, and comes back whole', async () => {
  await changed('p', "create('orSet')", ...Array.from({ length: 50 }, (_, at) => `insert('e${at}')`))
  await passivated(host)
  assert.is((await act('p', 'return { answer: say(view.value.size) }')).text, '50')
})

Kinds('§replica-4: operations that cannot be: the caller hears that the function failed, the value stays', async () => {
  await changed('bad', 'increment(1)')
  for (const operation of [
    "insert('a')",
    'increment(-1)',
    "create('orSet')",
    "increment(1, 'no', 'such')",
    'raw(10, 2, 255)',
    'raw(10, 0)',
    'increment(5), add(1)',
  ]) {
    const { code, message } = await act('bad', change(operation))
    assert.is(code, 13, operation)
    assert.match(message, /^the function failed \(request /)
  }
  assert.equal(await show('bad'), { counter: '1' })
  assert.is((await act('fresh', change("insert('a')"))).code, 13)
})

Kinds('§refusal-2, law L3: a refusal brings no operations and no effects, also one that is rendered', async () => {
  await changed('l3', 'increment(1)')
  const effects =
    "{ effects: [effect('Replicas', 'Do', 'l3-target', 'return { operations: [increment(1)], answer: say(1) }')] }"
  const now = `return { operations: [increment(5)], answer: refuse('aborted', 'no', ${effects}) }`
  assert.equal(await act('l3', now), { code: 10, message: 'no', text: '' })
  const after = `return { operations: [increment(5)], answer: { after: "return refuse('aborted', 'no: ' + view.value.counter, ${effects.replaceAll("'", "\\'").replaceAll("\\'", "'").replaceAll('"', '\\"')})" } }`
  assert.equal(await act('l3', after), { code: 10, message: 'no: 6', text: '' })
  assert.equal(await show('l3'), { counter: '1' })
  assert.is(await show('l3-target'), null)
})

Kinds('§fault-1: a function that throws in decide or render changes nothing, and its neighbours go on', async () => {
  await changed('f', 'increment(1)')
  const together = await Promise.all([
    act('f', change('increment(1)')),
    act('f', 'throw new Error()'),
    act('f', "return { operations: [increment(10)], answer: { after: 'throw new Error()' } }"),
    act('f', 'for (;;);'),
    act('f', change('increment(1)')),
  ])
  assert.equal(
    together.map(({ code }) => code),
    [0, 13, 13, 13, 0],
  )
  assert.equal(await show('f'), { counter: '3' })
})

Kinds('§command-6: a unary answer without a reply, and a stream opened by a unary method, are faults', async () => {
  assert.is((await act('u', 'return { operations: [increment(1)], answer: none() }')).code, 13)
  assert.is((await act('u', 'return { operations: [increment(1)], answer: say(1), subscribe: {} }')).code, 13)
  assert.is(await show('u'), null)
})

Kinds(
  '§replica-9: views: a method sees nothing, one element, or what it asked for, and the size of the whole',
  async () => {
    await changed('w', "create('orSet')", "insert('a')", "insert('b')", "insert('c')")
    const code = 'return { answer: say(JSON.stringify([view.exists, view.partial, view.value])) }'
    const see = async (method: string, element = '') =>
      JSON.parse((await client.call(replicas, method, 'w', code, {}, element)).text)
    assert.equal(await see('Blind'), [true, true, { elements: [], size: 3 }])
    assert.equal(await see('One', 'b'), [true, true, { elements: ['b'], size: 3 }])
    assert.equal(await see('One', 'x'), [true, true, { elements: [], size: 3 }])
    assert.equal(await see('Some', 'a,c,x'), [true, true, { elements: ['a', 'c'], size: 3 }])
  },
)

Kinds('§idempotency-1: a repeated idempotency key gets the first answer and applies nothing again', async () => {
  const key = { 'idempotency-key': 'k' }
  assert.equal(JSON.parse((await act('i', change('increment(1)'), key)).text), { counter: '1' })
  await changed('i', 'increment(1)')
  assert.equal(JSON.parse((await act('i', change('increment(1)'), key)).text), { counter: '1' })
  assert.equal(await show('i'), { counter: '2' })
  assert.is((await act('i', change('increment(2)'), key)).code, 6)
  const twice = await Promise.all([act('ii', change('increment(1)'), key), act('ii', change('increment(1)'), key)])
  assert.equal(twice[0], twice[1])
  assert.equal(await show('ii'), { counter: '1' })
})

Kinds('§command-2: effects run after the change is stored, and a forward answers', async () => {
  const count = "return { operations: [increment(1)], answer: say('counted') }"
  const code = `return { operations: [increment(1)], answer: forward('Replicas', 'Do', 'e2', ${JSON.stringify(count)}, { effects: [effect('Replicas', 'Do', 'e3', ${JSON.stringify(count)}, true)] }) }`
  assert.is((await act('e1', code)).text, 'counted')
  assert.equal([await show('e1'), await show('e2'), await show('e3')], Array(3).fill({ counter: '1' }))
})

Kinds('a value over the limit is a fault, and the value stays', async () => {
  const small = temporary()
  const bounded = await testHost(small.path, { 'state-bytes-max': '5000' })
  const at = new ScriptClient(bounded.listen)
  try {
    assert.ok((await bounded.deployer.deploy(await scripted())).ok)
    const insert = (text: string) =>
      at.call(replicas, 'Do', 's', `return { operations: [${view('s')}insert('${text}')], answer: say(1) }`)
    const view = (_: string) => "view.exists ? [] : create('orSet'), "
    assert.is((await insert('a')).code, 0)
    assert.is((await insert('x'.repeat(6_000))).code, 13)
    assert.is((await at.call(replicas, 'Do', 's', 'return { answer: say(view.value.size) }')).text, '1')
  } finally {
    at.close()
    await bounded.stop()
    small.remove()
  }
})

Kinds(
  '§replica-5: a busy replica does not grow on disk: what its base covers is gone, and a restart finds it whole',
  async () => {
    await changed('busy', "create('orSet')")
    for (let round = 0; round < 40; round++) {
      const elements = Array.from({ length: 50 }, (_, at) => `'${'e'.repeat(40)}${at}'`)
      await changed('busy', ...elements.map((element) => `insert(${element})`))
      await changed('busy', ...elements.map((element) => `remove(${element})`))
    }
    await changed('busy', "insert('last')")
    const { revision } = await state('busy')
    const { records } = (await http(host.admin, 'GET', `/v1/services/${replicas}/entities/busy/journal?limit=1000`))
      .json
    assert.is(revision, 82)
    assert.is(records.at(-1).revision, 82)
    assert.ok(records.length < 60, `${records.length} of 82 records are kept`)
    await passivated(host)
    assert.equal(await show('busy'), { elements: ['last'], size: 1 })
  },
)

const Streams = suite('streams of replicated entities')

Streams(
  '§subscription-1, §subscription-2: the answer is the first element, and every change of the value is told once, by whomever',
  async () => {
    const one = open('s1', { operations: 'increment(1)' })
    assert.equal(await one.until(1), ['opened'])
    await changed('s1', 'increment(1)')
    const two = open('s1', { operations: 'increment(1)' })
    await two.until(1)
    await changed('s1', 'increment(1)')
    assert.equal(await one.until(4), ['opened', '{"counter":"2"}', '{"counter":"3"}', '{"counter":"4"}'])
    // Not told of the change that its own command made.
    assert.equal(await two.until(2), ['opened', '{"counter":"4"}'])
    one.cancel()
    two.cancel()
  },
)

Streams('§subscription-2: a command that changed nothing tells nobody', async () => {
  await changed('s2', "create('orSet')", "insert('a')")
  const one = open('s2')
  await one.until(1)
  await changed('s2', "insert('a')")
  await act('s2', read)
  await act('s2', "return { operations: [insert('b')], answer: refuse('aborted', 'no') }")
  await changed('s2', "insert('c')")
  assert.equal(await one.until(2), ['opened', '{"elements":["a","c"],"size":2}'])
  one.cancel()
})

Streams('§subscription-1: a stream may begin without an element', async () => {
  const one = open('s3', { answer: 'none()' })
  await until(
    async () => (await http(host.admin, 'GET', `/v1/services/${replicas}/entities/s3/state`)).status === 200 || true,
  )
  await changed('s3', 'increment(1)')
  await changed('s3', 'increment(1)')
  assert.is((await one.until(1)).at(-1)?.startsWith('{"counter":'), true)
  one.cancel()
})

Streams('§subscription-3: a streamed method answered without a stream completes after that answer', async () => {
  const one = client.listen(replicas, 'Open', 's4', "return { operations: [increment(1)], answer: say('only') }")
  assert.is(await one.ended(), 0)
  assert.equal(one.texts, ['only'])
  const two = client.listen(replicas, 'Open', 's4', "return { answer: refuse('not-found', 'nobody') }")
  assert.equal([await two.ended(), two.message, two.texts], [5, 'nobody', []])
  const three = client.listen(replicas, 'Open', 's4', 'throw new Error()')
  assert.is(await three.ended(), 13)
})

Streams(
  '§subscription-4: `end` delivers its message, then the stream is over, and no cancel follows; others go on',
  async () => {
    const ending = open('s5', {
      changed: 'return { outcome: say("last"), end: true }',
      cancelled: 'return { operations: [increment(100)], answer: none() }',
    })
    const staying = open('s5')
    await Promise.all([ending.until(1), staying.until(1)])
    await changed('s5', 'increment(1)')
    assert.is(await ending.ended(), 0)
    assert.equal(ending.texts, ['opened', 'last'])
    await changed('s5', 'increment(1)')
    assert.equal(await staying.until(3), ['opened', '{"counter":"1"}', '{"counter":"2"}'])
    assert.is(await streamsOf('s5'), 1)
    staying.cancel()
  },
)

Streams('a stream that is ended by a command of the same turn gets its first element, then its last', async () => {
  for (let round = 0; round < 20; round++) {
    const ending = open(`s5-${round}`, { changed: 'return { outcome: say("last"), end: true }' })
    // On the same connection at once, so that both are mostly decided together.
    const together = act(`s5-${round}`, change('increment(1)'))
    await ending.until(1)
    await together
    if (ending.texts.length === 1 && ending.code === undefined) await changed(`s5-${round}`, 'increment(1)')
    assert.is(await ending.ended(), 0)
    assert.equal(ending.texts, ['opened', 'last'])
  }
})

Streams(
  '§subscription-5: a failure in a message ends the stream with its status, and the subscription is gone',
  async () => {
    const one = open('s6', { changed: 'return { outcome: refuse("out-of-range", "too far") }' })
    await one.until(1)
    await changed('s6', 'increment(1)')
    assert.equal([await one.ended(), one.message], [11, 'too far'])
    await until(async () => (await streamsOf('s6')) === 0)
  },
)

Streams(
  '§subscription-6: a client that leaves is heard of once, as a turn: its operations count and the others are told',
  async () => {
    const leave = 'return { operations: [add(-1)], answer: none() }'
    const one = open('s7', { operations: 'add(1)', cancelled: leave })
    await one.until(1)
    const two = open('s7', { operations: 'add(1)', cancelled: leave })
    await two.until(1)
    one.cancel()
    assert.equal(await two.until(2), ['opened', '{"counter":"1"}'])
    two.cancel()
    await until(async () => JSON.stringify(await show('s7')) === '{"counter":"0"}')
    assert.is(await streamsOf('s7'), 0)
    const records = (await http(host.admin, 'GET', `/v1/services/${replicas}/entities/s7/journal`)).json.records
    assert.equal(
      records.map((record: { origin?: string }) => record.origin ?? 'command'),
      ['command', 'command', 'cancelled', 'cancelled'],
    )
  },
)

Streams('§subscription-6: a client whose connection is cut off is heard of like one that cancels', async () => {
  const session = http2.connect(`http://${host.listen}`)
  session.on('error', () => {})
  const code = subscribe({ operations: 'add(1)', cancelled: 'return { operations: [add(-1)], answer: none() }' })
  const request = openBy(session, 's8', code)
  await new Promise((resolve) => request.once('data', resolve))
  assert.equal(await show('s8'), { counter: '1' })
  session.destroy()
  await until(async () => JSON.stringify(await show('s8')) === '{"counter":"0"}')
})

Streams('§subscription-6: effects of a cancellation run', async () => {
  const count = "return { operations: [increment(1)], answer: say('') }"
  const one = open('s9', {
    cancelled: `return { answer: none({ effects: [effect('Replicas', 'Do', 's9-left', ${JSON.stringify(count)})] }) }`,
  })
  await one.until(1)
  one.cancel()
  await until(async () => JSON.stringify(await show('s9-left')) === '{"counter":"1"}')
})

Streams('effects of a message run before it, and a message may be forwarded', async () => {
  const count = "return { operations: [increment(1)], answer: say('counted ' + ((view.value?.counter ?? 0) * 1 + 1)) }"
  const one = open('s10', {
    changed: `return { outcome: forward('Replicas', 'Do', 's10-f', ${JSON.stringify(count)}, { effects: [effect('Replicas', 'Do', 's10-e', ${JSON.stringify(count)}, true)] }) }`,
  })
  await one.until(1)
  await changed('s10', 'increment(1)')
  await changed('s10', 'increment(1)')
  assert.equal(await one.until(3), ['opened', 'counted 1', 'counted 2'])
  assert.equal(await show('s10-e'), { counter: '2' })
  one.cancel()
})

Streams(
  '§subscription-8, replicated.R4: an entity with an open stream stays in memory, and its value with it',
  async () => {
    const one = open('s11', { operations: 'increment(1)' })
    await one.until(1)
    await passivated(host, 1)
    await changed('s11', 'increment(1)')
    assert.equal(await one.until(2), ['opened', '{"counter":"2"}'])
    one.cancel()
  },
)

Streams(
  '§subscription-10: a function that fails to tell its subscribers cuts them off, hears that they left, and keeps the change',
  async () => {
    const one = open('s12', {
      changed: 'if (view.value.counter === "1") throw new Error(); return { skip: true }',
      cancelled: 'return { operations: [increment(10)], answer: none() }',
    })
    await one.until(1)
    assert.equal(await changed('s12', 'increment(1)'), { counter: '1' })
    assert.is(await one.ended(), 13)
    await until(async () => JSON.stringify(await show('s12')) === '{"counter":"11"}')
  },
)

Streams('a step for a stream that was not given is a fault of the function', async () => {
  const one = open('s13', { changed: 'return { outcome: say("x"), as: "another" }' })
  await one.until(1)
  await changed('s13', 'increment(1)')
  assert.is(await one.ended(), 13)
})

Streams(
  '§subscription-10: a function that fails to hear that a client left is asked once more, and then it is over',
  async () => {
    const one = open('s14', { cancelled: 'throw new Error()' })
    await one.until(1)
    one.cancel()
    await until(async () => (await act('s14', change('increment(1)'))).code === 0 && (await streamsOf('s14')) === 0)
  },
)

Streams(
  '§subscription-9: a client that does not read is cut off with RESOURCE_EXHAUSTED, and hears of nothing more',
  async () => {
    // A window that one element fills, never opened again: the rest waits in the host.
    const session = http2.connect(`http://${host.listen}`, { settings: { initialWindowSize: 1_000 } })
    session.on('error', () => {})
    const code = subscribe({
      changed: "return { outcome: say('x'.repeat(5000)) }",
      cancelled: 'return { operations: [increment(1000)], answer: none() }',
    })
    const request = openBy(session, 's15', code)
    await new Promise((resolve) => request.once('response', resolve))
    for (let round = 0; round < 150; round++) await act('s15', change('increment(1)'))
    await until(async () => {
      const { counter } = (await show('s15')) as { counter: string }
      return Number(counter) >= 1_000
    })
    assert.is(await streamsOf('s15'), 0)
    session.destroy()
  },
)

Streams(
  '§replica-8, §replica-13: a deleted entity answers NOT_FOUND for ever, and its streams end well after their last messages',
  async () => {
    await changed('gone', "create('orSet')", "insert('a')")
    const one = open('gone', { cancelled: 'return { operations: [clear()], answer: none() }' })
    await one.until(1)
    const answer = await act(
      'gone',
      "return { operations: [insert('b')], delete: true, answer: { after: 'return say(view.value.size)' } }",
    )
    // The reply is computed from the value before the deletion.
    assert.is(answer.text, '2')
    assert.is(await one.ended(), 0)
    assert.equal(one.texts, ['opened', '{"elements":["a","b"],"size":2}'])
    const deleted = { code: 5, message: 'Entity deleted', text: '' }
    assert.equal(await act('gone', read), deleted)
    assert.equal(await act('gone', change("create('flag')")), deleted)
    const two = open('gone')
    assert.equal([await two.ended(), two.message], [5, 'Entity deleted'])
    await passivated(host)
    assert.equal(await act('gone', read), deleted)
  },
)

Streams('§effect-13: an effect on a streamed method is a client that leaves after the first answer', async () => {
  const joined = subscribe({
    operations: 'add(1)',
    cancelled: 'return { operations: [add(-1), add(10)], answer: none() }',
  })
  const code = `return { answer: say('sent', { effects: [effect('Replicas', 'Open', 's16', ${JSON.stringify(joined)}, true)] }) }`
  assert.is((await act('s16-cause', code)).text, 'sent')
  assert.equal(await show('s16'), { counter: '10' })
  assert.is(await streamsOf('s16'), 0)
  assert.equal((await http(host.admin, 'GET', '/v1/effects')).json.effects, [])
  const forwarded = `return { answer: forward('Replicas', 'Open', 's17', ${JSON.stringify(joined)}) }`
  assert.is((await act('s17-cause', forwarded)).text, 'opened')
  assert.equal(await show('s17'), { counter: '10' })
})

Streams(
  '§subscription-11, replicated.R5: many subscribers hear of every change once and in order, in several turns of the loop',
  async () => {
    const streams = Array.from({ length: 600 }, () => open('s21', { cancelled: 'return { answer: none() }' }))
    await Promise.all(streams.map((stream) => stream.until(1)))
    await Promise.all([changed('s21', 'increment(1)'), changed('s21', 'increment(1)'), changed('s21', 'increment(1)')])
    for (const stream of streams) {
      assert.equal(await stream.until(4), ['opened', '{"counter":"1"}', '{"counter":"2"}', '{"counter":"3"}'])
    }
    for (const stream of streams) stream.cancel()
    await until(async () => (await streamsOf('s21')) === 0)
  },
)

Streams('telling.T2, replicated.R5: of a change the value is encoded once, however many hear of it', async () => {
  const streams = Array.from({ length: 600 }, () => open('s23', { cancelled: 'return { answer: none() }' }))
  await Promise.all(streams.map((stream) => stream.until(1)))
  const { view } = Replica.prototype
  let encoded = 0
  Replica.prototype.view = function (this: Replica, ...parts) {
    encoded += 1
    return view.apply(this, parts)
  }
  try {
    await changed('s23', 'increment(1)')
    for (const stream of streams) assert.equal(await stream.until(2), ['opened', '{"counter":"1"}'])
  } finally {
    Replica.prototype.view = view
  }
  // For the command, for its reply, and for all that heard.
  assert.is(encoded, 3)
  for (const stream of streams) stream.cancel()
  await until(async () => (await streamsOf('s23')) === 0)
})

Streams(
  '§replica-8, replicated.R6: many subscribers of an entity that is deleted hear of the value before, and end well',
  async () => {
    const streams = Array.from({ length: 600 }, () => open('s22', { cancelled: 'return { answer: none() }' }))
    await Promise.all(streams.map((stream) => stream.until(1)))
    const deleting = act('s22', 'return { operations: [increment(7)], delete: true, answer: say("gone") }')
    const late = act('s22', read)
    for (const stream of streams) {
      assert.is(await stream.ended(), 0)
      assert.equal(stream.texts, ['opened', '{"counter":"7"}'])
    }
    assert.is((await deleting).text, 'gone')
    assert.equal(await late, { code: 5, message: 'Entity deleted', text: '' })
    assert.is(await streamsOf('s22'), 0)
  },
)

Streams('§limit-6: what is kept of the request of a stream is bounded', async () => {
  const long = open('s20', { operations: 'add(1)', changed: `/* ${'x'.repeat(40_000)} */ return {}` })
  assert.equal([await long.ended(), long.texts], [8, []])
  assert.match(long.message, 'the function keeps a note')
  assert.match(long.message, 'it may have 65536')
  assert.is(await show('s20'), null)
})

Streams(
  '§limit-6: over HTTP a long request is the 413 of its caller, and a long note is 429: no caller can shorten it',
  async () => {
    const opened = (code: string) => http(host.listen, 'POST', '/replicas/s24/open', { code })
    const note = await opened(`return { answer: say('opened'), subscribe: 'n'.repeat(65_000) } //${'x'.repeat(600)}`)
    assert.is(note.status, 429)
    assert.match(note.text, 'the function keeps a note')
    const request = await opened(`return { answer: say('opened'), subscribe: '' } //${'x'.repeat(65_536)}`)
    assert.is(request.status, 413)
    assert.match(request.text, 'the request of a stream on an entity may have 65536 bytes')
  },
)

Streams('§deadline-3: a stream has its own deadline', async () => {
  const path = `/${replicas}/Open`
  const same = (bytes: Buffer) => bytes
  const code = subscribe({ operations: 'add(1)', cancelled: 'return { operations: [add(-1)], answer: none() }' })
  const call = client.client.makeServerStreamRequest(path, same, same, script('s18', code), {
    deadline: Date.now() + 300,
  })
  call.on('data', () => {})
  call.on('error', () => {})
  const status = await new Promise<{ code: number }>((resolve) => call.on('status', resolve))
  assert.is(status.code, 4)
  await until(async () => JSON.stringify(await show('s18')) === '{"counter":"0"}')
})

Streams('over HTTP a stream is JSON lines or server-sent events, and leaving is heard of', async () => {
  const leaving = new AbortController()
  const code = subscribe({ operations: 'add(1)', cancelled: 'return { operations: [add(-1)], answer: none() }' })
  const response = await fetch(`http://${host.listen}/replicas/s19/open`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ code }),
    signal: leaving.signal,
  })
  assert.is(response.headers.get('content-type'), 'text/event-stream')
  const reader = response.body!.getReader()
  const { value } = await reader.read()
  assert.is(Buffer.from(value!).toString(), 'id: 1\ndata: {"text":"opened"}\n\n')
  leaving.abort()
  await until(async () => JSON.stringify(await show('s19')) === '{"counter":"0"}')
})

Streams('§stream-5: a new version ends open streams with UNAVAILABLE, and hears that they left', async () => {
  const one = open('up', { operations: 'add(1)', cancelled: 'return { operations: [add(-1)], answer: none() }' })
  await one.until(1)
  assert.ok((await host.deployer.deploy(await scripted((source) => `${source}\n// a newer version`))).ok)
  assert.is(await one.ended(), 14)
  await until(async () => JSON.stringify(await show('up')) === '{"counter":"0"}')
})

Streams(
  '§call-9, §subscription-7: a host that stops ends streams well; the next one hears that they left, before anything else',
  async () => {
    const one = open('stop', {
      operations: 'add(1)',
      cancelled: 'return { operations: [add(-1), add(100)], answer: none() }',
    })
    await one.until(1)
    const stopping = host.stop()
    assert.is(await one.ended(), 0)
    client.close()
    await stopping
    host = await testHost(data.path, { 'passivate-after-ms': '50' }, { sweepEveryMs: 20 })
    client = new ScriptClient(host.listen)
    assert.equal(await show('stop'), { counter: '100' })
    assert.equal(await act('gone', read), { code: 5, message: 'Entity deleted', text: '' })
    assert.equal(await show('m'), { entries: { in: { entries: { f: { enabled: true } }, size: 1 } }, size: 1 })
  },
)

Streams.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Kinds.run()
Streams.run()
