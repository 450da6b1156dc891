// Guards what a deployment may say of itself, and what must stay from one version to the next.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DeployedService, Deployment } from '../../host/catalog/catalog.ts'
import {
  validateDescription,
  validateOwnership,
  validatePersistence,
  validateUpgrade,
} from '../../host/deploy/validate.ts'
import type { ServiceDescription } from '../../host/guest/about.ts'
import { defaultLimits } from '../../host/limits.ts'
import { protos } from '../support/protos.ts'

const { bytes, schema } = await protos({
  'all.proto': `syntax = "proto3"; package t; import "innkeeper/options.proto";
    service Fine { rpc Do(One) returns (One); rpc Also(One) returns (One); }
    service Mixed { rpc A(One) returns (One); rpc B(Two) returns (One); rpc C(None) returns (One); rpc D(List) returns (One); }
    service Streams { rpc In(stream One) returns (One); rpc Out(One) returns (stream One); }
    service Nothing {}
    service Shapes { rpc Unary(One) returns (One); rpc In(stream One) returns (One); rpc Out(One) returns (stream One);
      rpc Both(stream One) returns (stream One); }
    service Keyless { rpc Do(None) returns (None); rpc Also(Two) returns (One); rpc Lists(List) returns (One); }
    service Viewed { rpc Do(Elements) returns (One); rpc Join(Elements) returns (stream One); }
    message Elements { string id = 1 [(innkeeper.entity_key) = true]; string one = 2; repeated string many = 3;
      map<string, string> map = 4; One message = 5; oneof choice { int32 chosen = 6; } }
    message One { string id = 1 [(innkeeper.entity_key) = true]; }
    message Two { string a = 1 [(innkeeper.entity_key) = true]; string b = 2 [(innkeeper.entity_key) = true]; }
    message None { string id = 1; }
    message List { repeated string ids = 1 [(innkeeper.entity_key) = true]; }`,
})

function describe(...services: readonly Partial<ServiceDescription>[]): readonly string[] {
  const full = services.map(
    (service): ServiceDescription => ({
      name: 't.Fine',
      kind: 'event-sourced',
      persistenceId: undefined,
      snapshotEvery: 0,
      passivateAfterMs: 0,
      stateType: undefined,
      stateVersion: undefined,
      headers: [],
      views: [],
      events: [],
      ...service,
    }),
  )
  const description = { sdkName: '', sdkVersion: '', services: full, descriptors: bytes, viewServices: [] }
  return validateDescription(description, schema, defaultLimits).map(({ message }) => message)
}

const service = (name: string, more: Partial<DeployedService> = {}): DeployedService => ({
  name,
  kind: 'event-sourced',
  persistenceId: name,
  storage: 1,
  keyFields: { Do: ['id'] },
  ...more,
})
const deployment = (number: number, ...services: readonly DeployedService[]): Deployment => ({
  number,
  hash: String(number),
  atMs: 0,
  forced: false,
  services,
})
const active = (...entries: readonly (readonly [string, number])[]) => new Map(entries)

const Upgrade = suite('what may be deployed')

Upgrade('§deploy-1, validate.V1: every problem is told at once, naming service, method, field and option', () => {
  const long = 'x'.repeat(300)
  assert.equal(
    describe(
      { name: 't.Mixed' },
      { name: 't.Streams' },
      { name: 't.Nothing', kind: 'value', persistenceId: '', stateType: 't.NoState' },
      { name: 'no.Such' },
      { name: 'grpc.health.v1.Health', persistenceId: long },
    ),
    [
      't.Mixed: all methods need the same number of entity key fields, but they have: A 1, B 2, D 1',
      't.Mixed.C: no field of t.None is marked (innkeeper.entity_key) = true',
      't.Mixed.D: the entity key ids must be a single scalar field',
      't.Streams: services of kind event-sourced have no streaming methods, but these are: In, Out',
      't.Nothing: a persistence id has 1 to 256 characters',
      't.Nothing: the state type t.NoState is not in the descriptors',
      't.Nothing: has no methods',
      'Service [no.Such] not found in descriptors!',
      'grpc.health.v1.Health: the host itself serves it; give the service another name',
      'grpc.health.v1.Health: a persistence id has 1 to 256 characters',
      'Service [grpc.health.v1.Health] not found in descriptors!',
    ],
  )
  assert.equal(describe({}), [])
  assert.match(describe()[0]!, /^No entities were reported by the discover call!/)
})

