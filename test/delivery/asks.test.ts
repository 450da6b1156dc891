// Guards asks: what an effect was answered comes back to its entity, once, whatever crashes; through a whole host on virtual time.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { actions, hearing, replicas, scripted, values } from '../support/scripted.ts'
import { TimedHost, textOf } from '../support/timed-host.ts'

const Asks = suite('asks')
const minute = 60_000

/** Notes what it is answered. */
const hears = `const what = failure === undefined ? 'reply ' + reply : [failure.reason, failure.code, failure.message].join(' ');
  return { change: { updated: JSON.stringify([...JSON.parse(value ?? '[]'), what]) }, outcome: say('') }`
const read = "return { outcome: say(value ?? '[]') }"
const does = (more: string) => `return { outcome: say('', { ${more} }) }`
const ask = (service: string, id: string, code: string, more = '') =>
  `ask(${JSON.stringify(service)}, 'Do', ${JSON.stringify(id)}, ${JSON.stringify(code)}, ${JSON.stringify(hears)}, { ${more} })`
const asks = (service: string, id: string, code: string, more = '') =>
  does(`effects: [${ask(service, id, code, more)}]`)
/** Counts how often it was decided. */
const counts =
  "return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('n' + (Number(value ?? 0) + 1)) }"

class World extends TimedHost {
  async heard(id = 'a'): Promise<readonly string[]> {
    return JSON.parse(await this.call(values, id, read)) as string[]
  }
}

async function world(flags: Record<string, string> = {}): Promise<World> {
  const made = new World(flags)
  await made.start()
  await made.deploy(await scripted(undefined, hearing()))
  return made
}

Asks(
  '§ask-1, delivery/answers.A1: the reply of an entity, of a replicated one, of an action comes to the entity that asked',
  async () => {
    const one = await world()
    await one.call(values, 'a', asks('Values', 'b', counts))
    await one.pass(1_000)
    await one.call(
      values,
      'a',
      asks('Replicas', 'r', "return { operations: [increment(1)], answer: say('from a replica') }"),
    )
    await one.pass(1_000)
    await one.call(values, 'a', asks('Actions', '', "return say('from an action')"))
    await one.pass(1_000)
    assert.equal(await one.heard(), ['reply n1', 'reply from a replica', 'reply from an action'])
    assert.is(one.core.outbox.size, 0)
    // Itself, too.
    await one.call(values, 'a', asks('Values', 'a', "return { outcome: say('from itself') }"))
    await one.pass(1_000)
    assert.is((await one.heard()).at(-1), 'reply from itself')
  },
)

Asks(
  '§ask-2, §ask-3, delivery/answers.A2: a refusal comes at once, whatever its code, as REFUSED; nothing is tried again',
  async () => {
    const one = await world()
    for (const [service, id, refusal] of [
      ['Values', 'b', "return { outcome: refuse('unavailable', 'not now') }"],
      ['Replicas', 'r', "return { answer: refuse('not-found', 'no such thing') }"],
      ['Actions', '', "return refuse('aborted', 'no')"],
    ] as const) {
      await one.call(values, 'a', asks(service, id, refusal))
      await one.pass(50)
    }
    assert.equal(await one.heard(), ['REFUSED 14 not now', 'REFUSED 5 no such thing', 'REFUSED 10 no'])
    assert.is(one.core.outbox.size, 0)
    // A function that fails was reached, and nothing came of it.
    await one.call(values, 'a', asks('Values', 'b', "throw new Error('boom')"))
    await one.pass(50)
    assert.match((await one.heard()).at(-1)!, /^REFUSED 13 /)
  },
)

Asks('§ask-3, outbox.O10: what never reached a target is NOT_SENT, and an ask never parks', async () => {
  const one = await world()
  await one.call(values, 'a', asks('no.such.Service', 'b', ''))
  await one.pass(1_000)
  assert.match((await one.heard())[0]!, /^NOT_SENT 12 .*no\.such\.Service/)
  const streams = `effects: [effect('Actions', 'Out', '', '', { answer: { method: 'Heard', note: request('', ${JSON.stringify(hears)}) } })]`
  await one.call(values, 'a', does(streams))
  await one.pass(1_000)
  assert.match((await one.heard())[1]!, /^NOT_SENT 12 .*only methods that answer once can be asked/)
  assert.is(one.core.outbox.size, 0)
})

Asks(
  '§ask-4: an ask whose time is up fails with DEADLINE_EXCEEDED, also one that its target has deferred; what comes late means nothing',
  async () => {
    const one = await world()
    await one.call(values, 'a', asks('Values', 'b', "return { outcome: later('t') }", 'within: 5000'))
    await one.call(values, 'c', asks('Values', 'b', "return { outcome: later('t') }", 'within: 3600000'))
    await one.pass(4_000)
    assert.equal(await one.heard(), [])
    one.crash()
    await one.start()
    await one.pass(2_000)
    assert.match((await one.heard())[0]!, /^UNKNOWN 4 /)
    await one.call(values, 'b', does("resolves: [told('t', 'Do', 'at last')]"))
    await one.pass(1_000)
    assert.is((await one.heard()).length, 1)
    assert.equal(await one.heard('c'), ['reply at last'])
  },
)

