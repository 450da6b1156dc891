// Guards what was acknowledged against a damaged write-ahead log: refused with file and offset, or cut where nothing is lost.
//
// A copy of a live directory is what `kill -9` leaves. Each test damages a copy of its own.

import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { examine } from '../../host/doctor/doctor.ts'
import type { EntityRef, Journal } from '../../host/journal/journal.ts'
import { crc32c } from '../../host/storage/crc32c.ts'
import { checkWal } from '../../host/storage/wal.ts'
import { refuses, rejects } from '../support/assert.ts'
import { append, folder } from '../support/journal.ts'
import { openStore } from '../support/store.ts'

const quiet = () => {}
const entity: EntityRef = { storage: 1, key: 'a' }
const small = 40

/** A crashed directory: what was in the log after each commit. `ends[n]` is the log's size after commit n. */
interface Crashed {
  readonly directory: string
  readonly ends: readonly number[]
  readonly name: string
}

async function crashed(payloads: readonly string[]): Promise<Crashed> {
  const live = folder()
  const { journal } = await openStore(live, { log: quiet })
  const size = () => statSync(join(live, 'journal', logs(live).at(-1)!)).size
  const ends = [size()]
  for (const payload of payloads) {
    await append(journal, entity, [payload])
    ends.push(size())
  }
  const directory = copy(live)
  const name = logs(directory).at(-1)!
  await journal.close()
  return { directory, ends, name }
}

function logs(directory: string): string[] {
  return readdirSync(join(directory, 'journal'))
    .filter((name) => name.endsWith('.log'))
    .sort()
}

function copy(directory: string): string {
  const target = folder()
  cpSync(directory, target, { recursive: true })
  return target
}

/** A copy whose log `name` is what `edit` makes of it. */
function edited({ directory, name }: Crashed, edit: (bytes: Buffer) => Buffer): string {
  const target = copy(directory)
  const path = join(target, 'journal', name)
  writeFileSync(path, edit(readFileSync(path)))
  return target
}

/** Open, and how many of the commits are there; they must be the first ones, whole. */
async function reopened(directory: string, payloads: readonly string[]): Promise<{ stored: number; log: string[] }> {
  const log: string[] = []
  const { journal } = await openStore(directory, {
    // The directory is a copy, and said to be one (storage/incarnation.ts); the machine's disk may be slow (storage/pace.ts).
    log: (message) => /copied or restored|^syncs of the disk are/.test(message) || log.push(message),
  })
  const stored = journal.head(entity)?.revision ?? 0
  assert.equal(all(journal), payloads.slice(0, stored))
  assert.is(journal.lastCommit(), stored)
  await append(journal, entity, ['and on'])
  await journal.close()
  const again = await openStore(directory, { log: quiet })
  assert.is(again.journal.head(entity)?.revision, stored + 1)
  await again.journal.close()
  return { stored, log }
}

function all(journal: Journal): string[] {
  const texts: string[] = []
  const last = journal.head(entity)?.revision ?? 0
  for (let after = 0; after < last; ) {
    const page = journal.events(entity, after, 1_000, 64 * 1024 * 1024)
    texts.push(...page.events.map(({ data }) => Buffer.from(data).toString('latin1')))
    after = page.revision
  }
  return texts
}

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at]! ^= 1 << (at % 8)
  return bytes
}

/** 20 small commits, one over several blocks, 20 small ones. */
const payloads = [
  ...Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(small, '.')),
  'x'.repeat(100_000),
  ...Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(small, '.')),
]
const many = await crashed(payloads)

const Wal = suite('wal')

Wal('crc32c is the one of the standard (RFC 3720, B.4)', () => {
  const of = (bytes: Buffer) => crc32c(bytes, 0, bytes.length)
  assert.is(of(Buffer.from('123456789')), 0xe306_9283)
  assert.is(of(Buffer.alloc(32)), 0x8a91_36aa)
  assert.is(of(Buffer.alloc(32, 0xff)), 0x62a8_ab43)
  assert.is(of(Buffer.from(Array.from({ length: 32 }, (_, index) => index))), 0x46dd_794e)
  assert.is(of(Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index))), 0x113f_db5c)
  assert.is(of(Buffer.alloc(0)), 0)
  assert.is(crc32c(Buffer.from('..123456789..'), 2, 11), 0xe306_9283)
})

Wal('crc32c of any part, wherever it begins and ends, is that of its bits', () => {
  const bits = (bytes: Uint8Array) => {
    let crc = 0xffff_ffff
    for (const byte of bytes) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1
    }
    return (crc ^ 0xffff_ffff) >>> 0
  }
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 120 }),
      fc.nat({ max: 7 }),
      fc.nat({ max: 7 }),
      (all, from, cut) => {
        const part = all.subarray(Math.min(3, from))
        const to = Math.max(from, part.length - cut)
        assert.is(crc32c(part, from, to), bits(part.subarray(from, to)))
      },
    ),
  )
})

