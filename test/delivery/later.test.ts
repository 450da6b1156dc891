// Guards timers: effects that are due later, through a whole host on virtual time: set, moved, cancelled, over crashes and clocks that jump.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { replicas, scripted, values } from '../support/scripted.ts'
import { TimedHost, textOf } from '../support/timed-host.ts'

const Timers = suite('timers')
const minute = 60_000
const hour = 60 * minute

/** Notes what it is told, with the time. */
const noted = (what: string) =>
  `return { change: { updated: JSON.stringify([...JSON.parse(value ?? '[]'), [${JSON.stringify(what)}, nowMs]]) }, outcome: say('') }`
const read = "return { outcome: say(value ?? '[]') }"
const timer = (what: string, more: string, id = 'a') =>
  `effect('Values', 'Do', ${JSON.stringify(id)}, ${JSON.stringify(noted(what))}, { ${more} })`
const does = (more: string) => `return { outcome: say('', { ${more} }) }`
const sets = (...effects: readonly string[]) => does(`effects: [${effects.join(', ')}]`)

class World extends TimedHost {
  /** What the entity was told, and when, in milliseconds from `from`. */
  async told(from: number, id = 'a'): Promise<readonly (readonly [string, number])[]> {
    const list = JSON.parse(await this.call(values, id, read)) as [string, number][]
    return list.map(([what, atMs]) => [what, atMs - from])
  }

  get pending(): number {
    return this.core.partitions.all.reduce((sum, { pending }) => sum + pending.count, 0)
  }
}

async function world(flags: Record<string, string> = {}): Promise<World> {
  const made = new World(flags)
  await made.start()
  await made.deploy(await scripted())
  return made
}

Timers(
  '§timer-1: an effect is due so long after its commit, or at a time; one whose time has passed is due at once',
  async () => {
    const one = await world()
    const now = one.nowMs
    await one.call(
      values,
      'a',
      sets(timer('after', 'after: 60000'), timer('at', `at: ${now + 30_000}`), timer('past', 'at: 5')),
    )
    assert.is(one.pending, 2)
    await one.pass(59_999)
    assert.equal(
      (await one.told(now)).map(([what]) => what),
      ['past', 'at'],
    )
    await one.pass(1)
    const told = await one.told(now)
    assert.equal(
      told.map(([what]) => what),
      ['past', 'at', 'after'],
    )
    assert.ok(told[1]![1] >= 30_000 && told[2]![1] >= 60_000, JSON.stringify(told))
    assert.is(one.pending, 0)
  },
)

Timers(
  '§timer-2, turn.T6: a name that is set again moves it, and a cancel drops it, also within one command',
  async () => {
    const one = await world()
    const now = one.nowMs
    await one.call(values, 'a', sets(timer('first', "after: 60000, name: 'n'")))
    await one.call(
      values,
      'a',
      sets(timer('second', "after: 120000, name: 'n'"), timer('other', "after: 60000, name: 'o'")),
    )
    await one.call(values, 'b', does("cancels: ['o']"))
    await one.pass(minute + 1)
    assert.equal(
      (await one.told(now)).map(([what]) => what),
      ['other'],
    )
    await one.pass(minute)
    assert.equal(
      (await one.told(now)).map(([what]) => what),
      ['other', 'second'],
    )
    // Cancels act before the effects of the same outcome.
    const both = `cancels: ['p', 'no such'], effects: [${timer('third', "after: 1000, name: 'p'")}]`
    await one.call(values, 'a', sets(timer('never', "after: 1000, name: 'p'")))
    await one.call(values, 'a', does(both))
    await one.pass(minute)
    assert.equal(
      (await one.told(now)).map(([what]) => what),
      ['other', 'second', 'third'],
    )
    assert.is(one.pending, 0)
  },
)

