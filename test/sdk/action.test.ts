// Guards actions: one outcome for each call, and streams as steps whose state the host keeps.
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MessageType, Method, ServiceType } from '../../sdk/typescript/codec/message.ts'
import type { ActionExports } from '../../sdk/typescript/guest/action.ts'
import type { WireInput, WireStep } from '../../sdk/typescript/guest/wire.ts'
import {
  accept,
  action,
  bidi,
  call,
  clientStream,
  emit,
  end,
  keep,
  refuse,
  serverStream,
} from '../../sdk/typescript/index.ts'
import { show } from '../../sdk/typescript/testing/show.ts'
import { testKit } from '../../sdk/typescript/testing.ts'
import { component } from '../support/components.ts'
import { generated } from '../support/generated.ts'
import { printed } from '../support/printed.ts'
import { transpiled } from '../support/transpiled.ts'

type Place = { readonly userId: string; readonly orderId: string }
type LineItem = { readonly productId: string; readonly name: string; readonly quantity: number }
type Cart = { readonly items: readonly LineItem[]; readonly checkedOut: boolean }
type AddItem = LineItem & { readonly userId: string }
type Summary = { readonly accepted: number; readonly refused: number }
type Watch = { readonly userId: string; readonly times: number }
type Text = { readonly text: string }
type Methods = {
  readonly place: Method<Place, Cart>
  readonly import: Method<AddItem, Summary, 'clientStream'>
  readonly watch: Method<Watch, Cart, 'serverStream'>
  readonly echo: Method<Text, Text, 'bidi'>
}
const folder = fileURLToPath(new URL('../../guests/orders/typescript', import.meta.url))
const { Orders, Text, WatchRequest } = await generated<{
  Orders: ServiceType<Methods>
  Text: MessageType<Text>
  WatchRequest: MessageType<Watch>
}>(folder, 'orders.ts')
const name = 'examples.checkout.v1.Orders'
const target = call(Orders, 'echo', { text: 'effect' })
const empty: Cart = { items: [], checkedOut: false }

/** Orders with other handlers for some of the methods. */
function orders(methods: Partial<Parameters<typeof action<Methods>>[1]['methods']>) {
  return action<Methods>(Orders, {
    methods: {
      place: () => accept().reply(empty),
      import: clientStream({ item: () => keep(undefined), end: () => accept().reply({ accepted: 0, refused: 0 }) }),
      watch: serverStream({ start: () => null, next: () => end() }),
      echo: bidi({ item: (_, { text }) => emit({ text }) }),
      ...methods,
    },
  })
}

function item(text: string): WireInput {
  return { tag: 'item', val: Text.encode({ text }) }
}

const start: WireInput = { tag: 'start', val: [{ name: 'x-who', value: { tag: 'text', val: 'ann' } }] }
const cancelled: WireInput = { tag: 'cancelled' }
const closed: WireInput = { tag: 'end' }

function step(exports: ActionExports, method: string, state: Uint8Array | undefined, ...inputs: WireInput[]): WireStep {
  return exports.stream(name, method, state, inputs, 1, [1, 2, 3, 4])
}

const Action = suite('action')

Action('action.A1: a refusal keeps its effects, and is another refusal than the one without', () => {
  const no = refuse('ABORTED', 'no')
  const { when } = testKit(orders({ place: ({ orderId }) => (orderId === '' ? no : no.effect(target)) }))
  when('place', { userId: 'u', orderId: 'o' }).effects([target]).refuses('ABORTED', 'no')
  when('place', { userId: 'u', orderId: '' }).effects([]).refuses('ABORTED', 'no')
})

Action('what the caller got wrong is a refusal, of a stream the end', () => {
  const definition = orders({})
  const exports = definition.exports([definition])
  const command = { metadata: [], nowMs: 1, seed: [1, 2, 3, 4] as const }
  const outcomes = exports.call(name, [
    { ...command, method: 'Shout', payload: new Uint8Array(0) },
    { ...command, method: 'Place', payload: Uint8Array.of(27) },
  ])
  const codes = outcomes.map(({ answer }) => (answer.tag === 'err' ? answer.val.code : 'ok'))
  assert.equal(codes, ['unimplemented', 'invalid-argument'])
  const malformed = step(exports, 'Echo', undefined, start, { tag: 'item', val: Uint8Array.of(27) }, item('b'))
  assert.is(malformed.outputs.length, 1)
  assert.ok(malformed.done)
  assert.ok(step(exports, 'Shout', undefined, start).done)
  assert.throws(() => step(exports, 'Place', undefined, start), /does not stream/)
  assert.throws(() => exports.call(name, [{ ...command, method: 'Echo', payload: new Uint8Array(0) }]), /streams/)
})

