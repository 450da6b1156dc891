// Growing: bytes that arrive in pieces, in one buffer that grows.
//
// G1. It takes at most twice what came, however small the pieces: a piece of one byte that is kept costs hundreds, and more where it is a part of a
//     larger buffer.
// G2. What came in one piece is not copied.

const empty = Buffer.alloc(0)

export class Growing {
  private buffer: Buffer = empty
  private size = 0

  get length(): number {
    return this.size
  }

  push(piece: Buffer): void {
    if (this.size === 0) {
      this.buffer = piece
      this.size = piece.length
      return
    }
    const size = this.size + piece.length
    if (size > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.size))
      this.buffer.copy(larger, 0, 0, this.size)
      this.buffer = larger
    }
    piece.copy(this.buffer, this.size)
    this.size = size
  }

  /** All of it, without a copy. */
  get bytes(): Buffer {
    return this.buffer.length === this.size ? this.buffer : this.buffer.subarray(0, this.size)
  }

  /** Takes the first so many bytes off. They share memory with the rest, which is never written again. */
  shift(count: number): Buffer {
    const first = this.buffer.subarray(0, count)
    // Cut to its end: the next piece makes a new buffer.
    this.buffer = this.buffer.subarray(count, this.size)
    this.size -= count
    return first
  }

  clear(): void {
    this.buffer = empty
    this.size = 0
  }
}
