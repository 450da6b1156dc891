// Guards what all share against one service: chains of effects that never end, an outbox that one service fills, what a purged
// service leaves behind. Counts only.

import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer, Receiver } from '../../host/command.ts'
import { undeployIn } from '../../host/deploy/offline.ts'
import { frame } from '../../host/ingress/envelope.ts'
import type { Host } from '../../host/main.ts'
import { component } from '../support/components.ts'
import { hostProcess, http, temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, script, scripted, values } from '../support/scripted.ts'

const Bounds = suite('bounds of all, and one service')

/** A value that counts its calls, and causes as many effects on itself, which do the same. */
const bomb = (width: number, synchronous = false) =>
  `const f = () => { const me = 'const f = ' + f + '; return f()';
    return { change: { updated: String(Number(value ?? 0) + 1) },
      outcome: say('', { effects: Array.from({ length: ${width} }, () => effect('Values', 'Do', 'b', me, ${synchronous})) }) } }; return f()`
/** Its effect goes to an entity with a longer name. */
const pingPong = `const f = (n) => { const me = 'const f = ' + f + '; return f(' + (n + 1) + ')';
  return { change: { updated: 'x' }, outcome: say('', { effects: [effect('Values', 'Do', 'a' + n, me)] }) } }; return f(1)`
const show = 'return { outcome: say(value ?? "nothing") }'
const json = { 'content-type': 'application/json' }

interface Effect {
  readonly id: number
  readonly parked: string | null
  readonly cause: { readonly service: string }
}

async function effects(host: { admin: string }): Promise<readonly Effect[]> {
  const all: Effect[] = []
  for (let after: number | null = 0; after !== null; ) {
    const { json: page } = await http(host.admin, 'GET', `/v1/effects?limit=1000&after=${after}`)
    all.push(...page.effects)
    after = page.next ?? null
  }
  return all
}

