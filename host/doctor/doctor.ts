// Doctor: a data directory looked through from end to end, with nobody else at work on it. What `inn doctor --data DIR` tells.
//
// C1. The directory is opened as a start opens it: its log is walked first, and a torn tail is cut and told.
// C2. Entities are named by service and id, and those whose records lie in an unreadable block one by one: commits name them, or what
//     stayed of those that are trimmed.

import { named } from '../feed/named.ts'
import type { EntityRef } from '../journal/journal.ts'
import { entityPrefix, numbered, numberOf } from '../journal/keys.ts'
import { keepsState } from '../kinds.ts'
import { after } from '../storage/columns.ts'
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
    for (const { name, kind, storage } of services) if (keepsState(kind)) names.set(storage, { name, kind })
  return names
}

/** Entities of which records lie in a gap of the journal, as far as commits say, or what stayed of them (feed/named.ts). */
function* insideGap(
  { parts }: Store,
  { column, gap }: Finding,
): Generator<EntityRef & { readonly revisions: string }, undefined> {
  if (column !== 'journal' || gap === undefined) return undefined
  const found = new Map<string, Inside>()
  for (const part of parts)
    for (const { entity, revision } of named(part)) {
      const prefix = entityPrefix(entity)
      if (after(prefix).compare(gap.after) <= 0 || prefix.compare(gap.to) >= 0) continue
      const name = prefix.toString('hex')
      const inside = found.get(name) ?? { entity, prefix, to: 0, from: Number.MAX_SAFE_INTEGER, trimmed: false }
      found.set(name, inside)
      if (revision === undefined) inside.trimmed = true
      else if (isInside(numbered(prefix, revision), gap)) {
        inside.from = Math.min(inside.from, revision)
        inside.to = Math.max(inside.to, revision)
      }
    }
  for (const inside of found.values()) {
    const revisions = recordsOf(inside, gap)
    if (revisions !== undefined) yield { ...inside.entity, revisions }
  }
  return undefined
}

interface Inside {
  readonly entity: EntityRef
  readonly prefix: Buffer
  /** Of its revisions in the gap, those that commits name. */
  from: number
  to: number
  /** There were more, whose commits are trimmed. */
  trimmed: boolean
}

type Between = NonNullable<Finding['gap']>

function isInside(key: Buffer, { after, to }: Between): boolean {
  return key.compare(after) > 0 && key.compare(to) < 0
}

/** `undefined`: none of its records lies in the gap. */
function recordsOf({ prefix, from, to, trimmed }: Inside, gap: Between): string | undefined {
  if (!trimmed) return to === 0 ? undefined : records(from, to)
  const of = (key: Buffer) => (key.subarray(0, prefix.length).equals(prefix) ? numberOf(key) : undefined)
  const [before = 0, behind] = [of(gap.after), of(gap.to)]
  const end = behind === undefined ? to : behind - 1
  if (end > before) return records(before + 1, end)
  if (behind !== undefined) return undefined
  return before === 0 ? 'all its records' : `records from ${before + 1} on, if it had any`
}

function records(from: number, to: number): string {
  return from === to ? `record ${from}` : `records ${from} to ${to}`
}
