// Rows: small things that a partition keeps in `default`, as JSON. Each is written by a commit.
//
//   feed/trimmed      -> 1234                                                        commits up to this one are trimmed
//   feed/marks        -> [[1234,99000,1700000000000],...]                            marks.ts
//   consumer/<name>   -> {"state":"follows","offset":{"commit":1234,"part":0,...}}   consumers.ts
//   pending/<service> -> {"count":3,"bytes":900,"targets":{"t/M":3}}                                   delivery/pending.ts
//   schedule/<service>/<name> -> {"last":1700000000000,"hash":"…",...}               schedules/schedules.ts
//
// W1. What is damaged of them counts as not there: marks begin anew, a consumer is to register again, a schedule is a new one. That
//     commits are trimmed is also seen by their absence.
//
// Owns: keys and form.   The modules named there own: meaning.

import { after } from '../storage/columns.ts'
import { DamagedValue } from '../storage/damage.ts'
import type { Kv, Write } from '../storage/kv.ts'
import { frame, unframe } from './record.ts'

export type Rows = Pick<Kv, 'get' | 'range'>

export function read<T>(kv: Rows, key: string): T | undefined {
  return intact(() => {
    const value = kv.get('default', Buffer.from(key))
    return value && (JSON.parse(unframe(value).toString()) as T)
  })
}

/** All under a prefix, at most `max`, by what follows it. */
export function readAll<T>(kv: Rows, prefix: string, max: number): ReadonlyMap<string, T> {
  const from = Buffer.from(prefix)
  const rows = intact(() => kv.range('default', { from, to: after(from), limit: max })) ?? []
  const found = new Map<string, T>()
  for (let at = 0; at < rows.length; at += 2) {
    const value = intact(() => JSON.parse(unframe(rows[at + 1]!).toString()) as T)
    if (value !== undefined) found.set(rows[at]!.toString().slice(prefix.length), value)
  }
  return found
}

/** `undefined`: no row. */
export function write(key: string, value: unknown): Write {
  return ['default', Buffer.from(key), value === undefined ? undefined : frame(Buffer.from(JSON.stringify(value)))]
}

function intact<T>(reading: () => T): T | undefined {
  try {
    return reading()
  } catch (error) {
    if (error instanceof DamagedValue || error instanceof SyntaxError) return undefined
    throw error
  }
}
