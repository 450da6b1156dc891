// Guards T1: what is wrong in a service is a compile error, at the line where it is wrong.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { problemsOf } from '../support/project.ts'

const Types = suite('types of a service')

/** The template's service with one change: its first error, with the first line of its explanation. */
async function errorAfter(from: string, to: string): Promise<string> {
  const problems = await problemsOf({
    'src/service.ts': (text) => {
      assert.ok(text.includes(from), from)
      return text.replace(from, to)
    },
  })
  return problems.slice(0, 2).join('\n') || 'no error'
}

const add = `accept(Added({ amount })).reply((after) => ({ value: after.value }))`
const cases: readonly [string, string, string, RegExp][] = [
  [
    'a missing method',
    '    get: (state) => accept().reply(state),\n',
    '',
    /:6:3: TS2322: .*\n.*Property 'get' is missing/,
  ],
  [
    'an unknown method',
    'get: (state)',
    'got: (state) => accept().reply(state),\n    get: (state)',
    /:11:5: TS2322: .*'never'/,
  ],
  ['a reply of another type', 'accept().reply(state)', 'accept().reply({ value: 1 })', /:11:\d+: TS2322/],
  ['a computed reply of another type', '({ value: after.value })', '({ val: after.value })', /:8:\d+: TS2322/],
  ['no reply at all', 'accept().reply(state)', 'accept()', /:11:\d+: TS\d+/],
  ['an asynchronous handler', 'get: (state) =>', 'get: async (state) =>', /:11:\d+: TS2322/],
  [
    'an event without its fold',
    'Added: (state, { amount }) => ({ value: state.value + amount }),',
    '',
    /:13:3: TS2322: .*\n.*Property 'Added' is missing/,
  ],
  [
    'a fold for no message',
    'Added: (state,',
    'Removed: (state: { value: bigint }) => state,\n    Added: (state,',
    /:14:5: TS2353: .*'Removed'/,
  ],
  ['a fold to another state', 'value: state.value + amount', 'value: 1', /:14:\d+: TS2322/],
  [
    'a 64-bit number that is no bigint',
    'Added({ amount })',
    'Added({ amount: 1 })',
    /:9:\d+: TS2322: Type 'number' is not assignable to type 'bigint'/,
  ],
  [
    'a change of the state in place',
    'accept().reply(state)',
    '{ state.value = 1n; return accept().reply(state) }',
    /:11:\d+: TS2540/,
  ],
  ['a plain object as event', 'accept(Added({ amount }))', 'accept({ amount })', /:8:\d+: TS\d+/],
  ['a code that does not exist', "'INVALID_ARGUMENT'", "'WRONG'", /:10:\d+: TS2345/],
  [
    'an annotation of `after` that is not the state',
    '(after) => ({ value: after.value })',
    '(after: { v: bigint }) => ({ value: after.v })',
    /:8:\d+: TS2322/,
  ],
]
for (const [name, from, to, expected] of cases) {
  Types(`${name} is an error at its line`, async () => {
    const error = await errorAfter(from, to)
    assert.ok(expected.test(error), error)
  })
}

Types('an event that is emitted no longer may keep its fold', async () => {
  assert.is(await errorAfter(add, 'accept().reply({ value: amount })'), 'no error')
})

Types.run()