Timers('§timer-3: each is delivered once, wherever the host crashes', async () => {
  const one = await world()
  const now = one.nowMs
  for (let at = 1; at <= 40; at++) await one.call(values, 'a', sets(timer(`${at}`, `after: ${at * 1000}`)))
  let random = 11
  for (let at = 0; at < 30; at++) {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31
    await one.pass(random % 3_000)
    one.crash()
    await one.start()
  }
  await one.pass(2 * minute)
  const told = await one.told(now)
  assert.equal(
    told.map(([what]) => Number(what)).sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, at) => at + 1),
  )
  for (const [what, atMs] of told) assert.ok(atMs >= Number(what) * 1000, `${what} came at ${atMs}`)
  assert.is(one.pending, 0)
})

Timers(
  '§timer-4: an entity sets its next one when one comes, a thousand times; it begins a chain each time',
  async () => {
    const one = await world()
    const again = `const n = Number(value ?? 0) + 1;
    return { change: { updated: String(n) }, outcome: say('', { effects: n < 1000 ? [effect('Values', 'Do', 'a', self, { after: 1000, name: 'next' })] : [] }) }`
    await one.call(values, 'a', again)
    await one.pass(1_100 * 1000)
    assert.is(await one.call(values, 'a', read), '1000')
    assert.is(one.core.outbox.size, 0)
  },
)

Timers('§timer-4: timers of no time are hops like any other, so a circle of them ends', async () => {
  const one = await world()
  const again = `return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('', { effects: [
    effect('Values', 'Do', entity === 'a' ? 'b' : 'a', self, { after: 1 }) ] }) }`
  await one.call(values, 'a', again)
  await one.pass(hour)
  const [a, b] = [await one.call(values, 'a', read), await one.call(values, 'b', read)]
  assert.ok(Number(a) + Number(b) <= 17, `${a} and ${b}`)
  assert.is(one.core.outbox.list()[0]?.parked !== undefined, true)
})

Timers(
  '§timer-5: a clock that goes back fires nothing twice, and one that jumps ahead fires nothing until it is believed',
  async () => {
    const one = await world()
    const now = one.nowMs
    await one.call(values, 'a', sets(timer('one', 'after: 1000'), timer('far', 'after: 3600000')))
    await one.pass(2_000)
    one.aheadMs = -hour
    await one.pass(minute)
    assert.equal(
      (await one.told(now)).map(([what]) => what),
      ['one'],
    )
    one.aheadMs = 365 * 24 * hour
    await one.pass(4 * minute)
    assert.equal(
      (await one.told(now)).map(([what]) => what),
      ['one'],
    )
    one.core.schedules.accept()
    await one.pass(1_000)
    assert.equal(
      (await one.told(now)).map(([what]) => what),
      ['one', 'far'],
    )
  },
)

Timers('§timer-6, batched.B3: in one batch or one by one, what is due is not delivered behind its cancel', async () => {
  const cancels = `return { change: { updated: JSON.stringify([...JSON.parse(value ?? '[]'), ['cancelled', nowMs]]) },
    outcome: say('', { cancels: ['n'] }) }`
  const came: string[][] = [[], []]
  for (const [at, batch] of ['1', '64'].entries()) {
    const one = await world({ 'batch-commands-max': batch })
    // So many turns of the loop after it is due: in some of them the cancel stands before it in the same line.
    for (let turns = 0; turns < 24; turns++) {
      const id = `e${turns}`
      await one.call(values, id, sets(timer('due', "after: 1000, name: 'n'", id)))
      const soon = (left: number): void => {
        if (left > 0) one.time.next(() => soon(left - 1))
        else for (let more = 0; more < 3; more++) one.send(values, id, more === 1 ? cancels : noted('before'))
      }
      one.time.at(one.time.nowMs + 1000, () => soon(turns))
      await one.pass(minute)
      const told = (await one.told(0, id)).map(([what]) => what)
      assert.ok(told.lastIndexOf('due') <= told.indexOf('cancelled'), `${turns} turns, batches of ${batch}: ${told}`)
      came[at]!.push(told.includes('due') ? 'due' : 'cancelled')
    }
    assert.is(one.pending, 0)
    assert.is(one.core.outbox.size, 0)
  }
  for (const one of came) assert.equal([...new Set(one)].sort(), ['cancelled', 'due'])
})

