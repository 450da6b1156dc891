// Reader: a cursor over protobuf bytes, one method for each scalar type. Generated code drives it.
//
// R1. Never reads past `end`, the end of the innermost open message. Truncation, overlong varints, groups, field number 0
//     and wire types 6 and 7 throw MalformedError.
// R2. At most `depthMax` messages are open at once, so hostile nesting cannot exhaust the stack.
// R3. 64-bit values are exact bigints; below 2^28 no bigint arithmetic is spent on them.

import { MalformedError } from './errors.ts'
import { decodeText } from './text.ts'

/** protobuf's own default in most languages. */
const depthMax = 100

const scratch = new DataView(new ArrayBuffer(8))

export class Reader {
  end: number
  at = 0
  private readonly bytes: Uint8Array
  private depth = 0

  constructor(bytes: Uint8Array) {
    // Node's Buffer has a `slice` that shares memory; what is handed out must be a copy.
    this.bytes = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.end = bytes.length
  }

  /** The next field's number and wire type. */
  tag(): number {
    const byte = this.bytes[this.at]!
    if (byte < 128 && this.at < this.end) {
      if (byte < 8) throw new MalformedError('a field has number 0')
      this.at++
      return byte
    }
    const start = this.at
    const tag = this.uint32()
    if (this.at - start > 5 || tag >>> 3 === 0) throw new MalformedError('a tag is no field number')
    return tag
  }

  /** Pass over a field that the message does not know, or knows with another wire type. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint()
        return
      case 1:
        this.take(8)
        return
      case 2:
        this.take(this.length())
        return
      case 5:
        this.take(4)
        return
      case 3:
      case 4:
        throw new MalformedError('groups are not supported')
      default:
        throw new MalformedError(`wire type ${tag & 7} does not exist`)
    }
  }

  /** Begin an embedded message or a packed list. The answer goes to `leave`. */
  enter(): number {
    const length = this.length()
    const outer = this.end
    if (length > outer - this.at) throw truncated()
    if (++this.depth > depthMax) throw new MalformedError(`messages are nested more than ${depthMax} deep`)
    this.end = this.at + length
    return outer
  }

  leave(outer: number): void {
    this.depth--
    this.end = outer
  }

  uint32(): number {
    const byte = this.bytes[this.at]!
    if (byte < 128 && this.at < this.end) {
      this.at++
      return byte
    }
    this.varint()
    return low >>> 0
  }

  int32(): number {
    return this.uint32() | 0
  }

  sint32(): number {
    const value = this.uint32()
    return (value >>> 1) ^ -(value & 1)
  }

  bool(): boolean {
    this.varint()
    return low !== 0 || high !== 0
  }

  uint64(): bigint {
    this.varint()
    return unsigned(low, high)
  }

  int64(): bigint {
    this.varint()
    return signed(low, high)
  }

  sint64(): bigint {
    this.varint()
    const sign = -(low & 1)
    return signed(((low >>> 1) | (high << 31)) ^ sign, (high >>> 1) ^ sign)
  }

  fixed32(): number {
    return this.word() >>> 0
  }

  sfixed32(): number {
    return this.word()
  }

  fixed64(): bigint {
    const lower = this.word()
    return unsigned(lower, this.word())
  }

  sfixed64(): bigint {
    const lower = this.word()
    return signed(lower, this.word())
  }

  float(): number {
    scratch.setInt32(0, this.word())
    return scratch.getFloat32(0)
  }

  double(): number {
    const lower = this.word()
    scratch.setInt32(4, lower)
    scratch.setInt32(0, this.word())
    return scratch.getFloat64(0)
  }

  string(): string {
    const length = this.length()
    const start = this.take(length)
    return length === 0 ? '' : decodeText(this.bytes, start, this.at)
  }

  /** A copy. */
  raw(): Uint8Array {
    const length = this.length()
    const start = this.take(length)
    return this.bytes.slice(start, this.at)
  }

  private length(): number {
    const byte = this.bytes[this.at]!
    if (byte < 128 && this.at < this.end) {
      this.at++
      return byte
    }
    this.varint()
    if (high !== 0) throw truncated()
    return low >>> 0
  }

  /** Leaves the value in `low` and `high`: one allocation less than a pair. */
  private varint(): void {
    const bytes = this.bytes
    const end = this.end
    let at = this.at
    let shift = 0
    low = 0
    high = 0
    for (;;) {
      if (at >= end) throw truncated()
      const byte = bytes[at++]!
      if (shift < 28) low |= (byte & 127) << shift
      else if (shift === 28) {
        low |= (byte & 127) << 28
        high = (byte & 127) >>> 4
      } else high |= (byte & 127) << (shift - 32)
      if (byte < 128) break
      shift += 7
      if (shift > 63) throw new MalformedError('a varint has more than ten bytes')
    }
    this.at = at
  }

  private word(): number {
    const start = this.take(4)
    const bytes = this.bytes
    return bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24)
  }

  private take(length: number): number {
    const start = this.at
    if (length > this.end - start) throw truncated()
    this.at = start + length
    return start
  }
}

let low = 0
let high = 0

function unsigned(lower: number, upper: number): bigint {
  if (upper === 0) return BigInt(lower >>> 0)
  return (BigInt(upper >>> 0) << 32n) | BigInt(lower >>> 0)
}

function signed(lower: number, upper: number): bigint {
  if (upper === 0) return BigInt(lower >>> 0)
  return (BigInt(upper | 0) << 32n) | BigInt(lower >>> 0)
}

function truncated(): MalformedError {
  return new MalformedError('the message is cut off')
}
