// Sample: which stored entities a new version is tried on: the largest, the oldest and the last changed ones.
//
// Owns: choosing.   The census knows the largest and the oldest, the commits the last ones.

import { censusEntities } from '../../journal/census.ts'
import type { StorageId } from '../../journal/journal.ts'
import type { Stored } from '../../journal/stored.ts'

/** Keys, in turn one of each list, so that a trial which is cut short has tried some of all. */
export async function sampleOf(
  journal: Pick<Stored, 'census' | 'lastChanged'>,
  storage: StorageId,
): Promise<readonly string[]> {
  const largest = journal.census.largest(storage).map(([key]) => key)
  const lists = [largest, await journal.lastChanged(storage, censusEntities), journal.census.oldest(storage)]
  const keys = new Set<string>()
  for (let at = 0; at < censusEntities; at++) {
    for (const list of lists) {
      const key = list[at]
      if (key !== undefined) keys.add(key)
    }
  }
  return [...keys]
}
