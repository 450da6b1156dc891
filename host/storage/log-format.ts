// Log format: the records in which RocksDB writes its write-ahead logs and its manifest.
//
//   file    | block 32 KiB | block 32 KiB | ...
//   record  | crc 4 | length 2 | type 1 | payload |          types: 1 full, 2 first, 3 middle, 4 last, 0 zeros
//
// A record never crosses a block; what does not fit is cut into a first, middles and a last. (rocksdb: db/log_format.h; recycled
// logs, types 5 to 8 with a longer header, are off by default and count as no record here.)

import { crc32c } from './crc32c.ts'

export const blockBytes = 32 * 1024
export const headBytes = 7
/** Types of records: a payload in one record, its first and its last part; 3 lies between. */
export const full = 1
export const first = 2
export const last = 4

interface LogRecord {
  readonly type: number
  readonly payload: Buffer
  readonly end: number
}

/** The record at `at`, if there is a whole and right one. */
export function readRecord(bytes: Buffer, at: number): LogRecord | undefined {
  if (at + headBytes > bytes.length) return undefined
  const type = bytes[at + 6]!
  if (type < full || type > last) return undefined
  const length = bytes.readUInt16LE(at + 4)
  const end = at + headBytes + length
  if (end > bytes.length || (at % blockBytes) + headBytes + length > blockBytes) return undefined
  if (unmask(bytes.readUInt32LE(at)) !== crc32c(bytes, at + 6, end)) return undefined
  return { type, payload: bytes.subarray(at + headBytes, end), end }
}

/** All payloads of a file, or undefined if anything in it is cut or wrong. */
export function readPayloads(bytes: Buffer): Buffer[] | undefined {
  const found: Buffer[] = []
  let parts: Buffer[] | undefined
  for (let at = 0; at < bytes.length; ) {
    const left = blockBytes - (at % blockBytes)
    if (left < headBytes) {
      at += left
      continue
    }
    const record = readRecord(bytes, at)
    if (record === undefined) return undefined
    const starts = record.type === full || record.type === first
    if (starts === (parts !== undefined)) return undefined
    if (starts) parts = []
    parts!.push(record.payload)
    if (record.type === full || record.type === last) {
      found.push(parts!.length === 1 ? parts![0]! : Buffer.concat(parts!))
      parts = undefined
    }
    at = record.end
  }
  return parts === undefined ? found : undefined
}

/** RocksDB stores checksums rotated and offset, so that checksums of data with checksums stay good ones. */
function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}
