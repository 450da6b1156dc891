// Guards the test kit: it fails where a service breaks a law, and its failures can be read.

import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { credentialProblem, credentials, ofTransport, transportProblem } from '../../host/header-names.ts'
import type { MessageType, Method, ServiceType } from '../../sdk/typescript/codec/message.ts'
import { accept, call, type EventSourced, eventSourced, refuse } from '../../sdk/typescript/index.ts'
import { any, testKit } from '../../sdk/typescript/testing.ts'
import { generated } from '../support/generated.ts'
import { printed } from '../support/printed.ts'

type Amount = { readonly amount: bigint }
type Id = { readonly id: string }
type Value = { readonly value: bigint }
type Methods = {
  readonly add: Method<Id & Amount, Value>
  readonly get: Method<Id, Value>
}
type Messages = { readonly Added: MessageType<Amount, 'Added'> }
const folder = fileURLToPath(new URL('../../guests/counter/typescript', import.meta.url))
const { Counter, Added } = await generated<{
  Counter: ServiceType<Methods, Messages>
  Added: MessageType<Amount, 'Added'>
}>(folder, 'counter.ts')

const Kit = suite('test kit')
const add = { id: 'a', amount: 1n }

/** A counter whose `add` is given. */
function counter(decideAdd: (state: { value: bigint }, context: { now: number; random(): number }) => bigint) {
  return eventSourced(Counter, {
    state: { value: 0n },
    decide: {
      add: (state, _, context) =>
        accept(Added({ amount: decideAdd(state as { value: bigint }, context) })).reply((after) => ({
          value: after.value,
        })),
      get: (state) => accept().reply(state),
    },
    evolve: { Added: (state, { amount }) => ({ value: state.value + amount }) },
  })
}

function failure(definition: EventSourced<Methods, Messages, { value: bigint }>): Error {
  try {
    testKit(definition)
      .given()
      .when('add', add)
      .then([Added({ amount: 1n })], { value: 1n })
  } catch (error) {
    return error as Error
  }
  return new Error('nothing failed')
}

Kit('a service that keeps the laws passes', () => {
  assert.is(failure(counter(() => 1n)).message, 'nothing failed')
})

Kit('outcome.K2: a state that is changed in place is told', () => {
  const mutating = counter((state) => (state.value += 1n))
  assert.match(failure(mutating).message, /read only property 'value'/)
})

Kit('outcome.K2: something kept between calls is told as a broken law', () => {
  let calls = 0n
  assert.match(failure(counter(() => ++calls)).message, /examples\.counter\.v1\.Counter breaks law L\d/)
})

Kit('outcome.K2: forbidden globals are refused while a handler runs, and back afterwards', () => {
  assert.is(
    failure(counter(() => BigInt(Date.now()))).message,
    'Date.now is not available in a service: use context.now',
  )
  assert.match(failure(counter(() => BigInt(Math.floor(Math.random())))).message, /^Math\.random is not available/)
  for (const asked of [() => new Date(0, new Date().getMonth()).getTime(), () => Number(Date())])
    assert.match(failure(counter(() => BigInt(asked()))).message, /^(new )?Date\(\) is not available in a service/)
  assert.type(Date.now(), 'number')
  assert.type(Math.random(), 'number')
})

Kit('outcome.K3: time and chance are the same in every run', () => {
  const seen = new Set<string>()
  const definition = counter((_, { now, random }) => {
    seen.add(`${now}`)
    return BigInt(Math.floor(random.call(undefined) * 0)) + 1n
  })
  assert.ok(failure(definition) instanceof Error)
  assert.equal([...seen], [`${Date.UTC(2026, 0, 1)}`])
})

Kit('a failure shows what came instead, line by line, as an AssertionError', () => {
  const error = failure(counter(() => 2n))
  assert.is(error.name, 'AssertionError')
  assert.match(error.message, /^examples\.counter\.v1\.Counter\/Add decided otherwise\n/)
  assert.match(error.message, /^- .*Added: \{ amount: 1n \}.*$/m)
  assert.match(error.message, /^\+ .*Added: \{ amount: 2n \}.*$/m)
})

Kit('refusals, forwards, effects and metadata are checked', () => {
  const target = call(Counter, 'add', add)
  const { given } = testKit(
    eventSourced(Counter, {
      state: { value: 0n },
      decide: {
        add: (_, { amount }) =>
          amount > 0n
            ? accept(Added({ amount })).effect(target, { synchronous: true }).metadata('X-Seen', 'yes').forward(target)
            : refuse('ABORTED', 'no', { details: [Added({ amount })] }),
        get: () => accept().reply({ value: 1n }),
      },
      evolve: { Added: (state) => state },
    }),
  )
  const { when } = given()
  when('add', add)
    .effects([{ call: target, synchronous: true }])
    .metadata('x-seen', 'yes')
    .forwards([Added({ amount: 1n })], target)
  when('add', { id: 'a', amount: 0n }).refuses('ABORTED', 'no')
  assert.throws(() => when('add', add).effects([target]), /decided otherwise/)
  assert.throws(() => when('add', add).metadata('x-seen', 'no'), /decided otherwise/)
  assert.throws(() => when('add', { id: 'a', amount: 0n }).refuses('ABORTED', /yes/), /decided otherwise/)
  assert.throws(() => when('get', { id: 'a' }).refuses('ABORTED'), /decided otherwise/)
})

