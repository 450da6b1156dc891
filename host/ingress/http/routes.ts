// Routes: which method an HTTP request means.
//
// R1. A rule with a verb wins over those without, or ids with a ":" would hide it. Of one component the last rule declared wins where several
//     match (§rule-5). Of several components the one with the greater place does (services.ts), so that an upgrade or a restart changes nothing.
// R2. A request looks only at what begins like it: a tree over segments, not a list of rules. What it looks at does not grow with the
//     rules of others, nor does memory with anything but their number.
// R3. A path that only other HTTP methods have is told apart from an unknown one (405 with `Allow`, §rule-6), and so is one of a service
//     that is deployed and cannot be run.
// R4. The host's own paths are nobody's (`hostPath`), whatever rules match them.
//
// Leaves to others: who may have a path (deploy/paths.ts), reading rules (http-rule.ts), templates (template.ts).

import type { Route } from '../../schema/http-rule.ts'
import { routesOf } from '../../schema/http-rule.ts'
import { isOwnService } from '../../schema/own-services.ts'
import { capture } from '../../schema/template.ts'
import type { Directory, Service } from '../../services.ts'

export interface ServedRoute extends Route {
  readonly target: Service
}

export type Found =
  | { readonly kind: 'route'; readonly route: ServedRoute; readonly captured: readonly string[] }
  | { readonly kind: 'wrong_method'; readonly allow: readonly string[] }
  | { readonly kind: 'unserved'; readonly service: string }
  | { readonly kind: 'none' }

/** Where the document of all routes is. */
export const documentPath = '/openapi.json'

/** Why a rule can never answer: the host does, or keeps the path for itself. Undefined where it can. */
export function hostPath({ httpMethod, template: { segments, rest, verb } }: Route): string | undefined {
  const [first] = segments
  if (first !== undefined && isOwnService(first)) return `the host itself serves ${first}`
  const isDocument = `/${first}` === documentPath && segments.length === 1 && !rest && verb === undefined
  if (isDocument && (httpMethod === 'GET' || httpMethod === '*')) return `the host itself serves GET ${documentPath}`
  return undefined
}

/** What ends at a node, by verb, then by HTTP method: of several with both the same, the one that wins. */
type Ends<R> = Map<string | undefined, Map<string, Ranked<R>>>

interface Ranked<R> {
  readonly route: R
  /** 0 wins over all others. */
  readonly rank: number
}

interface Node<R> {
  literals: Map<string, Node<R>> | undefined
  any: Node<R> | undefined
  ends: Ends<R> | undefined
  /** For whatever follows the node's slash. */
  rests: Ends<R> | undefined
  /** The least rank at it and below. */
  best: number
}

/** The routes of a directory, made when they are first asked for. */
export function routesIn(directory: Directory): Routes {
  let routes = made.get(directory)
  if (routes === undefined) {
    routes = new Routes(directory)
    made.set(directory, routes)
  }
  return routes
}
const made = new WeakMap<Directory, Routes>()

export class Routes {
  /** In order of precedence. */
  readonly all: readonly ServedRoute[]
  /** Nodes that the last `find` looked at. */
  lookedAt = 0
  private readonly root = node<ServedRoute>()
  /** Of services that are deployed and cannot be run. */
  private readonly unserved = node<Route>()

  constructor(directory: Directory) {
    const services = [...directory.services.values()].sort(
      (a, b) => (a.place ?? 0) - (b.place ?? 0) || (a.deployment ?? 0) - (b.deployment ?? 0),
    )
    const all: ServedRoute[] = []
    for (const target of services) {
      for (const method of target.type.methods.values()) {
        for (const route of routesOf(target.name, method).routes) all.push({ ...route, target })
      }
    }
    all.reverse()
    this.all = all
    for (const [rank, route] of all.entries()) add(this.root, route, rank)
    const left = [...directory.unserved.values()].flatMap(({ name, type }) =>
      [...(type?.methods.values() ?? [])].flatMap((method) => routesOf(name, method).routes),
    )
    // Their callers hear of it by any HTTP method.
    for (const [rank, route] of left.entries()) add(this.unserved, { ...route, httpMethod: '*' }, rank)
  }

