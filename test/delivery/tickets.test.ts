// Guards deferred replies: tickets that are opened, joined, resolved, kept under keys, and expire; through a whole host on virtual time.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hearing, replicas, scripted, values } from '../support/scripted.ts'
import { TimedHost, textOf } from '../support/timed-host.ts'

const Deferred = suite('deferred replies')
const minute = 60_000
const hour = 60 * minute

const later = (more = '') => `return { change: { updated: 'asked' }, outcome: later('t'${more}) }`
const resolve = (what = "told('t', 'Do', 'done')") => `return { outcome: say('resolved', { resolves: [${what}] }) }`
const refuses = "failed('t', 'Do', 'failed-precondition', 'sold out')"

class World extends TimedHost {
  get open(): number {
    const storage = this.core.services.get(values)!.storage
    return this.core.partitions.all.reduce(
      (sum, { tickets }) => sum + tickets.page(storage, undefined, 100).tickets.length,
      0,
    )
  }
}

async function world(flags: Record<string, string> = {}): Promise<World> {
  const made = new World(flags)
  await made.start()
  await made.deploy(await scripted(undefined, hearing()))
  return made
}

Deferred(
  '§ticket-1, turn.T7: a call stays open until its ticket is resolved, and all who joined hear the same',
  async () => {
    const one = await world()
    const [first, second] = [one.send(values, 'a', later()), one.send(values, 'a', later())]
    await one.pass(minute)
    assert.equal([first.now, second.now, one.open], [undefined, undefined, 1])
    assert.is(await one.call(values, 'a', resolve()), 'resolved')
    await one.pass(10)
    assert.equal([textOf(first.now), textOf(second.now), one.open], ['done', 'done', 0])
    const third = one.send(values, 'a', later())
    await one.pass(10)
    await one.call(values, 'a', resolve(refuses))
    await one.pass(10)
    assert.is(textOf(third.now), 'refused 9 sold out')
    // What is not open is passed over.
    assert.is(await one.call(values, 'a', resolve()), 'resolved')
  },
)

Deferred('§ticket-2: a batch that defers and resolves answers at once', async () => {
  const one = await world()
  const [asked, done] = [one.send(values, 'a', later()), one.send(values, 'a', resolve())]
  await one.pass(10)
  assert.equal([textOf(asked.now), textOf(done.now), one.open], ['done', 'resolved', 0])
})

Deferred(
  '§ticket-3, tickets.I2, tickets.I3: a deadline ends the wait and not the ticket; under its key a caller waits again, also after a restart',
  async () => {
    const one = await world()
    const first = one.send(values, 'a', later(), { key: 'k', deadlineMs: one.nowMs + 1_000 })
    await one.pass(2_000)
    assert.match(textOf(first.now), /^deadline_exceeded/)
    assert.is(one.open, 1)
    const again = one.send(values, 'a', later(), { key: 'k' })
    await one.pass(10)
    assert.is(again.now, undefined)
    one.crash()
    await one.start()
    const third = one.send(values, 'a', later(), { key: 'k' })
    await one.pass(10)
    assert.is(third.now, undefined)
    await one.call(values, 'a', resolve())
    await one.pass(10)
    assert.is(textOf(third.now), 'done')
    // And after that, from what is kept; also a refusal.
    assert.is(await one.call(values, 'a', later(), { key: 'k' }), 'done')
    assert.is(await one.call(values, 'a', 'return { outcome: say(value) }'), 'asked')
    const other = one.send(values, 'a', later(), { key: 'other' })
    await one.pass(10)
    await one.call(values, 'a', resolve(refuses))
    await one.pass(10)
    one.crash()
    await one.start()
    assert.is(textOf(other.now), 'refused 9 sold out')
    assert.is(textOf(await one.answer(values, 'a', later(), { key: 'other' })), 'refused 9 sold out')
  },
)

