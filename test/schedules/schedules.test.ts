// Guards the calls that the host makes by the clock: on virtual time, over crashes, stops, deployments, and clocks that jump.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { scripted, values } from '../support/scripted.ts'
import { TimedHost } from '../support/timed-host.ts'

const Runs = suite('runs of schedules')
const minute = 60_000
const hour = 60 * minute

/** Adds one, and keeps for when it ran. */
const more = `const [n, ...all] = JSON.parse(value ?? '[0]'); const [, due] = JSON.parse(metadata).find(([name]) => name === 'innkeeper-due');
  return { change: { updated: JSON.stringify([n + 1, ...all, due]) }, outcome: say('') }`

const option = (cron: string, more: string, code: string, id = 'a') =>
  `option (innkeeper.schedule) = { name: "s" cron: "${cron}" ${more} json: ${JSON.stringify(JSON.stringify({ id, code }))} };`
const component = (text: string) =>
  scripted(undefined, (proto) =>
    proto.replace('rpc Do(Script) returns (Said) {', `rpc Do(Script) returns (Said) { ${text}`),
  )

class World extends TimedHost {
  /** How often it ran, and for which times. */
  async held(id = 'a'): Promise<readonly [count: number, ...due: string[]]> {
    return JSON.parse(await this.call(values, id, "return { outcome: say(value ?? '[0]') }")) as [number, ...string[]]
  }

  get shown() {
    return this.core.schedules.list()[0]!
  }
}

async function world(text: string): Promise<World> {
  const made = new World()
  await made.start()
  await made.deploy(await component(text))
  return made
}

Runs('§schedule-3, schedules.S1: it runs at each of its times, once, and is told for which', async () => {
  const one = await world(option('*/5 * * * *', '', more))
  const first = one.shown.next!
  await one.pass(2 * hour)
  const [count, ...due] = await one.held()
  assert.equal([count, due.length, one.shown.runs], [24, 24, 24])
  assert.equal(
    due,
    Array.from({ length: 24 }, (_, at) => new Date(first + at * 5 * minute).toISOString()),
  )
})

Runs('§schedule-3, schedules.S1: wherever it crashes, each time has one run', async () => {
  const one = await world(option('* * * * *', '', more))
  let random = 7
  for (let at = 0; at < 40; at++) {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31
    await one.pass(random % (2 * minute))
    one.crash()
    await one.start()
  }
  await one.pass(minute)
  const [count, ...due] = await one.held()
  assert.is(count, one.shown.runs)
  assert.is(new Set(due).size, due.length)
  assert.ok(count >= 30, `${count}`)
})

Runs('§schedule-4, schedules.S2: what fell into a stop is one run, or none', async () => {
  for (const [missed, expected] of [
    ['', 1],
    ['missed: SKIP', 0],
  ] as const) {
    const one = await world(option('*/10 * * * *', missed, more))
    await one.pass(20 * minute)
    const [before] = await one.held()
    one.crash()
    await one.pass(hour + 5 * minute)
    await one.start()
    await one.pass(minute)
    const [count, ...due] = await one.held()
    assert.is(count - before, expected, missed)
    // The last of them.
    if (expected === 1) assert.ok(one.time.nowMs > 0 && Date.parse(due.at(-1)!) % (10 * minute) === 0)
    await one.pass(10 * minute)
    assert.is((await one.held())[0] - before, expected + 1, missed)
  }
})

Runs('§schedule-4, schedules.S2, schedules.S5: a new, a changed and a redeployed one have missed nothing', async () => {
  const one = await world(option('*/10 * * * *', '', more))
  await one.pass(10 * minute)
  const [before] = await one.held()
  one.crash()
  await one.pass(30 * minute)
  await one.start()
  // Before anything is due: its times are others now. What was missed ran at the start.
  await one.pass(minute)
  assert.is((await one.held())[0], before + 1)
  await one.deploy(await component(option('30 3 1 1 *', '', more)))
  await one.pass(50 * minute)
  assert.is((await one.held())[0], before + 1)
  await one.deploy(await component(''))
  await one.pass(minute)
  assert.equal(one.core.schedules.list(), [])
  const rows = () =>
    one.core.partitions.all.flatMap(({ journal }) =>
      journal.rows.range('default', { from: Buffer.from('schedule/'), to: Buffer.from('schedule0'), limit: 9 }),
    )
  assert.equal(rows(), [])
  await one.deploy(await component(option('*/10 * * * *', '', more)))
  await one.pass(minute)
  assert.equal([(await one.held())[0], rows().length], [before + 1, 2])
})

