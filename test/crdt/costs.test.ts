// Guards what a change costs: one of a large set or map walks over nothing but what it touches.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kind } from '../../host/crdt/kind.ts'
import type { Operation } from '../../host/crdt/operations.ts'
import { Replica } from '../../host/crdt/replica.ts'
import { Table } from '../../host/crdt/table.ts'
import { after, delta, op } from './support.ts'

const Costs = suite('crdt costs')
const large = 1_000

/** Walks over a whole table that is large. */
let walks = 0
const { each } = Table.prototype
Table.prototype.each = function (this: Table<unknown>, visit) {
  if (this.size > large / 2) walks += 1
  each.call(this, visit)
}

function walksDuring(run: () => void): number {
  walks = 0
  run()
  return walks
}

const name = (at: number) => `e${at}`
const set = {
  of: kind.orSet,
  add: (at: number) => [op.insert([], name(at))],
  change: (at: number) => [op.remove([], name(at)), op.insert([], name(at + 10 * large))],
  drop: (at: number) => [op.remove([], name(at))],
}
const map = {
  of: kind.orMap,
  add: (at: number) => [op.increment([name(at)], 1n)],
  change: (at: number) => [op.increment([name(at)], 1n)],
  drop: (at: number) => [op.remove([], name(at))],
}

/** Two replicas that know the same: the first made it, the second heard of it. */
function pair(of: typeof set | typeof map): readonly [Replica, Replica] {
  const first = after('a', [op.create([], of.of)])
  for (let at = 0; at < large; at++) first.apply('a', of.add(at), 0)
  return [first, Replica.decode(first.encode())]
}

for (const [what, of, rule] of [
  ['a set', set, 'set.S4'],
  ['a map', map, 'map.O6'],
] as const) {
  Costs(`${rule}, replica.R5: a command about one element of ${what} walks over no others, nor does its undo`, () => {
    const [replica] = pair(of)
    const run = () => {
      for (const operations of [of.add(large), of.change(1), of.drop(2)]) {
        replica.apply('a', operations, 0).undo()
        assert.ok(replica.apply('a', operations, 0).delta !== undefined)
      }
    }
    assert.is(walksDuring(run), 0)
  })

  Costs(`${rule}, replica.R5, dot-index.X2: deltas walk over ${what} once, at the first that removes`, () => {
    const [replica, peer] = pair(of)
    const walksAt = (operations: readonly Operation[]) => {
      const change = delta(replica.apply('a', operations, 0))
      return walksDuring(() => assert.ok(peer.merge(change).news))
    }
    assert.is(walksAt(of.add(large)), 0)
    assert.is(walksAt(of.drop(0)), 1)
    for (let at = 1; at < 20; at++)
      for (const operations of [of.drop(at), of.change(at + 20), of.add(at + large)]) assert.is(walksAt(operations), 0)
  })

  Costs(`dot-index.X2: the index of ${what} is made anew once as many dots have come as lived`, () => {
    const [replica, peer] = pair(of)
    const hear = (operations: readonly Operation[]) => peer.merge(delta(replica.apply('a', operations, 0)))
    const comeAndGo = () => {
      for (let at = 0; at < large; at++) for (const operations of [of.drop(0), of.add(0)]) hear(operations)
    }
    assert.is(walksDuring(comeAndGo), 1)
    assert.is(walksDuring(comeAndGo), 1)
  })
}

Costs.run()