Deferred(
  '§ticket-4, tickets.I5: one that is never resolved ends with DEADLINE_EXCEEDED, after its own time or that of keys',
  async () => {
    const one = await world({ 'idempotency-hours': '2' })
    const quick = one.send(values, 'a', later(', 5'), { key: 'k' })
    await one.pass(4_000)
    assert.is(quick.now, undefined)
    await one.pass(3_000)
    assert.match(textOf(quick.now), /^refused 4 nothing was answered in time: the ticket t was not resolved/)
    assert.match(textOf(await one.answer(values, 'a', later(', 5'), { key: 'k' })), /^refused 4 /)
    const slow = one.send(values, 'b', later())
    await one.pass(hour)
    assert.is(slow.now, undefined)
    one.crash()
    await one.start()
    assert.is(one.open, 1)
    await one.pass(hour + minute)
    assert.is(one.open, 0)
  },
)

Deferred('§ticket-5: the answer to an ask comes when the ticket is resolved, also after the time of keys', async () => {
  const one = await world({ 'idempotency-hours': '2' })
  const hears = `return { change: { updated: failure === undefined ? reply : failure.reason + ' ' + failure.message }, outcome: say('') }`
  const ask = (id: string) =>
    `return { outcome: say('', { effects: [ask('Values', 'Do', 'b', ${JSON.stringify(later())}, ${JSON.stringify(hears)})] }) } // ${id}`
  await one.call(values, 'a', ask('a'))
  await one.call(values, 'c', ask('c'))
  await one.pass(5 * hour)
  one.crash()
  await one.start()
  assert.is(one.open, 1)
  await one.call(values, 'b', resolve())
  await one.pass(1_000)
  for (const id of ['a', 'c']) assert.is(await one.call(values, id, 'return { outcome: say(value) }'), 'done')
  // An effect that nobody waits for has arrived when its target defers.
  await one.call(
    values,
    'a',
    `return { outcome: say('', { effects: [effect('Values', 'Do', 'b', ${JSON.stringify(later())})] }) }`,
  )
  await one.pass(minute)
  assert.is(one.core.outbox.size, 0)
})

Deferred('§ticket-6: a ticket of another method is a fault, and nothing of that command is kept', async () => {
  const one = await world()
  const waiting = one.send(values, 'a', later())
  await one.pass(10)
  const wrong = await one.answer(
    values,
    'a',
    "return { change: { updated: 'no' }, outcome: say('', { resolves: [told('t', 'Heard', 'x')] }) }",
  )
  assert.match(textOf(wrong), /^guest_fault/)
  assert.is(await one.call(values, 'a', 'return { outcome: say(value) }'), 'asked')
  assert.is(waiting.now, undefined)
})

Deferred('§ticket-7: what forwards to one that defers waits with it; streams and actions cannot defer', async () => {
  const one = await world()
  const forwarded = one.send(
    'test.script.v1.Actions',
    '',
    `return forward('Values', 'Do', 'a', ${JSON.stringify(later())})`,
  )
  await one.pass(minute)
  assert.is(forwarded.now, undefined)
  await one.call(values, 'a', resolve())
  await one.pass(10)
  assert.is(textOf(forwarded.now), 'done')
  const action = await one.answer('test.script.v1.Actions', '', "return later('t')")
  assert.match(textOf(action), /^guest_fault/)
})

Deferred('§ticket-1: replicated entities defer and resolve', async () => {
  const one = await world()
  const waiting = one.send(replicas, 'r', "return { operations: [increment(2)], answer: later('t') }")
  await one.pass(minute)
  assert.is(waiting.now, undefined)
  await one.call(replicas, 'r', "return { answer: say('', { resolves: [told('t', 'Do', view.value.counter)] }) }")
  await one.pass(10)
  assert.is(textOf(waiting.now), '2')
})

