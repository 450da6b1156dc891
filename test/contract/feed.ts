// The rules of the feed (host/feed), for every store: order, payloads, pages, offsets, consumers, trimming.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { trimAtOnce } from '../../host/feed/trimming.ts'
import type { Joining } from '../../host/journal/group-commit.ts'
import type { Batch, EntityRef } from '../../host/journal/journal.ts'
import { commitKey, entityPrefix, nameKey, numbered } from '../../host/journal/keys.ts'
import { encodeCommit } from '../../host/journal/record.ts'
import { all, feedOf, lost, page, told } from '../support/feed.ts'
import { append, commit, record } from '../support/journal.ts'
import type { TestStore as Store } from '../support/store.ts'
import { numbering } from '../support/store.ts'
import type { OpenStore } from './journal.ts'

const a: EntityRef = { storage: 1, key: 'a' }
const b: EntityRef = { storage: 1, key: 'b' }
const value: EntityRef = { storage: 2, key: 'v' }
const room: EntityRef = { storage: 3, key: 'r' }

const keep = (batch: Batch, after: number, revision: number, text: string | undefined) =>
  batch.keep(
    value,
    after,
    { revision, deployment: 1, nowMs: revision, state: text === undefined ? text : Buffer.from(text) },
    [],
  )
const delta = (revision: number) => ({
  ...record(revision, 0, []),
  change: { kind: 'delta' as const, delta: Buffer.from(`d${revision}`) },
})

