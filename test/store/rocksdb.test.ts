// Guards the store on disk: the contract, the lock, the format, and any history of operations against a plain Map.

import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RocksLevel } from '@nxtedition/rocksdb'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { EntityRef } from '../../host/journal/journal.ts'
import { commitKey, entityPrefix, numbered } from '../../host/journal/keys.ts'
import { frame } from '../../host/journal/record.ts'
import { basesContract } from '../contract/bases.ts'
import { journalContract } from '../contract/journal.ts'
import { rejects } from '../support/assert.ts'
import { append, commit, event, expireKeys, folder, plain, record, snapshot } from '../support/journal.ts'
import type { TestStore as Store } from '../support/store.ts'
import { openStore } from '../support/store.ts'

const log = () => {}

const open = async () => {
  const directory = folder()
  let store = await openStore(directory, { log })
  return {
    store,
    reopen: async () => {
      await store.journal.close()
      store = await openStore(directory, { log })
      return store
    },
    close: () => store.journal.close(),
  }
}

journalContract('rocksdb', open)
basesContract('rocksdb', open)

const RocksDb = suite('rocksdb')

RocksDb('§storage-6, rocksdb.D3: a second process is told who has the directory, and touches nothing', async () => {
  const directory = folder()
  const { journal } = await openStore(directory, { log })
  const entity = { storage: 1, key: 'a' }
  await append(journal, entity, ['a'])
  const module = fileURLToPath(new URL('../../host/store/rocksdb.ts', import.meta.url))
  const second = `
    const { openStore } = await import(${JSON.stringify(module)})
    const error = await openStore(${JSON.stringify(directory)}, { log: console.log }).catch((error) => error)
    console.log(error.code, error.message)`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', second], { encoding: 'utf8' })
  assert.match(said, /^storage_unavailable .*is in use by another process.*--data/)
  await append(journal, entity, ['b'])
  await journal.close()
  const again = await openStore(directory, { log })
  assert.is(again.journal.head(entity)?.revision, 2)
  await again.journal.close()
})

RocksDb('rocksdb.D3: a host that finds another at work does not take its unfinished write for a torn one', async () => {
  const directory = folder()
  const { journal } = await openStore(directory, { log })
  await append(journal, { storage: 1, key: 'a' }, ['a'])
  const name = readdirSync(join(directory, 'journal')).find((file) => file.endsWith('.log'))!
  const path = join(directory, 'journal', name)
  appendFileSync(path, Buffer.alloc(40, 0xab))
  const before = readFileSync(path)
  await rejects(() => openStore(directory, { log }), 'storage_unavailable')
  assert.ok(readFileSync(path).equals(before), 'the log of a running host was changed')
  await journal.close()
})

RocksDb(
  'journal.J1, journal.J5, kv.V1: commits, purges, deployments and expiry are synced, snapshots are not',
  async () => {
    // No kill shows a missing sync: the system's cache outlives the process. So look at what the binding is asked.
    const synced: boolean[] = []
    const original = RocksLevel.prototype.batch
    RocksLevel.prototype.batch = function (this: RocksLevel) {
      const batch = original.call(this)
      const write = batch._writeSync
      batch._writeSync = function (options) {
        synced.push(options.sync)
        write.call(this, options)
      }
      return batch
    }
    try {
      const { journal, catalog } = await openStore(folder(), { log })
      const asked = async (run: () => unknown) => {
        synced.length = 0
        await run()
        return [...synced]
      }
      // Commits of another thread would not be seen here (aside.test.ts).
      journal.pace.measured = () => {}
      const entity = { storage: 1, key: 'a' }
      const entry = { method: 'm', payloadHash: Buffer.alloc(32), atMs: 1, revision: 1, final: undefined }
      assert.equal(await asked(() => append(journal, entity, ['a'])), [true])
      assert.equal(await asked(() => commit(journal, (batch) => batch.remember(entity, 'key', entry))), [true])
      assert.equal(await asked(() => journal.putSnapshot(entity, snapshot(1, 1, 'x'))), [false])
      assert.equal(await asked(() => expireKeys(journal, 10, 10)), [true])
      // The last one takes the note of it away.
      assert.equal(await asked(() => journal.purge(1)), [true, false])
      assert.equal(await asked(() => catalog.storageId('p')), [true])
      assert.equal(await asked(() => catalog.undeploy('p')), [true])
      await journal.close()
    } finally {
      RocksLevel.prototype.batch = original
    }
  },
)

