// Guards commits that wait for a slow disk outside the loop (E1 to E3, D5, D6): what is read meanwhile, what is put off, and how it ends.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import { Aside } from '../../host/storage/aside.ts'
import { Database } from '../../host/storage/database.ts'
import type { Write } from '../../host/storage/kv.ts'
import { slowMs } from '../../host/storage/pace.ts'
import { pack, unpack } from '../../host/storage/packed.ts'
import { append, commit, folder, plain, record, snapshot } from '../support/journal.ts'
import type { TestStore as Store } from '../support/store.ts'
import { openStore } from '../support/store.ts'

const cart = { storage: 1, key: 'cart' }
const other = { storage: 1, key: 'other' }

/** On a disk that is taken for slow. */
async function slowStore(directory: string): Promise<Store> {
  const store = await openStore(directory, { log: () => {} })
  slow(store)
  return store
}

function slow({ kv: { pace } }: Store): void {
  while (!pace.slow) pace.measured(100 * slowMs)
}

const Asides = suite('commits aside')

Asides('writes are the same after the way to another thread', () => {
  const writes: Write[] = [
    ['journal', Buffer.from('key'), Buffer.from('value')],
    ['outbox', Buffer.from([0, 255]), undefined],
    ['default', Buffer.from('empty'), Buffer.alloc(0)],
    ['commits', Buffer.alloc(300, 7), Buffer.alloc(70_000, 9)],
  ]
  assert.equal(plain(unpack(pack(writes))), plain(writes))
  assert.equal(unpack(pack([])), [])
})

Asides('aside.E1: a commit counts once its end is known on the loop, and is there after a start', async () => {
  const directory = folder()
  const store = await slowStore(directory)
  const { journal } = store
  await append(journal, cart, ['first'])
  const before = journal.pace.aside
  let ended = false
  const done = append(journal, cart, ['second']).then(() => {
    ended = true
  })
  // Its sync may have ended in the thread by now, and then it can be read.
  assert.is(ended, false)
  assert.is(journal.lastCommit(), 1)
  await done
  assert.is(journal.pace.aside, before + 1)
  assert.is(journal.head(cart)?.revision, 2)
  assert.is(journal.lastCommit(), 2)
  await journal.close()
  const again = await openStore(directory, { log: () => {} })
  assert.is(again.journal.head(cart)?.revision, 2)
  assert.is(again.journal.lastCommit(), 2)
  await again.journal.close()
})

Asides('rocksdb.D5: commits of a disk that turns slow and quick keep their order and their numbers', async () => {
  const store = await openStore(folder(), { log: () => {} })
  const { journal } = store
  const heard: number[] = []
  for (let number = 1; number <= 60; number++) {
    if (number % 10 === 0) slow(store)
    if (number % 10 === 5) while (journal.pace.slow) journal.pace.measured(0)
    await append(journal, cart, [`${number}`])
    heard.push(journal.lastCommit())
  }
  assert.equal(
    heard,
    Array.from({ length: 60 }, (_, index) => index + 1),
  )
  assert.ok(journal.pace.aside > 10 && journal.pace.aside < 60, `${journal.pace.aside} commits were aside`)
  assert.equal(
    journal.commits(0, 100).map(({ number }) => number),
    heard,
  )
  await journal.close()
})

Asides(
  'rocksdb.D6, kv.V3: a snapshot that is taken meanwhile is written after the commit, and the loop does not wait',
  async () => {
    const store = await slowStore(folder())
    const { journal } = store
    await append(journal, cart, ['first'])
    const done = append(journal, other, ['second'])
    journal.putSnapshot(cart, snapshot(1, 1, 'state'))
    assert.is(journal.snapshot(cart), undefined)
    await done
    assert.is(journal.snapshot(cart)?.sequence, 1)
    await journal.close()
  },
)

