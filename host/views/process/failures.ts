// Failures: what SQLite throws, as an error of ours that a caller or an operator can act on.
//
// Owns: which of its codes means what.   errors.ts owns: what callers are told by which code.

import { InnkeeperError } from '../../errors.ts'

/** Primary result codes: https://sqlite.org/rescode.html */
const sqlite = {
  nomem: 7,
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  toobig: 18,
  notadb: 26,
}

const storage: ReadonlySet<number> = new Set([
  ...[sqlite.busy, sqlite.locked, sqlite.readonly, sqlite.ioerr, sqlite.full, sqlite.cantopen],
])

/** The primary result code; undefined: it is no error of SQLite's. */
function codeOf(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown }
  return typeof errcode === 'number' ? errcode & 0xff : undefined
}

/** An error of ours, or the same one, where it is none of SQLite's. */
export function told(error: unknown): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  if (code === sqlite.corrupt || code === sqlite.notadb)
    return new InnkeeperError('data_damaged', 'the table of a view is damaged; build it anew', error)
  if (storage.has(code))
    return new InnkeeperError('storage_unavailable', 'the table of a view cannot be used now', error)
  if (code === sqlite.nomem || code === sqlite.toobig) return tooLarge(error)
  return error
}

/** The authorizer did not allow it (allowed.ts). The message is a clause about the query. */
export class Refused extends Error {}

/** Of a query that ran. `query`: for the log. */
export function queryFailure(error: unknown, query: string): unknown {
  const known = told(error)
  if (known !== error) return known
  // Node throws RangeError and ERR_STRING_TOO_LONG for what its values cannot hold.
  if (error instanceof RangeError) return tooLarge(error)
  if (codeOf(error) === undefined && !(error instanceof Refused)) return error
  const { message } = error as Error
  const detail = new Error(`${query}: ${message}`)
  if (message === 'integer overflow')
    return new InnkeeperError('out_of_range', 'a sum of the query is beyond 64 bits', detail)
  return new InnkeeperError('query_failed', 'the query failed; the log of the host says why', detail)
}

export function tooLarge(cause?: unknown): InnkeeperError {
  return new InnkeeperError(
    'query_too_large',
    'the query takes more memory than the host gives to one; let it read or answer less',
    cause,
  )
}
