// Effects: what an operator may see of a side effect: what caused it, where it goes, what it carries.
//
// F1. `payload` is the request as JSON, where the service that it goes to is deployed, or the one that caused it knows the other's messages. One
//     of more than `shownMax` bytes is told by its size: a page of effects stays small.
// F2. `cause` has the method and the request that sent it, where the journal keeps that record: actions keep none, values only with their history.

import type { EffectEntry } from '../effect.ts'
import { InnkeeperError } from '../errors.ts'
import type { JournalRecord } from '../journal/journal.ts'
import { scheduleName } from '../schedules/schedules.ts'
import type { Service } from '../services.ts'
import { isEntityService } from '../services.ts'
import type { AdminContext } from './context.ts'
import { decode, resolveEntity } from './inspect.ts'

const shownMax = 4 * 1024

type Parts = Pick<AdminContext, 'journal' | 'services' | 'outbox'>

export function describeEffect(parts: Parts, entry: EffectEntry): object {
  const { id, cause, call, synchronous, attempts, parked } = entry
  const knows = parts.services.get(call.service) ?? parts.services.get(cause.service)
  return {
    id,
    cause: { ...cause, ...requestOf(parts, cause) },
    ...scheduleOf(entry),
    to: `${call.service}/${call.method}`,
    payload: shownRequest(knows, call.service, call.method, call.payload),
    synchronous,
    attempts,
    parked: parked ?? null,
    ...wordsOf(entry),
    ...(parked === undefined && waitOf(parts, entry)),
  }
}

/** Why it cannot be tried now. */
function waitOf({ outbox }: Parts, entry: EffectEntry): object {
  const reason = outbox.obstacle(entry)
  return reason === undefined ? {} : { waits: reason }
}

/** What few effects have. */
function wordsOf({ name, dueMs, untilMs, answer, to, outward }: EffectEntry): object {
  return {
    ...(name !== undefined && { name }),
    ...(dueMs !== undefined && { due: new Date(dueMs).toISOString() }),
    ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
    ...(answer && { answer: { method: answer.method } }),
    ...(to && { isAnswer: true }),
    ...(outward && { connector: { key: outward.key, mayBeSent: outward.unsure } }),
  }
}

/** Of one that the clock caused. */
function scheduleOf({ cause, call: { metadata } }: EffectEntry): object {
  const named = cause.revision === 0 ? metadata.find(([name]) => name === scheduleName) : undefined
  return named === undefined ? {} : { schedule: named[1] }
}

function shownRequest(knows: Service | undefined, service: string, method: string, payload: Uint8Array): unknown {
  if (payload.length > shownMax) return { bytes: payload.length }
  const input = knows?.schema.services.get(service)?.methods.get(method)?.input.fullName
  return decode(knows, input, payload)
}

function requestOf(parts: Parts, { service: name, entity, revision }: EffectEntry['cause']): object {
  const service = parts.services.get(name)
  const command = service === undefined ? undefined : recordOf(parts, service, entity, revision)?.command
  if (command === undefined) return {}
  return { method: command.method, request: shownRequest(service, name, command.method, command.payload) }
}

function recordOf({ journal }: Parts, service: Service, id: string, revision: number): JournalRecord | undefined {
  if (!isEntityService(service)) return undefined
  try {
    const entity = resolveEntity({ journal }, service, id)
    const { records } =
      service.kind === 'value'
        ? journal.history(entity, revision - 1, 1, 1)
        : journal.records(entity, revision - 1, 1, 1)
    return records[0]?.revision === revision ? records[0] : undefined
  } catch (error) {
    // It was purged, its id means several, or it is damaged: the effect is worth seeing without it.
    if (error instanceof InnkeeperError) return undefined
    throw error
  }
}
