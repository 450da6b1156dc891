// WAL: RocksDB's write-ahead log, checked before RocksDB reads it.
//
// RocksDB opens silently at the first bad record and drops what follows, acknowledged or not. So:
// W1. A bad record with a valid one after it, in its file or a later one, refuses to start, naming file and offset.
// W2. A bad tail with nothing valid after it is a torn write: the file is cut to its last whole record, and that is logged.
// W3. Batches carry sequence numbers without gaps: a gap is missing records, so it is damage of the middle.
// What cannot be told: damage to the very last commit looks like a torn write.
//
//   file    | block 32 KiB | block 32 KiB | ...
//   record  | crc 4 | length 2 | type 1 | payload |          types: 1 full, 2 first, 3 middle, 4 last, 0 zeros
//   batch   | sequence 8 | count 4 | ... |                   the payloads of one full, or of first to last
// (rocksdb: db/log_format.h; recycled logs, types 5 to 8 with a longer header, are off by default and refused here.)

import { readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { InnkeeperError } from '../errors.ts'
import { crc32c } from './crc32c.ts'
import type { Warn } from './kv-journal.ts'

const blockBytes = 32 * 1024
const headBytes = 7

interface Walk {
  /** End of the last whole batch. */
  readonly good: number
  /** Where the first thing stands that is no record; undefined if the file is whole. */
  readonly bad: number | undefined
  readonly first: bigint | undefined
  /** Sequence that the next batch must have. */
  readonly next: bigint | undefined
}

/** @throws InnkeeperError `storage_unavailable` if the middle is damaged. Cuts a torn tail. */
export function checkWal(directory: string, log: Warn): void {
  const files = readdirSync(directory)
    .filter((name) => /^\d+\.log$/.test(name))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  let torn: { name: string; walk: Walk; size: number } | undefined
  let expected: bigint | undefined
  for (const name of files) {
    const bytes = readFileSync(join(directory, name))
    const walk = walkLog(bytes)
    if (walk.first !== undefined) {
      if (torn !== undefined) throw damaged(torn.name, torn.walk.bad ?? torn.walk.good)
      if (expected !== undefined && walk.first > expected) throw damaged(name, 0)
    }
    expected = walk.next ?? expected
    if (walk.bad === undefined) continue
    if (validAfter(bytes, walk.bad)) throw damaged(name, walk.bad)
    torn = { name, walk, size: bytes.length }
  }
  if (torn === undefined) return
  const { name, walk, size } = torn
  truncateSync(join(directory, name), walk.good)
  log(
    `the write-ahead log ${name} ended in a torn write: ${size - walk.good} bytes after the last whole commit were dropped`,
    {
      file: name,
      offset: walk.good,
      dropped: size - walk.good,
    },
  )
}

function damaged(name: string, offset: number): InnkeeperError {
  return new InnkeeperError(
    'storage_unavailable',
    `the write-ahead log ${name} is damaged at byte ${offset}, with valid commits after it: opening it would lose them. ` +
      'Restore the data directory from a copy; host/journal/FORMAT.md says what else can be done',
  )
}

/** Read whole batches from the start for as long as everything is right. */
export function walkLog(bytes: Buffer): Walk {
  let at = 0
  let good = 0
  let first: bigint | undefined
  let next: bigint | undefined
  let parts: Buffer[] | undefined
  const result = (bad: number | undefined): Walk => ({ good, bad, first, next })
  while (at < bytes.length) {
    const left = blockBytes - (at % blockBytes)
    if (left < headBytes) {
      at += left
      continue
    }
    if (isZero(bytes, at, Math.min(bytes.length, at + left))) {
      // Preallocated space, or the rest of a block. Zeros to the end are the end.
      if (isZero(bytes, at, bytes.length)) return parts === undefined ? result(undefined) : result(at)
      return result(at)
    }
    const record = readRecord(bytes, at)
    if (record === undefined) return result(at)
    const { type, payload, end } = record
    if (type === 1 || type === 2) {
      if (parts !== undefined) return result(at)
      parts = [payload]
    } else {
      if (parts === undefined) return result(at)
      parts.push(payload)
    }
    if (type === 1 || type === 4) {
      const batch = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
      parts = undefined
      if (batch.length < 12) return result(at)
      const sequence = batch.readBigUInt64LE(0)
      if (next !== undefined && sequence !== next) return result(at)
      first ??= sequence
      next = sequence + BigInt(batch.readUInt32LE(8))
      good = end
    }
    at = end
  }
  return parts === undefined ? result(undefined) : result(good)
}

interface LogRecord {
  readonly type: number
  readonly payload: Buffer
  readonly end: number
}

/** The record at `at`, if there is a whole and right one. */
function readRecord(bytes: Buffer, at: number): LogRecord | undefined {
  if (at + headBytes > bytes.length) return undefined
  const type = bytes[at + 6]!
  if (type < 1 || type > 4) return undefined
  const length = bytes.readUInt16LE(at + 4)
  const end = at + headBytes + length
  if (end > bytes.length || (at % blockBytes) + headBytes + length > blockBytes) return undefined
  if (unmask(bytes.readUInt32LE(at)) !== crc32c(bytes, at + 6, end)) return undefined
  return { type, payload: bytes.subarray(at + headBytes, end), end }
}

/** Is there any valid record after the bad place? A record may start at any byte, since a damaged length hides where. */
function validAfter(bytes: Buffer, bad: number): boolean {
  for (let at = bad + 1; at + headBytes <= bytes.length; at++) {
    const type = bytes[at + 6]!
    if (type >= 1 && type <= 4 && bytes.readUInt16LE(at + 4) > 0 && readRecord(bytes, at) !== undefined) return true
  }
  return false
}

/** RocksDB stores checksums rotated and offset, so that checksums of data with checksums stay good ones. */
function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}
