// What the figures of `npm run bench -- delivery` come from, through its own guest: rows that a command brings, reads of a start and of what falls due.
// Nothing here is timed.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { field } from '../../bench/pipe.ts'
import type { Answer } from '../../host/command.ts'
import { noMetadata } from '../../host/metadata.ts'
import type { Write } from '../../host/storage/kv.ts'
import { buildProject } from '../../sdk/build/build.ts'
import { temporary } from '../support/host.ts'
import { partitions } from '../support/store.ts'
import { TimedHost } from '../support/timed-host.ts'

const Delivery = suite('what timers and asks bring and read')
const root = fileURLToPath(new URL('../..', import.meta.url))
const hour = 3_600_000
/** What a turn of `host/delivery/pending.ts` looks at. */
const portion = 256
/** How long it sleeps at most. */
const sleepMs = 60_000

interface Order {
  readonly name?: string
  readonly atMs?: number
  readonly to?: string
}

/** Of a range in the column of what is due later. */
interface Read {
  readonly from: Buffer
  readonly rows: number
  /** The key of the last row. */
  readonly last: Buffer | undefined
  readonly atMs: number
  /** It only looks when the next one is due. */
  readonly looks: boolean
}

/** A host with the guest of the benchmark, over a store that tells what is written and read. */
class Watched extends TimedHost {
  writes: (readonly Write[])[] = []
  reads: Read[] = []
  /** Rows that were read in any column but `commits`, which has one for each commit of the last hour, for followers. */
  rowsRead = 0
  private count = 0

  constructor() {
    super()
    const { kv } = this
    const [commit, range, get] = [kv.commit.bind(kv), kv.range.bind(kv), kv.get.bind(kv)]
    kv.commit = (writes, done) => {
      this.writes.push(writes)
      commit(writes, done)
    }
    kv.range = (column, wanted) => {
      const rows = range(column, wanted)
      if (column !== 'commits') this.rowsRead += rows.length / 2
      if (column === 'pending')
        this.reads.push({
          ...{ from: wanted.from, rows: rows.length / 2, last: rows.at(-2), atMs: this.nowMs },
          looks: wanted.keysOnly === true,
        })
      return rows
    }
    kv.get = (column, key) => {
      this.rowsRead += 1
      return get(column, key)
    }
  }

  /** Commands at once. All of them are answered with a reply. */
  async all(method: string, orders: readonly (readonly [id: string, order: Order])[]): Promise<void> {
    const answers: Answer[] = []
    for (const [id, order] of orders)
      this.core.dispatch(
        {
          ...{ service: 'bench.later.v1.Bells', method, payload: bytesOf(id, order), metadata: noMetadata, hops: 0 },
          ...{ idempotencyKey: undefined, effect: undefined, requestId: `r${++this.count}` },
          deadlineMs: Number.POSITIVE_INFINITY,
        },
        (answer) => answers.push(answer),
      )
    await this.time.run(Number.POSITIVE_INFINITY, () => answers.length === orders.length)
    for (const answer of answers) assert.is(answer.kind, 'reply', JSON.stringify(answer))
  }

  /** What one command writes, until nothing of it is left to do: rows of each commit, by column. */
  async rowsOf(method: string, order: Order = {}): Promise<readonly Readonly<Record<string, number>>[]> {
    this.writes = []
    await this.all(method, [['k', order]])
    await this.pass(1_000)
    return this.writes.map((writes) => {
      const rows: Record<string, number> = {}
      for (const [column] of writes) rows[column] = (rows[column] ?? 0) + 1
      return rows
    })
  }

  get pending(): number {
    return this.core.partitions.all.reduce((sum, { pending }) => sum + pending.count, 0)
  }
}

let built: Promise<Uint8Array> | undefined

async function guest(): Promise<Uint8Array> {
  const { path, remove } = temporary()
  try {
    const { file } = await buildProject(`${root}bench/guests/later`, { out: `${path}/later.wasm` })
    return readFileSync(file)
  } finally {
    remove()
  }
}

async function watched(): Promise<Watched> {
  const host = new Watched()
  await host.start()
  built ??= guest()
  await host.deploy(await built)
  // What is written once: names of types, what a service takes.
  await host.all('Add', [['k', {}]])
  return host
}

