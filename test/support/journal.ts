// Values for tests of the journal, and folders that go away again.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EffectEntry } from '../../host/effect.ts'
import type { Batch, EntityRef, Journal, JournalRecord, Snapshot } from '../../host/journal/journal.ts'
import type { Call, Typed } from '../../host/outcome.ts'

export function event(text: string): Typed {
  return { typeName: 'test.Happened', data: Buffer.from(text) }
}

export const call: Call = {
  service: 'test.Service',
  method: 'Do',
  payload: Buffer.from([1, 2, 3]),
  metadata: [
    ['name', 'value'],
    ['bytes-bin', Buffer.from([0, 255])],
  ],
}

/** A record that brings `texts` as events, after a history of `sequence` events. */
export function record(revision: number, sequence: number, texts: readonly string[]): JournalRecord {
  return {
    revision,
    sequence: sequence + texts.length,
    deployment: 3,
    command: {
      method: 'Add',
      payload: Buffer.from(`payload ${revision}`),
      metadata: call.metadata,
      nowMs: 1_700_000_000_000 + revision,
      seed: Buffer.alloc(16, revision),
      idempotencyKey: undefined,
    },
    origin: 'command',
    events: texts.map(event),
    change: undefined,
    effects: [],
    answer: { kind: 'message', payload: Buffer.from(`answer ${revision}`) },
    answerMetadata: [],
  }
}

export function snapshot(revision: number, sequence: number, state: string): Snapshot {
  return { revision, sequence, stateVersion: 'v1', state: Buffer.from(state) }
}

/** An effect that was never tried, alone in its chain. */
export function effect(entry: Pick<EffectEntry, 'id' | 'cause' | 'call' | 'synchronous'>): EffectEntry {
  return { ...entry, hops: 1, attempts: 0, parked: undefined, chain: 1, place: 1, chainEffects: 1 }
}

/** Commit what `write` puts into a batch. */
export function commit(journal: Journal, write: (batch: Batch) => void): Promise<void> {
  const batch = journal.batch()
  write(batch)
  return ended(journal, batch)
}

/** A commit may end later, where the disk is slow. */
export function ended(journal: Journal, batch: Batch): Promise<void> {
  return new Promise((resolve, reject) => journal.commit(batch, (error) => (error ? reject(error) : resolve())))
}

/** Append one record to an entity, after whatever it has. */
export function append(journal: Journal, entity: EntityRef, texts: readonly string[]): Promise<void> {
  const { revision, sequence } = journal.head(entity) ?? { revision: 0, sequence: 0 }
  return commit(journal, (batch) => batch.append(entity, record(revision + 1, sequence, texts)))
}

/** Buffers and views compare by their bytes, whatever class they have. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
}

const folders: string[] = []
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'innkeeper-test-'))
  folders.push(path)
  return path
}

/** Forget what expired before that age, at most `max`, as the host does; answers how many. */
export function expireKeys(journal: Journal, beforeMs: number, max: number): number {
  const expired = journal.expired(beforeMs, max)
  const batch = journal.batch()
  batch.forget(expired)
  let failed: Error | undefined
  journal.commit(batch, (error) => {
    failed = error
  })
  if (failed !== undefined) throw failed
  return expired.found
}

/** Write down what the census has counted. */
export function noteCensus(journal: Journal): Promise<void> {
  return commit(journal, (batch) => batch.note(journal.census.notes(journal.lastCommit())))
}
