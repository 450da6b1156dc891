// Guards the paths of components against other components: what one has is taken by no other without --force, partial overlaps are
// told, the host's own paths are nobody's, and rules without number are refused.

import { once } from 'node:events'
import { connect } from 'node:http2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DeployResult } from '../../host/deploy/deploy.ts'
import { Routes } from '../../host/ingress/http/routes.ts'
import type { Host } from '../../host/main.ts'
import { routesOf } from '../../host/schema/http-rule.ts'
import type { MethodType } from '../../host/schema/schema.ts'
import type { Service } from '../../host/services.ts'
import { component } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { heapBytes } from '../support/memory.ts'
import { protos } from '../support/protos.ts'
import type { RuleText } from '../support/ruled.ts'
import { ruled } from '../support/ruled.ts'

const data = temporary()
let host: Host = await testHost(data.path)
const counter = 'examples.counter.v1.Counter'
assert.ok((await host.deployer.deploy((await component('counter/assemblyscript')).bytes)).ok)

const taking = (...rules: readonly RuleText[]) => ruled({ Taker: { Do: rules } })
const taker = 'ruled.v1.Taker'
const partner = 'ruled.v1.Partner'
const reasons = (result: DeployResult): readonly string[] =>
  (result.ok ? assert.unreachable('it was deployed') : result.reasons) ?? []
const warnings = (result: DeployResult): readonly string[] => {
  assert.ok(result.ok, result.ok ? '' : result.reasons.join('\n'))
  return result.ok ? result.warnings : []
}
const call = (method: string, path: string, body?: unknown) => http(host.listen, method, path, body)
const add = async () => (await call('POST', '/counter/a/add', { amount: 5 })).json
const listed = async (name: string): Promise<readonly string[]> => {
  const { services } = (await http(host.admin, 'GET', '/v1/services')).json
  return services.find((service: { name: string }) => service.name === name).warnings
}

const Owned = suite('paths have owners')

Owned(
  '§deploy-7, paths.N1: what another component has is refused with both names, however it is written, and the owner goes on',
  async () => {
    assert.equal(await add(), { value: '5' })
    const first = `\`inn undeploy ${counter}\` first; if it is the same service renamed, set persistenceId: '${counter}' as well, and it keeps what is stored (--force overrides)`
    const whose = (method: string) => `which is ${counter}/${method}'s`
    for (const [rule, told] of [
      ['post: "/counter/{b}/add" body: "*"', `POST /counter/{b}/add is ${counter}/Add's`],
      ['post: "/{b=counter/*}/add" body: "*"', `POST /{b=counter/*}/add is ${counter}/Add's`],
      [
        'custom: { kind: "*" path: "/counter/*/add" }',
        `* /counter/*/add takes all of POST /counter/{id}/add, ${whose('Add')}`,
      ],
      ['post: "/*/{b}/add"', `POST /*/{b}/add takes all of POST /counter/{id}/add, ${whose('Add')}`],
      ['get: "/counter/me"', `GET /counter/me lies within GET /counter/{id}, ${whose('Get')}`],
      [`post: "/${counter}/Other"`, `POST /${counter}/Other lies under the name of ${counter}, where its methods are`],
    ] as const)
      assert.equal(reasons(await host.deployer.deploy(await taking(rule))), [`${taker}: ${told}; ${first}`], rule)
    const all = reasons(await host.deployer.deploy(await taking('custom: { kind: "*" path: "/{b=**}" }')))
    assert.is(all.length, 1)
    assert.match(
      all[0]!,
      /\* \/\{b=\*\*\} takes all of POST \/counter\/\{id\}\/add, .* takes all of GET \/counter\/\{id\}, /,
    )
    assert.equal(await add(), { value: '10' })
  },
)

Owned('§rule-6: a method of a custom pattern is served over HTTP/1.1 and h2c, and no other method is', async () => {
  assert.equal(
    warnings(
      await host.deployer.deploy(await ruled({ Purger: { Do: ['custom: { kind: "PURGE" path: "/cache/{id}" }'] } })),
    ),
    [],
  )
  assert.is((await call('PURGE', '/cache/a')).status, 200)
  const { status, headers } = await call('GET', '/cache/a')
  assert.equal([status, headers.get('allow')], [405, 'PURGE'])
  const session = connect(`http://${host.listen}`)
  try {
    const stream = session.request({ ':method': 'PURGE', ':path': '/cache/a' })
    stream.resume()
    const [answer] = (await once(stream, 'response')) as [{ ':status': number }]
    assert.is(answer[':status'], 200)
  } finally {
    session.destroy()
  }
  const { paths } = (await call('GET', '/openapi.json')).json
  assert.equal(paths['/cache/{id}'], undefined)
  host.deployer.undeploy('ruled.v1.Purger')
})