Wal('an undamaged log opens with every commit, and nothing is logged', async () => {
  const { stored, log } = await reopened(copy(many.directory), payloads)
  assert.is(stored, payloads.length)
  assert.equal(log, [])
})

Wal(
  '§storage-5, wal.W1, rocksdb.D1, rocksdb.D2: a flipped bit in the middle refuses to start, naming file and offset, and changes no file',
  async () => {
    const start = many.ends[10]!
    const directory = edited(many, (bytes) => flip(bytes, start + 30))
    const before = readFileSync(join(directory, 'journal', many.name))
    const { message } = await rejects(() => openStore(directory, { log: quiet }), 'storage_unavailable')
    assert.match(message, `${many.name} is damaged at byte ${start},`)
    assert.equal(readFileSync(join(directory, 'journal', many.name)), before)
    await rejects(() => openStore(directory, { log: quiet }), 'storage_unavailable')
  },
)

Wal('wal.W1: a flipped bit in any byte of a middle record refuses: checksum, length, type, sequence, payload', () => {
  const [start, end] = [many.ends[10]!, many.ends[11]!]
  const directory = copy(many.directory)
  const path = join(directory, 'journal', many.name)
  const whole = readFileSync(path)
  for (let at = start; at < end; at++) {
    writeFileSync(path, flip(Buffer.from(whole), at))
    const { message } = refuses(() => checkWal(join(directory, 'journal'), quiet), 'storage_unavailable')
    assert.match(message, `byte ${start},`)
  }
})

Wal('wal.W1: a flipped bit in any part of a batch over several blocks refuses', () => {
  const [start, end] = [many.ends[20]!, many.ends[21]!]
  const directory = copy(many.directory)
  const path = join(directory, 'journal', many.name)
  const whole = readFileSync(path)
  for (let at = start; at < end; at += 997) {
    writeFileSync(path, flip(Buffer.from(whole), at))
    refuses(() => checkWal(join(directory, 'journal'), quiet), 'storage_unavailable')
  }
})

Wal('wal.W1, wal.W3: bytes spliced out of the middle refuse, be they whole commits or parts of some', async () => {
  const { ends } = many
  const cuts: [number, number][] = [
    [ends[5]!, ends[6]!],
    [ends[5]!, ends[9]!],
    [ends[5]! + 3, ends[9]! + 3],
    [ends[5]! + 3, ends[7]!],
    [ends[20]!, ends[21]!],
    [ends[20]! + 40_000, ends[20]! + 50_000],
    [ends[39]!, ends[40]!],
    [0, ends[1]!],
  ]
  for (const [from, to] of cuts) {
    const directory = edited(many, (bytes) => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]))
    await rejects(() => openStore(directory, { log: quiet }), 'storage_unavailable')
  }
})

Wal('wal.W3: the same bytes twice refuse', () => {
  const [start, end] = [many.ends[39]!, many.ends[40]!]
  const directory = edited(many, (bytes) => Buffer.concat([bytes, bytes.subarray(start, end)]))
  refuses(() => checkWal(join(directory, 'journal'), quiet), 'storage_unavailable')
})

Wal('wal.W3: a right part of a batch at the end, without its start, refuses: no torn write looks like that', () => {
  const end = many.ends[21]!
  const directory = edited(many, (bytes) => {
    const lastPart = bytes.subarray(end - (end % (32 * 1024)), end)
    return Buffer.concat([bytes.subarray(0, many.ends[5]!), lastPart])
  })
  const { message } = refuses(() => checkWal(join(directory, 'journal'), quiet), 'storage_unavailable')
  assert.match(message, `byte ${many.ends[5]},`)
})

Wal(
  '§storage-5, wal.W2, rocksdb.D1: a log torn anywhere in its last commit is cut to the one before, and that is logged',
  async () => {
    const [start, end] = [many.ends.at(-2)!, many.ends.at(-1)!]
    for (let cut = start + 1; cut < end; cut++) {
      const directory = edited(many, (bytes) => bytes.subarray(0, cut))
      const log: object[] = []
      checkWal(join(directory, 'journal'), (_, fields) => log.push(fields!))
      assert.equal(log, [{ file: many.name, offset: start, dropped: cut - start }])
      assert.is(statSync(join(directory, 'journal', many.name)).size, start)
    }
    for (const cut of [start + 1, start + 6, start + 7, start + 30, end - 1]) {
      const directory = edited(many, (bytes) => bytes.subarray(0, cut))
      const { stored, log } = await reopened(directory, payloads)
      assert.is(stored, payloads.length - 1)
      assert.match(log.join(), `${cut - start} bytes after the last whole commit were dropped`)
    }
  },
)

Wal(
  'doctor.C1: the doctor opens a directory as a start does: it refuses what that refuses, and tells what is cut',
  async () => {
    const end = many.ends.at(-1)!
    const [finding, ...others] = (
      await examine(
        edited(many, (bytes) => bytes.subarray(0, end - 1)),
        quiet,
      )
    ).findings.filter(({ what }) => !/copied or restored/.test(what))
    assert.equal(others, [])
    assert.is(finding?.column, 'log')
    assert.match(finding!.what, /bytes after the last whole commit were dropped/)
    const directory = edited(many, (bytes) => flip(bytes, many.ends[10]! + 30))
    const { message } = await rejects(() => examine(directory, quiet), 'storage_unavailable')
    assert.match(message, `${many.name} is damaged at byte ${many.ends[10]!},`)
  },
)

