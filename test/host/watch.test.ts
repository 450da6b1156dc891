// Guards watches (§watch): methods that the host answers from what another method answers, again after each change, for all kinds of entities and over
// all protocols.

import { readFileSync } from 'node:fs'
import nodeHttp from 'node:http'
import http2 from 'node:http2'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command, Failed } from '../../host/command.ts'
import type { GuestCommand } from '../../host/guest/guest.ts'
import type { Host } from '../../host/main.ts'
import { component } from '../support/components.ts'
import { componentFrom } from '../support/guest-source.ts'
import { http, passivated, temporary, testHost } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { actions, replicas, ScriptClient, said, script, scripted, values, watching } from '../support/scripted.ts'

const put = (text: string) => `return { change: { updated: '${text}' }, outcome: say('') }`
const read = 'return { outcome: say(value) }'
const add = 'return { operations: [increment(1)], answer: say("") }'
const counter = 'return { answer: say(view.value ? view.value.counter : 0) }'
const last = (texts: readonly string[]) => texts.at(-1)

const data = temporary()
const host = await testHost(data.path)
assert.ok((await host.deployer.deploy(await scripted(undefined, watching))).ok)
assert.ok((await host.deployer.deploy((await component('cart/typescript')).bytes)).ok)
const client = new ScriptClient(host.listen)
const change = async (id: string, text: string) => assert.is((await client.call(values, 'Do', id, put(text))).code, 0)

/** Commands that the functions of a service were given, one by one. */
function given(of: Host, service: string): GuestCommand[] {
  const seen: GuestCommand[] = []
  const { guest } = of.services.get(service)! as unknown as { guest: { decide: (...given: unknown[]) => unknown } }
  const decide = guest.decide.bind(guest)
  guest.decide = (...all) => {
    seen.push(...([all[3]].flat() as GuestCommand[]))
    return decide(...all)
  }
  return seen
}

/** A client as the ingress makes one, which takes only what it is asked to take. */
class Slow {
  ready = true
  readonly texts: string[] = []
  owed = 0
  failed: Failed | undefined
  readonly call: ReturnType<Host['open']>

  constructor(of: Host, id: string, code: string, more: Partial<Command> = {}) {
    const command: Command = {
      ...{ service: values, method: 'Watch', payload: script(id, code), metadata: [], idempotencyKey: undefined },
      ...{ deadlineMs: Number.POSITIVE_INFINITY, hops: 0, requestId: 'slow', effect: undefined, ...more },
    }
    const self = this
    this.call = of.open(command, {
      get ready() {
        return self.ready
      },
      next: (payload) => void this.texts.push(said(payload)),
      end: (failed) => {
        this.failed = failed
      },
      inputTaken() {},
      owes: (bytes) => {
        this.owed += bytes
      },
    })
  }

  get error(): string | undefined {
    return this.failed?.kind === 'error' ? this.failed.error.code : undefined
  }
}

const Watch = suite('a watch')

Watch(
  '§watch-1: of a value: the first answer at once, also of one that never was; then each that differs',
  async () => {
    const watched = client.listen(values, 'Watch', 'a', read)
    assert.equal(await watched.until(1), ['undefined'])
    await change('a', 'one')
    await watched.until(2)
    // Of another entity, and one that leaves the answer as it was.
    await change('b', 'other')
    await change('a', 'one')
    await change('a', 'two')
    assert.equal(await watched.until(3), ['undefined', 'one', 'two'])
    const deleted = "return { change: 'deleted', outcome: say('') }"
    await client.call(values, 'Do', 'a', deleted)
    assert.equal(await watched.until(4), ['undefined', 'one', 'two', 'undefined'])
    watched.cancel()
    assert.is(await watched.ended(), 1)
  },
)

Watch('§watch-1: of a replicated entity', async () => {
  const watched = client.listen(replicas, 'Watch', 'a', counter)
  await watched.until(1)
  for (let count = 1; count <= 3; count++) {
    await client.call(replicas, 'Do', 'a', add)
    await watched.until(count + 1)
  }
  assert.equal(watched.texts, ['0', '1', '2', '3'])
  watched.cancel()
})

