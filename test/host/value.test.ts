// Guards value entities, case by case (§value, §refusal, §fault): what callers see, and what stays.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { http, passivated, temporary, testHost } from '../support/host.ts'
import { actions, ScriptClient, scripted, values } from '../support/scripted.ts'

const data = temporary()
let host: Host = await testHost(data.path, { 'passivate-after-ms': '50', 'value-history': 'off' }, { sweepEveryMs: 20 })
assert.ok((await host.deployer.deploy(await scripted())).ok)
let client = new ScriptClient(host.listen)
const act = (id: string, code: string, headers: Record<string, string> = {}) =>
  client.call(values, 'Do', id, code, headers)
const put = (text: string, more = '') =>
  `return { change: { updated: ${JSON.stringify(text)} }, outcome: say('put'${more}) }`
const read = 'return { outcome: say(value ?? "nothing") }'
const show = async (id: string): Promise<string> => (await act(id, read)).text
const state = async (id: string) => (await http(host.admin, 'GET', `/v1/services/${values}/entities/${id}/state`)).json

const Value = suite('a value entity')

Value('§value-1: an entity that was never written has no value, and reading it stores nothing', async () => {
  assert.is(await show('never'), 'nothing')
  assert.is((await http(host.admin, 'GET', `/v1/services/${values}/entities/never/state`)).status, 404)
})

Value('§value-2: update creates, replaces, and is there after the reply', async () => {
  assert.is((await act('a', put('one'))).text, 'put')
  assert.is(await show('a'), 'one')
  await act('a', put('two'))
  assert.is(await show('a'), 'two')
  assert.is((await state('a')).revision, 2)
})

Value('§value-2: delete removes it, deleting nothing is fine, and an update creates it again', async () => {
  const gone = "return { change: 'deleted', outcome: say('gone') }"
  assert.is((await act('d', gone)).text, 'gone')
  await act('d', put('there'))
  assert.is((await act('d', gone)).text, 'gone')
  assert.is(await show('d'), 'nothing')
  await passivated(host)
  assert.is(await show('d'), 'nothing')
  await act('d', put('again'))
  assert.is(await show('d'), 'again')
})

Value('§value-3: an empty value is a value', async () => {
  await act('empty', put(''))
  assert.is((await act('empty', 'return { outcome: say(value === "") }')).text, 'true')
  await passivated(host)
  assert.is((await act('empty', 'return { outcome: say(value === "") }')).text, 'true')
})

Value('§memory-1: a value survives passivation', async () => {
  await act('p', put('kept'))
  await passivated(host)
  assert.is(await show('p'), 'kept')
})

Value('§refusal-2: a refusal leaves no change and no effect, whatever came with it', async () => {
  await act('r', put('before'))
  const code = `return { change: { updated: 'after' }, outcome: refuse('failed-precondition', 'no', { effects: [effect('Values', 'Do', 'r-target', ${JSON.stringify(put('x'))})] }) }`
  assert.equal(await act('r', code), { code: 9, message: 'no', text: '' })
  assert.is(await show('r'), 'before')
  assert.is(await show('r-target'), 'nothing')
})

Value('§fault-1: a function that throws or loops fails its own command and no other', async () => {
  await act('f', put('fine'))
  const together = await Promise.all([
    act('f', "return { change: { updated: 'first' }, outcome: say('1') }"),
    act('f', "throw new Error('the guest says why')"),
    act('f', 'for (;;);'),
    act('f', "return { change: { updated: value + ' second' }, outcome: say('2') }"),
  ])
  assert.equal(
    together.map(({ code }) => code),
    [0, 13, 13, 0],
  )
  assert.not.match(together[1]!.message, 'says why')
  assert.is(await show('f'), 'first second')
})

Value('§command-6: an answer without a reply is a fault, and stores nothing', async () => {
  assert.is((await act('n', "return { change: { updated: 'x' }, outcome: none() }")).code, 13)
  assert.is(await show('n'), 'nothing')
})