  /** `path` is still encoded and without query. */
  find(httpMethod: string, path: string): Found {
    this.lookedAt = 0
    if (path[0] !== '/' || isOwnService(path.slice(1, slashAfter(path)))) return { kind: 'none' }
    const search = new Search<ServedRoute>(path, httpMethod)
    let found = search.in(this.root)
    if (found === undefined && httpMethod === 'HEAD') found = this.headOf(path)
    if (found === undefined) search.others(this.root)
    this.lookedAt = search.lookedAt
    if (found !== undefined)
      return { kind: 'route', route: found.route, captured: capture(found.route.template, path)! }
    const left = new Search<Route>(path, httpMethod).in(this.unserved)
    if (left !== undefined) return { kind: 'unserved', service: left.route.service }
    const { allow } = search
    return allow.size === 0 ? { kind: 'none' } : { kind: 'wrong_method', allow: [...allow].sort() }
  }

  /** A GET without its body: what answers in one piece. */
  private headOf(path: string): Ranked<ServedRoute> | undefined {
    const found = new Search<ServedRoute>(path, 'GET').in(this.root)
    return found?.route.method.serverStreaming === true ? undefined : found
  }
}

/** Where the first segment ends. */
function slashAfter(path: string): number {
  const slash = path.indexOf('/', 1)
  return slash === -1 ? path.length : slash
}

function add<R extends Route>(root: Node<R>, route: R, rank: number): void {
  let at = root
  const { segments, rest, verb } = route.template
  for (const literal of segments) {
    let next = literal === undefined ? at.any : at.literals?.get(literal)
    if (next === undefined) {
      next = node<R>(rank)
      if (literal === undefined) at.any = next
      else (at.literals ??= new Map()).set(literal, next)
    }
    at = next
  }
  const ends = rest ? (at.rests ??= new Map()) : (at.ends ??= new Map())
  const methods = ends.get(verb) ?? new Map<string, Ranked<R>>()
  ends.set(verb, methods)
  // They come in the order of precedence.
  if (!methods.has(route.httpMethod)) methods.set(route.httpMethod, { route, rank })
}

function node<R>(best = 0): Node<R> {
  return { literals: undefined, any: undefined, ends: undefined, rests: undefined, best }
}

/** One request's way through the tree: every node that begins like its path, but for those that cannot win any more. First those rules that have
 *  the path's verb, then those that have none. */
class Search<R> {
  lookedAt = 0
  readonly allow = new Set<string>()
  private readonly path: string
  private readonly httpMethod: string
  private found: Ranked<R> | undefined
  /** Where the path ends without its verb. */
  private end: number
  private verb: string | undefined
  private every = false

  constructor(path: string, httpMethod: string) {
    this.path = path
    this.httpMethod = httpMethod
    this.end = path.length
  }

  in(root: Node<R>): Ranked<R> | undefined {
    const { path } = this
    const colon = path.lastIndexOf(':')
    if (colon > path.lastIndexOf('/')) {
      this.end = colon
      this.verb = path.slice(colon + 1)
      this.at(root, 1)
      if (this.found !== undefined) return this.found
    }
    this.end = path.length
    this.verb = undefined
    this.at(root, 1)
    return this.found
  }

  /** Once more, for the methods that would match. */
  others(root: Node<R>): void {
    this.every = true
    this.in(root)
  }

  /** Everything before `start` has matched; `start` is behind a slash. */
  private at(node: Node<R>, start: number): void {
    this.lookedAt += 1
    if (this.found !== undefined && node.best > this.found.rank) return
    const { path, end, verb } = this
    this.take(node.rests?.get(verb))
    const slash = path.indexOf('/', start)
    if (slash !== -1) {
      const literal = node.literals?.get(path.slice(start, slash))
      if (literal !== undefined) this.at(literal, slash + 1)
      if (node.any !== undefined) this.at(node.any, slash + 1)
      return
    }
    this.take(node.literals?.get(path.slice(start, end))?.ends?.get(verb))
    this.take(node.any?.ends?.get(verb))
  }

  private take(methods: Map<string, Ranked<R>> | undefined): void {
    if (methods === undefined) return
    if (this.every) {
      for (const method of methods.keys()) this.allow.add(method)
      return
    }
    for (const method of [this.httpMethod, '*']) {
      const ranked = methods.get(method)
      if (ranked !== undefined && (this.found === undefined || ranked.rank < this.found.rank)) this.found = ranked
    }
  }
}
