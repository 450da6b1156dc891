// Guards idempotency keys through a whole host: what the clock of the machine does forgets none, every protocol means the same key, a
// command that did nothing leaves nothing; and tries of an effect are counted past a kill.

import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../host/clock.ts'
import { systemClock } from '../../host/clock.ts'
import { columns } from '../../host/storage/columns.ts'
import { grpc, grpcWeb } from '../support/calls.ts'
import { component } from '../support/components.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, said, script, scripted, values } from '../support/scripted.ts'
import { memoryStore } from '../support/store.ts'

const hour = 3_600_000
const data = temporary()
const store = memoryStore()
let [ahead, steadyAhead] = [0, 0]
/** What the host does once a minute: keys expire then. */
const minutely: (() => void)[] = []
const clock: Clock = {
  ...systemClock,
  now: () => Date.now() + ahead,
  steady: () => performance.now() + steadyAhead,
  every: (ms, work) => {
    if (ms === 60_000) minutely.push(work)
    return systemClock.every(ms, work)
  },
}
const host = await testHost(data.path, {}, { store, clock })
assert.ok(minutely.length > 0)
assert.ok((await host.deployer.deploy(await scripted())).ok)
assert.ok((await host.deployer.deploy((await component('counter/assemblyscript')).bytes)).ok)

const more = {
  counter: { path: (id: string) => `/counter/${id}/add`, body: { amount: 1 } },
  value: {
    path: (id: string) => `/values/${id}`,
    body: { code: "const n = (value ?? '') + 'x'; return { change: { updated: n }, outcome: say(n) }" },
  },
  replica: {
    path: (id: string) => `/replicas/${id}`,
    body: { code: "return { operations: [increment(1)], answer: { after: 'return say(view.value.counter)' } }" },
  },
}
const reads = {
  counter: (id: string, headers: Record<string, string>) =>
    http(host.listen, 'GET', `/counter/${id}`, undefined, headers),
  value: (id: string, headers: Record<string, string>) =>
    http(host.listen, 'POST', `/values/${id}`, { code: "return { outcome: say(value ?? '-') }" }, headers),
  replica: (id: string, headers: Record<string, string>) =>
    http(host.listen, 'POST', `/replicas/${id}`, { code: 'return { answer: say(view.value?.counter ?? 0) }' }, headers),
}
type Kind = keyof typeof more
const kinds = Object.keys(more) as Kind[]

async function change(kind: Kind, id: string, key?: string): Promise<string> {
  const { path, body } = more[kind]
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
  const { status, text } = await http(host.listen, 'POST', path(id), body, headers)
  assert.is(status, 200, text)
  return text
}

const Keys = suite('idempotency keys')

Keys.after(async () => {
  await host.stop()
  data.remove()
})

for (const kind of kinds) {
  Keys(`§idempotency-7: ${kind}: a machine's clock that jumps forgets no key; hours at work do`, async () => {
    const first = await change(kind, 'clock', 'kept')
    for (const jump of [25 * hour, -50 * hour, 24 * 366 * hour]) {
      ahead += jump
      for (const run of minutely) run()
      assert.is(await change(kind, 'clock', 'kept'), first, `after a jump of ${jump / hour} hours`)
    }
    steadyAhead += 25 * hour
    for (const run of minutely) run()
    assert.is.not(await change(kind, 'clock', 'kept'), first)
  })

  Keys(`§idempotency-2: ${kind}: a read with a key leaves not a byte, and is decided again`, async () => {
    await change(kind, 'read')
    const stored = contents()
    const key = { 'idempotency-key': 'look' }
    const first = await reads[kind]('read', key)
    assert.is(first.status, 200, first.text)
    assert.is((await reads[kind]('read', key)).text, first.text)
    assert.equal(contents(), stored)
    await change(kind, 'read')
    assert.is.not((await reads[kind]('read', key)).text, first.text)
  })
}

/** All that is stored. */
function contents(): readonly string[] {
  return columns.flatMap((column) => {
    const rows = store.kv.range(column, { from: Buffer.alloc(0), to: Buffer.alloc(64, 255), limit: 100_000 })
    return [`${column} ${rows.length}`, ...rows.map((bytes) => bytes.toString('base64'))]
  })
}