/** So many, of ten on each key, all due at the same time. */
async function set(host: Watched, count: number, atMs: number): Promise<void> {
  const orders = Array.from({ length: count }, (_, at) => [`k${at % (count / 10)}`, { name: `t${at}`, atMs }] as const)
  for (let at = 0; at < count; at += 1_000) await host.all('Set', orders.slice(at, at + 1_000))
}

function bytesOf(id: string, { name = '', atMs = 0, to = '' }: Order): Buffer {
  const time: number[] = [24]
  let left = atMs
  for (; left >= 128; left = Math.floor(left / 128)) time.push((left % 128) + 128)
  return Buffer.concat([
    field(10, Buffer.from(id)),
    field(18, Buffer.from(name)),
    Buffer.from([...time, left]),
    field(34, Buffer.from(to)),
  ])
}

Delivery(
  'a command that sets, moves or cancels a timer is one commit, with two rows for each that comes or goes',
  async () => {
    const host = await watched()
    const atMs = host.nowMs + hour
    const [plain] = await host.rowsOf('Add')
    const { default: notes = 0, ...rest } = plain!
    assert.is(rest['pending'], undefined)
    const more = (pending: number) => [{ ...rest, pending, default: notes + 1 }]
    assert.equal(await host.rowsOf('Set', { name: 'a', atMs }), more(2))
    assert.equal(await host.rowsOf('Set', { name: 'a', atMs: atMs + hour }), more(4))
    assert.equal(await host.rowsOf('Cancel', { name: 'a' }), more(2))
    assert.equal(await host.rowsOf('Cancel', { name: 'a' }), [plain!], 'a name that is not pending costs no row')
  },
)

if (partitions === 1)
  Delivery('a whole ask is three commits, and one row of the outbox in each', async () => {
    const host = await watched()
    const [plain] = await host.rowsOf('Add')
    const asked = await host.rowsOf('Ask', { to: 'other' })
    assert.equal(
      asked,
      [1, 2, 3].map(() => ({ ...plain!, outbox: 1 })),
    )
  })

Delivery('a start reads no more of what is due later, and no more at all, with ten times as many', async () => {
  const seen: { pending: number; all: number }[] = []
  for (const count of [400, 4_000]) {
    const host = await watched()
    await set(host, 400, host.nowMs + hour)
    // On the same entities: what is read of those must be the same.
    for (let more = 400; more < count; more += 400)
      await host.all(
        'Set',
        Array.from(
          { length: 400 },
          (_, at) => [`k${at % 40}`, { name: `m${more + at}`, atMs: host.nowMs + hour }] as const,
        ),
      )
    assert.is(host.pending, count)
    host.crash()
    host.reads = []
    host.rowsRead = 0
    await host.start()
    await host.all('Look', [['k', {}]])
    assert.is(host.pending, count)
    seen.push({ pending: host.reads.reduce((sum, { rows }) => sum + rows, 0), all: host.rowsRead })
  }
  assert.ok(seen[0]!.pending <= (portion + 1) * partitions, JSON.stringify(seen))
  assert.equal(seen[1], seen[0])
})

Delivery('what is due at the same time is read once, and sought behind what fell due', async () => {
  const host = await watched()
  const count = 2_000
  const atMs = host.nowMs + hour
  await set(host, count, atMs)
  await host.pass(hour - 2 * sleepMs)
  assert.is(host.pending, count)
  host.reads = []
  await host.pass(4 * sleepMs)
  assert.is(host.pending, 0)
  // Before they are due, and after the last of them, it looks now and then.
  const rows = host.reads.reduce((sum, { rows }) => sum + rows, 0)
  assert.ok(rows >= count && rows <= count + 4 * portion * partitions, `${rows} rows were read for ${count}`)
  const fallen = new Map<string, Buffer>()
  for (const { from, last, atMs: readMs, looks } of host.reads) {
    if (looks) continue
    const partition = partitions === 1 ? '' : from.toString('latin1', 0, 2)
    const behind = fallen.get(partition)
    assert.ok(behind === undefined || Buffer.compare(behind, from) < 0, 'a read began before what has fallen due')
    if (last !== undefined && readMs >= atMs) fallen.set(partition, last)
  }
  assert.is(fallen.size, partitions)
})

Delivery.run()
