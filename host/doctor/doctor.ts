// Doctor: a data directory looked through from end to end, with nobody else at work on it. What `inn doctor --data DIR` tells.
//
// C1. The directory is opened as a start opens it: its log is walked first, and a torn tail is cut and told.
// C2. Entities are named by service and id, and those whose records lie in an unreadable block one by one: commits name them.

import type { EntityRef } from '../journal/journal.ts'
import { commitKey, entityPrefix, numberOf } from '../journal/keys.ts'
import { decodeCommit } from '../journal/record.ts'
import { after } from '../storage/columns.ts'
import { DamagedValue } from '../storage/damage.ts'
import { walk } from '../storage/walk.ts'
import { openStore } from '../store/rocksdb.ts'
import type { Store } from '../store/store.ts'
import type { Finding } from './scrub.ts'
import { Scrub } from './scrub.ts'

interface Diagnosis {
  readonly values: number
  readonly bytes: number
  readonly findings: readonly Told[]
}

/** A finding with the names that an operator knows. */
export interface Told {
  /** Not known of what a command met. */
  readonly column: string | null
  readonly service: string | null
  readonly entity: string | null
  readonly what: string
  readonly reason: string
}

/** @throws InnkeeperError `storage_unavailable` where the directory cannot be opened: in use, or its log damaged */
export async function examine(directory: string, onBytes: (bytes: number) => void): Promise<Diagnosis> {
  const findings: Told[] = []
  const store = await openStore(directory, {
    log: (what) =>
      findings.push({
        column: 'log',
        service: null,
        entity: null,
        what,
        reason: 'it was cut when the directory was opened',
      }),
  })
  try {
    const names = serviceNames(store)
    const found: Finding[] = []
    const scrub = new Scrub({
      store,
      deep: (storage) => names.get(storage)?.kind === 'replicated',
      found: (finding) => found.push(finding),
    })
    while (scrub.step()) onBytes(scrub.bytes)
    await scrub.settled()
    const name = (storage: number | undefined) =>
      storage === undefined ? null : (names.get(storage)?.name ?? `storage ${storage}`)
    for (const finding of found) {
      const { column, storage, entity = null, what, reason } = finding
      findings.push({ column, service: name(storage), entity, what, reason })
      for (const { storage, key, revisions } of insideGap(store, finding))
        findings.push({ column, service: name(storage), entity: key, what: revisions, reason })
    }
    return { values: scrub.values, bytes: scrub.bytes, findings }
  } finally {
    await store.close()
  }
}

/** The last service that kept its data under a storage id. */
export function serviceNames({ catalog }: Pick<Store, 'catalog'>): ReadonlyMap<number, { name: string; kind: string }> {
  const names = new Map<number, { name: string; kind: string }>()
  for (const { services } of catalog.deployments())
    for (const { name, kind, storage } of services) if (kind !== 'action') names.set(storage, { name, kind })
  return names
}

/** Entities of which commits wrote records that lie in a gap of the journal. */
function* insideGap(
  { parts }: Store,
  { column, gap }: Finding,
): Generator<EntityRef & { readonly revisions: string }, undefined> {
  if (column !== 'journal' || gap === undefined) return undefined
  const inside = new Map<string, { entity: EntityRef; from: number; to: number }>()
  const commits = {
    column: 'commits',
    from: commitKey(0),
    to: commitKey(Number.MAX_SAFE_INTEGER),
    rowsMax: 256,
  } as const
  for (const step of parts.flatMap((part) => [...walk(part, commits)])) {
    if (step.kind === 'gap') continue
    for (let at = 0; at < step.rows.length; at += 2) {
      for (const { entity, revision } of wroteOf(step.rows[at]!, step.rows[at + 1]!)) {
        const prefix = entityPrefix(entity)
        if (after(prefix).compare(gap.after) <= 0 || prefix.compare(gap.to) >= 0) continue
        const key = Buffer.concat([prefix, Buffer.alloc(8)])
        key.writeBigUInt64BE(BigInt(revision), prefix.length)
        if (key.compare(gap.after) <= 0 || key.compare(gap.to) >= 0) continue
        const name = prefix.toString('hex')
        const known = inside.get(name)
        inside.set(name, {
          entity,
          from: Math.min(known?.from ?? revision, revision),
          to: Math.max(known?.to ?? 0, revision),
        })
      }
    }
  }
  for (const { entity, from, to } of inside.values())
    yield { ...entity, revisions: from === to ? `record ${from}` : `records ${from} to ${to}` }
  return undefined
}

function wroteOf(key: Buffer, value: Buffer) {
  try {
    return decodeCommit(numberOf(key), value).wrote
  } catch (error) {
    if (error instanceof DamagedValue) return []
    throw error
  }
}
