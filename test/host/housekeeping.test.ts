// Guards what runs by the clock: it takes portions, however many partitions have work, and nothing hangs on the notes that it writes.

import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { Consumers } from '../../host/feed/consumers.ts'
import { Feed } from '../../host/feed/feed.ts'
import { Trimming } from '../../host/feed/trimming.ts'
import { Housekeeping } from '../../host/housekeeping.ts'
import { Age } from '../../host/journal/age.ts'
import { expireAtOnce } from '../../host/journal/expiry.ts'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import type { Store } from '../../host/store/store.ts'
import { all } from '../support/feed.ts'
import { eventually } from '../support/ingress.ts'
import { append } from '../support/journal.ts'
import { SlowKv } from '../support/slow-kv.ts'
import { memoryStore } from '../support/store.ts'
import { countedInTurns } from '../support/turns.ts'

const Keeping = suite('housekeeping')

type Parts = ConstructorParameters<typeof Housekeeping>[0]

/** All that it keeps of a store, with a minute that passes when it is told to. */
function kept(store: Store, behind: () => number = () => 0) {
  const minutely: (() => void)[] = []
  const often: (() => void)[] = []
  let stops = false
  const timer = { cancel() {}, unref: () => timer }
  const clock: typeof systemClock = {
    ...systemClock,
    steady: () => systemClock.steady() + behind(),
    every: (ms, work) => {
      if (ms === 500) often.push(work)
      if (ms === 60_000) minutely.push(work)
      return timer
    },
  }
  const commits = new GroupCommit(store, clock, (error) => {
    throw error
  })
  const age = new Age(store.catalog, clock)
  const partitions = store.journals.map((journal, index) => {
    const own = commits.of(index)
    const feed = new Feed({ journal, directory: store.catalog.directoryId, partition: index, clock })
    const consumers = new Consumers(feed, journal.rows, own)
    const keeping = { age, bytesMax: 1e9, clock, hours: 24, warn: () => {} }
    const trimming = new Trimming({ journal, partition: index, commits: own, consumers, ...keeping })
    return { index, journal, commits: own, feed, consumers, trimming }
  })
  const parts = { clock, store, commits, age, partitions, idempotencyHours: 24, directory: undefined }
  const errors: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => errors.push(line) })
  const others = { log, wake() {}, stopping: () => stops, sweepEveryMs: undefined }
  const keeper = new Housekeeping({ ...parts, ...others } as unknown as Parts)
  keeper.start()
  const minute = () => minutely.forEach((work) => void work())
  const halfSecond = () => often.forEach((work) => void work())
  const stop = async () => {
    stops = true
    await keeper.stop()
  }
  return { ...parts, errors, minute, halfSecond, stop }
}

Keeping('housekeeping.H1: a minute’s work is done a portion a turn, of all partitions together', async () => {
  const store = memoryStore(3)
  const each = 2 * expireAtOnce + 5
  const entry = { method: 'M', payloadHash: new Uint8Array(32), revision: 1, final: undefined, atMs: 1 }
  const shared = { found: (count: number) => count }
  const looked = countedInTurns(shared, 'found', (count) => count)
  for (const [index, journal] of store.journals.entries()) {
    const batch = journal.batch()
    for (let at = 0; at < each; at++) batch.remember({ storage: 1, key: `e${index}` }, `k${at}`, entry)
    journal.commit(batch, (error) => assert.is(error, undefined))
    const { expired } = journal
    journal.expired = (...given) => {
      const answer = expired.apply(journal, given)
      shared.found(answer.found)
      return answer
    }
  }
  store.flush()
  const { minute, errors } = kept(store)
  // A minute that comes while the last one’s work goes on adds none.
  minute()
  minute()
  await eventually(() => looked.all >= 3 * each || errors.length > 0)
  assert.equal([looked.most, looked.all, errors], [expireAtOnce, 3 * each, []])
})

Keeping('housekeeping.H3: what a crash takes of notes is counted, or found again', async () => {
  const kv = new SlowKv()
  const store = memoryStore(1, { kv })
  let aheadMs = 0
  const { partitions, minute, age } = kept(store, () => aheadMs)
  const [{ journal, feed, consumers }] = partitions as [(typeof partitions)[0]]
  const began = age.now()
  let count = 0
  const add = async (events: number) => {
    for (let at = 0; at < events; at++) await append(journal, { storage: 1, key: `e${at % 3}` }, [`${++count}`])
  }
  /** What a host would know that starts where this one crashed. */
  const after = async (left: SlowKv) => {
    const own = kept(memoryStore(1, { kv: left }))
    const [of] = own.partitions as [(typeof partitions)[0]]
    await of.journal.census.complete()
    const [type] = of.journal.census.types(1)
    assert.is(type?.count, count)
    assert.is(of.journal.census.entities(1), 3)
    // The day has whole milliseconds, and the steady clock parts of them.
    const rounded = 1
    const found = own.age.now()
    assert.ok(found <= age.now() + rounded && found >= began - rounded, `${began} ${found} ${age.now()}`)
    const [view] = of.consumers.list()
    assert.is(view?.state, 'follows')
    return { read: view!.offset.commit, behind: all(of.feed, view!.offset).changes.length }
  }
  await consumers.register('view', feed.start)
  await add(10)
  await journal.census.complete()
  consumers.advance('view', feed.end)
  const reached = feed.end.commit
  assert.equal(await after(kv.crashed(false)), { read: 0, behind: 10 })
  aheadMs += 60_000
  kv.waits = true
  minute()
  await eventually(() => kv.busy)
  assert.equal(await after(kv.crashed(false)), { read: 0, behind: 10 })
  assert.equal(await after(kv.crashed(true)), { read: reached, behind: 0 })
  kv.end()
  kv.waits = false
  await add(7)
  consumers.advance('view', feed.end)
  assert.equal(await after(kv.crashed(false)), { read: reached, behind: 7 })
})

Keeping('housekeeping.H4: a host that stops while its store is being opened again waits for that', async () => {
  const made = memoryStore(1)
  const steps: string[] = []
  let opened = () => {}
  const reopen = () => {
    steps.push('reopening')
    return new Promise<void>((resolve) => {
      opened = () => {
        steps.push('reopened')
        resolve()
      }
    })
  }
  const store: Store = { ...made, failure: () => new InnkeeperError('storage_unavailable', 'it failed'), reopen }
  const { halfSecond, stop, errors } = kept(store)
  halfSecond()
  await eventually(() => steps.length > 0)
  const stopped = stop().then(() => steps.push('stopped'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  opened()
  await stopped
  assert.equal([steps, errors], [['reopening', 'reopened', 'stopped'], []])
})

Keeping.run()
