// Guards several partitions in one engine: none sees another's rows, what they commit in one turn is one synced write, and what a crash leaves of a
// deletion is done at the next start.

import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Erasures } from '../../host/journal/erasures.ts'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import { entityPrefix, numbered } from '../../host/journal/keys.ts'
import { nextOf } from '../../host/journal/numbering.ts'
import { Placement } from '../../host/placement.ts'
import { Database } from '../../host/storage/database.ts'
import type { Write } from '../../host/storage/kv.ts'
import { PartitionedKv } from '../../host/storage/partitioned.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { openStore } from '../../host/store/rocksdb.ts'
import { temporary } from '../support/host.ts'
import { append, record } from '../support/journal.ts'
import { memoryStore } from '../support/store.ts'

const Parts = suite('partitions of one engine')

const bytes = fc.uint8Array({ maxLength: 6 }).map((array) => Buffer.from(array))
const everything = { from: Buffer.alloc(0), to: Buffer.alloc(16, 255), limit: 1_000 }

Parts(
  'partitioned.P1, partitioned.P3: each sees what it wrote, in order, and nothing of another or of the catalog',
  () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 2 }), bytes, fc.boolean())), fc.boolean(), (steps, reverse) => {
        const kv = new MemoryKv()
        kv.write([['default', Buffer.from('active/service'), Buffer.from('x')]])
        const { parts } = new PartitionedKv(kv, 3)
        const alone = [0, 1, 2].map(() => new MemoryKv())
        for (const [part, key, put] of steps)
          for (const own of [parts[part]!, alone[part]!])
            own.write([['default', key, put ? Buffer.from(`${part}`) : undefined]], false)
        for (const [index, part] of parts.entries()) {
          assert.equal(
            part.range('default', { ...everything, reverse }),
            alone[index]!.range('default', { ...everything, reverse }),
          )
          for (const [, key] of steps) assert.equal(part.get('default', key), alone[index]!.get('default', key))
        }
        assert.is(kv.get('default', Buffer.from('active/service'))?.toString(), 'x')
      }),
    )
  },
)

/** Counts writes, and fails where it is told to. */
class CountedKv extends MemoryKv {
  commits = 0
  failing = false

  override commit(writes: readonly Write[], done: (error: Error | undefined) => void): void {
    this.commits += 1
    if (this.failing) done(new Error('no space left on device'))
    else super.commit(writes, done)
  }
}

Parts(
  'partitioned.P2, group-commit.G1: what all partitions decide in a turn is one write, told in the order of joining',
  async () => {
    const kv = new CountedKv()
    const store = memoryStore(4, { kv })
    const commits = new GroupCommit(store)
    const heard: string[] = []
    const join = (partition: number, key: string) =>
      commits.of(partition).join(
        (batch) => batch.append({ storage: 1, key }, record(1, 0, ['e'])),
        (error) => heard.push(`${key} ${error === undefined}`),
      )
    for (const [at, partition] of [3, 0, 2, 0].entries()) join(partition, `k${at}`)
    const before = kv.commits
    commits.flush()
    assert.is(kv.commits - before, 1)
    assert.equal(heard, ['k0 true', 'k1 true', 'k2 true', 'k3 true'])
    assert.equal(
      store.journals.map((journal) => journal.lastCommit()),
      [1, 0, 1, 1],
    )
    // They fail together, and work together again.
    kv.failing = true
    join(1, 'lost')
    join(2, 'lost too')
    commits.flush()
    assert.equal(heard.slice(4), ['lost false', 'lost too false'])
    for (const journal of store.journals) assert.ok(journal.failure() !== undefined)
    kv.failing = false
    await store.reopen()
    for (const journal of store.journals) assert.is(journal.failure(), undefined)
    assert.is(store.journals[1]!.head({ storage: 1, key: 'lost' }), undefined)
  },
)

Parts('numbering.G1, numbering.G2: ids of different partitions differ, tell their partition, and rise', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.nat(), fc.nat(), (count, at, last) => {
      const index = at % count
      const next = nextOf({ index, count }, last)
      assert.ok(next > last && next <= last + count && next > 0)
      assert.is(new Placement(count).ofEffect(next), index)
      assert.is(nextOf({ index, count }, next), next + count)
    }),
  )
})

Parts('rocksdb.D7: a purge that a crash cut short is finished by the next start', async () => {
  const data = temporary()
  try {
    const directory = join(data.path, 'data')
    const entity = { storage: 7, key: 'a' }
    const options = { log() {} }
    const store = await openStore(directory, options)
    for (const text of ['one', 'two']) await append(store.journals[0]!, entity, [text])
    await append(store.journals[0]!, { storage: 8, key: 'a' }, ['stays'])
    await store.close()
    // What the commit of a purge leaves, before anything is deleted.
    const from = numbered(entityPrefix(entity), 0)
    const erasures = new Erasures()
    const database = await Database.open(join(directory, 'journal'), () => {})
    database.write(
      [erasures.write(erasures.next(), [{ column: 'journal', from, to: numbered(entityPrefix(entity), 9) }])],
      true,
    )
    await database.close()
    const again = await openStore(directory, options)
    assert.is(again.journals[0]!.head(entity), undefined)
    assert.is(again.journals[0]!.head({ storage: 8, key: 'a' })?.revision, 1)
    assert.equal(again.kv.range('default', { from: Buffer.from('erase/'), to: Buffer.from('erase0'), limit: 9 }), [])
    await again.close()
  } finally {
    data.remove()
  }
})

Parts.run()