Watch('§watch-1: of an event-sourced entity, over HTTP/JSON as lines and as events, and over gRPC-Web', async () => {
  const more = (quantity: number) =>
    http(host.listen, 'POST', '/cart/ann/items/add', { productId: 'p', name: 'Pear', quantity })
  await more(1)
  const lines = textOf('/carts/ann/watch')
  const events = textOf('/carts/ann/watch', { accept: 'text/event-stream' })
  await Promise.all([lines.until(/"quantity":1\b.*\n/), events.until(/"quantity":1\b.*\n\n/)])
  await more(2)
  await Promise.all([lines.until(/"quantity":3\b.*\n/), events.until(/"quantity":3\b.*\n\n/)])
  assert.equal(
    lines.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).items[0].quantity),
    [1, 3],
  )
  assert.match(events.text, /^id: 1\ndata: \{.*\}\n\nid: 2\ndata: \{.*\}\n\n$/)
  assert.equal([lines.type(), events.type()], ['application/json', 'text/event-stream'])
  lines.leave()
  events.leave()
  const payload = Buffer.from([10, 3, ...Buffer.from('ann')])
  const web = textOf('/examples.cart.v1.ShoppingCart/WatchCart', {
    'content-type': 'application/grpc-web+proto',
    body: Buffer.concat([Buffer.from([0, 0, 0, 0, payload.length]), payload]),
  })
  await web.until(/Pear/)
  await more(1)
  await web.until(/Pear.*Pear/s)
  web.leave()
})

Watch(
  '§watch-3, watching.W1: all who ask the same cost one evaluation a change, whichever way their requests came',
  async () => {
    const seen = given(host, values)
    const count = 20
    const watchers = Array.from({ length: count }, (_, at) =>
      client.listen(values, 'Watch', 'many', read, { traceparent: `00-${at}`, 'x-forwarded-for': `10.0.0.${at}` }),
    )
    await Promise.all(watchers.map((watched) => watched.until(1)))
    for (const text of ['one', 'two', 'three']) {
      await change('many', text)
      await Promise.all(watchers.map((watched) => eventually(() => last(watched.texts) === text)))
    }
    const readings = () => seen.filter(({ payload }) => Buffer.from(payload).equals(script('many', read))).length
    assert.is(readings(), 4)
    // One who comes later is given what is known; who asks something else has evaluations of his own.
    const late = client.listen(values, 'Watch', 'many', read)
    assert.equal(await late.until(1), ['three'])
    assert.is(readings(), 4)
    const other = 'return { outcome: say(value + metadata) }'
    const [ann, bob] = ['ann', 'bob'].map((user) => client.listen(values, 'Watch', 'many', other, { 'x-user': user }))
    await Promise.all([ann!.until(1), bob!.until(1)])
    assert.equal([ann!.texts, bob!.texts], [['three[["x-user","ann"]]'], ['three[["x-user","bob"]]']])
    for (const watched of [...watchers, late, ann!, bob!]) watched.cancel()
    // Nobody watches any more.
    await eventually(async () => /^innkeeper_watchers 0$/m.test((await http(host.admin, 'GET', '/metrics')).text))
    await change('many', 'four')
    assert.is(readings(), 4)
  },
)

Watch('§watch-5: a client that does not read gets the newest answer once it does, and none between', async () => {
  const slow = new Slow(host, 'slow', read)
  await eventually(() => slow.texts.length === 1)
  slow.ready = false
  const bytes = slow.owed
  for (const text of ['1', '2', 'three', '4', 'x'.repeat(1_000)]) await change('slow', text)
  const quick = new Slow(host, 'slow', read)
  await eventually(() => last(quick.texts)?.length === 1_000)
  // One answer is kept, of all of them, and counted once.
  assert.is(slow.owed, bytes + 1_000 - 'undefined'.length + 1)
  assert.is(quick.owed, 0)
  assert.is(slow.texts.length, 1)
  slow.ready = true
  slow.call.resume()
  assert.equal(slow.texts.slice(1), ['x'.repeat(1_000)])
  // It counts as another one's when this one leaves.
  slow.call.cancel()
  assert.equal([slow.owed, quick.owed > 1_000], [0, true])
  quick.call.cancel()
  assert.is(quick.owed, 0)
})

