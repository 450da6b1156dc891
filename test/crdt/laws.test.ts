// Guards what replication rests on: whatever way knowledge travels, replicas that know the same are the same bytes.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kind } from '../../host/crdt/kind.ts'
import { Replica } from '../../host/crdt/replica.ts'
import { attempt, eachKind, history, names, play } from './histories.ts'
import { after, delta, hex, op, seen } from './support.ts'

const Laws = suite('crdt laws')
const numRuns = 150

const copy = (replica: Replica) => Replica.decode(replica.encode())

function merged(...parts: readonly Uint8Array[]): Replica {
  const replica = new Replica()
  for (const part of parts) replica.merge(part)
  return replica
}

/** The view of everything, votes of all three counted. */
/** As each of the members sees it: whose vote it is makes a difference. */
const view = (replica: Replica) => names.map((self) => hex(replica.view({ kind: 'all' }, self, names))).join()

eachKind((of, name) => {
  Laws(
    `§replica-6, replica.R1, meeting.M1, ids.I1: ${name}: merging commutes, associates and repeats harmlessly`,
    () => {
      fc.assert(
        fc.property(history(of, true), (steps) => {
          const [a, b, c] = play(steps).replicas.map((replica) => replica.encode()) as [
            Uint8Array,
            Uint8Array,
            Uint8Array,
          ]
          const all = hex(merged(a, b, c).encode())
          assert.is(hex(merged(c, b, a).encode()), all)
          assert.is(hex(merged(a, merged(b, c).encode()).encode()), all)
          assert.is(hex(merged(merged(a, b).encode(), c).encode()), all)
          const again = merged(a, b, c)
          assert.equal(again.merge(b), { changed: false, news: false })
          assert.equal(again.merge(again.encode()), { changed: false, news: false })
          assert.is(hex(again.encode()), all)
        }),
        { numRuns },
      )
    },
  )

  Laws(`§replica-6, replica.R2, dot.D1: ${name}: deltas in any order, twice and in batches are the full state`, () => {
    const orders = history(of, true).chain((steps) => {
      const { replicas, deltas } = play(steps)
      const places = fc.array(fc.nat(Math.max(0, deltas.length - 1)), { maxLength: 10 })
      const order = fc.shuffledSubarray(deltas, { minLength: deltas.length, maxLength: deltas.length })
      return fc.record({ replicas: fc.constant(replicas), order, places, cut: fc.nat(deltas.length) })
    })
    fc.assert(
      fc.property(orders, ({ replicas, order, places, cut }) => {
        const whole = merged(...replicas.map((replica) => replica.encode()))
        assert.is(hex(merged(...order).encode()), hex(whole.encode()))
        const twice = [...order, ...places.flatMap((place) => order[place] ?? [])]
        assert.is(hex(merged(...twice).encode()), hex(whole.encode()))
        const batches = [merged(...order.slice(cut)).encode(), merged(...order.slice(0, cut)).encode()]
        assert.is(hex(merged(...batches).encode()), hex(whole.encode()))
        assert.is(merged(...order).size, whole.size)
      }),
      { numRuns },
    )
  })

  Laws(
    `§replica-4, replica.R2, replica.R3, edit.U1, edit.U3, ids.I2: ${name}: a delta is all that was done; undo takes all of it back; what throws has done nothing`,
    () => {
      fc.assert(
        fc.property(history(of, true), history(of, false), (steps, more) => {
          const replica = play(steps).replicas[0]!
          for (const step of more) {
            if (step.do !== 'apply') continue
            const before = { bytes: hex(replica.encode()), size: replica.size, view: view(replica) }
            const other = copy(replica)
            const applied = attempt(() => replica.apply('a', step.operations, step.nowMs))
            if (applied?.delta === undefined) {
              assert.is(hex(replica.encode()), before.bytes)
              continue
            }
            const done = hex(replica.encode())
            if (view(replica) !== before.view) assert.ok(applied.changed, 'a change that is not reported')
            else if (of !== kind.orMap) assert.not(applied.changed, 'a change that is none')
            const { changed, news } = other.merge(applied.delta)
            assert.is(hex(other.encode()), done)
            assert.is(other.size, replica.size)
            assert.ok(news)
            assert.is(changed, view(replica) !== before.view)
            applied.undo()
            assert.is(hex(replica.encode()), before.bytes)
            assert.is(replica.size, before.size)
            assert.is(view(replica), before.view)
            assert.is(hex(delta(replica.apply('a', step.operations, step.nowMs))), hex(applied.delta))
            assert.is(hex(replica.encode()), done)
          }
        }),
        { numRuns },
      )
    },
  )

  Laws(
    `replica.R1, decode.E2, vote.V3: ${name}: a merge says whether anything was learnt, and whether the value is another one`,
    () => {
      fc.assert(
        fc.property(history(of, true), history(of, true), (steps, others) => {
          const [replica] = play(steps).replicas
          for (const part of [...play(steps).deltas, ...play(steps).replicas.map((each) => each.encode())]) {
            const before = { bytes: hex(replica!.encode()), view: view(replica!) }
            const { changed, news } = replica!.merge(part)
            assert.is(news, hex(replica!.encode()) !== before.bytes)
            assert.is(changed, view(replica!) !== before.view)
          }
          // Another history under the same names is no honest peer: the merge may mean nothing, but it must hold.
          for (const part of play(others).deltas) replica!.merge(part)
          assert.is(hex(copy(replica!).encode()), hex(replica!.encode()))
        }),
        { numRuns: numRuns / 2 },
      )
    },
  )

  Laws(`replica.R1: ${name}: encoded and decoded it is the same, in bytes, value and size`, () => {
    fc.assert(
      fc.property(history(of, true), (steps) => {
        for (const replica of play(steps).replicas) {
          const again = copy(replica)
          assert.is(hex(again.encode()), hex(replica.encode()))
          assert.equal(again.json('a', names), replica.json('a', names))
          assert.is(again.size, replica.size)
        }
      }),
      { numRuns },
    )
  })
})