Timers('§timer-7: replicated entities set them, too, and actions those without a name', async () => {
  const one = await world()
  const now = one.nowMs
  await one.call(
    replicas,
    'r',
    `return { answer: say('', { effects: [${timer('of a replica', "after: 1000, name: 'n'")}] }) }`,
  )
  await one.call('test.script.v1.Actions', '', `return say('', { effects: [${timer('of an action', 'after: 2000')}] })`)
  assert.is(one.pending, 2)
  const named = await one.answer(
    'test.script.v1.Actions',
    '',
    `return say('', { effects: [${timer('x', "name: 'n'")}] })`,
  )
  assert.match(textOf(named), /^guest_fault/)
  await one.pass(minute)
  assert.equal(
    (await one.told(now)).map(([what]) => what),
    ['of a replica', 'of an action'],
  )
})

Timers('§timer-8: a purge takes what a service has pending with it', async () => {
  const one = await world()
  await one.call(values, 'a', sets(timer('one', 'after: 1000'), timer('two', "after: 1000, name: 'n'")))
  for (const { pending } of one.core.partitions.all)
    await one.until(pending.purge(one.core.services.get(values)!.storage, values))
  assert.is(one.pending, 0)
  await one.pass(minute)
  assert.is(await one.call(values, 'a', read), '[]')
})

Timers(
  '§effect-16, outbox.O11, lanes.L1: what is sent to an entity later waits while what was sent before is being tried again',
  async () => {
    const one = await world()
    const until = one.nowMs + 20_000
    const slow = `if (nowMs < ${until}) return { outcome: refuse('unavailable', 'not yet') }; ${noted('first')}`
    const sends = (code: string, id = 'b') => sets(`effect('Values', 'Do', '${id}', ${JSON.stringify(code)})`)
    await one.call(values, 'a', sends(slow))
    await one.call(values, 'a', sends(noted('second')))
    await one.call(values, 'a', sends(noted('third')))
    await one.call(values, 'c', sends(noted('of another')))
    await one.call(values, 'a', sends(noted('elsewhere'), 'd'))
    await one.pass(1_000)
    assert.equal(
      (await one.told(0, 'b')).map(([what]) => what),
      ['of another'],
    )
    assert.equal(
      (await one.told(0, 'd')).map(([what]) => what),
      ['elsewhere'],
    )
    one.crash()
    await one.start()
    await one.pass(10 * minute)
    assert.equal(
      (await one.told(0, 'b')).map(([what]) => what),
      ['of another', 'first', 'second', 'third'],
    )
    // One that is parked holds nobody.
    await one.call(values, 'a', sends("return { outcome: refuse('not-found', 'no') }", 'e'))
    await one.call(values, 'a', sends(noted('goes on'), 'e'))
    await one.pass(1_000)
    assert.equal(
      (await one.told(0, 'e')).map(([what]) => what),
      ['goes on'],
    )
  },
)

Timers('§timer-10, command.D3: what is due while its own service is not deployed waits for it', async () => {
  const one = await world()
  const now = one.nowMs
  await one.call(values, 'a', sets(timer('own', 'after: 1000')))
  one.core.deployer.undeploy(values)
  await one.pass(minute)
  assert.is(one.core.outbox.size, 0)
  one.crash()
  await one.start()
  await one.pass(minute)
  await one.deploy(await scripted((text) => `${text}\n// Deployed again`))
  await one.pass(minute)
  assert.equal(
    (await one.told(now)).map(([what]) => what),
    ['own'],
  )
})

Timers.run()
