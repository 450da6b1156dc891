// Overlaps: pairs of rules that one request may match.
//
// O1. Exact: a pair is told if and only if there is such a request (template.T3), and whether one rule means all of the other.
// O2. Bounded and sliced: so many pairs are told and no more, and however many rules there are, the loop has its turns.
//
// Leaves to others: whether a pair is allowed (deploy/paths.ts), which of the two answers (routes.ts).

import { systemClock } from '../../clock.ts'
import type { Route } from '../../schema/http-rule.ts'
import { routesOf, shown } from '../../schema/http-rule.ts'
import type { Relation } from '../../schema/template.ts'
import { common, relation } from '../../schema/template.ts'
import type { Directory, Service } from '../../services.ts'
import { inSlices } from '../../slices.ts'
import { hostPath } from './routes.ts'

export interface Overlap {
  readonly relation: Exclude<Relation, 'apart'>
  readonly route: Route
  readonly other: Route
}

/** What two rules have to do with each other, their HTTP methods counted in. */
export function routeRelation(a: Route, b: Route): Relation {
  const [any, otherAny] = [a.httpMethod === '*', b.httpMethod === '*']
  if (a.httpMethod !== b.httpMethod && !any && !otherAny) return 'apart'
  const paths = relation(a.template, b.template)
  if (any === otherAny || paths === 'apart' || paths === 'partly') return paths
  if (any) return paths === 'within' ? 'partly' : 'covers'
  return paths === 'covers' ? 'partly' : 'within'
}

/** Two rules of one HTTP method and one path, whatever the names of their variables. */
export function sameKey({ httpMethod, template: { segments, rest, verb } }: Route): string {
  const path = segments.map((literal) => (literal === undefined ? '*' : literal)).join('/')
  return `${httpMethod} /${path}${rest ? '/**' : ''}${verb === undefined ? '' : `:${verb}`}`
}

/** Compared at once: some microseconds. */
const comparisons = 100

/** Rules by their first segment: most have nothing in common with those of another. */
export class RuleIndex {
  private readonly byFirst = new Map<string, Route[]>()
  private readonly open: Route[] = []
  private readonly all: readonly Route[]

  constructor(routes: readonly Route[]) {
    this.all = routes
    for (const route of routes) {
      const [first] = route.template.segments
      if (first === undefined) this.open.push(route)
      else if (this.byFirst.has(first)) this.byFirst.get(first)!.push(route)
      else this.byFirst.set(first, [route])
    }
  }

  /** Those that share a request with `route`. Yields between steps; `take` returns false when it has enough. */
  *overlaps(route: Route, take: (overlap: Overlap) => boolean): Generator<void, void> {
    const [first] = route.template.segments
    const lists = first === undefined ? [this.all] : [this.byFirst.get(first) ?? [], this.open]
    let compared = 0
    for (const list of lists) {
      for (const other of list) {
        compared += 1
        if (compared % comparisons === 0) yield
        const related = routeRelation(route, other)
        if (related !== 'apart' && !take({ relation: related, route, other })) return
      }
    }
    yield
  }
}

/** Told of each service. */
const toldMax = 20

const known = new WeakMap<Directory, Promise<ReadonlyMap<string, readonly string[]>>>()

/** Sentences for each service whose rules overlap with those of another component, found once for a directory. */
export function overlapsIn(directory: Directory): Promise<ReadonlyMap<string, readonly string[]>> {
  let found = known.get(directory)
  if (found === undefined) {
    found = inSlices(find(directory), systemClock)
    known.set(directory, found)
  }
  return found
}

function* find({ services }: Directory): Generator<void, ReadonlyMap<string, readonly string[]>> {
  const all = [...services.values()].flatMap(rulesOf)
  const index = new RuleIndex(all)
  const sentences = new Map<string, string[]>()
  for (const route of all) {
    const mine = services.get(route.service)!
    const told = sentences.get(mine.name) ?? []
    if (told.length > toldMax) continue
    sentences.set(mine.name, told)
    yield* index.overlaps(route, (overlap) => {
      const other = services.get(overlap.other.service)!
      if (other.deployment === mine.deployment) return true
      if (told.length === toldMax) told.push('and more routes of it overlap')
      else told.push(overlapSentence(overlap, answers(overlap, mine, other)))
      return told.length <= toldMax
    })
  }
  return sentences
}

/** Rules that requests can reach. */
export function rulesOf({ name, type }: Pick<Service, 'name' | 'type'>): readonly Route[] {
  const routes = [...type.methods.values()].flatMap((method) => routesOf(name, method).routes)
  return routes.filter((route) => hostPath(route) === undefined)
}

/** As routes.ts finds it (routes.R1). */
function answers({ route, other }: Overlap, a: Service, b: Service): string {
  if ((route.template.verb === undefined) !== (other.template.verb === undefined))
    return route.template.verb === undefined ? b.name : a.name
  return a.place > b.place || (a.place === b.place && a.deployment > b.deployment) ? a.name : b.name
}

/** `winner`: the name of the service that a request of both gets its answer from. */
export function overlapSentence({ route, other }: Overlap, winner: string): string {
  const path = common(route.template, other.template)
  return `${shown(route)} of ${route.method.name} and ${shown(other)} of ${other.service}/${other.method.name} both match ${path}, for example; ${winner} answers`
}
