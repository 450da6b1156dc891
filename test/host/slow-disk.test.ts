// Guards a host on a slow disk: what needs no commit does not wait for one, what needs one hears of nothing before it, and neither a kill nor a
// stop in the middle of a sync loses or repeats anything.
//
// No times are compared: a sync takes so long that all else has been answered before it ends, or the order is wrong.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary } from '../support/host.ts'
import { ScriptClient, scripted, values } from '../support/scripted.ts'
import { skip } from '../support/skip.ts'
import { SlowDisk, slowSync } from '../support/slow-disk.ts'

const SlowDisks = suite('a slow disk')
const longMs = 2_000

interface Slow {
  readonly host: HostProcess
  readonly disk: SlowDisk
  /** The host is started again, on the same disk. */
  restart(): Promise<HostProcess>
}

const add = (host: HostProcess, key: string, headers: Record<string, string> = {}) =>
  http(host.listen, 'POST', `/counter/${key}/add`, { amount: 1 }, headers)
const counted = async (host: HostProcess, key: string) =>
  Number((await http(host.listen, 'GET', `/counter/${key}`)).json.value)

async function metric(host: HostProcess, name: string): Promise<number> {
  const { text } = await http(host.admin, 'GET', '/metrics')
  return Number(new RegExp(`^innkeeper_${name} (\\S+)$`, 'm').exec(text)?.[1])
}

/** Write until the host has found the disk slow, or quick. */
async function until(host: HostProcess, slow: 0 | 1): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if ((await metric(host, 'disk_slow')) === slow) return
    await add(host, 'found')
  }
  assert.unreachable(`the disk was not found ${slow === 1 ? 'slow' : 'quick'}`)
}

/** A counter on a disk that the host has found slow, each of whose syncs takes `longMs` from then on. */
async function onSlowDisk(library: string, run: (slow: Slow) => Promise<void>): Promise<void> {
  const { file } = await component('counter/typescript')
  const data = temporary()
  const disk = new SlowDisk(library)
  const hosts: HostProcess[] = []
  const start = async (files: readonly string[]) => {
    const host = await hostProcess(data.path, files, disk.env)
    hosts.push(host)
    return host
  }
  try {
    const host = await start([file])
    await add(host, 'warm')
    disk.take(100)
    await until(host, 1)
    disk.take(longMs)
    const restart = () => {
      disk.take(0)
      return start([])
    }
    await run({ host, disk, restart })
  } finally {
    for (const host of hosts) await host.kill()
    data.remove()
  }
}

