// Paths: whose HTTP paths are whose.
//
// N1. A component may have rules whose paths no other served component has. A rule that means the same as another's, all of it, or a
//     part of it only, takes requests from it, or would get none: refused, unless forced. The same goes for paths under the name of
//     another's service, for those are its RPCs.
// N2. Rules that overlap in part are a warning that names a request of both, and who answers it: the component that came first. So a
//     deployment that was not forced moves no path that was another's.
// N3. Rules are counted before they are read, for the component and for the host.
// N4. The host's own paths, and one path for two methods of a component, are refused, forced or not.
//
// Leaves to others: what two rules have in common (ingress/http/overlaps.ts), names and persistence ids (validate.ts).

import type { Clock } from '../clock.ts'
import type { Overlap } from '../ingress/http/overlaps.ts'
import { overlapSentence, RuleIndex, rulesOf, sameKey } from '../ingress/http/overlaps.ts'
import { hostPath } from '../ingress/http/routes.ts'
import { keepsState } from '../kinds.ts'
import type { Limits } from '../limits.ts'
import { routesOf, ruleCount, shown } from '../schema/http-rule.ts'
import { httpOption } from '../schema/method-options.ts'
import type { ServiceType } from '../schema/schema.ts'
import { inSlices } from '../slices.ts'

/** A service that has paths, or would have. */
export interface Owner {
  readonly name: string
  readonly kind: string
  readonly persistenceId: string
  readonly type: ServiceType
}

/** What is wrong with the rules of a component by itself. `report` is told the element of the .proto, too. */
export function validateRules(
  services: readonly Pick<Owner, 'name' | 'type'>[],
  { componentRulesMax }: Limits,
  report: (message: string, element?: string) => void,
): void {
  const count = countRules(services)
  if (count > componentRulesMax) {
    report(
      `the component has ${number(count)} HTTP rules, and may have ${number(componentRulesMax)} (--component-rules-max)`,
    )
    return
  }
  const taken = new Map<string, string>()
  for (const { name, type } of services) {
    for (const method of type.methods.values()) {
      const full = `${name}.${method.name}`
      const element = `${full}#${httpOption}`
      const read = routesOf(name, method)
      for (const problem of read.problems) report(problem, element)
      for (const route of read.routes) {
        const why = hostPath(route)
        if (why !== undefined) report(`HTTP API Config: ${full}: ${shown(route)} is taken: ${why}`, element)
        const key = sameKey(route)
        const holder = taken.get(key)
        if (holder === undefined) taken.set(key, full)
        else if (holder !== full)
          report(`HTTP API Config: ${full}: ${shown(route)} is the path of ${holder}, too; give each its own`, element)
      }
    }
  }
}

/** How many rules the host would have. Nothing overrides it. */
export function validateRuleCount(
  next: readonly Pick<Owner, 'type'>[],
  others: readonly Pick<Owner, 'type'>[],
  { rulesMax }: Limits,
): readonly string[] {
  const count = countRules(next) + countRules(others)
  if (count <= rulesMax) return []
  return [
    `the host would have ${number(count)} HTTP rules, and may have at most ${number(rulesMax)}; undeploy services that are not used, or raise --rules-max`,
  ]
}

function countRules(services: readonly Pick<Owner, 'type'>[]): number {
  let count = 0
  for (const { type } of services) for (const method of type.methods.values()) count += ruleCount(method)
  return count
}

/** Of each pair of services, and of the component. */
const shownMax = 3
const warningsMax = 20

export interface PathVerdict {
  /** `--force` overrides them. */
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

/** Does a component fit beside the others that are served? `wins`: a request that both match is its own. */
export async function validatePaths(
  next: readonly Owner[],
  others: readonly Owner[],
  wins: (other: string) => boolean,
  clock: Clock,
): Promise<PathVerdict> {
  const { taken, warnings } = await inSlices(compare(next, others, wins), clock)
  const reasons: string[] = []
  for (const [pair, { items, more }] of taken) {
    const rest = more === 0 ? '' : `, and ${more} more`
    reasons.push(`${pair.next.name}: ${items.join(', ')}${rest}; ${way(pair)} (--force overrides)`)
  }
  return { reasons, warnings }
}

interface Pair {
  readonly next: Owner
  readonly other: Owner
}

interface Taken {
  readonly items: string[]
  more: number
}

function* compare(
  next: readonly Owner[],
  others: readonly Owner[],
  wins: (other: string) => boolean,
): Generator<void, { taken: ReadonlyMap<Pair, Taken>; warnings: readonly string[] }> {
  const byName = new Map(others.map((other) => [other.name, other]))
  const index = new RuleIndex(others.flatMap(rulesOf))
  const taken = new Map<Pair, Taken>()
  const warnings: string[] = []
  for (const owner of next) {
    const pairs = new Map<string, Pair>()
    const take = (other: string, item: () => string) => {
      const pair = pairs.get(other) ?? { next: owner, other: byName.get(other)! }
      pairs.set(other, pair)
      const list = taken.get(pair) ?? { items: [], more: 0 }
      taken.set(pair, list)
      if (list.items.length < shownMax) list.items.push(item())
      else list.more += 1
    }
    for (const route of rulesOf(owner)) {
      const [first] = route.template.segments
      if (first !== undefined && byName.has(first))
        take(first, () => `${shown(route)} lies under the name of ${first}, where its methods are`)
      yield* index.overlaps(route, (overlap) => {
        if (overlap.relation !== 'partly') take(overlap.other.service, () => sentence(overlap))
        else if (warnings.length < warningsMax) warnings.push(warning(overlap, wins))
        else if (warnings.length === warningsMax) warnings.push('and more routes overlap; `inn services` lists them')
        return true
      })
    }
  }
  return { taken, warnings }
}

function sentence({ relation, route, other }: Overlap): string {
  const whose = `${other.service}/${other.method.name}'s`
  if (relation === 'same') return `${shown(route)} is ${whose}`
  if (relation === 'covers') return `${shown(route)} takes all of ${shown(other)}, which is ${whose}`
  return `${shown(route)} lies within ${shown(other)}, which is ${whose}`
}

function warning(overlap: Overlap, wins: (other: string) => boolean): string {
  const { service } = overlap.other
  return `${overlap.route.service}: ${overlapSentence(overlap, wins(service) ? overlap.route.service : service)}`
}

/** What to do about it. */
function way({ next, other }: Pair): string {
  const first = `\`inn undeploy ${other.name}\` first`
  if (next.kind !== other.kind || !keepsState(next.kind) || next.persistenceId === other.persistenceId) return first
  return `${first}; if it is the same service renamed, set persistenceId: '${other.persistenceId}' as well, and it keeps what is stored`
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}
