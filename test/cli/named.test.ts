// Guards names on the command line: services by the end of their names, methods as SDKs say them, and a hint for what does not exist.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component, fixture } from '../support/components.ts'
import { hostProcess, temporary } from '../support/host.ts'
import { type Ran, runInn } from '../support/inn.ts'
import { scripted } from '../support/scripted.ts'

const counter = 'examples.counter.v1.Counter'
const data = temporary()
const work = temporary()
const { file } = await component('counter/typescript')
writeFileSync(join(work.path, 'scripted.wasm'), await scripted())
const host = await hostProcess(data.path, [file, (await fixture('failing')).file, join(work.path, 'scripted.wasm')])

function inn(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Ran> {
  return runInn(work.path, args, { INNKEEPER_ADMIN: host.admin, ...env }, input)
}

async function fine(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await inn(args)
  assert.is(code, 0, err)
  return out
}

/** Ends with this code and this one line. */
async function fails(code: number, line: string, args: readonly string[], env = {}): Promise<void> {
  const ran = await inn(args, '', env)
  assert.equal([ran.err, ran.out, ran.code], [`${line}\n`, '', code])
}

const Named = suite('named')

Named(
  'named.W1, named.W2: every command takes the end of a service name, and `call` a method as SDKs say it',
  async () => {
    assert.is(await fine('call', 'Counter', 'add', '{"id":"a","amount":5}'), '{"value":"5"}\n')
    assert.is(await fine('call', 'Counter/Add', '{"id":"a","amount":1}'), '{"value":"6"}\n')
    assert.is(await fine('call', 'v1.Counter/get', '{"id":"a"}'), '{"value":"6"}\n')
    const lines = [
      '{"method":"get","payload":{"id":"a"}}',
      `{"service":"${counter}","method":"Get","payload":{"id":"a"}}`,
    ]
    const batch = await inn(['call', 'Counter', '--batch', '-'], lines.join('\n'))
    assert.is(batch.out, '{"reply":{"value":"6"}}\n{"reply":{"value":"6"}}\n')
    assert.match(await fine('entities', 'Counter'), /^a +2 events/)
    assert.match(await fine('state', 'Counter', 'a'), new RegExp(`^${counter} a after event 2 of 2`))
    assert.match(await fine('journal', 'Counter', 'a'), /Add \{"id":"a","amount":"5"\}/)
    assert.match(await fine('services', 'Counter'), new RegExp(`^${counter}  event-sourced`))
    assert.is(await fine('services', 'Counter', '--release'), `${counter} was not in quarantine.\n`)
    assert.is(await fine('effects', 'Counter'), 'No effects are waiting.\n')
    await fails(1, `inn rollback: ${counter} has no version before deployment 1; it was deployed as 1`, [
      'rollback',
      'Counter',
    ])
  },
)

Named('named.W1: an end that several services have names them all, and runs nothing', async () => {
  const both = 'Values may be test.failing.v1.Values or test.script.v1.Values; say more of the name'
  for (const args of [
    ['entities', 'Values'],
    ['effects', 'Values'],
    ['undeploy', 'Values', '--purge'],
    ['rollback', 'Values'],
  ])
    await fails(1, `inn ${args[0]}: ${both}`, args)
  await fails(1, `inn call: ${both}`, ['call', 'Values/Do', '{}'])
  const batch = await inn(['call', 'Values', '--batch', '-'], '{"method":"Do"}')
  assert.equal(JSON.parse(batch.out), { error: { code: 'UNIMPLEMENTED', message: both } })
  assert.is(await fine('entities', 'script.v1.Values'), 'No entities.\n')
})

Named('named.W3: a service or method that is not there names what is near', async () => {
  const near = `; did you mean ${counter}?`
  await fails(1, `inn state: no service Conter is deployed${near}`, ['state', 'Conter', 'a'])
  await fails(1, `inn undeploy: no service shop.v1.Counter is deployed${near}`, ['undeploy', 'shop.v1.Counter'])
  await fails(1, `inn rollback: no service Conter was ever deployed${near}`, ['rollback', 'Conter'])
  await fails(1, `inn effects: no service Conter is deployed, and no effects of it are waiting${near}`, [
    'effects',
    'Conter',
  ])
  await fails(1, 'inn services: no service Zebra is deployed; `inn services` lists the deployed ones', [
    'services',
    'Zebra',
  ])
  await fails(1, `inn call: ${counter} has no method Gett; did you mean Get?`, ['call', 'Counter/Gett'])
  await fails(1, `inn call: ${counter} has no method Multiply; \`inn services ${counter}\` lists them`, [
    'call',
    'Counter/Multiply',
  ])
  const batch = await inn(['call', '--batch', '-'], '{"service":"Counter","method":"Gett"}')
  assert.match(batch.out, /has no method Gett; did you mean Get\?/)
})

Named('a command, a flag or a setting that is not there names what is near', async () => {
  await fails(2, 'inn: no command "joural"; did you mean journal?', ['joural'])
  await fails(2, 'inn services: there is no flag --jsn; did you mean --json?', ['services', '--jsn'])
  await fails(2, 'inn services: there is no flag --zzz; `inn services --help` lists the flags', ['services', '--zzz'])
  await fails(2, 'inn journal: --from needs a value', ['journal', 'Counter', 'a', '--from'])
  const dash = 'inn journal: --from needs a value; write --from=VALUE for one that starts with a dash'
  await fails(2, dash, ['journal', 'Counter', 'a', '--from', '-1'])
  await fails(2, 'inn services: --json takes no value', ['services', '--json=1'])
  const set = 'inn up: INNKEEPER_LISTN: unknown setting; did you mean INNKEEPER_LISTEN?'
  await fails(2, set, ['up', '--print-config'], { INNKEEPER_LISTN: '1' })
  writeFileSync(join(work.path, 'innkeeper.json'), '{"snapshotEvry":3}')
  const inFile = 'inn up: innkeeper.json: unknown setting snapshotEvry; did you mean snapshotEvery?'
  await fails(2, inFile, ['up', '--print-config'])
  writeFileSync(join(work.path, 'innkeeper.json'), '{"connector":{}}')
  const outside = 'inn up: innkeeper.json: unknown setting connector; did you mean connectors?'
  await fails(2, outside, ['up', '--print-config'])
})

Named('up: flags of other servers are told that it is --listen, --admin or --data', async () => {
  for (const flag of ['--port', '-p', '--host', '--bind'])
    await fails(2, `inn up: there is no flag ${flag}; it is --listen HOST:PORT, for example --listen 127.0.0.1:8080`, [
      'up',
      flag,
      '3000',
    ])
  await fails(2, 'inn up: there is no flag --data-dir; it is --data DIR', ['up', '--data-dir=x'])
  await fails(2, 'inn up: there is no flag --lisen; did you mean --listen?', ['up', '--lisen', 'x'])
})

Named('undeploy takes short names on a directory, and rollback those of what was undeployed', async () => {
  assert.is(await fine('undeploy', 'Counter'), `${counter} is no longer served; its data is kept.\n`)
  // One that was deployed once is meant by a rollback.
  assert.match(await fine('rollback', 'Counter'), /^Counter deployed as number \d+ in /)
  assert.is(await fine('undeploy', 'Counter'), `${counter} is no longer served; its data is kept.\n`)
  await host.kill()
  const of = ['undeploy', '--data', data.path]
  await fails(1, 'inn undeploy: Values may be test.failing.v1.Values or test.script.v1.Values; say more of the name', [
    ...of,
    'Values',
  ])
  await fails(1, `inn undeploy: no service Conter is deployed in ${data.path}; did you mean ${counter}?`, [
    ...of,
    'Conter',
  ])
  const purged = await fine(...of, 'Counter', '--purge')
  assert.is(purged, `${counter} is no longer served, and its data was deleted.\n`)
})

Named.after(() => {
  host.child.kill('SIGKILL')
  data.remove()
  work.remove()
})

Named.run()