Value(
  '§value-4: commands of a batch each see what the one before left, and the last change is what is stored',
  async () => {
    const more = "return { change: { updated: (value ?? '') + 'x' }, outcome: say((value ?? '') + 'x') }"
    const answers = await Promise.all(Array.from({ length: 40 }, () => act('batch', more)))
    assert.equal(
      answers.map(({ text }) => text.length).sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, at) => at + 1),
    )
    assert.is((await show('batch')).length, 40)
    assert.is((await state('batch')).revision, 40)
  },
)

Value('§value-5: without history there is one stored value, and the journal says how to keep more', async () => {
  await act('h', put('one'))
  await act('h', put('two'))
  const { json } = await http(host.admin, 'GET', `/v1/services/${values}/entities/h/journal`)
  assert.equal(json.records, [])
  assert.match(json.note, '--value-history on')
})

Value(
  '§command-2: a change and its effects are stored before the effects run, and those before the reply',
  async () => {
    const target = "return { change: { updated: (value ?? '') + 'e' }, outcome: say('') }"
    const code = `return { change: { updated: 'cause' }, outcome: say('done', { effects: [effect('Values', 'Do', 'e-target', ${JSON.stringify(target)}, true)] }) }`
    assert.is((await act('e', code)).text, 'done')
    assert.is(await show('e-target'), 'e')
  },
)

Value('§forward-2: an update with a forward is stored first, and the target answers', async () => {
  const code = `return { change: { updated: 'moved on' }, outcome: forward('Values', 'Do', 'fw-target', ${JSON.stringify(put('reached'))}) }`
  assert.is((await act('fw', code)).text, 'put')
  assert.equal([await show('fw'), await show('fw-target')], ['moved on', 'reached'])
})

Value('§forward-2, forward.F1: a forward that fails undoes nothing', async () => {
  const code = `return { change: { updated: 'stays' }, outcome: forward('Values', 'Do', 'x', "return { outcome: refuse('not-found', 'nobody there') }") }`
  assert.equal(await act('ff', code), { code: 5, message: 'nobody there', text: '' })
  assert.is(await show('ff'), 'stays')
})

Value(
  '§idempotency-1, §idempotency-2, §idempotency-3, §idempotency-10: a repeated idempotency key gets the first answer and decides nothing; what changed nothing is decided again',
  async () => {
    const once = { 'idempotency-key': 'k1' }
    const more =
      "return { change: { updated: (value ?? '') + 'x' }, outcome: say((value ?? '') + 'x', { metadata: [['x-first', 'yes']] }) }"
    assert.is((await act('i', more, once)).text, 'x')
    await act('i', more)
    assert.is((await act('i', more, once)).text, 'x')
    assert.is(await show('i'), 'xx')
    assert.is((await act('i', put('other'), once)).code, 6)
    const look = { 'idempotency-key': 'k2' }
    assert.is((await act('i', read, look)).text, 'xx')
    await act('i', more)
    assert.is((await act('i', read, look)).text, 'xxx')
    // Nothing was kept under it, so another command may have it.
    assert.is((await act('i', more, look)).text, 'xxxx')
    // A quoted key is the key in the quotes.
    assert.is((await act('i', more, { 'idempotency-key': '"k1"' })).text, 'x')
    // What was said with it is said again.
    const { headers, text } = await http(host.listen, 'POST', '/values/i', { code: more }, { 'idempotency-key': 'k1' })
    assert.is(text, '{"text":"x"}')
    assert.is(headers.get('x-first'), 'yes')
    assert.is(headers.get('cache-control'), 'no-store')
  },
)

Value(
  "§idempotency-6: a forward's final answer is stored under the caller's key, and its target decides once",
  async () => {
    const target = "return { change: { updated: (value ?? '') + 't' }, outcome: say((value ?? '') + 't') }"
    const code = `return { outcome: forward('Values', 'Do', 'if-target', ${JSON.stringify(target)}) }`
    for (let time = 0; time < 3; time++) assert.is((await act('if', code, { 'idempotency-key': 'f1' })).text, 't')
    assert.is(await show('if-target'), 't')
  },
)

Value('§idempotency-4: a refusal is not stored under its key', async () => {
  const key = { 'idempotency-key': 'r1' }
  assert.is(
    (await act('ir', "return { outcome: value === 'ok' ? say('fine') : refuse('unavailable', 'not yet') }", key)).code,
    14,
  )
  await act('ir', put('ok'))
  assert.is(
    (await act('ir', "return { outcome: value === 'ok' ? say('fine') : refuse('unavailable', 'not yet') }", key)).text,
    'fine',
  )
})

