// Wire: a cursor over protobuf bytes that came from somebody else.
//
// W1. Never reads past its end: whatever is cut, overlong or of an unknown wire type throws WireError with the offset.
// W2. Strings are strict UTF-8.
// W3. Views, not copies: `bytes()` shares memory with the input.
//
// Owns: tags, varints, lengths.   The walkers (load.ts, transcode, entity-key) own: what a field means.

import type { ScalarType } from './schema.ts'

export class WireError extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`)
    this.name = 'WireError'
    this.offset = offset
  }
}

export const wireType = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const

/** The wire type that a scalar has outside of packed lists. */
export function wireTypeOfScalar(type: ScalarType): number {
  switch (type) {
    case 'string':
    case 'bytes':
      return wireType.bytes
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return wireType.fixed64
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return wireType.fixed32
    default:
      return wireType.varint
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class WireCursor {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  get done(): boolean {
    return this.at >= this.end
  }

  /** A field's tag: number times 8 plus wire type. @throws WireError for field number 0 or above 2^29 - 1. */
  tag(): number {
    const start = this.at
    const tag = this.varint32()
    if (tag >>> 3 === 0) throw new WireError('field number 0', start)
    return tag
  }

  /** A varint as an unsigned 32-bit number; the bits above are dropped, as protobuf says for 32-bit types. */
  varint32(): number {
    const { bytes, end } = this
    let at = this.at
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw new WireError('cut varint', this.at)
      const byte = bytes[at++]!
      if (shift < 32) value |= (byte & 127) << shift
      if (byte < 128) {
        this.at = at
        return value >>> 0
      }
    }
    throw new WireError('varint of more than 10 bytes', this.at)
  }

  /** A varint as an unsigned 64-bit number. */
  varint64(): bigint {
    const { bytes, end } = this
    let at = this.at
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw new WireError('cut varint', this.at)
      const byte = bytes[at++]!
      const bits = byte & 127
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else if (shift < 64) high |= bits << (shift - 32)
      if (byte < 128) {
        this.at = at
        return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
      }
    }
    throw new WireError('varint of more than 10 bytes', this.at)
  }

  /** A varint as an unsigned 64-bit number, which is a bigint only beyond 2^53 - 1. */
  varintExact(): number | bigint {
    const { bytes, end } = this
    let value = 0
    let unit = 1
    // Seven bytes have 49 bits, which a double holds.
    for (let at = this.at; at < this.at + 7; at++) {
      if (at >= end) throw new WireError('cut varint', this.at)
      const byte = bytes[at]!
      value += (byte & 127) * unit
      if (byte < 128) {
        this.at = at + 1
        return value
      }
      unit *= 128
    }
    const long = this.varint64()
    return long > 0x1f_ffff_ffff_ffffn ? long : Number(long)
  }

  /** A varint that is a whole number up to 2^53 - 1. @throws WireError if it is larger. */
  varintSafe(): number {
    const start = this.at
    const value = this.varint64()
    if (value > 0x1f_ffff_ffff_ffffn) throw new WireError('a number beyond 2^53', start)
    return Number(value)
  }

  fixed32(): number {
    const at = this.need(4)
    const { bytes } = this
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  }

  fixed64(): bigint {
    const low = this.fixed32()
    return (BigInt(this.fixed32()) << 32n) | BigInt(low)
  }

  /** A length-delimited field's bytes, as a view. */
  view(): Uint8Array {
    const end = this.length()
    const start = this.at
    this.at = end
    return this.bytes.subarray(start, end)
  }

  /** @throws WireError if the bytes are not UTF-8. */
  string(): string {
    const start = this.at
    const view = this.view()
    try {
      return utf8.decode(view)
    } catch {
      throw new WireError('a string that is not UTF-8', start)
    }
  }

  /** Where the length-delimited field that starts here ends; the cursor stands at its first byte. */
  length(): number {
    const start = this.at
    const length = this.varint32()
    if (length > this.end - this.at)
      throw new WireError(`a length of ${length} where ${this.end - this.at} bytes are left`, start)
    return this.at + length
  }

  /** Skip the value of a field. Groups are skipped whole, nested at most `depthMax` deep. */
  skip(type: number, depthMax = 32): void {
    switch (type) {
      case wireType.varint:
        this.varint32()
        return
      case wireType.fixed64:
        this.need(8)
        return
      case wireType.bytes:
        this.at = this.length()
        return
      case wireType.fixed32:
        this.need(4)
        return
      case wireType.startGroup:
        if (depthMax === 0) throw new WireError('groups nested too deep', this.at)
        for (;;) {
          const tag = this.tag()
          if ((tag & 7) === wireType.endGroup) return
          this.skip(tag & 7, depthMax - 1)
        }
      default:
        throw new WireError(`wire type ${type}`, this.at)
    }
  }

  private need(count: number): number {
    const at = this.at
    if (this.end - at < count) throw new WireError('cut value', at)
    this.at = at + count
    return at
  }
}

/** A length-delimited field. `tag`: of one byte. */
export function sized(tag: number, bytes: Uint8Array): readonly [head: Uint8Array, bytes: Uint8Array] {
  const head = [tag]
  let length = bytes.length
  for (; length > 127; length >>>= 7) head.push((length & 127) | 128)
  head.push(length)
  return [Uint8Array.from(head), bytes]
}

/** What to put in place of a field's bytes; null: nothing; undefined: they stay. */
type Edit = (field: number) => ((bytes: Uint8Array) => Uint8Array) | null | undefined

/** A message with other bytes in place of some of its length-delimited fields, or without them. @throws WireError */
export function edited(bytes: Uint8Array, decide: Edit): Uint8Array {
  const cursor = new WireCursor(bytes)
  const parts: Uint8Array[] = []
  while (!cursor.done) {
    const start = cursor.at
    const tag = cursor.tag()
    const decided = (tag & 7) === wireType.bytes ? decide(tag >>> 3) : undefined
    if (decided === undefined || decided === null) {
      cursor.skip(tag & 7)
      if (decided === undefined) parts.push(bytes.subarray(start, cursor.at))
    } else parts.push(...sized(tag, decided(cursor.view())))
  }
  return new Uint8Array(Buffer.concat(parts))
}