Action('action.A2, action.A3: a server stream of 100,000 elements is given in chunks, one for each call', () => {
  const chunk = 1_000
  const definition = orders({
    watch: serverStream({
      start: ({ times }) => times,
      next: (left) =>
        left === 0
          ? end()
          : emit(...Array.from({ length: Math.min(left, chunk) }, () => empty)).keep(left - Math.min(left, chunk)),
    }),
  })
  const exports = definition.exports([definition])
  const request: WireInput = { tag: 'item', val: WatchRequest.encode({ userId: 'u', times: 100_000 }) }
  let last = step(exports, 'Watch', undefined, start, request, closed)
  let elements = last.outputs.length
  let calls = 1
  while (!last.done) {
    assert.ok(last.more)
    assert.is(last.outputs.length, chunk)
    last = step(exports, 'Watch', last.state)
    elements += last.outputs.length
    calls++
  }
  assert.is(elements, 100_000)
  assert.is(calls, 101)
})

Action('action.A4: inputs are taken in order, together or one by one, and none after the end', () => {
  const definition = orders({
    echo: bidi({
      start: ({ metadata }) => [metadata.get('x-who')!],
      item: (seen: readonly string[], { text }) =>
        text === 'stop'
          ? end({ text: seen.join(' ') })
          : emit({ text })
              .keep([...seen, text])
              .effect(target),
    }),
  })
  const inputs = [start, item('a'), item('b'), item('stop'), item('late')]
  const together = step(definition.exports([definition]), 'Echo', undefined, ...inputs)
  const apart: WireStep['outputs'][number][] = []
  let state: Uint8Array | undefined
  for (const input of inputs.slice(0, 4)) {
    const next = step(definition.exports([definition]), 'Echo', state, input)
    apart.push(...next.outputs)
    state = next.state
  }
  assert.is(show(together.outputs), show(apart))
  assert.ok(together.done)
  assert.is(together.state, undefined)
  // An effect of the step is an outcome of its own, before the element.
  assert.equal(
    together.outputs.map(({ answer, effects }) => [answer.tag === 'ok' && answer.val.tag, effects.length]),
    [
      ['none', 1],
      ['message', 0],
      ['none', 1],
      ['message', 0],
      ['message', 0],
    ],
  )
})

Action('a client that leaves has effects run, and nothing sent', () => {
  const definition = orders({
    echo: bidi({
      start: () => 0,
      item: (count, { text }) => emit({ text }).keep(count + 1),
      cancelled: (count) => accept().effect(call(Orders, 'echo', { text: `left after ${count}` })),
    }),
  })
  testKit(definition)
    .stream('echo')
    .sends({ text: 'a' })
    .cancels()
    .effects([call(Orders, 'echo', { text: 'left after 1' })])
  const without = orders({})
  assert.equal(step(without.exports([without]), 'Echo', undefined, start, cancelled).outputs, [])
})

Action('a stream may refuse at its start, answer early, go on after the client has sent all, and send refusals', () => {
  const definition = orders({
    import: clientStream({
      start: ({ metadata }) => (metadata.get('x-who') === undefined ? refuse('UNAUTHENTICATED', 'who?') : { count: 0 }),
      item: ({ count }, { quantity }) =>
        quantity < 0 ? accept().reply({ accepted: count, refused: 1 }) : keep({ count: count + 1 }),
      end: ({ count }) => accept().metadata('x-count', `${count}`).reply({ accepted: count, refused: 0 }),
    }),
    watch: serverStream({ start: () => ({}), next: () => emit(empty, refuse('ABORTED', 'enough')) }),
    echo: bidi({
      start: () => 0,
      item: (count) => keep(count + 1),
      end: () => emit({ text: 'all' }).more(),
      next: (count) =>
        count === 0
          ? emit({ text: 'last' })
          : emit({ text: `${count}` })
              .keep(count - 1)
              .more(),
    }),
  })
  const { stream } = testKit(definition)
  const tea = { userId: 'u', productId: 'tea', name: 'Tea', quantity: 1 }
  const who = { metadata: [['x-who', 'ann']] } as const
  stream('import').refuses('UNAUTHENTICATED').ends()
  stream('import', who)
    .sends(tea, { ...tea, quantity: -1 })
    .replies({ accepted: 1, refused: 1 })
  stream('import', who).sends(tea).closes().replies({ accepted: 1, refused: 0 })
  stream('watch', { userId: 'u', times: 1 })
    .emits(empty)
    .refuses('ABORTED', /enough/)
  const text = (value: string) => ({ text: value })
  stream('echo')
    .sends(text('a'), text('b'))
    .silent()
    .closes()
    .emits(text('all'), text('2'), text('1'), text('last'))
    .ends()
})

