// Itself: which entity an effect is for: whether it is the one that sent it, and the way from one to the other.

import type { EffectEntry } from '../effect.ts'
import { entityId } from '../key.ts'
import type { Services } from '../services.ts'
import { isEntityService } from '../services.ts'

/** An effect's target is the entity that caused it. */
export function goesToItself(services: Services, entry: EffectEntry): boolean {
  const { cause, call, to } = entry
  if (to !== undefined) return true
  if (cause.entity === '' || call.service !== cause.service) return false
  return targetOf(services, entry) === cause.entity
}

/** From an entity to an entity; undefined where it is not so. */
export function laneOf(services: Services, entry: EffectEntry): string | undefined {
  const { cause, call } = entry
  if (cause.entity === '') return undefined
  const target = targetOf(services, entry)
  return target && [cause.service, cause.entity, call.service, target].join('\0')
}

/** Outward id of the entity; undefined: it names none, and so goes nowhere. */
function targetOf(services: Services, { call, to }: EffectEntry): string | undefined {
  const service = services.get(call.service)
  const method = service?.methods.get(call.method)
  if (service === undefined || !isEntityService(service) || method === undefined) return undefined
  if (to !== undefined) return entityId(to.key, service.keyFieldCount)
  try {
    return entityId(method.keyOf(call.payload), service.keyFieldCount)
  } catch {
    return undefined
  }
}