Watch(
  '§watch-5: over a connection that is not read, answers do not pile up, and its last one is the newest',
  async () => {
    const session = http2.connect(`http://${host.listen}`)
    const stream = session.request({
      ...{ ':method': 'POST', ':path': `/${values}/Watch`, 'content-type': 'application/grpc', te: 'trailers' },
    })
    const payload = script('unread', read)
    const head = Buffer.alloc(5)
    head.writeUInt32BE(payload.length, 1)
    stream.end(Buffer.concat([head, payload]))
    await new Promise((resolve) => stream.once('response', resolve))
    // Nobody reads: HTTP/2 lets 64 KiB through.
    const changes = 40
    const long = (count: number) => `return { change: { updated: '${count}:' + 'x'.repeat(40_000) }, outcome: say('') }`
    for (let count = 1; count <= changes; count++)
      assert.is((await client.call(values, 'Do', 'unread', long(count))).code, 0)
    let bytes = Buffer.alloc(0)
    stream.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
    })
    const numbers = () => [...bytes.toString('latin1').matchAll(/(\d+):x/g)].map(([, number]) => Number(number))
    await eventually(() => numbers().at(-1) === changes)
    assert.ok(numbers().length < changes, `all of ${changes} answers waited for it`)
    assert.equal(
      numbers(),
      [...new Set(numbers())].sort((a, b) => a - b),
    )
    session.destroy()
  },
)

Watch('§watch-4: a method that does more than read is not watched, and nothing of what it did happened', async () => {
  const more: readonly (readonly [service: string, code: string, does: string])[] = [
    [values, "return { change: { updated: 'bad' }, outcome: say('') }", 'changes the entity'],
    [values, "return { change: 'deleted', outcome: say('') }", 'changes the entity'],
    [values, `return { outcome: say('', { effects: [effect('Values', 'Do', 'hit', '')] }) }`, 'sends effects'],
    [values, "return { outcome: later('t', 60) }", 'sends effects or defers its reply'],
    [values, "return { outcome: say('', { cancels: ['n'] }) }", 'sends effects'],
    [values, "return { outcome: forward('Values', 'Do', 'hit', '') }", 'forwards'],
    [replicas, add, 'changes the entity'],
    [replicas, "return { delete: true, answer: say('') }", 'changes the entity'],
    [replicas, `return { answer: say('', { effects: [effect('Values', 'Do', 'hit', '')] }) }`, 'sends effects'],
    [replicas, "return { answer: forward('Values', 'Do', 'hit', '') }", 'forwards'],
  ]
  await client.call(replicas, 'Do', 'pure', add)
  await change('pure', 'well')
  for (const [service, code, does] of more) {
    const watched = client.listen(service, 'Watch', 'pure', code)
    assert.is(await watched.ended(), 9, code)
    assert.match(watched.message, `${service}/Do ${does}`)
    assert.match(watched.message, /only methods that only read and answer can be watched$/)
  }
  assert.is((await client.call(values, 'Do', 'pure', read)).text, 'well')
  assert.is((await client.call(replicas, 'Do', 'pure', counter)).text, '1')
  assert.is((await client.call(values, 'Do', 'hit', read)).text, 'undefined')
  const path = `/v1/services/${values}/entities/pure/state`
  assert.is((await http(host.admin, 'GET', path)).json.revision, 1)
  assert.equal((await http(host.admin, 'GET', '/v1/effects')).json.effects, [])
})

