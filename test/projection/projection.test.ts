// Guards a projection over a real feed: built and followed without a change lost, the journal kept, and commits never torn.

import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { Consumers } from '../../host/feed/consumers.ts'
import { Feed } from '../../host/feed/feed.ts'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import type { ReadPartition } from '../../host/projection/projection.ts'
import { Projection } from '../../host/projection/projection.ts'
import type { OffsetRecord, Step } from '../../host/views/component.ts'
import { eventually } from '../support/ingress.ts'
import { append, record } from '../support/journal.ts'
import { memoryStore } from '../support/store.ts'

const Followed = suite('projection')

/** Tables that only remember; what is written goes to `hold`, if it is there. */
class Tables {
  readonly steps: Step[] = []
  readonly batches: { readonly steps: readonly Step[]; readonly commit: number | undefined }[] = []
  offsets: readonly OffsetRecord[] = []
  checkpoints = 0
  hold: (() => Promise<void>) | undefined

  open = async () => this.offsets
  drop = async () => {
    this.offsets = []
    this.steps.length = 0
  }
  apply = async (_: unknown, { offsets = [] }: { offsets?: readonly OffsetRecord[] }) => {
    this.reach(offsets)
    return { shared: 0 }
  }
  checkpoint = async () => {
    this.checkpoints += 1
    return this.offsets
  }
  project = async (_: unknown, steps: readonly Step[], offsets: readonly OffsetRecord[]) => {
    await this.hold?.()
    this.steps.push(...steps)
    this.batches.push({ steps, commit: offsets[0]?.commit })
    this.reach(offsets)
    return { shared: 0, choked: undefined }
  }

  private reach(offsets: readonly OffsetRecord[]): void {
    const others = this.offsets.filter(({ partition }) => !offsets.some((one) => one.partition === partition))
    this.offsets = [...others, ...offsets]
  }
}

function world() {
  const store = memoryStore(1)
  const [journal] = store.journals
  const commits = new GroupCommit(store)
  const feed = new Feed({ journal: journal!, directory: store.catalog.directoryId, partition: 0, clock: systemClock })
  const consumers = new Consumers(feed, journal!.rows, commits.of(0))
  const partition: ReadPartition = { index: 0, journal: journal!, feed, consumers }
  const tables = new Tables()
  const source = {
    service: 's',
    kind: 'event-sourced',
    storage: 1,
    keyFieldCount: 1,
    types: new Set(['test.Happened']),
  } as const
  let caught = 0
  const begin = () =>
    new Projection({
      ...{
        table: { component: { descriptors: new Uint8Array(), views: [] }, service: 'v', file: 'v-1.db' },
        tables: tables as never,
      },
      ...{
        partitions: [partition],
        sources: [source],
        clock: systemClock,
        log: pino({ level: 'silent' }),
        unfit: () => false,
      },
      ...{ lost() {}, changed() {}, reached() {}, replicaOf: () => assert.unreachable('no replica') as never },
      caughtUp: () => {
        caught += 1
      },
    })
  const seen = () =>
    tables.steps.flatMap((step) => (step.kind === 'change' ? [`${step.change.entity} ${step.change.sequence}`] : []))
  return { store, journal: journal!, feed, consumers, tables, begin, seen, caughtUp: () => caught }
}

Followed(
  'projection.J1, projection.J3: what is committed during a build comes behind it, and the journal is held until it is kept',
  async () => {
    const { journal, consumers, tables, begin, seen, feed } = world()
    for (let at = 0; at < 20; at++) await append(journal, { storage: 1, key: `k${at % 5}` }, ['e'])
    const start = feed.end.commit
    let release = () => {}
    tables.hold = () => new Promise((resolve) => (release = resolve))
    const projection = begin()
    projection.start()
    await eventually(() => consumers.list().length === 1)
    // It is held where the build began, whatever comes.
    for (let at = 0; at < 7; at++) await append(journal, { storage: 1, key: 'later' }, ['e'])
    assert.is(consumers.list()[0]!.offset.commit, start)
    tables.hold = undefined
    release()
    await eventually(() => seen().filter((one) => one.startsWith('later')).length >= 7)
    assert.equal(new Set(seen()).size, 27)
    await eventually(() => projection.lag.commits === 0)
    // What it has read is let go only once that is on its disk.
    await eventually(() => tables.checkpoints > 0 && consumers.list()[0]!.offset.commit >= feed.end.commit - 1)
    await projection.stop()
  },
)

Followed('projection.J2: a table goes on where it is, and one that ended within its build is built anew', async () => {
  const { journal, tables, begin, seen } = world()
  for (let at = 0; at < 5; at++) await append(journal, { storage: 1, key: `k${at}` }, ['e'])
  tables.hold = () => new Promise(() => {})
  const cut = begin()
  cut.start()
  await eventually(() => cut.state === 'building')
  tables.hold = undefined
  const whole = begin()
  whole.start()
  await eventually(() => whole.state === 'following')
  assert.is(seen().length, 5)
  await append(journal, { storage: 1, key: 'k9' }, ['e'])
  await eventually(() => seen().length === 6)
  await whole.stop()
  await append(journal, { storage: 1, key: 'k9' }, ['e'])
  const again = begin()
  again.start()
  await eventually(() => seen().length === 7)
  assert.is(new Set(seen()).size, 7)
  await again.stop()
})

Followed('projection.J4: a commit is written as a whole, however much it names', async () => {
  const { journal, tables, begin, seen } = world()
  const projection = begin()
  projection.start()
  await eventually(() => projection.state === 'following')
  const each = 700
  for (const round of [1, 2, 3]) {
    const batch = journal.batch()
    for (let at = 0; at < each; at++) batch.append({ storage: 1, key: `k${at}` }, record(round, round - 1, ['e']))
    await new Promise<void>((resolve, reject) =>
      journal.commit(batch, (error) => (error === undefined ? resolve() : reject(error))),
    )
  }
  await eventually(() => seen().length === 3 * each)
  for (const { steps } of tables.batches) assert.is(steps.length % each, 0)
  await projection.stop()
})

Followed.run()
