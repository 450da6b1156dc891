// Followers: the consumers of all partitions, each as one: for operators.
//
// Owns: adding up.   trimming.ts owns: how far one is behind.

import type { Consumer } from './consumers.ts'
import type { Trimming } from './trimming.ts'

export interface Follower {
  readonly name: string
  /** `rebuild` where it lost its place in any partition. */
  readonly state: Consumer['state']
  readonly commits: number
  readonly bytes: number
}

/** @param feeds by partition */
export function followers(feeds: readonly Pick<Trimming, 'behind'>[]): readonly Follower[] {
  const all = new Map<string, Follower>()
  for (const feed of feeds)
    for (const { name, state, commits, bytes } of feed.behind()) {
      const known = all.get(name)
      all.set(name, {
        name,
        state: known?.state === 'rebuild' ? 'rebuild' : state,
        commits: commits + (known?.commits ?? 0),
        bytes: bytes + (known?.bytes ?? 0),
      })
    }
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