Watch('§watch-4, batched.B4: neither is one that gives events, and none of them is kept', async () => {
  const proto = `syntax = "proto3"; package test; import "innkeeper/options.proto";
    service Counter {
      rpc Add(Request) returns (Said);
      rpc Get(Request) returns (Said);
      rpc WatchAdd(Request) returns (stream Said) { option (innkeeper.method) = { watch: "Add" }; }
      rpc WatchGet(Request) returns (stream Said) { option (innkeeper.method) = { watch: "Get" }; }
    }
    message Request { string id = 1 [(innkeeper.entity_key) = true]; }
    message Said { string text = 1; }
    message Added {}`
  const source = readFileSync(fileURLToPath(new URL('../fixtures/guests/counter.js', import.meta.url)), 'utf8')
    .replaceAll('message(number(value))', 'message(Uint8Array.from([10, 1, 48 + (value > 0)]))')
    .replace('descriptors: new Uint8Array(8)', 'descriptors: DESCRIPTORS')
  const counted = await componentFrom('counted', source, proto, ['event-sourced'])
  const deployed = await host.deployer.deploy(counted)
  assert.ok(deployed.ok, JSON.stringify(deployed))
  const bad = client.listen('test.Counter', 'WatchAdd', 'a', '')
  assert.equal([await bad.ended(), bad.message.split(';')[0]], [9, 'test.Counter/Add changes the entity'])
  const watched = client.listen('test.Counter', 'WatchGet', 'a', '')
  assert.equal(await watched.until(1), ['0'])
  assert.is((await client.call('test.Counter', 'Add', 'a', '')).code, 0)
  assert.equal(await watched.until(2), ['0', '1'])
  watched.cancel()
})

Watch('§watch-4: what is decided with such a method in one turn is decided all the same', async () => {
  const watched = client.listen(values, 'Watch', 'mixed', "return { change: { updated: 'bad' }, outcome: say('') }")
  const calls = ['1', '2', '3'].map((text) =>
    client.call(values, 'Do', 'mixed', `return { change: { updated: (value ?? '') + '${text}' }, outcome: say('') }`),
  )
  assert.equal([await watched.ended(), (await Promise.all(calls)).map(({ code }) => code)], [9, [0, 0, 0]])
  assert.is((await client.call(values, 'Do', 'mixed', read)).text, '123')
})

Watch('§watch-6: a refusal or a failure of the method ends the watch with it', async () => {
  const refusing = "return { outcome: value === 'over' ? refuse('not-found', 'it is over') : say(value) }"
  const watched = client.listen(values, 'Watch', 'refusing', refusing)
  await watched.until(1)
  await change('refusing', 'over')
  assert.equal([await watched.ended(), watched.message], [5, 'it is over'])
  const failing = client.listen(values, 'Watch', 'refusing', 'throw new Error("secret")')
  assert.is(await failing.ended(), 13)
  assert.not.match(failing.message, 'secret')
  const gone = client.listen(replicas, 'Watch', 'gone', counter)
  await gone.until(1)
  await client.call(replicas, 'Do', 'gone', "return { delete: true, answer: say('') }")
  assert.is(await gone.ended(), 5)
})

Watch('§watch-1, watching.W2: changes in a burst: the last answer is of the last change', async () => {
  const watched = client.listen(values, 'Watch', 'burst', read)
  await watched.until(1)
  const count = 300
  await Promise.all(
    Array.from({ length: count }, () =>
      client.call(
        values,
        'Do',
        'burst',
        "return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('') }",
      ),
    ),
  )
  await eventually(() => last(watched.texts) === String(count))
  const numbers = watched.texts.slice(1).map(Number)
  assert.equal(
    numbers,
    [...numbers].sort((a, b) => a - b),
  )
  watched.cancel()
})

Watch('§watch-1: the host calls no function for the watch itself, and an unknown key is refused like any', async () => {
  const seen = given(host, values)
  const watched = client.listen(values, 'Watch', 'named', read)
  await watched.until(1)
  assert.equal(
    seen.map(({ method }) => method),
    ['Do'],
  )
  watched.cancel()
  const keyless = client.listen(values, 'Watch', '', read)
  assert.is(await keyless.ended(), 3)
})

