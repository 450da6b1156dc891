// Connectors: services of the outside world that a component's descriptors declare: what their .proto may say, and what they need of the operator.
//
// C1. Nobody implements one, and no client calls one: so it has methods that answer once, each of which says how it becomes one request, and nothing else.
// C2. Each needs a grant, for at least one of the component's services that keep state or act.
//
// Owns: these rules.   host/connectors owns: grants and calls.

import type { Need } from '../connectors/connector.ts'
import { connectorName } from '../connectors/grants.ts'
import { unfitProblems } from '../connectors/needs.ts'
import type { Description } from '../guest/about.ts'
import { connectorOption } from '../schema/method-options.ts'
import type { ConnectorRule, MethodType, Schema, ServiceType } from '../schema/schema.ts'

type Report = (message: string, element?: string) => void

export function validateConnectors(description: Description, schema: Schema, report: Report): void {
  const own = new Set([...description.services, ...description.viewServices].map(({ name }) => name))
  for (const service of schema.services.values()) {
    const { fullName, connector } = service
    if (isFetch(fullName) && own.has(fullName))
      report(`${fullName}: the host itself serves it; give the service another name`, fullName)
    if (connector === undefined || isFetch(fullName)) continue
    const told = (problem: string) => report(`${fullName}: ${problem}`, `${fullName}#${connectorOption}`)
    if (own.has(fullName))
      told('has (innkeeper.connector), so the outside world serves it; remove the option, or the code that defines it')
    if (service.view !== undefined) told('is a view, and cannot be a connector; remove one of the two options')
    if (!connectorName.test(connector.name))
      told(
        `the connector's name is ${JSON.stringify(connector.name.slice(0, 100))}; it has 1 to 63 lower case letters, digits and hyphens, and begins with a letter, as in { name: "payments" }`,
      )
    if (connector.protocol === 'grpc' && connector.encoding === 'form')
      told('FORM is an encoding of bodies over HTTP; remove `encoding`, or the protocol')
    if (service.methods.size === 0) told('has no methods')
    for (const method of service.methods.values())
      validateMethod(fullName, connector, method, (problem) =>
        report(`${fullName}.${method.name}: ${problem}`, `${fullName}.${method.name}`),
      )
  }
}

function validateMethod(
  service: string,
  rule: ConnectorRule,
  method: MethodType,
  told: (problem: string) => void,
): void {
  const said = { internal: method.internal, watch: method.watch, query: method.query, eventing: method.eventing }
  for (const [name, value] of Object.entries(said))
    if (value !== undefined && value !== false)
      told(`(innkeeper) ${name} says nothing of a connector's method; remove it`)
  if (method.schedules.length > 0) told('a connector cannot be scheduled: schedule a method that calls it')
  if (rule.protocol === 'http' && method.http === undefined)
    told('has no (google.api.http), which says how its request becomes one of HTTP; add it, or say `protocol: GRPC`')
  if ((method.http?.additional.length ?? 0) > 0) told('has additional_bindings; a call is one request, so remove them')
  for (const problem of unfitProblems(rule, service, method))
    told(problem.replace(/^(?:HTTP API Config: )?[\w.]+: /, ''))
}

/** `innkeeper.http.v1.Http`: a connector of the host's, for what has no .proto. */
export function isFetch(service: string): boolean {
  return service === 'innkeeper.http.v1.Http'
}

/** What a component needs of the operator (C2). */
export function needsOf(
  { services }: { readonly services: readonly { readonly name: string }[] },
  schema: Schema,
): readonly Need[] {
  const from = services.map(({ name }) => name)
  return connectorsOf(schema).map(({ fullName, connector, methods }) => ({
    rule: connector,
    service: fullName,
    methods: [...methods.values()],
    from,
  }))
}

function connectorsOf(schema: Schema): readonly (ServiceType & { readonly connector: ConnectorRule })[] {
  return [...schema.services.values()].flatMap((service) => {
    const { connector } = service
    return connector === undefined || isFetch(service.fullName) ? [] : [{ ...service, connector }]
  })
}