Action('action.A3: what arrives before more was asked for does not make the stream forget it', () => {
  const definition = orders({
    echo: bidi({
      start: () => 2,
      item: (left, { text }) => (text === 'go' ? emit({ text }).more() : emit({ text }).keep(left)),
      next: (left) =>
        left === 0
          ? end({ text: 'done' })
          : emit({ text: `${left}` })
              .keep(left - 1)
              .more(),
    }),
  })
  testKit(definition)
    .stream('echo')
    .sends({ text: 'go' }, { text: 'between' })
    .emits({ text: 'go' }, { text: 'between' }, { text: '2' }, { text: '1' }, { text: 'done' })
    .ends()
  const exports = definition.exports([definition])
  const waiting = step(exports, 'Echo', undefined, start)
  assert.is(waiting.more, false)
  assert.equal(step(exports, 'Echo', waiting.state).outputs, [], 'asked for more that it has not, it is silent')
})

Action('action.A2: a state that is a message comes back as it was, all defaults too', () => {
  const seen: string[] = []
  const definition = orders({
    echo: bidi({
      state: Text,
      start: () => Text(),
      item: (state, { text }) => {
        seen.push(state.text)
        return keep({ text })
      },
    }),
  })
  const exports = definition.exports([definition])
  let { state } = step(exports, 'Echo', undefined, start)
  for (const text of ['a', '', 'b']) state = step(exports, 'Echo', state, item(text)).state
  assert.equal(seen, ['', 'a', ''])
})

Action('the same chance is not given twice in one step', () => {
  const definition = orders({
    echo: bidi({
      start: (context) => context.uuid(),
      item: (first, _, moment) => emit({ text: first === moment.uuid() ? 'same' : 'other' }),
    }),
  })
  const { outputs } = step(definition.exports([definition]), 'Echo', undefined, start, item('a'))
  const { answer } = outputs[0]!
  assert.is(answer.tag === 'ok' && answer.val.tag === 'message' && Text.decode(answer.val.val).text, 'other')
})

Action('a handler of another shape, and none, are told when the service is defined', () => {
  const wrong = { place: () => accept().reply(empty), import: () => accept(), watch: undefined, echo: undefined }
  assert.throws(
    () => action(Orders, { methods: wrong as never }),
    /Orders\/Import is clientStream, but methods\.import is unary/,
  )
  const missing = { place: () => accept().reply(empty) }
  assert.throws(() => action(Orders, { methods: missing as never }), /methods\.import is missing/)
})

Action(
  'action.A5: lines of a stream go with its next output, or with one that says nothing; the kit prints each once',
  () => {
    const definition = orders({
      echo: bidi({
        item: (_, { text }) => {
          console.log(text)
          return text === '' ? keep(undefined) : emit({ text })
        },
        cancelled: () => {
          console.warn('left')
          return accept()
        },
      }),
    })
    const talk = () =>
      testKit(definition).stream('echo').sends({ text: 'a' }, { text: '' }).emits({ text: 'a' }).cancels()
    assert.equal(printed(talk), ['info: a', 'info: ', 'warn: left'])
  },
)

Action('the kit tells a stream that remembers something, and one that goes on without saying anything', () => {
  let calls = 0
  const remembering = orders({ echo: bidi({ item: () => emit({ text: `${calls++}` }) }) })
  assert.throws(() => testKit(remembering).stream('echo').sends({ text: 'a' }), /breaks law L4/)
  const idle = orders({ watch: serverStream({ start: () => 0, next: (count) => keep(count + 1) }) })
  assert.throws(
    () => testKit(idle).stream('watch', { userId: 'u', times: 1 }).ends(),
    /asks for more, and emits nothing/,
  )
})

Action('QuickJS answers as Node does', async () => {
  const { bytes } = await component('orders/typescript')
  const { action: inside } = await transpiled<{ action: ActionExports }>(bytes, 'orders')
  const here = orders({}).exports([orders({})])
  const both = (...args: Parameters<ActionExports['stream']>) => {
    const [a, b] = [inside.stream(...args), here.stream(...args)]
    assert.is(show(a), show(b))
    return a
  }
  const seed = [1, 2, 3, 4] as const
  const first = both(name, 'Echo', undefined, [start, item('a€')], 1, seed)
  assert.is(first.done, false)
  assert.ok(both(name, 'Echo', first.state, [item('b'), closed], 1, seed).done)
  const request: WireInput = { tag: 'item', val: WatchRequest.encode({ userId: 'u', times: 1 }) }
  const watched = inside.stream(name, 'Watch', undefined, [start, request, closed], 1, seed)
  assert.is(watched.more, true)
  assert.is(inside.stream(name, 'Watch', watched.state, [], 1, seed).done, true)
})

Action.run()
