// Dot: the name of one thing that one replica did, (replica, counter), in one number.
//
// D1. A dot names one thing: one element of one set, one share of one counter, one presence of one key. So what a delta
//     covers and does not hold is gone wherever it was, and nothing else goes with it.
// D2. counter * 4096 + replica: while counters are below 524,288 a dot is a small integer of the engine, without a box.
//
// Owns: packing, and sets of dots that nearly always have one member.   Ids owns: which number a replica has.

export type Dot = number

/** Replicas of one entity, those that are gone included. */
export const replicasMax = 4096
export const counterMax = 2 ** 41 - 1

export function dotOf(replica: number, counter: number): Dot {
  return counter * replicasMax + replica
}

export function replicaOf(dot: Dot): number {
  return dot <= 0x7fff_ffff ? dot & 4095 : dot % replicasMax
}

export function counterOf(dot: Dot): number {
  return dot <= 0x7fff_ffff ? dot >>> 12 : Math.floor(dot / replicasMax)
}

/** One or more; a set without dots is `undefined`. Never changed in place. */
export type Dots = Dot | readonly Dot[]

export function countOf(dots: Dots | undefined): number {
  return dots === undefined ? 0 : typeof dots === 'number' ? 1 : dots.length
}

export function listOf(dots: Dots | undefined): readonly Dot[] {
  return dots === undefined ? [] : typeof dots === 'number' ? [dots] : dots
}

export function dotsOf(list: readonly Dot[]): Dots | undefined {
  return list.length > 1 ? list : list[0]
}
