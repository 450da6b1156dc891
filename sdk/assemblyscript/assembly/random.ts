// Random: a sequence that depends on nothing but the command's seed (sfc32, 128 bits of state): the TypeScript SDK's numbers.
//
// Same command, same numbers, so a decision can be made again from the journal. Not for secrets.

import { Bytes } from './bytes'

@final
export class Random {
  private a: u32
  private b: u32
  private c: u32
  private counter: u32

  /** `seed`: where its four words lie. */
  constructor(seed: usize) {
    this.a = load<u32>(seed)
    this.b = load<u32>(seed, 4)
    this.c = load<u32>(seed, 8)
    this.counter = load<u32>(seed, 12)
    // sfc32 mixes the seed in over its first rounds.
    for (let round = 0; round < 12; round++) this.word()
  }

  word(): u32 {
    const sum = this.a + this.b + this.counter++
    this.a = this.b ^ (this.b >>> 9)
    this.b = this.c + (this.c << 3)
    this.c = rotl(this.c, 21) + sum
    return sum
  }

  /** At least 0, below 1, 53 bits. */
  fraction(): f64 {
    const high = <f64>(this.word() >>> 5)
    return (high * 67_108_864 + <f64>(this.word() >>> 6)) / 9_007_199_254_740_992
  }

  bytes(length: i32): Bytes {
    if (length < 0) throw new RangeError('a length below 0')
    const pointer = heap.alloc(<usize>length)
    for (let i = 0; i < length; i++) store<u8>(pointer + <usize>i, <u8>(this.word() >>> 24))
    return new Bytes(pointer, length)
  }

  /** Version 4, RFC 9562. */
  uuid(): string {
    const bytes = this.bytes(16)
    store<u8>(bytes.pointer, (bytes[6] & 0x0f) | 0x40, 6)
    store<u8>(bytes.pointer, (bytes[8] & 0x3f) | 0x80, 8)
    let text = ''
    for (let i = 0; i < 16; i++) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text += '-'
      text += bytes[i].toString(16).padStart(2, '0')
    }
    return text
  }
}
