// Guards that a directory of an earlier version is taken over: components of another contract are not run, everybody who asks is told so,
// and once they are deployed again everything that was stored is there.
//
// test/fixtures/format-1 was written by the release before, with components of contract 0.1, and killed while it ran.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildProject } from '../../sdk/build/build.ts'
import { grpc, grpcWeb } from '../support/calls.ts'
import { built, component } from '../support/components.ts'
import { http, temporary } from '../support/host.ts'
import type { RunningInn } from '../support/inn.ts'
import { runInn, startInn } from '../support/inn.ts'
import { withProject } from '../support/project.ts'

const Earlier = suite('a directory of an earlier version')

const fixture = fileURLToPath(new URL('../fixtures/format-1', import.meta.url))
const counter = 'examples.counter.v1.Counter'
const models = 'innkeeper.conformance.v1'
const names = ['Actions', 'Events', 'Members', 'Replicas', 'Values'].map((name) => `${models}.${name}`)
const why = 'it speaks contract 0.1.0, and this host 0.2.0: rebuild it with this version and deploy again'
const notServed = [
  `not served: ${counter} (deployment 1): ${why}`,
  `not served: ${names.join(', ')} (deployment 2): ${why}`,
]
const told = (service: string) =>
  `${service} is deployed, but this host cannot run its component; \`inn services\` shows the reason and the remedy`

const work = temporary()
cpSync(fixture, join(work.path, 'data'), { recursive: true })
let host: RunningInn | undefined
let [listen, admin] = ['', '']

