// Writer: protobuf bytes into a growing buffer, one method for each scalar type. Generated code drives it.
//
// W1. Same value, same bytes: NaN has one form. A string with half of a surrogate pair traps, UTF-8 cannot carry it.
// W2. `finish` hands the buffer over; the writer is not used again.

import { Bytes } from './bytes'

/** Holds most events and replies; a buffer that is too small is copied. */
const firstBytes: usize = 64

@final
export class Writer {
  private start: usize = heap.alloc(firstBytes)
  private at: usize = 0
  private capacity: usize = firstBytes

  finish(): Bytes {
    return new Bytes(this.start, <i32>this.at)
  }

  /** Begin a length-delimited field. The answer goes to `close`. */
  open(tag: u32): usize {
    this.uint32(tag)
    this.reserve(1)
    return this.at++
  }

  close(start: usize): void {
    const length = this.at - start - 1
    if (length >= 128) {
      // One byte was kept for the length; most messages need no more.
      let extra: usize = 0
      for (let rest = length >>> 7; rest != 0; rest >>>= 7) extra++
      this.reserve(extra)
      memory.copy(this.start + start + 1 + extra, this.start + start + 1, length)
    }
    // Not by `uint32`: that may grow the buffer, and growing keeps what lies before `at` only.
    this.at = putVarint(this.start + start, <u64>length) - this.start + length
  }

  uint64(value: u64): void {
    this.reserve(10)
    this.at = putVarint(this.start + this.at, value) - this.start
  }

  @inline
  uint32(value: u32): void {
    this.uint64(<u64>value)
  }

  /** Negative numbers take ten bytes, as in every protobuf. */
  @inline
  int32(value: i32): void {
    this.uint64(<u64>(<i64>value))
  }

  @inline
  int64(value: i64): void {
    this.uint64(<u64>value)
  }

  sint32(value: i32): void {
    this.uint32(<u32>((value << 1) ^ (value >> 31)))
  }

  sint64(value: i64): void {
    this.uint64(<u64>((value << 1) ^ (value >> 63)))
  }

  bool(value: bool): void {
    this.uint64(value ? 1 : 0)
  }

  fixed32(value: u32): void {
    this.reserve(4)
    store<u32>(this.start + this.at, value)
    this.at += 4
  }

  fixed64(value: u64): void {
    this.reserve(8)
    store<u64>(this.start + this.at, value)
    this.at += 8
  }

  sfixed32(value: i32): void {
    this.fixed32(<u32>value)
  }

  sfixed64(value: i64): void {
    this.fixed64(<u64>value)
  }

  float(value: f32): void {
    this.fixed32(isNaN(value) ? 0x7fc00000 : reinterpret<u32>(value))
  }

  double(value: f64): void {
    this.fixed64(isNaN(value) ? 0x7ff8000000000000 : reinterpret<u64>(value))
  }

  string(value: string): void {
    const length = String.UTF8.byteLength(value)
    this.uint32(<u32>length)
    this.reserve(<usize>length)
    String.UTF8.encodeUnsafe(changetype<usize>(value), value.length, this.start + this.at, false, String.UTF8.ErrorMode.ERROR)
    this.at += <usize>length
  }

  raw(value: Bytes): void {
    this.uint32(<u32>value.length)
    this.reserve(<usize>value.length)
    memory.copy(this.start + this.at, value.pointer, <usize>value.length)
    this.at += <usize>value.length
  }

  private reserve(length: usize): void {
    const needed = this.at + length
    if (needed <= this.capacity) return
    this.capacity = max(needed, this.capacity * 2)
    const grown = heap.alloc(this.capacity)
    memory.copy(grown, this.start, this.at)
    this.start = grown
  }
}

/** @returns where it ends. */
function putVarint(pointer: usize, value: u64): usize {
  let at = pointer
  let rest = value
  while (rest > 127) {
    store<u8>(at++, <u8>(rest & 127) | 128)
    rest >>>= 7
  }
  store<u8>(at++, <u8>rest)
  return at
}

/** For generated code: -0 and NaN are values that a message tells. */
export function isPlusZero<T extends number>(value: T): bool {
  return sizeof<T>() == 4 ? reinterpret<u32>(<f32>value) == 0 : reinterpret<u64>(<f64>value) == 0
}
