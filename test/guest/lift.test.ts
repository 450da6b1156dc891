// Guards what a guest can answer: every lie is a fault of its kind, nothing costs the host more than the budget.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventSourced } from '../../host/guest/event-sourced.ts'
import { type Decided, type FaultReason, type GuestCommand, GuestFault } from '../../host/guest/guest.ts'
import { compile } from '../../host/guest/instance.ts'
import { defaultLimits, type Limits } from '../../host/limits.ts'
import { Answers } from '../support/answers.ts'
import { type GuestParts, guestArtefact } from '../support/hostile.ts'

const Lift = suite('lift')

const initial = { kind: 'initial' } as const
const command: GuestCommand = {
  method: 'M',
  payload: new Uint8Array(),
  metadata: [],
  nowMs: 0,
  seed: new Uint8Array(16),
}

async function guest(parts: GuestParts | Answers, limits: Limits = defaultLimits): Promise<EventSourced> {
  const artefact = await guestArtefact(parts instanceof Answers ? { fields: parts.fields } : parts)
  return new EventSourced(compile(artefact), limits)
}

async function decided(parts: GuestParts | Answers, count = 1): Promise<Decided> {
  return (await guest(parts)).decide('s', 'e', initial, new Array<GuestCommand>(count).fill(command), false)
}

async function faults(parts: GuestParts | Answers, reason: FaultReason, message: RegExp, count = 1): Promise<void> {
  try {
    await decided(parts, count)
  } catch (thrown) {
    assert.instance(thrown, GuestFault)
    const fault = thrown as GuestFault
    assert.is(fault.reason, reason, fault.message)
    assert.match(fault.message, message)
    return
  }
  assert.unreachable(`no fault where ${message} was expected`)
}

/** The parts of the one decision, at their addresses (answer at 4096, decision at 4160). */
const at = {
  case: 4096,
  decisions: 4100,
  next: 4108,
  events: 4160,
  result: 4168,
  reply: 4172,
  payload: 4176,
  effects: 4208,
  metadata: 4216,
  logs: 4224,
  cancels: 4232,
  resolves: 4240,
}

Lift('the guest of constants answers: what every lie below is put on', async () => {
  assert.equal(await decided({}), {
    kind: 'decided',
    decisions: [
      {
        events: [],
        change: undefined,
        outcome: { answer: { kind: 'message', payload: new Uint8Array() }, effects: [], metadata: [], logs: [] },
      },
    ],
    next: { kind: 'unchanged' },
  })
})

Lift('lift.L1, memory.V2: an answer outside the memory, or not aligned, is malformed', async () => {
  await faults({ decide: '(i32.const -4)' }, 'malformed', /outside the memory/)
  await faults({ decide: '(i32.const 0x1fffc)' }, 'malformed', /outside the memory/)
  await faults({ decide: '(i32.const 4098)' }, 'malformed', /not aligned/)
})

Lift('lift.L1: lists and bytes outside the memory are malformed, however large they claim to be', async () => {
  await faults(new Answers().words(at.decisions, 0xfffffffc, 1), 'malformed', /outside the memory/)
  await faults(new Answers().words(at.events, 4, 0xffffffff), 'malformed', /outside the memory/)
  await faults(new Answers().words(at.events, 2, 1), 'malformed', /not aligned/)
  await faults(new Answers().words(at.payload, 0x1ffff, 2), 'malformed', /outside the memory/)
  await faults(new Answers().words(at.payload, 0xffffffff, 0xffffffff), 'malformed', /outside the memory/)
  // An empty list may point to the end of the memory, not past it.
  await decided(new Answers().words(at.payload, 0x20000, 0))
  await faults(new Answers().words(at.payload, 0x20001, 0), 'malformed', /outside the memory/)
})

Lift('lift.L1: cases that do not exist are malformed', async () => {
  await faults(new Answers().bytes(at.case, 2), 'malformed', /no case 2/)
  await faults(new Answers().bytes(at.next, 3), 'malformed', /no case 3/)
  await faults(new Answers().bytes(at.result, 2), 'malformed', /no case 2/)
  await faults(new Answers().bytes(at.reply, 4), 'malformed', /no case 4/)
  await faults(new Answers().bytes(at.result, 1).bytes(at.reply, 16), 'malformed', /failure code: there is no case 16/)
})

