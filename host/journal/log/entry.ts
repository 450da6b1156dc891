// Entry in bytes: what a log keeps and sends, so that another state can be made of it.
//
//   frame of record.ts (form, CRC-32) around | position 8 | writes: count 4, then as in packed.ts | clears |
//   a clear: column u8, length of from u32, length of to u32, from, to.   Numbers are little-endian.
//
// N1. Bytes that are not exactly one entry are refused as damage.
//
// Owns: the form.   record.ts owns: the frame.   packed.ts owns: writes in bytes.

import { columns } from '../../storage/columns.ts'
import { DamagedValue } from '../../storage/damage.ts'
import type { Clear } from '../../storage/kv.ts'
import { pack, unpack } from '../../storage/packed.ts'
import { frame, unframe } from '../record.ts'
import type { Entry } from './log.ts'

/** Raised when the form changes. */
const form = 1
const headBytes = 1 + 8 + 4
const clearHead = 9

export function encodeEntry({ position, writes, clears }: Entry): Buffer {
  const packed = Buffer.from(pack(writes))
  const head = Buffer.alloc(headBytes)
  head[0] = form
  head.writeBigUInt64LE(BigInt(position), 1)
  head.writeUInt32LE(packed.length, 9)
  return frame(Buffer.concat([head, packed, ...clears.map(encodeClear)]))
}

/** @throws DamagedValue */
export function decodeEntry(bytes: Buffer): Entry {
  const body = unframe(bytes)
  if (body.length < headBytes || body[0] !== form) throw new DamagedValue(`a log entry of form ${body[0]}`)
  const position = Number(body.readBigUInt64LE(1))
  const end = headBytes + body.readUInt32LE(9)
  try {
    // A copy: writes are views of it.
    const writes = unpack(new Uint8Array(body.subarray(headBytes, end)).buffer)
    return { position, writes, clears: decodeClears(body.subarray(end)) }
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw new DamagedValue('a log entry is cut')
    throw error
  }
}

function encodeClear({ column, from, to }: Clear): Buffer {
  const head = Buffer.alloc(clearHead)
  head[0] = columns.indexOf(column)
  head.writeUInt32LE(from.length, 1)
  head.writeUInt32LE(to.length, 5)
  return Buffer.concat([head, from, to])
}

function decodeClears(bytes: Buffer): Clear[] {
  const clears: Clear[] = []
  for (let at = 0; at < bytes.length; ) {
    const column = columns[bytes[at]!]
    const [fromLength, toLength] = [bytes.readUInt32LE(at + 1), bytes.readUInt32LE(at + 5)]
    const middle = at + clearHead + fromLength
    const end = middle + toLength
    if (column === undefined || end > bytes.length) throw new DamagedValue('a log entry is cut')
    clears.push({ column, from: bytes.subarray(at + clearHead, middle), to: bytes.subarray(middle, end) })
    at = end
  }
  return clears
}