Watch(
  '§watch-8, router.R6: an action forwards a stream to one; effects and unary forwards do not call one',
  async () => {
    const forwarded = client.listen(
      actions,
      'Out',
      '',
      `return { outputs: memory.n ? [] : (memory.n = 1, [forward('Values', 'Watch', 'forwarded', ${JSON.stringify(read)})]) }`,
    )
    await forwarded.until(1)
    await change('forwarded', 'now')
    assert.equal(await forwarded.until(2), ['undefined', 'now'])
    forwarded.cancel()
    const unary = await client.call(actions, 'Do', '', "return forward('Values', 'Watch', 'forwarded', '')")
    assert.is(unary.code, 12)
    assert.match(unary.message, `${values}/Watch is a watch, for streams only; call ${values}/Do`)
    const id = "return say('', { effects: [effect('Values', 'Watch', 'forwarded', '')] })"
    assert.is((await client.call(actions, 'Do', '', id)).code, 0)
    const parked = async () => (await http(host.admin, 'GET', '/v1/effects')).json.effects
    await eventually(async () => (await parked()).length === 1 && /is a watch/.test(JSON.stringify(await parked())))
  },
)

Watch('§watch-8: OpenAPI and reflection show it as any method that streams', async () => {
  const { paths } = (await http(host.listen, 'GET', '/openapi.json')).json
  assert.ok(paths['/carts/{user_id}/watch'].get.responses[200].content['text/event-stream'])
  assert.ok(host.services.get(values)!.schema.files.size > 0)
  const file = [...host.services.get(values)!.schema.files.values()].find(({ name }) =>
    name.endsWith('scripted.proto'),
  )!
  assert.ok(file.symbols.includes(`${values}.Watch`))
})

Watch('§deadline-3, §watch-1: a deadline ends it', async () => {
  const slow = new Slow(host, 'late', read, { deadlineMs: Date.now() + 50 })
  await eventually(() => slow.error !== undefined)
  assert.equal([slow.error, slow.owed], ['deadline_exceeded', 0])
})

Watch.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Watch.run()

const Lives = suite('the life of a watch')

Lives('§watch-7, watching.W3: an entity that is watched is passivated, and its next change is told', async () => {
  await using scene = await ownHost({ 'passivate-after-ms': '10' })
  const watched = scene.client.listen(values, 'Watch', 'a', read)
  await watched.until(1)
  await passivated(scene.host)
  await scene.client.call(values, 'Do', 'a', put('awake'))
  assert.equal(await watched.until(2), ['undefined', 'awake'])
})

Lives('§watch-7: another version of the service goes on with it, and what answers otherwise is told', async () => {
  await using scene = await ownHost()
  const watched = scene.client.listen(values, 'Watch', 'a', read)
  const same = scene.client.listen(values, 'Watch', 'a', 'return { outcome: say("same") }')
  await Promise.all([watched.until(1), same.until(1)])
  const loud = (text: string) => text.replace("now = basis.tag === 'value' ? ", "$&'loud ' + ")
  assert.ok((await scene.host.deployer.deploy(await scripted(loud, watching))).ok)
  await scene.client.call(values, 'Do', 'a', put('x'))
  assert.is(last(await watched.until(2)), 'loud x')
  assert.equal(same.texts, ['same'])
  // Without a change of the entity.
  const quiet = (text: string) => text.replace("now = basis.tag === 'value' ? ", "$&'quiet ' + ")
  assert.ok((await scene.host.deployer.deploy(await scripted(quiet, watching))).ok)
  assert.is(last(await watched.until(3)), 'quiet x')
})