Upgrade('§deploy-2: which shapes of streams a service may have depends on its kind', () => {
  const shapes = (kind: ServiceDescription['kind']) => describe({ name: 't.Shapes', kind })
  assert.equal(shapes('action'), [])
  const some = (kind: string, what: string, methods: string) => [
    `t.Shapes: services of kind ${kind} have no ${what} methods, but these are: ${methods}`,
  ]
  assert.equal(shapes('replicated'), some('replicated', 'client-streaming', 'In, Both'))
  assert.equal(shapes('value'), some('value', 'streaming', 'In, Out, Both'))
  assert.equal(shapes('event-sourced'), some('event-sourced', 'streaming', 'In, Out, Both'))
})

Upgrade('§deploy-2: actions need no key, and may mark what others may not', () => {
  assert.equal(describe({ name: 't.Keyless', kind: 'action' }), [])
  assert.is(describe({ name: 't.Keyless', kind: 'value' }).length, 3)
  assert.is(describe({ name: 't.Keyless', kind: 'replicated' }).length, 3)
})

Upgrade('views are those of methods that are there, each once, of fields that hold one element', () => {
  type View = ServiceDescription['views'][number]
  const views = (...list: readonly View[]) => describe({ name: 't.Viewed', kind: 'replicated', views: list })
  const element = (method: string, field: string): View => ({ method, view: { kind: 'element', field } })
  const of = (method: string, kind: 'all' | 'nothing' | 'dynamic'): View => ({ method, view: { kind } })
  assert.equal(views(of('Do', 'dynamic'), of('Join', 'nothing')), [])
  for (const field of ['id', 'one', 'message', 'chosen']) assert.equal(views(element('Do', field)), [], field)
  assert.equal(views(element('Join', 'one'), of('Do', 'all')), [])
  assert.equal(views(of('None', 'all')), ['t.Viewed: declares a view of None, but has no such method'])
  assert.equal(views(element('None', 'one')), ['t.Viewed: declares a view of None, but has no such method'])
  assert.equal(views(of('Do', 'all'), element('Do', 'one')), ['t.Viewed.Do: its view is declared twice'])
  assert.equal(views(element('Do', 'no')), ["t.Viewed.Do: the view's field no is not in t.Elements"])
  for (const field of ['many', 'map'])
    assert.equal(views(element('Do', field)), [`t.Viewed.Do: the view's field ${field} must be a single field`])
  // Names come from the guest: long ones are cut.
  const long = 'x'.repeat(5_000)
  for (const problem of [...views(of(long, 'all')), ...views(element('Do', long))]) assert.ok(problem.length < 300)
  for (const kind of ['event-sourced', 'value', 'action'] as const) {
    const problems = describe({ kind, views: [of('Do', 'nothing')] })
    const only = 'only methods of replicated services see a part of their value'
    assert.equal(problems, [`t.Fine: ${only}, but this one is ${kind}`])
  }
})

Upgrade('no kind becomes another', () => {
  const kinds = ['event-sourced', 'value', 'replicated', 'action'] as const
  for (const was of kinds) {
    for (const is of kinds) {
      const problems = validateUpgrade([service('a', { kind: is })], [deployment(1, service('a', { kind: was }))])
      const sentence = `a: the kind was ${was} and would become ${is}; the stored data depends on it (--force overrides)`
      assert.equal(problems, was === is ? [] : [sentence])
    }
  }
})

Upgrade('nothing hangs on the persistence id and the keys of an action', () => {
  const before = [deployment(1, service('a', { kind: 'action', storage: 0 }))]
  const changed = { kind: 'action', persistenceId: 'other', keyFields: { Do: ['x', 'y'] }, storage: 0 }
  assert.equal(validateUpgrade([service('a', changed)], before), [])
})

