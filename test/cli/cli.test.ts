// Guards `inn` as a user types it: exit codes, one-line errors that say what to do, output for people and programs.

import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import { hostProcess, http, temporary } from '../support/host.ts'
import { bin, type Ran, runInn } from '../support/inn.ts'
import { actions, replicas, scripted, values } from '../support/scripted.ts'

const counter = 'examples.counter.v1.Counter'
const data = temporary()
const work = temporary()
const { file } = await component('counter/typescript')
const host = await hostProcess(data.path)

function inn(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Ran> {
  return runInn(work.path, args, { INNKEEPER_ADMIN: host.admin, ...env }, input)
}

/** Fails with this code and one line on standard error that matches. */
async function fails(code: number, message: RegExp, args: readonly string[], env = {}): Promise<void> {
  const ran = await inn(args, '', env)
  assert.is(ran.code, code, `${args.join(' ')}: ${ran.err}`)
  assert.match(ran.err, message)
  assert.is(ran.err.trimEnd().split('\n').length, 1, ran.err)
  assert.is(ran.out, '')
}

async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  const ran = await inn([...args, '--json'])
  assert.is(ran.code, 0, ran.err)
  return JSON.parse(ran.out) as Record<string, unknown>
}

const call = async (...args: readonly string[]) => (await inn(['call', ...args])).out.trim()

const Cli = suite('inn')

Cli('command.C1: wrong usage ends with 2 and says how', async () => {
  assert.is((await inn([])).code, 2)
  await fails(2, /no command "fly"; `inn --help` lists them/, ['fly'])
  await fails(2, /no command "constructor"/, ['constructor'])
  await fails(2, /usage: inn deploy FILE.wasm/, ['deploy'])
  await fails(2, /usage: inn state SERVICE ENTITY/, ['state', counter])
  await fails(2, /--fast/, ['services', '--fast'])
  await fails(2, /--admin: expected HOST:PORT/, ['services', '--admin', 'nowhere'])
  await fails(2, /expected SERVICE\/METHOD/, ['call', 'Add'])
  await fails(2, /--at: expected a whole number/, ['state', counter, 'a', '--at', 'x'])
})

Cli('help has columns: a space is between every flag and its description; a summary is below every usage', async () => {
  const { out } = await inn(['up', '--help'])
  const flags = out.split('\n').filter((line) => line.startsWith('  -'))
  assert.ok(flags.length > 20)
  const starts = flags.map((line) => /^ {2}(?:-\w, )?--[a-z-]+(?: VALUE)? {2,}(?=\S)/.exec(line)?.[0].length)
  assert.equal([...new Set(starts)].length, 1, flags.join('\n'))
  const lines = (await inn(['--help'])).out.split('\n')
  const commands = lines.flatMap((line, at) => (line.startsWith('  inn ') ? [`${line}\n${lines[at + 1]}`] : []))
  assert.ok(commands.length > 10)
  assert.equal(
    commands.filter((command) => !/^ {2}inn \S.*\n {6}\S/.test(command)),
    [],
  )
})

Cli('help is no failure', async () => {
  for (const args of [['--help'], ['up', '--help'], ['call', '-h']]) {
    const { code, out } = await inn(args)
    assert.is(code, 0)
    assert.match(out, /inn /)
  }
})

Cli('help loads the list of commands and no command', async () => {
  const hooks = `import { registerHooks } from 'node:module'
    registerHooks({ load: (url, context, next) => {
      if (url.endsWith('.ts')) process.stderr.write(new URL(url).pathname.split('/host/')[1] + '\\n')
      return next(url, context)
    } })`
  const preload = `data:text/javascript,${encodeURIComponent(hooks)}`
  const loaded = (await inn(['--help'], '', { NODE_OPTIONS: `--import=${preload}` })).err.trim().split('\n')
  assert.ok(loaded.includes('cli/main.ts'), loaded.join())
  assert.ok(loaded.length < 12, loaded.join())
})

Cli('command.C1: what cannot be done ends with 1 and says what to do', async () => {
  await fails(1, /no host answers on 127.0.0.1:1 .*inn up/, ['services', '--admin', '127.0.0.1:1'])
  await fails(1, /no-such-file.wasm: there is no such file/, ['deploy', 'no-such-file.wasm'])
  await fails(1, /no service a.B is deployed/, ['services', 'a.B'])
  await fails(1, /no service a.B is deployed/, ['undeploy', 'a.B'])
})

