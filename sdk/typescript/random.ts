// Random: a sequence that depends on nothing but the command's seed (sfc32, 128 bits of state).
//
// Same command, same numbers, so a decision can be made again from the journal. Not for secrets: whoever reads the journal
// knows the sequence.

export type Seed = readonly [number, number, number, number]

export class Random {
  private a: number
  private b: number
  private c: number
  private counter: number

  constructor(seed: Seed) {
    ;[this.a, this.b, this.c, this.counter] = seed
    // sfc32 mixes the seed in over its first rounds.
    for (let round = 0; round < 12; round++) this.word()
  }

  /** 32 bits. */
  word(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** At least 0, below 1, 53 bits. */
  fraction(): number {
    const high = this.word() >>> 5
    return (high * 67_108_864 + (this.word() >>> 6)) / 9_007_199_254_740_992
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let index = 0; index < length; index++) bytes[index] = this.word() >>> 24
    return bytes
  }

  /** Version 4, RFC 9562. */
  uuid(): string {
    const bytes = this.bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    let text = ''
    for (let index = 0; index < 16; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) text += '-'
      text += bytes[index]!.toString(16).padStart(2, '0')
    }
    return text
  }
}