/** None is under way; what is parked. */
async function settled(host: { admin: string }): Promise<readonly Effect[]> {
  for (let tries = 0; tries < 6_000; tries++) {
    const all = await effects(host)
    if (all.every(({ parked }) => parked !== null)) return all
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('effects are still under way')
}

async function running(flags: Record<string, string>, run: (host: Host, client: ScriptClient) => Promise<void>) {
  const data = temporary()
  const host = await testHost(data.path, flags)
  const client = new ScriptClient(host.listen)
  try {
    assert.ok((await host.deployer.deploy(await scripted())).ok)
    await run(host, client)
  } finally {
    client.close()
    await host.stop()
    data.remove()
  }
}

const max = 40
const tooLong = `one command caused more than ${max} side effects; look for a circle, or raise chain-effects-max`

for (const width of [1, 2])
  Bounds(
    `§effect-9, §effect-10, §effect-14: effects on itself, ${width} of each, end with their chain; a try by hand begins a new one`,
    async () => {
      await running({ 'chain-effects-max': String(max) }, async (host, client) => {
        assert.is((await client.call(values, 'Do', 'b', bomb(width))).code, 0)
        const parked = await settled(host)
        assert.is((await client.call(values, 'Do', 'b', show)).text, String(max + 1))
        assert.is(parked.length, (max + 1) * width - max)
        for (const { parked: reason } of parked) assert.is(reason, tooLong)
        await http(host.admin, 'POST', `/v1/effects/${parked[0]!.id}/retry`, undefined, json)
        await settled(host)
        // The one that was tried, and as many effects of it as are left of its chain.
        assert.is((await client.call(values, 'Do', 'b', show)).text, String(2 * max + 1))
      })
    },
  )

Bounds(
  '§effect-10, outbox.O7: synchronous effects on itself are hops, so that the first caller is answered',
  async () => {
    await running({}, async (host, client) => {
      assert.is((await client.call(values, 'Do', 'b', bomb(1, true))).code, 0)
      assert.match((await settled(host))[0]!.parked!, 'the chain has more than 16 forwards and side effects')
      assert.is((await client.call(values, 'Do', 'b', show)).text, '17')
    })
  },
)

Bounds('§effect-10: effects that go from entity to entity are hops', async () => {
  await running({ 'hops-max': '5' }, async (host, client) => {
    assert.is((await client.call(values, 'Do', 'a', pingPong)).code, 0)
    const parked = await settled(host)
    assert.is(parked.length, 1)
    assert.match(parked[0]!.parked!, 'the chain has more than 5 forwards and side effects')
  })
})

Bounds('§effect-9, outbox.O7: a chain is counted on over kill -9', async () => {
  const data = temporary()
  const file = join(data.path, 'scripted.wasm')
  writeFileSync(file, await scripted())
  const journal = join(data.path, 'journal')
  const many = 400
  const flags = ['--chain-effects-max', String(many)]
  let host = await hostProcess(journal, [file, ...flags])
  try {
    for (let kill = 0; kill < 3; kill++) {
      const client = new ScriptClient(host.listen)
      if (kill === 0) assert.is((await client.call(values, 'Do', 'b', bomb(1))).code, 0)
      const least = 20 * (kill + 1)
      for (let tries = 0; tries < 6_000; tries++) {
        if (Number((await client.call(values, 'Do', 'b', show)).text) >= least) break
      }
      client.close()
      await host.kill()
      host = await hostProcess(journal, flags)
    }
    assert.is((await settled(host)).length, 1)
    const client = new ScriptClient(host.listen)
    assert.is((await client.call(values, 'Do', 'b', show)).text, String(many + 1))
    client.close()
  } finally {
    await host.kill()
    data.remove()
  }
})

const parks = (count: number) => `{ effects: Array.from({ length: ${count} }, () => effect('Nowhere', 'Do', '', '')) }`

Bounds('§effect-11, §share-5: one service that fills the outbox is refused by name, another one is not', async () => {
  await running({ 'outbox-effects-max': '80' }, async (host, client) => {
    const act = (count: number) => client.call(actions, 'Do', '', `return say('', ${parks(count)})`)
    const value = (count: number) =>
      client.call(values, 'Do', 'v', `return { change: { updated: 'x' }, outcome: say('', ${parks(count)}) }`)
    assert.is((await act(70)).code, 0)
    assert.is((await settled(host)).length, 70)
    assert.equal(await act(1), {
      code: 8,
      message: `${actions} has used up its share of the outbox: 70 effects of it, of 18200 bytes, wait or are parked; see \`inn effects\``,
      text: '',
    })
    assert.is((await value(10)).code, 0)
    assert.equal(await value(1), { code: 8, message: 'too many side effects are waiting; see `inn effects`', text: '' })
    const { text } = await http(host.admin, 'GET', '/metrics')
    assert.match(text, `innkeeper_outbox_effects_of_service{service="${actions}"} 70`)
    assert.match(text, `innkeeper_outbox_effects_of_service{service="${values}"} 10`)
    // Purged: what it caused goes, what others caused stays, and the room is there again.
    await settled(host)
    assert.is((await http(host.admin, 'DELETE', `/v1/services/${actions}?purge`, undefined, json)).status, 200)
    const left = await effects(host)
    assert.equal([left.length, ...new Set(left.map(({ cause }) => cause.service))], [10, values])
    assert.is((await value(60)).code, 0)
  })
})

/** The status of a stream's answer, asked for from another address of this machine. */
function openFrom(
  localAddress: string,
  listen: string,
  path: string,
  code: string,
): Promise<{ status: number; end: () => void }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const asked = request(`http://${listen}${path}`, { method: 'POST', headers, localAddress }, (response) => {
      response.resume()
      response.on('error', () => {})
      resolve({ status: response.statusCode!, end: () => asked.destroy() })
    })
    asked.on('error', reject)
    asked.end(JSON.stringify({ code }))
  })
}

