// Guards the shares of the loop: by service and by time, however many entities a service has, and whatever its turns cost. Clock and loop are
// the test's own, so no machine is too slow for it.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Actor, busy, type Service, steady, World } from '../support/loop.ts'

const Shares = suite('shares of the loop')

/** They differ by less than a tenth. */
function same(one: number, other: number, what: string): void {
  assert.ok(Math.abs(one - other) <= 0.1 * Math.max(one, other), `${what}: ${one} and ${other}`)
}

Shares(
  '§share-1: services that want more than there is get the same time, whatever a turn costs and however many entities they have',
  () => {
    const world = new World()
    const all = [busy(world, 'dear', 64, 15), busy(world, 'cheap', 64, 0.1), busy(world, 'few', 20, 1)]
    world.run(20_000)
    for (const { usedMs } of all) same(usedMs, world.nowMs / 3, 'time')
    assert.is(world.idleMs, 0)
  },
)

Shares('the entities of a service have as many turns as one another', () => {
  const world = new World()
  const { actors } = busy(world, 'one', 64, 15)
  busy(world, 'other', 64, 1)
  world.run(20_000)
  const counts = actors.map(({ taken }) => taken)
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(' '))
})

Shares('§share-1: a service alone has all of the loop, debts or not', () => {
  for (const costMs of [0.1, 15, 200]) {
    const world = new World()
    const { usedMs, taken } = after(busy(world, 'alone', 3, costMs), () => world.run(5_000))
    assert.is(world.idleMs, 0)
    same(usedMs, 5_000, `turns of ${costMs} ms`)
    assert.ok(taken > 0)
  }
})

Shares(
  'line.L6: what is decided for one who asks little is kept at once, not after a slice of those who ask much',
  () => {
    const world = new World()
    busy(world, 'much', 64, 0.5)
    world.run(1_000)
    const little = new Actor(world, 'little', 0.1)
    const waits: number[] = []
    for (let at = 0; at < 100; at++) {
      const { flushes } = world
      const askedMs = world.nowMs
      little.ask()
      while (world.flushes === flushes || little.taken <= at) world.run(world.nowMs + 0.05)
      waits.push(world.nowMs - askedMs)
      world.run(world.nowMs + 7)
    }
    // A slice is 10 ms; here two sweeps begin and end, at most.
    assert.ok(Math.max(...waits) < 5, `${Math.max(...waits)}`)
    // Nobody else asks: a sweep is as long as ever.
    const { flushes } = world
    world.run(world.nowMs + 1_000)
    assert.ok(world.flushes - flushes <= 101, `${world.flushes - flushes}`)
  },
)

Shares('turns.U6: connections that come are accepted before a sweep, and never more than 16 in its place', () => {
  const world = new World()
  busy(world, 'busy', 64, 0.5)
  let came = 0
  let most = 0
  let since = 0
  let flushes = 0
  // One in each turn of the loop, as Node accepts them.
  const come = () => {
    came += 1
    since = world.flushes === flushes ? since + 1 : 0
    flushes = world.flushes
    most = Math.max(most, since)
    world.turns.newcomer()
    world.next(come)
  }
  come()
  world.run(1_000)
  assert.ok(came > 10 * world.flushes, `${came} connections, ${world.flushes} sweeps`)
  assert.ok(most <= 17, `${most}`)
  assert.ok(world.flushes > 50)
})

Shares('what was lent by an idle loop is not asked back', () => {
  const world = new World()
  const first = busy(world, 'first', 8, 15)
  world.run(5_000)
  const before = first.usedMs
  const second = busy(world, 'second', 8, 1)
  world.run(10_000)
  same(first.usedMs - before, second.usedMs, 'time since the second came')
})

Shares('line.L3: a service that leaves the line after each turn, and comes back, pays its debts all the same', () => {
  const world = new World()
  const one = new Actor(world, 'one', 15)
  one.after = () => world.at(world.nowMs + 1, () => one.ask())
  one.ask()
  const other = busy(world, 'other', 64, 1)
  world.run(20_000)
  same(one.usedMs, other.usedMs, 'time')
})