Asides('rocksdb.D6: what is synced meanwhile, a deployment, comes after the commit', async () => {
  const store = await slowStore(folder())
  await append(store.journal, cart, ['first'])
  const done = append(store.journal, cart, ['second'])
  const id = store.catalog.storageId('persistence')
  assert.is(store.catalog.storageId('persistence'), id)
  await done
  assert.is(store.journal.head(cart)?.revision, 2)
  await store.journal.close()
})

Asides('aside.E3: closing waits for the commit under way', async () => {
  const directory = folder()
  const { journal } = await slowStore(directory)
  const heard: string[] = []
  const done = append(journal, cart, ['first']).then(() => heard.push('committed'))
  await journal.close().then(() => heard.push('closed'))
  await done
  assert.equal(heard, ['committed', 'closed'])
  const again = await openStore(directory, { log: () => {} })
  assert.is(again.journal.head(cart)?.revision, 1)
  await again.journal.close()
})

Asides('aside.E3: so does opening it anew, and then it goes on', async () => {
  const { journal } = await slowStore(folder())
  const done = append(journal, cart, ['first'])
  await Promise.all([done, journal.reopen()])
  assert.is(journal.head(cart)?.revision, 1)
  await append(journal, cart, ['second'])
  assert.is(journal.lastCommit(), 2)
  await journal.close()
})

Asides('aside.E2: a thread that ends fails its commit, and all after it', async () => {
  const database = await Database.open(folder(), () => {})
  const aside = new Aside(database.handle)
  const write = (writes: readonly Write[]) =>
    new Promise<string>((resolve) => aside.write(writes, (error) => resolve(`${error?.message}`)))
  assert.is(await write([['default', Buffer.from('a'), Buffer.from('b')]]), 'undefined')
  assert.is(database.get('default', Buffer.from('a'))?.toString(), 'b')
  assert.is(aside.failed, false)
  await aside.close()
  assert.is(aside.failed, true)
  assert.match(await write([['default', Buffer.from('a'), Buffer.from('c')]]), /has ended/)
  assert.is(database.get('default', Buffer.from('a'))?.toString(), 'b')

  // It is ended before it has begun to write.
  const early = new Aside(database.handle)
  const lost = new Promise<string>((resolve) => early.write([], (error) => resolve(`${error?.message}`)))
  await (early as unknown as { worker: { terminate(): Promise<unknown> } }).worker.terminate()
  assert.match(await lost, /has ended/)
  await database.close()
})

Asides(
  'group-commit.G5, journal.J2: alone, a purge meets no commit, and what joins meanwhile is written after it',
  async () => {
    const { journal } = await slowStore(folder())
    const commits = new GroupCommit({ journals: [journal], flush() {} })
    const heard: string[] = []
    const join = (key: string) =>
      commits.of(0).join(
        (batch) => batch.append({ storage: key === 'b' ? 2 : 1, key }, record(1, 0, [key])),
        (error) => heard.push(`${key} ${error}`),
      )
    join('a')
    commits.flush()
    // Gathered while the first one is under way.
    join('b')
    const purged = commits.alone(() => {
      heard.push('purge')
      return journal.purge(2)
    })
    join('c')
    await purged
    await commits.drain()
    assert.equal(heard, ['a undefined', 'b undefined', 'purge', 'c undefined'])
    assert.is(journal.head({ storage: 2, key: 'b' }), undefined)
    assert.is(journal.head({ storage: 1, key: 'c' })?.revision, 1)
    await journal.close()
  },
)

Asides('kv.V3: a second commit is not given before the first has ended', async () => {
  const { journal } = await slowStore(folder())
  const done = append(journal, cart, ['first'])
  const second = journal.batch()
  second.append(other, record(1, 0, ['second']))
  assert.throws(() => journal.commit(second, () => {}), /a commit is under way/)
  assert.throws(() => journal.purge(1), /a purge meets a commit under way/)
  await done
  await commit(journal, (batch) => batch.append(other, record(1, 0, ['second'])))
  await journal.close()
})

Asides.run()