Bounds(
  '§stream-2, §share-5: one client that opens all streams that it can leaves some to another address, for the same service too',
  async () => {
    await running({ 'streams-max': '16' }, async (host, client) => {
      const code = "return { answer: say('open'), subscribe: {} }"
      const open = Array.from({ length: 13 }, () => client.listen(replicas, 'Open', 'r', code))
      for (const stream of open) await stream.until(1)
      assert.is(await client.listen(replicas, 'Open', 'r', code).ended(), 8)
      const others: { end: () => void }[] = []
      for (const expected of [200, 429]) {
        const other = await openFrom('127.0.0.2', host.listen, '/replicas/r/open', code)
        others.push(other)
        assert.is(other.status, expected)
      }
      // The service has used up its share now; another one has the rest.
      const another = await openFrom(
        '127.0.0.2',
        host.listen,
        '/actions/out',
        "return { outputs: [say('a')], done: true }",
      )
      assert.is(another.status, 200)
      for (const other of others) other.end()
      for (const stream of open) stream.cancel()
    })
  },
)

Bounds(
  '§share-5, sessions.G6, door.D4: a gRPC call without room is refused by its headers alone, with its id, its status and words, and its connection goes on',
  async () => {
    await running({ 'waiting-commands-max': '1', 'streams-max': '1' }, async (host, client) => {
      const before = await metric(host, 'refusal_seconds_count', values)
      const session = connect(`http://${host.listen}`)
      session.on('error', () => {})
      const code = 'return { outcome: say(1) }'
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, at) => grpcStatus(session, 'Values/Do', `k${at}`, code, `id-${at}`)),
      )
      const refused = answers.filter(({ status }) => status === '8')
      assert.ok(refused.length > 0, JSON.stringify(answers[0]))
      for (const { status, id, message } of answers) {
        assert.match(id, /^id-\d+$/)
        if (status === '8') assert.match(message, /try again later/)
        else assert.is(status, '0')
      }
      assert.is((await metric(host, 'refusal_seconds_count', values)) - before, refused.length)
      assert.is((await grpcStatus(session, 'Values/Do', 'k', code, 'after')).status, '0')
      const open = client.listen(replicas, 'Open', 'r', "return { answer: say('open'), subscribe: {} }")
      await open.until(1)
      assert.is(
        (await grpcStatus(session, 'Replicas/Open', 'r', "return { answer: say('open'), subscribe: {} }", 'no')).status,
        '8',
      )
      assert.is((await grpcStatus(session, 'Values/None', 'r', '', 'no')).status, '12')
      open.cancel()
      session.close()
    })
  },
)

/** What a call over this connection is told, by HTTP/2 itself. */
function grpcStatus(
  session: ClientHttp2Session,
  path: string,
  key: string,
  code: string,
  requestId: string,
): Promise<{ status: string; id: string; message: string }> {
  return new Promise((resolve, reject) => {
    const headers = { ':method': 'POST', ':path': `/test.script.v1.${path}`, te: 'trailers', 'x-request-id': requestId }
    const stream = session.request({ ...headers, 'content-type': 'application/grpc' })
    let all: Record<string, unknown> = {}
    const seen = (more: object) => {
      all = { ...all, ...more }
    }
    stream.on('response', seen)
    stream.on('trailers', seen)
    stream.on('error', reject)
    stream.on('close', () =>
      resolve({
        status: String(all['grpc-status']),
        id: String(all['x-request-id']),
        message: decodeURIComponent(String(all['grpc-message'] ?? '')),
      }),
    )
    stream.resume()
    stream.end(frame(0, script(key, code)))
  })
}

const counter = 'examples.counter.v1.Counter'
const width = 3
const keys = 64

/** Each causes three more of itself, at other entities of 64. */
const spreads = `const f = (n) => { const me = 'const f = ' + f + '; return f(';
  return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('', { effects: Array.from({ length: ${width} },
    (_, i) => effect('Values', 'Do', 'k' + ((n * ${width} + i) % ${keys}), me + (n * ${width} + i) + ')')) }) } }; return f(1)`

async function metric(host: { admin: string }, name: string, service: string): Promise<number> {
  const { text } = await http(host.admin, 'GET', '/metrics')
  return Number(new RegExp(`^innkeeper_${name}\\{service="${service}"\\} (.*)$`, 'm').exec(text)?.[1] ?? 0)
}