Lift('lift.L1, event-sourced.E1: as many decisions as commands', async () => {
  await faults({}, 'malformed', /1 decisions for 2 commands/, 2)
  await faults(new Answers().words(at.decisions, 4160, 0), 'malformed', /0 decisions for 1 commands/)
})

Lift('lift.L1: text that is not UTF-8 is malformed: overlong, surrogate, cut', async () => {
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    const failure = new Answers()
      .bytes(at.result, 1)
      .words(at.reply + 4, 8000, bytes.length)
      .bytes(8000, ...bytes)
    await faults(failure, 'malformed', /not UTF-8/)
  }
  const good = new Answers()
    .bytes(at.result, 1)
    .words(at.reply + 4, 8000, 3)
    .bytes(8000, 0xef, 0xbb, 0xbf)
  const answer = await decided(good)
  // A byte order mark is text like any other.
  if (answer.kind === 'decided')
    assert.equal(answer.decisions[0]!.outcome.answer, {
      kind: 'failure',
      failure: { code: 1, message: '\ufeff', details: [] },
    })
})

Lift('lift.L2: overlapping results cannot multiply: 500 decisions of 1,000 events on the same 64 KiB', async () => {
  const lying = new Answers().words(at.decisions, 16384, 500)
  // Every decision: 1,000 events at 49152, each naming the same 4,000 bytes.
  for (let i = 0; i < 500; i++) lying.words(16384 + i * 88, 65536, 1000)
  for (let i = 0; i < 1000; i++) lying.words(65536 + i * 16, 49152, 8, 49152, 4000)
  lying.text(49152, 'test.Evt')
  await faults(lying, 'too_large', /more than 8388608 bytes|over 4194304 bytes/, 500)
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 3; i++) await faults(lying, 'too_large', /bytes/, 500)
  assert.ok(process.memoryUsage().arrayBuffers - before < 4 * defaultLimits.guestResultBytesMax)
})

Lift('lift.L2: elements have a budget as well as bytes', async () => {
  const lying = new Answers().words(at.decisions, 16384, 500)
  for (let i = 0; i < 500; i++) lying.words(16384 + i * 88, 65536, 1000)
  for (let i = 0; i < 1000; i++) lying.words(65536 + i * 16, 49152, 1, 0, 0)
  lying.text(49152, 'E')
  await faults(lying, 'too_large', /more than 200000 elements/, 500)
})

Lift('§limit-4: limits of one decision: events, effects, names, metadata, messages', async () => {
  const large: GuestParts = { memory: '(memory (export "memory") 200)' }
  await faults(new Answers().words(at.events, 4, 1001), 'too_large', /events of a decision: 1001 given, 1000 allowed/)
  await faults(new Answers().words(at.effects, 8, 101), 'too_large', /effects of a decision: 101 given/)
  await faults(
    new Answers().words(at.events, 8000, 1).words(8000, 9000, 257, 0, 0),
    'too_large',
    /257 bytes given, 256 allowed/,
  )
  await faults(
    { ...large, fields: new Answers().words(at.payload, 0, 4194305).fields },
    'too_large',
    /the reply: 4194305 bytes/,
  )
  const header = new Answers().words(at.metadata, 8000, 1).words(8000, 8100, 1, 0, 9000, 16384).text(8100, 'x')
  await faults(header, 'too_large', /metadata: over 16384 bytes/)
})

Lift('lift.L3: a state may be larger than the budget of an answer, and not larger than its limit', async () => {
  const state = (length: number) => ({
    memory: '(memory (export "memory") 300)',
    fields: new Answers().bytes(at.next, 1).words(at.next + 4, 0, length).fields,
  })
  const answer = await decided(state(defaultLimits.stateBytesMax))
  assert.is(
    answer.kind === 'decided' && answer.next.kind === 'state' && answer.next.bytes.length,
    defaultLimits.stateBytesMax,
  )
  await faults(
    state(defaultLimits.stateBytesMax + 1),
    'state_too_large',
    /the state would have 16777217 bytes, 16777216 are allowed/,
  )
  const held = new Answers().bytes(at.next, 2).words(at.next + 4, 7, 16777217)
  await faults(held, 'state_too_large', /the state would have 16777217 bytes/)
})

