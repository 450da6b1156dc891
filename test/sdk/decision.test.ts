// Guards decisions: what `accept`, `update`, `remove`, `refuse`, `guard` and `call` make, in Node and in the engine.
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { GuestFault } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { pipeline } from '../../host/link/pipeline.ts'
import { codes } from '../../sdk/typescript/codec/codes.ts'
import type { MessageType, Method, ServiceType } from '../../sdk/typescript/codec/message.ts'
import { decodeText, encodeText } from '../../sdk/typescript/codec/text.ts'
import { CommandContext } from '../../sdk/typescript/context.ts'
import type { Context } from '../../sdk/typescript/index.ts'
import { accept, call, eventSourced, guard, refuse, utf8 } from '../../sdk/typescript/index.ts'
import { testKit } from '../../sdk/typescript/testing.ts'
import { generated } from '../support/generated.ts'
import { componentWith } from '../support/project.ts'

type Id = { readonly id: string }
type Amount = { readonly amount: bigint }
type Value = { readonly value: bigint }
const folder = fileURLToPath(new URL('../../guests/counter/typescript', import.meta.url))
const { Counter, Added, AddRequest } = await generated<{
  Counter: ServiceType<
    { readonly add: Method<Id & Amount, Value>; readonly get: Method<Id, Value> },
    { readonly Added: MessageType<Amount, 'Added'> }
  >
  Added: MessageType<Amount, 'Added'>
  AddRequest: MessageType<Id & Amount>
}>(folder, 'counter.ts')

const Decisions = suite('decisions')

Decisions('decision.D2: a refusal has a name or a number, and nothing else is a code', () => {
  for (const [index, code] of codes.entries()) assert.is(refuse(index + 1, 'no').code, code)
  for (const none of [0, 17, 1.5, -1, Number.NaN, 'NONE' as 'ABORTED']) {
    assert.throws(() => refuse(none, 'no'), /^refuse: .* is no code; the codes are 1 to 16: CANCELLED, /)
  }
})

Decisions('call fills in what is left out, as the message type does', () => {
  const { payload } = call(Counter, 'add', { amount: 1n })
  assert.equal(payload, AddRequest.encode(AddRequest({ amount: 1n })))
  assert.throws(() => call(Counter, 'add', { amount: 2n ** 63n }), /cannot hold/)
})

Decisions('chance can be taken out of a context, and is the same sequence', () => {
  const origin = { nowMs: 5, seed: [1, 2, 3, 4] as const, metadata: [] }
  const whole = new CommandContext('a', origin)
  const { random, randomBytes, uuid } = new CommandContext('a', origin)
  assert.equal([random(), [...randomBytes(3)], uuid()], [whole.random(), [...whole.randomBytes(3)], whole.uuid()])
})

const owner = (_: unknown, __: unknown, context: Context) =>
  context.metadata.get('x-user') === context.entity ? undefined : refuse('PERMISSION_DENIED', 'not yours')
const guarded = eventSourced(Counter, {
  state: { value: 0n },
  decide: {
    add: guard(owner, (_, { amount }, context) =>
      accept(Added({ amount })).reply((after) => ({ value: after.value + context.nowInt64 })),
    ),
    get: guard(
      (state) => (state.value > 5n ? refuse(11, 'too much') : undefined),
      (state) => accept().reply(state),
    ),
  },
  evolve: { Added: (state, { amount }) => ({ value: state.value + amount }) },
})

Decisions('a guard refuses before its handler, and lets all else through', () => {
  const { given } = testKit(guarded)
  const mine = { now: 100, metadata: [['x-user', 'ann']] as const }
  given()
    .when('add', { id: 'ann', amount: 7n }, mine)
    .then([Added({ amount: 7n })], { value: 107n })
    .when('get', { id: 'ann' })
    .refuses('OUT_OF_RANGE', 'too much')
  given().when('add', { id: 'bob' }, mine).refuses('PERMISSION_DENIED', 'not yours')
})

Decisions('utf8 is text as bytes, for metadata whose name ends in -bin', () => {
  for (const text of ['', 'a', 'Zoë \u{1f600}', '\u0000']) {
    assert.equal(utf8.encode(text), encodeText(text))
    assert.is(utf8.decode(utf8.encode(text)), text)
  }
  assert.throws(() => utf8.encode('\ud800'), /half of a surrogate pair/)
  assert.throws(() => utf8.decode(Uint8Array.of(0xff)), /not UTF-8/)
  assert.is(decodeText(utf8.encode('ab'), 1, 2), 'b')
})

Decisions('the engine has the same words', async () => {
  const component = await componentWith({
    'src/service.ts': `import { accept, eventSourced, guard, refuse, utf8 } from '@innkeeper/sdk'
import { Added, Tally } from './gen/tally.ts'

export default eventSourced(Tally, {
  state: { value: 0n },
  decide: {
    add: guard(
      (_, { amount }) => (amount > 16n ? refuse(Number(amount), 'no code') : undefined),
      (_, { amount }, context) =>
        amount > 0n
          ? refuse(Number(amount), utf8.decode(utf8.encode('nö')))
          : accept(Added({ amount: context.nowInt64 })).metadata('x-said-bin', utf8.encode('ö')).reply((after) => after),
    ),
    get: (state) => accept().reply(state),
  },
  evolve: {
    Added: (_, { amount }) => ({ value: amount }),
  },
})
`,
  })
  const linked = await pipeline(component, defaultLimits, 1, () => {})
  if (!linked.ok) throw new Error(linked.reasons.join('\n'))
  const guest = load(linked.artefact, defaultLimits).eventSourced!
  const name = linked.artefact.description.services[0]!.name
  const ask = (amount: bigint) => {
    const payload = AddRequest.encode(AddRequest({ id: 'a', amount }))
    const command = { method: 'Add', payload, metadata: [], nowMs: 1_700_000_000_123, seed: new Uint8Array(16) }
    const decided = guest.decide(name, 'a', { kind: 'initial' }, [command], false)
    if (decided.kind === 'unknown') throw new Error('unknown')
    return decided.decisions[0]!.outcome
  }
  for (let code = 1; code <= 16; code++) {
    const { answer } = ask(BigInt(code))
    assert.equal(answer.kind === 'failure' && [answer.failure.code, answer.failure.message], [code, 'nö'])
  }
  const { answer, metadata } = ask(0n)
  assert.is(answer.kind === 'message' && AddRequest.decode(answer.payload).id, '')
  assert.equal(metadata, [['x-said-bin', new Uint8Array([0xc3, 0xb6])]])
  const told = ({ words = '' }: GuestFault) => /17 is no code; the codes are 1 to 16: CANCELLED/.test(words)
  assert.throws(() => ask(17n), told as (error: unknown) => boolean)
})

Decisions.run()