Shares('streams that ask for their next step in each turn share like all others', () => {
  const world = new World()
  const dear = busy(world, 'dear', 1, 9)
  const cheap = busy(world, 'cheap', 1, 0.5)
  world.run(10_000)
  same(cheap.usedMs, dear.usedMs, 'time')
  assert.is(world.idleMs, 0)
})

Shares(
  'line.L4: a few calls a second wait for one turn of a busy neighbour, not for one of each of its entities',
  () => {
    const world = new World()
    busy(world, 'busy', 64, 15)
    const calm = steady(world, 'calm', 5, 0.1)
    world.run(10_000)
    // One that runs already, and one whose place in the round is before.
    const worst = Math.max(...calm.waits)
    assert.ok(worst <= 3 * 15, `${worst} ms; in one line for all they would be ${64 * 15}`)
    assert.ok(calm.taken >= 1_990, String(calm.taken))
  },
)

Shares(
  'line.L1, line.L2: any services at any time: the loop is never idle, nobody starves, and those that wait have the same',
  () => {
    const service = fc.record({
      entities: fc.integer({ min: 1, max: 60 }),
      costMs: fc.double({ min: 0.05, max: 19, noNaN: true }),
      startMs: fc.integer({ min: 0, max: 2_000 }),
    })
    fc.assert(
      fc.property(fc.array(service, { minLength: 1, maxLength: 6 }), (services) => {
        const world = new World()
        const running: { of: Service; before: number }[] = []
        for (const [at, { entities, costMs, startMs }] of services.entries())
          world.at(startMs, () => running.push({ of: busy(world, `s${at}`, entities, costMs), before: 0 }))
        world.run(2_500)
        for (const one of running) one.before = one.of.usedMs
        const { idleMs } = world
        world.run(6_500)
        assert.is(world.idleMs, idleMs)
        const used = running.map(({ of, before }) => of.usedMs - before)
        const dearest = Math.max(...services.map(({ costMs }) => costMs))
        // Two turns of the dearest either way, since a turn is not taken apart, and a sweep's rest of a cheap one with few entities.
        assert.ok(Math.max(...used) - Math.min(...used) <= 4 * dearest + 20, used.join(' '))
      }),
      { numRuns: 60 },
    )
  },
)

Shares('who asks is answered: every turn that is in line is taken, in the order of its service', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(30), fc.nat(300)), { maxLength: 200 }), (asked) => {
      const world = new World()
      const order = new Map<string, string[]>()
      const expected = new Map<string, string[]>()
      const byTime = asked.map((one, at) => ({ one, at })).sort((a, b) => a.one[2] - b.one[2] || a.at - b.at)
      for (const [at, { one }] of byTime.entries()) {
        const [service, costMs, atMs] = one
        const name = `s${service}`
        const actor = new Actor(world, name, costMs, String(at))
        actor.after = () => order.set(name, [...(order.get(name) ?? []), actor.id])
        expected.set(name, [...(expected.get(name) ?? []), actor.id])
        world.at(atMs, () => actor.ask())
      }
      world.run(1_000_000)
      assert.ok(world.still)
      assert.equal([...order].sort(), [...expected].sort())
    }),
    { numRuns: 100 },
  )
})

Shares(
  'turns.U5: work outside of a turn is charged to its service, and inside of another’s turn not to that one',
  () => {
    const world = new World()
    const spends = new Actor(world, 'spends', 0)
    const hosts = busy(world, 'hosts', 30, 1)
    const seen: string[] = []
    // Entities that leave the memory while another takes a turn.
    for (const actor of hosts.actors)
      actor.after = () => {
        world.turns.during(spends, () => {
          seen.push(world.seen.join())
          world.work(1)
        })
        seen.push(world.seen.join())
        actor.ask()
      }
    const other = busy(world, 'other', 30, 1)
    const own = busy(world, 'spends', 30, 1)
    world.run(9_000)
    same(hosts.usedMs, other.usedMs, 'time')
    // What was done for it in others' turns is its own share.
    assert.ok(own.usedMs <= 0.1 * other.usedMs, `${own.usedMs} of ${other.usedMs}`)
    assert.equal([...new Set(seen)], ['spends', 'hosts'])
    assert.equal(world.seen, [])
  },
)

