// Guards what guests of values, replicas and actions can answer: every lie is a fault of its kind, costs the host no more than
// the budget, and the next call finds a fresh instance. Primitive values are lift.test.ts's.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Action } from '../../host/guest/action.ts'
import { type FaultReason, type GuestCommand, GuestFault, type GuestSubscription } from '../../host/guest/guest.ts'
import { compile } from '../../host/guest/instance.ts'
import { Replicated } from '../../host/guest/replicated.ts'
import { Value } from '../../host/guest/value.ts'
import { defaultLimits, type Limits } from '../../host/limits.ts'
import { Answers } from '../support/answers.ts'
import { type GuestParts, guestArtefact, honest, type Other, others } from '../support/hostile.ts'

const Lift = suite('lift of the others')

interface Guests {
  readonly value: Value
  readonly replicated: Replicated
  readonly action: Action
}

async function guests(parts: GuestParts | Answers, limits: Limits = defaultLimits): Promise<Guests> {
  const compiled = compile(await guestArtefact(parts instanceof Answers ? { fields: parts.fields } : parts))
  return {
    value: new Value(compiled, limits),
    replicated: new Replicated(compiled, limits, (_service, method) => method === streaming.method),
    action: new Action(compiled, limits),
  }
}

const none = new Uint8Array()
const seed = new Uint8Array(16)
const unary: GuestCommand = { method: 'Do', payload: none, metadata: [], nowMs: 0, seed }
const streaming: GuestCommand = { ...unary, method: 'St' }
const streams: readonly GuestSubscription[] = ['aa', 'bb'].map((id) => ({ id, method: 'St', note: none }))

type Ask = (guests: Guests, service: string) => unknown

/** One call of each function. Names differ in length from `s`, which is the service that is lied to. */
const asks: Readonly<Record<Other, Ask>> = {
  value: ({ value }, service) => value.decide(service, 'en', { kind: 'absent' }, [unary]),
  reads: ({ replicated }, service) => replicated.reads(service, unary),
  decide: ({ replicated }, service) => replicated.decide(service, 'en', none, unary),
  render: ({ replicated }, service) => replicated.render(service, 'en', none, unary, none),
  changed: ({ replicated }, service) => replicated.changed(service, 'en', none, streams, 0),
  cancelled: ({ replicated }, service) => replicated.cancelled(service, 'en', none, streams[0]!, 0),
  call: ({ action }, service) => action.call(service, [unary]),
  stream: ({ action }, service) => action.stream(service, 'St', undefined, [{ kind: 'end' }], 0, seed),
}
const decideStream: Ask = ({ replicated }, service) => replicated.decide(service, 'en', none, streaming)
const functions = Object.keys(others) as Other[]

const message = { answer: { kind: 'message', payload: none }, effects: [], metadata: [], logs: [] }
const decision = { answer: { kind: 'now', outcome: message }, operations: none, delete: false, subscribe: undefined }
const honestAnswers: Readonly<Record<Other, unknown>> = {
  value: { kind: 'decided', decisions: [{ events: [], change: undefined, outcome: message }], held: undefined },
  reads: [],
  decide: decision,
  render: message,
  changed: [],
  cancelled: decision,
  call: [message],
  stream: { outputs: [], state: undefined, done: false, more: false },
}

/** The call faults so, and the one after it is answered. */
async function faults(
  name: Other,
  lie: GuestParts | Answers,
  reason: FaultReason | readonly FaultReason[],
  said: RegExp,
  { ask = asks[name], limits = defaultLimits }: { ask?: Ask; limits?: Limits } = {},
): Promise<void> {
  const made = await guests(lie, limits)
  const { generation } = made.value
  try {
    ask(made, 's')
    assert.unreachable(`${name}: no fault where ${said} was expected`)
  } catch (thrown) {
    if (!(thrown instanceof GuestFault)) throw thrown
    assert.ok([reason].flat().includes(thrown.reason), `${name}: ${thrown.reason}: ${thrown.message}`)
    assert.match(thrown.message, said)
  }
  if (name === 'value') assert.ok(made.value.generation > generation)
  assert.equal(asks[name](made, honest), honestAnswers[name], name)
}

async function answer(lie: GuestParts | Answers, ask: Ask): Promise<unknown> {
  return ask(await guests(lie), 's')
}

