// Guards starts after a crash in the middle of RocksDB's own tidying: it deletes old logs in any order, and what is left has
// holes that are no damage. And that a hole in what is still needed stays damage.
import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RocksLevel } from '@nxtedition/rocksdb'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { oldestLog, oldestNeededLog } from '../../host/storage/manifest.ts'
import { checkWal } from '../../host/storage/wal.ts'
import { refuses } from '../support/assert.ts'
import { folder } from '../support/journal.ts'

const Manifest = suite('manifest')

const buffers = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const
const names = ['default', 'quiet', 'busy'] as const
const puts = 2_000

/** Small memtables, so that a little writing makes many logs. */
async function open(path: string): Promise<RocksLevel> {
  const column = { compression: false, compaction: 'level', memtableMemoryBudget: 256 * 1024 }
  const db = new RocksLevel(path, { ...buffers, columns: Object.fromEntries(names.map((name) => [name, column])) })
  await db.open({ createIfMissing: true, walCompression: false, parallelism: 2 })
  return db
}

function put(db: RocksLevel, name: (typeof names)[number], key: string): void {
  const batch = db.batch()
  const { [name]: column } = db.columns as Record<string, unknown>
  batch._put(Buffer.from(key), Buffer.alloc(300, key), { column })
  batch._writeSync({ sync: true })
  batch._closeSync()
}

async function stored(path: string): Promise<number> {
  const db = await open(path)
  let entries = 0
  for (const column of Object.values(db.columns)) entries += db.querySync({ ...buffers, column }).rows.length / 2
  await db.close()
  return entries
}

function logs(path: string): string[] {
  return readdirSync(path)
    .filter((name) => name.endsWith('.log'))
    .sort()
}

function numberOf(log: string): number {
  return Number.parseInt(log, 10)
}

function manifestOf(path: string): Buffer {
  return readFileSync(join(path, readFileSync(join(path, 'CURRENT'), 'utf8').trim()))
}

function noLog(message: string): never {
  throw new Error(`nothing should be dropped, but: ${message}`)
}

/** A directory with many logs, since a quiet column holds on to the first; and its copy after one more start and write. A
 *  close leaves the logs as a crash does. */
async function twoLives(root: string): Promise<{ before: string; after: string }> {
  const before = join(root, 'before')
  const after = join(root, 'after')
  const first = await open(before)
  put(first, 'quiet', 'first')
  for (let index = 0; index < puts; index++) put(first, 'busy', `key ${index}`)
  await first.close()
  cpSync(before, after, { recursive: true })
  const second = await open(after)
  put(second, 'quiet', 'last')
  await second.close()
  return { before, after }
}

Manifest('wal.W5: old logs with holes between them, left by a crash in a recovery, are no damage', async () => {
  const { before, after } = await twoLives(folder())
  const old = logs(before)
  assert.ok(old.length >= 4, `${old.length} logs`)
  for (const name of [old[0]!, old[2]!]) copyFileSync(join(before, name), join(after, name))
  checkWal(after, noLog)
  assert.is(await stored(after), puts + 2)
})

Manifest('wal.W5: every log is needed while a quiet column has its entry in the first only', async () => {
  const { before } = await twoLives(folder())
  assert.is(oldestNeededLog(before), numberOf(logs(before)[0]!))
  checkWal(before, noLog)
  const [, , removed, next] = logs(before)
  rmSync(join(before, removed!))
  const error = refuses(() => checkWal(before, noLog), 'storage_unavailable')
  assert.match(error.message, `${next} is damaged at byte 0`)
})

Manifest('manifest.N1: RocksDB needs the oldest log that is named, and none before it', async () => {
  const { before, after } = await twoLives(folder())
  for (const name of logs(after)) if (numberOf(name) < oldestNeededLog(after)) rmSync(join(after, name))
  assert.is(await stored(after), puts + 2)
  const oldest = logs(before).find((name) => numberOf(name) === oldestNeededLog(before))
  rmSync(join(before, oldest!))
  assert.is.not(await stored(before), puts + 1)
})

Manifest('manifest.N2: without a manifest, or with a damaged one, every log is needed', async () => {
  const { after } = await twoLives(folder())
  const manifest = manifestOf(after)
  const whole = oldestLog(manifest)
  assert.ok(whole > 0)
  fc.assert(
    fc.property(fc.nat(manifest.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(manifest)
      damaged[at] = damaged[at]! ^ flip
      assert.is(oldestLog(damaged), 0, `flip at ${at}`)
    }),
  )
  // Cut between two records it is only an older one.
  for (let end = 0; end < manifest.length; end++) {
    assert.ok(oldestLog(manifest.subarray(0, end)) <= whole, `cut at ${end}`)
  }
  writeFileSync(join(after, 'CURRENT'), '../../elsewhere\n')
  assert.is(oldestNeededLog(after), 0)
  rmSync(join(after, 'CURRENT'))
  assert.is(oldestNeededLog(after), 0)
})

Manifest.run()
