// Guards the sandbox: hostile code in the linking process reaches nothing. A probe tries it through the launcher that links.

import { type ChildProcess, spawn } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { copyFileSync, existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultLimits } from '../../host/limits.ts'
import { folders, link } from '../../host/link/link.ts'
import { launch, type Sandbox, sandbox, unsealed, type Wall, walled } from '../../host/link/sandbox.ts'
import { temporary } from '../support/host.ts'
import { guestComponent } from '../support/hostile.ts'
import { skip } from '../support/skip.ts'

const fixtures = fileURLToPath(new URL('../fixtures/sandbox', import.meta.url))
const probe = join(fixtures, 'probe.mjs')
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))
const offered = await sandbox()
const none: Sandbox = { walls: new Set(), missing: ['everything'], advice: 'test with walls' }

const folder = temporary()
const secret = join(folder.path, 'data')
writeFileSync(secret, 'what was stored')
process.env['SECRET_OF_THE_HOST'] = 'token-4711'

const tcp = net.createServer((socket) => socket.end()).listen(0, '127.0.0.1')
const unixPath = join(folder.path, 'socket')
const unix = net.createServer((socket) => socket.end()).listen(unixPath)
const abstractPath = process.platform === 'linux' ? `\0innkeeper-${process.pid}` : join(folder.path, 'abstract')
const abstract = net.createServer((socket) => socket.end()).listen(abstractPath)
const udp = dgram.createSocket('udp4').bind(0, '127.0.0.1')
let datagrams = 0
udp.on('message', () => datagrams++)
await Promise.all([tcp, unix, abstract, udp].map((server) => once(server, 'listening')))

const written = [join(folder.path, 'written'), join(fixtures, 'written'), '/tmp/written-by-probe', '/written']
const given = {
  ...{ secret, host: process.pid, writable: written, unix: unixPath, abstract: abstractPath },
  ...{ tcp: (tcp.address() as net.AddressInfo).port, udp: udp.address().port },
  addon: globSync('@nxtedition/rocksdb/**/*.node', { cwd: modules }).map((path) => join(modules, path))[0],
}

type Results = Readonly<Record<string, string>> & { readonly environment: readonly string[] }

async function said(child: ChildProcess, mode: string): Promise<string> {
  let text = ''
  child.stdout!.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  let complaint = ''
  child.stderr!.setEncoding('utf8').on('data', (part: string) => {
    complaint += part
  })
  child.stdin!.write(JSON.stringify({ ...given, mode }))
  await once(child, 'close')
  return text === '' ? complaint : text
}

const inSandbox = (mode: string, walls: Sandbox = offered): Promise<string> =>
  said(launch(probe, [...folders, fixtures], walls), mode)

/** Behind the walls, but without Node's permission model: what the kernel holds alone. */
function inKernel(walls: ReadonlySet<Wall>): Promise<string> {
  const [command, ...rest] = [...walled(walls, [fixtures]), process.execPath, probe]
  return said(spawn(command!, rest, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] }), 'everything')
}

function refused(results: Results, names: readonly string[]): void {
  for (const name of names) assert.match(results[name] ?? 'was not tried', /^refused: /, `${name} ${results[name]}`)
}

const files = [
  ...['read passwd', 'list the root', 'read data', "read the host's environment", "read the host's command line"],
  ...["read the parent's memory map", 'open a device', 'load an addon', 'read passwd in a thread'],
  ...written.map((path) => `write ${path}`),
]
const network = ['tcp', 'abstract unix socket', 'dns', 'udp']

const Box = suite('sandbox')

/** A test of what a wall holds, where the machine offers it. */
function behind(walls: readonly Wall[], name: string, test: () => Promise<void>): void {
  const missing = walls.filter((wall) => !offered.walls.has(wall))
  if (missing.length === 0) Box(name, test)
  else skip(Box, name, `this machine gives no ${missing.join(', ')}: ${offered.advice}`)
}

const results = JSON.parse(await inSandbox('everything')) as Results

Box('no file of the host is read or written, in a thread neither, and no addon is loaded', () => {
  refused(results, files)
  assert.equal(written.filter(existsSync), [])
})