Upgrade('§deploy-14: data that another service left is not taken over by one of another kind', () => {
  const left = service('a', { persistenceId: 'p' })
  const taken = (more: Partial<DeployedService>, ...history: readonly DeployedService[]) =>
    validateUpgrade(
      [service('b', { persistenceId: 'p', ...more })],
      history.map((one, index) => deployment(index + 1, one)),
    )
  assert.equal(taken({}, left), [], 'the service was renamed')
  assert.equal(taken({ kind: 'value' }, left), [
    'b: the persistence id p holds what a stored, which was event-sourced, not value (--force overrides)',
  ])
  assert.equal(taken({ kind: 'action' }, left), [])
  assert.equal(taken({ kind: 'value' }, { ...left, kind: 'action' }), [])
  assert.equal(taken({ kind: 'value' }, left, { ...left, kind: 'value' }), [], 'the last one counts')
})

Upgrade('§deploy-5: kind, persistence id and keys of a service stay, also when it was not served in between', () => {
  const before = [deployment(1, service('a')), deployment(2, service('b'))]
  const refused = (more: Partial<DeployedService>) => validateUpgrade([service('a', more)], before)
  assert.equal(refused({}), [])
  assert.match(refused({ kind: 'value' }).join(), /^a: the kind was event-sourced and would become value; .*--force/)
  assert.match(refused({ persistenceId: 'other' }).join(), /^a: the persistence id was a and would become other/)
  assert.match(refused({ keyFields: { Do: ['no'] } }).join(), /^a: the entity key of Do was id and would become no/)
  assert.is(refused({ keyFields: { Do: ['id', 'no'] } }).length, 2)
  assert.match(
    refused({ keyFields: { New: ['x', 'y'] } }).join(),
    /^a: the number of key fields was 1 and would become 2/,
  )
  assert.equal(refused({ keyFields: { Do: ['id'], New: ['other'] } }), [], 'methods may come')
})

Upgrade('the last deployment of a service counts, not an older one', () => {
  const history = [deployment(1, service('a')), deployment(2, service('a', { persistenceId: 'new' }))]
  assert.equal(validateUpgrade([service('a', { persistenceId: 'new' })], history), [])
  assert.is(validateUpgrade([service('a')], history).length, 1)
})

Upgrade('a component takes services of one other at most: its own earlier versions', () => {
  const history = [
    deployment(1, service('a'), service('b')),
    deployment(2, service('c')),
    deployment(3, service('b'), service('d')),
  ]
  const now = active(['a', 1], ['b', 3], ['c', 2], ['d', 3])
  assert.equal(validateOwnership([service('a'), service('d'), service('e')], history, now), [])
  assert.match(validateOwnership([service('a'), service('c')], history, now)[0]!, /\(a \| c\); undeploy all but one/)
  assert.equal(validateOwnership([service('a'), service('c')], history, active(['a', 1])), [])
})

Upgrade('§deploy-7: no two services share a persistence id, of one component or of two', () => {
  const history = [deployment(1, service('a', { persistenceId: 'p' }))]
  const taken = validatePersistence([service('b', { persistenceId: 'p' })], history, active(['a', 1]))
  assert.equal(taken, [
    'b: the persistence id p is that of a, which is served; `inn undeploy a` first: its data stays, and this service takes it over (--force overrides)',
  ])
  const twins = [service('b', { persistenceId: 'q' }), service('c', { persistenceId: 'q' })]
  assert.equal(validatePersistence(twins, history, active(['a', 1])), [
    'c: the persistence id q is that of b, give each service its own (--force overrides)',
  ])
  assert.equal(validatePersistence([service('a', { persistenceId: 'p' })], history, active(['a', 1])), [])
})

Upgrade('actions store nothing, so they share a persistence id with anyone', () => {
  const history = [
    deployment(1, service('a', { persistenceId: 'p' }), service('c', { kind: 'action', persistenceId: 'q' })),
  ]
  const now = active(['a', 1], ['c', 1])
  const shared = (name: string, kind: string, persistenceId: string) => service(name, { kind, persistenceId })
  assert.equal(validatePersistence([shared('b', 'action', 'p')], history, now), [])
  assert.equal(validatePersistence([shared('b', 'value', 'q')], history, now), [])
  assert.equal(validatePersistence([shared('b', 'action', 'r'), shared('d', 'value', 'r')], history, now), [])
  assert.match(
    validatePersistence([shared('b', 'value', 'p')], history, now)[0]!,
    /^b: the persistence id p is that of a, /,
  )
  assert.is(validatePersistence([shared('b', 'value', 'r'), shared('d', 'replicated', 'r')], history, now).length, 1)
})

Upgrade.run()
