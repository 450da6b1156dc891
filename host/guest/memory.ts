// Guest memory: the bytes that pointers point into, seen through views that are renewed when the memory grows.
//
// V1. After every call into the guest `refresh` comes before the next read or write: growing detaches the old buffer.
// V2. An address that the guest names is used only after it was found aligned and within the memory.
//
// Owns: views and ranges.   lower.ts and lift.ts own: what lies there.

import { GuestFault } from './guest.ts'

export class GuestMemory {
  /** Over the whole memory. Replaced by `refresh`. */
  bytes: Buffer
  words: DataView
  readonly #memory: WebAssembly.Memory
  #buffer: ArrayBuffer

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory
    this.#buffer = memory.buffer
    this.bytes = Buffer.from(this.#buffer)
    this.words = new DataView(this.#buffer)
  }

  refresh(): void {
    const buffer = this.#memory.buffer
    if (buffer === this.#buffer) return
    this.#buffer = buffer
    this.bytes = Buffer.from(buffer)
    this.words = new DataView(buffer)
  }

  u32(at: number): number {
    return this.words.getUint32(at, true)
  }

  /** @throws GuestFault `malformed` unless `count` items of `size` bytes lie at `pointer`, aligned. */
  check(pointer: number, count: number, size: number, align: number): void {
    // Below 2^53: both factors have 32 bits and sizes at most 7.
    if (pointer % align !== 0) throw new GuestFault('malformed', `the pointer ${pointer} is not aligned to ${align}`)
    if (pointer + count * size > this.bytes.length) {
      throw new GuestFault('malformed', `${count} × ${size} bytes at ${pointer} lie outside the memory`)
    }
  }
}