Cli('a refused component ends with 1, each reason on a line, and deploys nothing', async () => {
  writeFileSync(join(work.path, 'bad.wasm'), 'not wasm at all')
  const { code, err, out } = await inn(['deploy', 'bad.wasm'])
  assert.is(code, 1)
  assert.match(err, /^refused: /m)
  assert.is(out, '')
  assert.equal(await json('services'), { services: [], unrestored: [] })
})

Cli('check tries the laws on every service and says of what kind, without a host', async () => {
  const orders = await component('orders/typescript')
  const ran = await inn(['check', orders.file, '--seed', '3'])
  assert.match(
    ran.out,
    /is fine: \d+ KB, examples.checkout.v1.Orders \(action, \d+ commands\); the laws hold \(seed 3\)/,
  )
  const { services, seed } = await json('check', file, '--seed', '3')
  assert.is(seed, 3)
  const [{ commands, ...report }] = services as [{ commands: number }]
  assert.equal(report, { service: counter, kind: 'event-sourced', broken: [], warnings: [] })
  assert.ok(commands > 50)
})

Cli('check of a component that breaks a law ends with 1, naming it and the seed', async () => {
  writeFileSync(join(work.path, 'scripted.wasm'), await scripted())
  const { code, err } = await inn(['check', 'scripted.wasm', '--seed', '4'])
  assert.is(code, 1)
  // On random input its scripts are nonsense, and throw.
  for (const service of [values, replicas, actions])
    assert.match(err, new RegExp(`^refused: ${service}: a fault \\(trap: .*seed 4, round 1\\)$`, 'm'))
})

Cli('--dry-run and check show the routes of the file: rpc, HTTP method and path, a line each', async () => {
  const cart = await component('cart/typescript')
  const routes = [
    '  examples.cart.v1.ShoppingCart/AddItem     POST  /cart/{user_id}/items/add',
    '  examples.cart.v1.ShoppingCart/RemoveItem  POST  /cart/{user_id}/items/{product_id}/remove',
    '  examples.cart.v1.ShoppingCart/GetCart     GET   /carts/{user_id}',
    '  examples.cart.v1.ShoppingCart/GetCart     GET   /carts/{user_id}/items',
    '  examples.cart.v1.ShoppingCart/WatchCart   GET   /carts/{user_id}/watch',
    '  examples.cart.v1.ShoppingCart/Checkout    POST  /cart/{user_id}/checkout',
  ]
  for (const args of [
    ['deploy', cart.file, '--dry-run'],
    ['check', cart.file],
  ]) {
    const { out, code } = await inn(args)
    assert.is(code, 0)
    assert.equal(out.trimEnd().split('\n').slice(1), routes, args[0])
  }
  const { routes: told } = await json('check', file, '--seed', '3')
  assert.equal(told, [
    { rpc: `${counter}/Add`, route: 'POST /counter/{id}/add' },
    { rpc: `${counter}/Get`, route: 'GET /counter/{id}' },
  ])
})

Cli('--dry-run says what would happen and changes nothing', async () => {
  assert.is((await json('deploy', file, '--dry-run'))['deployment'], 1)
  assert.equal(await json('services'), { services: [], unrestored: [] })
})

Cli('deploys, lists and calls, with JSON from the line, a file and standard input', async () => {
  assert.is((await json('deploy', file))['unchanged'], false)
  assert.match((await inn(['deploy', file])).out, /was already deployed as number 1/)
  assert.match(
    (await inn(['services'])).out,
    new RegExp(`^${counter} +event-sourced +deployment 1 +[0-9,]+ bytes +Add Get$`, 'm'),
  )
  assert.match((await inn(['services', counter])).out, /POST \/counter\/\{id\}\/add/)
  assert.is(await call(`${counter}/Add`, '{"id":"a","amount":5}'), '{"value":"5"}')
  writeFileSync(join(work.path, 'add.json'), '{"id":"a","amount":"2"}')
  assert.is(await call(`${counter}/Add`, '@add.json', '-H', 'x-one: 1', '-H', 'idempotency-key:k'), '{"value":"7"}')
  assert.is(await call(`${counter}/Add`, '@add.json', '-H', 'idempotency-key:k'), '{"value":"7"}')
  assert.is((await inn(['call', `${counter}/Add`, '-'], '{"id":"ab","amount":1}')).out, '{"value":"1"}\n')
  assert.is(await call(`${counter}/Get`, '{"id":"a"}', '--url', host.listen), '{"value":"7"}')
})

