// Chances: a stream of numbers that a seed makes, the same in each run. Two streams of one seed do not disturb each other.

import { createHash } from 'node:crypto'

export class Chances {
  private readonly state: Uint32Array
  private readonly name: string

  constructor(seed: number, name: string) {
    this.name = `${seed}/${name}`
    const { buffer, byteOffset } = createHash('sha256').update(this.name).digest()
    this.state = new Uint32Array(buffer.slice(byteOffset, byteOffset + 16))
  }

  /** A stream of its own. */
  fork(name: string): Chances {
    return new Chances(this.u32(), `${this.name}/${name}`)
  }

  /** xoshiro128**. */
  u32(): number {
    const s = this.state
    const mixed = Math.imul(rotated(Math.imul(s[1]!, 5), 7), 9) >>> 0
    const shifted = s[1]! << 9
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= shifted
    s[3] = rotated(s[3]!, 11)
    return mixed
  }

  /** A whole number from 0 to less than `bound`. */
  below(bound: number): number {
    return Math.floor((this.u32() / 2 ** 32) * bound)
  }

  percent(of: number): boolean {
    return this.below(10_000) < of * 100
  }

  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