/** What two replicas do to a large value that both have, and which of their deltas the other hears of at once. */
const busy = fc.array(
  fc.record({
    at: fc.nat(1),
    key: fc.constantFrom(0, 1, 60),
    element: fc.integer({ min: 37, max: 43 }),
    what: fc.nat(60),
    heard: fc.boolean(),
  }),
  { minLength: 50, maxLength: 200, size: 'max' },
)

Laws(
  'dot-index.X1, meeting.M2: deltas find what they remove in large sets and maps, at every depth, after undo too',
  () => {
    const large = after('a', [op.create([], kind.orMap)])
    for (let index = 0; index < 50; index++) {
      large.apply('a', [op.create([`k${index}`], kind.orSet)], 0)
      for (let inner = 0; inner < 40; inner++) large.apply('a', [op.insert([`k${index}`], `e${inner}`)], 0)
    }
    fc.assert(
      fc.property(busy, (steps) => {
        const pair = [copy(large), copy(large)] as const
        const late: [Replica, Uint8Array][] = []
        for (const { at, key, element, what, heard } of steps) {
          const [path, value] = [[`k${key}`], `e${element}`]
          const operations = [
            [op.create(path, kind.orSet), op.insert(path, value)],
            [op.create(path, kind.orSet), op.remove(path, value)],
            [op.remove([], path[0]!)],
            [op.create(path, kind.orSet), op.clear(path)],
          ][what < 4 ? what : what & 1]!
          pair[at]!.apply('ab'[at]!, operations, 0).undo()
          const { delta } = pair[at]!.apply('ab'[at]!, operations, 0)
          if (delta === undefined) continue
          if (heard) pair[1 - at]!.merge(delta)
          else late.push([pair[1 - at]!, delta])
        }
        for (const [replica, delta] of late.reverse()) replica.merge(delta)
        assert.is(hex(pair[0].encode()), hex(pair[1].encode()))
        assert.is(pair[0].size, copy(pair[0]).size)
      }),
      { numRuns: 30 },
    )
  },
)

Laws('§map-5, map.O4: kinds that were created concurrently are all kept, the lowest is seen, on every replica', () => {
  const [a, b] = [after('a', [op.increment([], 2n)]), after('b', [op.assign([], 'text')])]
  a.merge(b.encode())
  b.merge(a.encode())
  assert.is(hex(a.encode()), hex(b.encode()))
  assert.equal(seen(b), { exists: true, value: { gCounter: { value: '2' } } })
  assert.is(
    attempt(() => b.apply('b', [op.assign([], 'more')], 0)),
    undefined,
  )
})

Laws('§replica-8, replica.R4: deletion beats what was done at the same time, and its replicas are two bytes', () => {
  const a = after('a', [op.create([], kind.orMap)], [op.increment(['k'], 1n)])
  const b = copy(a)
  const update = delta(b.apply('b', [op.increment(['k'], 1n)], 0))
  const deleted = a.delete()
  assert.ok(deleted.changed)
  assert.ok(a.deleted && !a.exists)
  assert.equal(a.merge(update), { changed: false, news: false })
  assert.equal(b.merge(delta(deleted)), { changed: true, news: true })
  assert.equal(b.merge(delta(deleted)), { changed: false, news: false })
  for (const replica of [a, b]) assert.is(hex(replica.encode()), '0101')
  assert.ok(Replica.decode(a.encode()).deleted)
  assert.is(a.delete().delta, undefined)
  assert.is(
    attempt(() => a.apply('a', [op.increment(['k'], 1n)], 0)),
    undefined,
  )
  assert.equal(seen(a), {})
  assert.is(a.json('a', names), null)
})

Laws('replica.R4: the undo of a deletion brings everything back', () => {
  const a = after('a', [op.create([], kind.orSet)], [op.insert([], 'x')])
  const before = { bytes: hex(a.encode()), size: a.size }
  a.delete().undo()
  assert.equal({ bytes: hex(a.encode()), size: a.size }, before)
  assert.ok(a.exists && !a.deleted)
  a.apply('a', [op.insert([], 'y')], 0)
})

Laws('§replica-6, context.C3: 10,000 additions and removals leave a few bytes', () => {
  const set = after('a', [op.create([], kind.orSet)])
  const map = after('a', [op.create([], kind.orMap)])
  const peer = new Replica()
  const sizes = { set: set.size, map: map.size }
  for (let cycle = 0; cycle < 10_000; cycle++) {
    peer.merge(delta(set.apply('a', [op.insert([], `e${cycle}`)], 0)))
    peer.merge(delta(set.apply('a', [op.remove([], `e${cycle}`)], 0)))
    map.apply('a', [op.create([`k${cycle}`], kind.orSet), op.insert([`k${cycle}`], 'e')], 0)
    map.apply('a', [op.remove([], `k${cycle}`)], 0)
  }
  assert.ok(set.encode().length < 16, hex(set.encode()))
  assert.ok(map.encode().length < 16, hex(map.encode()))
  assert.is(hex(peer.encode()), hex(set.encode()))
  assert.ok(set.size - sizes.set < 200 && map.size - sizes.map < 200)
})

Laws.run()
