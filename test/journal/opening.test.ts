// Guards how an entity is opened: by as few reads as can be, and to the same as its head, its snapshot and its events say.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Heads } from '../../host/journal/heads.ts'
import type { Journal, Snapshot } from '../../host/journal/journal.ts'
import { entityPrefix, numbered } from '../../host/journal/keys.ts'
import { openedBy } from '../../host/journal/opening.ts'
import type { Column } from '../../host/storage/columns.ts'
import { isDamaged } from '../../host/storage/damage.ts'
import type { Range } from '../../host/storage/kv.ts'
import { MemoryKv, memoryStore } from '../../host/store/memory.ts'
import { append, commit, record } from '../support/journal.ts'
import { SlowKv } from '../support/slow-kv.ts'

const Openings = suite('openings')

const asked = { stateVersion: 'v', eventsMax: 8, bytesMax: 100_000 }
const of = (key: string) => ({ storage: 1, key })
const snapshotAt = (at: number, stateVersion = 'v'): Snapshot => ({
  ...{ revision: at, sequence: at, stateVersion },
  state: new Uint8Array(3),
})

/** Counts what the engine is asked for. */
class CountedKv extends MemoryKv {
  reads: string[] = []
  private inside = false

  override get(column: Column, key: Buffer): Buffer | undefined {
    if (!this.inside) this.reads.push(`get ${column}`)
    return super.get(column, key)
  }

  override getAll(column: Column, keys: readonly Buffer[], bytesMax: number): ReturnType<MemoryKv['getAll']> {
    this.reads.push(`${keys.length} of ${column}`)
    this.inside = true
    try {
      return super.getAll(column, keys, bytesMax)
    } finally {
      this.inside = false
    }
  }

  override range(column: Column, range: Range): Buffer[] {
    this.reads.push(`range of ${column}`)
    return super.range(column, range)
  }

  during(use: () => void): readonly string[] {
    this.reads = []
    use()
    return this.reads
  }
}

async function stored(records: Readonly<Record<string, number>>): Promise<{ kv: CountedKv; journal: Journal }> {
  const kv = new CountedKv()
  const { journal } = memoryStore(1, { kv })
  for (const [key, count] of Object.entries(records))
    for (let at = 0; at < count; at++) await append(journal, of(key), ['e'])
  return { kv, journal }
}

Openings('opening.O1, opening.O3: an entity of few records is one read, and so is one that never was', async () => {
  const { kv, journal } = await stored({ first: 1, one: 1, five: 5, six: 6, many: 40, next: 40 })
  const readsOf = (key: string) => kv.during(() => journal.opening(of(key), asked))
  // The first of a service looks for snapshots of all.
  assert.equal(readsOf('first'), ['4 of journal', 'range of snapshots'])
  assert.equal(readsOf('one'), ['3 of journal'])
  assert.equal(readsOf('none'), ['2 of journal'])
  assert.equal(readsOf('five'), ['2 of journal', 'range of journal'])
  assert.equal(readsOf('six'), ['6 of journal', 'range of journal'])
  assert.equal(readsOf('six'), ['7 of journal'])
  // Its first page does not reach its head.
  assert.equal(readsOf('many'), ['7 of journal', 'range of journal', 'range of journal'])
  assert.equal(readsOf('next'), ['range of journal', 'range of journal'])
})

Openings(
  'opening.O1: where a service has snapshots an entity has its own, and many records are read from it on',
  async () => {
    const { kv, journal } = await stored({ one: 1, many: 40, other: 1 })
    journal.opening(of('one'), asked)
    journal.putSnapshot(of('many'), snapshotAt(38))
    assert.equal(
      kv.during(() => journal.opening(of('one'), asked)),
      ['3 of journal', 'range of snapshots'],
    )
    const opened = () => {
      const { head, snapshot, page } = journal.opening(of('many'), asked)
      assert.equal([head?.revision, snapshot?.revision, page?.revision, page?.events.length], [40, 38, 40, 3])
    }
    assert.equal(kv.during(opened), ['2 of journal', 'range of snapshots', 'range of journal'])
    assert.equal(kv.during(opened), ['range of snapshots', 'range of journal'])
  },
)

