// Manifest: RocksDB's list of its files, read for one number: the oldest write-ahead log that it still replays.
//
// RocksDB deletes logs that it no longer needs from several threads, in no order (seen after a recovery: 58, 57, 49, 47, 46, 4,
// 43, 8, 50, ...). A process killed meanwhile leaves old logs with holes between them: sequence gaps, but no damage.
//
// N1. The rule is RocksDB's own (db_impl_open.cc, RecoverLogFiles): it skips logs below the least log number of any column
//     family, and below the "least log number to keep". An edit that belongs to a group counts once the group is whole.
// N2. What cannot be read here answers 0, every log is needed: then the walk refuses more than it must, never less.
//
// Owns: the number.   wal.ts owns: what a needed log must look like.   RocksDB owns: refusing a manifest that is damaged.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { WireCursor, WireError, wireType } from '../schema/wire.ts'
import { readPayloads } from './log-format.ts'

/** Tags of a version edit (rocksdb: db/version_edit.h). */
const tags = {
  logNumber: 2,
  compactCursor: 5,
  deletedFile: 6,
  leastLogNumber: 10,
  newFile: 103,
  columnFamily: 200,
  columnFamilyAdd: 201,
  columnFamilyDrop: 202,
  columnFamilyMax: 203,
  inGroup: 300,
  /** Tags with this bit come with a length, so that older readers can skip them. */
  ignorable: 8192,
} as const
const comparator = 1
const numbers: readonly number[] = [3, 4, 9]
/** Ignorable by their bit, but without a length: written by no version that Innkeeper used. */
const withoutLength: readonly number[] = [8194, 8195, 8196, 8197]

interface Edit {
  columnFamily: number
  logNumber: number | undefined
  leastLogNumber: number | undefined
  dropped: boolean
  /** Edits of its group that follow; undefined if it stands alone. */
  remaining: number | undefined
}

/** Number of the oldest log in `directory` that RocksDB would replay; 0 if that cannot be told. */
export function oldestNeededLog(directory: string): number {
  try {
    const name = readFileSync(join(directory, 'CURRENT'), 'utf8').trim()
    if (!/^MANIFEST-\d+$/.test(name)) return 0
    return oldestLog(readFileSync(join(directory, name)))
  } catch (error) {
    if (error instanceof WireError || (error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

/** The same of a manifest's bytes. @throws WireError */
export function oldestLog(manifest: Buffer): number {
  const families = new Map<number, number>()
  let least = 0
  let group: Edit[] = []
  // Half a manifest may lack a column family that still needs an older log.
  const payloads = readPayloads(manifest)
  if (payloads === undefined) return 0
  for (const payload of payloads) {
    const edit = readEdit(payload)
    group.push(edit)
    if (edit.remaining !== undefined && edit.remaining > 0) continue
    for (const { columnFamily, logNumber, leastLogNumber, dropped } of group) {
      if (dropped) families.delete(columnFamily)
      // Numbers only rise. A family without one needs every log.
      else families.set(columnFamily, Math.max(families.get(columnFamily) ?? 0, logNumber ?? 0))
      least = Math.max(least, leastLogNumber ?? 0)
    }
    group = []
  }
  return families.size === 0 ? 0 : Math.max(least, Math.min(...families.values()))
}

/** @throws WireError where it is cut or holds what this reader does not know. */
function readEdit(payload: Buffer): Edit {
  const cursor = new WireCursor(payload)
  const edit: Edit = {
    columnFamily: 0,
    logNumber: undefined,
    leastLogNumber: undefined,
    dropped: false,
    remaining: undefined,
  }
  while (!cursor.done) {
    const start = cursor.at
    const tag = cursor.varint32()
    if (tag === tags.logNumber) edit.logNumber = cursor.varintSafe()
    else if (tag === tags.leastLogNumber) edit.leastLogNumber = cursor.varintSafe()
    else if (tag === tags.columnFamily) edit.columnFamily = cursor.varint32()
    else if (tag === tags.columnFamilyDrop) edit.dropped = true
    else if (tag === tags.inGroup) edit.remaining = cursor.varint32()
    else if (tag === tags.newFile) edit.leastLogNumber = skipNewFile(cursor) ?? edit.leastLogNumber
    else if (tag === tags.deletedFile) skip(cursor, 'nn')
    else if (tag === tags.compactCursor) skip(cursor, 'nb')
    else if (tag === tags.columnFamilyMax || numbers.includes(tag)) skip(cursor, 'n')
    else if (tag === tags.columnFamilyAdd || tag === comparator) skip(cursor, 'b')
    else if ((tag & tags.ignorable) !== 0 && !withoutLength.includes(tag)) skip(cursor, 'b')
    else throw new WireError(`a version edit with the unknown tag ${tag}`, start)
  }
  return edit
}

/** A new table file. RocksDB may hide the "least log number to keep" among its fields. */
function skipNewFile(cursor: WireCursor): number | undefined {
  const endOfFields = 1
  const leastLogNumber = 3
  // Level, number, size, smallest and largest key, smallest and largest sequence.
  skip(cursor, 'nnnbbnn')
  let least: number | undefined
  for (let tag = cursor.varint32(); tag !== endOfFields; tag = cursor.varint32()) {
    const field = cursor.view()
    if (tag === leastLogNumber) least = Number(new WireCursor(field).fixed64())
  }
  return least
}

/** Skip values: n a number, b bytes with their length before them. */
function skip(cursor: WireCursor, values: string): void {
  for (const value of values) cursor.skip(value === 'n' ? wireType.varint : wireType.bytes)
}
