// Bytes: a read-only view of bytes that belong to the current call, and the texts that the host hands over.
//
// B1. Reads outside the view trap. Nothing writes through it, so a state can share bytes with what it was read from.

/** Bytes of the current call. Not to be kept in a module-level variable. */
@final
export class Bytes {
  constructor(
    readonly pointer: usize,
    readonly length: i32,
  ) {}

  static empty(): Bytes {
    return none
  }

  /** Shares the array's bytes. */
  static of(array: StaticArray<u8>): Bytes {
    return new Bytes(changetype<usize>(array), array.length)
  }

  /** UTF-8. */
  static fromText(text: string): Bytes {
    const length = String.UTF8.byteLength(text)
    const pointer = heap.alloc(<usize>length)
    String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, pointer, false, String.UTF8.ErrorMode.REPLACE)
    return new Bytes(pointer, length)
  }

  @operator('[]')
  at(index: i32): u8 {
    if (<u32>index >= <u32>this.length) throw new RangeError('outside the bytes')
    return load<u8>(this.pointer + <usize>index)
  }

  /** A part, without copying. */
  slice(from: i32, to: i32 = this.length): Bytes {
    if (from < 0 || from > to || to > this.length) throw new RangeError('outside the bytes')
    return new Bytes(this.pointer + <usize>from, to - from)
  }

  /** Whether these are the characters of an ASCII literal: names are compared without decoding them. */
  is(ascii: string): bool {
    const length = this.length
    if (length != ascii.length) return false
    const characters = changetype<usize>(ascii)
    for (let i = 0; i < length; i++) {
      if (<u16>load<u8>(this.pointer + <usize>i) != load<u16>(characters + ((<usize>i) << 1))) return false
    }
    return true
  }

  equals(other: Bytes): bool {
    return this.length == other.length && memory.compare(this.pointer, other.pointer, <usize>this.length) == 0
  }

  /** The text that these bytes are the UTF-8 of. Check with `isText` where they come from outside. */
  toString(): string {
    return this.length == 0 ? '' : String.UTF8.decodeUnsafe(this.pointer, <usize>this.length)
  }

  /** Whether they are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
  isText(): bool {
    let at = this.pointer
    const end = at + <usize>this.length
    while (at < end) {
      const first = load<u8>(at++)
      if (first < 0x80) continue
      const more: usize = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0
      if (more == 0 || more > end - at) return false
      const second = load<u8>(at)
      const low: u8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80
      const high: u8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf
      if (second < low || second > high) return false
      for (let i: usize = 1; i < more; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return false
      at += more
    }
    return true
  }
}

const none = new Bytes(16, 0)
