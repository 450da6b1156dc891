// Routes: which method an HTTP request means.
//
// R1. The last rule declared wins where several match (B2.5). Services keep the order in which they were deployed.
// R2. Found by the path's first segment, so that a request looks at few patterns however many services there are.
// R3. A path that only other HTTP methods have is told apart from an unknown one (405 with `Allow`, A5), and so is one of a service
//     that is deployed and cannot be run.

import type { Directory, Service } from '../services.ts'
import type { Route } from './http-rule.ts'
import { routesOf } from './http-rule.ts'

export interface ServedRoute extends Route {
  readonly target: Service
}

export type Found =
  | { readonly kind: 'route'; readonly route: ServedRoute; readonly captured: readonly string[] }
  | { readonly kind: 'wrong_method'; readonly allow: readonly string[] }
  | { readonly kind: 'unserved'; readonly service: string }
  | { readonly kind: 'none' }

export class Routes {
  /** In order of precedence. */
  readonly all: readonly ServedRoute[]
  /** By first literal segment; each list holds the routes without one, too. All in order of precedence. */
  private readonly bySegment = new Map<string, ServedRoute[]>()
  private readonly others: ServedRoute[] = []
  /** Of services that are deployed and cannot be run. */
  private readonly unserved: readonly Route[]

  constructor(directory: Directory) {
    const all: ServedRoute[] = []
    for (const target of directory.services.values()) {
      for (const method of target.type.methods.values()) {
        for (const route of routesOf(target.name, method).routes) all.push({ ...route, target })
      }
    }
    all.reverse()
    this.all = all
    for (const { firstSegment } of all) {
      if (firstSegment !== undefined && !this.bySegment.has(firstSegment)) {
        this.bySegment.set(
          firstSegment,
          all.filter((route) => route.firstSegment === undefined || route.firstSegment === firstSegment),
        )
      }
    }
    this.others = all.filter((route) => route.firstSegment === undefined)
    this.unserved = [...directory.unserved.values()].flatMap(({ name, type }) =>
      [...(type?.methods.values() ?? [])].flatMap((method) => routesOf(name, method).routes),
    )
  }

  /** `path` is still encoded and without query. */
  find(httpMethod: string, path: string): Found {
    const end = segmentEnd(path)
    const candidates = this.bySegment.get(path.slice(1, end)) ?? this.others
    let allow: Set<string> | undefined
    for (const route of candidates) {
      const match = route.pattern.exec(path)
      if (match === null) continue
      if (route.httpMethod === httpMethod || route.httpMethod === '*')
        return { kind: 'route', route, captured: match.slice(1) }
      allow = (allow ?? new Set()).add(route.httpMethod)
    }
    const unserved = this.unserved.find(({ pattern }) => pattern.test(path))
    if (unserved !== undefined) return { kind: 'unserved', service: unserved.service }
    return allow === undefined ? { kind: 'none' } : { kind: 'wrong_method', allow: [...allow].sort() }
  }
}

function segmentEnd(path: string): number {
  for (let at = 1; at < path.length; at++) {
    const char = path.charCodeAt(at)
    if (char === 47 || char === 58) return at
  }
  return path.length
}