Runs('§schedule-5, schedules.S3: while a run is tried again no other begins; then there is one', async () => {
  const refuses = `if (value !== 'open') return { outcome: refuse('unavailable', 'not yet') };
    return { change: { updated: JSON.stringify([1]) }, outcome: say('') }`
  const one = await world(option('* * * * * *', '', refuses))
  await one.pass(5_000)
  assert.equal([one.core.outbox.size, one.shown.underWay, one.shown.runs], [1, true, 1])
  // Given up in the end, it is parked, and the next one begins.
  await one.pass(10 * minute)
  assert.ok(one.shown.runs >= 2 && one.core.outbox.size <= 1 + one.shown.runs)
  assert.is(one.core.outbox.list().filter(({ parked }) => parked === undefined).length, 1)
})

Runs('§schedule-6, schedules.S4, wall.W1: a clock that goes back runs nothing twice', async () => {
  const one = await world(option('*/10 * * * *', '', more))
  await one.pass(hour)
  const [before, ...due] = await one.held()
  one.aheadMs = -30 * minute
  await one.pass(29 * minute)
  assert.is((await one.held())[0], before)
  await one.pass(12 * minute)
  const [count, ...after] = await one.held()
  assert.is(count, before + 1)
  assert.is(new Set(after).size, due.length + 1)
})

Runs(
  '§schedule-6, wall.W1, wall.W2: one that jumps ahead runs nothing for five minutes, or until it is accepted',
  async () => {
    for (const accepted of [false, true]) {
      const one = await world(option('*/30 * * * *', '', more))
      await one.pass(20 * minute)
      const [before] = await one.held()
      one.aheadMs = 50 * hour
      await one.pass(2 * minute)
      assert.is((await one.held())[0], before)
      assert.ok(one.core.schedules.heldMs > 0)
      if (accepted) one.core.schedules.accept()
      await one.pass(minute)
      assert.is((await one.held())[0], before + (accepted ? 1 : 0))
      await one.pass(4 * minute)
      assert.is((await one.held())[0], before + 1)
    }
  },
)

Runs('§schedule-6: a clock that was a year ahead, and is right again, does not silence a schedule', async () => {
  const one = await world(option('*/10 * * * *', '', more))
  one.aheadMs = 366 * 24 * hour
  await one.pass(20 * minute)
  const [before] = await one.held()
  one.crash()
  one.aheadMs = 0
  await one.start()
  await one.pass(20 * minute)
  assert.is((await one.held())[0], before + 2)
})

Runs(
  '§schedule-3: one that has had all its times is never again due, and those beside it go on over a start',
  async () => {
    const [few, text] = [
      option('0 0 0 1 1 * 2027', '', more, 'b').replace('"s"', '"few"'),
      option('*/10 * * * *', '', more),
    ]
    const one = await world(`${few}\n${text}`)
    await one.pass(minute)
    one.crash()
    one.aheadMs = 5 * 366 * 24 * hour
    for (let starts = 0; starts < 2; starts++) {
      await one.start()
      await one.pass(20 * minute)
      const [ended, goesOn] = one.core.schedules.list()
      assert.equal([ended!.name, ended!.runs, ended!.next], ['few', 1, undefined])
      const [before] = await one.held()
      await one.pass(20 * minute)
      assert.equal([goesOn!.name, (await one.held())[0] - before], ['s', 2])
      one.crash()
    }
  },
)

Runs('one run more by hand leaves its times as they are; another one has to wait for it', async () => {
  const one = await world(option('0 * * * *', '', more))
  await one.pass(1)
  const { next } = one.shown
  const id = one.core.schedules.run(values, 's')
  await one.pass(1)
  assert.ok((await id) > 0)
  await one.pass(minute)
  assert.equal([(await one.held())[0], one.shown.next, one.shown.runs], [1, next, 1])
  assert.throws(() => one.core.schedules.run(values, 'other'), /has no schedule other; `inn schedules` lists them/)
})

Runs.run()