Value('§metadata-1, §metadata-5: metadata reaches the function, and its own comes back with the reply', async () => {
  const code = "return { outcome: say(metadata, { metadata: [['x-said', 'hello'], ['x-said', 'again']] }) }"
  const answer = await http(
    host.listen,
    'POST',
    '/values/m',
    { code },
    { 'X-Asked': 'yes', 'ce-id': '7', authorization: 'no' },
  )
  assert.is(answer.json.text, '[["x-asked","yes"],["ce-id","7"]]')
  assert.is(answer.headers.get('x-said'), 'hello, again')
})

Value('§fault-7: a value over the limit is refused with a sentence and changes nothing', async () => {
  const small = temporary()
  const bounded = await testHost(small.path, { 'state-bytes-max': '1000' })
  const at = new ScriptClient(bounded.listen)
  try {
    assert.ok((await bounded.deployer.deploy(await scripted())).ok)
    assert.is((await at.call(values, 'Do', 'v', put('x'.repeat(900)))).code, 0)
    const refused = await at.call(values, 'Do', 'v', put('x'.repeat(1_100)))
    assert.is(refused.code, 8)
    assert.match(refused.message, /the value would have 1100 bytes, 1000 are allowed \(--state-bytes-max\)/)
    assert.is((await at.call(values, 'Do', 'v', 'return { outcome: say(value.length) }')).text, '900')
  } finally {
    at.close()
    await bounded.stop()
    small.remove()
  }
})

Value('§effect-12: effects of actions and values mix: an action may cause a change of a value', async () => {
  const code = `return say('asked', { effects: [effect('Values', 'Do', 'by-action', ${JSON.stringify(put('done'))}, true)] })`
  assert.is((await client.call(actions, 'Do', '', code)).text, 'asked')
  assert.is(await show('by-action'), 'done')
})

Value(
  '§value-5: values and their keys are there after a restart; with history on each change is a record from then on',
  async () => {
    await act('re', put('one'))
    await act('re', put('two'), { 'idempotency-key': 'kept' })
    client.close()
    await host.stop()
    host = await testHost(data.path, { 'passivate-after-ms': '50', 'value-history': 'on' }, { sweepEveryMs: 20 })
    client = new ScriptClient(host.listen)
    assert.is(await show('re'), 'two')
    assert.is((await act('re', put('two'), { 'idempotency-key': 'kept' })).text, 'put')
    await act('re', put('three'))
    await act('re', "return { change: 'deleted', outcome: say('gone') }")
    await act('re', put('five'))
    const journal = await http(host.admin, 'GET', `/v1/services/${values}/entities/re/journal`)
    assert.equal(
      journal.json.records.map((record: { revision: number; change: object }) => [
        record.revision,
        Object.keys(record.change)[0],
      ]),
      [
        [3, 'updated'],
        [4, 'deleted'],
        [5, 'updated'],
      ],
    )
    const at = async (revision: number) =>
      (await http(host.admin, 'GET', `/v1/services/${values}/entities/re/state?at=${revision}`)).json
    assert.equal((await at(3)).state, { base64: Buffer.from('three').toString('base64') })
    assert.is((await at(4)).state, null)
    assert.match((await at(1)).message, 'value-history')
  },
)

Value('§deploy-10: entities of values are listed, and a purge takes all of them away', async () => {
  const list = async () => (await http(host.admin, 'GET', `/v1/services/${values}/entities?limit=1000`)).json.entities
  const ids = (await list()).map(({ id }: { id: string }) => id)
  assert.ok(['a', 'batch', 'e', 'fw', 're'].every((id) => ids.includes(id)))
  const headers = { 'content-type': 'application/json' }
  assert.is((await http(host.admin, 'DELETE', `/v1/services/${values}?purge`, undefined, headers)).status, 200)
  assert.ok((await host.deployer.deploy(await scripted((source) => `${source}\n// again`))).ok)
  assert.equal(await list(), [])
  assert.is(await show('a'), 'nothing')
})

Value.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Value.run()
