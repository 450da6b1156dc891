// Numbering: ids of effects, so that each tells the partition that it was given in.
//
// G1. Of so many partitions, number `index` gives the ids that leave `index` when they are divided by that count: 4, 8, 12 in partition 0 of 4;
//     1, 5, 9 in partition 1. With one partition these are 1, 2, 3.
// G2. An id is never 0.
//
// Owns: giving ids.   host/placement.ts owns: reading a partition from one.

export interface Numbering {
  readonly index: number
  readonly count: number
}

/** The only partition. */
export const alone: Numbering = { index: 0, count: 1 }

/** The first id behind `last`. */
export function nextOf({ index, count }: Numbering, last: number): number {
  const from = last + 1
  const behind = (index - (from % count) + count) % count
  return from + behind
}