Owned('paths that only look alike are free: other methods, escapes, case, a verb', async () => {
  const free = ['delete: "/counter/{id}"', 'get: "/Counter/{id}"', 'get: "/counter/{id}:v"', 'get: "/%63ounter/{id}"']
  assert.equal(warnings(await host.deployer.deploy(await taking(...free))), [])
  assert.equal(await add(), { value: '15' })
  assert.is((await call('DELETE', '/counter/a')).status, 200)
  host.deployer.undeploy(taker)
})

Owned('lineage.G1: with --force it is taken, said, and again after a restart; undeploying gives it back', async () => {
  const component = await taking('post: "/counter/{id}/add" body: "*"')
  const [forced] = warnings(await host.deployer.deploy(component, { force: true }))
  assert.match(forced!, /^overridden by --force: ruled\.v1\.Taker: POST \/counter\/\{id\}\/add is examples/)
  for (let start = 0; start < 2; start++) {
    assert.equal(await add(), { id: '' })
    const { operationId } = (await call('GET', '/openapi.json')).json.paths['/counter/{id}/add'].post
    assert.is(operationId, 'Taker_Do')
    for (const name of [taker, counter])
      assert.match((await listed(name))[0]!, /both match \/counter\/x\/add, .*ruled\.v1\.Taker answers$/)
    await host.stop()
    host = await testHost(data.path)
  }
  // An upgrade that is not forced is asked again.
  const more = await taking('post: "/counter/{id}/add" body: "*"', 'get: "/more"')
  assert.match(reasons(await host.deployer.deploy(more))[0]!, /POST \/counter\/\{id\}\/add is examples/)
  host.deployer.undeploy(taker)
  assert.equal(await add(), { value: '20' })
  assert.equal(await listed(counter), [])
})

Owned(
  '§rule-5, §deploy-7, paths.N2, overlaps.O1: an overlap in part is a warning that names a request of both, and who came first answers it',
  async () => {
    const partly = await ruled({ Partner: { Do: ['post: "/{id}/mine/{b}" body: "*"'] } })
    const sentence = `POST /{id}/mine/{b} of Do and POST /counter/{id}/add of ${counter}/Add both match /counter/mine/add, for example; ${counter} answers`
    assert.equal(warnings(await host.deployer.deploy(partly)), [`${partner}: ${sentence}`])
    const answers = async () => {
      assert.equal(Object.keys((await call('POST', '/counter/mine/add', { amount: 1 })).json), ['value'])
      assert.equal(Object.keys((await call('POST', '/counter/mine/other', {})).json), ['id'])
      assert.equal(await listed(partner), [sentence])
      assert.match(
        (await listed(counter))[0]!,
        new RegExp(`^POST /counter/.* and POST /\\{id\\}/mine.*${counter} answers$`),
      )
    }
    await answers()
    // Neither an upgrade of the one nor a restart changes it.
    const upgrade = await ruled({ Partner: { Do: ['post: "/{id}/mine/{b}" body: "*"', 'get: "/more"'] } })
    assert.is(warnings(await host.deployer.deploy(upgrade)).length, 1)
    await answers()
    await host.stop()
    host = await testHost(data.path)
    await answers()
    host.deployer.undeploy(partner)
  },
)

Owned('a service renamed within its component takes no paths from the one it leaves behind', async () => {
  const rules = { Do: ['get: "/names/{id}"'] }
  const both = await ruled({ Kept: { Stay: ['get: "/kept/{id}"'] }, Old: rules })
  assert.ok((await host.deployer.deploy(both)).ok)
  const renamed = await ruled({ Kept: { Stay: ['get: "/kept/{id}"'] }, New: rules })
  assert.match(
    reasons(await host.deployer.deploy(renamed))[0]!,
    /^ruled\.v1\.New: GET \/names\/\{id\} is ruled\.v1\.Old\/Do's; /,
  )
  host.deployer.undeploy('ruled.v1.Old')
  assert.equal(warnings(await host.deployer.deploy(renamed)), [])
  for (const name of ['ruled.v1.Kept', 'ruled.v1.New']) host.deployer.undeploy(name)
})

Owned('a persistence id that is served is another’s, also under another name and other paths', async () => {
  const component = await ruled({ Heir: { Do: [] } }, counter)
  assert.match(
    reasons(await host.deployer.deploy(component)).join(),
    new RegExp(`^ruled.v1.Heir: the persistence id ${counter} is that of ${counter}, which is served;`),
  )
})

Owned(
  'paths.N4: two methods of a component with one path are refused, also by force; one within the other is not',
  async () => {
    const twice = await ruled({ Twice: { One: ['get: "/a/{id}"'], Two: ['get: "/{id=a/*}"'] } })
    for (const force of [false, true])
      assert.equal(reasons(await host.deployer.deploy(twice, { force })), [
        `HTTP API Config: ruled.v1.Twice.Two: GET /{id=a/*} is the path of ruled.v1.Twice.One, too; give each its own`,
      ])
    const within = await ruled({
      Twice: { One: ['get: "/a/{id}"'], Two: ['get: "/a/b"'], Any: ['custom: { kind: "*" path: "/a/{id}" }'] },
    })
    assert.equal(warnings(await host.deployer.deploy(within, { dryRun: true })), [])
  },
)

