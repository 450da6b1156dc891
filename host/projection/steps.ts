// Steps: what the feed names, or a scan finds, as a view takes it.
//
// S1. An event has the sequence that it has in its entity, a value the revision that it is given at: what comes twice has the same number.
// S3. A replica is given as it is when it is read: at least as new as the commit that names it.
// S2. Events of types that the view does not take are left out.
//
// Owns: this translation.   feed/change.ts owns: what is read.   views/process/projector.ts owns: what becomes of it.

import type { FeedChange } from '../feed/change.ts'
import type { Base, EntityRef, JournalRecord } from '../journal/journal.ts'
import { entityId } from '../key.ts'
import type { Typed } from '../outcome.ts'
import type { Step } from '../views/component.ts'
import type { Source } from './sources.ts'

/** A replicated value as it is now; without `state` it was deleted. */
export type ReplicaValue = Pick<Base, 'nowMs' | 'revision' | 'state'>

/** Of a change that the feed names; nothing, where it is none of these sources'. */
export function stepsOf(
  change: FeedChange,
  sources: ReadonlyMap<number, Source>,
  replicaOf: (entity: EntityRef) => ReplicaValue,
): readonly Step[] {
  if (change.kind === 'purged') {
    const source = sources.get(change.storage)
    return source === undefined ? none : [{ kind: 'purged', service: source.service }]
  }
  if (change.kind !== 'events' && change.kind !== 'value' && change.kind !== 'replica') return none
  const source = sources.get(change.entity.storage)
  if (source === undefined) return none
  if (change.kind === 'value') return valueSteps(source, change.entity.key, change)
  if (change.kind === 'replica') return valueSteps(source, change.entity.key, replicaOf(change.entity))
  return eventSteps(source, change.entity.key, change.events, change.sequence, change.nowMs)
}

/** Of records of an event-sourced entity. */
export function recordSteps(source: Source, key: string, records: readonly JournalRecord[]): readonly Step[] {
  return records.flatMap(({ events, sequence, command }) => eventSteps(source, key, events, sequence, command.nowMs))
}

/** Of what is stored of a value. */
export function valueSteps(
  source: Source,
  key: string,
  { revision, nowMs, state }: Pick<Base, 'nowMs' | 'revision' | 'state'>,
): readonly Step[] {
  const { service, keyFieldCount, types } = source
  const entity = entityId(key, keyFieldCount)
  const common = { service, entity, sequence: revision, atMs: nowMs }
  if (state === undefined) return [{ kind: 'change', change: { ...common, what: { kind: 'deleted' } } }]
  const [typeName] = types
  if (typeName === undefined) return none
  return [{ kind: 'change', change: { ...common, what: { kind: 'updated', typeName, data: state } } }]
}

/** @param last sequence of the last of them */
function eventSteps(
  source: Source,
  key: string,
  events: readonly Typed[],
  last: number,
  atMs: number,
): readonly Step[] {
  const { service, keyFieldCount, types } = source
  const entity = entityId(key, keyFieldCount)
  const steps: Step[] = []
  for (const [at, { typeName, data }] of events.entries()) {
    if (!types.has(typeName)) continue
    const sequence = last - events.length + at + 1
    steps.push({
      kind: 'change',
      change: { service, entity, sequence, atMs, what: { kind: 'event', typeName, data } },
    })
  }
  return steps
}

const none: readonly Step[] = Object.freeze([])