Wal('wal.W2: the very last commit, damaged, looks like a torn write and is dropped, but never more', async () => {
  const [start, end] = [many.ends.at(-2)!, many.ends.at(-1)!]
  for (const at of [start, start + 4, start + 6, start + 20, end - 1]) {
    const { stored } = await reopened(
      edited(many, (bytes) => flip(bytes, at)),
      payloads,
    )
    assert.is(stored, payloads.length - 1)
  }
})

Wal('wal.W2: a torn commit over several blocks is cut, in whatever order its blocks reached the disk', async () => {
  const large = [...payloads.slice(0, 3), 'y'.repeat(150_000)]
  const last = await crashed(large)
  const [start, end] = [last.ends.at(-2)!, last.ends.at(-1)!]
  const edits: ((bytes: Buffer) => Buffer)[] = [
    (bytes) => bytes.subarray(0, start + 10),
    (bytes) => bytes.subarray(0, 32 * 1024 + 3),
    (bytes) => bytes.subarray(0, 64 * 1024),
    (bytes) => bytes.subarray(0, end - 1),
    (bytes) => bytes.fill(0, 32 * 1024, 64 * 1024),
    (bytes) => bytes.fill(0, start, 32 * 1024),
    (bytes) => bytes.fill(0, 36 * 1024),
  ]
  for (const edit of edits) {
    const { stored, log } = await reopened(edited(last, edit), large)
    assert.is(stored, large.length - 1)
    assert.match(log.join(), /torn write/)
  }
})

Wal('a tail of zeros is space that was reserved: nothing is cut', async () => {
  for (const zeros of [1, 7, 1_000, 100_000]) {
    const { stored, log } = await reopened(
      edited(many, (bytes) => Buffer.concat([bytes, Buffer.alloc(zeros)])),
      payloads,
    )
    assert.is(stored, payloads.length)
    assert.equal(log, [])
  }
})

Wal('whatever byte is changed, no commit but the last is ever lost in silence', () => {
  const lastStart = many.ends.at(-2)!
  const directory = copy(many.directory)
  const path = join(directory, 'journal', many.name)
  const whole = readFileSync(path)
  const property = fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
    const bytes = Buffer.from(whole)
    bytes[at]! ^= change
    writeFileSync(path, bytes)
    let refused = false
    try {
      checkWal(join(directory, 'journal'), quiet)
    } catch {
      refused = true
    }
    // Bytes of no record, at the end of a block, are the one place where a change does no harm.
    const kept = statSync(path).size
    assert.ok(refused || kept === whole.length ? true : at >= lastStart && kept === lastStart)
  })
  fc.assert(property, { numRuns: 300 })
})

Wal(
  'wal.W4: an older log that a client stored does not pass for later commits when its own commit is torn',
  async () => {
    const nested = [...payloads, 'x'.repeat(300_000)]
    const last = await crashed(nested)
    const start = last.ends.at(-2)!
    const stored = readFileSync(join(many.directory, 'journal', many.name))
    const directory = edited(last, (bytes) => {
      stored.copy(bytes, start + 1_000)
      return bytes
    })
    assert.is((await reopened(directory, nested)).stored, nested.length - 1)
  },
)

// Enough for the journal's memory table to be full, so that RocksDB starts a second log.
const large = 'z'.repeat(96 * 1024)
const twoPayloads = Array.from({ length: 56 }, () => large)
const two = await crashed(twoPayloads)

Wal('two logs: undamaged, both are read', async () => {
  assert.is(logs(two.directory).length, 2)
  assert.is((await reopened(copy(two.directory), twoPayloads)).stored, twoPayloads.length)
})

Wal('two logs: a first one that was cut, within a commit or between two, refuses', async () => {
  const name = logs(two.directory)[0]!
  const firstLog = { ...two, name }
  const size = statSync(join(two.directory, 'journal', name)).size
  for (const cut of [100, two.ends[5]!, two.ends[5]! + 500, size - 1]) {
    const directory = edited(firstLog, (bytes) => bytes.subarray(0, cut))
    const { message } = await rejects(() => openStore(directory, { log: quiet }), 'storage_unavailable')
    assert.match(message, /write-ahead log \d+\.log is damaged at byte/)
  }
})

Wal('two logs: a second one whose only commits are damaged in the middle refuses, torn at its end is cut', async () => {
  const directory = edited(two, (bytes) => flip(bytes, 2_000))
  assert.match((await rejects(() => openStore(directory, { log: quiet }), 'storage_unavailable')).message, two.name)
  const torn = edited(two, (bytes) => bytes.subarray(0, bytes.length - 5))
  assert.is((await reopened(torn, twoPayloads)).stored, twoPayloads.length - 1)
})

Wal.run()
