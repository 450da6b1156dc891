// Types: event types that are stored and that a new version does not fold: every entity that has one would be stuck.

import type { StoredType } from '../../journal/census.ts'
import { entityId } from '../../schema/entity-key.ts'

/** A reason for each. `events`: types that the version folds. */
export function missingTypes(
  service: string,
  events: readonly string[],
  stored: readonly StoredType[],
  keyFieldCount: number,
): readonly string[] {
  return stored
    .filter(({ name, count }) => count > 0 && !events.includes(name))
    .map(({ name, count, entity, sequence }) => {
      const id = JSON.stringify(entityId(entity, keyFieldCount))
      const many = count === 1 ? '1 event' : `${count.toLocaleString('en-US')} events`
      return (
        `${service}: ${many} of type ${name} ${count === 1 ? 'is' : 'are'} stored, which this version does not fold ` +
        `(the first: event ${sequence} of entity ${id}); keep its message and its evolve (--force overrides)`
      )
    })
}