RocksDb('rocksdb.D3: nor can the same process open it twice', async () => {
  const directory = folder()
  const { journal } = await openStore(directory, { log })
  const { message } = await rejects(() => openStore(directory, { log }), 'storage_unavailable')
  assert.match(message, /in use by another process/)
  await journal.close()
  await (await openStore(directory, { log })).journal.close()
})

RocksDb('a directory that cannot be opened is not called one in use, and leaves no lock behind', async () => {
  // RocksDB names the path, and damage as "block checksum mismatch": the word alone says nothing.
  const directory = join(folder(), 'blocks')
  await (await openStore(directory, { log })).journal.close()
  const current = join(directory, 'journal', 'CURRENT')
  const text = readFileSync(current)
  writeFileSync(current, 'MANIFEST-999999\n')
  const { message } = await rejects(() => openStore(directory, { log }), 'storage_unavailable')
  assert.match(message, /cannot be opened/)
  writeFileSync(current, text)
  await (await openStore(directory, { log })).journal.close()
})

RocksDb('what is closed refuses, and says so', async () => {
  const { journal } = await openStore(folder(), { log })
  await journal.close()
  await rejects(async () => journal.head({ storage: 1, key: 'a' }), 'storage_unavailable')
  await rejects(() => append(journal, { storage: 1, key: 'a' }, ['x']), 'storage_unavailable')
})

RocksDb('a directory of a host that knew neither values nor replicas is opened, and takes them', async () => {
  // As that host made it: its column families, and the bytes that it wrote.
  const directory = folder()
  const path = join(directory, 'journal')
  const columns = ['default', 'journal', 'commits', 'snapshots', 'components', 'idempotency', 'outbox']
  const entity = { storage: 1, key: 'cart' }
  const recordBytes =
    '013a60ad57080110031a490a0341646412097061796c6f616420311a0d0a046e616d65120576616c75651a0f0a0962797465732d62696e' +
    '1a0200ff2081d095ffbc312a100101010101010101010101010101010122120a0d746573742e48617070656e6564120161320a0a08616e' +
    '737765722031'
  const commitBytes = '012513d0f00a0a08011204636172741801'
  const old = new RocksLevel(path, { columns: Object.fromEntries(columns.map((name) => [name, {}])) })
  mkdirSync(path)
  await old.open({ createIfMissing: true, walCompression: false })
  const handles = old.columns as Record<string, unknown>
  const batch = old.batch()
  batch._put(Buffer.from('directory'), frame(Buffer.from(`{"format":1,"id":"${'a'.repeat(32)}"}`)), {
    column: handles['default'],
  })
  batch._put(numbered(entityPrefix(entity), 1), Buffer.from(recordBytes, 'hex'), { column: handles['journal'] })
  batch._put(commitKey(1), Buffer.from(commitBytes, 'hex'), { column: handles['commits'] })
  batch._writeSync({ sync: true })
  batch._closeSync()
  await old.close()

  let store = await openStore(directory, { log, partitions: undefined })
  assert.match(store.replica, /^aaaaaaaaaaaa-/)
  assert.equal(plain(store.journal.record(entity, 1)), plain(record(1, 0, ['a'])))
  await append(store.journal, entity, ['b'])
  const base = { revision: 1, deployment: 1, nowMs: 1, state: Buffer.from('value') }
  const subscription = { id: 's', method: 'M', payload: Buffer.from('p'), note: Buffer.from('n') }
  const value = { storage: 2, key: 'value' }
  await commit(store.journal, (next) => {
    next.keep(value, 0, base, [])
    next.subscribe(value, subscription)
  })
  await store.journal.close()
  store = await openStore(directory, { log, partitions: undefined })
  assert.is(store.journal.head(entity)?.revision, 2)
  assert.equal(plain(store.journal.base(value)), plain(base))
  assert.equal(plain(store.journal.subscriptions(value)), plain([subscription]))
  assert.is(store.journal.lastCommit(), 3)
  await store.journal.close()
})

