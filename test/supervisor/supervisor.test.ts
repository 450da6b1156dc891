// Guards the outside of the loop: a function that holds it is ended, its service refused, everybody else served again, and nothing that was
// acknowledged lost. In every model that has functions, streams and effects included.

import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadConfig } from '../../host/config.ts'
import { type SupervisedHost, supervise } from '../../host/supervisor/supervisor.ts'
import { http, temporary } from '../support/host.ts'
import { actions, replicas, ScriptClient, scripted, values } from '../support/scripted.ts'

const Outside = suite('supervisor')

const component = await scripted()
/** Fuel without end: only the watchdog ends these functions. */
const flags = {
  'fuel-per-command': String(2 ** 49),
  'turn-ms-max': '300',
  'log-level': 'silent',
  'stop-wait-ms': '1000',
}
const endless = 'for (;;);'

interface Logged {
  readonly level: number
  readonly msg: string
  readonly service?: string
  readonly method?: string
  readonly entity?: string
}

interface Started {
  readonly host: SupervisedHost
  readonly client: ScriptClient
  readonly logged: Logged[]
}

async function start(data: string, more: Record<string, string> = {}): Promise<Started> {
  const all = { data, listen: '127.0.0.1:0', admin: '127.0.0.1:0', ...flags, ...more }
  const { config } = loadConfig({ flags: all, env: {}, directory: data })
  const logged: Logged[] = []
  const log = pino({ level: 'fatal' }, { write: (line: string) => logged.push(JSON.parse(line) as Logged) })
  const host = await supervise(config, { waits: false, log })
  return { host, client: new ScriptClient(host.listen), logged }
}

async function withHost(use: (started: Started, data: string) => Promise<void>, more: Record<string, string> = {}) {
  const data = temporary()
  const started = await start(data.path, more)
  try {
    assert.ok((await started.host.deploy(component, () => {})).ok)
    await use(started, data.path)
  } finally {
    started.client.close()
    await started.host.stop()
    data.remove()
  }
}

/** Until it answers: a client of gRPC waits a second before it connects again. */
async function until<T>(ask: () => Promise<T>, good: (answer: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 6_000; tries++) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined && good(answer)) return answer
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('it did not come about')
}

const put = (text: string) => `return { change: { updated: '${text}' }, outcome: say('put') }`
const read = 'return { outcome: say(value ?? "nothing") }'
const hi = "return say('hi')"
const services = { values, replicas, actions }
const paths = { values: '/values/x', replicas: '/replicas/x', actions: '/actions' }
const admin = (host: SupervisedHost, method: string, path: string) =>
  http(host.admin, method, path, method === 'GET' ? undefined : {})

for (const [model, hold] of [
  ['values', (client: ScriptClient) => client.call(values, 'Do', 'bad', endless)],
  ['replicas', (client: ScriptClient) => client.call(replicas, 'Do', 'bad', endless)],
  ['actions', (client: ScriptClient) => client.call(actions, 'Do', '', endless)],
] as const) {
  Outside(`${model}: what may be asked twice is asked of the next partition, where one ends meanwhile`, async () => {
    await withHost(async ({ host, client }) => {
      const held = hold(client)
      await new Promise((resolve) => setTimeout(resolve, 50))
      const [served] = await Promise.all([host.served(), host.ready()])
      assert.is((await held).code, 14)
      assert.ok(served.routes.length > 0)
    })
  })

  Outside(
    `§share-3, §share-4, §share-6, supervisor.S2, router.R4, serving.N2, turns.U4: ${model}: one that holds the loop is ended and refused, the others are served again`,
    async () => {
      await withHost(async ({ host, client, logged }) => {
        const other = model === 'values' ? 'replicas' : 'values'
        assert.is((await client.call(values, 'Do', 'kept', put('kept'))).code, 0)
        const order: string[] = []
        const held = hold(client).then((answer) => {
          order.push('held')
          return answer
        })
        await new Promise((resolve) => setTimeout(resolve, 50))
        // The admin port answers while the loop is held.
        assert.is((await admin(host, 'GET', '/healthz')).status, 200)
        order.push('healthz')
        assert.is((await held).code, 14)
        assert.equal(order, ['healthz', 'held'])
        const service = services[model]
        const refused = await until(
          () => http(host.listen, 'POST', paths[model], { code: read }),
          ({ status }) => status === 503,
        )
        assert.match(
          refused.json.message,
          `${service} held the host until it was ended, and is refused for 1 more seconds`,
        )
        assert.is(refused.headers.get('retry-after'), '1')
        const otherCode = other === 'values' ? read : "return { answer: say('hi') }"
        await until(
          () => client.call(services[other], 'Do', 'x', otherCode),
          ({ code }) => code === 0,
        )
        const line = logged.find(({ msg }) => msg.startsWith('a service blocks the event loop'))!
        assert.equal([line.service, line.method, line.entity], [service, 'Do', model === 'actions' ? '' : 'bad'])
        const shown = (await admin(host, 'GET', `/v1/services/${service}`)).json
        assert.match(shown.warnings[0], /^held the host once, last with Do/)
        // And served again after its second.
        const code = model === 'replicas' ? "return { answer: say('hi') }" : model === 'values' ? read : hi
        await until(
          () => client.call(service, 'Do', 'y', code),
          (answer) => answer.code === 0,
        )
        assert.is(
          (
            await until(
              () => client.call(values, 'Do', 'kept', read),
              (answer) => answer.code === 0,
            )
          ).text,
          'kept',
        )
        const metrics = (await admin(host, 'GET', '/metrics')).text
        assert.match(metrics, /innkeeper_partition_endings_total 1/)
      })
    },
  )
}