Lift('§refusal-2, lift-outcome.O1: a failure keeps no events and no effects, and they are not even read', async () => {
  const failing = new Answers().bytes(at.result, 1).words(at.events, 0xfffffff0, 77).words(at.effects, 0xfffffff0, 77)
  const answer = await decided(failing)
  assert.equal(answer.kind === 'decided' && answer.decisions[0], {
    events: [],
    change: undefined,
    outcome: {
      answer: { kind: 'failure', failure: { code: 1, message: '', details: [] } },
      effects: [],
      metadata: [],
      logs: [],
    },
  })
})

const strictly = async (answers: Answers) => {
  const artefact = await guestArtefact({ fields: answers.fields })
  return new EventSourced(compile(artefact), defaultLimits, true).decide('s', 'e', initial, [command], false)
}

Lift('lift-outcome.O1: a strict lift says what stands beside a failure', async () => {
  const failing = () => new Answers().bytes(at.result, 1)
  assert.is((await strictly(failing())).kind, 'decided')
  for (const [where, what] of [
    [at.events, /^L3: events beside a failure$/],
    [at.effects, /^L3: effects beside a failure$/],
    [at.cancels, /^L3: cancels beside a failure$/],
    [at.resolves, /^L3: resolutions beside a failure$/],
  ] as const) {
    try {
      await strictly(failing().words(where, 0xfffffff0, 77))
      assert.unreachable('no fault')
    } catch (thrown) {
      assert.instance(thrown, GuestFault)
      assert.match((thrown as GuestFault).message, what)
    }
  }
})

Lift(
  'lift-outcome.O2, lift-outcome.O3: no answer where one is due, and an event without a type name, are malformed',
  async () => {
    await faults(new Answers().bytes(at.reply, 2), 'malformed', /neither a reply nor a forward/)
    await faults(new Answers().words(at.events, 8000, 1), 'malformed', /no type name/)
  },
)

Lift('lift-outcome.O4: what no transport carries is left out of metadata, unread; a strict lift says so', async () => {
  const header = (name: string, binary: number) =>
    new Answers()
      .words(at.metadata, 8000, 2)
      .words(8000, 8100, Buffer.byteLength(name), binary, 0xfffffff0, 77)
      .words(8020, 8200, 1, 0, 8200, 1)
      .text(8100, name)
      .text(8200, 'a')
  for (const [name, binary, said] of [
    ...['X', 'a b', 'a\n', 'é', ':a'].map((name) => [name, 0, /other characters/] as const),
    ['a-bin', 0, /-bin have bytes/],
    ['a', 1, /-bin have bytes/],
  ] as const) {
    const answer = await decided(header(name, binary))
    assert.ok(answer.kind === 'decided')
    assert.equal(answer.decisions[0]!.outcome.metadata, [['a', 'a']], name)
    try {
      await strictly(header(name, binary))
      assert.unreachable('no fault')
    } catch (thrown) {
      assert.instance(thrown, GuestFault)
      assert.match((thrown as GuestFault).message, said)
    }
  }
})

/** A double, as two words. */
function double(value: number): readonly [low: number, high: number] {
  const words = new DataView(new ArrayBuffer(8))
  words.setFloat64(0, value, true)
  return [words.getUint32(0, true), words.getUint32(4, true)]
}

Lift('lift-outcome.O5: what an effect asks for must go together, and be there', async () => {
  const [first, second] = [8192, 8192 + 104]
  const one = () => new Answers().words(at.effects, first, 1)
  const due = (answers: Answers, kind: number, ms: number) =>
    answers.bytes(first + 40, kind).words(first + 48, ...double(ms))
  const named = (answers: Answers, where: number) =>
    answers
      .bytes(where + 56, 1)
      .words(where + 60, 9000, 1)
      .text(9000, 'n')
  const asks = (answers: Answers) =>
    answers
      .bytes(first + 68, 1)
      .words(first + 72, 9000, 1)
      .text(9000, 'n')
  const fine = await decided(
    named(asks(due(one(), 2, 1e12)), first)
      .bytes(first + 88, 1)
      .words(first + 96, ...double(5)),
  )
  assert.ok(fine.kind === 'decided')
  const [effect] = fine.decisions[0]!.outcome.effects
  assert.equal(effect!.due, { kind: 'at', ms: 1e12 })
  assert.equal(effect!.answer, { method: 'n', note: new Uint8Array() })
  assert.is(effect!.name, 'n')
  assert.is(effect!.withinMs, 5)
  for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
    await faults(due(one(), 1, wrong), 'malformed', /no whole number of milliseconds/)
  await faults(due(one(), 3, 1), 'malformed', /when an effect is due: there is no case 3/)
  await faults(due(one().bytes(first + 32, 1), 1, 1), 'malformed', /a synchronous effect is due at once/)
  await faults(asks(one().bytes(first + 32, 1)), 'malformed', /a synchronous effect is due at once/)
  await faults(one().bytes(first + 88, 1), 'malformed', /within 0 milliseconds/)
  await faults(one().bytes(first + 56, 1), 'malformed', /the name of an effect is empty/)
  await faults(one().bytes(first + 68, 1), 'malformed', /the method of an answer is empty/)
  const two = new Answers().words(at.effects, first, 2)
  await faults(named(named(two, first), second), 'malformed', /two effects of one decision have the name n/)
  await faults(new Answers().words(at.effects, 4, 1), 'malformed', /not aligned/)
})

