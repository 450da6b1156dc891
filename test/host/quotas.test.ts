// Guards the disk against one service: bytes by service and of idempotency keys, in every model, and snapshots of large states that many small
// events would ask for.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Disk } from '../../host/disk.ts'
import type { Host } from '../../host/main.ts'
import { component } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { runInn } from '../support/inn.ts'
import { replicas, ScriptClient, scripted, values } from '../support/scripted.ts'

const Quotas = suite('quotas of the disk')

const counter = 'examples.counter.v1.Counter'

interface Running {
  readonly host: Host
  readonly client: ScriptClient
  readonly add: (key?: string) => Promise<{ status: number; text: string }>
}

async function running(flags: Record<string, string>, run: (at: Running) => Promise<void>): Promise<void> {
  const data = temporary()
  const host = await testHost(data.path, flags)
  const client = new ScriptClient(host.listen)
  try {
    assert.ok((await host.deployer.deploy(await scripted())).ok)
    assert.ok((await host.deployer.deploy((await component('counter/assemblyscript')).bytes)).ok)
    const add = (key?: string) =>
      http(host.listen, 'POST', '/counter/c/add', { amount: 1 }, key === undefined ? {} : { 'idempotency-key': key })
    await run({ host, client, add })
  } finally {
    client.close()
    await host.stop()
    data.remove()
  }
}

const put = (bytes: number) => `return { change: { updated: 'x'.repeat(${bytes}) }, outcome: say('') }`
const show = 'return { outcome: say(value === undefined ? "nothing" : String(value.length)) }'
const remove = "return { change: 'deleted', outcome: say('') }"

const quota = (service: string) =>
  `${service} has used up the bytes that it may store on disk; nothing of this command was stored: delete or purge data that is not needed, or raise service-disk-bytes-max`

async function usedBy(host: Host, service: string): Promise<number> {
  const { text } = await http(host.admin, 'GET', '/metrics')
  return Number(new RegExp(`^innkeeper_service_disk_bytes\\{service="${service}"\\} (.*)$`, 'm').exec(text)?.[1])
}

Quotas(
  '§limit-10, disk.D1, disk.D4: a value: past the bound writes are refused and reads go on; what is deleted makes room; others are not refused',
  async () => {
    await running({ 'service-disk-bytes-max': '5000' }, async ({ host, client, add }) => {
      assert.is((await client.call(values, 'Do', 'a', put(3_000))).code, 0)
      assert.is((await client.call(values, 'Do', 'b', put(3_000))).code, 0)
      assert.ok((await usedBy(host, values)) > 6_000)
      const refused = await client.call(values, 'Do', 'c', put(1))
      assert.equal([refused.code, refused.message], [8, quota(values)])
      assert.is((await client.call(values, 'Do', 'c', show)).text, 'nothing')
      assert.is((await client.call(values, 'Do', 'a', show)).text, '3000')
      assert.is((await add()).status, 200)
      const { json } = await http(host.admin, 'GET', '/v1/services')
      const warnings = json.services.find(({ name }: { name: string }) => name === values).warnings
      assert.match(warnings.join('\n'), /^commands that write are refused: .* \(6,\d\d\d bytes of 5,000 bytes\);/m)
      const { out } = await runInn(process.cwd(), ['services', '--admin', host.admin])
      assert.match(out, /test\.script\.v1\.Values .* 6,\d\d\d bytes/)
      // Deleted: there is room.
      assert.is((await client.call(values, 'Do', 'a', remove)).code, 0)
      assert.is((await client.call(values, 'Do', 'c', put(1))).code, 0)
    })
  },
)

Quotas('commands that wait together: those that read are answered, those that write are refused', async () => {
  await running({ 'service-disk-bytes-max': '100' }, async ({ client }) => {
    assert.is((await client.call(values, 'Do', 'a', put(200))).code, 0)
    const codes = await Promise.all(
      Array.from({ length: 20 }, (_, at) => client.call(values, 'Do', 'a', at % 2 === 0 ? show : put(1))),
    )
    assert.equal(
      codes.map(({ code }) => code),
      codes.map((_, at) => (at % 2 === 0 ? 0 : 8)),
    )
    assert.is((await client.call(values, 'Do', 'a', show)).text, '200')
  })
})

