// Packed: the writes of a batch in one buffer, which another thread gets without a copy.
//
//   column u8, length of the key u32, length of the value u32 plus 1 or 0 to delete, key, value; and so on, numbers little-endian

import { columns } from './columns.ts'
import type { Write } from './kv.ts'

const head = 9
const numberOf = new Map(columns.map((column, index) => [column, index]))

export function pack(writes: readonly Write[]): ArrayBuffer {
  let size = 0
  for (const [, key, value] of writes) size += head + key.length + (value?.length ?? 0)
  const packed = Buffer.from(new ArrayBuffer(size))
  let at = 0
  for (const [column, key, value] of writes) {
    packed[at] = numberOf.get(column)!
    packed.writeUInt32LE(key.length, at + 1)
    packed.writeUInt32LE(value === undefined ? 0 : value.length + 1, at + 5)
    packed.set(key, at + head)
    if (value !== undefined) packed.set(value, at + head + key.length)
    at += head + key.length + (value?.length ?? 0)
  }
  return packed.buffer as ArrayBuffer
}

/** Keys and values are views of the buffer. */
export function unpack(buffer: ArrayBuffer): Write[] {
  const packed = Buffer.from(buffer)
  const writes: Write[] = []
  for (let at = 0; at < packed.length; ) {
    const column = columns[packed[at]!]!
    const from = at + head
    const middle = from + packed.readUInt32LE(at + 1)
    const length = packed.readUInt32LE(at + 5)
    at = length === 0 ? middle : middle + length - 1
    writes.push([column, packed.subarray(from, middle), length === 0 ? undefined : packed.subarray(middle, at)])
  }
  return writes
}
