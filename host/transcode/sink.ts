// Sink: protobuf bytes on their way out, in one growing buffer.
//
// Lengths of nested messages are written after the fact: one byte is kept free, and what follows moves in the rare case
// that the length needs more.

export class Sink {
  private bytes = Buffer.allocUnsafe(256)
  private at = 0

  /** Start anew in the same buffer. */
  reset(): void {
    this.at = 0
  }

  /** Bytes since it started. */
  get size(): number {
    return this.at
  }

  finish(): Uint8Array {
    // A copy of the exact size: the sink's buffer is larger than most messages and would be kept alive with them.
    return Uint8Array.prototype.slice.call(this.bytes, 0, this.at)
  }

  varint(value: number): void {
    this.need(5)
    let rest = value >>> 0
    while (rest > 127) {
      this.bytes[this.at++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.bytes[this.at++] = rest
  }

  /** A whole number from 0 to 2^53 - 1. */
  varintSafe(value: number): void {
    if (value < 0x1_0000_0000) {
      this.varint(value)
      return
    }
    this.need(10)
    let rest = value
    while (rest > 127) {
      this.bytes[this.at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.bytes[this.at++] = rest
  }

  /** A 64-bit value, unsigned or as two's complement. */
  varint64(value: bigint): void {
    let rest = BigInt.asUintN(64, value)
    this.need(10)
    while (rest > 127n) {
      this.bytes[this.at++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.bytes[this.at++] = Number(rest)
  }

  fixed32(value: number): void {
    this.need(4)
    this.at = this.bytes.writeUInt32LE(value >>> 0, this.at)
  }

  fixed64(value: bigint): void {
    this.need(8)
    this.at = this.bytes.writeBigUInt64LE(BigInt.asUintN(64, value), this.at)
  }

  float(value: number): void {
    this.need(4)
    this.at = this.bytes.writeFloatLE(value, this.at)
  }

  double(value: number): void {
    this.need(8)
    this.at = this.bytes.writeDoubleLE(value, this.at)
  }

  /** Length-delimited text. */
  string(value: string): void {
    // UTF-16 to UTF-8 grows at most threefold.
    if (value.length < 42) {
      this.need(1 + value.length * 3)
      const written = this.bytes.write(value, this.at + 1)
      this.bytes[this.at] = written
      this.at += 1 + written
      return
    }
    const length = Buffer.byteLength(value)
    this.varint(length)
    this.need(length)
    this.at += this.bytes.write(value, this.at, length)
  }

  /** Length-delimited bytes. */
  view(value: Uint8Array): void {
    this.varint(value.length)
    this.raw(value)
  }

  raw(value: Uint8Array): void {
    this.need(value.length)
    this.bytes.set(value, this.at)
    this.at += value.length
  }

  /** Start of a length-delimited part; give what it returns to `close`. */
  open(): number {
    this.need(1)
    this.at += 1
    return this.at
  }

  close(start: number): void {
    const length = this.at - start
    if (length < 128) {
      this.bytes[start - 1] = length
      return
    }
    let more = 0
    for (let rest = length >>> 7; rest > 0; rest >>>= 7) more += 1
    this.need(more)
    this.bytes.copyWithin(start + more, start, this.at)
    const end = this.at + more
    this.at = start - 1
    this.varint(length)
    this.at = end
  }

  private need(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + count))
    this.bytes.copy(grown, 0, 0, this.at)
    this.bytes = grown
  }
}