RocksDb('a record of hundreds of kilobytes comes back whole', async () => {
  const directory = folder()
  const first = await openStore(directory, { log })
  const entity = { storage: 1, key: 'k'.repeat(1024) }
  const large = 'ü'.repeat(300_000)
  await append(first.journal, entity, [large, large])
  await first.journal.close()
  const { journal } = await openStore(directory, { log })
  assert.equal(plain(journal.record(entity, 1)), plain(record(1, 0, [large, large])))
  await journal.close()
})

interface Model {
  readonly events: Map<string, string[][]>
  readonly snapshots: Map<string, number[]>
  readonly outbox: Set<number>
  commits: number
}

interface Real {
  store: Store
  readonly directory: string
}

const keys = ['a', 'a\0', 'a-b', 'b']
const entityOf = (index: number): EntityRef => ({ storage: (index % 2) + 1, key: keys[index % keys.length]! })
const nameOf = ({ storage, key }: EntityRef) => `${storage}/${key}`

type Step = fc.AsyncCommand<Model, Real>

/** One commit with records of several entities, some with outbox changes. */
class Commit implements Step {
  private readonly writes: readonly (readonly [number, readonly string[]])[]
  private readonly outboxId: number
  constructor(writes: readonly (readonly [number, readonly string[]])[], outboxId: number) {
    this.writes = writes
    this.outboxId = outboxId
  }
  check = () => true
  async run(model: Model, { store }: Real): Promise<void> {
    await commit(store.journal, (batch) => {
      for (const [index, texts] of this.writes) {
        const entity = entityOf(index)
        const history = model.events.get(nameOf(entity)) ?? []
        batch.append(entity, record(history.length + 1, history.flat().length, texts))
        model.events.set(nameOf(entity), [...history, [...texts]])
      }
      if (this.outboxId > 0) {
        const cause = { service: 's', entity: 'e', revision: 1 }
        const target = { service: 's', method: 'm', payload: Buffer.alloc(0), metadata: [] }
        const entry = {
          cause,
          call: target,
          synchronous: false,
          hops: 0,
          attempts: 0,
          parked: undefined,
          chain: 1,
          place: 1,
          chainEffects: 1,
        }
        if (model.outbox.delete(this.outboxId)) batch.dequeue(this.outboxId)
        else {
          batch.enqueue({ id: this.outboxId, ...entry })
          model.outbox.add(this.outboxId)
        }
      }
    })
    if (this.writes.length > 0 || this.outboxId > 0) model.commits += 1
  }
  toString = () => `commit(${JSON.stringify(this.writes)}, ${this.outboxId})`
}

class Snap implements Step {
  private readonly index: number
  constructor(index: number) {
    this.index = index
  }
  check = (model: Readonly<Model>) => model.events.has(nameOf(entityOf(this.index)))
  async run(model: Model, { store }: Real): Promise<void> {
    const entity = entityOf(this.index)
    const history = model.events.get(nameOf(entity))!
    const sequence = history.flat().length
    store.journal.putSnapshot(entity, snapshot(history.length, sequence, history.flat().join('')))
    const kept = (model.snapshots.get(nameOf(entity)) ?? []).filter((old) => old !== sequence)
    model.snapshots.set(nameOf(entity), [...kept, sequence].slice(-3))
  }
  toString = () => `snapshot(${this.index})`
}

class Purge implements Step {
  check = () => true
  async run(model: Model, { store }: Real): Promise<void> {
    store.journal.purge(2)
    for (const name of model.events.keys()) if (name.startsWith('2/')) model.events.delete(name)
    for (const name of model.snapshots.keys()) if (name.startsWith('2/')) model.snapshots.delete(name)
    model.commits += 1
  }
  toString = () => 'purge(2)'
}

class Reopen implements Step {
  check = () => true
  async run(_model: Model, real: Real): Promise<void> {
    await real.store.journal.close()
    real.store = await openStore(real.directory, { log })
  }
  toString = () => 'reopen'
}

