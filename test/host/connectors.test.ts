// Guards connectors on a whole host: grants, asks, effects and forwards to a provider that fails, kills in between, secrets, copies.

import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as moment } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../support/components.ts'
import { type HostProcess, hostProcess, http, temporary, testHost } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { runInn } from '../support/inn.ts'
import { json, Provider } from '../support/provider.ts'

const { bytes, file } = await fixture('outside')
const secret = 'sk_test/4eC39+HqLyjWDarj'

interface Setting {
  readonly folder: string
  readonly provider: Provider
  grant(more?: object, risk?: object): void
  remove(): void
}

async function setting(): Promise<Setting> {
  const folder = temporary()
  const provider = await Provider.open()
  const risk = { url: 'http://127.0.0.1:9', services: ['outside.v1.Order'], private: true }
  return {
    folder: folder.path,
    provider,
    grant: (more = {}, other = risk) => {
      const payments = {
        ...{ url: provider.url, services: ['outside.v1.*'], private: true, timeoutMs: 2_000 },
        headers: { authorization: 'Bearer {secret:provider}' },
        ...more,
      }
      const secrets = { provider: { file: join(folder.path, 'secret') } }
      writeFileSync(join(folder.path, 'secret'), secret)
      writeFileSync(
        join(folder.path, 'innkeeper.json'),
        JSON.stringify({ connectors: { payments, risk: other }, secrets }),
      )
    },
    remove: () => {
      provider.close()
      folder.remove()
    },
  }
}

type Ports = Pick<HostProcess, 'listen' | 'admin'>

const pay = (host: Ports, order: string, more: object = {}) =>
  http(host.listen, 'POST', `/orders/${order}`, { cents: 12, ...more })
const heard = async (host: Ports, order: string) =>
  ((await http(host.listen, 'GET', `/orders/${order}`)).json.heard ?? []) as string[]
const hears = async (host: Ports, order: string, count = 1) => {
  await eventually(async () => (await heard(host, order)).length >= count)
  return await heard(host, order)
}

const Connectors = suite('connectors on a host')

