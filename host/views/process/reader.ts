// Reader: the process that runs queries, one at a time. It may be killed at any moment, and nothing is lost with it.
//
// Owns: connections that stay open.   queries.ts, check.ts and ad-hoc.ts own: the work.

import type { DatabaseSync } from 'node:sqlite'
import { make, runRaw } from './ad-hoc.ts'
import { checkQuery } from './check.ts'
import type { Attached } from './connection.ts'
import { Connection } from './connection.ts'
import { told } from './failures.ts'
import { Learned } from './learned.ts'
import type { ReaderOptions, ReaderRequest } from './protocol.ts'
import { runQuery } from './queries.ts'
import { serve } from './serve.ts'

/** Those that were used last stay open. */
const connectionsMax = 16

const bounds = JSON.parse(process.argv[2]!) as ReaderOptions
const learned = new Learned()
const connections = new Map<string, Connection>()

serve((request: ReaderRequest) => {
  switch (request.kind) {
    case 'learn':
      learned.learn(request)
      return undefined
    case 'query': {
      const { component, service, method, paths } = request
      const query = learned.query(component, service, method)
      const attached = query.reads.map((one, at) => ({ view: learned.view(component, one), path: paths[at] }))
      return using(`${component} ${paths.join(' ')}`, attached, (connection) =>
        runQuery(connection, learned.of(component).schema, query, request.request, bounds),
      )
    }
    case 'check': {
      const { component, service, method } = request
      const { schema, views } = learned.of(component)
      return checkQuery(schema, views, learned.query(component, service, method), bounds)
    }
    case 'raw': {
      const attached = request.tables.map(({ component, service, path }) => ({
        view: learned.view(component, service),
        path,
      }))
      const { given } = request
      const connection = opened(
        attached,
        (db) => make(db, given),
        given.map(({ name }) => name),
      )
      try {
        return runRaw(connection, request.sql, bounds)
      } finally {
        connection.end()
      }
    }
    case 'forget':
      for (const [name, connection] of connections) {
        if (connection.attached.some(({ path }) => path === request.path)) end(name, connection)
      }
      return undefined
  }
})

function using<Result>(name: string, attached: readonly Attached[], work: (connection: Connection) => Result): Result {
  const connection = connections.get(name) ?? opened(attached)
  connections.delete(name)
  connections.set(name, connection)
  const [oldest] = connections
  if (connections.size > connectionsMax) end(...oldest!)
  try {
    return work(connection)
  } catch (error) {
    // What it has in memory may be of a file that is no longer there.
    end(name, connection)
    throw error
  }
}

function opened(
  attached: readonly Attached[],
  fill?: (db: DatabaseSync) => void,
  others?: readonly string[],
): Connection {
  try {
    return new Connection(attached, bounds, fill, others)
  } catch (error) {
    throw told(error)
  }
}

function end(name: string, connection: Connection): void {
  connections.delete(name)
  connection.end()
}
