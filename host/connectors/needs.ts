// Needs: what a component needs of the operator, compared with what is granted, before it is deployed.
//
// N1. Each problem ends with what to write into innkeeper.json.
// N2. A component of very many services and connectors is told of some: text for each pair of them could be as long as it likes.
//
// Leaves to others: reading "connectors" (grants.ts), the same checks when a call is made (connectors.ts).

import { routesOf } from '../schema/http-rule.ts'
import { type ConnectorRule, isStreamed, type MethodType } from '../schema/schema.ts'
import { outwardProblems } from '../transcode/outward.ts'
import type { Need } from './connector.ts'
import { allows, type Grant, linesToAdd } from './grants.ts'
import { noProxyForGrpc } from './requests.ts'

/** More is told after these. */
const problemsMax = 20
/** Services that are named in one. */
const namedMax = 50

export function missingOf(needs: readonly Need[], grantOf: (name: string) => Grant | undefined): readonly string[] {
  const problems: string[] = []
  for (const need of needs) {
    problems.push(...problemsOf(need, grantOf(need.rule.name)))
    if (problems.length > problemsMax) return [...problems.slice(0, problemsMax), 'and more, which is told next time']
  }
  return problems
}

function problemsOf(need: Need, grant: Grant | undefined): readonly string[] {
  const { rule, service } = need
  const { from, more } = named(need.from)
  if (grant === undefined)
    return [
      `${service}: the connector ${rule.name} is not granted; add to innkeeper.json: ${linesToAdd(rule.name, from, pathsOf(need))}${more}`,
    ]
  // Which of them asks is known at the call; there the others are refused.
  const asks = need.from.some((one) => allows(grant.services, one))
  const paths = pathsOf(need).filter((path) => !allows(grant.paths, path))
  const proxied =
    rule.protocol === 'grpc' && grant.proxy !== undefined ? [`${service}: ${noProxyForGrpc(rule.name)}`] : []
  const at = `connectors.${rule.name}`
  return [
    ...proxied,
    ...(asks
      ? []
      : [
          `${service}: none of the component's services may use it; add those that ask to ${at}.services: ${JSON.stringify(from)}${more}`,
        ]),
    ...paths.map((path) => `${service}: its path is not granted; add ${JSON.stringify(path)} to ${at}.paths`),
  ]
}

function named(services: readonly string[]): { readonly from: readonly string[]; readonly more: string } {
  const left = services.length - namedMax
  return { from: services.slice(0, namedMax), more: left > 0 ? ` (and ${left} services more)` : '' }
}

/** Why no call of a method can ever be made; empty: one can. */
export function unfitProblems({ protocol }: ConnectorRule, service: string, method: MethodType): readonly string[] {
  if (protocol === 'http') return outwardProblems(service, method)
  return isStreamed(method) ? [`${service}.${method.name}: a method of a connector is unary; remove "stream"`] : []
}

/** Patterns that have each path of its methods. */
function pathsOf({ rule, service, methods }: Need): readonly string[] {
  if (rule.protocol === 'grpc') return [`/${service}/*`]
  const paths = methods.flatMap((method) => {
    const template = routesOf(service, method).routes[0]?.template
    if (template === undefined) return []
    const { segments, rest, verb } = template
    const parts = [...segments.map((literal) => literal ?? '*'), ...(rest ? ['*'] : [])]
    return [`/${parts.join('/')}${verb === undefined ? '' : `:${verb}`}`]
  })
  return [...new Set(paths)]
}