Owned(
  '§rule-7, paths.N4, routes.R4: the paths of the host are nobody’s, also by force and under a rule for everything',
  async () => {
    for (const [rule, why] of [
      ['get: "/openapi.json"', 'the host itself serves GET /openapi.json'],
      ['custom: { kind: "*" path: "/openapi.json" }', 'the host itself serves GET /openapi.json'],
      ['post: "/grpc.health.v1.Health/Check" body: "*"', 'the host itself serves grpc.health.v1.Health'],
      [
        'post: "/{id=grpc.reflection.v1.ServerReflection/*}"',
        'the host itself serves grpc.reflection.v1.ServerReflection',
      ],
    ] as const) {
      const [reason] = reasons(await host.deployer.deploy(await taking(rule), { force: true }))
      assert.ok(reason?.endsWith(`is taken: ${why}`), reason)
    }
    assert.ok((await host.deployer.deploy(await taking('custom: { kind: "*" path: "/{b=**}" }'), { force: true })).ok)
    assert.is((await call('GET', '/openapi.json')).json.openapi, '3.1.0')
    assert.is((await call('POST', '/grpc.health.v1.Health/Check', {})).status, 404)
    assert.equal((await call('GET', '/anything?id=x')).json, { id: '' })
    host.deployer.undeploy(taker)
  },
)

const Many = suite('rules without number')

const numbered = (count: number, prefix = 'n') =>
  Array.from({ length: count }, (_, index): RuleText => `get: "/${prefix}${index}/{id}"`)

Many('paths.N3: of a component: they are counted before they are read', async () => {
  assert.equal(reasons(await host.deployer.deploy(await taking(...numbered(1_001)), { force: true })), [
    'the component has 1,001 HTTP rules, and may have 1,000 (--component-rules-max)',
  ])
  assert.ok((await host.deployer.deploy(await taking(...numbered(1_000)))).ok)
  const document = await call('GET', '/openapi.json')
  assert.is(Object.keys(document.json.paths).filter((path) => /^\/n\d/.test(path)).length, 1_000)
  host.deployer.undeploy(taker)
})

Many(
  '§limit-7, paths.N3: of the host: the component that is one too many is refused, and it is no matter of force',
  async () => {
    const own = temporary()
    const small = await testHost(own.path, { 'rules-max': '10' })
    try {
      assert.ok((await small.deployer.deploy(await ruled({ A: { Do: numbered(6, 'a') } }))).ok)
      assert.equal(
        reasons(await small.deployer.deploy(await ruled({ B: { Do: numbered(5, 'b') } }), { force: true })),
        [
          'the host would have 11 HTTP rules, and may have at most 10; undeploy services that are not used, or raise --rules-max',
        ],
      )
      assert.ok(
        (await small.deployer.deploy(await ruled({ A: { Do: numbered(10, 'a') } }))).ok,
        'its own do not count twice',
      )
    } finally {
      await small.stop()
      own.remove()
    }
  },
)

Many('ten thousand of them take little memory, also those without a first segment', async () => {
  const { schema } = await protos({
    'one.proto':
      'syntax = "proto3"; package one.v1; service One { rpc Do(In) returns (In); } message In { string id = 1; }',
  })
  const plain = schema.services.get('one.v1.One')!.methods.get('Do')!
  const before = heapBytes()
  const methods = new Map<string, MethodType>()
  for (let index = 0; index < 5_000; index++) {
    for (const path of [`/${index.toString(36)}/{id}`, `/{id}/${index.toString(36)}`]) {
      const http = { selector: '', method: 'GET', path, body: '', responseBody: '', additional: [] } as const
      methods.set(path, { ...plain, name: path, http })
    }
  }
  const service = { name: 'one.v1.One', type: { fullName: 'one.v1.One', methods } } as unknown as Service
  const routes = new Routes({ unserved: new Map(), services: new Map([['one.v1.One', service]]) })
  const bytes = (heapBytes() - before) / routes.all.length
  assert.is(routes.all.length, 10_000)
  // With everything that a method is; lists by first segment would be 200,000 bytes a rule.
  assert.ok(bytes < 5_000, `${Math.round(bytes)} bytes a rule`)
  assert.is(routes.find('GET', '/a/b').kind, 'route')
  assert.is(routesOf('one.v1.One', methods.get('/1/{id}')!).problems.length, 0)
})

Many('at the end', async () => {
  await host.stop()
  data.remove()
})

Owned.run()
Many.run()
