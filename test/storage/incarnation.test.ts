// Guards replica ids: the same at every start of a data directory, another one for a directory that is a copy or a restore.

import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Incarnation as Replica, type StoredIncarnation } from '../../host/storage/incarnation.ts'
import { readMarker } from '../../host/storage/marker.ts'
import { rejects } from '../support/assert.ts'
import { append, folder } from '../support/journal.ts'
import type { TestStore as Store } from '../support/store.ts'
import { openStore } from '../support/store.ts'

const Incarnation = suite('incarnation')

interface Opened {
  readonly store: Store
  readonly warnings: readonly string[]
}

async function open(directory: string): Promise<Opened> {
  const warnings: string[] = []
  const store = await openStore(directory, { log: (message) => warnings.push(message) })
  return { store, warnings }
}

/** A stay of a host: so many commits, and its id. Noted at its end, unless it crashed. */
async function stay(directory: string, commits: number, crashed = false): Promise<string> {
  const { store } = await open(directory)
  for (let i = 0; i < commits; i++) await append(store.journal, { storage: 1, key: 'a' }, ['x'])
  if (!crashed) store.note()
  await store.journal.close()
  return store.replica
}

/** Opens as this replica or as a new one, and says so. */
async function opensAs(directory: string, known: string, same: boolean): Promise<string> {
  const { store, warnings } = await open(directory)
  await store.journal.close()
  assert.is(store.replica === known, same, `${known}, then ${store.replica}`)
  assert.equal(warnings, same ? [] : ['the data directory was copied or restored: it is a new replica now'])
  // Once is enough: it stays what it has become.
  if (!same) await opensAs(directory, store.replica, true)
  return store.replica
}

const marker = (directory: string) => join(directory, 'replica')

Incarnation('a first start takes an id, without a warning; every directory another', async () => {
  const [one, two] = [await open(folder()), await open(folder())]
  assert.match(one.store.replica, /^[0-9a-f]{12}-[0-9a-f]{10}$/)
  assert.is.not(one.store.replica, two.store.replica)
  assert.equal([...one.warnings, ...two.warnings], [])
  await Promise.all([one.store.journal.close(), two.store.journal.close()])
})

Incarnation(
  'incarnation.N1: a restart is the same replica: untouched, after a crash, with commits or without',
  async () => {
    const directory = folder()
    const replica = await stay(directory, 3)
    await opensAs(directory, replica, true)
    assert.is(await stay(directory, 5, true), replica)
    await opensAs(directory, replica, true)
    assert.is(await stay(directory, 0), replica)
  },
)

Incarnation('§replica-7: a directory that was moved is the same replica', async () => {
  const directory = folder()
  const replica = await stay(directory, 2)
  const moved = join(folder(), 'moved')
  renameSync(directory, moved)
  await opensAs(moved, replica, true)
})

Incarnation('§replica-7, incarnation.N2: a copy is a new replica, and what it was copied from is not', async () => {
  const directory = folder()
  const replica = await stay(directory, 2)
  const copies = [folder(), folder()]
  for (const copy of copies) cpSync(directory, copy, { recursive: true, preserveTimestamps: true })
  const ids = [await opensAs(copies[0]!, replica, false), await opensAs(copies[1]!, replica, false)]
  assert.is.not(ids[0], ids[1])
  await opensAs(directory, replica, true)
})

Incarnation('incarnation.N2: a backup in the place of what it was taken from is a new replica', async () => {
  const directory = folder()
  const replica = await stay(directory, 2)
  const backup = folder()
  cpSync(directory, backup, { recursive: true, preserveTimestamps: true })
  await stay(directory, 2)
  rmSync(directory, { recursive: true })
  cpSync(backup, directory, { recursive: true, preserveTimestamps: true })
  await opensAs(directory, replica, false)
})

Incarnation(
  'incarnation.N3: a journal that ends before the noted commit is refused, until the marker is deleted',
  async () => {
    const directory = folder()
    const replica = await stay(directory, 2)
    const backup = folder()
    cpSync(join(directory, 'journal'), backup, { recursive: true })
    await stay(directory, 1)
    const restore = () => {
      rmSync(join(directory, 'journal'), { recursive: true })
      cpSync(backup, join(directory, 'journal'), { recursive: true })
    }
    restore()
    for (const _ of ['once', 'again']) {
      const { message } = await rejects(() => openStore(directory, { log() {} }), 'storage_unavailable')
      assert.match(
        message,
        /^1 acknowledged commit is missing: the journal ends at commit 2, and commit 3 was written\./,
      )
      assert.match(message, /delete .*replica and start again/)
    }
    rmSync(marker(directory))
    const second = await opensAs(directory, replica, false)
    // The journal that was restored knows nothing of the new marker: to it this is a copy.
    await stay(directory, 5)
    restore()
    const { store } = await open(directory)
    assert.not([replica, second].includes(store.replica))
    await store.journal.close()
  },
)

