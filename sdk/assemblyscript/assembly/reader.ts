// Reader: a cursor over protobuf bytes, one method for each scalar type. Generated code drives it.
//
// R1. Never reads past `end`, the end of the innermost open message. AssemblyScript has no exceptions to catch, so the first
//     thing that is wrong is noted in `problem` and everything after it reads as the end. The words are the TypeScript SDK's.
// R2. At most `depthMax` messages are open at once, so hostile nesting cannot exhaust the stack.
// R3. Strings are well-formed UTF-8.

import { Bytes } from './bytes'

/** protobuf's own default in most languages. */
const depthMax = 100

@final
export class Reader {
  /** What is wrong with the bytes; null as long as nothing is. */
  problem: string | null = null
  private depth: i32 = 0
  private at: usize
  private end: usize

  constructor(bytes: Bytes) {
    this.at = bytes.pointer
    this.end = bytes.pointer + <usize>bytes.length
  }

  @inline
  more(): bool {
    return this.at < this.end
  }

  /** The next field's number and wire type; 0 if there is none. */
  tag(): u32 {
    const start = this.at
    const first = load<u8>(start)
    if (first < 128) {
      if (first < 8) return <u32>this.fail('a field has number 0')
      this.at = start + 1
      return first
    }
    const tag = <u32>this.varint()
    if (this.problem === null && (this.at - start > 5 || tag >>> 3 == 0)) return <u32>this.fail('a tag is no field number')
    return tag
  }

  /** Pass over a field that the message does not know, or knows with another wire type. */
  skip(tag: u32): void {
    if (this.problem !== null) return
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
        this.fail('groups are not supported')
        return
      default:
        this.fail(`wire type ${tag & 7} does not exist`)
    }
  }

  /** Begin an embedded message or a packed list. The answer goes to `leave`. */
  enter(): usize {
    const outer = this.end
    const start = this.take(this.length())
    if (this.problem === null) {
      if (++this.depth > depthMax) this.fail(`messages are nested more than ${depthMax} deep`)
      else {
        this.end = this.at
        this.at = start
      }
    }
    return outer
  }

  leave(outer: usize): void {
    this.end = outer
    if (this.problem !== null) this.at = outer
    else this.depth--
  }

  @inline
  int64(): i64 {
    return <i64>this.varint()
  }

  @inline
  uint64(): u64 {
    return this.varint()
  }

  @inline
  int32(): i32 {
    return <i32>this.varint()
  }

  @inline
  uint32(): u32 {
    return <u32>this.varint()
  }

  sint32(): i32 {
    const value = <u32>this.varint()
    return <i32>((value >>> 1) ^ (0 - (value & 1)))
  }

  sint64(): i64 {
    const value = this.varint()
    return <i64>((value >>> 1) ^ (0 - (value & 1)))
  }

  bool(): bool {
    return this.varint() != 0
  }

  fixed32(): u32 {
    const start = this.take(4)
    return start == 0 ? 0 : load<u32>(start)
  }

  fixed64(): u64 {
    const start = this.take(8)
    return start == 0 ? 0 : load<u64>(start)
  }

  sfixed32(): i32 {
    return <i32>this.fixed32()
  }

  sfixed64(): i64 {
    return <i64>this.fixed64()
  }

  float(): f32 {
    return reinterpret<f32>(this.fixed32())
  }

  double(): f64 {
    return reinterpret<f64>(this.fixed64())
  }

  string(): string {
    const bytes = this.raw()
    if (bytes.isText()) return bytes.toString()
    this.fail('a string is not UTF-8')
    return ''
  }

  /** Without copying. */
  raw(): Bytes {
    const length = this.length()
    const start = this.take(length)
    return start == 0 ? Bytes.empty() : new Bytes(start, <i32>length)
  }

  private length(): u64 {
    return this.varint()
  }

  private varint(): u64 {
    let at = this.at
    const end = this.end
    let value: u64 = 0
    for (let shift: u64 = 0; ; shift += 7) {
      if (at >= end) return this.fail('the message is cut off')
      if (shift > 63) return this.fail('a varint has more than ten bytes')
      const byte = <u64>load<u8>(at++)
      value |= (byte & 127) << shift
      if (byte < 128) break
    }
    this.at = at
    return value
  }

  /** Where `length` bytes begin; 0 if there are fewer. */
  private take(length: u64): usize {
    const start = this.at
    if (this.problem !== null) return 0
    if (length > <u64>(this.end - start)) return <usize>this.fail('the message is cut off')
    this.at = start + <usize>length
    return start
  }

  /** Notes the first problem, and leaves nothing to read. */
  private fail(problem: string): u64 {
    if (this.problem === null) this.problem = problem
    this.at = this.end
    return 0
  }
}
