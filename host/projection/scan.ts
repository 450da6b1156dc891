// Scan: all that is stored of a source, entity by entity, as steps of a view: what a table is built from.
//
// Owns: pages, one a turn of the loop.   projection.ts owns: what comes of them.

import type { Clock } from '../clock.ts'
import { nextTurn } from '../clock.ts'
import type { EntityRef, Journal } from '../journal/journal.ts'
import type { Step } from '../views/component.ts'
import type { Source } from './sources.ts'
import type { ReplicaValue } from './steps.ts'
import { recordSteps, valueSteps } from './steps.ts'

type ScannedJournal = Pick<Journal, 'base' | 'entities' | 'records'>

export interface Scanned {
  /** An entity was read. */
  read(): void
  damaged(service: string, entity: string, reason: string): void
}

const entitiesAtOnce = 100
const recordsAtOnce = 200
const bytesAtOnce = 1024 * 1024
/** In a page, about. */
const stepsAtOnce = 256

/** @throws InnkeeperError `storage_unavailable` */
export async function* scan(
  journal: ScannedJournal,
  source: Source,
  clock: Clock,
  told: Scanned,
  replicaOf: (entity: EntityRef) => ReplicaValue,
): AsyncGenerator<readonly Step[], undefined> {
  const by = source.kind === 'value' ? 'base' : 'records'
  let steps: Step[] = []
  for (let after: string | undefined; ; ) {
    const page = journal.entities(source.storage, '', after, entitiesAtOnce, by)
    for (const { key, damaged } of page) {
      told.read()
      if (damaged !== undefined) {
        told.damaged(source.service, key, damaged)
        continue
      }
      for (const piece of pieces(journal, source, key, replicaOf)) {
        steps.push(...piece)
        if (steps.length < stepsAtOnce) continue
        yield steps
        steps = []
        await nextTurn(clock)
      }
    }
    if (steps.length > 0) yield steps
    steps = []
    await nextTurn(clock)
    if (page.length < entitiesAtOnce) return undefined
    after = page.at(-1)!.key
  }
}

function* pieces(
  journal: ScannedJournal,
  source: Source,
  key: string,
  replicaOf: (entity: EntityRef) => ReplicaValue,
): Generator<readonly Step[], undefined> {
  const entity = { storage: source.storage, key }
  if (source.kind === 'replicated') {
    yield valueSteps(source, key, replicaOf(entity))
    return undefined
  }
  if (source.kind === 'value') {
    const base = journal.base(entity)
    if (base !== undefined) yield valueSteps(source, key, base)
    return undefined
  }
  for (let revision = 0; ; ) {
    const { records, more } = journal.records(entity, revision, recordsAtOnce, bytesAtOnce)
    yield recordSteps(source, key, records)
    revision = records.at(-1)?.revision ?? revision
    if (!more) return undefined
  }
}
