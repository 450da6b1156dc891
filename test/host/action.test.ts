// Guards actions, case by case (§action, with §effect and §forward for them): calls and streams, effects and forwards, failures, cancels.

import http2 from 'node:http2'
import type { ClientDuplexStream, ClientWritableStream } from '@grpc/grpc-js'
import { Metadata } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { http, temporary, testHost } from '../support/host.ts'
import type { Listening } from '../support/scripted.ts'
import { actions, listening, replicas, ScriptClient, said, script, scripted, values } from '../support/scripted.ts'

const data = temporary()
const host: Host = await testHost(data.path, { 'message-bytes-max': '200000' })
assert.ok((await host.deployer.deploy(await scripted())).ok)
const client = new ScriptClient(host.listen)
const same = (bytes: Buffer) => bytes

const act = (code: string, headers: Record<string, string> = {}) => client.call(actions, 'Do', '', code, headers)
const out = (code: string, headers: Record<string, string> = {}) => client.listen(actions, 'Out', '', code, headers)
/** A counter that others see: how often something ran. */
const once = "return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('counted') }"
const count = (id: string) => `effect('Values', 'Do', '${id}', ${JSON.stringify(once)}, true)`
const counted = async (id: string): Promise<number> =>
  Number((await client.call(values, 'Do', id, 'return { outcome: say(value ?? 0) }')).text)

interface Sending extends Listening {
  send(code: string): void
  end(): void
}

function both(headers: Metadata = new Metadata()): Sending {
  const call: ClientDuplexStream<Buffer, Buffer> = client.client.makeBidiStreamRequest(
    `/${actions}/Both`,
    same,
    same,
    headers,
  )
  return Object.assign(
    listening(call, () => call.cancel()),
    {
      send: (code: string) => {
        call.write(script('', code))
      },
      end: () => {
        call.end()
      },
    },
  )
}

function sendAll(codes: readonly string[], end = true): Promise<{ code: number; message: string; text: string }> {
  return new Promise((resolve) => {
    const call: ClientWritableStream<Buffer> = client.client.makeClientStreamRequest(
      `/${actions}/In`,
      same,
      same,
      (error, reply) => {
        if (error === null) resolve({ code: 0, message: '', text: said(reply as Buffer) })
        else resolve({ code: error.code, message: error.details, text: '' })
      },
    )
    for (const code of codes) call.write(script('', code))
    if (end) call.end()
  })
}

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}

const Calls = suite('unary actions')

Calls('§action-1: a call is answered, over gRPC and HTTP', async () => {
  assert.is((await act("return say('hi')")).text, 'hi')
  assert.is((await http(host.listen, 'POST', '/actions', { code: "return say('hi')" })).text, '{"text":"hi"}')
})

Calls(
  '§refusal-1, §fault-1: a refusal is its status; a function that throws or loops fails its own call only',
  async () => {
    assert.equal(await act("return refuse('not-found', 'nobody')"), { code: 5, message: 'nobody', text: '' })
    const together = await Promise.all([
      act("return say('1')"),
      act('throw new Error("secret")'),
      act('for (;;);'),
      act("return say('2')"),
    ])
    assert.equal(
      together.map(({ code }) => code),
      [0, 13, 13, 0],
    )
    assert.not.match(together[1]!.message, 'secret')
  },
)

Calls('§command-6: an answer that is none is a fault of a unary action', async () => {
  assert.is((await act('return none()')).code, 13)
})

Calls('§effect-2: effects run in order and before the answer; synchronous ones are awaited', async () => {
  const append = (letter: string, sync: boolean) =>
    `effect('Values', 'Do', 'order', 'return { change: { updated: (value ?? "") + "${letter}" }, outcome: say("") }', ${sync})`
  const code = `return say('done', { effects: [${append('a', true)}, ${append('b', true)}, ${append('c', true)}] })`
  assert.is((await act(code)).text, 'done')
  assert.is((await client.call(values, 'Do', 'order', 'return { outcome: say(value) }')).text, 'abc')
  assert.equal((await http(host.admin, 'GET', '/v1/effects')).json.effects, [])
})

