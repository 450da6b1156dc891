// Guards followers of a directory that was restored from a backup, or copied while a host ran: none goes on in another history.

import { cpSync, rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { feedOf, lost, page, told } from '../support/feed.ts'
import { append, folder } from '../support/journal.ts'
import { openStore } from '../support/store.ts'

const Restored = suite('feed of a restored directory')

const a = { storage: 1, key: 'a' }
const log = () => {}

Restored(
  'feed.F2, runs.Q3: behind a restored journal an offset is beyond the end, then of another history, and never goes on',
  async () => {
    const directory = folder()
    const backup = folder()
    let store = await openStore(directory, { log })
    await append(store.journal, a, ['one'])
    await append(store.journal, a, ['two'])
    const early = feedOf(store).feed.end
    await store.close()
    cpSync(directory, backup, { recursive: true })
    store = await openStore(directory, { log })
    await append(store.journal, a, ['three'])
    await append(store.journal, a, ['four'])
    const { end, start } = feedOf(store).feed
    await store.close()

    rmSync(directory, { recursive: true })
    cpSync(backup, directory, { recursive: true })
    store = await openStore(directory, { log })
    const { feed } = feedOf(store)
    assert.is(lost(feed, end), 'beyond')
    // Byte for byte the same names in the same commits.
    await append(store.journal, a, ['drei'])
    await append(store.journal, a, ['vier'])
    assert.is(store.journal.lastCommit(), end.commit)
    assert.is(lost(feed, end), 'history')
    await append(store.journal, a, ['five'])
    assert.is(lost(feed, end), 'history')
    assert.equal(told(page(feed, early).changes), ['3 a/3 drei', '4 a/4 vier', '5 a/5 five'])
    assert.is(page(feed, start).changes.length, 5)
    await store.close()
  },
)

Restored('feed.F2: an offset of one directory means nothing in another', async () => {
  const [one, two] = [await openStore(folder(), { log }), await openStore(folder(), { log })]
  for (const { journal } of [one, two]) await append(journal, a, ['x'])
  assert.is(lost(feedOf(two).feed, feedOf(one).feed.end), 'history')
  assert.is(lost(feedOf(two).feed, feedOf(one).feed.start), 'history')
  await one.close()
  await two.close()
})

Restored.run()
