// Placement: which partition an entity, an effect or a call of an action belongs to.
//
// P1. An entity's partition follows from its storage id and key alone, and is the same for ever: a directory keeps its number of partitions.
// P2. An effect belongs to the partition that gave its id. A call of an action stores nothing but effects: these lie in the partition of the effect
//     that it delivers, so that both are in one commit; else in that of its request id.

import { crc32 } from 'node:zlib'

export class Placement {
  readonly count: number

  constructor(count: number) {
    this.count = count
  }

  ofEntity(storage: number, key: string): number {
    return this.count === 1 ? 0 : crc32(key, storage) % this.count
  }

  ofEffect(id: number): number {
    return id % this.count
  }

  ofCall({
    effect,
    requestId,
  }: {
    readonly effect: { readonly id: number } | undefined
    readonly requestId: string
  }): number {
    if (this.count === 1) return 0
    return effect === undefined ? crc32(requestId) % this.count : this.ofEffect(effect.id)
  }
}