Shares('turns.U2, turns.U3: each sweep ends with a commit, and takes no longer than a slice and a turn', () => {
  const world = new World()
  busy(world, 'one', 64, 3)
  world.run(3_000)
  assert.ok(world.flushes >= 3_000 / (10 + 3), String(world.flushes))
})

const Throttled = suite('throttled services')

Throttled(
  '§share-2: a service whose turns are long has 2 % of the loop while another wants it, and that one hardly waits',
  () => {
    const world = new World()
    const long = busy(world, 'long', 64, 70)
    const calm = steady(world, 'calm', 5, 0.1)
    world.run(3_000)
    assert.equal(world.told, [['long', true, world.told[0]?.[2]]])
    assert.ok(Math.max(...calm.waits) <= 3 * 70 + 20, String(Math.max(...calm.waits)))
    const [before, calls] = [long.usedMs, calm.waits.length]
    world.run(103_000)
    const part = (long.usedMs - before) / 100_000
    assert.ok(part <= 0.021 && part >= 0.01, String(part))
    const late = calm.waits.slice(calls).filter((wait) => wait > 1)
    assert.ok(
      late.length <= 0.025 * (calm.waits.length - calls),
      `${late.length} of ${calm.waits.length - calls} waited`,
    )
    assert.equal([...world.turns.throttled], ['long'])
  },
)

Throttled('throttle.T1: many throttled services have the small part together, and each of them something', () => {
  const world = new World()
  const many = Array.from({ length: 10 }, (_, at) => busy(world, `long${at}`, 8, 70))
  steady(world, 'calm', 5, 0.1)
  world.run(10_000)
  assert.is([...world.turns.throttled].length, 10)
  const before = many.map(({ taken }) => taken)
  world.run(410_000)
  const since = many.map(({ taken }, at) => taken - before[at]!)
  assert.ok(since.reduce((sum, taken) => sum + taken * 70, 0) <= 0.021 * 400_000, since.join(' '))
  assert.ok(Math.min(...since) >= 9, since.join(' '))
})

Throttled('throttle.T1: nobody else wants the loop: a throttled service has all of it', () => {
  const world = new World()
  const long = busy(world, 'long', 64, 70)
  const calm = steady(world, 'calm', 100_000, 0.1)
  world.run(20_000)
  assert.equal([...world.turns.throttled], ['long'])
  // But for a second after the one call.
  assert.ok(long.usedMs >= 18_500, String(long.usedMs))
  assert.is(calm.taken, 1)
})

Throttled(
  'throttle.T1: who calls for the first time is heard between two turns, however many others call before it',
  () => {
    const world = new World()
    busy(world, 'long', 64, 70)
    world.run(2_000)
    // As Node accepts connections: one in each turn of the loop.
    const first = new Actor(world, 'first', 0.1)
    let before = 500
    const accept = (): void => {
      before -= 1
      if (before === 0) first.ask(2_000)
      else world.next(accept)
    }
    world.next(accept)
    world.run(3_000)
    assert.ok(first.waits[0]! <= 2 * 70 + 1, `${first.waits[0]} ms`)
  },
)

Throttled('throttle.T4: what a lent loop cost is no debt, but for the price of one turn', () => {
  const world = new World()
  const long = busy(world, 'long', 8, 70)
  world.run(60_000)
  const before = long.taken
  steady(world, 'calm', 5, 0.1)
  world.run(60_000 + 50 * 70 + 1_000)
  assert.ok(long.taken > before, `${long.taken - before} turns since`)
})

Throttled('one long turn, or two, is forgiven: a machine has pauses', () => {
  const world = new World()
  const actor = new Actor(world, 'one', 70)
  for (const atMs of [0, 5_000, 10_001, 15_001, 20_002]) world.at(atMs, () => actor.ask())
  world.run(30_000)
  assert.is(actor.taken, 5)
  assert.equal(world.told, [])
})

Throttled('throttle.T3: where the machine gives the core to others, or a disk is slow, no service is to blame', () => {
  const world = new World()
  const paused = busy(world, 'paused', 8, 1)
  for (const actor of paused.actors) actor.pauseMs = 60
  steady(world, 'calm', 5, 0.1)
  world.run(20_000)
  assert.equal(world.told, [])
  assert.ok(paused.taken > 50, String(paused.taken))
})