Incarnation('§storage-5, incarnation.N3: a log whose end was cut, emptied or deleted is noticed', async () => {
  for (const damage of [
    (log: string) => truncateSync(log, statSync(log).size - 10),
    (log: string) => truncateSync(log, 0),
    (log: string) => rmSync(log),
  ]) {
    const directory = folder()
    await stay(directory, 12)
    const journal = join(directory, 'journal')
    const [log] = readdirSync(journal).filter((name) => name.endsWith('.log'))
    damage(join(journal, log!))
    const { message } = await rejects(() => openStore(directory, { log() {} }), 'storage_unavailable')
    assert.match(message, /missing: the journal ends at commit (0|11), and commit 12 was written/)
  }
})

Incarnation(
  'incarnation.N3: a copy of a running host that lacks its last commits is a new replica, and says so',
  async () => {
    const directory = folder()
    const replica = await stay(directory, 2)
    const copy = folder()
    cpSync(join(directory, 'journal'), join(copy, 'journal'), { recursive: true })
    await stay(directory, 3)
    cpSync(marker(directory), marker(copy))
    const told: Record<string, unknown>[] = []
    const store = await openStore(copy, { log: (_, fields) => told.push(fields ?? {}) })
    assert.is.not(store.replica, replica)
    assert.is(told[0]!['missing'], 3)
    await store.journal.close()
  },
)

Incarnation('marker.M3: a manifest that was cut is noticed before RocksDB opens it', async () => {
  const directory = folder()
  await stay(directory, 2)
  const journal = join(directory, 'journal')
  await stay(directory, 2)
  const [manifest] = readdirSync(journal).filter((name) => name.startsWith('MANIFEST-'))
  truncateSync(join(journal, manifest!), statSync(join(journal, manifest!)).size - 1)
  const files = readdirSync(journal)
  const { message } = await rejects(() => openStore(directory, { log() {} }), 'storage_unavailable')
  assert.match(message, /^journal\/MANIFEST-\d+ was cut: it has \d+ bytes, and had \d+\./)
  assert.equal(readdirSync(journal), files)
})

Incarnation('marker.M2: the marker has the length of the manifest that was there at the note before', () => {
  const directory = folder()
  const journal = join(directory, 'journal')
  mkdirSync(journal)
  writeFileSync(join(journal, 'CURRENT'), 'MANIFEST-000001\n')
  const grow = () => appendFileSync(join(journal, 'MANIFEST-000001'), '0123456789')
  let commit = 0
  let stored: StoredIncarnation | undefined
  const store = {
    directoryId: '0'.repeat(32),
    incarnation: () => stored,
    putIncarnation: (incarnation: StoredIncarnation) => {
      stored = incarnation
    },
  }
  grow()
  const replica = new Replica(
    directory,
    store,
    () => commit,
    () => {},
  )
  const noted = () => readMarker(directory).manifest?.bytes
  assert.is(noted(), 10)
  for (const length of [10, 20, 30]) {
    grow()
    commit += 1
    replica.note()
    assert.is(noted(), length)
  }
})

Incarnation('a journal that was restored to where it was is the same replica', async () => {
  const directory = folder()
  const replica = await stay(directory, 2)
  const backup = folder()
  cpSync(join(directory, 'journal'), backup, { recursive: true })
  rmSync(join(directory, 'journal'), { recursive: true })
  cpSync(backup, join(directory, 'journal'), { recursive: true })
  await opensAs(directory, replica, true)
})

Incarnation('incarnation.N2: a missing marker is a new replica', async () => {
  const directory = folder()
  const replica = await stay(directory, 2)
  rmSync(marker(directory))
  await opensAs(directory, replica, false)
})

Incarnation('marker.M1: a torn marker is read as no number, and the replica is the same', async () => {
  const directory = folder()
  const replica = await stay(directory, 12)
  for (const torn of ['', '1', 'x\0', '\n']) {
    writeFileSync(marker(directory), torn)
    await opensAs(directory, replica, true)
    assert.is(readMarker(directory).commit, 12)
  }
})

Incarnation('the marker says how far the replica has come, at each start and whenever it is noted', async () => {
  const directory = folder()
  const { store } = await open(directory)
  const noted = () => readMarker(directory).commit
  assert.is(noted(), 0)
  for (let i = 0; i < 3; i++) await append(store.journal, { storage: 1, key: 'a' }, ['x'])
  assert.is(noted(), 0)
  store.note()
  assert.is(noted(), 3)
  await append(store.journal, { storage: 1, key: 'a' }, ['x'])
  await store.journal.close()
  await (await open(directory)).store.journal.close()
  assert.is(noted(), 4)
})

Incarnation.run()