/** Says PASS or FAIL with what was counted. */
function told(what: string, right: boolean, counts: string): void {
  console.log(`${right ? 'PASS' : 'FAIL'} ${what}: ${counts}`)
  assert.ok(right, `${what}: ${counts}`)
}

const longMax = 3_000
const calls = 100

for (const [what, first, code, causes] of [
  ['a command whose effects cause three more each, over 64 entities', 'k1', spreads, width],
  ['an entity whose effect on itself causes the next one', 'b', bomb(1), 1],
] as const)
  Bounds(`outbox.O7: ${what}: the chain ends, a neighbour has its turns meanwhile, and room for effects`, async () => {
    await running({ 'chain-effects-max': String(longMax) }, async (host, client) => {
      assert.ok((await host.deployer.deploy((await component('counter/assemblyscript')).bytes)).ok)
      const turnsOf = async () => await metric(host, 'function_seconds_count', values)
      const add = (at: number) => http(host.listen, 'POST', `/counter/c${at % 10}/add`, { amount: 1 })
      await add(0)
      assert.is((await client.call(values, 'Do', first, code)).code, 0)
      const before = await turnsOf()
      let answered = 0
      let asked = 0
      // As long as the chain goes on, which may be over soon.
      do {
        asked += 1
        if ((await add(asked)).status === 200) answered += 1
      } while (asked < calls && (await metric(host, 'effects_delivered_total', values)) < longMax)
      const turns = (await turnsOf()) - before
      // How the loop is shared is test/simulation/turns' to guard, by a clock of its own; here it is that the neighbour is answered at all.
      told(what, answered === asked, `${answered} of ${asked} calls of its neighbour, ${turns} turns of it`)
      const parked = await settled(host)
      let delivered = 0
      const names = first === 'b' ? ['b'] : Array.from({ length: keys }, (_, at) => `k${at}`)
      for (const name of names)
        delivered += Number((await client.call(values, 'Do', name, 'return { outcome: say(value ?? 0) }')).text)
      assert.is(delivered, longMax + 1)
      assert.is(parked.length, (longMax + 1) * causes - longMax)
      for (const { parked: reason } of parked)
        assert.is(
          reason,
          `one command caused more than ${longMax} side effects; look for a circle, or raise chain-effects-max`,
        )
      assert.is((await client.call(actions, 'Do', '', `return say('', ${parks(50)})`)).code, 0)
    })
  })

Bounds('a chain that fills the share of its service leaves the outbox to others while it goes on', async () => {
  await running({ 'outbox-effects-max': '200' }, async (host, client) => {
    assert.is((await client.call(values, 'Do', 'k1', spreads)).code, 0)
    for (let tries = 0; tries < 6_000; tries++)
      if ((await metric(host, 'outbox_effects_of_service', values)) > 160) break
    const held = await metric(host, 'outbox_effects_of_service', values)
    assert.ok(held > 160 && held <= 175, `${held} effects of 200`)
    assert.is((await client.call(actions, 'Do', '', `return say('', ${parks(20)})`)).code, 0)
  })
})

Bounds(
  '§effect-11: one service whose effects are large leaves an eighth of the outbox to another, by bytes',
  async () => {
    await running({ 'outbox-bytes-max': '100000' }, async (_host, client) => {
      const large = (bytes: number) =>
        `return say('', { effects: [effect('Nowhere', 'Do', '', 'x'.repeat(${bytes}))] })`
      for (let at = 0; at < 3; at++) assert.is((await client.call(actions, 'Do', '', large(25_000))).code, 0)
      const refused = await client.call(actions, 'Do', '', large(14_000))
      assert.is(refused.code, 8)
      assert.match(
        refused.message,
        /^test\.script\.v1\.Actions has used up its share of the outbox: 3 effects of it, of 7\d{4} bytes/,
      )
      const value = `return { change: { updated: 'x' }, outcome: say('', { effects: [effect('Nowhere', 'Do', '', 'x'.repeat(10000))] }) }`
      assert.is((await client.call(values, 'Do', 'v', value)).code, 0)
    })
  },
)