Outside(
  'a client that left its stream is heard of after the end, and one whose farewell holds the loop is quarantined',
  async () => {
    await withHost(async ({ host, client }, data) => {
      const note = JSON.stringify({ changed: "return { outcome: say('changed') }", cancelled: endless })
      const open = `return { answer: say('opened'), subscribe: ${JSON.stringify(note)} }`.replace(
        JSON.stringify(note),
        note,
      )
      const stream = client.listen(replicas, 'Open', 'room', open)
      await stream.until(1)
      stream.cancel()
      // Its farewell holds the loop; each start would hear it again, but for the quarantine.
      await until(
        () => admin(host, 'GET', `/v1/services/${replicas}`),
        ({ json }) => json?.warnings?.[0] !== undefined,
      )
      assert.is(
        (
          await until(
            () => client.call(values, 'Do', 'v', put('v')),
            ({ code }) => code === 0,
          )
        ).text,
        'put',
      )
      client.close()
      await host.stop()
      const again = await start(data)
      try {
        // The admin port is there, and so is everybody else.
        assert.is((await admin(again.host, 'GET', '/healthz')).status, 200)
        assert.is(
          (
            await until(
              () => again.client.call(values, 'Do', 'v', read),
              ({ code }) => code === 0,
            )
          ).text,
          'v',
        )
        await until(
          () => admin(again.host, 'GET', `/v1/services/${replicas}`),
          ({ json }) => /held the host (2|3) times/.test(json?.warnings?.[0] ?? ''),
        )
        assert.is(
          (
            await until(
              () => again.client.call(values, 'Do', 'v', read),
              ({ code }) => code === 0,
            )
          ).text,
          'v',
        )
      } finally {
        again.client.close()
        await again.host.stop()
      }
    })
  },
)

Outside('§share-3: an effect whose target holds the loop does not keep a host from starting', async () => {
  await withHost(async ({ host, client }, data) => {
    const code = `return { change: { updated: 'caused' }, outcome: say('ok', { effects: [effect('Actions', 'Do', '', ${JSON.stringify(endless)})] }) }`
    const caused = await client.call(values, 'Do', 'cause', code)
    assert.ok(caused.code === 0 || caused.code === 14)
    await until(
      () => admin(host, 'GET', `/v1/services/${actions}`),
      ({ json }) => json?.warnings?.[0] !== undefined,
    )
    await host.stop()
    const again = await start(data)
    try {
      assert.is(
        (
          await until(
            () => again.client.call(values, 'Do', 'cause', read),
            (answer) => answer.code === 0,
          )
        ).text,
        'caused',
      )
      const { effects } = (
        await until(
          () => admin(again.host, 'GET', '/v1/effects'),
          ({ status }) => status === 200,
        )
      ).json
      assert.is(effects.length, 1)
      assert.ok(effects[0].attempts >= 1)
      assert.is((await http(again.host.admin, 'DELETE', `/v1/effects/${effects[0].id}`, {})).status, 200)
    } finally {
      again.client.close()
      await again.host.stop()
    }
  })
})

Outside('a service can be left out, and undeployed without a host', async () => {
  await withHost(async ({ host, client }, data) => {
    await client.call(values, 'Do', 'v', put('v'))
    await host.stop()
    const without = await start(data, { without: `${actions},no.Such` })
    const left = await without.client.call(actions, 'Do', '', hi)
    assert.is(left.code, 14)
    assert.is((await without.client.call(values, 'Do', 'v', read)).text, 'v')
    const { unrestored } = (await admin(without.host, 'GET', '/v1/services')).json
    assert.equal(unrestored[0].services, [actions])
    without.client.close()
    await without.host.stop()
    const again = await start(data)
    assert.is((await again.client.call(actions, 'Do', '', hi)).text, 'hi')
    again.client.close()
    await again.host.stop()
  })
})

