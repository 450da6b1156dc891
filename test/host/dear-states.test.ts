// Guards large states: a command that would leave one that cannot be read again is refused with a sentence, before its commit, and
// the entity goes on. In every model, and in two languages that hold states in their own ways.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { findRust } from '../../sdk/build/languages/rust/build.ts'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import { component } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { replicas, ScriptClient, scripted, values } from '../support/scripted.ts'
import { skip } from '../support/skip.ts'

const Dear = suite('dear states')

async function withHost(flags: Record<string, string>, use: (host: Host, again: () => Promise<Host>) => Promise<void>) {
  const data = temporary()
  let host = await testHost(data.path, flags)
  try {
    await use(host, async () => {
      await host.stop()
      host = await testHost(data.path, flags)
      return host
    })
  } finally {
    await host.stop()
    data.remove()
  }
}

const add = (host: Host, user: string, product: string, bytes: number) =>
  http(host.listen, 'POST', `/cart/${user}/items/add`, { product_id: product, name: 'x'.repeat(bytes), quantity: 1 })
const cartOf = async (host: Host, user: string) => (await http(host.listen, 'GET', `/carts/${user}`)).json.items.length

/** Items until one is refused: how many were stored. */
async function fill(host: Host, user: string): Promise<{ stored: number; refusal: string }> {
  for (let stored = 0; stored < 10_000; stored++) {
    const { status, json } = await add(host, user, `p${stored}`, 20)
    if (status === 200) continue
    assert.is(status, 429)
    assert.is(json.code, 8)
    return { stored, refusal: json.message }
  }
  throw new Error('no item was refused')
}

const cargo = await findRust()

for (const [language, fuel] of [
  ['typescript', 700_000],
  ['rust', 400_000],
] as const) {
  if (language === 'rust' && cargo instanceof MissingTool) {
    skip(Dear, 'a cart in Rust', cargo.message)
    continue
  }
  Dear(
    `§fault-7: ${language}: a cart grows until reading it would take half of a call's fuel; then it is refused, and goes on`,
    async () => {
      const { bytes } = await component(`cart/${language}`)
      await withHost(
        { 'fuel-per-command': String(fuel), 'fuel-per-byte': '1', 'snapshot-every': '0' },
        async (host, again) => {
          assert.ok((await host.deployer.deploy(bytes)).ok)
          const { stored, refusal } = await fill(host, 'u')
          assert.match(
            refusal,
            /^the state of this entity would have [\d,]+ bytes and take [\d,]+ units of fuel to read or write; [\d,]+ are allowed, half of what a call has \(--fuel-per-command, --fuel-per-byte\). Nothing was stored; keep less in one entity$/,
          )
          assert.is(await cartOf(host, 'u'), stored)
          // Less is always welcome, and then there is room again.
          for (let item = 0; item < 20; item++)
            assert.is((await http(host.listen, 'POST', `/cart/u/items/p${item}/remove`, {})).status, 200)
          assert.is((await add(host, 'u', 'again', 20)).status, 200)
          // All of it is folded from the first event: there are no snapshots.
          assert.is(await cartOf(await again(), 'u'), stored - 19)
        },
      )
    },
  )

  Dear(`${language}: six items of 100 KB, and an answer of 230 KB`, async () => {
    const { bytes } = await component(`cart/${language}`)
    await withHost({}, async (host, again) => {
      assert.ok((await host.deployer.deploy(bytes)).ok)
      for (let item = 0; item < 6; item++) assert.is((await add(host, 'large', `p${item}`, 100_000)).status, 200)
      for (let item = 0; item < 7; item++) assert.is((await add(host, 'wordy', `p${item}`, 33_000)).status, 200)
      for (const next of [async () => host, again]) {
        const at = await next()
        assert.ok((await http(at.listen, 'GET', '/carts/large')).text.length > 600_000)
        assert.ok((await http(at.listen, 'GET', '/carts/wordy')).text.length > 230_000)
      }
    })
  })
}