Keys('§idempotency-9: two keys are refused over HTTP and gRPC-Web, and one with a comma is one', async () => {
  const path = '/examples.counter.v1.Counter/Add'
  const add = Buffer.from([10, 3, ...Buffer.from('two'), 16, 1])
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, add.length]), add])
  const send = (at: string, type: string, body: Buffer | string, key: string | string[]) =>
    new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const [hostname, port] = host.listen.split(':')
      const headers = { 'content-type': type, 'idempotency-key': key }
      request({ hostname, port, path: at, method: 'POST', headers }, (answer) => {
        readAll(answer).then(
          (text) => resolve({ status: answer.statusCode, text: `${JSON.stringify(answer.headers)}${text}` }),
          reject,
        )
      })
        .on('error', reject)
        .end(body)
    })
  const json = (key: string | string[]) => send('/counter/two/add', 'application/json', '{"amount":1}', key)
  assert.is((await json(['a', 'b'])).status, 400)
  assert.is((await json('a, b')).status, 200)
  const web = await send(path, 'application/grpc-web+proto', frame, ['a', 'b'])
  assert.match(web.text, /grpc-status("?: ?"?)3/)
  assert.is((await http(host.listen, 'GET', '/counter/two')).json.value, '1')
})

Keys('§idempotency-5: "k" and k are one key, over HTTP, gRPC and gRPC-Web, in services of every kind', async () => {
  const quoted = { 'idempotency-key': '"one"' }
  const bare = { 'idempotency-key': 'one' }
  const add = Buffer.from([10, 4, ...Buffer.from('keys'), 16, 1])
  for (const [kind, path, payload] of [
    ['counter', '/examples.counter.v1.Counter/Add', add],
    ['value', `/${values}/Do`, script('keys', more.value.body.code)],
    ['replica', `/${replicas}/Do`, script('keys', more.replica.body.code)],
  ] as const) {
    const first = await change(kind, 'keys', '"one"')
    assert.is(await change(kind, 'keys', 'one'), first)
    const replies = []
    for (const call of [grpc, grpcWeb])
      for (const headers of [quoted, bare]) {
        const { code, message, reply } = await call(host.listen, path, payload, headers)
        assert.is(code, 0, message)
        replies.push(kind === 'counter' ? `{"value":"${reply!.at(-1)}"}` : `{"text":"${said(reply!)}"}`)
      }
    assert.equal(replies, Array(4).fill(first), kind)
    assert.is.not(await change(kind, 'keys', 'other'), first)
  }
})

Keys('§idempotency-11: a method that streams has no keys: it is decided anew each time', async () => {
  const key = { 'idempotency-key': 'stream' }
  const lines = []
  for (const at of ['first', 'again']) {
    const { status, text } = await http(host.listen, 'POST', '/replicas/streamed/open', more.replica.body, key)
    assert.is(status, 200, at)
    lines.push(text.trim())
  }
  assert.equal(lines, ['{"text":"1"}', '{"text":"2"}'])
})

Keys('§effect-7: tries of an effect are counted on disk: a kill -9 forgets none', async () => {
  const { path, remove } = temporary()
  const file = join(path, 'scripted.wasm')
  writeFileSync(file, await scripted())
  let running: HostProcess | undefined
  const effect = async () => (await http(running!.admin, 'GET', '/v1/effects')).json.effects[0]
  const tried = async (times: number) => {
    for (;;) {
      const entry = await effect()
      if (entry.attempts >= times) return entry
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  try {
    running = await hostProcess(join(path, 'data'), [file])
    const client = new ScriptClient(running.listen)
    const refuses = "return { outcome: refuse('unavailable', 'not now') }"
    const code = `return say('', { effects: [effect('Values', 'Do', 'never', ${JSON.stringify(refuses)})] })`
    assert.is((await client.call(actions, 'Do', '', code)).code, 0)
    client.close()
    const before = await tried(2)
    await running.kill()
    running = await hostProcess(join(path, 'data'))
    const after = await effect()
    assert.is(after.id, before.id)
    assert.ok(after.attempts >= before.attempts, `${after.attempts} tries, and ${before.attempts} before the kill`)
    await tried(before.attempts + 1)
  } finally {
    await running?.kill()
    remove()
  }
})

Keys.run()
