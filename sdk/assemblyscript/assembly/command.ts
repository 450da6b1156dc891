// Command: views of what the host lowered into memory (wit/types.wit); nothing is decoded before it is asked for.
//
//   command         64 bytes   method 0, payload 8, metadata 16, now-ms (f64) 24, seed (4 x u32) 32, principal (option) 48, unread
//   metadata-entry  20         name 0, value: case (u8) 8, text or bytes 12
//   typed           16         type-name 0, data 8

import { Bytes } from './bytes'

const noMetadata: StaticArray<u32> = [0, 0]

export const commandBytes: usize = 64
export const typedBytes: usize = 16
const entryBytes: usize = 20

/** The string or list of bytes whose pointer and length lie at `at`. */
@inline
export function bytesAt(at: usize): Bytes {
  return new Bytes(load<usize>(at), load<i32>(at, 4))
}

@final
export class Command {
  constructor(private at: usize) {}

  get method(): Bytes {
    return bytesAt(this.at)
  }

  get payload(): Bytes {
    return bytesAt(this.at + 8)
  }

  get metadata(): Metadata {
    return new Metadata(this.at + 16)
  }

  get nowMs(): f64 {
    return load<f64>(this.at, 24)
  }

  get seed(): usize {
    return this.at + 32
  }
}

/** What the caller sent along: in order, duplicates included, names in lower case. */
@final
export class Metadata {
  constructor(private at: usize) {}

  get length(): i32 {
    return load<i32>(this.at, 4)
  }

  name(index: i32): string {
    return bytesAt(this.entry(index)).toString()
  }

  /** Where a call has none. */
  static none(): Metadata {
    return new Metadata(changetype<usize>(noMetadata))
  }

  isBinary(index: i32): bool {
    return load<u8>(this.entry(index), 8) == 1
  }

  /** A text as its UTF-8; names that end in `-bin` have bytes. */
  value(index: i32): Bytes {
    return bytesAt(this.entry(index) + 12)
  }

  /** First text value of a name. */
  get(name: string): string | null {
    const value = this.find(name, 0)
    return value === null ? null : value.toString()
  }

  /** First value of a name that ends in `-bin`. */
  getBytes(name: string): Bytes | null {
    return this.find(name, 1)
  }

  private find(name: string, kind: u8): Bytes | null {
    for (let i = 0; i < this.length; i++) {
      const entry = this.entry(i)
      if (bytesAt(entry).is(name)) return load<u8>(entry, 8) == kind ? bytesAt(entry + 12) : null
    }
    return null
  }

  private entry(index: i32): usize {
    if (<u32>index >= <u32>this.length) throw new RangeError('no such entry')
    return load<usize>(this.at) + <usize>index * entryBytes
  }
}