Openings('heads.H1: what was opened is written to without reading it again', async () => {
  const { kv, journal } = await stored({ one: 1 })
  journal.opening(of('one'), asked)
  journal.opening(of('none'), asked)
  await commit(journal, (batch) => batch.append(of('warm'), record(1, 0, ['e'])))
  kv.reads = []
  await commit(journal, (batch) => {
    batch.append(of('one'), record(2, 1, ['e']))
    batch.append(of('none'), record(1, 0, ['e']))
  })
  assert.equal(kv.reads, [])
})

Openings('heads.H1: a value that was read is written without reading it again', async () => {
  const { kv, journal } = await stored({ one: 1 })
  const base = (revision: number) => ({ revision, deployment: 1, nowMs: 1, state: new Uint8Array(3) })
  assert.is(journal.base(of('value')), undefined)
  kv.reads = []
  await commit(journal, (batch) => batch.keep(of('value'), 0, base(1), []))
  await commit(journal, (batch) => batch.keep(of('value'), 1, base(2), []))
  assert.equal(kv.reads, [])
})

Openings('heads.H2: what a purge deletes begins anew, also where it was read meanwhile', async () => {
  const kv = new SlowKv()
  const { journal } = memoryStore(1, { kv })
  const base = { revision: 4, deployment: 1, nowMs: 1, state: new Uint8Array(3) }
  await append(journal, of('records'), ['e'])
  await commit(journal, (batch) => batch.keep(of('value'), 0, base, []))
  kv.waits = true
  const purged = journal.purge(1)
  assert.is(journal.opening(of('records'), asked).head?.revision, 1)
  assert.is(journal.base(of('value'))?.revision, 4)
  kv.end()
  await purged
  kv.waits = false
  await append(journal, of('records'), ['anew'])
  await commit(journal, (batch) => batch.keep(of('value'), 0, { ...base, revision: 1 }, []))
  assert.is(journal.head(of('records'))?.revision, 1)
})

Openings('heads.H1: the last ones that were set are remembered, and no more than twice as many', () => {
  const heads = new Heads()
  for (let at = 0; at < 120_000; at++) heads.set(of(`k${at}`), { revision: at, sequence: 0 })
  for (let at = 70_000; at < 120_000; at++) assert.is(heads.get(of(`k${at}`))?.revision, at)
  assert.is(heads.get(of('k0')), undefined)
})

Openings('opening.O2: it says what head, snapshot and events say', async () => {
  const events = fc.array(fc.nat({ max: 3 }), { maxLength: 30 })
  const snapshots = fc.array(fc.tuple(fc.nat({ max: 29 }), fc.constantFrom('v', 'w')), { maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(events, snapshots), { minLength: 1, maxLength: 6 }), async (entities) => {
      const { journal } = memoryStore()
      for (const [at, [counts, taken]] of entities.entries()) {
        for (const count of counts)
          await append(
            journal,
            of(`k${at}`),
            Array.from({ length: count }, (_, n) => `e${n}`),
          )
        for (const [revision, stateVersion] of taken)
          if (revision > 0 && revision <= counts.length) {
            const sequence = counts.slice(0, revision).reduce((sum, count) => sum + count, 0)
            journal.putSnapshot(of(`k${at}`), { ...snapshotAt(revision, stateVersion), sequence })
          }
      }
      for (const turn of [0, 1])
        for (const at of entities.keys()) {
          const entity = of(`k${turn === 0 ? at : entities.length - 1 - at}`)
          const { head, snapshot, page } = journal.opening(entity, asked)
          const plain = openedBy(journal, entity, asked)
          assert.equal(head, plain.head)
          assert.equal(snapshot, plain.snapshot)
          if (page === undefined) continue
          const first = page.sequence - page.events.length
          const expected = journal.events(entity, 0, 1_000, 1_000_000).events.slice(first, page.sequence)
          assert.equal(page.events, expected)
          assert.ok(first <= (snapshot?.sequence ?? 0))
        }
    }),
    { numRuns: 60 },
  )
})

Openings('opening.O2: a record that is missing between others is damage', async () => {
  for (const [count, gone] of [
    [3, 2],
    [6, 1],
    [40, 2],
  ] as const) {
    const { kv, journal } = await stored({ cut: count })
    kv.write([['journal', numbered(entityPrefix(of('cut')), gone), undefined]])
    assert.throws(() => journal.opening(of('cut'), asked), isDamaged)
  }
})

Openings.run()
