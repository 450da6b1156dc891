// Guards damage in tables: wherever a bit is wrong, a sentence; no entity but those in the damaged block suffers, also when RocksDB
// comes to rewrite that block; and the doctor names them.

import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { examine } from '../../host/doctor/doctor.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { append, folder, plain } from '../support/journal.ts'
import type { TestStore as Store } from '../support/store.ts'
import { openStore } from '../support/store.ts'

const Tables = suite('damaged tables')

const keys = Array.from({ length: 60 }, (_, n) => `k${String(n).padStart(2, '0')}`)
const text = (key: string, revision: number) => `${key} ${revision} ${'x'.repeat(300)}`
const rounds = 3

/** Several tables: each start writes one of what the log holds. */
async function stored(): Promise<string> {
  const directory = folder()
  for (let round = 0; round < rounds; round++) {
    const store = await openStore(directory, { log() {} })
    store.catalog.storageId('test.Service')
    for (const key of keys) await append(store.journal, { storage: 1, key }, [text(key, round + 1)])
    store.note()
    await store.journal.close()
  }
  const { journal } = await openStore(directory, { log() {} })
  await journal.close()
  return directory
}

/** Entities that cannot be read; the others are what they were. */
function unreadable({ journal }: Store, revisions: ReadonlyMap<string, number>): string[] {
  const bad: string[] = []
  for (const key of keys) {
    const expected = Array.from({ length: revisions.get(key) ?? rounds }, (_, at) => text(key, at + 1))
    try {
      const { events } = journal.events({ storage: 1, key }, 0, 100, 1_000_000)
      assert.equal(
        events.map(({ data }) => Buffer.from(data).toString()),
        expected,
      )
    } catch (error) {
      assert.instance(error, InnkeeperError)
      assert.is((error as InnkeeperError).code, 'data_damaged', (error as Error).message)
      assert.match(
        ((error as Error).cause as Error).message,
        /^(journal|frozen-\d+)\/\d+\.sst is damaged in the \d+ bytes from byte \d+$/,
      )
      bad.push(key)
    }
  }
  return bad
}

const tables = (directory: string) => readdirSync(join(directory, 'journal')).filter((name) => name.endsWith('.sst'))

Tables(
  '§storage-4, damage.D1, damage.D2, database.B1, kv.V4: one wrong bit anywhere: a sentence at the start, or only entities of its block are refused',
  async () => {
    const original = await stored()
    let entitiesRefused = 0
    for (const table of tables(original)) {
      for (const part of [0.1, 0.5, 0.8, 0.99]) {
        const directory = folder()
        cpSync(original, directory, { recursive: true })
        flip(join(directory, 'journal', table), part)
        let store: Store
        try {
          store = await openStore(directory, { log() {} })
        } catch (error) {
          assert.instance(error, InnkeeperError, `${table} at ${part}: ${(error as Error).stack}`)
          continue
        }
        const bad = unreadable(store, new Map())
        entitiesRefused += bad.length
        assert.ok(bad.length < keys.length, `${table} at ${part}: all entities are refused`)
        assert.is(store.journal.failure(), undefined)
        await store.journal.close()
      }
    }
    assert.ok(entitiesRefused > 0, 'no block of an entity was hit')
  },
)

Tables(
  'rocksdb.D4: a store whose damaged block RocksDB cannot rewrite is frozen, and everything else goes on',
  async () => {
    const original = await stored()
    // The largest table holds the entities.
    const size = (name: string) => readFileSync(join(original, 'journal', name)).length
    const table = tables(original).sort((a, b) => size(b) - size(a))[0]!
    flip(join(original, 'journal', table), 0.4)
    const told: string[] = []
    const revisions = new Map<string, number>()
    let bad: string[] | undefined
    let wasFrozen = false
    for (let start = 0; start < 6; start++) {
      const store = await openStore(original, { log: (message) => told.push(message) })
      const now = unreadable(store, revisions)
      assert.ok(now.length > 0 && now.length < keys.length / 2, `${now.length} entities are refused`)
      if (bad !== undefined) assert.equal(now, bad, 'other entities are refused than before')
      bad = now
      for (const key of keys) {
        if (bad.includes(key)) continue
        const revision = (revisions.get(key) ?? rounds) + 1
        await appended(store, key, revision)
        revisions.set(key, revision)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
      store.journal.examine()
      if (store.journal.failure() !== undefined) await store.journal.reopen()
      wasFrozen ||= existsSync(join(original, 'frozen-1'))
      store.note()
      await store.journal.close()
    }
    assert.ok(wasFrozen, 'RocksDB never met the damaged block while it rewrote tables: this test shows nothing')
    assert.ok(told.some((line) => /kept as frozen-1 and only read from now on/.test(line)))
    const { findings } = await examine(original, () => {})
    const named = findings.filter(({ column, entity }) => column === 'journal' && entity !== null)
    for (const key of bad!)
      assert.ok(
        named.some(({ entity, what }) => entity === key && /^records? /.test(what)),
        `${key} is not named`,
      )
  },
)

/** A commit that RocksDB refuses is made again in the reopened store, as a client that retries does. */
async function appended({ journal }: Store, key: string, revision: number): Promise<void> {
  const entity = { storage: 1, key }
  try {
    await append(journal, entity, [text(key, revision)])
  } catch (error) {
    assert.instance(error, InnkeeperError)
    await journal.reopen()
    if ((journal.head(entity)?.revision ?? 0) < revision) await append(journal, entity, [text(key, revision)])
  }
}

Tables('a damaged lock is made anew', async () => {
  const directory = folder()
  const first = await openStore(directory, { log() {} })
  await append(first.journal, { storage: 1, key: 'a' }, ['x'])
  await first.journal.close()
  for (const name of readdirSync(join(directory, 'lock'))) writeFileSync(join(directory, 'lock', name), 'damaged')
  const told: string[] = []
  const { journal } = await openStore(directory, { log: (message) => told.push(message) })
  assert.is(journal.head({ storage: 1, key: 'a' })?.revision, 1)
  assert.ok(told.some((line) => /lock file was damaged and has been created again/.test(line)))
  await journal.close()
})

Tables('the doctor finds nothing in a sound directory, and a component whose bytes are others', async () => {
  const directory = await stored()
  const { findings, values } = await examine(directory, () => {})
  assert.equal(plain(findings), [])
  assert.ok(values > keys.length * rounds)
  const store = await openStore(directory, { log() {} })
  store.kv.write([['components', Buffer.from(`component/${'0'.repeat(64)}`), Buffer.from('not it')]], true)
  await store.journal.close()
  const [finding, ...others] = (await examine(directory, () => {})).findings
  assert.equal(others, [])
  assert.is(finding!.what, 'component/000000000000')
  assert.match(finding!.reason, /not those that were uploaded/)
})

function flip(file: string, part: number): void {
  const bytes = readFileSync(file)
  bytes[Math.floor(bytes.length * part)]! ^= 0x10
  writeFileSync(file, bytes)
}

Tables.run()