Deferred(
  '§ticket-3, tickets.I1: wherever the host crashes, who comes again under a key is answered once and the same',
  async () => {
    const one = await world()
    let random = 3
    const answers: string[] = []
    for (let at = 0; at < 25; at++) {
      const [name, key] = [`t${at}`, `k${at}`]
      const asks = `return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: later('${name}') }`
      one.send(values, 'a', asks, { key })
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31
      for (let turn = random % 7; turn > 0; turn--) await one.pass(0)
      one.crash()
      await one.start()
      one.send(values, 'a', asks, { key })
      await one.pass(5)
      one.send(values, 'a', `return { outcome: say('', { resolves: [told('${name}', 'Do', 'done ${at}')] }) }`)
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31
      for (let turn = random % 7; turn > 0; turn--) await one.pass(0)
      one.crash()
      await one.start()
      await one.call(values, 'a', `return { outcome: say('', { resolves: [told('${name}', 'Do', 'done ${at}')] }) }`)
      answers.push(await one.call(values, 'a', asks, { key }))
    }
    assert.equal(
      answers,
      Array.from({ length: 25 }, (_, at) => `done ${at}`),
    )
    assert.is(await one.call(values, 'a', 'return { outcome: say(value) }'), '25')
    assert.is(one.open, 0)
  },
)

Deferred(
  '§ticket-4, tickets.I4: a ticket whose time is up while it is resolved has one answer, the same for all',
  async () => {
    const one = await world()
    const heard = new Set<string>()
    for (let turns = 0; turns < 20; turns++) {
      const id = `e${turns}`
      const waiting = [one.send(values, id, later(', 5'), { key: 'k' }), one.send(values, id, later(', 5'))]
      const soon = (left: number): void => {
        if (left > 0) one.time.next(() => soon(left - 1))
        else one.send(values, id, resolve())
      }
      one.time.at(one.time.nowMs + (turns < 10 ? 4_999 : 5_000), () => soon(turns % 10))
      await one.pass(minute)
      const answers = [
        ...waiting.map(({ now }) => textOf(now)),
        textOf(await one.answer(values, id, later(', 5'), { key: 'k' })),
      ]
      assert.is(new Set(answers).size, 1, answers.join(' | '))
      heard.add(answers[0]!.slice(0, 9))
    }
    assert.equal([...heard].sort(), ['done', 'refused 4'])
    assert.is(one.open, 0)
  },
)

Deferred('§ticket-1: one caller too many under a key is refused, and the function is not to blame', async () => {
  const one = await world()
  const sends = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => one.send(values, 'a', later(), { key: `k${from + at}` }))
  const waiting = sends(0, 700)
  await one.pass(minute)
  waiting.push(...sends(700, 1_050))
  await one.pass(minute)
  const refused = waiting.filter(({ now }) => now !== undefined)
  assert.is(refused.length, 50)
  assert.match(textOf(refused[0]!.now), /^overloaded 1000 callers wait for this answer; try again once it is there/)
  const without = one.send(values, 'a', later())
  await one.pass(10)
  assert.is(without.now, undefined)
  await one.call(values, 'a', resolve())
  await one.pass(10)
  assert.is(textOf(without.now), 'done')
  assert.is(waiting.filter(({ now }) => textOf(now) === 'done').length, 1_000)
})

Deferred('§timer-8, pending.N5: open tickets take of the room for what is due later, and give it back', async () => {
  const one = await world({ 'pending-bytes-max': '20000' })
  const waiting = Array.from({ length: 200 }, (_, at) => one.send(values, 'a', `return { outcome: later('t${at}') }`))
  await one.pass(1_000)
  const refused = waiting.flatMap(({ now }) => (now === undefined ? [] : [textOf(now)]))
  assert.ok(refused.length > 100 && refused.length < 160, `${refused.length}`)
  assert.match(refused[0]!, /^overloaded test\.script\.v1\.Values has used up its share of what may be due later/)
  const all = Array.from({ length: 200 }, (_, at) => `told('t${at}', 'Do', 'done')`)
  for (let at = 0; at < 200; at += 50) await one.call(values, 'a', resolve(all.slice(at, at + 50).join()))
  await one.pass(1_000)
  assert.equal(
    one.core.partitions.all.map(({ pending }) => pending.bytesOf(values)),
    one.core.partitions.all.map(() => 0),
  )
  const again = one.send(values, 'a', later())
  await one.pass(1_000)
  assert.is(again.now, undefined)
})

Deferred.run()
