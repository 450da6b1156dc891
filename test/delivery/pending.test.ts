// Guards effects that are due later: on virtual time, over crashes, with a clock that is not believed, and without room.

import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { DuePace } from '../../host/delivery/due-pace.ts'
import { Keeper } from '../../host/delivery/keeper.ts'
import { Outbox } from '../../host/delivery/outbox.ts'
import { Pending } from '../../host/delivery/pending.ts'
import { brought } from '../../host/delivery/room.ts'
import { Tickets } from '../../host/delivery/tickets.ts'
import type { EffectEntry } from '../../host/effect.ts'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import { defaultLimits } from '../../host/limits.ts'
import { MemoryKv, memoryStore } from '../../host/store/memory.ts'

const Later = suite('effects that are due later')
const from = { storage: 1, key: 'e' }
const cause = { service: 's', entity: 'e', revision: 1 }

/** Timers in the order of their time, run by hand. */
class Hands {
  nowMs = 1_000_000
  private timers: { atMs: number; work: () => void; gone: boolean }[] = []

  readonly clock = {
    ...systemClock,
    now: () => this.nowMs,
    steady: () => this.nowMs,
    idle: () => 0,
    after: (ms: number, work: () => void) => {
      const timer = { atMs: this.nowMs + ms, work, gone: false }
      this.timers.push(timer)
      const handle = {
        cancel: () => {
          timer.gone = true
        },
        unref: () => handle,
      }
      return handle
    },
  }

  async turn(ms: number, each: () => Promise<unknown>): Promise<void> {
    const end = this.nowMs + ms
    await each()
    for (;;) {
      this.timers = this.timers.filter(({ gone }) => !gone)
      const next = this.timers.reduce<(typeof this.timers)[number] | undefined>(
        (first, one) => (first === undefined || one.atMs < first.atMs ? one : first),
        undefined,
      )
      if (next === undefined || next.atMs > end) break
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.gone = true
      next.work()
      await each()
    }
    this.nowMs = end
  }

  /** As a crash does. */
  forget(): void {
    this.timers = []
  }
}

class World {
  readonly hands = new Hands()
  readonly kv = new MemoryKv()
  held = 0
  away: (entry: EffectEntry) => boolean = () => false
  limits = defaultLimits
  /** Ids as they were tried; those of `takes` arrive at once. */
  readonly tried: number[] = []
  readonly late: number[] = []
  callers = 0
  takes = true
  /** Reads of the column, by where they began. */
  readonly reads: Buffer[] = []
  commits!: GroupCommit
  outbox!: Outbox
  pending!: Pending
  keeper!: Keeper

