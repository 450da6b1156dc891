// Handle: one request of an operator, from its path to what is answered. What the admin port calls, in whichever thread it listens.
//
// Owns: finding the route.   api.ts owns: what the paths do.   server.ts owns: the port and its doors.

import { InnkeeperError } from '../errors.ts'
import { errorToHttp } from '../ingress/http/status.ts'
import type { AdminRequest } from './api.ts'
import { adminRoutes } from './api.ts'
import type { AdminHandler } from './call.ts'
import type { AdminContext } from './context.ts'

export function createAdminHandler(context: AdminContext): AdminHandler {
  const routes = adminRoutes(context)
  return async ({ method, path, query, body, wantsLines }, { line, closed }) => {
    const matches = routes.filter((route) => route.pattern.test(path))
    const route = matches.find((item) => item.method === method)
    if (route === undefined) {
      if (matches.length === 0)
        throw new InnkeeperError('unknown_path', `no such path: ${path.slice(0, 200)}; GET /openapi.json lists them`)
      const allow = [...new Set(matches.map((item) => item.method))].join(', ')
      const { status, body: json } = errorToHttp(
        new InnkeeperError('wrong_http_method', `${method} is not allowed on ${path.slice(0, 200)}`),
      )
      return { status, text: json, contentType: 'application/json', allow }
    }
    const request: AdminRequest = {
      parts: (route.pattern.exec(path) ?? []).slice(1).map(decode),
      query: new URLSearchParams(query),
      body,
      wantsLines,
      line,
      closed,
    }
    return await route.run(request)
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new InnkeeperError('bad_request', `the path has a malformed escape: ${part.slice(0, 100)}`)
  }
}