Calls("§refusal-3: effects of an action's failure run, before the failure is told", async () => {
  assert.equal(await act(`return refuse('aborted', 'no', { effects: [${count('failing')}] })`), {
    code: 10,
    message: 'no',
    text: '',
  })
  assert.is(await counted('failing'), 1)
})

Calls('§effect-3: an effect that fails does not change the answer', async () => {
  const refused = "effect('Values', 'Do', 'x', 'return { outcome: refuse(\"aborted\", \"\") }')"
  assert.is((await act(`return say('fine', { effects: [${refused}] })`)).text, 'fine')
  const lost = "effect('no.such.Service', 'Nothing', '', '', true)"
  assert.is((await act(`return say('fine', { effects: [${lost}] })`)).text, 'fine')
  const { effects } = (await http(host.admin, 'GET', '/v1/effects')).json
  const parked = effects.filter((effect: { parked: string | null }) => effect.parked !== null)
  assert.match(parked[0].parked, 'no service no.such.Service')
  for (const { id } of effects)
    await http(host.admin, 'DELETE', `/v1/effects/${id}`, undefined, { 'content-type': 'application/json' })
})

Calls(
  '§forward-1, §forward-4: a forward is answered by its target, whatever the kind of either; chains end at 16 hops',
  async () => {
    const value = `return forward('Values', 'Do', 'fwd', 'return { change: { updated: "v" }, outcome: say("value") }')`
    assert.is((await act(value)).text, 'value')
    assert.is(
      (await act("return forward('Replicas', 'Do', 'fwd', 'return { answer: say(\"replica\") }')")).text,
      'replica',
    )
    assert.is((await act(`return forward('Actions', 'Do', '', ${JSON.stringify(value)})`)).text, 'value')
    assert.equal(await act("return forward('Actions', 'Do', '', 'return refuse(\"not-found\", \"there\")')"), {
      code: 5,
      message: 'there',
      text: '',
    })
    const chain = `const left = Number((JSON.parse(metadata)[0] ?? [])[1] ?? HOPS)
    if (left === 0) return say('end')
    const answer = forward('Actions', 'Do', '', '')
    answer.answer.val.val = to('Actions', 'Do', '', self, [['x-left', String(left - 1)]])
    return answer`
    assert.is((await act(chain.replace('HOPS', '16'))).text, 'end')
    const tooLong = await act(chain.replace('HOPS', '17'))
    assert.is(tooLong.code, 9)
    assert.match(tooLong.message, '16 forwards')
    const lost = await act("return forward('no.such.Service', 'Do', '', '')")
    assert.is(lost.code, 13)
    assert.match(lost.message, /^the function forwards to a service or method that is not deployed/)
  },
)

Calls(
  '§idempotency-6, forward.F3: an action forwards its idempotency key on, so that the target decides once',
  async () => {
    const code = `return forward('Values', 'Do', 'keyed', 'return { change: { updated: (value ?? "") + "x" }, outcome: say((value ?? "") + "x") }')`
    for (let time = 0; time < 3; time++) assert.is((await act(code, { 'idempotency-key': 'k' })).text, 'x')
  },
)

Calls(
  '§metadata-4: metadata comes and goes; that of a forward or effect is only what the function put there',
  async () => {
    assert.is((await act('return say(metadata)', { 'x-asked': 'yes' })).text, '[["x-asked","yes"]]')
    const code = "return forward('Values', 'Do', 'md', 'return { outcome: say(metadata) }')"
    assert.is((await act(code, { 'x-asked': 'yes' })).text, '[]')
    const own = `const call = to('Values', 'Do', 'md', 'return { outcome: say(metadata) }', [['x-own', '1']]); const answer = forward('Values', 'Do', 'md', ''); answer.answer.val.val = call; return answer`
    assert.is((await act(own, { 'x-asked': 'yes' })).text, '[["x-own","1"]]')
    const reply = await http(host.listen, 'POST', '/actions', {
      code: "return say('x', { metadata: [['x-said', 'hello']] })",
    })
    assert.is(reply.headers.get('x-said'), 'hello')
  },
)