/** Where the parts of an answer lie, by its function. */
const { value, reads, decide, changed, cancelled, stream } = others
const valueAt = {
  case: value.at,
  decisions: value.at + 4,
  held: value.at + 12,
  change: value.at + 64,
  outcome: value.at + 76,
}
const decideAt = {
  case: decide.at,
  outcome: decide.at + 4,
  operations: decide.at + 84,
  delete: decide.at + 92,
  subscribe: decide.at + 96,
}
const callOutcomeAt = others.call.at + 64
const streamAt = { state: stream.at + 8, done: stream.at + 20, more: stream.at + 21 }
/** Outcomes: of the functions that answer one, and where. */
const outcomes: readonly (readonly [Other, number])[] = [
  ['value', valueAt.outcome],
  ['decide', decideAt.outcome],
  ['cancelled', cancelled.at + 4],
  ['render', others.render.at],
  ['call', callOutcomeAt],
]
/** Free for lists and bytes. */
const free = 0x9000
const large: GuestParts = { memory: '(memory (export "memory") 300)' }

Lift('the guest of constants answers: what every lie below is put on', async () => {
  const made = await guests({})
  for (const name of functions)
    for (const service of ['s', honest]) assert.equal(asks[name](made, service), honestAnswers[name], name)
})

Lift('lift.L1: an answer outside the memory, or not aligned, is malformed, of every function', async () => {
  for (const name of functions) {
    await faults(name, { others: { [name]: '(i32.const -4)' } }, 'malformed', /outside the memory/)
    await faults(name, { others: { [name]: '(i32.const 0x1fffc)' } }, 'malformed', /outside the memory/)
    await faults(name, { others: { [name]: `(i32.const ${others[name].at + 2})` } }, 'malformed', /not aligned/)
  }
})

Lift('guest.G3, instance.I3: a trap, an endless loop and a memory bomb in every function', async () => {
  const limits = { ...defaultLimits, fuelPerCommand: 200_000 }
  const bomb = '(loop $l (drop (memory.grow (i32.const 16))) (br $l)) (unreachable)'
  for (const name of functions) {
    await faults(name, { others: { [name]: '(unreachable)' } }, 'trap', /trapped/, { limits })
    await faults(name, { others: { [name]: '(loop $l (br $l)) (unreachable)' } }, 'fuel', /out of fuel/, { limits })
    await faults(name, { others: { [name]: bomb } }, ['fuel', 'trap'], /out of fuel|trapped/, { limits })
  }
})

Lift(
  'lower.W1: what cabi_realloc answers is checked before it is written to, for the arguments of every function',
  async () => {
    const forLie = (pointer: number) =>
      `(select (i32.const ${pointer}) (i32.const 98304) (i32.eq (local.get 3) (i32.const 1)))`
    for (const name of functions) {
      await faults(name, { realloc: forLie(-1) }, 'malformed', /outside the memory/)
      await faults(name, { realloc: forLie(0x20000) }, 'malformed', /outside the memory/)
    }
    // The tuple of decide and render, commands, subscriptions and inputs.
    for (const name of ['decide', 'render', 'value', 'changed', 'call', 'stream'] as const) {
      const list = '(select (i32.const 98306) (i32.const 98304) (i32.gt_u (local.get 2) (i32.const 1)))'
      const made = await guests({ realloc: list })
      assert.throws(() => asks[name](made, 's'), /not aligned/)
    }
  },
)

Lift('lift.L1: counts: a decision, an outcome, for each command', async () => {
  await faults('value', new Answers().words(valueAt.decisions + 4, 0), 'malformed', /0 decisions for 1 commands/)
  await faults('value', new Answers().words(valueAt.decisions + 4, 2), 'malformed', /2 decisions for 1 commands/)
  await faults('call', new Answers().words(others.call.at + 4, 0), 'malformed', /0 outcomes for 1 commands/)
  await faults('call', new Answers().words(others.call.at + 4, 2), 'malformed', /2 outcomes for 1 commands/)
})

