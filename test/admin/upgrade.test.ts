// Guards what a deployment may say of itself, and what must stay from one version to the next.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  validateDescription,
  validateOwnership,
  validatePersistence,
  validateUpgrade,
} from '../../host/deploy/validate.ts'
import type { ServiceDescription } from '../../host/guest/about.ts'
import type { DeployedService, Deployment } from '../../host/journal/catalog.ts'
import { defaultLimits } from '../../host/limits.ts'
import { protos } from '../support/protos.ts'

const { bytes, schema } = await protos({
  'all.proto': `syntax = "proto3"; package t; import "innkeeper/options.proto";
    service Fine { rpc Do(One) returns (One); rpc Also(One) returns (One); }
    service Mixed { rpc A(One) returns (One); rpc B(Two) returns (One); rpc C(None) returns (One); rpc D(List) returns (One); }
    service Streams { rpc In(stream One) returns (One); rpc Out(One) returns (stream One); }
    service Nothing {}
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
      ...service,
    }),
  )
  return validateDescription({ sdkName: '', sdkVersion: '', services: full, descriptors: bytes }, schema, defaultLimits)
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

Upgrade('V1: every problem is told at once, naming service, method, field and option', () => {
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
      'grpc.health.v1.Health: services under "grpc." belong to the host',
      'grpc.health.v1.Health: a persistence id has 1 to 256 characters',
      'Service [grpc.health.v1.Health] not found in descriptors!',
    ],
  )
  assert.equal(describe({}), [])
  assert.match(describe()[0]!, /^No entities were reported by the discover call!/)
})

Upgrade('kind, persistence id and keys of a service stay, also when it was not served in between', () => {
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

Upgrade('no two services share a persistence id, of one component or of two', () => {
  const history = [deployment(1, service('a', { persistenceId: 'p' }))]
  const taken = validatePersistence([service('b', { persistenceId: 'p' })], history, active(['a', 1]))
  assert.equal(taken, ['b: the persistence id p is that of a'])
  const twins = [service('b', { persistenceId: 'q' }), service('c', { persistenceId: 'q' })]
  assert.equal(validatePersistence(twins, history, active(['a', 1])), ['c: the persistence id q is that of b'])
  assert.equal(validatePersistence([service('a', { persistenceId: 'p' })], history, active(['a', 1])), [])
})

Upgrade.run()