Kit('what a command came to can be read, and the entity is the one that the request names', () => {
  const seen: string[] = []
  const definition = eventSourced(Counter, {
    state: { value: 0n },
    decide: {
      add: (_, { amount }, context) => {
        seen.push(context.entity)
        if (amount === 0n) return refuse('ABORTED', 'no')
        return accept(Added({ amount: amount * 2n })).reply((after) => after)
      },
      get: (state, _, context) => {
        seen.push(context.entity)
        return accept().reply(state)
      },
    },
    evolve: { Added: (state, { amount }) => ({ value: state.value + amount }) },
  })
  const { given } = testKit(definition)
  const added = given().when('add', { id: 'ann', amount: 2n })
  const { reply, events } = added
  assert.equal([reply, events.map(({ amount }) => amount)], [{ value: 4n }, [4n]])
  added.then(events, reply).when('get', { id: 'ann' }).then([], reply)
  assert.equal([...new Set(seen)], ['ann'])
  assert.throws(
    () => added.then(events, reply).when('get', { id: 'bob' }),
    /Get is asked of bob, but the test is about ann/,
  )
  given([], 'set').when('get', {}).then([], { value: 0n })
  assert.is(seen.at(-1), 'set')
  given().when('get', {}).then([], { value: 0n })
  assert.is(seen.at(-1), 'entity')
  const refused = given().when('add', { id: 'a' })
  assert.throws(() => refused.reply, /Counter\/Add has no reply\n\{ refused: "ABORTED", message: "no" \}/)
})

Kit('any stands for a field, an event, all events, a reply', () => {
  const { given } = testKit(counter(() => 7n))
  const when = given().when('add', add)
  when.then([Added({ amount: any })], { value: 7n })
  when.then([any], { value: any })
  when.then(any, any)
  const failing: readonly [() => unknown, RegExp][] = [
    [() => when.then([Added({ amount: any }), any], any), /- .*Added: \{ amount: 7n \}.*any/],
    [() => when.then([], any), /\+ .*Added/],
    [() => when.then([any], { value: 8n }), /- .*8n/],
    [
      () =>
        given()
          .when('get', { id: 'a' })
          .then([Added({ amount: any })], any),
      /- .*amount: Symbol\(any\)/,
    ],
    [() => given([Added({ amount: any })]), /cannot hold Symbol\(any\)/],
  ]
  for (const [fail, message] of failing) assert.throws(fail, message)
})

Kit('what a service logs is printed once, as the host would have it', () => {
  const logging = eventSourced(Counter, {
    state: { value: 0n },
    decide: {
      add: (state, { amount }) => {
        console.log('adding', { amount })
        if (amount < 0n) return refuse('ABORTED', 'no')
        return accept(Added({ amount })).reply((after) => {
          console.debug('replying', after.value - state.value)
          return { value: after.value }
        })
      },
      get: () => {
        console.warn('about to fail')
        throw new Error('failed')
      },
    },
    evolve: {
      Added: (state, { amount }) => {
        console.error('folding')
        return { value: state.value + amount }
      },
    },
  })
  const { given } = testKit(logging)
  const added = ['info: adding { amount: 1n }', 'error: folding', 'debug: replying 1n']
  assert.equal(
    printed(() => given([Added({ amount: 5n })]).when('add', add)),
    added,
  )
  const twice = () =>
    given()
      .when('add', add)
      .then([Added({ amount: 1n })], { value: 1n })
      .when('add', { id: 'a', amount: -1n })
      .refuses('ABORTED')
  assert.equal(printed(twice), [...added, 'info: adding { amount: -1n }'])
  const failing = () => assert.throws(() => given().when('get', { id: 'a' }), /^failed$/)
  assert.equal(printed(failing), ['warn: about to fail'])
})

Kit('a header that a host passes on to no function is told, with what to do instead', () => {
  const sending = (...names: readonly string[]) =>
    testKit(counter(() => 1n))
      .given()
      .when('add', add, { metadata: names.map((name) => [name, 'secret'] as const) })
  const told = (name: string, sentence: string) =>
    assert.throws(
      () => sending('x-token', name),
      (error: Error) => error.message === sentence,
    )
  for (const name of [...credentials, 'proxy-authorization']) told(name.toUpperCase(), credentialProblem(name))
  for (const name of [...ofTransport, 'grpc-timeout', ':path']) told(name, transportProblem(name))
  sending('x-token', 'accept-language').then([Added({ amount: 1n })], { value: 1n })
})

Kit('outcome.K4: a chain that is awaited before its end says so', async () => {
  const when = testKit(counter(() => 1n))
    .given()
    .when('add', add)
  const thrown = await Promise.resolve(when).then(
    () => undefined,
    (error: Error) => error.message,
  )
  assert.match(thrown ?? '', /end the chain with \.then\(\.\.\., reply\)/)
})

Kit.run()
