// Guards what all share against one service: chains of effects that never end, an outbox that one service fills, what a purged
// service leaves behind. Counts only.

import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { hostProcess, http, temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, scripted, values } from '../support/scripted.ts'

const Bounds = suite('bounds of all, and one service')

/** A value that counts its calls, and causes as many effects on itself, which do the same. */
const bomb = (width: number) =>
  `const f = () => { const me = 'const f = ' + f + '; return f()';
    return { change: { updated: String(Number(value ?? 0) + 1) },
      outcome: say('', { effects: Array.from({ length: ${width} }, () => effect('Values', 'Do', 'b', me)) }) } }; return f()`
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
  return (await http(host.admin, 'GET', '/v1/effects')).json.effects
}

/** None is under way; what is parked. */
async function settled(host: { admin: string }): Promise<readonly Effect[]> {
  for (let tries = 0; tries < 3_000; tries++) {
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
const tooLong = `more than ${max} side effects come of one command; look for a circle, or raise chain-effects-max`

for (const width of [1, 2])
  Bounds(`effects on itself, ${width} of each, end with their chain; a try by hand begins a new one`, async () => {
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
  })

Bounds('effects that go from entity to entity are hops', async () => {
  await running({ 'hops-max': '5' }, async (host, client) => {
    assert.is((await client.call(values, 'Do', 'a', pingPong)).code, 0)
    const parked = await settled(host)
    assert.is(parked.length, 1)
    assert.match(parked[0]!.parked!, 'more than 5 forwards and side effects in a chain')
  })
})

Bounds('a chain is counted on over kill -9', async () => {
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
      for (let tries = 0; tries < 3_000; tries++) {
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

Bounds('one service that fills the outbox is refused by name, another one is not', async () => {
  await running({ 'outbox-effects-max': '80' }, async (host, client) => {
    const act = (count: number) => client.call(actions, 'Do', '', `return say('', ${parks(count)})`)
    const value = (count: number) =>
      client.call(values, 'Do', 'v', `return { change: { updated: 'x' }, outcome: say('', ${parks(count)}) }`)
    assert.is((await act(70)).code, 0)
    assert.is((await settled(host)).length, 70)
    assert.equal(await act(1), {
      code: 8,
      message: `${actions} has used up its share of the outbox: 70 effects of it wait or are parked; see \`inn effects\``,
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
  'one client that opens all streams that it can leaves some to another address, for the same service too',
  async () => {
    await running({ 'streams-max': '16' }, async (host, client) => {
      const code = "return { answer: say('open'), subscribe: {} }"
      const open = Array.from({ length: 12 }, () => client.listen(replicas, 'Open', 'r', code))
      for (const stream of open) await stream.until(1)
      assert.is(await client.listen(replicas, 'Open', 'r', code).ended(), 8)
      const others: { end: () => void }[] = []
      for (const expected of [200, 200, 429]) {
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

Bounds.run()
