// Ids: the replicas that one entity knows, each with a small number for its dots.
//
// I1. Numbers are private to one Replica in memory: bytes carry a table of names (encode.ts).
// I2. A name without dots is harmless: nothing that is encoded or shown mentions it.
//
// Owns: names and numbers.   Context owns: what is known of each.

import { replicasMax } from './dot.ts'

/** 1 to 64 printable ASCII characters. */
export type ReplicaId = string

const valid = /^[ -~]{1,64}$/

export class Ids {
  readonly names: ReplicaId[] = []
  private readonly numbers = new Map<ReplicaId, number>()

  /** The number of this replica, a new one if need be; undefined where there are `replicasMax` already. */
  intern(name: ReplicaId): number | undefined {
    const known = this.numbers.get(name)
    if (known !== undefined) return known
    if (!valid.test(name)) throw new TypeError('a replica id has 1 to 64 printable ASCII characters')
    if (this.names.length === replicasMax) return undefined
    this.numbers.set(name, this.names.length)
    return this.names.push(name) - 1
  }

  find(name: ReplicaId): number | undefined {
    return this.numbers.get(name)
  }

  /** Forget the numbers from `count` on, which nothing uses yet. */
  cut(count: number): void {
    for (const name of this.names.splice(count)) this.numbers.delete(name)
  }
}

export function isReplicaId(name: string): boolean {
  return valid.test(name)
}
