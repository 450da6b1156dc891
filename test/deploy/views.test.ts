// Guards what a component says of its views, by itself and against its .proto.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { validateViewServices } from '../../host/deploy/views.ts'
import type { Description, ViewDescription } from '../../host/guest/about.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { checkDescription } from '../../host/link/describe-check.ts'
import { protos } from '../support/protos.ts'

const { schema } = await protos({
  'v.proto': `syntax = "proto3"; package v.v1; import "innkeeper/options.proto";
    message Row { string key = 1 [(innkeeper.column) = { key: true }]; }
    message Noted { string text = 1; }
    service Rows {
      option (innkeeper.view) = { row: "Row", from: ["v.v1.Events", "v.v1.Values"] };
      rpc All(Row) returns (stream Row) { option (innkeeper.query) = { sql: "SELECT key FROM rows" }; }
    }
    service Plain { rpc Do(Row) returns (Row); }
    service Lost { option (innkeeper.view) = { row: "Nothing", from: ["v.v1.Events"] }; rpc Do(Row) returns (stream Row); }`,
})

const events = { service: 'v.v1.Events', kind: 'event-sourced', types: ['v.v1.Noted'] } as const
const values = { service: 'v.v1.Values', kind: 'value', types: ['v.v1.Noted'] } as const
const fine: ViewDescription = { name: 'v.v1.Rows', rowType: 'v.v1.Row', sources: [events, values] }

function descriptionOf(views: readonly ViewDescription[], services: Description['services'] = []): Description {
  return { sdkName: '', sdkVersion: '', services, descriptors: Uint8Array.of(1), viewServices: views }
}

function problems(view: Partial<ViewDescription>): readonly string[] {
  const told: string[] = []
  validateViewServices(descriptionOf([{ ...fine, ...view }]), schema, (message) => told.push(message))
  return told
}

const serviceNamed = (name: string) => ({
  name,
  kind: 'action' as const,
  persistenceId: undefined,
  snapshotEvery: 0,
  passivateAfterMs: 0,
  stateType: undefined,
  stateVersion: undefined,
  headers: [],
  views: [],
  events: [],
})

const Views = suite('descriptions of views')

Views('deploy/views.V1: row and sources are those of the .proto', () => {
  assert.equal(problems({}), [])
  assert.equal(problems({ rowType: 'v.v1.Noted' }), [
    'v.v1.Rows: its row is v.v1.Row in the .proto, and v.v1.Noted in the code',
  ])
  assert.equal(problems({ sources: [events] }), ['v.v1.Rows: it takes nothing of v.v1.Values, which `from` names'])
  assert.equal(problems({ sources: [events, values, { ...values, service: 'v.v1.More' }] }), [
    'v.v1.Rows: it takes changes of v.v1.More, which `from` does not name',
  ])
  assert.equal(problems({ sources: [events, { ...values, types: ['v.v1.Row', 'v.v1.Noted'] }] }), [
    'v.v1.Rows: it takes values of v.v1.Values as 2 messages; they are of one',
  ])
  assert.equal(problems({ sources: [{ ...events, types: ['v.v1.Gone'] }, values] }), [
    'v.v1.Rows: it takes v.v1.Gone, which is no message of the descriptors',
  ])
  assert.equal(problems({ name: 'v.v1.Lost', sources: [events] }), [
    'v.v1.Lost: has rows of Nothing, which is no message that it knows',
  ])
})

Views('deploy/views.V1: what has the option is a view, and a view has it', () => {
  assert.equal(problems({ name: 'v.v1.Plain' }), [
    'v.v1.Plain: is defined as a view; give its service the option (innkeeper.view)',
  ])
  assert.equal(problems({ name: 'v.v1.None' }), ['v.v1.None: the view is not found in the descriptors'])
  const told: string[] = []
  validateViewServices(descriptionOf([], [serviceNamed('v.v1.Rows')]), schema, (message) => told.push(message))
  assert.equal(told, ['v.v1.Rows: has (innkeeper.view), so it is a view; define it as one, or remove the option'])
})

Views('describe-check.Q3: names, sources and interface of a view', () => {
  const exported = [interfaces.view, interfaces.action]
  const reasons = (view: Partial<ViewDescription>, has: readonly string[] = exported) =>
    checkDescription(descriptionOf([{ ...fine, ...view }], [serviceNamed('v.v1.Plain')]), has)
  assert.equal(reasons({}), [])
  assert.equal(reasons({}, [interfaces.action]), [
    `v.v1.Rows is a view, but the component does not export ${interfaces.view}`,
  ])
  assert.equal(reasons({ name: 'v.v1.Plain' }), ['v.v1.Plain is described twice'])
  assert.equal(reasons({ name: '1', rowType: 'a b', sources: [] }), [
    '"1" is not the full name of a service',
    '1: "a b" is not the full name of a row\'s message',
    '1 has no source: name the services whose changes it takes',
  ])
  assert.equal(reasons({ sources: [events, events, { ...values, kind: 'action' }] }), [
    'v.v1.Rows has the source v.v1.Events twice',
    'v.v1.Rows: v.v1.Values is an action, whose calls change nothing',
  ])
  assert.equal(checkDescription(descriptionOf([fine]), exported), [])
  assert.equal(checkDescription(descriptionOf([]), exported), ['describes no service'])
})

Views.run()
