// The contract of every store for entities that keep no events: journal.J2, journal.J7 and journal.J8. Bases, histories, subscriptions.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Base, EntityRef, Journal, JournalRecord, StoredSubscription } from '../../host/journal/journal.ts'
import { refuses } from '../support/assert.ts'
import { append, commit, ended, plain, record } from '../support/journal.ts'
import type { TestStore as Store } from '../support/store.ts'
import type { OpenStore } from './journal.ts'

const everything = Number.MAX_SAFE_INTEGER
const profile: EntityRef = { storage: 1, key: 'profile' }
const room: EntityRef = { storage: 2, key: 'room' }
/** Keys that lie close to each other in any order of bytes. */
const keys = ['', 'a', 'a\0', 'a\0b', 'a\u0001', 'a-b', 'ab', 'b', '\0', '\0\u0001', 'é', '\u{10ffff}']

/** Now, and again after a restart. */
async function twice(journal: Journal, reopen: () => Promise<Store>, check: (journal: Journal) => void): Promise<void> {
  check(journal)
  check((await reopen()).journal)
}

export function basesContract(name: string, open: () => Promise<OpenStore>): void {
  const Contract = suite(`journal contract, bases: ${name}`)

  const on = (sentence: string, test: (store: Store, reopen: () => Promise<Store>) => Promise<void>) => {
    Contract(sentence, async () => {
      const opened = await open()
      try {
        await test(opened.store, opened.reopen ?? (async () => opened.store))
      } finally {
        await opened.close()
      }
    })
  }

  on('an entity that was never written has no base, history or subscriptions', async ({ journal }) => {
    assert.is(journal.base(profile), undefined)
    assert.equal(journal.history(profile, 0, 10, everything), { records: [], more: false })
    assert.equal(journal.subscriptions(profile), [])
    assert.equal(journal.subscribed(undefined, 10), [])
    assert.equal(journal.entities(1, '', undefined, 10, 'base'), [])
  })

  on('journal.J7: a value is replaced by the next, deleted and made again, for good', async ({ journal }, reopen) => {
    await keep(journal, profile, 0, base(1, 'one'))
    assert.equal(plain(journal.base(profile)), plain(base(1, 'one')))
    // A batch of five commands is one write.
    await keep(journal, profile, 1, base(6, 'six'))
    assert.equal(plain(journal.base(profile)), plain(base(6, 'six')))
    await keep(journal, profile, 6, base(7, undefined))
    assert.equal(plain(journal.base(profile)), plain(base(7, undefined)))
    const again = (await reopen()).journal
    assert.equal(plain(again.base(profile)), plain(base(7, undefined)))
    await keep(again, profile, 7, base(8, ''))
    const last = (await reopen()).journal
    assert.equal(plain(last.base(profile)), plain(base(8, '')))
    assert.is(last.head(profile), undefined, 'no record was kept')
  })

  on('journal.J1: a value is not there before its commit', async ({ journal }) => {
    const batch = journal.batch()
    batch.keep(profile, 0, base(1, 'one'), [])
    assert.not.ok(batch.empty)
    assert.is(journal.base(profile), undefined)
    assert.equal(journal.entities(1, '', undefined, 10, 'base'), [])
  })

  on('journal.J2: a value that follows another revision than its base is refused', async ({ journal }, reopen) => {
    await keep(journal, profile, 0, base(3, 'three'))
    await twice(journal, reopen, (again) => {
      for (const [after, revision] of [
        [0, 4],
        [2, 4],
        [4, 5],
        [3, 3],
        [3, 2],
      ] as const) {
        assert.throws(() => again.batch().keep(profile, after, base(revision, 'x'), []), /sequence_conflict/)
      }
    })
  })

  on('journal.J2: of two values made after the same revision, the second is refused whole', async ({ journal }) => {
    await keep(journal, profile, 0, base(1, 'one'))
    const [one, two] = [journal.batch(), journal.batch()]
    one.keep(profile, 1, base(2, 'two'), [])
    two.keep(profile, 1, base(5, 'five'), [])
    two.subscribe(room, subscription('s'))
    await ended(journal, one)
    assert.throws(() => journal.commit(two, () => {}), /sequence_conflict/)
    assert.equal(plain(journal.base(profile)), plain(base(2, 'two')))
    assert.equal(journal.subscriptions(room), [])
    assert.is(journal.lastCommit(), 2)
  })

  on('values of one batch follow each other, and the commit names the last of each', async ({ journal }) => {
    await commit(journal, (batch) => {
      batch.keep(profile, 0, base(2, 'two'), [])
      batch.keep({ ...profile, key: 'other' }, 0, base(1, 'other'), [])
      batch.keep(profile, 2, base(3, 'three'), [])
    })
    assert.equal(plain(journal.base(profile)), plain(base(3, 'three')))
    assert.equal(
      journal.commits(0, 10).map(({ wrote }) => wrote.at(-1)),
      [{ entity: profile, revision: 3, kind: 'value' }],
    )
  })

  on(
    'journal.J7: a history has gaps from when it was not kept, and comes page by page',
    async ({ journal }, reopen) => {
      await keep(journal, profile, 0, base(2, 'two'), [change(1), change(2)])
      await keep(journal, profile, 2, base(5, 'five'))
      await keep(journal, profile, 5, base(7, 'seven'), [change(6), change(7)])
      await twice(journal, reopen, (store) => {
        const page = (after: number, max: number, bytes = everything) => {
          const { records, more } = store.history(profile, after, max, bytes)
          return [records.map(({ revision }) => revision), more]
        }
        assert.equal(page(0, 10), [[1, 2, 6, 7], false])
        assert.equal(page(0, 3), [[1, 2, 6], true])
        assert.equal(page(2, 10), [[6, 7], false])
        assert.equal(page(4, 1), [[6], true])
        assert.equal(page(6, 10), [[7], false])
        assert.equal(page(7, 10), [[], false])
        // About so many bytes, but at least one record.
        assert.equal(page(0, 10, 1), [[1], true])
        assert.equal(page(6, 10, 1), [[7], false])
        assert.equal(plain(store.history(profile, 5, 1, everything).records), plain([change(6)]))
        assert.equal(plain(store.record(profile, 6)), plain(change(6)))
        assert.is(store.record(profile, 4), undefined)
      })
    },
  )

  on('entities are listed by their bases, apart from those by records, page by page', async ({ journal }, reopen) => {
    for (const key of keys) await keep(journal, { storage: 1, key }, 0, base(2, key))
    await keep(journal, { storage: 2, key: 'other' }, 0, base(1, 'x'))
    await append(journal, { storage: 1, key: 'only records' }, ['x'])
    await keep(journal, { storage: 1, key: 'b' }, 2, base(3, undefined))
    const sorted = [...keys].sort((a, b) => Buffer.from(a).compare(Buffer.from(b)))
    await twice(journal, reopen, (store) => {
      const listed = (prefix: string, after?: string, max = 100) =>
        store.entities(1, prefix, after, max, 'base').map(({ key }) => key)
      assert.equal(listed(''), sorted)
      for (const [index, key] of sorted.entries()) {
        assert.equal(listed('', key), sorted.slice(index + 1))
        assert.equal(listed('', key, 2), sorted.slice(index + 1, index + 3))
      }
      assert.equal(
        listed('a'),
        sorted.filter((key) => key.startsWith('a')),
      )
      assert.equal(listed('a\0'), ['a\0', 'a\0b'])
      assert.equal(listed('c'), [])
      // A deleted value is still told of: its revision goes on.
      const lastChangeMs = base(3, undefined).nowMs
      assert.equal(store.entities(1, 'b', undefined, 1, 'base'), [{ key: 'b', revision: 3, sequence: 0, lastChangeMs }])
      assert.equal(
        store.entities(1, '', undefined, 10).map(({ key }) => key),
        ['only records'],
      )
      for (const key of keys) {
        const expected = key === 'b' ? base(3, undefined) : base(2, key)
        assert.equal(plain(store.base({ storage: 1, key })), plain(expected), JSON.stringify(key))
      }
    })
  })

  on('journal.J7: compacting forgets the records before the base and keeps its last', async ({ journal }, reopen) => {
    for (let revision = 1; revision <= 4; revision++) await appendDelta(journal, room, revision)
    await commit(journal, (batch) => {
      batch.append(room, delta(5))
      batch.append(room, delta(6))
      batch.compact(room, 0, base(6, 'replica'))
    })
    await twice(journal, reopen, (store) => {
      assert.equal(plain(store.base(room)), plain(base(6, 'replica')))
      assert.equal(store.head(room), { revision: 6, sequence: 0, nowMs: delta(6).command.nowMs })
      assert.equal(
        [1, 2, 3, 4, 5, 6].filter((revision) => store.record(room, revision) !== undefined),
        [6],
      )
      assert.equal(store.records(room, 6, 10, everything), { records: [], more: false })
      assert.equal(plain(store.records(room, 5, 10, everything)), plain({ records: [delta(6)], more: false }))
      assert.equal(
        store.entities(2, '', undefined, 10).map(({ key, revision }) => [key, revision]),
        [['room', 6]],
      )
      // What is gone is missed, not passed over.
      refuses(() => store.records(room, 2, 10, everything), 'data_damaged')
      assert.is(store.failure(), undefined)
    })
    const last = (await reopen()).journal
    assert.equal(
      last.commits(4, 10).flatMap(({ wrote }) => wrote.map(({ revision }) => revision)),
      [5, 6],
    )
  })

  on(
    'journal.J7: the next compaction forgets what the one before left, and the replica goes on',
    async ({ journal }, reopen) => {
      for (let revision = 1; revision <= 3; revision++) await appendDelta(journal, room, revision)
      await commit(journal, (batch) => batch.compact(room, 0, base(3, 'three')))
      const again = (await reopen()).journal
      for (let revision = 4; revision <= 6; revision++) await appendDelta(again, room, revision)
      assert.equal(
        again.records(room, 3, 10, everything).records.map(({ revision }) => revision),
        [4, 5, 6],
      )
      await commit(again, (batch) => {
        batch.append(room, delta(7))
        batch.compact(room, 3, base(7, 'seven'))
      })
      assert.throws(() => again.batch().append(room, delta(7)), /sequence_conflict/)
      const last = (await reopen()).journal
      assert.equal(
        [1, 2, 3, 4, 5, 6, 7].filter((revision) => last.record(room, revision) !== undefined),
        [7],
      )
      assert.equal(plain(last.base(room)), plain(base(7, 'seven')))
      await appendDelta(last, room, 8)
      assert.is(last.head(room)?.revision, 8)
    },
  )

  on('compacting one entity leaves its neighbours whole', async ({ journal }) => {
    const entities = keys.map((key) => ({ storage: 2, key }))
    for (const entity of entities) for (let at = 1; at <= 3; at++) await appendDelta(journal, entity, at)
    await commit(journal, (batch) => batch.compact({ storage: 2, key: 'a' }, 0, base(3, 'three')))
    for (const entity of entities) {
      const left = entity.key === 'a' ? 1 : 3
      assert.is(journal.history(entity, 0, 10, everything).records.length, left, JSON.stringify(entity.key))
      assert.is(journal.base(entity) !== undefined, entity.key === 'a')
    }
  })

  on('journal.J8: a subscription is there from its commit to that of its end', async ({ journal }, reopen) => {
    const batch = journal.batch()
    batch.subscribe(room, subscription('s-1'))
    assert.not.ok(batch.empty)
    assert.equal(journal.subscriptions(room), [])
    await ended(journal, batch)
    await commit(journal, (next) => {
      next.append(room, delta(1))
      next.subscribe(room, subscription('s-2'))
      next.subscribe(room, subscription('s-10'))
    })
    const again = (await reopen()).journal
    const all = ['s-1', 's-10', 's-2'].map((id) => subscription(id))
    assert.equal(plain(again.subscriptions(room)), plain(all))
    assert.equal(again.subscribed(undefined, 10), [room])
    await commit(again, (next) => {
      next.unsubscribe(room, 's-1')
      next.unsubscribe(room, 's-none')
      next.subscribe(room, { ...subscription('s-2'), note: Buffer.from('another') })
    })
    const left = [subscription('s-10'), { ...subscription('s-2'), note: Buffer.from('another') }]
    assert.equal(plain((await reopen()).journal.subscriptions(room)), plain(left))
  })

  on('a subscription that one commit opens and ends is not there', async ({ journal }) => {
    await commit(journal, (batch) => {
      batch.subscribe(room, subscription('s'))
      batch.unsubscribe(room, 's')
    })
    assert.equal(journal.subscriptions(room), [])
    assert.equal(journal.subscribed(undefined, 10), [])
  })

  on('kv.V2: subscriptions of neighbours do not meet, however keys and ids look', async ({ journal }, reopen) => {
    const entities = [1, 2].flatMap((storage) => keys.map((key) => ({ storage, key })))
    const ids = ['', 'a', '\0', '\u0001', 'b\0\u0001c']
    await commit(journal, (batch) => {
      for (const entity of entities) for (const id of ids) batch.subscribe(entity, subscription(id, nameOf(entity)))
    })
    const store = (await reopen()).journal
    const order = (a: string, b: string) => Buffer.from(a).compare(Buffer.from(b))
    for (const entity of entities) {
      const expected = [...ids].sort(order).map((id) => subscription(id, nameOf(entity)))
      assert.equal(plain(store.subscriptions(entity)), plain(expected), nameOf(entity))
    }
    const sorted = [...entities].sort((a, b) => a.storage - b.storage || order(a.key, b.key))
    assert.equal(store.subscribed(undefined, 1000), sorted)
    assert.equal(store.subscribed(undefined, 3), sorted.slice(0, 3))
    assert.equal(store.subscribed(undefined, 0), [])
    assert.equal(store.subscribed(sorted[2], 1000), sorted.slice(3))
    assert.equal(store.subscribed(sorted.at(-1), 1000), [])
    const gone = { storage: 1, key: 'a\0' }
    await commit(store, (batch) => {
      for (const id of ids) batch.unsubscribe(gone, id)
    })
    const left = sorted.filter((entity) => nameOf(entity) !== nameOf(gone))
    assert.equal(store.subscribed(undefined, 1000), left)
    for (const entity of left) assert.is(store.subscriptions(entity).length, ids.length, nameOf(entity))
  })

  on('a purge removes bases, histories and subscriptions of its storage id, and no others', async (first, reopen) => {
    const entities = [1, 2, 3].flatMap((storage) => ['', 'a', '\u{10ffff}'].map((key) => ({ storage, key })))
    for (const entity of entities) {
      await commit(first.journal, (batch) => {
        batch.keep(entity, 0, base(2, 'x'), [change(1), change(2)])
        batch.subscribe(entity, subscription('s'))
      })
    }
    first.journal.purge(2)
    await twice(first.journal, reopen, (journal) => {
      for (const entity of entities) {
        const there = entity.storage !== 2
        assert.is(journal.base(entity) !== undefined, there)
        assert.is(journal.history(entity, 0, 10, everything).records.length, there ? 2 : 0)
        assert.is(journal.subscriptions(entity).length, there ? 1 : 0)
      }
      assert.equal(journal.entities(2, '', undefined, 10, 'base'), [])
      assert.is(journal.entities(3, '', undefined, 10, 'base').length, 3)
      assert.is(journal.subscribed(undefined, 100).length, 6)
    })
    const { journal } = await reopen()
    await keep(journal, { storage: 2, key: 'a' }, 0, base(1, 'anew'))
    assert.equal(plain(journal.base({ storage: 2, key: 'a' })), plain(base(1, 'anew')))
  })

  on('a value of megabytes comes back whole', async ({ journal }, reopen) => {
    const large = 'ü'.repeat(2_000_000)
    await keep(journal, profile, 0, base(1, large))
    assert.is(Buffer.from((await reopen()).journal.base(profile)!.state!).toString(), large)
  })

  Contract.run()
}