Outside('§share-4: four times, and it is off until an operator releases it or another version comes', async () => {
  await withHost(async ({ host, client }) => {
    for (let strike = 1; strike <= 4; strike++) {
      await until(
        () => http(host.admin, 'POST', `/v1/services/${actions}/release`, {}),
        ({ status }) => status === 200,
      )
      // Released each time, so that the test need not wait a minute: the count begins again, too.
      const held = await until(
        () => client.call(actions, 'Do', '', endless),
        ({ code, message }) => code === 14 && /dropped|lost|ended/i.test(message),
      )
      assert.is(held.code, 14)
    }
    const shown = await until(
      () => admin(host, 'GET', `/v1/services/${actions}`),
      ({ json }) => json?.warnings?.[0] !== undefined,
    )
    assert.match(shown.json.warnings[0], /^held the host once/)
    const another = await host.deploy(await scripted((source) => `${source}\n// another`), () => {})
    assert.ok(another.ok)
    assert.is(
      (
        await until(
          () => client.call(actions, 'Do', '', hi),
          ({ code }) => code === 0,
        )
      ).text,
      'hi',
    )
    assert.equal((await admin(host, 'GET', `/v1/services/${actions}`)).json.warnings, [])
  })
})

Outside('§share-6, supervisor.S4: a host that is told to stop does, while a function holds the loop', async () => {
  await withHost(async ({ host, client }) => {
    const held = client.call(actions, 'Do', '', endless)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await host.stop()
    assert.is((await held).code, 14)
  })
})

Outside('supervisor.S3: a partition that fails by itself is started again', async () => {
  const data = temporary()
  try {
    const { config } = loadConfig({
      flags: { data: data.path, listen: '127.0.0.1:0', admin: '127.0.0.1:0', ...flags },
      env: {},
      directory: data.path,
    })
    const partition = new URL('../fixtures/supervisor/failing-partition.mjs', import.meta.url)
    const starting = supervise(config, { waits: false, log: pino({ level: 'silent' }), partition })
    // This thread hears of the first start and of its end at once, as on a busy machine.
    setTimeout(() => {
      for (const until = Date.now() + 1_000; Date.now() < until; );
    }, 1)
    const host = await starting
    try {
      const served = await until(
        () => host.served() as unknown as Promise<{ endings: number }>,
        ({ endings }) => endings === 2,
      )
      assert.is(served.endings, 2)
      assert.is(readFileSync(join(data.path, 'starts'), 'utf8'), '0 1 2 ')
    } finally {
      await host.stop()
    }
  } finally {
    data.remove()
  }
})

const held = new URL('../fixtures/supervisor/held-at-start.mjs', import.meta.url)

function settingsFor(data: string, flags: Record<string, string>) {
  const all = {
    data,
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    'turn-ms-max': '100',
    'stop-wait-ms': '200',
    ...flags,
  }
  return loadConfig({ flags: all, env: {}, directory: data }).config
}

Outside(
  'a partition that holds its loop before it has started is ended, and the start fails with a sentence',
  async () => {
    const data = temporary()
    const config = settingsFor(data.path, { 'log-level': 'silent' })
    try {
      await supervise(config, { waits: false, log: pino({ level: 'silent' }), partition: held })
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, /the partition did not start: the host itself held its loop/)
    } finally {
      data.remove()
    }
  },
)

Outside('supervisor.S1: the admin port is opened first: where it is taken, no partition was begun', async () => {
  const data = temporary()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const config = settingsFor(data.path, { admin: `127.0.0.1:${port}` })
  try {
    await supervise(config, { waits: false, log: pino({ level: 'silent' }), partition: held })
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, new RegExp(`${port}`))
    assert.not.ok(existsSync(join(data.path, 'started')))
  } finally {
    other.close()
    data.remove()
  }
})

Outside(
  'supervisor.S1: a host whose partition hangs while it is started again is there, and can be stopped',
  async () => {
    const data = temporary()
    const config = settingsFor(data.path, { 'turn-ms-max': '60000' })
    const host = await supervise(config, { waits: false, log: pino({ level: 'silent' }), partition: held })
    // It fails by itself, and the next one never starts: nothing but the end of its thread ends this.
    await until(
      async () => (await admin(host, 'GET', '/readyz')).status,
      (status) => status === 503,
    )
    const { status } = await admin(host, 'GET', '/healthz')
    await host.stop()
    data.remove()
    assert.is(status, 200)
  },
)

Outside.run()