function tests(library: string): void {
  SlowDisks('§storage-7: what needs no commit is answered while one waits for the disk', () =>
    onSlowDisk(library, async ({ host, disk }) => {
      const order: string[] = []
      const told = async (name: string, status: number, asked: Promise<{ status: number }>) => {
        assert.is((await asked).status, status, name)
        order.push(name)
      }
      const before = disk.syncs
      const write = told('a write', 200, add(host, 'written'))
      await disk.begins(before)
      await told('/healthz', 200, http(host.admin, 'GET', '/healthz'))
      await told('/readyz', 200, http(host.admin, 'GET', '/readyz'))
      await told('a read of a warm entity', 200, http(host.listen, 'GET', '/counter/warm'))
      await told('a read of one that was never there', 200, http(host.listen, 'GET', '/counter/new'))
      await told('a read of a file of the host', 200, http(host.listen, 'GET', '/openapi.json'))
      await told('no such path', 404, http(host.listen, 'GET', '/nothing'))
      await told('no such field', 400, http(host.listen, 'POST', '/counter/warm/add', { amounts: 1 }))
      await told('a refusal of the function', 400, http(host.listen, 'POST', '/counter/warm/add', { amount: 0 }))
      order.push('all that needs no commit')
      await write
      assert.is(order.at(-2), 'all that needs no commit')
      assert.is(order.at(-1), 'a write')
    }),
  )

  SlowDisks('a read of the entity whose commit is under way is answered after it, with what it left', () =>
    onSlowDisk(library, async ({ host, disk }) => {
      const order: string[] = []
      const before = disk.syncs
      const write = add(host, 'one').then(() => order.push('write'))
      await disk.begins(before)
      const value = await counted(host, 'one')
      order.push('read')
      await write
      assert.is(value, 1)
      assert.equal(order, ['write', 'read'])
    }),
  )

  SlowDisks('commands that come while one sync is under way share the next one', () =>
    onSlowDisk(library, async ({ host, disk }) => {
      const before = disk.syncs
      const first = add(host, 'first')
      await disk.begins(before)
      const asides = await metric(host, 'commits_aside_total')
      const rest = Array.from({ length: 100 }, (_, index) => add(host, `k${index}`))
      for (const { status } of await Promise.all([first, ...rest])) assert.is(status, 200)
      // The first is counted. One who comes late, by another connection, may need one more.
      const commits = (await metric(host, 'commits_aside_total')) - asides
      assert.ok(commits >= 1 && commits <= 3, `${commits} commits for 100 commands`)
    }),
  )

  SlowDisks('a kill in the middle of a sync loses nothing that was answered, and repeats nothing', () =>
    onSlowDisk(library, async ({ host, disk, restart }) => {
      disk.take(100)
      for (let number = 0; number < 5; number++) await add(host, 'kept')
      disk.take(longMs)
      const before = disk.syncs
      const lost = add(host, 'kept', { 'idempotency-key': 'once' }).catch(() => undefined)
      await disk.begins(before)
      const gathered = add(host, 'gathered', { 'idempotency-key': 'once' }).catch(() => undefined)
      // It has been decided once this is answered: both wait in one line.
      await counted(host, 'warm')
      await host.kill()
      assert.equal(await Promise.all([lost, gathered]), [undefined, undefined])
      const again = await restart()
      const kept = await counted(again, 'kept')
      assert.ok(kept === 5 || kept === 6, `${kept}`)
      // The next batch had not been given to the disk.
      assert.is(await counted(again, 'gathered'), 0)
      for (const key of ['kept', 'gathered'])
        assert.is((await add(again, key, { 'idempotency-key': 'once' })).status, 200)
      assert.is(await counted(again, 'kept'), 6)
      assert.is(await counted(again, 'gathered'), 1)
    }),
  )

  SlowDisks('a stop in the middle of a sync ends when all that was decided is on disk', () =>
    onSlowDisk(library, async ({ host, disk, restart }) => {
      const before = disk.syncs
      const write = add(host, 'last')
      await disk.begins(before)
      const gathered = add(host, 'gathered')
      // Both are with the host.
      const waiting = async () => (await http(host.admin, 'GET', '/metrics')).text
      while (!/^innkeeper_waiting_commands 2$/m.test(await waiting())) await new Promise(setImmediate)
      const ended = new Promise((resolve) => host.child.once('exit', resolve))
      host.child.kill('SIGTERM')
      assert.is((await write).status, 200)
      assert.is((await gathered).status, 200)
      assert.is(await ended, 0)
      const again = await restart()
      assert.equal([await counted(again, 'last'), await counted(again, 'gathered')], [1, 1])
    }),
  )

  SlowDisks('a purge waits for the commits before it, and those after it are kept', () =>
    onSlowDisk(library, async ({ host, disk, restart }) => {
      await add(host, 'purged')
      const before = disk.syncs
      const write = add(host, 'purged')
      await disk.begins(before)
      const purge = http(host.admin, 'DELETE', '/v1/services/examples.counter.v1.Counter?purge', {})
      assert.is((await write).status, 200)
      assert.is((await purge).status, 200)
      disk.take(0)
      const { file } = await component('counter/typescript')
      await host.kill()
      const again = await restart()
      const wasm = { 'content-type': 'application/wasm' }
      assert.is((await http(again.admin, 'POST', '/v1/components', readFileSync(file), wasm)).status, 200)
      assert.is(await counted(again, 'purged'), 0)
      await add(again, 'purged')
      assert.is(await counted(again, 'purged'), 1)
    }),
  )

  SlowDisks(
    'a function that holds the loop is ended while a commit is under way, and the host goes on with what is stored',
    () => endsWhileCommitting(library),
  )

  SlowDisks('commits come back to the loop once the disk is quick again', () =>
    onSlowDisk(library, async ({ host, disk }) => {
      disk.take(0)
      await until(host, 0)
      const asides = await metric(host, 'commits_aside_total')
      assert.is((await add(host, 'quick')).status, 200)
      disk.take(100)
      await until(host, 1)
      assert.ok(asides > 0)
      assert.is(await counted(host, 'quick'), 1)
    }),
  )
}

const put = (text: string) => `return { change: { updated: '${text}' }, outcome: say('') }`

/** The thread that serves is ended from outside, with the thread that writes its commit. */
async function endsWhileCommitting(library: string): Promise<void> {
  const data = temporary()
  const disk = new SlowDisk(library)
  const file = join(data.path, 'scripted.wasm')
  writeFileSync(file, await scripted())
  const settings = ['--fuel-per-command', String(2 ** 49), '--turn-ms-max', '300', file]
  const host = await hostProcess(join(data.path, 'data'), settings, disk.env)
  const client = new ScriptClient(host.listen)
  try {
    disk.take(100)
    for (let tries = 0; (await metric(host, 'disk_slow')) === 0; tries++) {
      assert.ok(tries < 6_000, 'the disk was not found slow')
      assert.is((await client.call(values, 'Do', 'one', put('kept'))).code, 0)
    }
    disk.take(longMs)
    const before = disk.syncs
    const write = client.call(values, 'Do', 'one', put('new'))
    await disk.begins(before)
    const endless = client.call(values, 'Do', 'other', 'for (;;);')
    // UNAVAILABLE: nobody knows what became of the commit.
    assert.equal([(await write).code, (await endless).code], [14, 14])
    disk.take(0)
    const release = () => http(host.admin, 'POST', `/v1/services/${values}/release`, {})
    for (let tries = 0; (await release().catch(() => undefined))?.status !== 200; tries++) {
      assert.ok(tries < 6_000, 'the host did not come back')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    const show = async () => (await client.call(values, 'Do', 'one', 'return { outcome: say(value) }')).text
    assert.ok(['kept', 'new'].includes(await show()))
    assert.is((await client.call(values, 'Do', 'one', put('later'))).code, 0)
    assert.is(await show(), 'later')
  } finally {
    client.close()
    await host.kill()
    data.remove()
  }
}

const shim = slowSync()
if ('missing' in shim) skip(SlowDisks, 'a host on a slow disk', shim.missing)
else tests(shim.library)

SlowDisks.run()