function base(revision: number, state: string | undefined): Base {
  const bytes = state === undefined ? undefined : Buffer.from(state)
  return { revision, deployment: 4, nowMs: 1_700_000_000_000 + revision, state: bytes }
}

/** A record of a value's history. */
function change(revision: number): JournalRecord {
  return { ...record(revision, 0, []), change: { kind: 'updated', value: Buffer.from(`value ${revision}`) } }
}

/** A record of a replica. */
function delta(revision: number): JournalRecord {
  return { ...record(revision, 0, []), change: { kind: 'delta', delta: Buffer.from(`delta ${revision}`) } }
}

function appendDelta(journal: Journal, entity: EntityRef, revision: number): Promise<void> {
  return commit(journal, (batch) => batch.append(entity, delta(revision)))
}

function keep(
  journal: Journal,
  entity: EntityRef,
  after: number,
  value: Base,
  history: readonly JournalRecord[] = [],
): Promise<void> {
  return commit(journal, (batch) => batch.keep(entity, after, value, history))
}

function subscription(id: string, note = 'note'): StoredSubscription {
  return { id, method: 'Join', payload: Buffer.from(`request ${id}`), note: Buffer.from(note) }
}

function nameOf({ storage, key }: EntityRef): string {
  return JSON.stringify([storage, key])
}
