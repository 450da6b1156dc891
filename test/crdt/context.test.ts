// Guards knowledge of dots: ranges that say just what a set of dots would, in one form, whatever the order it came in.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Context } from '../../host/crdt/context.ts'
import type { Dot } from '../../host/crdt/dot.ts'
import { counterMax, counterOf, dotOf, replicaOf, replicasMax } from '../../host/crdt/dot.ts'

const Contexts = suite('crdt context')

const range = fc.record({ replica: fc.nat(2), low: fc.integer({ min: 1, max: 60 }), length: fc.nat(6) })
const many = fc.array(range, { maxLength: 60, size: 'max' })

/** The dots of ranges, and the context that they were put in one after the other. */
function both(ranges: readonly { replica: number; low: number; length: number }[]): [Set<Dot>, Context] {
  const dots = new Set<Dot>()
  const context = new Context()
  for (const { replica, low, length } of ranges) {
    const size = dots.size
    for (let counter = low; counter <= low + length; counter++) dots.add(dotOf(replica, counter))
    assert.is(context.insert(replica, low, low + length), dots.size > size)
  }
  return [dots, context]
}

const form = (context: Context) => JSON.stringify([0, 1, 2].map((replica) => context.ranges[replica] ?? []))

Contexts('dot.D2: dots unpack to what they were packed of, small or as large as they get', () => {
  fc.assert(
    fc.property(fc.nat(replicasMax - 1), fc.oneof(fc.nat(600_000), fc.nat(counterMax)), (replica, counter) => {
      const dot = dotOf(replica, counter)
      assert.ok(Number.isSafeInteger(dot))
      assert.equal([replicaOf(dot), counterOf(dot)], [replica, counter])
    }),
  )
})

Contexts('context.C1: holds what a set would, in the form that a set gives', () => {
  fc.assert(
    fc.property(many, (ranges) => {
      const [dots, context] = both(ranges)
      for (let replica = 0; replica < 4; replica++) {
        for (let counter = 1; counter < 70; counter++) {
          const dot = dotOf(replica, counter)
          assert.is(context.has(dot), dots.has(dot))
        }
      }
      const again = Context.of([...dots])
      assert.is(form(again), form(context))
      assert.is(again.weight, context.weight)
      assert.equal(context.list(1_000)!.sort(), [...dots].sort())
      if (dots.size > 0) assert.is(context.list(dots.size - 1), undefined)
    }),
  )
})

Contexts('context.C1: the union of two is that of their sets, and says whether anything was new', () => {
  fc.assert(
    fc.property(many, many, (one, other) => {
      const [dots, context] = both(one)
      const [others, addition] = both(other)
      assert.is(context.union(addition), !others.isSubsetOf(dots))
      const union = Context.of([...dots.union(others)])
      assert.is(form(context), form(union))
      assert.is(context.weight, union.weight)
      assert.is(context.union(addition), false)
    }),
  )
})

Contexts('context.C2: a range as long as they get is one range', () => {
  const context = new Context()
  context.insert(0, 1, counterMax)
  assert.ok(context.has(dotOf(0, counterMax)))
  assert.is(context.list(1_000_000), undefined)
  assert.is(context.last(0), counterMax)
  assert.is(context.last(1), 0)
})

Contexts.run()