Calls('§effect-13, router.R3: an effect on a streamed method runs to its end, all elements discarded', async () => {
  const stream = `memory.n = (memory.n ?? 0) + 1; return { outputs: [say(memory.n, { effects: [${count('drained')}] })], more: true, done: memory.n === 5 }`
  const code = `return say('sent', { effects: [effect('Actions', 'Out', '', ${JSON.stringify(stream)}, true)] })`
  assert.is((await act(code)).text, 'sent')
  assert.is(await counted('drained'), 5)
  assert.equal((await http(host.admin, 'GET', '/v1/effects')).json.effects, [])
  assert.is(
    (await act(`return forward('Actions', 'Out', '', "return { outputs: [say('first'), say('second')], done: true }")`))
      .text,
    'first',
  )
})

const Streams = suite('streamed actions')

Streams('§action-2: a server stream gives its elements in order and ends; it may give none', async () => {
  const one = out("return { outputs: [say('a'), none(), say('b'), say('c')], done: true }")
  assert.is(await one.ended(), 0)
  assert.equal(one.texts, ['a', 'b', 'c'])
  const two = out('return { done: true }')
  assert.equal([await two.ended(), two.texts], [0, []])
})

Streams(
  '§action-2, §metadata-6: inputs are start and item, then end, and the metadata comes with the start',
  async () => {
    const one = out(
      'memory.tags = [...(memory.tags ?? []), ...tags]; return { outputs: [say(memory.tags.join() + memory.metadata)], done: ended }',
      { 'x-asked': 'yes' },
    )
    assert.is(await one.ended(), 0)
    assert.equal(one.texts, ['start,item,end[["x-asked","yes"]]'])
  },
)

Streams(
  '§action-9: `more` is asked again once the client has taken what was given, with the state that the step left',
  async () => {
    const one = out(
      'memory.n = (memory.n ?? 0) + 1; return { outputs: [say(memory.n)], more: true, done: memory.n === 1000 }',
    )
    assert.is(await one.ended(), 0)
    assert.equal(
      one.texts,
      Array.from({ length: 1000 }, (_, at) => String(at + 1)),
    )
  },
)

Streams('§action-3: a client stream has one answer, when the client has sent all', async () => {
  const sum = 'memory.n = (memory.n ?? 0) + items.length; return ended ? { outputs: [say(memory.n)], done: true } : {}'
  assert.is((await sendAll(Array(200).fill(sum))).text, '200')
})

Streams(
  'action/stream.S4, §action-3: an early answer ends the call, and what comes later is not looked at',
  async () => {
    const early = "return { outputs: [say('enough'), say('too much')] }"
    assert.is((await sendAll([early], false)).text, 'enough')
  },
)

Streams('§action-3: a client stream that ends without an answer is a fault', async () => {
  assert.is((await sendAll(['return { done: ended }'])).code, 13)
  assert.is((await sendAll([])).code, 13)
})

Streams('§action-4: bidirectional elements are independent of each other; half-close is passed on', async () => {
  const echo = both()
  echo.send(
    "return { outputs: items.map(({ code }) => say('got ' + code.length)).concat(ended ? [say('bye')] : []), done: ended }",
  )
  await echo.until(1)
  echo.send('12345')
  echo.send('1')
  await echo.until(3)
  echo.end()
  assert.is(await echo.ended(), 0)
  assert.equal(echo.texts.slice(1), ['got 5', 'got 1', 'bye'])
})

