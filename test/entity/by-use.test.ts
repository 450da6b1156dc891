// Guards the order of last use: against a list that is searched, and while a walk goes on.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ByUse, type Used } from '../../host/entity/by-use.ts'

interface Thing extends Used {
  readonly name: number
}

const thing = (name: number): Thing => ({ name, before: undefined, after: undefined })

const Order = suite('things in the order of their use')

const change = fc.record({ kind: fc.constantFrom('use', 'remove'), name: fc.nat(9) })

/** The same change of the order and of the model of it. */
function apply(order: ByUse<Thing>, model: Thing[], { kind, name }: { kind: string; name: number }): void {
  const at = model.findIndex((one) => one.name === name)
  const [there] = at === -1 ? [] : model.splice(at, 1)
  if (kind === 'remove') {
    if (there !== undefined) order.remove(there)
    return
  }
  const one = there ?? thing(name)
  if (there === undefined) order.add(one)
  else order.use(one)
  model.push(one)
}

Order('by-use.U1: what was used last is last, and what was removed is gone', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const [order, model]: [ByUse<Thing>, Thing[]] = [new ByUse(), []]
      for (const one of changes) {
        apply(order, model, one)
        assert.equal([...order], model)
      }
    }),
  )
})

Order('by-use.U2: walks go on where they were, whatever is used, added or removed between two steps', () => {
  const step = fc.record({ walk: fc.nat(1), changes: fc.array(change, { maxLength: 4 }) })
  fc.assert(
    fc.property(fc.nat(10), fc.array(step, { maxLength: 40 }), (count, steps) => {
      const [order, model]: [ByUse<Thing>, Thing[]] = [new ByUse(), []]
      for (let name = 0; name < count; name++) apply(order, model, { kind: 'use', name })
      // What each walk has yet to give; what is used or added meanwhile comes behind.
      const walks = [order[Symbol.iterator](), order[Symbol.iterator]()]
      const left: (Thing[] | undefined)[] = [undefined, undefined]
      const ended = [false, false]
      for (const { walk, changes } of steps) {
        left[walk] ??= [...model]
        const given = walks[walk]!.next()
        const due = ended[walk] ? undefined : left[walk]!.shift()
        assert.is(given.value, due)
        if (due === undefined) ended[walk] = true
        for (const one of changes) {
          apply(order, model, one)
          for (const rest of left) {
            const at = rest?.findIndex(({ name }) => name === one.name) ?? -1
            if (at >= 0) rest!.splice(at, 1)
            if (one.kind === 'use') rest?.push(model.at(-1)!)
          }
        }
      }
      for (const walk of walks) walk.return(undefined)
      assert.equal([...order], model)
    }),
  )
})

/** With what walks have left there. */
function linksOf(order: ByUse<Thing>): number {
  let count = 0
  const { first } = order as unknown as { first: Used | undefined }
  for (let at = first; at !== undefined; at = at.after) count += 1
  return count
}

Order('by-use.U3: a walk that ends, early or not, leaves nothing behind', () => {
  const order = new ByUse<Thing>()
  for (let name = 0; name < 5; name++) order.add(thing(name))
  for (const one of order) if (one.name === 2) break
  for (const _ of order);
  const walk = order[Symbol.iterator]()
  walk.next()
  assert.is(linksOf(order), 6)
  walk.return(undefined)
  assert.is(linksOf(order), 5)
})

Order.run()
