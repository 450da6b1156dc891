// Guards what a .proto may say of a connector, and what a component with one needs of the operator.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsOf, validateConnectors } from '../../host/deploy/connectors.ts'
import type { Description } from '../../host/guest/about.ts'
import { protos } from '../support/protos.ts'

const header = `syntax = "proto3"; package c.v1;
  import "google/api/annotations.proto"; import "innkeeper/options.proto"; import "innkeeper/http/v1/http.proto";
  message Ask { string id = 1; }`

function descriptionOf(names: readonly string[]): Description {
  const services = names.map((name) => ({ name, kind: 'action' })) as unknown as Description['services']
  return { sdkName: '', sdkVersion: '', services, descriptors: Uint8Array.of(1), viewServices: [] }
}

async function problems(body: string, served: readonly string[] = []): Promise<readonly string[]> {
  const { schema } = await protos({ 'c.proto': `${header} ${body}` })
  const told: string[] = []
  validateConnectors(descriptionOf(served), schema, (message) => told.push(message))
  return told
}

const http = '{ option (google.api.http) = { post: "/v1/{id}" body: "*" }; }'
const payments = (inner: string, options = 'name: "pay"') =>
  `service Pay { option (innkeeper.connector) = { ${options} }; ${inner} }`

const Connectors = suite('connectors of a component')

Connectors('deploy/connectors.C1: a connector has unary methods with one rule, and says nothing else', async () => {
  const told = async (inner: string, options?: string, served?: readonly string[]) =>
    (await problems(payments(inner, options), served)).map((problem) => problem.replace(/^c\.v1\.Pay/, ''))
  assert.equal(await told(`rpc Go(Ask) returns (Ask) ${http}`), [])
  assert.equal(await told('rpc Go(Ask) returns (Ask);', 'name: "pay" protocol: GRPC'), [])
  const wrong: readonly (readonly [string, string | undefined, RegExp])[] = [
    ['', undefined, /^: has no methods/],
    ['rpc Go(Ask) returns (Ask);', undefined, /^\.Go: has no \(google\.api\.http\).*protocol: GRPC/],
    [`rpc Go(Ask) returns (stream Ask) ${http}`, undefined, /^\.Go: .*(unary|one message)/],
    ['rpc Go(stream Ask) returns (Ask);', 'name: "pay" protocol: GRPC', /^\.Go: .*(unary|one message)/],
    [`rpc Go(Ask) returns (Ask) ${http.replace('id}"', 'key}"')}`, undefined, /^\.Go: .*\[key\]/],
    [
      `rpc Go(Ask) returns (Ask) ${http.replace('"*" }', '"*" additional_bindings { get: "/v2/{id}" } }')}`,
      undefined,
      /^\.Go: .*additional_bindings/,
    ],
    [
      'rpc Go(Ask) returns (Ask) { option (google.api.http) = { custom: { kind: "*" path: "/x" } }; }',
      undefined,
      /^\.Go: /,
    ],
    [
      'rpc Go(Ask) returns (Ask) { option (google.api.http) = { get: "/v1/{id}" body: "*" }; }',
      undefined,
      /^\.Go: a GET has no body/,
    ],
    [
      `rpc Go(Ask) returns (Ask) ${http.replace('{ option', '{ option (innkeeper.method) = { internal: true }; option')}`,
      undefined,
      /internal/,
    ],
    [
      `rpc Go(Ask) returns (Ask) ${http.replace('{ option', '{ option (innkeeper.schedule) = { cron: "@daily" }; option')}`,
      undefined,
      /scheduled/,
    ],
    [`rpc Go(Ask) returns (Ask) ${http}`, '', /^: the connector's name is ""/],
    [`rpc Go(Ask) returns (Ask) ${http}`, 'name: "Pay me"', /^: the connector's name is "Pay me"/],
    ['rpc Go(Ask) returns (Ask);', 'name: "pay" protocol: GRPC encoding: FORM', /FORM/],
  ]
  for (const [inner, options, expected] of wrong) {
    const [first] = await told(inner, options)
    assert.match(first ?? 'nothing', expected)
  }
  const [own] = await told(`rpc Go(Ask) returns (Ask) ${http}`, undefined, ['c.v1.Pay'])
  assert.match(own!, /^: has \(innkeeper\.connector\), so the outside world serves it/)
})

Connectors(
  'deploy/connectors.C2: it needs a grant for services that keep state or act; Http/Fetch is granted by URL',
  async () => {
    const { schema } = await protos({ 'c.proto': `${header} ${payments(`rpc Go(Ask) returns (Ask) ${http}`)}` })
    const needs = needsOf(descriptionOf(['c.v1.Order', 'c.v1.Desk']), schema)
    assert.equal(
      needs.map(({ rule, service, methods, from }) => [rule.name, service, methods.map(({ name }) => name), from]),
      [['pay', 'c.v1.Pay', ['Go'], ['c.v1.Order', 'c.v1.Desk']]],
    )
  },
)

Connectors.run()