Lives(
  '§watch-7: it ends with UNAVAILABLE where the descriptors are others, and where the service is undeployed',
  async () => {
    await using scene = await ownHost()
    const before = scene.client.listen(values, 'Watch', 'a', read)
    await before.until(1)
    const field = (proto: string) => watching(proto).replace('string text = 1;', '$&\n  string more = 2;')
    assert.ok((await scene.host.deployer.deploy(await scripted(undefined, field))).ok)
    assert.equal(
      [await before.ended(), before.message],
      [14, `${values} was replaced or undeployed; open the stream again`],
    )
    const again = scene.client.listen(values, 'Watch', 'a', read)
    await again.until(1)
    await undeploy(scene.host)
    assert.is(await again.ended(), 14)
  },
)

Lives('§watch-7: a purge ends it; who opens it again sees what is there then', async () => {
  await using scene = await ownHost()
  await scene.client.call(values, 'Do', 'a', put('old'))
  const watched = scene.client.listen(values, 'Watch', 'a', read)
  assert.equal(await watched.until(1), ['old'])
  await undeploy(scene.host, '?purge')
  assert.is(await watched.ended(), 14)
  assert.ok((await scene.host.deployer.deploy(await scripted(undefined, watching))).ok)
  const again = scene.client.listen(values, 'Watch', 'a', read)
  assert.equal(await again.until(1), ['undefined'])
  await scene.client.call(values, 'Do', 'a', put('new'))
  assert.is(last(await again.until(2)), 'new')
})

Lives('§watch-7: a host that stops ends it with UNAVAILABLE, so that clients come again', async () => {
  const scene = await ownHost()
  const watched = scene.client.listen(values, 'Watch', 'a', read)
  await watched.until(1)
  await scene.host.stop()
  assert.is(await watched.ended(), 14)
  await scene[Symbol.asyncDispose]()
})

Lives('§stream-2, §watch-8: watches count among the open streams', async () => {
  await using scene = await ownHost({ 'streams-max': '4' })
  const open = Array.from({ length: 8 }, () => scene.client.listen(values, 'Watch', 'a', read))
  const refused = () => open.filter(({ code }) => code === 8).length
  const answered = () => open.filter(({ texts }) => texts.length === 1).length
  await eventually(() => answered() > 0 && answered() + refused() === open.length)
  assert.ok(refused() >= 4)
})

Lives('§watch-3, §limit-3: a first evaluation has to find room among the commands that wait', async () => {
  await using scene = await ownHost({ 'waiting-commands-max': '1' })
  const held = Array.from({ length: 3 }, (_, at) => new Slow(scene.host, `${at}`, read, { client: 'c' }))
  assert.ok(held.some(({ error }) => error === 'overloaded'))
})

Lives.run()

async function undeploy({ admin }: Host, more = ''): Promise<void> {
  const json = { 'content-type': 'application/json' }
  assert.is((await http(admin, 'DELETE', `/v1/services/${values}${more}`, undefined, json)).status, 200)
}

/** A response that is read as it comes. */
function textOf(path: string, { body, ...headers }: Record<string, string | Buffer> & { body?: Buffer } = {}) {
  const url = `http://${host.listen}${path}`
  let type: string | undefined
  const made = { text: '', leave: () => void request.destroy(), type: () => type, until }
  const request = nodeHttp.request(url, { method: body === undefined ? 'GET' : 'POST', headers: headers as never })
  request.on('response', (response) => {
    type = response.headers['content-type']
    response.setEncoding('latin1')
    response.on('data', (chunk: string) => {
      made.text += chunk
    })
    response.on('error', () => {})
  })
  request.on('error', () => {})
  request.end(body)
  async function until(what: RegExp): Promise<void> {
    await eventually(() => what.test(made.text))
  }
  return made
}

async function ownHost(flags: Record<string, string> = {}) {
  const own = temporary()
  const started = await testHost(own.path, flags)
  assert.ok((await started.deployer.deploy(await scripted(undefined, watching))).ok)
  const calls = new ScriptClient(started.listen)
  return {
    host: started,
    client: calls,
    async [Symbol.asyncDispose]() {
      calls.close()
      await started.stop()
      own.remove()
    },
  }
}