Connectors(
  '§connector-1, §connector-2: what is not granted is refused with the lines to add, which can be added at once',
  async () => {
    const { folder, grant, remove } = await setting()
    const host = await testHost(folder)
    try {
      const refused = await http(host.admin, 'POST', '/v1/components', bytes, { 'content-type': 'application/wasm' })
      assert.match(
        refused.json.reasons.join('\n'),
        /"payments": \{ "url": "https:.*"services": \["outside.v1.Order", "outside.v1.Desk"\]/,
      )
      assert.match(refused.json.reasons.join('\n'), /the connector risk is not granted/)
      grant()
      const reloaded = await runInn(folder, ['connectors', 'reload', '--admin', host.admin])
      assert.is(reloaded.out.trim(), 'In force: payments, risk.')
      const deployed = await host.deployer.deploy(bytes)
      assert.ok(deployed.ok)
      // Its methods are no client's.
      for (const path of ['/v1/orders/a/charges', '/outside.v1.Payments/Charge', '/outside.v1.Risk/Rank'])
        assert.is((await http(host.listen, 'POST', path, {})).status, 404)
      // A grant with a fault changes nothing.
      writeFileSync(join(folder, 'innkeeper.json'), '{ "connectors": { "payments": { "urk": "https://x" } } }')
      const wrong = await runInn(folder, ['connectors', 'reload', '--admin', host.admin])
      assert.is(wrong.code, 1)
      assert.match(wrong.err, /nothing has changed: .*connectors\.payments\.urk: unknown.*url/)
      assert.match(
        (await runInn(folder, ['connectors', '--admin', host.admin])).out,
        /payments +http:\/\/127.0.0.1:\d+\/ +for outside\.v1\.\*/,
      )
    } finally {
      await host.stop()
      remove()
    }
  },
)

Connectors('§connector-2: what loses its grant is told at the reload, and what waits says for what', async () => {
  const { folder, provider, grant, remove } = await setting()
  grant()
  const host = await testHost(folder)
  const inn = async (...words: string[]) => (await runInn(folder, [...words, '--admin', host.admin])).out
  try {
    assert.ok((await host.deployer.deploy(bytes)).ok)
    assert.is(await inn('connectors', 'reload'), 'In force: payments, risk.\n')
    writeFileSync(join(folder, 'innkeeper.json'), '{}')
    const add = 'the connector payments is not granted; add to innkeeper.json: "connectors": { "payments": '
    const lacks = `Calls wait: outside.v1.Payments: ${add}`
    const reloaded = await inn('connectors', 'reload')
    assert.match(reloaded, 'In force: no connector.')
    assert.match(reloaded, lacks)
    assert.match(await inn('connectors'), lacks)
    await pay(host, 'a')
    assert.match(
      await inn('effects'),
      /outside.v1.Payments\/Charge +from .* waits: outside\.v1\.Payments is not granted; add "connectors"/,
    )
    grant()
    assert.is(await inn('connectors', 'reload'), 'In force: payments, risk.\n')
    assert.match((await hears(host, 'a'))[0]!, /^ch-/)
    assert.is(provider.requests.length, 1)
    assert.is(await inn('effects'), 'No effects are waiting.\n')
  } finally {
    await host.stop()
    remove()
  }
})

Connectors(
  '§connector-3, §connector-4, §connector-5: a reply, a refusal, a try again, and what may have happened',
  async () => {
    const { folder, provider, grant, remove } = await setting()
    grant({ retry: { max: 2, on: [503] }, timeoutMs: 300 })
    const host = await testHost(folder)
    try {
      assert.ok((await host.deployer.deploy(bytes)).ok)
      await pay(host, 'a')
      const [first] = await hears(host, 'a')
      assert.equal([...provider.books], [[first!.slice(3), '{"cents":12}']])
      assert.equal(provider.requests[0]!.url, '/v1/orders/a/charges')
      provider.answer = (_, response) => json(response, 402, { error: 'no money' })
      await pay(host, 'b')
      assert.match((await hears(host, 'b'))[0]!, /^REFUSED 9 payments answered 402/)
      provider.answer = (request, response) =>
        request.time === 1
          ? json(response, 503, {}, { 'retry-after': '0' })
          : json(response, 200, provider.charge(request))
      await pay(host, 'c')
      assert.match((await hears(host, 'c'))[0]!, /^ch-/)
      provider.answer = (request, response) => {
        provider.charge(request)
        response.destroy()
      }
      await pay(host, 'd')
      assert.match((await hears(host, 'd'))[0]!, /^UNKNOWN 14 /)
      provider.answer = () => {}
      await pay(host, 'e', { withinMs: 100 })
      assert.match((await hears(host, 'e'))[0]!, /^UNKNOWN 4 /)
      // Nobody listens there.
      await pay(host, 'f', { rank: true, withinMs: 300 })
      assert.match((await hears(host, 'f'))[0]!, /^NOT_SENT 4 /)
      assert.equal(new Set(provider.requests.map(({ key }) => key)).size, 5)
    } finally {
      await host.stop()
      remove()
    }
  },
)

Connectors(
  "§connector-9, router.R7: a forward gives the answer to the caller, under a key that the caller's makes",
  async () => {
    const { folder, provider, grant, remove } = await setting()
    grant()
    const host = await testHost(folder)
    try {
      assert.ok((await host.deployer.deploy(bytes)).ok)
      const key = {
        'idempotency-key': 'mine',
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
        'x-other': 'x',
      }
      const ask = (headers = {}) => http(host.listen, 'POST', '/desk/a', { cents: 3 }, headers)
      for (let times = 0; times < 2; times++) assert.equal((await ask(key)).json.cents, '3')
      assert.equal([provider.requests.length, provider.books.size], [2, 1])
      await ask()
      assert.is(provider.books.size, 2)
      const { headers } = provider.requests[0]!
      assert.equal([headers['x-other'], headers['traceparent']], [undefined, key.traceparent])
      provider.answer = (_, response) => json(response, 404, {})
      assert.is((await ask()).status, 404)
      provider.answer = (_, response) => response.destroy()
      assert.is((await ask()).status, 503)
    } finally {
      await host.stop()
      remove()
    }
  },
)

Connectors('Http/Fetch goes where a grant goes, and any status is its reply', async () => {
  const { folder, provider, grant, remove } = await setting()
  grant({ paths: ['/v1/*'] })
  const host = await testHost(folder)
  try {
    assert.ok((await host.deployer.deploy(bytes)).ok)
    provider.answer = ({ url }, response) => response.writeHead(418).end(`tea of ${url}`)
    const fetchIt = (order: string, url: string) => http(host.listen, 'POST', `/orders/${order}/fetch`, { url })
    await fetchIt('a', `${provider.url}/v1/pots?size=2`)
    assert.equal(await hears(host, 'a'), ['418 tea of /v1/pots?size=2'])
    const refused = ['/v2/pots', '/v1/../v2', '/v1/%2e%2e/v2', '/v1/%252e%252e/v2'].map(
      (path) => `${provider.url}${path}`,
    )
    for (const [at, url] of [...refused, 'http://127.0.0.1:1/v1/x', 'file:///etc/passwd', 'nothing'].entries()) {
      await fetchIt(`r${at}`, url)
      assert.match((await hears(host, `r${at}`))[0]!, /^NOT_SENT /)
    }
    assert.is(provider.requests.length, 1)
  } finally {
    await host.stop()
    remove()
  }
})

Connectors(
  'SIGHUP has grants read again, and a fault in them changes nothing, where no terminal is there',
  async () => {
    const { folder, provider, grant, remove } = await setting()
    grant()
    const host = await hostProcess(join(folder, 'data'), [file], {}, folder)
    const granted = async () => {
      const { connectors } = (await http(host.admin, 'GET', '/v1/connectors')).json
      return (connectors as { concurrency: number }[]).map(({ concurrency }) => concurrency)
    }
    try {
      grant({ concurrency: 7 })
      host.child.kill('SIGHUP')
      await eventually(async () => (await granted()).includes(7))
      grant({ concurrency: -1 })
      host.child.kill('SIGHUP')
      await eventually(() => host.output().includes('connectors and secrets stay as they were'))
      assert.equal(await granted(), [7, 20])
      await pay(host, 'a')
      assert.match((await hears(host, 'a'))[0]!, /^ch-/)
      assert.is(provider.books.size, 1)
    } finally {
      await host.kill()
      remove()
    }
  },
)

Connectors(
  '§connector-5, §connector-6: over 12 kills each order hears once, and each key is charged once',
  async () => {
    const { folder, provider, grant, remove } = await setting()
    grant({ retry: { max: 1_000, on: [503, 'UNAVAILABLE'] } })
    let random = Number(process.env['SEED'] ?? 7)
    const chance = (below: number) => {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31
      return random % below
    }
    provider.answer = (request, response) => {
      // Not more often, or the host would wait for minutes before it tries again.
      const fails = request.time > 2 ? -1 : chance(5)
      if (fails === 0) json(response, 503, {}, { 'retry-after': '0' })
      else if (fails === 1) {
        provider.charge(request)
        response.destroy()
      } else setTimeout(() => json(response, 200, provider.charge(request)), chance(60))
    }
    const data = join(folder, 'data')
    let host = await hostProcess(data, [file], {}, folder)
    const orders: string[] = []
    try {
      for (let kill = 0; kill < 12; kill++) {
        const sent = Array.from({ length: 15 }, async (_, at) => {
          const order = `o${kill}-${at}`
          const { status } = await pay(host, order).catch(() => ({ status: 0 }))
          if (status === 200) orders.push(order)
        })
        await Promise.race([Promise.all(sent), moment(2_000)])
        await moment(chance(300))
        await host.kill()
        await Promise.all(sent)
        host = await hostProcess(data, [], {}, folder)
      }
      assert.ok(orders.length > 50, `${orders.length}`)
      for (const order of orders) {
        const charges = await hears(host, order)
        assert.is(charges.length, 1, order)
        assert.match(charges[0]!, /^ch-/)
        // What it heard of is in the books, and nothing else of this order is.
        const keys = new Set(
          provider.requests.filter(({ url }) => url === `/v1/orders/${order}/charges`).map(({ key }) => key),
        )
        assert.equal([...keys], [charges[0]!.slice(3)])
      }
      assert.equal((await http(host.admin, 'GET', '/v1/effects')).json.effects, [])
      for (const order of orders) assert.is((await heard(host, order)).length, 1)
    } finally {
      await host.kill()
      remove()
    }
  },
)

Connectors(
  'outside.X3: a copied directory sends nothing until it is resumed, and then under the keys that it was copied with',
  async () => {
    const { folder, provider, grant, remove } = await setting()
    grant({ retry: { max: 1_000, on: [503] } })
    provider.answer = (_, response) => json(response, 503, {}, { 'retry-after': '0' })
    let host = await hostProcess(join(folder, 'data'), [file], {}, folder)
    try {
      await pay(host, 'a')
      await eventually(() => provider.requests.length > 0)
      await host.kill()
      const { key } = provider.requests[0]!
      cpSync(join(folder, 'data'), join(folder, 'copy'), { recursive: true })
      provider.requests.length = 0
      host = await hostProcess(join(folder, 'copy'), [], {}, folder)
      assert.is((await http(host.listen, 'POST', '/desk/a', { cents: 3 })).status, 503)
      await moment(600)
      assert.is(provider.requests.length, 0)
      const [effect] = (await http(host.admin, 'GET', '/v1/effects')).json.effects
      assert.equal(effect.connector, { key, mayBeSent: true })
      assert.match(
        (await runInn(folder, ['effects', '--admin', host.admin])).out,
        /waits: .* before `inn effects resume`/,
      )
      provider.answer = (request, response) => json(response, 200, provider.charge(request))
      await runInn(folder, ['effects', 'resume', '--admin', host.admin])
      assert.equal(await hears(host, 'a'), [`ch-${key}`])
    } finally {
      await host.kill()
      remove()
    }
  },
)

Connectors(
  'connector.W3: no secret is on disk, in a log, in the admin API or in a reply, however a provider echoes it',
  async () => {
    const { folder, provider, grant, remove } = await setting()
    grant({ responseHeaders: ['x-echo'], retry: { max: 2, on: [503] } })
    /** As base64 has it behind so many other bytes, without the digits that other bytes have a part in. */
    const within = (text: string, shift: number, encoding: 'base64' | 'base64url') =>
      Buffer.from(`${'x'.repeat(shift)}${text}yyy`)
        .toString(encoding)
        .slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + text.length) * 4) / 3))
    const encoded = encodeURIComponent(secret)
    const forms = (text: string) => [
      ...[text, encoded, encoded.replace(/%../g, (code) => code.toLowerCase())],
      ...[0, 1, 2].flatMap((shift) => [within(text, shift, 'base64'), within(text, shift, 'base64url')]),
    ]
    const whole = [0, 1, 2].map((shift) => Buffer.from(`${'x'.repeat(shift)}${secret}yyy`).toString('base64'))
    const echoes = [...forms(secret), ...whole, JSON.stringify(secret), secret.replaceAll('/', '\\/')]
    const env = {}
    const data = join(folder, 'data')
    let host = await hostProcess(data, ['--log-level', 'trace', file], env, folder)
    const seen: string[] = []
    const order = (at: number, status: number) => `o${status}-${at}`
    try {
      for (const status of [200, 402, 503])
        for (const [at, echo] of echoes.slice(0, status === 503 ? 3 : undefined).entries()) {
          provider.answer = (request, response) => {
            assert.is(request.headers.authorization, `Bearer ${secret}`)
            const body = at % 2 === 0 ? { charge: echo, more: { echo } } : { charge: `${echo}.` }
            const text = at % 3 === 0 ? `${echo} and no JSON` : JSON.stringify(body)
            response.writeHead(status, { 'x-echo': `${echo} ${secret}`, 'content-type': 'application/json' }).end(text)
          }
          await pay(host, order(at, status))
          await hears(host, order(at, status))
          seen.push((await http(host.listen, 'POST', `/desk/${order(at, status)}`, { cents: 1 })).text)
          await http(host.listen, 'POST', `/orders/${order(at, status)}/tell`, { cents: 1 })
          await http(host.listen, 'POST', `/orders/f${order(at, status)}/fetch`, { url: `${provider.url}/x` })
          await hears(host, `f${order(at, status)}`)
          seen.push((await http(host.listen, 'GET', `/orders/f${order(at, status)}`)).text)
          seen.push((await http(host.listen, 'GET', `/orders/${order(at, status)}`)).text)
        }
      seen.push(await everythingOfAdmin(host))
      seen.push((await runInn(folder, ['connectors', '--json', '--admin', host.admin])).out)
      seen.push((await runInn(folder, ['up', '--print-config'])).out)
      seen.push(host.output())
      host.child.kill('SIGTERM')
      await new Promise((resolve) => host.child.once('exit', resolve))
      host = await hostProcess(data, [], env, folder)
      await host.kill()
      seen.push(host.output())
      const files = filesIn(data)
      assert.ok(files.length > 5)
      const sought = [...new Set(forms(secret))].map((form) => Buffer.from(form))
      const found = [...seen.map((text) => Buffer.from(text)), ...files.map((path) => readFileSync(path))].flatMap(
        (all) => sought.filter((form) => all.includes(form)).map(String),
      )
      assert.equal(found, [])
      // The search finds what is there.
      assert.ok(files.some((path) => readFileSync(path).includes('outside.v1.Order')))
    } finally {
      await host.kill()
      remove()
    }
  },
)

/** What an operator is shown of all that has happened. */
async function everythingOfAdmin({ admin }: Ports): Promise<string> {
  const told: string[] = []
  const take = async (path: string) => {
    const { text, json } = await http(admin, 'GET', path)
    told.push(text)
    return json
  }
  for (const path of ['/v1/connectors', '/v1/effects', '/metrics', '/v1/host', '/v1/services', '/readyz'])
    await take(path)
  const { entities } = await take('/v1/services/outside.v1.Order/entities')
  for (const { id } of entities)
    for (const part of ['journal', 'state'])
      await take(`/v1/services/outside.v1.Order/entities/${encodeURIComponent(id)}/${part}`)
  return told.join('\n')
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}

Connectors.run()
