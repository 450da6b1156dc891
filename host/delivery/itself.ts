// Itself: whether an effect goes to the entity that sent it.

import type { EffectEntry } from '../effect.ts'
import { entityId } from '../key.ts'
import type { Services } from '../services.ts'

/** An effect's target is the entity that caused it. What names no entity goes nowhere, and so not there. */
export function goesToItself(services: Services, { cause, call, to }: EffectEntry): boolean {
  if (to !== undefined) return true
  if (cause.entity === '' || call.service !== cause.service) return false
  const service = services.get(call.service)
  const method = service?.methods.get(call.method)
  if (service === undefined || service.kind === 'action' || method === undefined) return false
  try {
    return entityId(method.keyOf(call.payload), service.keyFieldCount) === cause.entity
  } catch {
    return false
  }
}