Dear('§fault-7: a batch with one that is too dear: only that one is refused', async () => {
  const { bytes } = await component('cart/typescript')
  await withHost({ 'fuel-per-command': '700000', 'fuel-per-byte': '1' }, async (host) => {
    assert.ok((await host.deployer.deploy(bytes)).ok)
    const { stored } = await fill(host, 'u')
    const answers = await Promise.all([
      http(host.listen, 'GET', '/carts/u'),
      add(host, 'u', 'one more', 20),
      http(host.listen, 'POST', '/cart/u/items/p0/remove', {}),
      http(host.listen, 'GET', '/carts/u'),
    ])
    assert.equal(
      answers.map(({ status }) => status),
      [200, 429, 200, 200],
    )
    assert.is(await cartOf(host, 'u'), stored - 1)
  })
})

Dear('§fault-7: a value and a replica that would be too large are refused, and go on', async () => {
  await withHost({ 'state-bytes-max': '20000' }, async (host) => {
    assert.ok((await host.deployer.deploy(await scripted())).ok)
    const client = new ScriptClient(host.listen)
    try {
      const put = (length: number) => `return { change: { updated: 'x'.repeat(${length}) }, outcome: say('put') }`
      assert.is((await client.call(values, 'Do', 'v', put(19_000))).code, 0)
      const refused = await client.call(values, 'Do', 'v', put(21_000))
      assert.is(refused.code, 8)
      assert.match(
        refused.message,
        /the value would have 21000 bytes, 20000 are allowed \(--state-bytes-max\). Nothing was stored/,
      )
      assert.is((await client.call(values, 'Do', 'v', 'return { outcome: say(value.length) }')).text, '19000')

      const insert = (text: string) => `return { operations: [insert('${text}'.repeat(1000))], answer: say('in') }`
      assert.is(
        (await client.call(replicas, 'Do', 'r', "return { operations: [create('gSet')], answer: say('made') }")).code,
        0,
      )
      let refusal = ''
      for (let at = 0; refusal === '' && at < 40; at++) {
        const { code, message } = await client.call(replicas, 'Do', 'r', insert(String.fromCharCode(97 + at)))
        if (code !== 0) {
          assert.is(code, 8)
          refusal = message
        }
      }
      assert.match(
        refusal,
        /the value would have \d+ bytes, 20000 are allowed \(--state-bytes-max\). Nothing was stored/,
      )
      const size = await client.call(replicas, 'Do', 'r', 'return { answer: say(view.value.size) }')
      assert.ok(Number(size.text) >= 5, JSON.stringify(size))
    } finally {
      client.close()
    }
  })
})

Dear('§fault-7: a value whose reading takes half of a call is refused, and goes on', async () => {
  // The scripted guest reads a value character by character.
  await withHost({ 'fuel-per-command': '30000000', 'fuel-per-byte': '1' }, async (host) => {
    assert.ok((await host.deployer.deploy(await scripted())).ok)
    const client = new ScriptClient(host.listen)
    try {
      const grow = `return { change: { updated: (value ?? '') + 'x'.repeat(1000) }, outcome: say('put') }`
      let refusal = ''
      let stored = 0
      for (; refusal === '' && stored < 5_000; stored++) {
        const { code, message } = await client.call(values, 'Do', 'v', grow)
        if (code !== 0) {
          assert.is(code, 8, message)
          refusal = message
          stored -= 1
        }
      }
      assert.match(refusal, /units of fuel to read or write; 15,\d{3},\d{3} are allowed/)
      assert.is(
        (await client.call(values, 'Do', 'v', 'return { outcome: say(value.length) }')).text,
        String(stored * 1000),
      )
      assert.is(
        (await client.call(values, 'Do', 'v', `return { change: { updated: 'small' }, outcome: say('put') }`)).code,
        0,
      )
      const metrics = (await http(host.admin, 'GET', '/metrics')).text
      const part = Number(
        /innkeeper_state_reading_fuel_ratio\{service="test.script.v1.Values"\} ([\d.]+)/.exec(metrics)?.[1],
      )
      assert.ok(part > 0.25, metrics)
      const service = (await http(host.admin, 'GET', `/v1/services/${values}`)).json
      assert.match(
        service.warnings[0],
        /^reading a state of [\d,]+ bytes takes \d+ % of the fuel of a call; above 50 %/,
      )
    } finally {
      client.close()
    }
  })
})

Dear.run()
