// WAL: RocksDB's write-ahead log, checked before RocksDB reads it.
//
// RocksDB opens silently at the first bad record and drops what follows, acknowledged or not. So:
// W1. A bad record with a later batch after it, in its file or a following one, refuses to start, naming file and offset.
// W2. A bad tail with no batch after it is a torn write: the file is cut to its last whole batch, and that is logged.
//     Later parts of the torn batch itself do not count: after a power cut its blocks are on disk in any order.
// W3. Batches carry sequence numbers without gaps: a right record in the wrong place is damage, wherever it stands.
// W4. What counts as a later batch has a sequence that could follow: so an older log that a client stored in an event is none,
//     and bytes made to look like records do not slow the search. Who guesses the sequence gets a refusal, which loses nothing.
// W5. Logs that RocksDB no longer reads do not count: it deletes them in any order, and a crash leaves holes (manifest.ts).
// What cannot be told: damage to the very last commit looks like a torn write; and the first needed log missing or emptied
// as a whole looks like one that was never written to.
//
// Nobody may have the directory open meanwhile: a live log ends in the middle of a write (rocksdb.D3).
//
//   batch   | sequence 8 | count 4 | ... |                   the payload of log-format.ts records: one full, or first to last

import { readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { InnkeeperError } from '../errors.ts'
import type { Warn } from './health.ts'
import { blockBytes, first, full, headBytes, last, readRecord } from './log-format.ts'
import { oldestNeededLog } from './manifest.ts'

const batchHeadBytes = 12
const maxSequence = 1n << 56n

interface Walk {
  /** End of the last whole batch. */
  readonly good: number
  /** Where the first thing stands that does not belong there; undefined if the file is whole. */
  readonly bad: number | undefined
  /** What stands there cannot come from a torn write. */
  readonly misplaced: boolean
  /** Sequence that the next batch must have, once one was seen. */
  readonly next: bigint | undefined
  /** It holds a batch. */
  readonly used: boolean
}

/** @throws InnkeeperError `storage_unavailable` if the middle is damaged. Cuts a torn tail. */
export function checkWal(directory: string, log: Warn): void {
  const oldest = oldestNeededLog(directory)
  const files = readdirSync(directory)
    .filter((name) => /^\d+\.log$/.test(name) && Number.parseInt(name, 10) >= oldest)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  let torn: { name: string; walk: Walk; size: number } | undefined
  let next: bigint | undefined
  for (const name of files) {
    const bytes = readFileSync(join(directory, name))
    const walk = walkLog(bytes, next)
    if (torn !== undefined && (walk.used || (walk.bad !== undefined && batchAfter(bytes, -1, next)))) {
      throw damaged(torn.name, torn.walk.bad!)
    }
    next = walk.next
    if (walk.bad === undefined) continue
    if (walk.misplaced || batchAfter(bytes, walk.bad, next)) throw damaged(name, walk.bad)
    torn ??= { name, walk, size: bytes.length }
  }
  if (torn === undefined) return
  const { name, walk, size } = torn
  truncateSync(join(directory, name), walk.good)
  log(
    `the write-ahead log ${name} ended in a torn write: ${size - walk.good} bytes after the last whole commit were dropped`,
    { file: name, offset: walk.good, dropped: size - walk.good },
  )
}

function damaged(name: string, offset: number): InnkeeperError {
  return new InnkeeperError(
    'storage_unavailable',
    `the write-ahead log ${name} is damaged at byte ${offset}, with valid commits after it: opening it would lose them. ` +
      'Restore the data directory from a copy; host/journal/FORMAT.md says what else can be done',
  )
}

/** Read whole batches from the start for as long as everything is right. `expected`: sequence of the first, if known. */
function walkLog(bytes: Buffer, expected?: bigint): Walk {
  let at = 0
  let good = 0
  let used = false
  let next = expected
  let parts: Buffer[] | undefined
  const result = (bad: number | undefined, misplaced = false): Walk => ({ good, bad, misplaced, next, used })
  while (at < bytes.length) {
    const left = blockBytes - (at % blockBytes)
    if (left < headBytes) {
      at += left
      continue
    }
    // Preallocated space: zeros to the end are the end.
    if (isZero(bytes, at, Math.min(bytes.length, at + left)) && isZero(bytes, at, bytes.length)) break
    const record = readRecord(bytes, at)
    if (record === undefined) return result(at)
    const { type, payload, end } = record
    const starts = type === full || type === first
    if (starts === (parts !== undefined)) return result(at, true)
    if (starts) parts = [payload]
    else parts!.push(payload)
    if (type === full || type === last) {
      // Its head mostly lies in its first part: the rest need not be copied.
      const batch = parts![0]!.length >= batchHeadBytes ? parts![0]! : Buffer.concat(parts!)
      parts = undefined
      if (batch.length < batchHeadBytes) return result(at, true)
      const sequence = batch.readBigUInt64LE(0)
      if (next !== undefined && sequence !== next) return result(good, true)
      next = sequence + BigInt(batch.readUInt32LE(8))
      used = true
      good = end
    }
    at = end
  }
  return result(parts === undefined ? undefined : good)
}

/** Does a batch start anywhere after the bad place? At any byte, since a damaged length hides where records start. */
function batchAfter(bytes: Buffer, bad: number, next: bigint | undefined): boolean {
  for (let at = bad + 1; at + headBytes <= bytes.length; at++) {
    const type = bytes[at + 6]!
    if ((type === full || type === first) && couldFollow(bytes, at, next) && readRecord(bytes, at) !== undefined) {
      return true
    }
  }
  return false
}

/** The sequence is looked at before the checksum: bytes that are no record seldom have a possible one (W4). */
function couldFollow(bytes: Buffer, at: number, next: bigint | undefined): boolean {
  const length = bytes.readUInt16LE(at + 4)
  const end = at + headBytes + length
  if (end > bytes.length) return false
  if (length >= 8) {
    const sequence = bytes.readBigUInt64LE(at + headBytes)
    // A write takes more than a byte of the log, so a batch lies at most as many writes ahead as there are bytes.
    return next === undefined ? sequence < maxSequence : sequence >= next && sequence - next <= bytes.length
  }
  // A batch that starts in the last bytes of a block shows its sequence only in the next.
  return bytes[at + 6] === first && end % blockBytes === 0 && (readRecord(bytes, end)?.type ?? full) > first
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}