/** `inn up` on the directory, and what it printed. */
async function start(): Promise<string> {
  const running = startInn(work.path, ['up', '--data', 'data', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'])
  host = running
  // Something follows: routes, or what is not served.
  await running.until(() => /Innkeeper serves on .*\n[\s\S]*\n/.test(running.out()))
  const [, first, second] = /serves on http:\/\/(\S+) .*, admin on http:\/\/([^,]+),/.exec(running.out())!
  listen = first!
  admin = second!
  return running.out()
}

const inn = (...args: readonly string[]) => runInn(work.path, args, { INNKEEPER_ADMIN: admin })
const json = async (...args: readonly string[]) => JSON.parse((await inn(...args, '--json')).out)
const get = (path: string) => http(listen, 'GET', path)
const tell = (service: string, request: object, headers: Record<string, string> = {}) =>
  http(listen, 'POST', `/${models}.${service}/Do`, request, headers)
const state = async (service: string, id: string) => (await tell(service, { id, acts: [{ ask: 'STATE' }] })).json.text
const effects = async () => (await http(admin, 'GET', '/v1/effects')).json.effects

Earlier('says of each deployment, in one sentence, that it is to be rebuilt and deployed again', async () => {
  await start()
  await host!.until(() => host!.out().endsWith(`${notServed.join('\n')}\n`))
  const log = host!.err().trimEnd().split('\n')
  const errors = log.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
  assert.equal(
    errors.map(({ msg }) => msg),
    notServed,
  )
  assert.not.match(host!.err(), /\bat .*\.ts:\d+/)
  assert.is((await inn('services')).out, `${notServed.join('\n')}\n`)
})

Earlier(
  '§deploy-9, services.S3: calls are UNAVAILABLE with a sentence, over every protocol and for every shape of method',
  async () => {
    for (const [method, path, service] of [
      ['GET', '/counter/a', counter],
      ['POST', '/counter/a/add', counter],
      ['POST', '/counter/a', counter],
      ['POST', `/${models}.Values/Do`, `${models}.Values`],
      ['POST', `/${models}.Members/Open`, `${models}.Members`],
      ['POST', `/${models}.Actions/Chat`, `${models}.Actions`],
    ] as const) {
      const answer = await http(listen, method, path, method === 'POST' ? {} : undefined)
      assert.is(answer.status, 503, path)
      assert.equal(answer.json, { code: 14, message: told(service), details: [] })
    }
    for (const call of [grpc, grpcWeb])
      for (const method of [
        `${counter}/Get`,
        `${models}.Members/Open`,
        `${models}.Actions/Join`,
        `${models}.Events/Do`,
      ])
        assert.equal(await call(listen, `/${method}`, new Uint8Array()), {
          code: 14,
          message: told(method.split('/')[0]!),
          reply: undefined,
        })
    // What is unknown is so still.
    assert.is((await get('/no/such/path')).status, 404)
    assert.is((await grpc(listen, '/no.such.Service/Do', new Uint8Array())).code, 12)
    assert.equal((await get('/openapi.json')).json.paths, {})
    const check = async (name: string) =>
      (
        await grpc(
          listen,
          '/grpc.health.v1.Health/Check',
          Buffer.concat([Buffer.of(10, name.length), Buffer.from(name)]),
        )
      ).reply
    assert.equal([await check(''), await check(counter)], [Buffer.of(8, 1), Buffer.of(8, 2)])
  },
)

Earlier('commands on such a service say the same', async () => {
  for (const args of [
    ['call', `${counter}/Get`, '{"id":"a"}'],
    ['entities', counter],
    ['state', counter, 'a'],
    ['journal', counter, 'a'],
    ['services', counter],
  ]) {
    const ran = await inn(...args)
    assert.equal([ran.code, ran.err], [1, `inn ${args[0]}: ${notServed[0]}\n`])
  }
  const back = await inn('rollback', counter)
  assert.match(back.err, `${counter} has no version before deployment 1`)
  assert.match((await inn('rollback', counter, '1')).err, `refused: ${why}\n`)
})

Earlier('§effect-8: an effect on such a service waits, untried, through kill -9 as well', async () => {
  const waiting = {
    id: 2,
    cause: { service: `${models}.Events`, entity: 'ef', revision: 2 },
    to: `${models}.Events/Do`,
    // Nobody knows its type.
    payload: { base64: 'CgNlZjMSDSILCA4SB25vdCBub3c=' },
    synchronous: false,
    attempts: 0,
    parked: null,
    waits: `${models}.Events is deployed, but this host cannot run its component; \`inn services\` shows the reason and the remedy`,
  }
  for (let round = 0; round < 7; round++) {
    assert.equal(await effects(), [waiting])
    await host!.end('SIGKILL')
    await start()
  }
})

Earlier('it can be undeployed', async () => {
  const ran = await inn('undeploy', `${models}.Actions`)
  assert.is(ran.out, `${models}.Actions is no longer served; its data is kept.\n`)
  const { unrestored } = await json('services')
  assert.equal(
    unrestored.map(({ services }: { services: string[] }) => services),
    [[counter], names.slice(1)],
  )
  assert.is((await http(listen, 'POST', `/${models}.Actions/Do`, {})).status, 404)
  assert.match((await inn('undeploy', `${models}.Actions`)).err, `no service ${models}.Actions is deployed`)
})

Earlier('what breaks the wire of the stored version is refused', async () => {
  const proto = `syntax = "proto3";
package examples.counter.v1;
import "innkeeper/options.proto";
service Counter { rpc Add(AddRequest) returns (Value); }
message AddRequest { string id = 1 [(innkeeper.entity_key) = true]; string amount = 2; }
message Value { int64 value = 1; }
message Added { int64 amount = 1; }
`
  const service = `import { accept, eventSourced } from '@innkeeper/sdk'
import { Added, Counter } from './gen/tally.ts'
export default eventSourced(Counter, {
  state: { value: 0n },
  decide: { add: (_state, { amount }) => accept(Added({ amount: BigInt(amount) })).reply((after) => ({ value: after.value })) },
  evolve: { Added: (state, { amount }) => ({ value: state.value + amount }) },
})
`
  const file = join(work.path, 'broken.wasm')
  await withProject({ 'proto/tally.proto': proto, 'src/service.ts': service }, (folder) =>
    buildProject(folder, { out: file }),
  )
  const ran = await inn('deploy', file)
  assert.is(ran.code, 1)
  assert.match(ran.err, /refused: .*"amount".*changed type from "int64" to "string".*breaks the wire/)
  assert.equal((await json('services')).services, [])
})

Earlier('§deploy-13: rebuilt and deployed again, every entity has its value, and the journal reads', async () => {
  const deployed = await inn('deploy', (await component('counter/assemblyscript')).file)
  assert.is(deployed.code, 0, deployed.err)
  assert.match(deployed.out, `${counter}: 6 entities are stored; 6 of 6 that were chosen can be read by it. 1 snapshot`)
  const { file } = await built('test/conformance/assemblyscript', 'conformance-assemblyscript')
  const all = await inn('deploy', file)
  assert.is(all.code, 0, all.err)
  assert.match(all.out, `${models}.Events: 4 entities are stored; 4 of 4 that were chosen can be read by it.`)
  assert.match(all.out, `${models}.Values: 4 entities are stored; 4 of 4 that were chosen can be read by it.`)
  const { services, unrestored } = await json('services')
  assert.equal([services.length, unrestored], [9, []])

  const values = { many: 7260, a: 6, b: 6, ünï: 6, 'a-b': 6, keyed: 7 }
  for (const [id, value] of Object.entries(values)) {
    assert.equal((await get(`/counter/${encodeURIComponent(id)}`)).json, { value: String(value) }, id)
    assert.equal((await json('state', counter, id)).state, { value: String(value) }, id)
  }
  const { records } = (await http(admin, 'GET', `/v1/services/${counter}/entities/many/journal?limit=1000`)).json
  assert.is(records.length, 120)
  for (const [at, record] of records.entries())
    assert.equal(
      [record.revision, record.deployment, record.request, record.events[0].sequence],
      [at + 1, 1, { id: 'many', amount: String(at + 1) }, at + 1],
    )
  assert.equal((await json('state', counter, 'many', '--at', '60')).state, { value: '1830' })

  assert.is(await state('Events', 'log'), 'three')
  assert.is(await state('Events', 'fw'), 'n')
  assert.is(await state('Events', 'ef'), 'n')
  assert.is(await state('Events', 'ef2'), 'arrived')
  assert.is(await state('Values', 'box'), '[second]')
  assert.is(await state('Values', 'fw'), '[v]')
  assert.is(await state('Values', 'gone'), '-')
  assert.is(await state('Values', 'keyed'), '[k]')
  assert.is(await state('Members', 'set'), 'a')
  // The vote is that of the host that was; this directory is a copy, so this host has none.
  assert.is(await state('Replicas', 'all'), 'g=3 p=-2 gs=a os=y r=r f=true m=k:4 v=0/1/false n=n:e')
})

Earlier('idempotency keys are answered as they were, also that of a forward', async () => {
  const once = (key: string) => ({ 'idempotency-key': key })
  const add = (amount: number) => http(listen, 'POST', '/counter/keyed/add', { amount }, once('once'))
  assert.equal((await add(7)).json, { value: '7' })
  assert.is((await add(8)).status, 409)
  assert.is((await json('state', counter, 'keyed')).sequence, 1)

  const said = await tell('Values', { id: 'keyed', acts: [{ note: 'k' }, { say: 'said' }] }, once('value-once'))
  assert.equal(said.json, { text: 'said' })
  assert.is((await json('state', `${models}.Values`, 'keyed')).revision, 1)

  const script = { id: 'fw', acts: [{ note: 'v' }, { say: 'there' }] }
  const acts = [{ note: 'n' }, { forward: { service: 'Values', method: 'Do', script } }]
  assert.equal((await tell('Events', { id: 'fw', acts }, once('forward-once'))).json, { text: 'there' })
  assert.is((await json('state', `${models}.Events`, 'fw')).sequence, 1)
})

Earlier('the effect that waited is tried, and answered by its target', async () => {
  const reason = (line: string) => JSON.parse(line).reason
  const tried = () => host!.err().match(/^.*"effect":2,.*$/m)
  await host!.until(() => tried() !== null)
  assert.is(reason(tried()![0]), 'refused with UNAVAILABLE: not now')
  const [effect] = await effects()
  assert.ok(effect.attempts > 0)
})

Earlier('whoever had a stream open has left, without being asked for', async () => {
  const { records } = (await http(admin, 'GET', `/v1/services/${models}.Members/entities/open/journal`)).json
  assert.equal(
    records.map(({ method, origin }: { method: string; origin: string }) => `${method} ${origin ?? 'command'}`),
    ['Open command', 'Open cancelled'],
  )
  assert.equal((await json('state', `${models}.Members`, 'open')).streams, [])
})

Earlier('it goes on from there, and is still so after kill -9', async () => {
  assert.equal((await http(listen, 'POST', '/counter/many/add', { amount: 1 })).json, { value: '7261' })
  await tell('Members', { id: 'set', acts: [{ note: 'z' }] })
  await host!.end('SIGKILL')
  const printed = await start()
  assert.not.match(printed, /not served/)
  assert.equal((await get('/counter/many')).json, { value: '7261' })
  assert.is(await state('Members', 'set'), 'a,z')
  assert.is(await state('Values', 'box'), '[second]')
})

Earlier.after(async () => {
  await host?.end('SIGKILL')
  work.remove()
})

Earlier.run()