Streams('§action-4: after the half-close the function may go on for as long as it likes', async () => {
  const one = both()
  one.send(
    'memory.n = (memory.n ?? 0) + (memory.open ? 1 : 0); memory.open ||= ended; return { outputs: memory.open ? [say(memory.n)] : [], more: memory.open, done: memory.n === 5 }',
  )
  one.end()
  assert.is(await one.ended(), 0)
  assert.equal(one.texts.at(-1), '5')
})

Streams(
  'action/stream.S2, §action-6: a failing element ends the stream with its status: what came before is delivered, what comes after is not',
  async () => {
    const code = `if (cancelled) return { outputs: [none({ effects: [${count('cut')}] })] }; return { outputs: [say('a'), refuse('aborted', 'stop', { effects: [${count('failed-element')}] }), say('b', { effects: [${count('after')}] })], more: true }`
    const one = out(code)
    assert.equal([await one.ended(), one.message, one.texts], [10, 'stop', ['a']])
    assert.is(await counted('failed-element'), 1)
    assert.is(await counted('after'), 0)
    // The function hears that its client is gone, once.
    await until(async () => (await counted('cut')) === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.is(await counted('cut'), 1)
  },
)

Streams('§action-7: a failing element of a function that is done is not followed by a cancel', async () => {
  const code = `if (cancelled) return { outputs: [none({ effects: [${count('done-cut')}] })] }; return { outputs: [refuse('aborted', 'stop')], done: true }`
  assert.is(await out(code).ended(), 10)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.is(await counted('done-cut'), 0)
})

Streams('§limit-6: the state of a stream is bounded', async () => {
  assert.is(await out("memory.big = 'x'.repeat(300000); return { outputs: [say('a')], more: true }").ended(), 13)
})

Streams(
  '§action-5, §forward-5: effects of an element run before it, and a forward stands in its place, stream or not',
  async () => {
    const answer = "return { outcome: say('from value') }"
    const stream = "return { outputs: [say('s1'), say('s2')], done: true }"
    const one = out(
      `return { outputs: [say('a', { effects: [${count('before')}] }), forward('Values', 'Do', 'sub', ${JSON.stringify(answer)}), forward('Actions', 'Out', '', ${JSON.stringify(stream)}), say('z')], done: true }`,
    )
    assert.is(await one.ended(), 0)
    assert.equal(one.texts, ['a', 'from value', 's1', 's2', 'z'])
    assert.is(await counted('before'), 1)
  },
)

Streams('§forward-5: a forward that fails ends the stream with its status', async () => {
  const one = out(
    `return { outputs: [say('a'), forward('Values', 'Do', 'x', 'return { outcome: refuse("not-found", "gone") }'), say('b')], more: true }`,
  )
  assert.equal([await one.ended(), one.message, one.texts], [5, 'gone', ['a']])
})

Streams('§forward-5: a forward may lead to a stream of a replicated entity, which ends with the client', async () => {
  const open = `return { operations: [add(1)], answer: say('open'), subscribe: { changed: 'return { outcome: say(view.value.counter) }', cancelled: 'return { operations: [add(-1)], answer: none() }' } }`
  const one = out(`return { outputs: [forward('Replicas', 'Open', 'via', ${JSON.stringify(open)})], done: true }`)
  await one.until(1)
  await client.call(replicas, 'Do', 'via', "return { operations: [add(5)], answer: say('') }")
  assert.equal(await one.until(2), ['open', '6'])
  one.cancel()
  await until(
    async () => (await client.call(replicas, 'Do', 'via', 'return { answer: say(view.value.counter) }')).text === '5',
  )
})

Streams(
  'action/stream.S3, §action-7: a cancel reaches the function once, its outputs are dropped and its effects run',
  async () => {
    const code = `if (cancelled) return { outputs: [say('late', { effects: [${count('left')}] })], done: true }; return { outputs: ended ? [say('a')] : [] }`
    const one = out(code)
    await one.until(1)
    one.cancel()
    await until(async () => (await counted('left')) === 1)
    const two = both()
    two.send(`${code.replace("ended ? [say('a')] : []", "[say('a')]")}`)
    await two.until(1)
    two.cancel()
    await until(async () => (await counted('left')) === 2)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.is(await counted('left'), 2)
  },
)

Streams('§fault-5: a function that traps mid-stream ends the stream with INTERNAL, after what it gave', async () => {
  const one = out(
    'memory.n = (memory.n ?? 0) + 1; if (memory.n === 3) throw new Error("secret"); return { outputs: [say(memory.n)], more: true }',
  )
  assert.is(await one.ended(), 13)
  assert.equal(one.texts, ['1', '2'])
  assert.not.match(one.message, 'secret')
})

Streams('§action-9: a stream that asks for more for ever and gives nothing is ended', async () => {
  assert.is(await out('return { more: true }').ended(), 13)
  // One that only logs gives nothing either.
  assert.is(await out("console.log('again'); return { more: true }").ended(), 13)
})

Streams(
  'action/stream.S1, §action-8: the slowest client slows the function: steps stop while nothing is taken, and go on after',
  async () => {
    const steps = 600
    const code = `memory.n = (memory.n ?? 0) + 1; return { outputs: [say('x'.repeat(10000), memory.n % 20 === 0 ? { effects: [${count('steps')}] } : {})], more: true, done: memory.n === ${steps} }`
    // Not grpc-js: its client reads ahead without end.
    const session = http2.connect(`http://${host.listen}`)
    const request = session.request({
      ':method': 'POST',
      ':path': `/${actions}/Out`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const payload = script('', code)
    const frame = Buffer.concat([Buffer.from([0]), Buffer.alloc(4), payload])
    frame.writeUInt32BE(payload.length, 1)
    request.end(frame)
    await until(async () => (await counted('steps')) > 0)
    let before = -1
    await until(async () => {
      const now = await counted('steps')
      const still = now === before
      before = now
      if (!still) await new Promise((resolve) => setTimeout(resolve, 500))
      return still
    })
    assert.ok(before * 20 < steps / 2, `${before * 20} of ${steps} steps ran for a client that reads nothing`)
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    await new Promise((resolve) => request.on('end', resolve))
    session.close()
    assert.ok(bytes > steps * 10_000)
    assert.is(await counted('steps'), steps / 20)
  },
)

Streams('§action-8: a client that sends faster than the function takes is held back, and loses nothing', async () => {
  const slow =
    'let x = 0; for (let i = 0; i < 20000; i++) x += i; memory.n = (memory.n ?? 0) + items.length; return ended ? { outputs: [say(memory.n)], done: true } : {}'
  assert.is((await sendAll([slow, ...Array(400).fill('x'.repeat(50_000))])).text, '401')
})

Streams('§answer-7: over HTTP the one request body is the one element, and a server stream is JSON lines', async () => {
  const response = await http(host.listen, 'POST', '/actions/out', {
    code: "return { outputs: [say('a'), say('b')], done: true }",
  })
  assert.equal(
    [response.status, response.headers.get('content-type'), response.text],
    [200, 'application/json', '{"text":"a"}\n{"text":"b"}\n'],
  )
  const refused = await http(host.listen, 'POST', '/actions/out', {
    code: "return { outputs: [refuse('not-found', 'no')], done: true }",
  })
  assert.equal([refused.status, refused.json.message], [404, 'no'])
})

Streams(
  'actions.A2, §stream-5: a new version ends open streams with UNAVAILABLE, and the function hears of it',
  async () => {
    const one = out(
      `if (cancelled) return { outputs: [none({ effects: [${count('replaced')}] })] }; return { outputs: ended ? [say('a')] : [] }`,
    )
    await one.until(1)
    assert.ok((await host.deployer.deploy(await scripted((source) => `${source}\n// newer`))).ok)
    assert.is(await one.ended(), 14)
    await until(async () => (await counted('replaced')) === 1)
    assert.is((await act("return say('on')")).text, 'on')
  },
)

Streams.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Calls.run()
Streams.run()
