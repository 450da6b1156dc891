// Guards the meaning: three replicas that do things and meet in pairs show what a log of operations says they should
// (model.ts), refuse what it refuses, and make no delta where it says that nothing was done.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kind } from '../../host/crdt/kind.ts'
import type { Operation } from '../../host/crdt/operations.ts'
import { Replica } from '../../host/crdt/replica.ts'
import type { Step } from './histories.ts'
import { attempt, eachKind, history, names } from './histories.ts'
import { Model } from './model.ts'
import { op, sync } from './support.ts'

const Models = suite('crdt model')

function compare(steps: readonly Step[]): void {
  const replicas = names.map(() => new Replica())
  const models = names.map((name) => new Model(name))
  const agree = (at: number) => {
    assert.equal(replicas[at]!.json(names[at]!, names), models[at]!.json(names[at]!, names))
  }
  const meet = (a: number, b: number) => {
    sync(replicas[a]!, replicas[b]!)
    models[a]!.sync(models[b]!)
    agree(a)
    agree(b)
  }
  for (const step of steps) {
    if (step.do === 'sync') meet(step.a, step.b)
    if (step.do !== 'apply') continue
    // One by one: what the operations of one command cancel out is not the model's business (kinds.test.ts).
    for (const operation of step.operations) {
      const applied = attempt(() => replicas[step.at]!.apply(names[step.at]!, [operation], step.nowMs))
      const became = applied === undefined ? 'refused' : applied.delta === undefined ? 'nothing' : 'done'
      assert.is(became, models[step.at]!.apply(operation, step.nowMs))
      agree(step.at)
    }
  }
  meet(0, 1)
  meet(1, 2)
  meet(0, 2)
}

eachKind((of, name) => {
  Models(`${name}${of === kind.orMap ? ' of all kinds, nested' : ''}: replicas are what the log says`, () => {
    fc.assert(fc.property(history(of, false), compare), { numRuns: of === kind.orMap ? 300 : 150 })
  })
})

/** Few operations on few things, by all and often: where they happen at the same time is where it matters. */
function crowded(...operations: readonly Operation[]): void {
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('apply' as const),
        at: fc.nat(2),
        operations: fc.constantFrom(...operations).map((one) => [one]),
        nowMs: fc.nat(3),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('sync' as const), a: fc.nat(2), b: fc.nat(2) }) },
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), compare), { numRuns: 300 })
}

Models('map.O2, map.O3: a key that is removed and updated at once is what the log says', () => {
  crowded(
    op.create([], kind.orMap),
    op.create(['k'], kind.orSet),
    op.insert(['k'], 'x'),
    op.remove(['k'], 'x'),
    op.clear(['k']),
    op.remove([], 'k'),
  )
  crowded(op.create([], kind.orMap), op.add(['k'], 2n), op.add(['k'], -1n), op.remove([], 'k'), op.clear([]))
  crowded(op.create([], kind.orMap), op.vote(['k'], true), op.vote(['k'], false), op.remove([], 'k'))
  crowded(
    op.create([], kind.orMap),
    op.create(['k'], kind.orMap),
    op.increment(['k', 'k'], 1n),
    op.remove(['k'], 'k'),
    op.clear(['k']),
    op.remove([], 'k'),
  )
})

Models('map.O4: different kinds created at once, at the root too, are what the log says', () => {
  crowded(
    op.create([], kind.orMap),
    op.create([], kind.orSet),
    op.insert([], 'x'),
    op.remove([], 'x'),
    op.create(['k'], kind.orMap),
    op.increment(['k'], 1n),
    op.assign(['k'], 'x'),
    op.enable(['k']),
    op.vote(['k'], true),
    op.add(['k', 'k'], 1n),
    op.create(['k', 'k'], kind.gSet),
    op.insert(['k', 'k'], 'x'),
    op.remove(['k'], 'k'),
    op.remove([], 'k'),
    op.clear([]),
  )
})

Models.run()