class Compare implements Step {
  check = () => true
  async run(model: Model, { store: { journal } }: Real): Promise<void> {
    compare(model, journal)
  }
  toString = () => 'compare'
}

function compare(model: Model, journal: Store['journal']): void {
  for (let index = 0; index < 8; index++) {
    const entity = entityOf(index)
    const history = model.events.get(nameOf(entity)) ?? []
    const flat = history.flat()
    assert.is(journal.head(entity)?.revision, history.length || undefined)
    const seen: unknown[] = []
    for (let after = 0; after < history.length; ) {
      const page = journal.events(entity, after, 3, 1_000)
      seen.push(...page.events)
      after = page.revision
    }
    assert.equal(plain(seen), plain(flat.map(event)))
    const latest = model.snapshots.get(nameOf(entity))?.at(-1)
    const expected = latest === undefined ? undefined : flat.slice(0, latest).join('')
    const found = journal.snapshot(entity)
    assert.is(found && Buffer.from(found.state).toString(), expected)
  }
  for (const storage of [1, 2]) {
    const listed = journal.entities(storage, '', undefined, 100).map(({ key }) => `${storage}/${key}`)
    assert.equal(listed, [...model.events.keys()].filter((name) => name.startsWith(`${storage}/`)).sort())
  }
  const ids = journal.outbox(0, 100).map(({ id }) => id)
  assert.equal(
    ids,
    [...model.outbox].sort((a, b) => a - b),
  )
  assert.is(journal.lastCommit(), model.commits)
  assert.equal(
    journal.commits(0, 1_000).map(({ number }) => number),
    Array.from({ length: model.commits }, (_, index) => index + 1),
  )
}

RocksDb('any history of commits, snapshots, purges and reopenings reads as a plain Map would', async () => {
  const texts = fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 })
  const writes = fc.array(fc.tuple(fc.nat(7), texts), { maxLength: 4 })
  const steps = fc.commands(
    [
      fc.tuple(writes, fc.nat(3)).map(([list, outboxId]) => new Commit(list, outboxId)),
      fc.nat(7).map((index) => new Snap(index)),
      fc.constant(new Purge()),
      fc.constant(new Reopen()),
      fc.constant(new Compare()),
    ],
    { maxCommands: 40 },
  )
  const property = fc.asyncProperty(steps, async (history) => {
    const directory = folder()
    const real: Real = { store: await openStore(directory, { log }), directory }
    const model: Model = { events: new Map(), snapshots: new Map(), outbox: new Set(), commits: 0 }
    try {
      await fc.asyncModelRun(() => ({ model, real }), history)
      compare(model, real.store.journal)
    } finally {
      await real.store.journal.close()
    }
  })
  await fc.assert(property, { numRuns: 30 })
})

RocksDb('the log that a start reads stays within 160 MiB, whatever is written once and never again', async () => {
  const directory = folder()
  const { journal, catalog } = await openStore(directory, { log })
  const logBytes = () =>
    readdirSync(join(directory, 'journal'))
      .filter((name) => name.endsWith('.log'))
      // RocksDB deletes a log in a thread of its own, also between the listing and this look.
      .map((name) => statSync(join(directory, 'journal', name), { throwIfNoEntry: false })?.size ?? 0)
      .reduce((sum, size) => sum + size, 0)
  // One small write to other columns first: as long as it is in memory only, RocksDB keeps the log that has it.
  catalog.storageId('test.Service')
  await append(journal, { storage: 1, key: 'rare' }, ['once'])
  const large = 'x'.repeat(256 * 1024)
  let most = 0
  for (let revision = 1; revision <= 1_200; revision++) {
    await append(journal, { storage: 2, key: `k${revision}` }, [large])
    if (revision % 20 === 0) most = Math.max(most, logBytes())
  }
  // 137 MiB (storage/database.ts), and what RocksDB has not deleted yet.
  assert.ok(most < 160 * 1024 * 1024, `${most} bytes of log after 300 MiB`)
  await journal.close()
})

RocksDb.run()
