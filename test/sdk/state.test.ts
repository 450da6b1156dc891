// Guards states as JSON: what a handler sees after a passivation is what it left.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HeldStates } from '../../sdk/typescript/guest/held.ts'
import { jsonState } from '../../sdk/typescript/state.ts'
import { show } from '../../sdk/typescript/testing/show.ts'

const State = suite('state')
const codec = jsonState<unknown>(null)

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    fc.constantFrom(null, undefined, true, false, -0, Number.NaN, Number.POSITIVE_INFINITY),
    fc.double(),
    fc.bigInt(),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('$', '$bigint', '$map', '$object', '__proto__', '1')),
      tie('value'),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items)),
  ),
}))

State('state.S1: every value comes back as it was, keys in order', () => {
  fc.assert(
    fc.property(value, (state) => {
      const read = codec.decode(codec.encode(state))
      assert.is(show(read), show(state))
      assert.ok(isDeepStrictEqual(read, state))
    }),
    { numRuns: 1000 },
  )
})

State('state.S3: sizeMax bounds the encoded size', () => {
  fc.assert(
    fc.property(value, (state) => {
      assert.ok(
        codec.sizeMax(state) >= codec.encode(state).length,
        `${codec.sizeMax(state)} < ${codec.encode(state).length}`,
      )
    }),
    { numRuns: 1000 },
  )
})

State('state.S2: what cannot be kept is refused with its path', () => {
  assert.throws(() => codec.encode({ a: [1, new Date(0)] }), /state\.a\[1\] is an instance of a class/)
  assert.throws(() => codec.encode({ f: () => 1 }), /state\.f is a function/)
})

State('held.H1: the least recently used state goes first, by count and by weight', () => {
  const held = new HeldStates(2, 10_000)
  const entry = (entity: string, sizeMax = 10) => ({ service: 's', entity, state: entity, sizeMax })
  const a = held.hold(entry('a'))!
  const b = held.hold(entry('b'))!
  held.touch(a, held.find(a, 's', 'a')!)
  const c = held.hold(entry('c'))!
  assert.equal(
    [held.find(a, 's', 'a')?.state, held.find(b, 's', 'b'), held.find(c, 's', 'c')?.state],
    ['a', undefined, 'c'],
  )
  const large = held.hold(entry('d', 4900))!
  assert.equal([held.find(a, 's', 'a'), held.find(c, 's', 'c')], [undefined, undefined])
  assert.is(held.find(large, 's', 'd')?.state, 'd')
  assert.is(held.hold(entry('e', 5000)), undefined)
})

State.run()