  async start(): Promise<void> {
    const store = memoryStore(1, { kv: this.kv })
    const [journal] = store.journals
    const rows = { get: journal!.rows.get.bind(journal!.rows), range: journal!.rows.range.bind(journal!.rows) }
    const watched = {
      get: rows.get,
      range: ((column, range) => {
        if (column === 'pending' && range.keysOnly !== true) this.reads.push(range.from)
        return rows.range(column, range)
      }) as typeof rows.range,
    }
    const { clock } = this.hands
    const log = pino({ level: 'silent' })
    this.commits = new GroupCommit(store)
    const commits = this.commits.of(0)
    this.outbox = new Outbox({
      ...{ partitions: [{ journal: journal!, commits }], limits: this.limits, log, clock },
      ...{ outward: () => undefined, toItself: () => true, mayHaveHappened: () => false, lane: () => undefined },
      ...{ delivered() {}, parked() {} },
      target: {
        unserved: () => undefined,
        deliver: (entry, _, begins, done) => {
          begins()
          this.tried.push(entry.id)
          if (!this.takes) return
          this.keeper.keep(
            { enqueued: [], arrived: [entry.id] },
            () => {},
            () => done({ kind: 'arrived' }),
          )
        },
      },
    })
    const common = {
      commits,
      outbox: this.outbox,
      clock,
      log,
      heldMs: () => this.held,
      unfit: () => false,
      unserved: (entry: EffectEntry) => this.away(entry),
    }
    this.pending = new Pending({
      ...{ ...common, journal: { rows: watched }, bytesMax: this.limits.pendingBytesMax },
      callers: () => this.callers,
      fell: (_, lateMs) => this.late.push(lateMs),
    })
    const tickets = new Tickets({ ...common, journal: journal!, ticketMs: 1 })
    this.keeper = new Keeper(this.outbox, this.pending, tickets, commits, 0, journal!)
    await this.outbox.load()
    await this.outbox.takeUp(true)
    await this.settle()
    this.pending.start(this.keeper)
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      this.commits.flush()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  pass(ms: number): Promise<void> {
    return this.hands.turn(ms, () => this.settle())
  }

  entry(dueMs: number, name?: string, bytes = 0): EffectEntry {
    const call = { service: 't', method: 'M', payload: new Uint8Array(bytes), metadata: [] }
    const more = { cause, call, synchronous: false, hops: 0, attempts: 0, parked: undefined, from }
    return { ...this.keeper.places.next(undefined), ...more, dueMs, ...(name !== undefined && { name }) }
  }

  async set(...pended: readonly EffectEntry[]): Promise<string | undefined> {
    const full = this.keeper.keep(
      { enqueued: [], arrived: [], pended },
      () => {},
      () => {},
    )
    await this.settle()
    return full?.message
  }
}

Later('pending.N1: each falls due at its time, the earlier one first, once, also after a crash', async () => {
  const world = new World()
  await world.start()
  const now = world.hands.nowMs
  const [second, first, third] = [world.entry(now + 5_000), world.entry(now + 2_000), world.entry(now + 90_000)]
  await world.set(second, first, third)
  await world.pass(1_999)
  assert.equal(world.tried, [])
  await world.pass(1)
  assert.equal(world.tried, [first.id])
  world.hands.forget()
  await world.start()
  await world.pass(100_000)
  assert.equal(world.tried, [first.id, second.id, third.id])
  assert.is(world.pending.count, 0)
  assert.is(world.pending.firstMs, undefined)
})

Later('pending.N1: one that a crash leaves in the outbox is tried again, and not put there twice', async () => {
  const world = new World()
  world.takes = false
  await world.start()
  const one = world.entry(world.hands.nowMs + 1_000)
  await world.set(one)
  await world.pass(1_000)
  world.hands.forget()
  world.takes = true
  await world.start()
  await world.pass(10_000)
  assert.equal(world.tried, [one.id, one.id])
  assert.equal(world.outbox.list(), [])
})

Later(
  'pending.N1: while a commit takes one away it does not fall due, and a commit that fails gives it back',
  async () => {
    const world = new World()
    await world.start()
    const one = world.entry(world.hands.nowMs + 1_000, 'n')
    await world.set(one)
    const found = world.pending.named(from, 'n')
    assert.ok(found?.where === 'pending')
    world.pending.joined(brought([], [found.ref], []))
    assert.is(world.pending.named(from, 'n'), undefined)
    await world.pass(5_000)
    assert.equal(world.tried, [])
    world.pending.parted(brought([], [found.ref], []))
    await world.pass(61_000)
    assert.equal(world.tried, [one.id])
  },
)

Later('pending.N2, pending.N3: what is due is sought behind what fell due, and few are under way at once', async () => {
  const world = new World()
  world.takes = false
  await world.start()
  const dueMs = world.hands.nowMs + 1_000
  for (let at = 0; at < 20; at++) await world.set(...Array.from({ length: 100 }, () => world.entry(dueMs)))
  assert.is(world.pending.count, 2_000)
  world.reads.length = 0
  await world.pass(2_000)
  const underWay = world.outbox.size
  assert.ok(underWay >= 512 && underWay <= 1024, `${underWay}`)
  for (const [at, read] of world.reads.entries())
    if (at > 0) assert.ok(Buffer.compare(world.reads[at - 1]!, read) <= 0, 'a read began before the last one')
  // They arrive, and the others follow.
  world.takes = true
  const first = [...world.tried]
  for (const id of first)
    world.keeper.keep(
      { enqueued: [], arrived: [id] },
      () => {},
      () => {},
    )
  await world.settle()
  await world.pass(5_000)
  assert.is(world.tried.length, 2_000)
  assert.is(new Set(world.tried).size, 2_000)
  assert.equal(
    world.tried,
    [...world.tried].sort((a, b) => a - b),
  )
})

Later(
  'due-pace.Q1, pending.N3: beside callers a part of them enters for each command, and more where the loop is idle',
  () => {
    let [heard, idleMs, nowMs] = [0, 0, 0]
    const pace = new DuePace({ idle: () => idleMs, steady: () => nowMs }, () => heard)
    assert.is(pace.look(64), 64)
    let entered = 0
    const enter = () => {
      nowMs += 1
      const count = pace.look(64)
      entered += count
      pace.took(count)
    }
    for (let turn = 0; turn < 1_000; turn++) {
      // They come in bursts.
      if (turn % 10 === 0) heard += 100
      enter()
    }
    assert.ok(entered > 0 && entered < heard / 3, `${entered} beside ${heard} commands`)
    const busy = entered
    for (let turn = 0; turn < 1_000; turn++) {
      heard += 1
      idleMs += 1
      enter()
    }
    assert.ok(entered > 3 * busy, `${entered} with idle time, ${busy} without`)
    nowMs += 1_000
    assert.is(pace.look(64), 64)
  },
)

Later('pending.N3: as few are under way while a slow disk holds their commits', async () => {
  const world = new World()
  await world.start()
  const dueMs = world.hands.nowMs + 1_000
  for (let at = 0; at < 20; at++) await world.set(...Array.from({ length: 100 }, () => world.entry(dueMs)))
  // Time goes on, and nothing is written.
  await world.hands.turn(5_000, () => Promise.resolve())
  await world.settle()
  assert.ok(world.tried.length >= 512 && world.tried.length <= 1024, `${world.tried.length}`)
  await world.pass(5_000)
  assert.is(world.tried.length, 2_000)
})

Later('pending.N4: while the clock is not believed nothing falls due', async () => {
  const world = new World()
  await world.start()
  const one = world.entry(world.hands.nowMs + 1_000)
  await world.set(one)
  world.held = 300_000
  world.pending.look()
  await world.pass(30_000)
  assert.equal(world.tried, [])
  world.held = 0
  world.pending.look()
  await world.settle()
  assert.equal(world.tried, [one.id])
  assert.ok(world.late[0]! >= 29_000)
})

Later(
  'pending.N5, delivery/room.R1: past its share a service sets no more, but may replace; what falls due or is dropped gives its room back',
  async () => {
    const world = new World()
    world.limits = { ...defaultLimits, pendingBytesMax: 100_000 }
    await world.start()
    const dueMs = world.hands.nowMs + 1_000
    let count = 0
    let refusal: string | undefined
    let last: EffectEntry | undefined
    while (refusal === undefined && count < 1_000) {
      last = world.entry(dueMs, `n${count}`, 1_000)
      refusal = await world.set(last)
      if (refusal === undefined) count += 1
    }
    assert.match(
      refusal!,
      /s has used up its share of what may be due later: its \d+ effects, and its open tickets, take \d+ bytes of 100000 \(pending-bytes-max\)/,
    )
    assert.ok(count > 50 && count < 100, `${count}`)
    const found = world.pending.named(from, 'n0')
    assert.ok(found?.where === 'pending')
    const full = world.keeper.keep(
      { enqueued: [], arrived: [], pended: [world.entry(dueMs, 'n0', 1_000)], unpended: [found.ref] },
      () => {},
      () => {},
    )
    assert.is(full, undefined)
    await world.settle()
    const bytes = world.pending.bytesOf('s')
    world.hands.forget()
    await world.start()
    assert.is(world.pending.bytesOf('s'), bytes)
    assert.is(world.pending.count, count)
    await world.pass(10_000)
    assert.is(world.tried.length, count)
    assert.is(world.pending.bytesOf('s'), 0)
  },
)

Later('room.R1, room.R2: one row of a commit says how many go where, also after a crash', async () => {
  const world = new World()
  await world.start()
  const dueMs = world.hands.nowMs + 60_000
  const count = 40
  let rows = 0
  const { write } = world.kv
  world.kv.write = (writes) => {
    rows += writes.filter(([column, key]) => column === 'default' && key.toString().startsWith('pending/')).length
    write.call(world.kv, writes)
  }
  const set = Array.from({ length: count }, (_, at) => world.entry(dueMs, `n${at}`))
  await world.set(...set.slice(0, 1))
  rows = 0
  for (const one of set.slice(1))
    world.keeper.keep(
      { enqueued: [], arrived: [], pended: [one] },
      () => {},
      () => {},
    )
  await world.settle()
  assert.ok(rows > 0 && rows < count / 3, `${rows} rows of ${count} commands`)
  world.hands.forget()
  await world.start()
  assert.equal([...world.pending.targets('t')], [['M', count]])
  const refs = set.slice(0, 15).map(({ name }) => {
    const found = world.pending.named(from, name!)
    assert.ok(found?.where === 'pending')
    return found.ref
  })
  world.pending.drop(refs, () => {})
  await world.settle()
  world.hands.forget()
  await world.start()
  assert.equal([...world.pending.targets('t')], [['M', count - 15]])
  assert.is(world.pending.count, count - 15)
})

Later('what an entity, a service, a method has pending is listed in pages, and dropped', async () => {
  const world = new World()
  await world.start()
  const dueMs = world.hands.nowMs + 60_000
  await world.set(...['a', 'b', 'c'].map((name) => world.entry(dueMs, name)), world.entry(dueMs))
  const page = world.pending.page(1, 'e', undefined, 3)
  assert.equal(
    page.entries.map(({ name }) => name),
    ['a', 'b', 'c'],
  )
  assert.is(world.pending.page(1, undefined, page.last, 3).entries.length, 1)
  assert.equal([...world.pending.targets('t')], [['M', 4]])
  const [first] = page.entries
  let done: unknown = 'not yet'
  const found = world.pending.named(from, 'a')
  assert.ok(found?.where === 'pending')
  assert.ok(world.pending.fire(found.ref, (error) => (done = error)))
  await world.settle()
  assert.is(done, undefined)
  assert.equal(world.tried, [first!.id])
  const purged = world.pending.purge(1, 's')
  for (let turn = 0; turn < 10; turn++) await world.settle()
  assert.is(await purged, 3)
  await world.pass(120_000)
  assert.equal(world.tried, [first!.id])
})

Later('pending.N6: what cannot enter the outbox holds up no others, and enters once it can', async () => {
  const world = new World()
  world.limits = { ...defaultLimits, outboxEffectsMax: 100 }
  world.takes = false
  await world.start()
  const dueMs = world.hands.nowMs + 1_000
  // 300 of one service, which has room for less than 100; behind them one of another, and one that cannot be run.
  for (let at = 0; at < 3; at++) await world.set(...Array.from({ length: 100 }, () => world.entry(dueMs)))
  const other = { ...world.entry(dueMs + 1), cause: { service: 'other', entity: 'e', revision: 1 } }
  const away = { ...world.entry(dueMs + 1), cause: { service: 'third', entity: 'e', revision: 1 } }
  world.away = (entry) => entry.id === away.id
  await world.set(other)
  await world.set(away)
  await world.pass(10_000)
  assert.ok(world.tried.includes(other.id), 'one of another service waits')
  assert.not(world.tried.includes(away.id))
  assert.ok(world.outbox.size <= 100, `${world.outbox.size}`)
  world.takes = true
  world.away = () => false
  for (const id of [...world.tried])
    world.keeper.keep(
      { enqueued: [], arrived: [id] },
      () => {},
      () => {},
    )
  await world.settle()
  await world.pass(600_000)
  assert.is(new Set(world.tried).size, 302)
  assert.is(world.tried.length, 302)
})

Later.run()
