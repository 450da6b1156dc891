// Guards the census: whatever was committed, noted, restarted and purged, it is what counting all anew gives.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { censusEntities } from '../../host/journal/counts.ts'
import { KvJournal } from '../../host/journal/kv-journal.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { commit, noteCensus, record } from '../support/journal.ts'

const Counting = suite('census')

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      storage: fc.integer({ min: 1, max: 2 }),
      key: fc.integer({ min: 0, max: 30 }).map((n) => `k${n}`),
      types: fc.array(fc.constantFrom('a.A', 'a.B', 'c/d'), { maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'note' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), counted: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('purge' as const), storage: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'forget the census' as const }) },
)

interface Entity {
  revision: number
  sequence: number
}

Counting(
  'census.C1, census.C2, census.C3: it is what counting all anew gives, after any history of commits, notes, restarts and purges',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (history) => {
        const kv = new MemoryKv()
        let journal = new KvJournal({ kv, warn: () => {} })
        const entities = new Map<number, Map<string, Entity>>()
        const types = new Map<number, Map<string, { count: number; entity: string; sequence: number }>>()
        const changed = new Map<number, readonly string[]>()
        for (const one of history) {
          if (one.kind === 'note') await noteCensus(journal)
          else if (one.kind === 'restart') {
            journal.census.stop()
            journal = new KvJournal({ kv, warn: () => {} })
            if (one.counted) await journal.census.complete()
          } else if (one.kind === 'purge') {
            journal.purge(one.storage)
            entities.delete(one.storage)
            types.delete(one.storage)
            changed.delete(one.storage)
          } else if (one.kind === 'forget the census') {
            // As a directory of an earlier version: it has none.
            if (history.some(({ kind }) => kind === 'purge')) continue // What was purged there nobody can tell.
            kv.erase([], [{ column: 'default', from: Buffer.from('a'), to: Buffer.from('z') }], () => {})
            journal = new KvJournal({ kv, warn: () => {} })
          } else {
            const of = entities.get(one.storage) ?? new Map<string, Entity>()
            entities.set(one.storage, of)
            const entity = of.get(one.key) ?? { revision: 0, sequence: 0 }
            of.set(one.key, entity)
            const written = record(entity.revision + 1, entity.sequence, one.types)
            const events = one.types.map((typeName) => ({ typeName, data: Buffer.from('x') }))
            await commit(journal, (batch) =>
              batch.append({ storage: one.storage, key: one.key }, { ...written, events }),
            )
            const others = (changed.get(one.storage) ?? []).filter((key) => key !== one.key)
            changed.set(one.storage, [one.key, ...others])
            const counts = types.get(one.storage) ?? new Map()
            types.set(one.storage, counts)
            for (const name of one.types) {
              entity.sequence += 1
              const known = counts.get(name)
              if (known === undefined) counts.set(name, { count: 1, entity: one.key, sequence: entity.sequence })
              else known.count += 1
            }
            entity.revision += 1
          }
        }
        await journal.census.complete()
        for (const storage of [1, 2]) {
          const expected = [...(types.get(storage) ?? [])].map(([name, type]) => ({ name, ...type }))
          assert.equal(
            journal.census.types(storage),
            expected.sort((a, b) => (a.name < b.name ? -1 : 1)),
          )
          const sizes = [...(entities.get(storage) ?? [])].map(([, { sequence }]) => sequence).sort((a, b) => b - a)
          const largest = journal.census.largest(storage)
          assert.equal(
            largest.map(([, size]) => size),
            sizes.slice(0, censusEntities),
          )
          for (const [key, size] of largest) assert.is(entities.get(storage)!.get(key)!.sequence, size)
          const born = [...(entities.get(storage) ?? [])].map(([key]) => key)
          assert.equal(journal.census.oldest(storage), born.slice(0, censusEntities))
          assert.equal(journal.census.newest(storage), (changed.get(storage) ?? []).slice(0, censusEntities))
        }
        journal.census.stop()
      }),
      { numRuns: 300 },
    )
  },
)

Counting('census.C1: the row of a type lies in the commit of its first event', async () => {
  const kv = new MemoryKv()
  const journal = new KvJournal({ kv, warn: () => {} })
  await commit(journal, (batch) => batch.append({ storage: 7, key: 'a' }, record(1, 0, ['x', 'y'])))
  assert.ok(kv.get('default', Buffer.from('type/7/test.Happened')) !== undefined)
  // A process that is killed now has noted nothing.
  const next = new KvJournal({ kv, warn: () => {} })
  assert.equal(
    next.census.types(7).map(({ name, entity, sequence }) => [name, entity, sequence]),
    [['test.Happened', 'a', 1]],
  )
  await next.census.complete()
  assert.is(next.census.types(7)[0]!.count, 2)
})

Counting.run()