Asks('§ask-5: an answer, and its ask, are exactly once, wherever the host crashes', async () => {
  const one = await world()
  let random = 5
  for (let at = 0; at < 60; at++) {
    one.send(values, `a${at % 3}`, asks('Values', `b${at % 4}`, counts, at % 2 === 0 ? 'after: 300' : ''))
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31
    await one.pass(1 + (random % 40))
    if (at % 5 === 4) {
      one.crash()
      await one.start()
    }
  }
  await one.pass(5 * minute)
  const heard = (await Promise.all(['a0', 'a1', 'a2'].map((id) => one.heard(id)))).flat()
  let decided = 0
  for (let at = 0; at < 4; at++)
    decided += Number(await one.call(values, `b${at}`, "return { outcome: say(value ?? '0') }"))
  assert.is(heard.length, decided)
  assert.ok(decided >= 40, `${decided}`)
  assert.ok(
    heard.every((what) => what.startsWith('reply n')),
    heard.join(),
  )
  assert.is(one.core.outbox.size, 0)
})

Asks(
  '§ask-6, delivery/answers.A3: a saga of a hundred steps: an answer has the hops of the command that asked',
  async () => {
    const one = await world()
    const step = `const n = Number(value ?? 0) + 1;
    return { change: { updated: String(n) }, outcome: say('', n < 100 ? { effects: [ask('Values', 'Do', 'b', ${JSON.stringify(counts)}, self)] } : {}) }`
    await one.call(values, 'a', step)
    await one.pass(minute)
    assert.is(await one.call(values, 'a', 'return { outcome: say(value) }'), '100')
    assert.is(await one.call(values, 'b', 'return { outcome: say(value) }'), '99')
    assert.is(one.core.outbox.size, 0)
  },
)

Asks('§ask-6: a bomb of asks ends at the bound of its chain', async () => {
  const one = await world({ 'chain-effects-max': '500' })
  const step = `return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('', {
    effects: [0, 1].map((n) => ask('Values', 'Do', 'b' + n, ${JSON.stringify(counts)}, self)) }) }`
  await one.call(values, 'a', step)
  await one.pass(10 * minute)
  const n = Number(await one.call(values, 'a', 'return { outcome: say(value) }'))
  assert.ok(n > 100 && n <= 1_001, `${n}`)
  // The last ones are told that there was no room in their chain, and give up; what they say then is one too many.
  assert.ok(one.core.outbox.list().every(({ parked }) => parked !== undefined))
})

Asks('§ask-7: an answer that is refused is parked, and tried again by hand', async () => {
  const one = await world()
  const refuses = "return { outcome: refuse('failed-precondition', 'not like this') }"
  const code = does(`effects: [ask('Values', 'Do', 'b', ${JSON.stringify(counts)}, ${JSON.stringify(refuses)})]`)
  await one.call(values, 'a', code)
  await one.pass(1_000)
  const [parked, ...others] = one.core.outbox.list()
  assert.is(others.length, 0)
  assert.match(parked!.parked!, /refused with FAILED_PRECONDITION: not like this/)
  assert.equal(parked!.to, parked!.from)
})

Asks('§call-11: a client cannot call a method that hears answers', async () => {
  const one = await world()
  const answered = one.send(values, 'a', read)
  await one.pass(10)
  assert.is(textOf(answered.now), '[]')
  const command = {
    service: values,
    method: 'Heard',
    payload: new Uint8Array(),
    metadata: [],
    idempotencyKey: undefined,
  }
  const told = { now: '' }
  one.core.dispatch(
    { ...command, deadlineMs: Number.POSITIVE_INFINITY, hops: 0, effect: undefined, requestId: 'r' },
    (answer) => {
      told.now = textOf(answer)
    },
  )
  await one.pass(10)
  assert.match(told.now, /^forbidden /)
})

Asks(
  '§ask-8, deploy/answers.H3: a version without the method that pending answers go to is refused with how many they are',
  async () => {
    const one = await world()
    await one.call(values, 'a', asks('Values', 'b', "return { outcome: later('t') }"))
    await one.call(values, 'a', does(`effects: [${ask('Values', 'b', counts, 'after: 3600000')}]`))
    await one.pass(1_000)
    const result = await one.tryDeploy(await scripted())
    assert.not(result.ok)
    assert.match(
      JSON.stringify(result),
      /has no method Heard, but calls of it are outstanding: 1 due later, 1 asked and not answered yet; keep/,
    )
  },
)

Asks('§ask-9: replicated entities ask and hear', async () => {
  const one = await world()
  const heard = "return { operations: [increment(reply === 'n1' ? 5 : 1)], answer: say('') }"
  const code = `return { answer: say('', { effects: [ask('Values', 'Do', 'b', ${JSON.stringify(counts)}, ${JSON.stringify(heard)})] }) }`
  await one.call(replicas, 'r', code)
  await one.pass(1_000)
  assert.is(await one.call(replicas, 'r', 'return { answer: say(view.value?.counter ?? 0) }'), '5')
})

Asks('an action cannot ask: it has no entity that could hear', async () => {
  const one = await world()
  const answer = await one.answer(actions, '', `return say('', { effects: [${ask('Values', 'b', counts)}] })`)
  assert.match(textOf(answer), /^guest_fault/)
})

Asks('§ask-1, §ask-4: an answer comes through a forward, and the time of the ask goes on meanwhile', async () => {
  const one = await world()
  const forwards = (code: string) => `return { outcome: forward('Values', 'Do', 'c', ${JSON.stringify(code)}) }`
  await one.call(values, 'a', asks('Values', 'b', forwards(counts)))
  await one.pass(1_000)
  assert.equal(await one.heard(), ['reply n1'])
  await one.call(values, 'a', asks('Values', 'b', forwards("return { outcome: later('t') }"), 'within: 5000'))
  await one.pass(10_000)
  assert.match((await one.heard())[1]!, /^UNKNOWN 4 /)
  assert.is(one.core.outbox.size, 0)
})

Asks.run()
