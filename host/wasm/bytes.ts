// Bytes: reading and writing the WebAssembly binary format, strictly.
//
// B1. A read past the end, an overlong or out-of-range LEB128 is a `BinaryError`, never a wrong number.
// B2. Nothing is allocated by a length that was only claimed: views are cut after the length was found to fit.
//
// Owns: integers and ranges.   sections.ts owns: what they mean.

/** The bytes are not the format they claim to be. */
export class BinaryError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BinaryError'
  }
}

export class ByteReader {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** Another reader of what is left. */
  fork(): ByteReader {
    return new ByteReader(this.bytes, this.at, this.end)
  }

  get done(): boolean {
    return this.at >= this.end
  }

  byte(): number {
    if (this.at >= this.end) throw new BinaryError('unexpected end of bytes')
    return this.bytes[this.at++]!
  }

  peek(): number {
    if (this.at >= this.end) throw new BinaryError('unexpected end of bytes')
    return this.bytes[this.at]!
  }

  /** Unsigned LEB128 of at most 32 bits. */
  u32(): number {
    let result = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      if (shift === 28 && byte > 0x0f) throw new BinaryError('integer over 32 bits')
      result += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return result
    }
    throw new BinaryError('integer over 32 bits')
  }

  /** Signed LEB128 of at most 32 bits, as `i32.const` has it. */
  s32(): number {
    let result = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      // Of the fifth, three bits repeat the sign.
      if (shift === 28 && (byte & 0x78) !== 0 && (byte & 0x78) !== 0x78) throw new BinaryError('integer over 32 bits')
      result |= (byte & 0x7f) << shift
      if (byte < 0x80) return shift < 28 && (byte & 0x40) !== 0 ? result | (-1 << (shift + 7)) : result
    }
    throw new BinaryError('integer over 32 bits')
  }

  /** Step over a LEB128 of at most `bits` bits whose value does not matter. */
  skipLeb(bits: number): void {
    for (let read = 0; read < bits; read += 7) if (this.byte() < 0x80) return
    throw new BinaryError(`integer over ${bits} bits`)
  }

  skip(length: number): void {
    if (length > this.end - this.at) throw new BinaryError('unexpected end of bytes')
    this.at += length
  }

  /** A view of the next `length` bytes, not a copy. */
  take(length: number): Uint8Array {
    const from = this.at
    this.skip(length)
    return this.bytes.subarray(from, this.at)
  }

  /** A length-prefixed UTF-8 name. */
  name(): string {
    const raw = this.take(this.u32())
    try {
      return strictText.decode(raw)
    } catch {
      throw new BinaryError('a name is not UTF-8')
    }
  }
}

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const toUtf8 = new TextEncoder()

/** Grows by doubling; `finish` gives the bytes. */
export class ByteWriter {
  #bytes: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(16, capacity))
  }

  get length(): number {
    return this.#length
  }

  byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  u32(value: number): void {
    this.#room(5)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  /** Signed LEB128 of an i32, as `i32.const` takes it. */
  s32(value: number): void {
    this.#room(5)
    let rest = value
    for (;;) {
      const low = rest & 0x7f
      rest >>= 7
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
        this.#bytes[this.#length++] = low
        return
      }
      this.#bytes[this.#length++] = low | 0x80
    }
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  name(text: string): void {
    const encoded = toUtf8.encode(text)
    this.u32(encoded.length)
    this.raw(encoded)
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