Cli('a call that cannot be made says why', async () => {
  await fails(1, /INVALID_ARGUMENT: amount must be positive/, ['call', `${counter}/Add`, '{"id":"a","amount":-1}'])
  await fails(1, /has no method Fly/, ['call', `${counter}/Fly`])
  await fails(1, /none.json: there is no such file/, ['call', `${counter}/Add`, '@none.json'])
  await fails(2, /is not JSON/, ['call', `${counter}/Add`, '{'])
  await fails(2, /\$\.amount: expected int64/, ['call', `${counter}/Add`, '{"amount":"x"}'])
  await fails(2, /-H: expected NAME:VALUE/, ['call', `${counter}/Get`, '{}', '-H', 'x'])
  await fails(2, /-H a b/, ['call', `${counter}/Get`, '{}', '-H', 'a b:c'])
})

Cli('entities, state then and now, and the journal', async () => {
  const listed = (await json('entities', counter, '--prefix', 'ab'))['entities'] as { id: string }[]
  assert.equal(
    listed.map(({ id }) => id),
    ['ab'],
  )
  assert.equal((await json('state', counter, 'a', '--at', '1'))['state'], { value: { $bigint: '5' } })
  assert.is((await json('state', counter, 'a'))['of'], 2)
  await fails(1, /has no event 3; its last event is 2/, ['state', counter, 'a', '--at', '3'])
  await fails(1, /stores no entity "none"/, ['state', counter, 'none'])
  const records = (await inn(['journal', counter, 'a', '--from', '2', '--json'])).out.trim().split('\n')
  assert.is(records.length, 1)
  assert.is((JSON.parse(records[0]!) as { revision: number }).revision, 2)
  assert.match((await inn(['journal', counter, 'a'])).out, /examples.counter.v1.Added/)
  assert.match((await inn(['effects'])).out, /No effects are waiting/)
})

Cli('a command ends quietly when its reader goes', async () => {
  await call(`${counter}/Add`, '{"id":"read","amount":"1"}')
  const batch = join(work.path, 'calls.jsonl')
  const line = JSON.stringify({ service: counter, method: 'Get', payload: { id: 'read' } })
  writeFileSync(batch, `${line}\n`.repeat(5_000))
  for (const args of [
    ...[['--help'], ['up', '--help'], ['up', '--print-config'], ['services', '--json'], ['services', counter]],
    ...[['entities', counter], ['state', counter, 'read'], ['journal', counter, 'read'], ['effects'], ['doctor']],
    ...[
      ['journal', counter, 'read', '--follow'],
      ['call', `${counter}/Get`, '{"id":"read"}'],
    ],
    ['call', '--batch', batch],
  ]) {
    const { code, err } = await unread(args)
    assert.is(err, '', args.join(' '))
    assert.is(code, 0, args.join(' '))
  }
})

/** What becomes of a command whose output nobody reads. */
function unread(args: readonly string[]): Promise<{ code: number | null; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', bin, ...args], {
      env: { PATH: process.env['PATH'], INNKEEPER_ADMIN: host.admin },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
    // Long before it prints: a Node takes a while to start.
    child.stdout.destroy()
    let err = ''
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    child.on('close', (code) => resolve({ code, err }))
  })
}

Cli('a call that forgets its key ends with 1, naming method and field', async () => {
  writeFileSync(join(work.path, 'scripted.wasm'), await scripted())
  await json('deploy', 'scripted.wasm')
  const said = /INVALID_ARGUMENT: test.script.v1.Values\/Do: the field id names the entity and is empty; set it/
  await fails(1, said, ['call', `${values}/Do`, '{"code":""}'])
})

