// Sample: which stored entities a new version is tried on: the largest, the oldest and the last changed ones.
//
// Owns: choosing.   The census knows all three.

import { censusEntities } from '../../journal/counts.ts'
import type { StorageId } from '../../journal/journal.ts'
import type { Stored } from '../../journal/stored.ts'

/** Keys, in turn one of each list, so that a trial which is cut short has tried some of all. */
export function sampleOf({ census }: Pick<Stored, 'census'>, storage: StorageId): readonly string[] {
  const lists = [census.largest(storage).map(([key]) => key), census.newest(storage), census.oldest(storage)]
  const keys = new Set<string>()
  for (let at = 0; at < censusEntities; at++) {
    for (const list of lists) {
      const key = list[at]
      if (key !== undefined) keys.add(key)
    }
  }
  return [...keys]
}