Throttled('work outside of turns that is long is a strike as well', () => {
  const world = new World()
  const leaves = new Actor(world, 'leaves', 0)
  const hosts = busy(world, 'hosts', 8, 1)
  for (const actor of hosts.actors)
    actor.after = () => {
      if (world.told.length === 0) world.turns.during(leaves, () => world.work(70))
      actor.ask()
    }
  world.run(1_000)
  assert.equal(
    world.told.map(([service]) => service),
    ['leaves'],
  )
})

Throttled('§share-2: three faults in ten seconds are as bad as three long turns, cheap as they may be', () => {
  const world = new World()
  const failing = busy(world, 'failing', 8, 0.2)
  for (const actor of failing.actors)
    actor.after = () => {
      world.faultsOf('failing').value += 1
      actor.ask()
    }
  steady(world, 'calm', 5, 0.1)
  world.run(100)
  assert.equal(world.told[0]?.slice(0, 2), ['failing', true])
  const before = failing.usedMs
  world.run(10_100)
  assert.ok(failing.usedMs - before <= 0.021 * 10_000, String(failing.usedMs - before))
})

Throttled(
  '§share-2, throttle.T2: it gets trust back ten seconds after its last strike was paid, and keeps it while it behaves',
  () => {
    const world = new World()
    const service = busy(world, 'once bad', 8, 70)
    steady(world, 'calm', 5, 0.1)
    world.run(1_000)
    for (const actor of service.actors) actor.costMs = 0.1
    world.run(30_000)
    assert.equal(
      world.told.map(([, throttled]) => throttled),
      [true, false],
    )
    const [[, , from], [, , to]] = world.told as [(typeof world.told)[0], (typeof world.told)[0]]
    assert.ok(to - from >= 10_000 && to - from <= 10_000 + 3 * 50 * 70, `${to - from} ms`)
    assert.equal([...world.turns.throttled], [])
    const before = service.usedMs
    world.run(31_000)
    assert.ok(service.usedMs - before > 900, String(service.usedMs - before))
  },
)

Throttled('throttle.T2: one that has nothing to do gets trust back, too', () => {
  const world = new World()
  const actor = new Actor(world, 'gone', 70)
  actor.after = () => {
    if (actor.taken < 4) actor.ask()
  }
  actor.ask()
  steady(world, 'calm', 5, 0.1)
  world.run(2_000)
  assert.equal([...world.turns.throttled], ['gone'])
  world.run(20_000)
  assert.equal([...world.turns.throttled], [])
})

Throttled('throttle.T2: waiting is no merit: of many that hold the loop none is trusted before it had a turn', () => {
  const world = new World()
  for (let at = 0; at < 20; at++) busy(world, `long${at}`, 4, 250)
  steady(world, 'calm', 5, 0.1)
  world.run(400_000)
  // Each turn costs the others 12.5 s, so that all wait for longer than the ten seconds.
  assert.equal(
    world.told.filter(([, throttled]) => !throttled),
    [],
  )
})

Throttled('§share-2: the settings say what is long, for how long, and how much is left', () => {
  const world = new World({ longTurnMs: 5, throttleMs: 1_000, throttledPercentMax: 20 })
  const service = busy(world, 'long', 8, 6)
  steady(world, 'calm', 5, 0.1)
  world.run(1_000)
  const before = service.usedMs
  world.run(11_000)
  same(service.usedMs - before, 0.2 * 10_000, 'time')
  // 100 %: nothing is held.
  const off = new World({ throttledPercentMax: 100 })
  const all = busy(off, 'long', 8, 70)
  steady(off, 'calm', 5, 0.1)
  off.run(10_000)
  assert.ok(all.usedMs > 9_000, String(all.usedMs))
})

Throttled('turns.U1: a host that stopped gives those that wait no turn', () => {
  const world = new World()
  const long = busy(world, 'long', 8, 70)
  const calm = new Actor(world, 'calm', 0.1)
  world.at(400, () => calm.ask())
  world.run(500)
  const { taken } = long
  world.turns.stop()
  world.run(10_000)
  assert.is(long.taken, taken)
})

/** A service as it is after that. */
function after(service: Service, run: () => void): Service {
  run()
  return service
}

Shares.run()
Throttled.run()