Cli('the entity of the empty key can be looked at, and is seen in a list', async () => {
  const allowing = await scripted(undefined, (proto) =>
    proto.replace('entity_key) = true', 'entity_key) = true, (innkeeper.allow_empty_key) = true'),
  )
  writeFileSync(join(work.path, 'allowing.wasm'), allowing)
  await json('deploy', 'allowing.wasm')
  const code = "return { change: { updated: 'nobody' }, outcome: say(entity.length) }"
  assert.is(await call(`${values}/Do`, JSON.stringify({ code })), '{"text":"0"}')
  await call(`${values}/Do`, JSON.stringify({ id: 'a\u001b[2Jb', code }))
  const { out } = await inn(['entities', values])
  assert.match(out, /^"" +revision 1 /)
  assert.match(out, /^a\\x1b\[2Jb +revision 1 /m)
  assert.match((await inn(['state', values, ''])).out, /^test.script.v1.Values "" at revision 1\n/)
  for (const service of [values, replicas, actions]) await json('undeploy', service, '--purge')
})

Cli('undeploy keeps the data, --purge deletes it', async () => {
  const added = () => call(`${counter}/Add`, '{"id":"kept","amount":1}')
  await added()
  assert.match((await inn(['undeploy', counter])).out, /its data is kept/)
  await fails(1, /no service/, ['call', `${counter}/Get`, '{}'])
  await json('deploy', file)
  assert.is(await added(), '{"value":"2"}')
  assert.match((await inn(['undeploy', counter, '--purge'])).out, /its data was deleted/)
  await json('deploy', file)
  assert.is(await added(), '{"value":"1"}')
})

Cli('up --print-config shows settings and sources, and not the token', async () => {
  const { code, out } = await inn(['up', '--print-config', '--hops-max', '3', '--token', 'hush'])
  assert.is(code, 0)
  assert.match(out, /^hops-max +3 {2}# --hops-max$/m)
  assert.not.match(out, /hush/)
})

const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--log-level', 'silent']

Cli('up refuses unknown and unsafe settings with 2', async () => {
  await fails(2, /INNKEEPER_NOTHING: unknown setting/, ['up'], { INNKEEPER_NOTHING: '1' })
  await fails(2, /^inn up: --listen: expected HOST:PORT, got "nowhere"$/m, ['up', '--listen', 'nowhere'])
  await fails(2, /deadline-ms: expected a whole number/, ['up', '--deadline-ms', '0'])
  await fails(2, /not a loopback address: set a token/, ['up', '--admin', '0.0.0.0:0'])
})

Cli('up that cannot start ends with 1: port in use, directory in use, directory that is a file', async () => {
  const port = host.listen.split(':')[1]
  await fails(1, /127\.0\.0\.1:\d+ is in use, .*--listen/, [
    'up',
    '--data',
    'other',
    ...ports,
    '--listen',
    `127.0.0.1:${port}`,
  ])
  await fails(1, /use|lock/i, ['up', '--data', data.path, ...ports])
  await fails(1, /cannot be made: .* is a file; choose another with --data/, ['up', '--data', file, ...ports])
  await fails(1, /cannot be made: .* is a file; choose another with --data/, [
    'up',
    '--data',
    `${file}/below`,
    ...ports,
  ])
  // Node's own way tries for ever here.
  if (existsSync('/proc'))
    await fails(1, /cannot be made: nothing can be made there/, ['up', '--data', '/proc/innkeeper', ...ports])
})

Cli('SIGTERM ends a host with 0, and what it answered is there when it starts again', async () => {
  const folder = join(work.path, 'stopped')
  const first = await hostProcess(folder, [file])
  assert.is((await http(first.listen, 'POST', '/counter/a/add', { amount: 5 })).status, 200)
  const code = new Promise((resolve) => first.child.once('exit', resolve))
  first.child.kill('SIGTERM')
  assert.is(await code, 0)
  assert.ok(existsSync(folder))
  const second = await hostProcess(folder)
  try {
    assert.is((await http(second.listen, 'GET', '/counter/a')).text, '{"value":"5"}')
  } finally {
    await second.kill()
  }
})

Cli.after(async () => {
  await host.kill()
  data.remove()
  work.remove()
})

Cli.run()
