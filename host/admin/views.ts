// Views: what an operator may see and do of views, and SQL over them.

import { InnkeeperError } from '../errors.ts'
import type { AdminRoute } from './api.ts'
import type { AdminContext } from './context.ts'

/** Of one statement. */
const sqlMs = 60_000

export function viewRoutes({ views }: AdminContext): readonly Omit<AdminRoute, 'pattern'>[] {
  return [
    {
      method: 'GET',
      path: '/v1/views',
      summary: 'Every view: its table, how far it is behind, what it is built from, and where it is stuck.',
      run: async () => ({ json: { views: await views.list() } }),
    },
    {
      method: 'POST',
      path: '/v1/views/{service}/rebuild',
      summary: 'Build the table of a view anew; the old one answers until the new one has caught up.',
      run: async ({ parts }) => {
        await views.rebuild(parts[0]!)
        return { json: { service: parts[0] } }
      },
    },
    {
      method: 'POST',
      path: '/v1/sql',
      summary: 'One SELECT over the tables of all views. The body is `{"sql": "…"}`.',
      run: async ({ body }) => ({ json: await views.sql(sqlOf(body), sqlMs) }),
    },
  ]
}

function sqlOf(body: Uint8Array): string {
  try {
    const { sql } = JSON.parse(Buffer.from(body).toString()) as { sql?: unknown }
    if (typeof sql === 'string') return sql
  } catch {}
  throw new InnkeeperError('bad_request', 'the body is not {"sql": "SELECT …"}')
}
