// Guards the bounds of §limit through the whole host: what is past one is refused with the error that says which, and the host
// goes on.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer } from '../../host/command.ts'
import type { Host } from '../../host/main.ts'
import { fixture } from '../support/components.ts'
import type { HttpAnswer } from '../support/host.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, script, scripted, values } from '../support/scripted.ts'

interface Bounded {
  readonly host: Host
  readonly client: ScriptClient
  readonly value: (id: string, code: string, headers?: Record<string, string>) => ReturnType<ScriptClient['call']>
  readonly act: (code: string, headers?: Record<string, string>) => ReturnType<ScriptClient['call']>
  readonly replica: (id: string, code: string, headers?: Record<string, string>) => ReturnType<ScriptClient['call']>
}

/** A host with these settings, for one test. */
async function bounded(flags: Record<string, string>, run: (at: Bounded) => Promise<void>): Promise<void> {
  const data = temporary()
  const host = await testHost(data.path, flags)
  const client = new ScriptClient(host.listen)
  try {
    assert.ok((await host.deployer.deploy(await scripted())).ok)
    await run({
      host,
      client,
      value: (id, code, headers) => client.call(values, 'Do', id, code, headers),
      act: (code, headers) => client.call(actions, 'Do', '', code, headers),
      replica: (id, code, headers) => client.call(replicas, 'Do', id, code, headers),
    })
  } finally {
    client.close()
    await host.stop()
    data.remove()
  }
}

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}
const text = (code: string) => JSON.stringify(code)
const put = (what: string) => `return { change: { updated: '${what}' }, outcome: say('') }`
const show = 'return { outcome: say(value ?? "nothing") }'
const refused = "return { outcome: refuse('unavailable', 'not yet') }"
const fault = /^the function failed \(request /

const Limits = suite('bounds')

Limits('§limit-1: a message over the limit: of a request RESOURCE_EXHAUSTED and 413, of a reply a fault', async () => {
  await bounded({ 'message-bytes-max': '20000' }, async ({ host, value, act, replica, client }) => {
    const long = `return { outcome: say('') } // ${'x'.repeat(30_000)}`
    for (const call of [value('m', long), replica('m', long), act(long)]) assert.is((await call).code, 8)
    for (const path of ['/values/m', '/replicas/m', '/actions', '/actions/out', '/replicas/m/open']) {
      const { status, json } = await http(host.listen, 'POST', path, { code: long })
      assert.equal([status, json.code], [413, 8], path)
    }
    const big = (words: string) => words.replace('BIG', "'x'.repeat(25000)")
    for (const call of [
      value('m', big("return { change: { updated: 'lost' }, outcome: say(BIG) }")),
      replica('m', big('return { operations: [increment(1)], answer: say(BIG) }')),
      act(big('return say(BIG)')),
    ]) {
      const { code, message } = await call
      assert.is(code, 13)
      assert.match(message, fault)
    }
    const stream = client.listen(actions, 'Out', '', big("return { outputs: [say('a'), say(BIG)], done: true }"))
    assert.is(await stream.ended(), 13)
    assert.equal([(await value('m', show)).text, (await act("return say('on')")).text], ['nothing', 'on'])
  })
})

Limits(
  '§limit-2: metadata over the limit is RESOURCE_EXHAUSTED and 431, of unary calls and streams; that of a reply a fault',
  async () => {
    await bounded({ 'metadata-bytes-max': '1000' }, async ({ host, client, value, act, replica }) => {
      const headers = { 'x-long': 'x'.repeat(1_500) }
      for (const call of [
        value('m', show, headers),
        act("return say('')", headers),
        replica('m', 'return { answer: say(1) }', headers),
      ]) {
        const { code, message } = await call
        assert.equal([code, message], [8, 'metadata for the service may have at most 1000 bytes'])
      }
      for (const [service, method] of [
        [actions, 'Out'],
        [replicas, 'Open'],
      ] as const) {
        const stream = client.listen(service, method, 'm', 'return {}', headers)
        assert.is(await stream.ended(), 8)
        assert.match(stream.message, 'may have at most 1000 bytes')
      }
      for (const path of ['/values/m', '/actions', '/actions/out', '/replicas/m/open']) {
        const { status, json } = await http(host.listen, 'POST', path, { code: show }, headers)
        assert.equal([status, json.code], [431, 8], path)
      }
      assert.is((await act("return say('', { metadata: [['x-long', 'x'.repeat(1500)]] })")).code, 13)
      assert.is((await act("return say('on')", { 'x-short': 'x' })).text, 'on')
    })
  },
)

Limits(
  'entities.N2, §limit-3, §refusal-6: past the bound of one entity callers are told to retry, with Retry-After over HTTP',
  async () => {
    await bounded({ 'mailbox-commands-max': '5', 'batch-commands-max': '1' }, async ({ host, value }) => {
      const slow = 'let x = 0; for (let i = 0; i < 30000; i++) x += i; return { outcome: say(x) }'
      const answers = await Promise.all(Array.from({ length: 200 }, () => value('busy', slow)))
      const over = answers.filter(({ code }) => code !== 0)
      assert.ok(over.length > 0 && over.length < 200)
      for (const { code, message } of over)
        assert.equal([code, message], [8, '5 commands are waiting for this entity; try again later'])
      const overHttp: HttpAnswer[] = []
      await until(async () => {
        const calls = Array.from({ length: 50 }, () => http(host.listen, 'POST', '/values/busy', { code: slow }))
        overHttp.push(...(await Promise.all(calls)))
        return overHttp.some(({ status }) => status !== 200)
      })
      const late = overHttp.find(({ status }) => status !== 200)!
      assert.equal([late.status, late.headers.get('retry-after'), late.json.code], [429, '1', 8])
    })
  },
)

Limits('§limit-3: so it is past the bound of all that wait, actions and entities together', async () => {
  await bounded({ 'waiting-commands-max': '20' }, async ({ value, act }) => {
    const slow = 'let x = 0; for (let i = 0; i < 30000; i++) x += i; '
    const calls = Array.from({ length: 150 }, (_, at) =>
      at % 2 ? act(`${slow} return say(x)`) : value(`v${at}`, `${slow} return { outcome: say(x) }`),
    )
    const answers = await Promise.all(calls)
    const over = answers.filter(({ code }) => code !== 0)
    assert.ok(over.length > 0 && over.length < 150)
    for (const { code, message } of over)
      assert.equal(
        [code, message.replace(/\d+ of \d+ bytes/, 'N bytes')],
        [
          8,
          'your address has used up its share of the commands that may wait in this host: 17 of 20 commands, N bytes; try again later',
        ],
      )
    assert.is((await act("return say('on')")).text, 'on')
  })
})

Limits(
  'actions.A1, entities.N2, §limit-3: what waits for actions and what waits for entities counts together, and each leaves an eighth free',
  async () => {
    await bounded({ 'waiting-commands-max': '20' }, async ({ host }) => {
      const common = { metadata: [], idempotencyKey: undefined, hops: 0, requestId: 'wait', effect: undefined }
      const deadlineMs = Date.now() + 60_000
      const answers = Array.from({ length: 30 }, (_, at) => {
        const service = at % 2 ? actions : values
        const payload = script(`w${at}`, at % 2 ? "return say('')" : "return { outcome: say('') }")
        return new Promise<Answer>((resolve) =>
          host.dispatch({ service, method: 'Do', payload, deadlineMs, ...common }, resolve),
        )
      })
      const kinds = (await Promise.all(answers)).map((answer) =>
        answer.kind === 'error' ? answer.error.code : answer.kind,
      )
      assert.equal(kinds, [...Array(18).fill('reply'), ...Array(12).fill('overloaded')])
    })
  },
)

Limits('§limit-4: more effects of one decision than allowed are a fault, and none of them runs', async () => {
  await bounded({ 'decision-effects-max': '3' }, async ({ host, value, act, replica }) => {
    const effects = (count: number) =>
      `{ effects: Array.from({ length: ${count} }, () => effect('Values', 'Do', 'e', ${text(put('x'))}, true)) }`
    const calls = (count: number) => [
      value('c', `return { change: { updated: 'c' }, outcome: say('', ${effects(count)}) }`),
      replica('c', `return { operations: [increment(1)], answer: say('', ${effects(count)}) }`),
      act(`return say('', ${effects(count)})`),
    ]
    for (const call of calls(4)) assert.match((await call).message, fault)
    assert.equal([(await value('c', show)).text, (await value('e', show)).text], ['nothing', 'nothing'])
    for (const call of calls(3)) assert.is((await call).code, 0)
    assert.is((await value('e', show)).text, 'x')
    assert.equal((await http(host.admin, 'GET', '/v1/effects')).json.effects, [])
  })
})

Limits(
  '§limit-4: more events of one decision than allowed, in number or bytes, are a fault and leave none',
  async () => {
    await bounded({ 'decision-event-bytes-max': '4' }, async ({ host }) => {
      assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
      const add = (amount: string) => http(host.listen, 'POST', '/odd/e/do', { what: 'add', amount })
      assert.is((await add('5')).status, 200)
      const { status, json } = await add('9007199254740993')
      assert.is(status, 500)
      assert.match(json.message, fault)
      assert.is((await http(host.listen, 'POST', '/odd/e/do', { what: 'read' })).json.total, '5')
    })
  },
)

Limits('§limit-4: more operations of one decision than allowed are a fault and change nothing', async () => {
  await bounded({ 'decision-operations-max': '3' }, async ({ replica }) => {
    const increments = (count: number) =>
      `return { operations: Array.from({ length: ${count} }, () => increment(1)), answer: say('') }`
    assert.match((await replica('o', increments(4))).message, fault)
    assert.is((await replica('o', increments(3))).code, 0)
    assert.is((await replica('o', 'return { answer: say(view.value.counter) }')).text, '3')
  })
})

Limits('§limit-5: a guest result over the limit, in bytes or elements, is a fault', async () => {
  await bounded({ 'guest-result-bytes-max': '50000' }, async ({ act, client }) => {
    assert.match((await act("return say('x'.repeat(60000))")).message, fault)
    const stream = client.listen(
      actions,
      'Out',
      '',
      "return { outputs: Array.from({ length: 10 }, () => say('x'.repeat(6000))), done: true }",
    )
    assert.is(await stream.ended(), 13)
    assert.is((await act("return say('on')")).text, 'on')
  })
})

Limits('§fault-8: fuel is by command: one that takes more than its share fails alone', async () => {
  await bounded({ 'fuel-per-command': '20000000' }, async ({ value, act, replica, client }) => {
    const loop = 'for (;;);'
    for (const call of [value('l', loop), act(loop), replica('l', loop)]) assert.match((await call).message, fault)
    assert.is(await client.listen(actions, 'Out', '', loop).ended(), 13)
    assert.is(await client.listen(replicas, 'Open', 'l', loop).ended(), 13)
    assert.is((await value('l', put('on'))).code, 0)
  })
})

Limits('§stream-2: too many open streams are refused with the bound, and a place that is left is taken', async () => {
  await bounded({ 'streams-max': '3' }, async ({ host, client }) => {
    const open =
      "return { operations: [add(1)], answer: say('open'), subscribe: { cancelled: 'return { operations: [add(-1)], answer: none() }' } }"
    const wait = "return { outputs: ended ? [say('open')] : [] }"
    const streams = [
      client.listen(replicas, 'Open', 's', open),
      client.listen(actions, 'Out', '', wait),
      client.listen(replicas, 'Open', 's', open),
    ]
    await Promise.all(streams.map((stream) => stream.until(1)))
    const over = client.listen(actions, 'Out', '', wait)
    assert.equal([await over.ended(), over.message], [8, 'too many open streams: 3 are allowed; try again later'])
    const overHttp = await http(host.listen, 'POST', '/replicas/s/open', { code: open })
    assert.equal([overHttp.status, overHttp.headers.get('retry-after')], [429, '1'])
    // Unary calls go on.
    assert.is((await client.call(replicas, 'Do', 's', 'return { answer: say(view.value.counter) }')).text, '2')
    streams[0]!.cancel()
    await until(async () => {
      const next = client.listen(replicas, 'Open', 's', open)
      const first = await Promise.race([next.until(1).then(() => 0), next.ended()])
      return first === 0
    })
  })
})

Limits(
  '§idempotency-9, §key-7: names have a length: an idempotency key over it is INVALID_ARGUMENT, an entity key too',
  async () => {
    await bounded({}, async ({ host, value }) => {
      const long = await value('n', show, { 'idempotency-key': 'k'.repeat(257) })
      assert.equal([long.code, long.message], [3, 'an idempotency key has 1 to 256 printable ASCII characters'])
      assert.is((await value('n', show, { 'idempotency-key': 'k'.repeat(256) })).code, 0)
      const empty = await http(host.listen, 'POST', '/values/n', { code: show }, { 'idempotency-key': '' })
      assert.equal([empty.status, empty.json.code], [400, 3])
      const key = await value('k'.repeat(1_025), show)
      assert.equal([key.code, key.message], [3, 'the entity key is longer than 1024 bytes; shorten it'])
      assert.is((await value('k'.repeat(1_024), show)).code, 0)
      assert.is((await http(host.listen, 'POST', `/values/${'%C3%BC'.repeat(513)}`, { code: show })).status, 400)
    })
  },
)

Limits(
  '§effect-11: a full outbox refuses what would add to it, of every kind, before anything of it happens',
  async () => {
    await bounded({ 'outbox-effects-max': '2' }, async ({ host, value, act, replica, client }) => {
      const waiting = `{ effects: [effect('Values', 'Do', 'never', ${text(refused)})] }`
      for (let at = 0; at < 2; at++) assert.is((await act(`return say('', ${waiting})`)).code, 0)
      const full = [
        value('f', `return { change: { updated: 'lost' }, outcome: say('', ${waiting}) }`),
        replica('f', `return { operations: [increment(1)], answer: say('', ${waiting}) }`),
        act(`return say('', ${waiting})`),
      ]
      for (const call of full)
        assert.equal(await call, { code: 8, message: 'too many side effects are waiting; see `inn effects`', text: '' })
      const stream = client.listen(actions, 'Out', '', `return { outputs: [say('', ${waiting})], done: true }`)
      assert.equal([await stream.ended(), stream.texts], [8, []])
      const opened = client.listen(
        replicas,
        'Open',
        'f',
        `return { operations: [increment(1)], answer: say('', ${waiting}), subscribe: {} }`,
      )
      assert.is(await opened.ended(), 8)
      assert.equal((await http(host.listen, 'POST', '/actions', { code: `return say('', ${waiting})` })).status, 429)
      // What needs no place goes on.
      assert.equal(
        [(await value('f', show)).text, (await replica('f', 'return { answer: say(view.exists) }')).text],
        ['nothing', 'false'],
      )
      const { effects } = (await http(host.admin, 'GET', '/v1/effects')).json
      assert.is(effects.length, 2)
      const headers = { 'content-type': 'application/json' }
      for (const { id } of effects) await http(host.admin, 'DELETE', `/v1/effects/${id}`, undefined, headers)
      assert.is((await act(`return say('', ${waiting})`)).code, 0)
    })
  },
)

Limits(
  '§effect-11, §subscription-6: a client that leaves while the outbox is full is heard of when there is room',
  async () => {
    await bounded({ 'outbox-effects-max': '1' }, async ({ host, value, act, client, replica }) => {
      const left = `return { operations: [add(-1)], answer: none({ effects: [effect('Values', 'Do', 'left', ${text(put('yes'))})] }) }`
      const stream = client.listen(
        replicas,
        'Open',
        'r',
        `return { operations: [add(1)], answer: say('open'), subscribe: { cancelled: ${text(left)} } }`,
      )
      await stream.until(1)
      assert.is((await act(`return say('', { effects: [effect('Values', 'Do', 'never', ${text(refused)})] })`)).code, 0)
      stream.cancel()
      await stream.ended()
      const turns = async () => {
        const { text } = await http(host.admin, 'GET', '/metrics')
        return Number(
          /^innkeeper_entities_activated_total\{service="test.script.v1.Replicas"\} (\d+)$/m.exec(text)?.[1] ?? 0,
        )
      }
      // It is tried now and then, not in a circle: other services have the machine.
      const before = await turns()
      for (let at = 0; at < 20; at++) await value('other', put(String(at)))
      await new Promise((resolve) => setTimeout(resolve, 500))
      const circles = (await turns()) - before
      assert.ok(circles < 100, `the entity was loaded ${circles} times`)
      assert.is((await value('left', show)).text, 'nothing')
      const [{ id }] = (await http(host.admin, 'GET', '/v1/effects')).json.effects
      await http(host.admin, 'DELETE', `/v1/effects/${id}`, undefined, { 'content-type': 'application/json' })
      await until(async () => (await value('left', show)).text === 'yes')
      assert.is((await replica('r', 'return { answer: say(view.value.counter) }')).text, '0')
    })
  },
)

Limits.run()
