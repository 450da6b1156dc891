// Random: chance that can be had again: all that a case does follows from its seed.

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** 32 bits (splitmix32). */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }

  /** From 0 to below `max`. */
  below(max: number): number {
    return Math.floor((this.word() / 2 ** 32) * max)
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }

  /** A number that stands at some edge or beside it, or any. */
  edge(): number {
    if (this.once(6)) return this.word()
    return (this.pick(edges) + (this.once(3) ? this.below(3) - 1 : 0)) >>> 0
  }
}

const edges = [
  ...[0, 1, 2, 3, 4, 7, 16, 64, 127, 128, 255, 256, 1000, 4096, 65_535, 65_536, 100_000],
  // Addresses, up to the end of the puppet's memory.
  ...[
    0x1ffff80, 0x1ffffc0, 0x1ffffe0, 0x1fffff0, 0x1fffff8, 0x1fffffc, 0x10000, 0x12000, 0x1ffff, 0x800000, 0x2000000,
    0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff,
  ],
]
