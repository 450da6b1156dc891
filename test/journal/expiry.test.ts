// Guards that idempotency keys whose time has come are forgotten, all of them, some a turn of the loop.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { expire, expireAtOnce } from '../../host/journal/expiry.ts'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import type { Journal } from '../../host/journal/journal.ts'
import { SlowKv, storeOn } from '../support/slow-kv.ts'
import { memoryStore } from '../support/store.ts'
import { countedInTurns } from '../support/turns.ts'

const Expiry = suite('expiry')
const entity = { storage: 1, key: 'e' }
const count = 3 * expireAtOnce + 5

function commitsOf(journal: Journal): GroupCommit {
  return new GroupCommit({ journals: [journal], flush() {} }, systemClock, (error) => {
    throw error
  })
}

function filled({ journal } = memoryStore()) {
  const batch = journal.batch()
  const entry = { method: 'M', payloadHash: new Uint8Array(32), revision: 1, final: undefined }
  for (let at = 0; at < count; at++) batch.remember(entity, `old${at}`, { ...entry, atMs: 1 })
  batch.remember(entity, 'new', { ...entry, atMs: 100 })
  journal.commit(batch, (error) => assert.is(error, undefined))
  return journal
}

Expiry('all that has expired is forgotten, so many a turn, and nothing else', async () => {
  const journal = filled()
  const looked = countedInTurns(journal, 'expired', ({ found }) => found)
  await expire(journal, commitsOf(journal).of(0), 50, () => false, systemClock)
  assert.equal([looked.most, looked.all], [expireAtOnce, count])
  assert.is(journal.idempotency(entity, 'old0'), undefined)
  assert.is(journal.idempotency(entity, `old${count - 1}`), undefined)
  assert.is(journal.idempotency(entity, 'new')?.atMs, 100)
})

Expiry('a store that fails meanwhile, or a host that stops, is not asked any more', async () => {
  const journal = filled()
  const looked = countedInTurns(journal, 'expired', ({ found }) => found)
  await expire(journal, commitsOf(journal).of(0), 50, () => looked.all >= expireAtOnce, systemClock)
  assert.is(looked.all, expireAtOnce)
})

Expiry(
  'on a slow disk a piece is looked for when the one before is on disk, so what is deleted is found and counted once',
  async () => {
    const kv = new SlowKv()
    const journal = filled(storeOn(kv))
    const commits = commitsOf(journal)
    const looked = countedInTurns(journal, 'expired', ({ found }) => found)
    kv.waits = true
    commits.of(0).join(
      (batch) =>
        batch.remember(entity, 'newer', {
          method: 'M',
          payloadHash: new Uint8Array(32),
          revision: 1,
          final: undefined,
          atMs: 100,
        }),
      () => {},
    )
    commits.flush()
    const done = expire(journal, commits.of(0), 50, () => false, systemClock)
    await new Promise((resolve) => setTimeout(resolve, 5))
    // The first piece waits behind the commit on its way; nobody looks for the next.
    assert.equal([kv.busy, looked.all], [true, expireAtOnce])
    const ending = setInterval(() => kv.end(), 1)
    await done
    clearInterval(ending)
    assert.is(looked.all, count)
    assert.is(journal.usage.keysOf(1) > 0, true)
  },
)

Expiry.run()