Lift('lift.L1: cases that do not exist are malformed', async () => {
  await faults('value', new Answers().bytes(valueAt.case, 2), 'malformed', /the answer: there is no case 2/)
  await faults('value', new Answers().bytes(valueAt.change, 3), 'malformed', /change: there is no case 3/)
  await faults('value', new Answers().bytes(valueAt.held, 2), 'malformed', /held: there is no case 2/)
  for (const name of ['decide', 'cancelled'] as const) {
    const { at } = others[name]
    await faults(name, new Answers().bytes(at, 2), 'malformed', /answer: there is no case 2/)
    await faults(name, new Answers().bytes(at + 96, 2), 'malformed', /subscribe: there is no case 2/)
  }
  const step = new Answers()
    .words(changed.at, free, 1)
    .words(free, free + 256, 2, 2)
    .text(free + 256, 'aa')
  await faults('changed', step, 'malformed', /a step of a stream: there is no case 2/)
  await faults('stream', new Answers().bytes(streamAt.state, 2), 'malformed', /stream's state: there is no case 2/)
  for (const [name, at] of outcomes) {
    await faults(name, new Answers().bytes(at, 2), 'malformed', /outcome: there is no case 2/)
    await faults(name, new Answers().bytes(at + 4, 4), 'malformed', /reply: there is no case 4/)
    await faults(name, new Answers().bytes(at, 1).bytes(at + 4, 16), 'malformed', /failure code: there is no case 16/)
  }
})

Lift('lift.L1: lists and bytes outside the memory, or not aligned, are malformed', async () => {
  const lists: readonly (readonly [Other, number])[] = [
    ['value', valueAt.decisions],
    ['reads', reads.at],
    ['changed', changed.at],
    ['call', others.call.at],
    ['stream', stream.at],
  ]
  for (const [name, at] of lists) {
    await faults(name, new Answers().words(at, 0xfffffffc, 1), 'malformed', /outside the memory/)
    await faults(name, new Answers().words(at, 4, 0xffffffff), 'malformed', /outside the memory/)
    await faults(name, new Answers().words(at, free + 2, 1), 'malformed', /not aligned/)
  }
  const cut = [0x1ffff, 2] as const
  const spots: readonly (readonly [Other, Answers])[] = [
    ['value', new Answers().words(valueAt.change, 1, ...cut)],
    ['reads', new Answers().words(reads.at, free, 1).words(free, ...cut)],
    ['decide', new Answers().words(decideAt.case, 1, ...cut)],
    ['decide', new Answers().words(decideAt.operations, ...cut)],
    ['decide', new Answers().words(decideAt.subscribe, 1, ...cut)],
    ['cancelled', new Answers().words(cancelled.at + 84, ...cut)],
    ['changed', new Answers().words(changed.at, free, 1).words(free, ...cut)],
    ['stream', new Answers().words(streamAt.state, 1, ...cut)],
  ]
  for (const [name, lie] of spots) await faults(name, lie, 'malformed', /outside the memory/)
})

Lift('§limit-5, lift.L2: overlapping lists cannot multiply memory', async () => {
  const before = process.memoryUsage().arrayBuffers
  const megabyte = 0x100000
  const commands = new Array<GuestCommand>(64).fill(unary)
  // 64 decisions whose replies, and then whose values, are all the same megabyte.
  const [decisions, list] = [0x10000, 0x20000]
  const replies = new Answers().words(valueAt.decisions, decisions, 64)
  const values = new Answers().words(valueAt.decisions, decisions, 64)
  for (let i = 0; i < 64; i++) {
    replies.words(decisions + i * 92 + 20, 0, megabyte)
    values.words(decisions + i * 92, 1, 0, megabyte)
  }
  const ask: Ask = (made, service) => made.value.decide(service, 'en', { kind: 'absent' }, commands)
  const fields = ({ fields: text }: Answers): GuestParts => ({ ...large, fields: text })
  await faults('value', fields(replies), 'too_large', /more than 8388608 bytes/, { ask })
  await faults('value', fields(values), 'too_large', /the value: over 16777216 bytes in one answer/, { ask })
  // 1,000 elements that are all the same four megabytes.
  const elements = new Answers().words(reads.at, list, 1000)
  for (let i = 0; i < 1000; i++) elements.words(list + i * 8, 0, 4 * megabyte)
  await faults('reads', fields(elements), 'too_large', /more than 8388608 bytes/)
  // Ten thousand outputs, of which each has the same hundred effects.
  const outputs = new Answers().words(stream.at, 0x40000, 10_000)
  for (let i = 0; i < 4000; i++) outputs.words(0x40000 + i * 80 + 40, list, 100)
  await faults('stream', fields(outputs), 'too_large', /more than 200000 elements/)
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 * defaultLimits.stateBytesMax)
})

