// Guards the processes of views: what they can reach, and that none stays when its host is gone.

import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sandbox } from '../../host/link/sandbox.ts'
import { Child, host } from '../../host/views/process/child.ts'
import { wallsFor } from '../../host/views/process/walls.ts'
import { rejects } from '../support/assert.ts'
import { orders, query, Shop } from './shop.ts'

const endless = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS cents FROM c'
const shop = await Shop.of(orders(query('Endless(Customer) returns (stream OrderRow)', endless)))
assert.equal(shop.problems, [])
const service = 'shop.v1.OrdersView'

interface Context {
  directory: string
  start: (script: 'reader' | 'writer') => Promise<Child>
  started: Child[]
}
const Children = suite<Context>('processes of views')
Children.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'innkeeper-child-'))
  context.started = []
  context.start = async (script) => {
    const argument = JSON.stringify({ rowsMax: 10, bytesMax: 1_000_000 })
    const walls = await wallsFor(host, context.directory)
    const options = { script, directory: context.directory, argument, memoryMiB: 128, walls, log: console.log }
    const child = new Child(options, () => {})
    context.started.push(child)
    await child.ready
    await child.ask({ kind: 'learn', component: 1, ...shop.component })
    return child
  }
})
Children.after.each(({ directory, started }) => {
  for (const child of started) child.kill()
  rmSync(directory, { recursive: true })
})

Children('child.H1: its code changes files in its folder only', async ({ directory, start }) => {
  const writer = await start('writer')
  const path = join(directory, 'a.db')
  assert.equal(await writer.ask({ kind: 'open', component: 1, service, path }), [])
  const outside = join(directory, '..', `innkeeper-outside-${process.pid}.db`)
  writeFileSync(outside, '')
  const { cause } = await rejects(() => writer.ask({ kind: 'drop', path: outside }), 'internal')
  assert.match((cause as Error).message, /ERR_ACCESS_DENIED/)
  assert.ok(existsSync(outside))
  rmSync(outside)
  await writer.ask({ kind: 'drop', path })
  assert.not.ok(existsSync(path))
})

Children('child.H1: it has no environment but the names of its channel', async ({ start }) => {
  if (process.platform !== 'linux') return
  process.env['INNKEEPER_TEST_SECRET'] = 'secret'
  const child = await start('reader')
  delete process.env['INNKEEPER_TEST_SECRET']
  const names = readFileSync(`/proc/${child.pid}/environ`, 'utf8')
    .split('\0')
    .map((line) => line.split('=')[0])
  assert.equal(
    names.filter((name) => !/^(?:NODE_CHANNEL_\w+|PWD|SHLVL|_|OLDPWD|)$/.test(name!)),
    [],
  )
  assert.ok((child.taken() ?? 0) < 100 * 1024 * 1024)
  child.kill()
  assert.is((await child.gone).signal, 'SIGKILL')
})

Children('§view-10, child.H1: it has no network where the machine lets a process have none', async ({ start }) => {
  const { walls } = await sandbox()
  if (!walls.has('network') || !walls.has('parent')) return
  const { pid } = await start('reader')
  const devices = readFileSync(`/proc/${pid}/net/dev`, 'utf8').match(/^ *\w+(?=:)/gm)
  assert.equal(
    devices?.map((name) => name.trim()),
    ['lo'],
  )
})

Children('walls.U1: walls behind which the tables cannot be written are left out', async ({ directory }) => {
  const { walls } = await sandbox()
  const line = await wallsFor(host, join(directory, 'nowhere'))
  assert.not.ok(line.includes('--net'))
  assert.is(line.length > 0, walls.has('parent'))
})

Children('serve.E1: one that has nothing to do ends by itself when it is let go', async ({ start }) => {
  const child = await start('reader')
  child.disconnect()
  assert.equal(await child.gone, { code: 0, signal: null })
})

Children(
  'child.H3: a reader stands behind the host where processors are wanted, and a writer does not',
  async ({ start }) => {
    const [reader, writer] = [await start('reader'), await start('writer')]
    assert.ok(getPriority(reader.pid) > getPriority(process.pid))
    assert.is(getPriority(writer.pid), getPriority(process.pid))
    const share = (pid: number | undefined) =>
      Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'utf8'))?.[1])
    if (existsSync(`/proc/${process.pid}/autogroup`)) assert.is(share(reader.pid), getPriority(reader.pid))
  },
)

Children('child.H2: Ctrl-C, which a terminal sends to the group of the host, does not reach it', async ({ start }) => {
  const { pid } = await start('reader')
  // There is a group of its number: it leads one.
  assert.ok(process.kill(-pid!, 0))
})

Children('serve.E2: a Node whose SQLite has no authorizer is told as such', async () => {
  const without = `import { DatabaseSync } from 'node:sqlite'; delete DatabaseSync.prototype.setAuthorizer`
  const old = fork(fileURLToPath(new URL('../../host/views/process/reader.ts', import.meta.url)), ['{}'], {
    execArgv: ['--no-warnings', '--import', `data:text/javascript,${encodeURIComponent(without)}`],
    serialization: 'advanced',
  })
  const [said] = (await once(old, 'message')) as [{ unfit: string }]
  assert.match(said.unfit, /^views need a Node.js whose SQLite can be sealed, 24.21 or later; this is v/)
  if (old.exitCode === null && old.signalCode === null) {
    old.kill()
    await once(old, 'exit')
  }
})

Children(
  'child.H1, serve.E1: none is left of a host that is killed, in the middle of a query too',
  async ({ directory }) => {
    if (process.platform !== 'linux') return
    const host = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./doomed-host.ts', import.meta.url)), directory],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const lines = createInterface(host.stdout)
    const pids = await new Promise<number[]>((resolve) =>
      lines.once('line', (line) => resolve(JSON.parse(line) as number[])),
    )
    assert.is(pids.length, 2)
    host.kill('SIGKILL')
    /** Nobody may have asked how it ended: then its number is still there. */
    const isThere = (pid: number): boolean => {
      try {
        return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
      } catch {
        return false
      }
    }
    while (pids.some(isThere)) await sleep(20)
  },
)

Children.run()
