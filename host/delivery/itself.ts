// Itself: which entity an effect is for: whether it is the one that sent it, and the way from one to the other.

import type { EffectEntry } from '../effect.ts'
import { entityId } from '../key.ts'
import type { Services } from '../services.ts'
import { isEntityService } from '../services.ts'

/** An effect's target is the entity that caused it. */
export function goesToItself(services: Services, entry: EffectEntry): boolean {
  const { cause, call, to, outward } = entry
  if (to !== undefined) return true
  if (outward !== undefined) return false
  if (cause.entity === '' || call.service !== cause.service) return false
  return targetOf(services, entry) === cause.entity
}

/** From an entity to an entity, or to a connector; undefined where it is not so. */
export function laneOf(services: Services, entry: EffectEntry): string | undefined {
  const { cause, call, outward } = entry
  if (cause.entity === '') return undefined
  if (outward !== undefined) return [cause.service, cause.entity, call.service].join('\0')
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