Quotas('an event-sourced entity: past the bound it is read, and writes nothing', async () => {
  await running({ 'service-disk-bytes-max': '2000' }, async ({ host, add }) => {
    let accepted = 0
    let last = await add()
    for (; last.status === 200 && accepted < 1_000; accepted++) last = await add()
    assert.equal([last.status, JSON.parse(last.text).message], [429, quota(counter)])
    assert.ok(accepted > 5 && accepted < 100, `${accepted} commands in 2,000 bytes`)
    assert.is(Number((await http(host.listen, 'GET', '/counter/c')).json.value), accepted)
    assert.is((await add()).status, 429)
    assert.is(Number((await http(host.listen, 'GET', '/counter/c')).json.value), accepted)
  })
})

Quotas('a replica: past the bound it is read and may be deleted, and writes nothing', async () => {
  await running({ 'service-disk-bytes-max': '2000' }, async ({ client }) => {
    const op = "return { operations: view.exists ? [increment(1)] : [create('gCounter')], answer: say('') }"
    let code = 0
    for (let at = 0; at < 1_000 && code === 0; at++) code = (await client.call(replicas, 'Do', 'r', op)).code
    assert.is(code, 8)
    assert.is((await client.call(replicas, 'Do', 'r', "return { answer: say('read') }")).text, 'read')
    assert.is((await client.call(replicas, 'Do', 'r', 'return { answer: say(""), delete: true }')).code, 0)
  })
})

Quotas(
  '§idempotency-12, disk.D3: past their bound a new one is refused, a known one is answered, and commands without one are served',
  async () => {
    await running({ 'idempotency-bytes-max': '4000' }, async ({ host, client, add }) => {
      let accepted = 0
      let last = await add('k0')
      for (; last.status === 200 && accepted < 1_000; ) {
        accepted += 1
        last = await add(`k${accepted}`)
      }
      assert.is(last.status, 429)
      assert.match(JSON.parse(last.text).message, `${counter} has used up its share of the disk for idempotency keys`)
      assert.ok(accepted > 3 && accepted < 60, `${accepted} keys in 4,000 bytes`)
      assert.is((await add('k0')).text, JSON.stringify({ value: '1' }))
      assert.is((await add()).status, 200)
      // Another service has an eighth of them at least.
      assert.is((await client.call(values, 'Do', 'v', put(1), { 'idempotency-key': 'mine' })).code, 0)
      const { text } = await http(host.admin, 'GET', '/metrics')
      assert.match(text, /^innkeeper_idempotency_bytes [1-9]/m)
    })
  },
)

Quotas('disk.D2: without a bound: who has more than an eighth of the disk leaves an eighth free, or 1 GiB', () => {
  const GiB = 1024 ** 3
  const held = new Map<number, number>()
  const usage = {
    of: (storage: number) => held.get(storage) ?? 0,
    keysOf: () => 0,
    allKeys: 0,
    get all() {
      return [...held.values()].reduce((sum, one) => sum + one, 0)
    },
  }
  const disk = new Disk({
    stored: { usage: usage as never },
    outbox: { bytesOf: () => 0, allBytes: 0 },
    serviceDiskBytesMax: Number.POSITIVE_INFINITY,
    idempotencyBytesMax: 1,
  })
  const refused = (storage: number) => disk.quota('S', storage, false) !== undefined
  held.set(1, 50 * GiB)
  held.set(2, GiB / 2)
  disk.freeBytes = 100 * GiB
  assert.equal([1, 2].map(refused), [false, false])
  disk.freeBytes = GiB - 1
  assert.equal([1, 2].map(refused), [true, false])
  held.set(2, 2 * GiB)
  assert.equal([1, 2].map(refused), [true, true])
  assert.match(disk.refusal('S', 1, false)!.message, 'the disk is nearly full, and S has more than its share of it')
  // A small disk: an eighth of what the host has and what is free.
  held.set(1, 600)
  held.set(2, 50)
  disk.freeBytes = 101
  assert.equal([1, 2].map(refused), [false, false])
  disk.freeBytes = 80
  assert.equal([1, 2].map(refused), [true, false])
})

Quotas.run()