Bounds(
  'a service that is purged while no host runs takes the effects with it that it caused, and no others',
  async () => {
    const data = temporary()
    try {
      const caused = async (
        flags: Record<string, string>,
        run: (host: Host, client: ScriptClient) => Promise<void>,
      ) => {
        const host = await testHost(data.path, flags)
        const client = new ScriptClient(host.listen)
        try {
          await run(host, client)
        } finally {
          client.close()
          await host.stop()
        }
      }
      await caused({}, async (host, client) => {
        assert.ok((await host.deployer.deploy(await scripted())).ok)
        assert.is((await client.call(actions, 'Do', '', `return say('', ${parks(7)})`)).code, 0)
        const value = `return { change: { updated: 'x' }, outcome: say('', ${parks(50)}) }`
        for (let at = 0; at < 30; at++) assert.is((await client.call(values, 'Do', `v${at}`, value)).code, 0)
        assert.is((await settled(host)).length, 1_507)
      })
      await undeployIn(data.path, values, true)
      await caused({}, async (host, client) => {
        const left = await effects(host)
        assert.equal([left.length, ...new Set(left.map(({ cause }) => cause.service))], [7, actions])
        assert.is(await metric(host, 'outbox_effects_of_service', values), 0)
        // It may be deployed again, and has nothing.
        assert.ok((await host.deployer.deploy(await scripted())).ok)
        assert.is((await client.call(values, 'Do', 'v1', show)).text, 'nothing')
      })
    } finally {
      data.remove()
    }
  },
)

for (const [service, method, code] of [
  [values, 'Do', "return { outcome: say('') }"],
  [replicas, 'Do', "return { answer: say('') }"],
  [replicas, 'Open', "return { answer: say('') }"],
  [actions, 'Do', "return say('')"],
] as const)
  Bounds(
    `what waits of ${service} ${method}: one client leaves room to another, and to its own calls of another service`,
    async () => {
      await running({ 'waiting-commands-max': '40' }, async (host) => {
        const common = { metadata: [], idempotencyKey: undefined, hops: 0, requestId: 'wait', effect: undefined }
        const deadlineMs = Date.now() + 60_000
        const answers: Promise<string>[] = []
        const send = (
          to: string,
          by: string | undefined,
          count: number,
          what = method as string,
          body = code as string,
        ) => {
          for (let at = 0; at < count; at++) {
            const command = {
              service: to,
              method: what,
              payload: script(`w${at}`, body),
              deadlineMs,
              ...common,
              client: by,
            }
            answers.push(
              new Promise((resolve) => {
                if (what !== 'Open') host.dispatch(command, (answer: Answer) => resolve(answer.kind))
                else host.open(command, receiver(resolve))
              }),
            )
          }
        }
        // All in one turn of the loop, so all of them wait.
        send(service, '10.0.0.1', 50)
        send(service, '10.0.0.2', 20)
        const [other, otherCode] =
          service === actions ? [values, "return { outcome: say('') }"] : [actions, "return say('')"]
        send(other, '10.0.0.1', 20, 'Do', otherCode)
        send(other, '10.0.0.2', 20, 'Do', otherCode)
        const kinds = await Promise.all(answers)
        const accepted = (from: number, to: number) => kinds.slice(from, to).filter((kind) => kind === 'reply').length
        const counts = [accepted(0, 50), accepted(50, 70), accepted(70, 90), accepted(90, 110)]
        told(
          `what waits of ${service} ${method}`,
          String(counts) === '33,2,3,2',
          `${counts} of 40 for the client, another client, the client at another service, another client there`,
        )
      })
    },
  )

function receiver(resolve: (kind: string) => void): Receiver {
  let kind = 'reply'
  return {
    ready: true,
    next() {},
    inputTaken() {},
    owes() {},
    end(failed) {
      if (failed !== undefined) kind = failed.kind
      resolve(kind)
    },
  }
}