export function feedContract(name: string, open: () => Promise<OpenStore>): void {
  const Contract = suite(`feed contract: ${name}`)

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

  /** So many commits, of an entity each or of one. */
  const many = async ({ journal }: Store, count: number, key: (at: number) => string = () => 'many') => {
    for (let at = 0; at < count; at++) await append(journal, { storage: 1, key: key(at) }, [`${at}`])
  }

  on('a partition that has committed nothing has nothing to follow, and one that ends has no more', async (store) => {
    const { feed } = feedOf(store)
    assert.equal(feed.start, feed.end)
    assert.equal(page(feed, feed.start), { changes: [], next: feed.start, more: false })
    await append(store.journal, a, ['x'])
    const { next, more } = page(feed, feed.start)
    assert.not.ok(more)
    assert.equal(next, feed.end)
    assert.equal(page(feed, next), { changes: [], next, more: false })
  })

  on(
    'feed.F1, change.H1: events, values, replicas and ends of services come in the order of their commits',
    async (store) => {
      const { journal } = store
      const { feed } = feedOf(store)
      await append(journal, a, ['x', 'y'])
      await commit(journal, (batch) => {
        batch.append(b, record(1, 0, ['z']))
        batch.append(a, record(2, 2, ['w']))
        keep(batch, 0, 1, 'one')
        batch.append(room, delta(1))
      })
      await commit(journal, (batch) => batch.tell({ storage: 9, why: 'undeployed' }))
      const { changes, next } = page(feed, feed.start)
      assert.equal(told(changes), ['1 a/1 x,y', '2 b/1 z', '2 a/2 w', '2 v/1 = one', '2 r/1 replica', '3 undeployed 9'])
      const [first] = changes
      assert.ok(first?.kind === 'events')
      assert.equal([first.sequence, first.nowMs, first.events[0]!.typeName], [2, 1_700_000_000_001, 'test.Happened'])
      assert.equal(next, feed.end)
    },
  )

  on(
    'change.H1: a value is given as it is now, once read for all of a page, and a deleted one as none',
    async (store) => {
      const { journal } = store
      const { feed } = feedOf(store)
      await commit(journal, (batch) => keep(batch, 0, 2, 'two'))
      await commit(journal, (batch) => keep(batch, 2, 3, 'three'))
      assert.equal(told(page(feed, feed.start).changes), ['1 v/3 = three', '2 v/3 = three'])
      await commit(journal, (batch) => keep(batch, 3, 4, 'four!'))
      const { changes } = page(feed, feed.start, { bytesMax: 6 })
      assert.equal(told(changes), ['1 v/4 = four!', '2 v/4 = four!', '3 v/4 = four!'])
      await commit(journal, (batch) => keep(batch, 4, 5, undefined))
      assert.equal(told(page(feed, feed.start).changes), [
        '1 v/5 = none',
        '2 v/5 = none',
        '3 v/5 = none',
        '4 v/5 = none',
      ])
    },
  )

  on('change.H2: a record without events is no change, and a page goes past it', async (store) => {
    const { journal } = store
    const { feed } = feedOf(store)
    await append(journal, a, [])
    await append(journal, a, ['x'])
    assert.equal(told(all(feed, feed.start, { changesMax: 1 }).changes), ['2 a/2 x'])
    const empty = page(feed, feed.start, { changesMax: 1 })
    assert.is(empty.next.commit, 2)
  })

  on('change.H2: what was purged comes as the purge alone, also where the same revisions came again', async (store) => {
    const { journal } = store
    const { feed } = feedOf(store)
    await append(journal, a, ['old'])
    await append(journal, { storage: 4, key: 'other' }, ['kept'])
    const before = page(feed, feed.start).next
    await append(journal, a, ['older'])
    await journal.purge(1)
    await append(journal, a, ['new'])
    assert.equal(told(all(feed, feed.start).changes), ['2 other/1 kept', '4 purged 1', '5 a/1 new'])
    assert.equal(told(all(feed, before).changes), ['4 purged 1', '5 a/1 new'])
  })

  on('feed.F3: a page ends at its bounds, within a commit if need be, and says so', async (store) => {
    const { journal } = store
    const { feed } = feedOf(store)
    await commit(journal, (batch) => {
      for (const key of ['k1', 'k2', 'k3']) batch.append({ storage: 1, key }, record(1, 0, ['x'.repeat(100)]))
    })
    await append(journal, a, ['y'])
    const first = page(feed, feed.start, { changesMax: 2 })
    assert.equal([told(first.changes).length, first.next.commit, first.next.part, first.more], [2, 1, 2, true])
    const second = page(feed, first.next, { changesMax: 1 })
    assert.equal([second.changes.length, second.next.commit, second.next.part, second.more], [1, 1, 0, true])
    const byBytes = page(feed, feed.start, { bytesMax: 150 })
    assert.equal([byBytes.changes.length, byBytes.next.part], [2, 2])
    const least = page(feed, feed.start, { bytesMax: 1 })
    assert.is(least.changes.length, 1, 'at least one')
    const third = page(feed, second.next)
    assert.equal([told(third.changes), third.more], [['2 a/1 y'], false])
  })

  on('feed.F3: a page takes a bounded time of the loop, and one change at least', async (store) => {
    const { journal } = store
    let ms = 0
    const { feed } = feedOf(store, { clock: { ...systemClock, steady: () => (ms += 5) } })
    await append(journal, a, ['x'])
    await commit(journal, (batch) => {
      batch.append(a, record(2, 1, ['y']))
      batch.append(b, record(1, 0, ['z']))
    })
    const [first, whole] = [page(feed, feed.start), all(feed, feed.start)]
    assert.equal([told(first.changes), first.more], [['1 a/1 x'], true])
    assert.equal(told(whole.changes), ['1 a/1 x', '2 a/2 y', '2 b/1 z'])
    assert.equal(whole.end, feed.end)
  })

  on('feed.F1: following from any offset, in pages of any size, gives the same changes', async (store, reopen) => {
    const { journal } = store
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('append' as const),
        keys: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 6 }),
      }),
      fc.constant({ kind: 'value' as const }),
      fc.constant({ kind: 'empty' as const }),
      fc.constant({ kind: 'purge' as const }),
    )
    // One history, grown by each run: what follows is compared from the start of all.
    let kept = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(
          fc.record({ changesMax: fc.integer({ min: 1, max: 7 }), bytesMax: fc.integer({ min: 1, max: 60 }) }),
        ),
        async (steps, sizes) => {
          for (const one of steps) {
            if (one.kind === 'purge') await journal.purge(1)
            else
              await commit(journal, (batch) => {
                if (one.kind === 'empty') batch.note([['default', Buffer.from('x'), Buffer.from('x')]])
                else if (one.kind === 'value') {
                  keep(batch, kept, kept + 2, `value ${kept}`)
                  kept += 2
                } else {
                  const heads = new Map<string, number>()
                  for (const key of one.keys) {
                    const entity = { storage: 1, key }
                    const revision = heads.get(key) ?? journal.head(entity)?.revision ?? 0
                    batch.append(entity, record(revision + 1, revision, [`${key} ${revision}`]))
                    heads.set(key, revision + 1)
                  }
                }
              })
          }
          const { feed } = feedOf(store)
          const whole = told(all(feed, feed.start, { changesMax: 1e6, bytesMax: 1e9 }).changes)
          const changes: string[] = []
          for (let at = feed.start; ; ) {
            const { changes: some, next, more } = page(feed, at, sizes.next().value)
            changes.push(...told(some))
            const rest = whole.slice(changes.length)
            assert.equal(told(all(feed, next).changes), rest)
            if (!more) break
            at = next
          }
          assert.equal(changes, whole)
        },
      ),
      { numRuns: 12 },
    )
    const { feed } = feedOf(store)
    const before = told(all(feed, feed.start).changes)
    const end = feed.end
    const { feed: again } = feedOf(await reopen())
    assert.equal(told(all(again, again.start).changes), before)
    assert.equal(all(again, end).changes, [])
  })

  on(
    'feed.F4: who subscribes hears once for all commits of a turn, after they can be read, until it stops',
    async (store) => {
      const { journal } = store
      const { feed } = feedOf(store)
      const heard: number[] = []
      let at = feed.start
      const listen = () => {
        const { changes, next } = page(feed, at)
        at = next
        heard.push(changes.length)
      }
      const stop = feed.subscribe(listen)
      const others: string[] = []
      const stopOther = feed.subscribe(() => others.push('heard'))
      const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
      await Promise.all([append(journal, a, ['x']), append(journal, b, ['y'])])
      assert.equal(heard, [], 'in a turn of its own')
      await turn()
      assert.equal(heard, [2])
      await append(journal, a, ['z'])
      await turn()
      assert.equal([heard, others.length], [[2, 1], 2])
      stop()
      await append(journal, a, ['z'])
      await turn()
      stopOther()
      await append(journal, a, ['z'])
      await turn()
      assert.equal([heard, others.length], [[2, 1], 3])
    },
  )

  on(
    'feed.F2: an offset of another directory, partition or history, or beyond the end, is lost',
    async (store, reopen) => {
      const { feed } = feedOf(store)
      await append(store.journal, a, ['x'])
      const { end } = feed
      assert.is(lost(feed, end), undefined)
      assert.is(lost(feed, { ...end, directory: 'other' }), 'history')
      assert.is(lost(feed, { ...end, partition: numbering.index + 1 }), 'history')
      assert.is(lost(feed, { ...end, run: '0123456789abcdef' }), 'history')
      assert.is(lost(feed, { ...end, commit: 2 }), 'beyond')
      assert.is(lost(feed, { ...end, commit: 2, part: 1 }), 'beyond')
      const again = feedOf(await reopen())
      await append(again.journal, a, ['y'])
      assert.equal(told(page(again.feed, end).changes), ['2 a/2 y'], 'across a restart')
    },
  )

  on('change.H1: commits of older hosts, which name no kinds, give the same changes', async (store) => {
    const { journal } = store
    await append(journal, a, ['x'])
    await commit(journal, (batch) => keep(batch, 0, 3, 'three'))
    await commit(journal, (batch) => {
      batch.append(room, delta(1))
      batch.append(room, delta(2))
    })
    const compacted = { storage: 3, key: 'compacted' }
    await commit(journal, (batch) => {
      batch.append(compacted, delta(1))
      batch.append(compacted, delta(2))
      batch.compact(compacted, 0, { revision: 2, deployment: 1, nowMs: 1, state: Buffer.from('replica') })
    })
    const historic = { storage: 2, key: 'h' }
    const updated = { kind: 'updated' as const, value: Buffer.from('h2') }
    await commit(journal, (batch) =>
      batch.keep(historic, 0, { revision: 2, deployment: 1, nowMs: 1, state: updated.value }, [
        { ...record(1, 0, []), change: { kind: 'updated', value: Buffer.from('h1') } },
        { ...record(2, 0, []), change: updated },
      ]),
    )
    const { feed } = feedOf(store)
    const now = told(all(feed, feed.start).changes)
    const older = journal
      .commits(0, 10)
      .map(({ number, wrote }): Parameters<typeof store.kv.write>[0][number] => [
        'commits',
        commitKey(number),
        encodeCommit(wrote.map(({ entity, revision }) => ({ entity, revision }))),
      ])
    store.parts[numbering.index]!.write(older, true)
    assert.not.ok(journal.commits(0, 10).some(({ wrote }) => wrote.some((one) => 'kind' in one)))
    assert.equal(told(all(feed, feed.start).changes), now)
    assert.equal(now.slice(-3), ['4 compacted/1 replica', '4 compacted/2 replica', '5 h/2 = h2'])
  })

  on(
    'change.H3, feed.F2: a damaged record is told in its place; a damaged or missing commit is lost',
    async (store) => {
      const part = store.parts[numbering.index]!
      await many(store, 3)
      const many2 = numbered(entityPrefix({ storage: 1, key: 'many' }), 2)
      part.write([['journal', many2, Buffer.from('no frame at all')]], true)
      const { feed } = feedOf(store)
      const { changes } = page(feed, feed.start)
      assert.equal(told(changes), ['1 many/1 0', '2 many/2 damaged', '3 many/3 2'])
      assert.ok(changes[1]?.kind === 'damaged' && changes[1].reason !== '')
      const second = page(feed, feed.start, { changesMax: 1 }).next
      part.write([['commits', commitKey(2), Buffer.from('no frame at all')]], true)
      assert.is(lost(feed, second), 'damaged')
      part.write([['commits', commitKey(2), undefined]], true)
      assert.is(lost(feed, second), 'damaged')
      part.write([['commits', commitKey(3), undefined]], true)
      assert.is(lost(feed, second), 'damaged')
      assert.equal(all(feed, feed.end).changes, [])
    },
  )

  on('§feed-1, trimming.T1: commits stay for the hours that are set, and the last always', async (store, reopen) => {
    const kept = feedOf(store, { hours: 2 })
    await many(store, trimAtOnce + 20)
    const { start } = kept.feed
    await kept.note()
    await kept.trim()
    assert.is(kept.feed.trimmed, 0)
    kept.age.ms += 2 * 3_600_000 - 1
    await kept.trim()
    assert.is(lost(kept.feed, start), undefined)
    kept.age.ms += 1
    await kept.trim()
    assert.is(kept.feed.trimmed, trimAtOnce)
    assert.is(lost(kept.feed, start), 'trimmed')
    assert.is(lost(kept.feed, { ...kept.feed.start, part: 1 }), 'trimmed')
    assert.equal(
      told(page(kept.feed, kept.feed.start).changes)[0],
      `${trimAtOnce + 1} many/${trimAtOnce + 1} ${trimAtOnce}`,
    )
    const oldest = kept.feed.start
    const again = feedOf(await reopen())
    assert.equal(again.feed.start, oldest)
    assert.is(lost(again.feed, start), 'trimmed')
    assert.is(again.journal.lastCommit(), trimAtOnce + 22)
    assert.is(again.journal.head({ storage: 1, key: 'many' })?.revision, trimAtOnce + 20, 'events are not trimmed')
    assert.equal(again.journal.events({ storage: 1, key: 'many' }, 0, 1, 1).events.length, 1)
  })

  on('trimming.T1: what the census has not counted and noted stays', async (store) => {
    const { feed, journal, trim } = feedOf(store)
    await many(store, trimAtOnce + 20)
    await trim()
    assert.is(feed.trimmed, 0, 'no mark, no note')
    const once = feedOf(store)
    const { writes } = once.trimming.notes()
    await commit(journal, (batch) => batch.note(writes))
    await once.trim()
    assert.is(feed.trimmed, 0, 'no note')
    await once.note()
    await once.trim()
    assert.is(feed.trimmed, trimAtOnce)
  })

  on(
    '§feed-1, consumers.U1, consumers.U2, consumers.U4: commits stay until each consumer has read them, as it is written',
    async (store, reopen) => {
      const first = feedOf(store)
      await first.consumers.register('view/one', first.feed.start)
      await many(store, 2 * trimAtOnce)
      await first.note()
      await first.trim()
      assert.is(first.feed.trimmed, 0)
      const half = page(first.feed, first.feed.start, { changesMax: trimAtOnce }).next
      assert.is(half.commit, trimAtOnce + 1, 'behind the commit that registered it')
      first.consumers.advance('view/one', half)
      assert.is(first.consumers.list()[0]?.offset.commit, half.commit)
      await first.trim()
      assert.is(first.feed.trimmed, 0, 'it is not written yet')
      // Nobody knows of it after a crash.
      const { start } = first.feed
      const second = feedOf(await reopen())
      assert.equal(second.consumers.list(), [{ name: 'view/one', state: 'follows', offset: start }])
      second.consumers.advance('view/one', { ...half, commit: trimAtOnce, part: 1 })
      await second.note()
      await second.trim()
      assert.is(second.feed.trimmed, 0, 'a part of a commit counts as not read')
      second.consumers.advance('view/one', half)
      await second.note()
      await second.trim()
      assert.is(second.feed.trimmed, trimAtOnce)
      assert.equal(all(second.feed, half).changes.length, 2 * trimAtOnce - (half.commit - 1))
      await second.consumers.forget('view/one')
      assert.equal(second.consumers.list(), [])
      await second.trim()
      assert.is(second.feed.trimmed, 2 * trimAtOnce)
    },
  )

  on('consumers.U1: one that registers while commits are trimmed is told if it came too late', async (store) => {
    const { feed, consumers, note, trim } = feedOf(store)
    await many(store, 3 * trimAtOnce)
    const { start } = feed
    const reached = { ...start, commit: trimAtOnce + 10, run: store.journal.runOf(trimAtOnce + 10) }
    await note()
    const trimmed = trim()
    const [early, late] = [consumers.register('early', start), consumers.register('late', reached)]
    await trimmed
    assert.equal([await early, await late], [{ lost: 'trimmed' }, undefined])
    assert.is(feed.trimmed, trimAtOnce, 'both hold the log from their call on')
    await consumers.forget('early')
    await trim()
    assert.is(feed.trimmed, trimAtOnce, 'the other one still does')
    assert.is(lost(feed, reached), undefined)
  })

  on(
    '§feed-2, trimming.T2, consumers.U3: one that is too far behind loses its place, until it registers again',
    async (store) => {
      const { feed, consumers, note, trim, trimming, warned, journal } = feedOf(store, { bytesMax: 40 * trimAtOnce })
      await consumers.register('slow', feed.start)
      await consumers.register('quick', feed.start)
      await many(store, 3 * trimAtOnce)
      consumers.advance('quick', feed.end)
      await note()
      const [quick, slow] = trimming.behind()
      assert.equal([quick?.commits, slow?.commits], [1, 3 * trimAtOnce + 3])
      assert.ok(slow!.bytes > 60 * trimAtOnce && slow!.bytes < 200 * trimAtOnce, `${slow!.bytes} bytes`)
      assert.ok(quick!.bytes < 1_000, `${quick!.bytes} bytes`)
      await trim()
      assert.equal(
        consumers.list().map(({ name: who, state }) => `${who} ${state}`),
        ['quick follows', 'slow rebuild'],
      )
      assert.equal(warned, [
        'a consumer of the feed is too far behind and loses its place; it has to be built anew slow',
      ])
      assert.is(feed.trimmed, 3 * trimAtOnce)
      assert.is(lost(feed, slow!.offset), 'trimmed')
      consumers.advance('slow', feed.end)
      await note()
      assert.is(consumers.list()[1]?.state, 'rebuild', 'what it says counts for nothing')
      await consumers.register('slow', feed.end)
      await append(journal, a, ['x'])
      assert.equal(told(page(feed, consumers.list()[1]!.offset).changes), [`${journal.lastCommit()} a/1 x`])
    },
  )

  on(
    'runs.Q2: of runs whose commits are trimmed nothing stays, and of later commits it is known who wrote them',
    async (store) => {
      const { journal } = store
      const { note, trim, feed } = feedOf(store)
      for (let run = 0; run < 4; run++) {
        await many(store, 100)
        await journal.reopen()
      }
      const before = [201, 251, 301, 400].map((commit) => journal.runOf(commit))
      const old = { ...feed.start, commit: 150, run: journal.runOf(150) }
      await note()
      await trim()
      assert.is(feed.trimmed, trimAtOnce)
      const runs = journal.rows.range('default', { from: Buffer.from('run/'), to: Buffer.from('run0'), limit: 10 })
      assert.is(runs.length / 2, 3, 'those of 201, 301 and 401')
      assert.equal(
        [201, 251, 301, 400].map((commit) => journal.runOf(commit)),
        before,
      )
      assert.is(new Set(before).size, 2)
      assert.is(lost(feed, old), 'trimmed')
      assert.is(all(feed, feed.start).changes.length, 400 - trimAtOnce)
    },
  )

  on('trimming.T3: of trimmed commits the names of the entities stay, until they are purged', async (store) => {
    const { note, trim, feed } = feedOf(store)
    await commit(store.journal, (batch) => {
      batch.append(room, delta(1))
      keep(batch, 0, 1, 'one')
    })
    await many(store, trimAtOnce, (at) => `k${at % 20}`)
    await note()
    await trim()
    assert.is(feed.trimmed, trimAtOnce)
    const names = () => {
      const range = { from: nameKey(Buffer.alloc(0)), to: nameKey(Buffer.alloc(5, 255)), limit: 100, keysOnly: true }
      return store.journal.rows.range('commits', range).length / 2
    }
    assert.is(names(), 21)
    await store.journal.purge(1)
    assert.is(names(), 1)
  })

  on('trimming.T3: of what was purged before its commit is trimmed no name stays', async (store) => {
    const { note, trim, feed, journal } = feedOf(store)
    await many(store, 20, (at) => `k${at}`)
    await journal.purge(1)
    for (let at = 0; at < trimAtOnce; at++) await append(journal, { storage: 4, key: 'other' }, ['x'])
    await note()
    await trim()
    assert.is(feed.trimmed, trimAtOnce)
    const range = { from: nameKey(Buffer.alloc(0)), to: nameKey(Buffer.alloc(5, 255)), limit: 100, keysOnly: true }
    const [key] = journal.rows.range('commits', range)
    assert.equal([journal.rows.range('commits', range).length / 2, key?.readUInt32BE(2)], [1, 4])
  })

  on('consumers.U1: nothing is trimmed that one needs whose registration is on its way', async (store) => {
    const { feed, note } = feedOf(store)
    await many(store, 2 * trimAtOnce)
    await note()
    const waiting: (() => void)[] = []
    const commits: Joining = {
      join(write, done) {
        waiting.push(() => void commit(store.journal, write).then(() => done(undefined), done))
      },
    }
    const slow = feedOf(store, { commits })
    const registered = slow.consumers.register('late', feed.start)
    const { writes } = slow.trimming.notes()
    await commit(store.journal, (batch) => batch.note(writes))
    const trimmed = slow.trim()
    assert.is(waiting.length, 1, 'the registration alone')
    waiting[0]!()
    assert.is(await registered, undefined)
    await trimmed
    assert.is(feed.trimmed, 0)
  })

  on('trimming.T4: a slice is taken once the one before is on disk, and after a rest', async (store) => {
    const { feed, note } = feedOf(store)
    await many(store, 3 * trimAtOnce + 10)
    await note()
    const waiting: (() => void)[] = []
    const resting: (() => void)[] = []
    const rests: number[] = []
    const commits: Joining = {
      join(write, done) {
        waiting.push(() => void commit(store.journal, write).then(() => done(undefined), done))
      },
    }
    const timer = { cancel() {}, unref: () => timer }
    const clock: typeof systemClock = {
      ...systemClock,
      steady: () => 0,
      after: (ms, work) => {
        rests.push(ms)
        resting.push(work)
        return timer
      },
    }
    const slow = feedOf(store, { commits, clock })
    const { writes, written } = slow.trimming.notes()
    await commit(store.journal, (batch) => batch.note(writes))
    written()
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    const trimmed = slow.trim()
    for (let slice = 1; slice <= 3; slice++) {
      await turn()
      assert.equal([waiting.length, resting.length], [1, 0], 'the next one waits for the disk')
      assert.is(feed.trimmed, (slice - 1) * trimAtOnce)
      waiting.pop()!()
      while (resting.length + waiting.length === 0) await turn()
      assert.is(feed.trimmed, slice * trimAtOnce)
      await turn()
      assert.is(waiting.length, 0, 'and for the rest')
      resting.pop()!()
    }
    await trimmed
    assert.is(rests.length, 3)
    assert.ok(rests.every((ms) => ms > 0))
  })

  on('the census counts the same, whatever was trimmed before it starts', async (store, reopen) => {
    const { note, trim, feed, journal } = feedOf(store)
    await many(store, trimAtOnce + 10, (at) => `k${at % 7}`)
    await note()
    await trim()
    assert.is(feed.trimmed, trimAtOnce)
    await many(store, 5, (at) => `late${at}`)
    const counted = (of: typeof journal) => [
      of.census.types(1),
      of.census.entities(1),
      of.census.newest(1),
      of.census.oldest(1),
    ]
    const before = counted(journal)
    const { journal: again } = await reopen()
    await again.census.complete()
    assert.equal(counted(again), before)
    assert.is(again.census.types(1)[0]?.count, trimAtOnce + 15)
  })

  Contract.run()
}