Lift('lift-outcome.O5: tickets, cancels and resolutions are bounded, and said in full', async () => {
  await faults(new Answers().bytes(at.reply, 3), 'malformed', /a ticket is empty/)
  const later = () => new Answers().bytes(at.reply, 3).words(at.payload, 9000, 1).text(9000, 't')
  const deferred = await decided(later())
  assert.ok(deferred.kind === 'decided')
  assert.equal(deferred.decisions[0]!.outcome.answer, { kind: 'later', deferred: { ticket: 't', withinS: undefined } })
  await faults(later().bytes(at.payload + 8, 1), 'malformed', /open for 0 seconds/)
  await faults(new Answers().words(at.cancels, 4, 101), 'too_large', /cancels of a decision: 101 given/)
  await faults(new Answers().words(at.cancels, 0xfffffff0, 1), 'malformed', /outside the memory/)
  await faults(new Answers().words(at.resolves, 4, 101), 'too_large', /resolutions of a decision: 101 given/)
  await faults(new Answers().words(at.resolves, 8192, 1), 'malformed', /a ticket is empty/)
  const resolving = new Answers().words(at.resolves, 8192, 1).words(8192, 9000, 1).text(9000, 't')
  await faults(resolving.bytes(8192 + 16, 2), 'malformed', /a resolution: there is no case 2/)
  const failing = new Answers().bytes(at.result, 1).words(at.cancels, 0xfffffff0, 77).words(at.resolves, 0xfffffff0, 77)
  const kept = await decided(failing)
  assert.ok(kept.kind === 'decided')
  assert.is(kept.decisions[0]!.outcome.cancels, undefined)
})

Lift(
  '§fault-10, lift-outcome.O6: log lines past their bounds are left out, and what is not UTF-8 is replaced; levels must exist',
  async () => {
    const many = new Answers().words(at.logs, 16384, 150)
    for (let i = 0; i < 150; i++) many.words(16384 + i * 12, 3, 49152, 3)
    many.bytes(49152, 0x61, 0xff, 0x62)
    const lines = async (answers: Answers) => {
      const answer = await decided(answers)
      return answer.kind === 'decided' ? answer.decisions[0]!.outcome.logs : []
    }
    assert.equal(await lines(many), new Array(100).fill({ level: 'error', text: 'a\ufffdb' }))
    const long = new Answers().words(at.logs, 16384, 3)
    for (let i = 0; i < 3; i++) long.words(16384 + i * 12, i, 49152, 10_000)
    assert.equal(
      (await lines(long)).map(({ level, text }) => [level, text.length]),
      [
        ['debug', 10_000],
        ['info', 6_384],
      ],
    )
    await faults(new Answers().words(at.logs, 16384, 1).bytes(16384, 4), 'malformed', /no case 4/)
    await faults(new Answers().words(at.logs, 0xfffffff0, 1), 'malformed', /outside the memory/)
    await faults(new Answers().words(at.logs, 16384, 1).words(16384, 0, 0x1ffff, 2), 'malformed', /outside the memory/)
    await faults(new Answers().words(at.logs, 4, 0xffffffff), 'malformed', /outside the memory/)
  },
)