Lift('what is too large is named: values, operations, notes, states of streams, elements, outputs', async () => {
  const { stateBytesMax, streamStateBytesMax, messageBytesMax } = defaultLimits
  const spots: readonly (readonly [Other, Answers, RegExp, FaultReason?])[] = [
    [
      'value',
      new Answers().words(valueAt.change, 1, 0, stateBytesMax + 1),
      /the value would have 16777217 bytes/,
      'state_too_large',
    ],
    ['decide', new Answers().words(decideAt.operations, 0, stateBytesMax + 1), /operations: 16777217 bytes/],
    ['decide', new Answers().words(decideAt.case, 1, 0, messageBytesMax + 1), /the note of an answer: 4194305 bytes/],
    [
      'decide',
      new Answers().words(decideAt.subscribe, 1, 0, messageBytesMax + 1),
      /the note of a stream: 4194305 bytes/,
    ],
    ['stream', new Answers().words(streamAt.state, 1, 0, streamStateBytesMax + 1), /the stream's state: 262145 bytes/],
    ['reads', new Answers().words(reads.at, 4, 1001), /elements to read: 1001 given, 1000 allowed/],
    ['reads', new Answers().words(reads.at, free, 1).words(free, 0, messageBytesMax + 1), /element to read: 4194305/],
    ['stream', new Answers().words(stream.at, 4, 200_001), /outputs of a step: 200001 given, 10000 allowed/],
    ['call', new Answers().words(others.call.at, 4, 200_001), /outcomes: 200001 given, 200000 allowed/],
    ['changed', new Answers().words(changed.at, 4, 3), /steps of streams: 3 given, 2 allowed/],
    ['changed', new Answers().words(changed.at, free, 1).words(free, 0, 257), /257 bytes given, 256 allowed/],
  ]
  for (const [name, { fields }, said, reason = 'too_large'] of spots)
    await faults(name, { ...large, fields }, reason, said)
  for (const [name, at] of outcomes) {
    const effects = new Answers().words(at + 40, 8, 101)
    await faults(name, effects, 'too_large', /effects of a decision: 101 given, 100 allowed/)
    const { fields } = new Answers().words(at + 8, 0, messageBytesMax + 1)
    await faults(name, { ...large, fields }, 'too_large', /the reply: 4194305 bytes/)
  }
})

Lift(
  'lift.L3: a value may be larger than the budget of an answer; the state of a stream has a bound of its own',
  async () => {
    const { stateBytesMax, streamStateBytesMax } = defaultLimits
    const { fields } = new Answers()
      .words(valueAt.change, 1, 0, stateBytesMax)
      .words(streamAt.state, 1, 0, streamStateBytesMax)
    const decided = (await answer({ ...large, fields }, asks.value)) as ReturnType<Value['decide']>
    const change = decided.kind === 'decided' ? decided.decisions[0]!.change : undefined
    assert.is(change?.kind === 'updated' && change.value.length, stateBytesMax)
    const step = (await answer({ ...large, fields }, asks.stream)) as ReturnType<Action['stream']>
    assert.is(step.state?.length, streamStateBytesMax)
  },
)

Lift('replicated.R2, guest/replicated.R2: steps are for streams that were given, each once', async () => {
  const steps = (...ids: readonly string[]) => {
    const lie = new Answers().words(changed.at, free, ids.length)
    for (const [index, id] of ids.entries()) {
      lie.words(free + index * 96, free + 512 + index * 16, Buffer.byteLength(id)).text(free + 512 + index * 16, id)
    }
    return lie
  }
  await faults('changed', steps('cc'), 'malformed', /not given, or twice/)
  await faults('changed', steps(''), 'malformed', /not given, or twice/)
  await faults('changed', steps('aa', 'aa'), 'malformed', /not given, or twice/)
  assert.equal(await answer(steps('bb', 'aa'), asks.changed), [
    { subscription: 'bb', outcome: undefined, end: false },
    { subscription: 'aa', outcome: undefined, end: false },
  ])
  const none: Ask = ({ replicated }, service) => replicated.changed(service, 'en', new Uint8Array(), [], 0)
  await faults('changed', steps('aa'), 'too_large', /1 given, 0 allowed/, { ask: none })
})

Lift('lift-outcome.O2: no answer is none on unary methods, and is one on streams', async () => {
  for (const [name, at] of outcomes) {
    if (name === 'cancelled') continue
    await faults(name, new Answers().bytes(at + 4, 2), 'malformed', /neither a reply nor a forward/)
  }
  const nothing = { answer: { kind: 'none' }, effects: [], metadata: [], logs: [] }
  const silent = new Answers().bytes(decideAt.outcome + 4, 2).bytes(cancelled.at + 8, 2)
  for (const ask of [decideStream, asks.cancelled])
    assert.equal(await answer(silent, ask), { ...decision, answer: { kind: 'now', outcome: nothing } })
  const outputs = new Answers().words(stream.at, free, 1).bytes(free + 4, 2)
  assert.equal(((await answer(outputs, asks.stream)) as ReturnType<Action['stream']>).outputs, [nothing])
  const step = new Answers()
    .words(changed.at, free, 1)
    .words(free, free + 128, 2, 1)
    .bytes(free + 16, 2)
    .text(free + 128, 'aa')
  assert.equal(await answer(step, asks.changed), [{ subscription: 'aa', outcome: nothing, end: false }])
})

Lift('lift.L1: text that is not UTF-8 is malformed, wherever text comes', async () => {
  for (const [name, at] of outcomes) {
    const failure = new Answers()
      .bytes(at, 1)
      .words(at + 8, free, 2)
      .bytes(free, 0xc0, 0x80)
    await faults(name, failure, 'malformed', /the message of a failure: not UTF-8/)
    const forward = new Answers()
      .bytes(at + 4, 1)
      .words(at + 8, free, 1)
      .bytes(free, 0xff)
    await faults(name, forward, 'malformed', /the service of a call: not UTF-8/)
  }
  const step = new Answers()
    .words(changed.at, free, 1)
    .words(free, free + 128, 2)
    .bytes(free + 128, 0xe2, 0x82)
  await faults('changed', step, 'malformed', /the subscription of a step: not UTF-8/)
})

Lift(
  '§metadata-5, lift-outcome.O4: headers are small, and what no transport carries is left out of them, unread',
  async () => {
    for (const [name, at] of outcomes) {
      const header = (text: string, binary: number, value: number, length: number) =>
        new Answers()
          .words(at + 48, free, 1)
          .words(free, free + 64, text.length, binary, value, length)
          .text(free + 64, text)
      await faults(name, header('a', 0, 0xa000, 16_384), 'too_large', /metadata: over 16384 bytes/)
      for (const [text, binary] of [
        ['X', 0],
        ['a b', 0],
        ['a-bin', 0],
        ['a', 1],
      ] as const)
        assert.equal(await answer(header(text, binary, 0xfffffff0, 77), asks[name]), honestAnswers[name], name)
    }
  },
)

const refused = { kind: 'failure', failure: { code: 1, message: '', details: [] } }
const nowhere = [0xfffffff1, 0x7777] as const

Lift(
  'L3, guest/replicated.R1, value.V2 of the contract: what stands beside a failure of an entity is not even read',
  async () => {
    const failing = { answer: refused, effects: [], metadata: [], logs: [] }
    const value = new Answers()
      .words(valueAt.change, 77, ...nowhere)
      .bytes(valueAt.outcome, 1)
      .words(valueAt.outcome + 40, ...nowhere)
    assert.equal(await answer(value, asks.value), {
      kind: 'decided',
      decisions: [{ events: [], change: undefined, outcome: failing }],
      held: undefined,
    })
    for (const [name, ask] of [
      ['decide', asks.decide],
      ['decide', decideStream],
      ['cancelled', asks.cancelled],
    ] as const) {
      const { at } = others[name]
      const replica = new Answers()
        .bytes(at + 4, 1)
        .words(at + 44, ...nowhere)
        .words(at + 68, ...nowhere)
        .bytes(at + 92, 1)
        .words(at + 96, 77, ...nowhere)
      assert.equal(await answer(replica, ask), { ...decision, answer: { kind: 'now', outcome: failing } })
    }
    const rendered = new Answers().bytes(others.render.at, 1).words(others.render.at + 40, ...nowhere)
    assert.equal(await answer(rendered, asks.render), failing)
    const step = new Answers()
      .words(changed.at, free, 1)
      .words(free, free + 128, 2, 1, 1)
      .text(free + 128, 'aa')
    step.words(free + 52, ...nowhere)
    assert.equal(await answer(step, asks.changed), [{ subscription: 'aa', outcome: failing, end: false }])
  },
)

Lift('effects beside a failure of an action are kept, and must be in order', async () => {
  const target = { service: 'A', method: 'B', payload: none, metadata: [] }
  const effects = [{ call: target, synchronous: true }]
  const calling = (outcomeAt: number) =>
    new Answers()
      .bytes(outcomeAt, 1)
      .words(outcomeAt + 40, free + 256, 1)
      .words(free + 256, free + 512, 1, free + 513, 1)
      .bytes(free + 256 + 32, 7)
      .text(free + 512, 'AB')
  const failing = { answer: refused, effects, metadata: [], logs: [] }
  assert.equal(await answer(calling(callOutcomeAt), asks.call), [failing])
  const step = calling(free).words(stream.at, free, 1)
  assert.equal(((await answer(step, asks.stream)) as ReturnType<Action['stream']>).outputs, [failing])
  const bad = new Answers().bytes(callOutcomeAt, 1).words(callOutcomeAt + 40, 0xfffffff0, 1)
  await faults('call', bad, 'malformed', /outside the memory/)
})

Lift(
  'lift-outcome.O5: names, answers, cancels, resolutions and deferred replies are of unary methods of entities',
  async () => {
    const name: readonly (readonly [Other, number])[] = [
      ['call', callOutcomeAt],
      ['render', others.render.at],
    ]
    for (const [of, outcomeAt] of name) {
      const effect = () => new Answers().words(outcomeAt + 40, free, 1)
      const only = of === 'call' ? /only unary methods of entities/ : /is empty/
      await faults(
        of,
        effect()
          .bytes(free + 68, 1)
          .words(free + 72, free + 512, of === 'call' ? 1 : 0),
        'malformed',
        only,
      )
      await faults(of, new Answers().bytes(outcomeAt + 4, 3), 'malformed', only)
      if (of !== 'call') continue
      await faults(of, new Answers().words(outcomeAt + 64, free, 1), 'malformed', only)
      await faults(of, new Answers().words(outcomeAt + 72, free, 1), 'malformed', only)
      // A time of its own has every effect.
      const due = await answer(effect().bytes(free + 40, 1), asks.call)
      assert.equal((due as readonly { effects: readonly { due: unknown }[] }[])[0]!.effects[0]!.due, {
        kind: 'after',
        ms: 0,
      })
    }
  },
)

Lift('action.A2: the outputs of a step have the effects of a batch of as many commands as it had inputs', async () => {
  const two = new Answers().words(stream.at, free, 2)
  for (const at of [free, free + 80]) two.words(at + 40, free + 1024, 51)
  await faults('stream', two, 'too_large', /effects of a step: 102 given, 100 allowed/)
  const ask: Ask = ({ action }, service) =>
    action.stream(service, 'St', undefined, [{ kind: 'start', metadata: [] }, { kind: 'end' }], 0, seed)
  const step = (await answer(two, ask)) as ReturnType<Action['stream']>
  assert.equal(
    step.outputs.map(({ effects }) => effects.length),
    [51, 51],
  )
})

Lift('lift-outcome.O5: log lines without number cost the host a hundred, and never the call', async () => {
  for (const [name, at] of outcomes) {
    const { fields } = new Answers().words(at + 56, 0x20000, 400_000)
    const lines = JSON.stringify(await answer({ ...large, fields }, asks[name])).match(/"level":"debug"/g)
    assert.is(lines?.length, 100, name)
  }
})

Lift('lift.L4: flags are true for anything but 0', async () => {
  const flags = new Answers().bytes(decideAt.delete, 2).bytes(streamAt.done, 0x80).bytes(streamAt.more, 0xff)
  assert.equal(await answer(flags, asks.decide), { ...decision, delete: true })
  assert.equal(await answer(flags, asks.stream), { outputs: [], state: undefined, done: true, more: true })
})

Lift('value.V1: unknown is an answer only where something held was named', async () => {
  const unknown = new Answers().bytes(valueAt.case, 1)
  await faults('value', unknown, 'malformed', /nothing held was named/)
  const held: Ask = ({ value }, service) => value.decide(service, 'en', { kind: 'held', token: 7 }, [unary])
  assert.equal(await answer(unknown, held), { kind: 'unknown' })
  const token = new Answers().words(valueAt.held, 1, 0xffffffff)
  assert.is(((await answer(token, asks.value)) as { held: number }).held, 0xffffffff)
})

Lift('copies are the host’s own: a later call does not change them', async () => {
  const counting = new Answers().words(streamAt.state, 1, free, 1)
  const add = `(i32.store8 (i32.const ${free}) (i32.add (i32.load8_u (i32.const ${free})) (i32.const 1)))`
  const made = await guests({ fields: counting.fields, others: { stream: `${add} (i32.const ${stream.at})` } })
  const state = () => (asks.stream(made, 's') as ReturnType<Action['stream']>).state
  const before = state()
  assert.equal(state(), Uint8Array.of(2))
  assert.equal(before, Uint8Array.of(1))
})

Lift.run()
