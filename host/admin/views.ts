// Views: what an operator may see and do of views, and SQL over them.

import { InnkeeperError } from '../errors.ts'
import { isEntityService } from '../services.ts'
import type { GivenTable } from '../views/process/ad-hoc.ts'
import type { AdminRoute } from './api.ts'
import type { AdminContext } from './context.ts'
import { listEntities } from './inspect.ts'

/** Of one statement. */
const sqlMs = 60_000

export function viewRoutes(context: AdminContext): readonly Omit<AdminRoute, 'pattern'>[] {
  const { views } = context
  return [
    {
      method: 'GET',
      path: '/v1/views',
      summary: 'Every view: its table, how far it is behind, what it is built from, and where it is stuck.',
      run: async () => ({ json: { views: await views.list(), processes: views.processes } }),
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
      summary:
        'One SELECT over the tables of all views, and over `entities` and `effects`. The body is `{"sql": "…"}`.',
      run: async ({ body }) => {
        const sql = sqlOf(body)
        return { json: await views.sql(sql, await ownTables(context, sql), sqlMs) }
      },
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

/** Rows of `entities` and of `effects`, each at most. */
const ownRowsMax = 10_000

/** The host's own tables, of those that the statement names. */
async function ownTables(context: AdminContext, sql: string): Promise<readonly GivenTable[]> {
  const names = (word: string) => new RegExp(`\\b${word}\\b`, 'i').test(sql)
  return [
    ...(names('entities') ? [await entitiesTable(context)] : []),
    ...(names('effects') ? [effectsTable(context)] : []),
  ]
}

async function entitiesTable(context: AdminContext): Promise<GivenTable> {
  const rows: (string | number | null)[][] = []
  for (const service of context.services.current.services.values()) {
    if (!isEntityService(service) || rows.length === ownRowsMax) continue
    const { entities } = await listEntities(context, service, '', undefined, ownRowsMax - rows.length)
    for (const { id, revision = 0, sequence = 0, lastChange = null } of entities)
      rows.push([service.name, id, revision, sequence, lastChange])
  }
  return { name: 'entities', columns: ['service', 'entity', 'revision', 'events', 'last_change'], rows }
}

function effectsTable({ outbox }: AdminContext): GivenTable {
  const rows = outbox
    .page(0, ownRowsMax, () => true)
    .map(({ id, cause, call, attempts, parked }) => [
      ...[id, cause.service, cause.entity, `${call.service}/${call.method}`, attempts, parked ?? null],
    ])
  return { name: 'effects', columns: ['id', 'service', 'entity', 'target', 'attempts', 'parked'], rows }
}
