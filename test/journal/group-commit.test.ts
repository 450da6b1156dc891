// Guards that nobody hears of a write before the sync that holds it, whatever the journal's pace (group-commit.G1 to group-commit.G4).

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import type { EffectEntry } from '../../host/effect.ts'
import type { InnkeeperError } from '../../host/errors.ts'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import type { Batch, Journal } from '../../host/journal/journal.ts'
import { entityPrefix, numbered } from '../../host/journal/keys.ts'
import { KvJournal } from '../../host/journal/kv-journal.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { append, effect, record } from '../support/journal.ts'
import { memoryStore } from '../support/store.ts'

const cart = { storage: 1, key: 'cart' }
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

/** A journal whose commits end when the test says so. */
function held() {
  const { journal } = memoryStore()
  const waiting: { batch: Batch; done: (error: Error | undefined) => void }[] = []
  const slow = new Proxy(journal, {
    get(target, name) {
      if (name === 'commit') {
        return (batch: Batch, done: (error: Error | undefined) => void) => waiting.push({ batch, done })
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const next = (error?: Error) => {
    const { batch, done } = waiting.shift()!
    if (error === undefined) journal.commit(batch, done)
    else done(error)
  }
  return { journal: slow as Journal, waiting, next }
}

function entry(id: number): EffectEntry {
  const call = { service: 's', method: 'M', payload: new Uint8Array(), metadata: [] }
  return effect({ id, cause: { service: 's', entity: 'e', revision: 1 }, call, synchronous: false })
}

const Group = suite('group commit')

Group('§command-3, group-commit.G1: all of a turn is one commit, and nobody hears before it', async () => {
  const { journal, waiting, next } = held()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  const heard: string[] = []
  for (const key of ['a', 'b', 'c']) {
    const write = (batch: Batch) => batch.append({ storage: 1, key }, record(1, 0, [key]))
    commits.of(0).join(write, (error) => heard.push(`${key} ${error}`))
  }
  assert.is(waiting.length, 0)
  await turn()
  assert.is(waiting.length, 1)
  assert.equal(heard, [])
  next()
  assert.equal(heard, ['a undefined', 'b undefined', 'c undefined'])
  assert.is(journal.lastCommit(), 1)
  assert.is(journal.commits(0, 1)[0]?.wrote.length, 3)
})

/** As on a slow disk, for so long that only the number of those who join can end the wait. */
function gathering() {
  const found = held()
  const { pace } = found.journal
  Object.defineProperty(pace, 'gatherMs', { value: 60_000 })
  return found
}

Group('group-commit.G5: where syncs are slow the next commit waits for as many as the last one answered', async () => {
  const { journal, waiting, next } = gathering()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  let heard = 0
  const join = (id: number) =>
    commits.of(0).join(
      (batch) => batch.enqueue(entry(id)),
      () => {
        heard += 1
      },
    )
  for (const id of [1, 2, 3]) join(id)
  await turn()
  assert.is(waiting.length, 1)
  join(4)
  next()
  assert.is(heard, 3)
  // Four may come: the three that were answered, and the one that waits.
  join(5)
  await turn()
  join(6)
  await turn()
  assert.is(waiting.length, 0)
  join(7)
  await turn()
  assert.is(waiting.length, 1)
  next()
  assert.is(heard, 7)
  assert.is(journal.lastCommit(), 2)
  await commits.drain()
})

Group('group-commit.G5: a client alone waits for nobody, nor does a stop', async () => {
  const { journal, waiting, next } = gathering()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  const join = (id: number) =>
    commits.of(0).join(
      (batch) => batch.enqueue(entry(id)),
      () => {},
    )
  for (const id of [1, 2, 3]) {
    join(id)
    await turn()
    assert.is(waiting.length, 1)
    next()
  }
  join(4)
  join(5)
  await turn()
  assert.is(waiting.length, 1)
  next()
  join(6)
  await turn()
  assert.is(waiting.length, 0)
  const drained = commits.drain()
  assert.is(waiting.length, 1)
  next()
  await drained
  assert.is(journal.lastCommit(), 5)
})

Group('group-commit.G5: when its time is over it goes with those who came', async () => {
  const { journal, waiting, next } = held()
  Object.defineProperty(journal.pace, 'gatherMs', { value: 1 })
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  const join = (id: number) =>
    commits.of(0).join(
      (batch) => batch.enqueue(entry(id)),
      () => {},
    )
  join(1)
  join(2)
  await turn()
  next()
  join(3)
  while (waiting.length === 0) await turn()
  next()
  assert.is(journal.lastCommit(), 2)
})

Group('group-commit.G3: a done that throws keeps nobody from hearing, and is told as a bug', async () => {
  const bugs: unknown[] = []
  const commits = new GroupCommit({ journals: [memoryStore().journal], flush() {} }, systemClock, (bug) =>
    bugs.push((bug as Error).message),
  )
  const heard: string[] = []
  const write = (batch: Batch) => batch.enqueue(entry(heard.length + 1))
  commits.of(0).join(write, () => {
    throw new Error('a bug')
  })
  commits.of(0).join(write, (error) => heard.push(`second ${error}`))
  await turn()
  assert.equal(heard, ['second undefined'])
  assert.equal(bugs, ['a bug'])
})

Group('group-commit.G4: what joins while a commit is in flight goes into the next, all of it into one', async () => {
  const { journal, waiting, next } = held()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  const heard: string[] = []
  const join = (key: string) =>
    commits.of(0).join(
      (batch) => batch.append({ storage: 1, key }, record(1, 0, [])),
      () => heard.push(key),
    )
  join('a')
  await turn()
  join('b')
  await turn()
  join('c')
  await turn()
  assert.is(waiting.length, 1)
  next()
  assert.equal(heard, ['a'])
  assert.is(waiting.length, 1)
  next()
  assert.equal(heard, ['a', 'b', 'c'])
  await turn()
  assert.is(waiting.length, 0)
})

Group('group-commit.G1: a failed commit is told to all who were in it, and to no one else', async () => {
  const { journal, next } = held()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  const heard: string[] = []
  const join = (name: string) =>
    commits.of(0).join(
      (batch) => batch.dequeue(1),
      (error) => heard.push(`${name} ${error?.message}`),
    )
  join('a')
  join('b')
  await turn()
  join('c')
  next(new Error('disk'))
  assert.equal(heard, ['a disk', 'b disk'])
  await turn()
  next()
  assert.equal(heard.slice(2), ['c undefined'])
})

Group('an answer that joins again waits for the next turn, so that it cannot keep the loop to itself', async () => {
  const { journal } = memoryStore()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  let rounds = 0
  let ended = false
  const again = () => {
    rounds += 1
    if (!ended) commits.of(0).join((batch) => batch.dequeue(1), again)
  }
  again()
  await turn()
  const seen = rounds
  assert.ok(seen < 10, `${seen} rounds in two turns`)
  await turn()
  assert.ok(rounds > seen)
  ended = true
})

Group(
  'group-commit.G2: a writer that throws fails its whole batch: nothing of it is written, and the next one goes on',
  async () => {
    const { journal } = memoryStore()
    const commits = new GroupCommit({ journals: [journal], flush() {} })
    const heard: string[] = []
    const done = (name: string) => (error: Error | undefined) => {
      heard.push(`${name} ${(error as InnkeeperError | undefined)?.code}`)
    }
    commits.of(0).join((batch) => batch.append(cart, record(1, 0, ['a'])), done('a'))
    commits.of(0).join((batch) => {
      batch.append({ storage: 1, key: 'half' }, record(1, 0, []))
      throw new Error('a bug')
    }, done('b'))
    commits.of(0).join((batch) => batch.append(cart, record(2, 1, ['c'])), done('c'))
    assert.equal(heard, [])
    await turn()
    assert.equal(heard, ['a internal', 'b internal', 'c internal'])
    assert.is(journal.lastCommit(), 0)
    assert.is(journal.head(cart), undefined)
    commits.of(0).join((batch) => batch.append(cart, record(1, 0, ['d'])), done('d'))
    await turn()
    assert.is(heard.at(-1), 'd undefined')
    assert.is(journal.head(cart)?.revision, 1)
  },
)

Group('a batch that the journal refuses whole does not hold up what comes after', async () => {
  const { journal } = memoryStore()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  const heard: (string | undefined)[] = []
  const done = (error: Error | undefined) => heard.push((error as InnkeeperError | undefined)?.code)
  commits.of(0).join((batch) => batch.append(cart, record(1, 0, ['a'])), done)
  await append(journal, cart, ['somebody else'])
  await turn()
  assert.equal(heard, ['internal'])
  commits.of(0).join((batch) => batch.append(cart, record(2, 1, ['b'])), done)
  await turn()
  assert.equal(heard, ['internal', undefined])
})

Group('flush commits at once, and nothing twice', async () => {
  const { journal } = memoryStore()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  let heard = 0
  commits.flush()
  commits.of(0).join(
    (batch) => batch.append(cart, record(1, 0, ['a'])),
    () => {
      heard += 1
    },
  )
  commits.flush()
  assert.is(heard, 1)
  await turn()
  assert.is(heard, 1)
  assert.is(journal.lastCommit(), 1)
})

Group('group-commit.G2: a writer that finds its entity damaged hears so alone; the others are written', async () => {
  const kv = new MemoryKv()
  const journal = new KvJournal({ kv, warn: () => {} })
  await append(journal, cart, ['a'])
  const key = numbered(entityPrefix(cart), 1)
  kv.write([['journal', key, Buffer.of(1, 2, 3, 4, 5, 6)]])
  await journal.reopen()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  const heard: string[] = []
  const join = (name: string, revision: number, sequence: number) =>
    commits.of(0).join(
      (batch) => batch.append({ storage: 1, key: name }, record(revision, sequence, [name])),
      (error) => heard.push(`${name} ${(error as InnkeeperError | undefined)?.code ?? 'written'}`),
    )
  join('before', 1, 0)
  join('cart', 2, 1)
  join('after', 1, 0)
  await turn()
  assert.equal(heard, ['before written', 'cart data_damaged', 'after written'])
  assert.is(journal.head({ storage: 1, key: 'after' })?.revision, 1)
  assert.is(journal.failure(), undefined)
  // Alone in its turn.
  join('cart', 2, 1)
  await turn()
  assert.is(heard.at(-1), 'cart data_damaged')
})

Group.run()