Bounds(
  '§memory-2: a service that touches keys without end pushes out its own entities, and none of its neighbour',
  async () => {
    await running({ 'activations-max': '50' }, async (host, client) => {
      assert.ok((await host.deployer.deploy((await component('counter/assemblyscript')).bytes)).ok)
      const add = (at: number) => http(host.listen, 'POST', `/counter/c${at}/add`, { amount: 1 })
      for (let at = 0; at < 10; at++) assert.is((await add(at)).status, 200)
      let refused = 0
      for (let at = 0; at < 300; at++) if ((await client.call(values, 'Do', `k${at}`, show)).code !== 0) refused += 1
      for (let at = 0; at < 10; at++) assert.is((await add(at)).status, 200)
      const loaded = await metric(host, 'entities_activated_total', counter)
      const inMemory = await metric(host, 'activations_of_service', values)
      told(
        'activations',
        loaded === 10 && refused === 0 && inMemory <= 40,
        `${loaded} loads of 10 entities of the neighbour, ${refused} of 300 commands refused, ${inMemory} of 50 in memory are its own`,
      )
    })
  },
)

Bounds('states that fill the memory for states push out their own service, and none of its neighbour', async () => {
  await running({ 'activation-state-bytes-max': '300000' }, async (host, client) => {
    assert.ok((await host.deployer.deploy((await component('counter/assemblyscript')).bytes)).ok)
    const add = (at: number) => http(host.listen, 'POST', `/counter/c${at}/add`, { amount: 1 })
    for (let at = 0; at < 10; at++) assert.is((await add(at)).status, 200)
    const large = `return { change: { updated: 'x'.repeat(30000) }, outcome: say('') }`
    for (let at = 0; at < 30; at++) assert.is((await client.call(values, 'Do', `k${at}`, large)).code, 0)
    // Looked at now and then.
    for (let tries = 0; tries < 6_000 && (await metric(host, 'entities_passivated_total', values)) < 20; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20))
    assert.ok((await metric(host, 'entities_passivated_total', values)) >= 20)
    assert.is(await metric(host, 'entities_passivated_total', counter), 0)
  })
})

Bounds(
  '§event-9: a large state with many small events: its snapshots weigh no more than twice the events, and it is read again',
  async () => {
    const data = temporary()
    const flags = { 'snapshot-every': '1' }
    try {
      let host = await testHost(data.path, flags)
      const cart = 'examples.cart.v1.ShoppingCart'
      let quantity = 0
      const add = async (product: number, name: string) => {
        const item = { product_id: `p${product}`, name, quantity: 1 }
        const { status, text } = await http(host.listen, 'POST', '/cart/u/items/add', item)
        assert.is(status, 200, text)
      }
      try {
        assert.ok((await host.deployer.deploy((await component('cart/typescript')).bytes)).ok)
        for (let product = 0; product < 40; product++) await add(product, 'x'.repeat(1_000))
        const of = async (name: string) => await metric(host, name, cart)
        const snapshots = async () => await of('snapshots_persisted_bytes_total')
        const weight = async () =>
          (await of('events_persisted_bytes_total')) + 128 * (await of('events_persisted_total'))
        const [snapshotsBefore, weightBefore] = [await snapshots(), await weight()]
        for (; quantity < 400; quantity++) await add(1_000, 'y')
        const written = (await snapshots()) - snapshotsBefore
        const weighed = (await weight()) - weightBefore
        told(
          'snapshots of a large state',
          written <= 2 * weighed + 50_000 && written > 0,
          `${written} bytes of snapshots for events that weigh ${weighed}`,
        )
      } finally {
        await host.stop()
      }
      host = await testHost(data.path, flags)
      try {
        const { json: read } = await http(host.listen, 'GET', '/carts/u')
        assert.is(read.items.length, 41)
        assert.is(read.items[40].quantity, quantity)
      } finally {
        await host.stop()
      }
    } finally {
      data.remove()
    }
  },
)

Bounds.run()