Box('no process is started', () => refused(results, ['start a process']))

Box('sandbox.B3: nothing of the environment is there', () => {
  // What a shell sets by itself.
  const own = ['PWD', 'OLDPWD', 'SHLVL', '_']
  assert.equal(
    results.environment.filter((name) => !own.includes(name)),
    [],
  )
})

behind(['network'], 'the network is out of reach: TCP, UDP, names, abstract sockets', async () => {
  refused(results, network)
  assert.is(datagrams, 0)
})

behind(['files'], 'a socket in a folder is out of reach', async () => refused(results, ['unix socket']))

behind(['processes'], 'the host cannot be signalled', async () => refused(results, ['signal the host']))

behind(['memory'], 'two gigabytes of buffers are not to be had', async () => {
  const megabytes = await inSandbox('memory')
  assert.ok(Number(megabytes) <= 1_500 || /out of memory|allocat/i.test(megabytes), megabytes.slice(0, 300))
})

behind(['network', 'processes', 'files'], 'the kernel alone holds, without the permission model of Node', async () => {
  const held = JSON.parse(await inKernel(offered.walls)) as Results
  refused(held, [...files.filter((name) => name !== 'list the root'), ...network, 'unix socket', 'signal the host'])
  // Its own view of one: libraries and what it was given.
  const shown = held['list the root']!.replace(/^did: /, '').split(',')
  for (const hidden of ['etc', 'proc', 'home', 'var', 'dev', 'tmp'])
    assert.not.ok(shown.includes(hidden) && !fixtures.startsWith(`/${hidden}`), hidden)
  assert.equal(written.filter(existsSync), [])
})

Box('sandbox.B2: without walls, Node alone still keeps it from files and processes', async () => {
  const bare = JSON.parse(await inSandbox('everything', none)) as Results
  refused(bare, [...files, 'start a process'])
  // What the walls are for: without them the same tries succeed.
  for (const name of ['tcp', 'udp', 'abstract unix socket', 'unix socket', 'signal the host'])
    assert.match(bare[name]!, /^did: /, `${name} ${bare[name]}`)
})

behind(['parent'], 'it ends with a host that is killed, though it hears nothing any more', async () => {
  const script = join(folder.path, 'stay.mjs')
  copyFileSync(probe, script)
  const host = spawn(process.execPath, ['--no-warnings', join(fixtures, 'host.ts'), script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(host.stdout!, 'data')
  assert.ok(processesOf(script).length > 1, 'the probe runs')
  host.kill('SIGKILL')
  await once(host, 'exit')
  // Its loop is endless: it goes by this or never. The number only keeps a failure from waiting for ever.
  for (let round = 0; round < 1_500 && processesOf(script).length > 0; round++)
    await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(processesOf(script), [])
})

/** Processes whose command line names the script. */
function processesOf(script: string): readonly string[] {
  return readdirSync('/proc').filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(script)
    } catch {
      return false
    }
  })
}

Box(
  '§deploy-12, link.K2, sandbox.B1: a component is linked behind all walls that the machine offers, and behind none',
  async () => {
    const component = await guestComponent({})
    for (const walls of [offered, none]) {
      const result = await link(component, defaultLimits, () => {}, { walls })
      assert.ok(result.ok, result.ok ? '' : result.reasons.join('; '))
    }
  },
)

Box('link.K2: require-sandbox links nothing where a wall is missing, and says which and what to do', async () => {
  const walls: Sandbox = {
    walls: new Set(['memory']),
    missing: ['it can reach the network'],
    advice: 'install util-linux',
  }
  const result = await link(await guestComponent({}), defaultLimits, () => {}, { sealedOnly: true, walls })
  assert.equal(result, {
    ok: false,
    reasons: [
      'require-sandbox is on: the process that links components is not sealed on this machine: it can reach the network. To seal it, install util-linux',
    ],
  })
  assert.is(unsealed({ walls: new Set(), missing: [], advice: '' }), undefined)
})

Box.after(() => {
  for (const server of [tcp, unix, abstract, udp]) server.close()
  folder.remove()
})

Box.run()
