// CORS: which web pages may call the services from a browser (setting `cors-origins`; without it there are no such headers).
//
// C1. A page of another origin than those set gets no CORS header, and its preflight is a request like any other.
// C2. Credentials are allowed to origins that are named, never to `*`.
// C3. What a page may read of an answer's headers are those of gRPC-Web, the request id, the commits, and the reply's metadata.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { commitHeader } from '../commits.ts'

const methods = 'GET, POST, PUT, PATCH, DELETE'
const exposed = `grpc-status, grpc-message, grpc-status-details-bin, x-request-id, ${commitHeader}`
/** How long a browser may remember a preflight: the most that any of them takes. */
const maxAgeSeconds = 7_200

export class Cors {
  private readonly any: boolean
  private readonly origins: ReadonlySet<string>

  constructor(origins: readonly string[]) {
    this.any = origins.includes('*')
    this.origins = new Set(origins)
  }

  /** Puts the headers on; true where that was a preflight, which is then answered. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.origins.size === 0) return false
    if (!this.any) response.setHeader('vary', 'origin')
    const { origin } = request.headers
    if (origin === undefined || !(this.any || this.origins.has(origin))) return false
    response.setHeader('access-control-allow-origin', this.any ? '*' : origin)
    if (!this.any) response.setHeader('access-control-allow-credentials', 'true')
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      response.setHeader('access-control-expose-headers', exposed)
      return false
    }
    const wanted = request.headers['access-control-request-headers']
    response.setHeader('access-control-allow-methods', methods)
    if (wanted !== undefined && /^[\w!#$%&'*+.^`|~, -]{1,4096}$/.test(wanted))
      response.setHeader('access-control-allow-headers', wanted)
    response.setHeader('access-control-max-age', maxAgeSeconds)
    response.appendHeader('vary', 'access-control-request-headers')
    response.writeHead(204).end()
    request.resume()
    return true
  }
}

/** Lets a page read these headers too, where it may read any. */
export function expose(response: ServerResponse, names: Iterable<string>): void {
  const before = response.getHeader('access-control-expose-headers')
  if (before !== undefined) response.setHeader('access-control-expose-headers', [before, ...new Set(names)].join(', '))
}
