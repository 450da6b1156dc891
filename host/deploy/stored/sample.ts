// Sample: which stored entities a new version is tried on: the largest, the oldest and the last changed ones.
//
// Owns: choosing.   The census knows the largest and the oldest, the commits the last ones.

import { censusEntities } from '../../journal/census.ts'
import { isDamaged } from '../../journal/damage.ts'
import type { Journal, StorageId } from '../../journal/journal.ts'

/** Commits that are looked back for the last changed entities, and how many at once. */
const commitsMax = 20_000
const commitsAtOnce = 500

/** Keys, in turn one of each list, so that a trial which is cut short has tried some of all. */
export async function sampleOf(
  journal: Pick<Journal, 'census' | 'commits' | 'lastCommit'>,
  storage: StorageId,
): Promise<readonly string[]> {
  const largest = journal.census.largest(storage).map(([key]) => key)
  const lists = [largest, await lastChanged(journal, storage), journal.census.oldest(storage)]
  const keys = new Set<string>()
  for (let at = 0; at < censusEntities; at++) {
    for (const list of lists) {
      const key = list[at]
      if (key !== undefined) keys.add(key)
    }
  }
  return [...keys]
}

async function lastChanged(
  journal: Pick<Journal, 'commits' | 'lastCommit'>,
  storage: StorageId,
): Promise<readonly string[]> {
  const last = journal.lastCommit()
  const keys = new Set<string>()
  for (let to = last; to > Math.max(0, last - commitsMax) && keys.size < censusEntities; to -= commitsAtOnce) {
    const from = Math.max(0, to - commitsAtOnce)
    for (const { wrote } of readable(() => journal.commits(from, to - from)).toReversed()) {
      for (const { entity } of wrote.toReversed()) {
        if (entity.storage === storage && keys.size < censusEntities) keys.add(entity.key)
      }
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return [...keys]
}

/** Damage here hides entities from the sample, and is told where it is met by a call. */
function readable<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read()
  } catch (error) {
    if (isDamaged(error)) return []
    throw error
  }
}
