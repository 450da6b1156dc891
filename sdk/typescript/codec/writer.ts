// Writer: protobuf bytes into a growing buffer, one method for each scalar type. Generated code drives it.
//
// W1. A value that the field cannot hold exactly throws (RangeError, TypeError), it is never cut to fit.
// W2. Same value, same bytes: NaN has one form, maps are written in their own order (see below).
// W3. The buffer grows as needed, and is dropped again after a message beyond `keptBytesMax`.
//
// Maps keep insertion order instead of being sorted: a Map read back then iterates as the one that was written did. With
// sorted keys a state that was held and the same state decoded would iterate differently, and so could answer differently (law L6).

import { encodeText } from './text.ts'
import { unfitText } from './unfit.ts'

const keptBytesMax = 1024 * 1024
const scratch = new DataView(new ArrayBuffer(8))

export class Writer {
  private bytes = new Uint8Array(1024)
  private at = 0

  /** What was written since `reset`, as a copy. */
  finish(): Uint8Array {
    const result = this.bytes.slice(0, this.at)
    if (this.bytes.length > keptBytesMax) this.bytes = new Uint8Array(1024)
    return result
  }

  reset(): void {
    this.at = 0
  }

  /** Begin a length-delimited field. The answer goes to `close`. */
  open(tag: number): number {
    this.varint32(tag)
    this.reserve(1)
    return this.at++
  }

  close(start: number): void {
    const length = this.at - start - 1
    if (length < 128) {
      this.bytes[start] = length
      return
    }
    // One byte was kept for the length; most messages need no more.
    const extra = length < 16_384 ? 1 : length < 2_097_152 ? 2 : length < 268_435_456 ? 3 : 4
    this.reserve(extra)
    this.bytes.copyWithin(start + 1 + extra, start + 1, this.at)
    const end = this.at + extra
    this.at = start
    this.varint32(length)
    this.at = end
  }

  /** A tag, or any unsigned number below 2^32. */
  varint32(value: number): void {
    this.reserve(5)
    let rest = value
    while (rest > 127) {
      this.bytes[this.at++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.bytes[this.at++] = rest
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) throw unfit('uint32', value)
    this.varint32(value)
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw unfit('int32', value)
    if (value >= 0) this.varint32(value)
    else this.varint64(value >>> 0, 0xffffffff)
  }

  sint32(value: number): void {
    if ((value | 0) !== value) throw unfit('sint32', value)
    this.varint32(((value << 1) ^ (value >> 31)) >>> 0)
  }

  bool(value: boolean): void {
    if (typeof value !== 'boolean') throw unfit('bool', value)
    this.reserve(1)
    this.bytes[this.at++] = value ? 1 : 0
  }

  uint64(value: bigint): void {
    if (typeof value !== 'bigint' || value < 0n || value > 0xffffffffffffffffn) throw unfit('uint64', value)
    if (value <= 0x7fffffffn) this.varint32(Number(value))
    else this.varint64(Number(value & 0xffffffffn), Number(value >> 32n))
  }

  int64(value: bigint): void {
    // The usual case first: each comparison of bigints costs the interpreter as much as a few bytes.
    if (typeof value === 'bigint' && value >= 0n && value <= 0x7fffffffn) {
      this.varint32(Number(value))
      return
    }
    if (typeof value !== 'bigint' || value < -0x8000000000000000n || value > 0x7fffffffffffffffn)
      throw unfit('int64', value)
    this.varint64(Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn))
  }

  sint64(value: bigint): void {
    if (typeof value !== 'bigint' || value < -0x8000000000000000n || value > 0x7fffffffffffffffn)
      throw unfit('sint64', value)
    this.uint64(value >= 0n ? value << 1n : (-value << 1n) - 1n)
  }

  fixed32(value: number): void {
    if (value >>> 0 !== value) throw unfit('fixed32', value)
    this.word(value)
  }

  sfixed32(value: number): void {
    if ((value | 0) !== value) throw unfit('sfixed32', value)
    this.word(value)
  }

  fixed64(value: bigint): void {
    if (typeof value !== 'bigint' || value < 0n || value > 0xffffffffffffffffn) throw unfit('fixed64', value)
    this.word(Number(value & 0xffffffffn))
    this.word(Number(value >> 32n))
  }

  sfixed64(value: bigint): void {
    if (typeof value !== 'bigint' || value < -0x8000000000000000n || value > 0x7fffffffffffffffn)
      throw unfit('sfixed64', value)
    this.word(Number(value & 0xffffffffn))
    this.word(Number((value >> 32n) & 0xffffffffn))
  }

  float(value: number): void {
    if (typeof value !== 'number') throw unfit('float', value)
    if (Number.isNaN(value)) {
      this.word(0x7fc00000)
      return
    }
    scratch.setFloat32(0, value)
    this.word(scratch.getInt32(0))
  }

  double(value: number): void {
    if (typeof value !== 'number') throw unfit('double', value)
    if (Number.isNaN(value)) {
      this.word(0)
      this.word(0x7ff80000)
      return
    }
    scratch.setFloat64(0, value)
    this.word(scratch.getInt32(4))
    this.word(scratch.getInt32(0))
  }

  string(value: string): void {
    if (typeof value !== 'string') throw unfit('string', value)
    this.raw(encodeText(value))
  }

  raw(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) throw unfit('bytes', value)
    this.varint32(value.length)
    this.reserve(value.length)
    this.bytes.set(value, this.at)
    this.at += value.length
  }

  private varint64(lower: number, upper: number): void {
    this.reserve(10)
    const bytes = this.bytes
    let low = lower
    let high = upper
    while (high > 0) {
      bytes[this.at++] = (low & 127) | 128
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    this.varint32(low >>> 0)
  }

  private word(value: number): void {
    this.reserve(4)
    const bytes = this.bytes
    bytes[this.at++] = value
    bytes[this.at++] = value >>> 8
    bytes[this.at++] = value >>> 16
    bytes[this.at++] = value >>> 24
  }

  private reserve(length: number): void {
    const needed = this.at + length
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes)
    this.bytes = grown
  }
}

function unfit(type: string, value: unknown): Error {
  return new RangeError(unfitText(type, value))
}