Lift(
  'fault-text.X1, fault-text.X3, printable.P1: the words of a fault are read where the guest says, bounded and escaped, and never fault themselves',
  async () => {
    const words = async (address: number, answers = new Answers(), type = 'i32') => {
      const global = `(global (export "innkeeper_fault") ${type} (${type}.const ${address}))`
      const one = await guest({ fields: `${answers.fields} ${global}`, decide: '(unreachable)' })
      try {
        one.decide('s', 'e', initial, [command], false)
      } catch (thrown) {
        assert.instance(thrown, GuestFault)
        assert.is((thrown as GuestFault).reason, 'trap')
        assert.is((thrown as GuestFault).message, 'the function trapped')
        return (thrown as GuestFault).words
      }
      return assert.unreachable('no fault')
    }
    const said = (text: string) => new Answers().words(49152, Buffer.byteLength(text)).text(49156, text)
    assert.is(await words(49152, said('boom: grüße')), 'boom: grüße')
    assert.is(await words(49152, said('a\u001b[31m\r\nb\u202ec\u009d')), 'a\\x1b[31m\\x0d\nb\\u202ec\\x9d')
    assert.is(await words(49152), undefined)
    assert.is((await words(49152, said('x'.repeat(5000))))?.length, 4096)
    // Lies: a length past the memory, an address at its end, past it, and below it, and another type.
    assert.is((await words(0x1fff0, new Answers().words(0x1fff0, 0xffffffff).text(0x1fff4, 'end of it')))?.length, 21)
    for (const address of [0x1fffd, 0x20000, 0x7fffffff, -1, -2147483648]) assert.is(await words(address), undefined)
    assert.is(await words(49152, said('no'), 'i64'), undefined)
  },
)

Lift('event-sourced.E1: unknown is an answer only where something held was named', async () => {
  const unknown = new Answers().bytes(at.case, 1)
  await faults(unknown, 'malformed', /nothing held was named/)
  assert.equal((await guest(unknown)).decide('s', 'e', { kind: 'held', token: 1 }, [command], false), {
    kind: 'unknown',
  })
})

Lift('a held state brings its bytes when they were asked for', async () => {
  const held = (present: number) =>
    new Answers()
      .bytes(at.next, 2)
      .words(at.next + 4, 7, 100, present, 8000, 2)
      .bytes(8000, 1, 2)
  const answer = (await guest(held(1))).decide('s', 'e', initial, [command], true)
  assert.equal(answer.kind === 'decided' && answer.next, {
    kind: 'held',
    token: 7,
    sizeMax: 100,
    bytes: Uint8Array.of(1, 2),
  })
  const without = (await guest(held(0))).decide('s', 'e', initial, [command], false)
  assert.equal(without.kind === 'decided' && without.next, { kind: 'held', token: 7, sizeMax: 100, bytes: undefined })
  const asking = await guest(held(0))
  assert.throws(() => asking.decide('s', 'e', initial, [command], true), /asked for and did not come/)
})

Lift('lower.W1: what cabi_realloc answers is checked before it is written to', async () => {
  await faults({ realloc: '(i32.const -16)' }, 'malformed', /outside the memory/)
  await faults({ realloc: '(i32.const 1)' }, 'malformed', /not aligned to 8/)
  await faults({ realloc: '(loop $l (br $l)) (unreachable)' }, 'fuel', /ran out of fuel/)
})

Lift(
  'lower.W2, memory.V1: a memory that grows while arguments are written, or while deciding, is seen anew',
  async () => {
    const growing = '(drop (memory.grow (i32.const 1))) (i32.const 65536)'
    const answer = await decided({ realloc: growing, decide: `(drop (memory.grow (i32.const 1))) (i32.const 4096)` })
    assert.is(answer.kind, 'decided')
  },
)

Lift('guest.G1: copies are the host’s own: a later call does not change them', async () => {
  const counting = new Answers().words(at.payload, 8000, 1)
  const decide = '(i32.store8 (i32.const 8000) (i32.add (i32.load8_u (i32.const 8000)) (i32.const 1))) (i32.const 4096)'
  const one = await guest({ fields: counting.fields, decide })
  const payload = () => {
    const answer = one.decide('s', 'e', initial, [command], false)
    const first = answer.kind === 'decided' ? answer.decisions[0]!.outcome.answer : undefined
    return first?.kind === 'message' ? first.payload : undefined
  }
  const before = payload()!
  assert.equal(payload(), Uint8Array.of(2))
  assert.equal(before, Uint8Array.of(1))
  assert.is(before.buffer.byteLength, 1)
})

Lift.run()
