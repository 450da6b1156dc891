// Guards the layouts: our glue against an independent one (the bindings that componentize-qjs makes from wit/), with random
// values. What we lower arrives, and what it answers we lift.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { link } from '../../host/deploy/link.ts'
import type { Basis, EventSourcedGuest, GuestCommand } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { quickJsGuest } from '../support/guests.ts'

const Layout = suite('layout')

const result = await link(await quickJsGuest('echo.js'), defaultLimits)
if (!result.ok) throw new Error(result.reasons.join('; '))
const { artefact } = result
const guest: EventSourcedGuest = load(artefact, defaultLimits).eventSourced!

/** The value as JSON would carry it: bytes as { bytes }. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, item) => (item instanceof Uint8Array ? { bytes: Array.from(item) } : item)),
  )
}

const text = fc.string({ unit: 'grapheme', maxLength: 30 })
const name = fc.string({ unit: fc.constantFrom(...'abcxyz0-_.'), minLength: 1, maxLength: 12 })
const typeName = fc.oneof(
  name,
  text.filter((one) => one !== ''),
)
const bytes = fc.uint8Array({ maxLength: 80 })
const entry = fc.oneof(
  fc.tuple(
    name.map((one) => `${one}-bin`),
    bytes,
  ),
  fc.tuple(
    name.filter((one) => !one.endsWith('-bin')),
    text,
  ),
)
const metadata = fc.array(entry, { maxLength: 4 })
const typed = fc.record({ typeName, data: bytes })
const call = fc.record({ service: text, method: text, payload: bytes, metadata })
const u32 = fc.nat(0xffffffff)
/** What the bindings can answer: they cap a u32 here. */
const u31 = fc.nat(0x7fffffff)

const command: fc.Arbitrary<GuestCommand> = fc.record({
  method: text,
  payload: bytes,
  metadata,
  nowMs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  seed: fc.uint8Array({ minLength: 16, maxLength: 16 }),
})

const basis: fc.Arbitrary<Basis> = fc.oneof(
  fc.constant({ kind: 'initial' } as const),
  fc.record({ kind: fc.constant('state' as const), bytes }),
  fc.record({ kind: fc.constant('held' as const), token: u32 }),
)

const answer = fc.oneof(
  fc.record({ kind: fc.constant('message' as const), payload: bytes }),
  fc.record({ kind: fc.constant('forward' as const), call }),
  fc.record({
    kind: fc.constant('failure' as const),
    failure: fc.record({
      code: fc.integer({ min: 1, max: 16 }),
      message: text,
      details: fc.array(typed, { maxLength: 3 }),
    }),
  }),
)

const decision = fc.record({
  events: fc.array(typed, { maxLength: 4 }),
  outcome: fc.record({
    answer,
    effects: fc.array(fc.record({ call, synchronous: fc.boolean() }), { maxLength: 3 }),
    metadata,
  }),
})
type Decision = typeof decision extends fc.Arbitrary<infer Value> ? Value : never

const next = fc.oneof(
  fc.constant({ kind: 'unchanged' } as const),
  fc.record({ kind: fc.constant('state' as const), bytes }),
  fc.record({ kind: fc.constant('held' as const), token: u31, sizeMax: fc.nat(defaultLimits.stateBytesMax), bytes }),
)
type Next = typeof next extends fc.Arbitrary<infer Value> ? Value : never

const codes =
  'cancelled unknown invalid-argument deadline-exceeded not-found already-exists permission-denied resource-exhausted failed-precondition aborted out-of-range unimplemented internal unavailable data-loss unauthenticated'.split(
    ' ',
  )

/** Our values in the words of the bindings. */
const theirs = {
  metadata: (value: GuestCommand['metadata']) =>
    value.map(([key, item]) => ({
      name: key,
      value: { tag: typeof item === 'string' ? 'text' : 'binary', val: item },
    })),
  call: (value: { service: string; method: string; payload: Uint8Array; metadata: GuestCommand['metadata'] }) => ({
    ...value,
    metadata: theirs.metadata(value.metadata),
  }),
  basis: (value: Basis) => {
    if (value.kind === 'initial') return { tag: 'initial' }
    return value.kind === 'state' ? { tag: 'state', val: value.bytes } : { tag: 'held', val: value.token }
  },
  command: (value: GuestCommand) => {
    const words = new DataView(value.seed.buffer, value.seed.byteOffset)
    return {
      ...value,
      metadata: theirs.metadata(value.metadata),
      seed: [0, 4, 8, 12].map((at) => words.getUint32(at, true)),
    }
  },
  answer: (value: Decision['outcome']['answer']) => {
    if (value.kind === 'failure') {
      const { code, message, details } = value.failure
      return { tag: 'err', val: { code: codes[code - 1], message, details } }
    }
    const reply =
      value.kind === 'message'
        ? { tag: 'message', val: value.payload }
        : { tag: 'forward', val: theirs.call(value.call) }
    return { tag: 'ok', val: reply }
  },
  decision: ({ events, outcome }: Decision) => ({
    events,
    outcome: {
      answer: theirs.answer(outcome.answer),
      effects: outcome.effects.map((effect) => ({ ...effect, call: theirs.call(effect.call) })),
      metadata: theirs.metadata(outcome.metadata),
    },
  }),
  next: (value: Next) => {
    if (value.kind === 'unchanged') return { tag: 'unchanged' }
    if (value.kind === 'state') return { tag: 'state', val: value.bytes }
    return { tag: 'held', val: { token: value.token, size: value.sizeMax, state: value.bytes } }
  },
}

function asciiJson(value: unknown): Uint8Array {
  const json = JSON.stringify(plain(value))
  return Buffer.from(json.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`))
}

Layout('what decide is given arrives, and what it answers is what we read', () => {
  fc.assert(
    fc.property(
      fc.record({
        service: text,
        entity: text,
        basis,
        commands: fc.array(command, { maxLength: 5 }),
        wantState: fc.boolean(),
      }),
      fc.array(decision, { minLength: 5, maxLength: 5 }),
      next,
      ({ service, entity, basis, commands, wantState }, decisions, next) => {
        const first = { events: [], outcome: {} }
        const given = decisions.slice(0, commands.length)
        const script = { decisions: [first, ...given.map(theirs.decision)], next: theirs.next(next) }
        const scripted: GuestCommand = {
          method: 'Answer',
          payload: asciiJson(script),
          metadata: [],
          nowMs: 0,
          seed: new Uint8Array(16),
        }
        const decided = guest.decide(service, entity, basis, [scripted, ...commands], wantState)
        if (decided.kind !== 'decided') throw new Error('not decided')
        const [told, ...others] = decided.decisions
        const message = told!.outcome.answer
        if (message.kind !== 'message') throw new Error('no message')
        assert.equal(
          JSON.parse(Buffer.from(message.payload).toString()),
          plain({ service, entity, basis: theirs.basis(basis), commands: commands.map(theirs.command), wantState }),
        )
        const expected = given.map((one) =>
          one.outcome.answer.kind === 'failure' ? { events: [], outcome: { ...one.outcome, effects: [] } } : one,
        )
        assert.equal(plain(others), plain(expected))
        const bytesToo = next.kind === 'held' && !wantState ? { ...next, bytes: undefined } : next
        assert.equal(plain(decided.next), plain(bytesToo))
      },
    ),
    { numRuns: 200, seed: 11 },
  )
})

Layout('what evolve is given arrives, and its state is what we read', () => {
  fc.assert(
    fc.property(
      text,
      text,
      basis,
      fc.array(typed, { maxLength: 8 }),
      fc.boolean(),
      (service, entity, basis, events, wantState) => {
        const evolved = guest.evolve(service, entity, basis, events, wantState)
        if (evolved.kind !== 'state') throw new Error('no state')
        assert.equal(
          JSON.parse(Buffer.from(evolved.bytes).toString()),
          plain({ service, entity, basis: theirs.basis(basis), events, wantState }),
        )
      },
    ),
    { numRuns: 100, seed: 12 },
  )
})

Layout('every field of a description is read', () => {
  const base = {
    kind: 'event-sourced' as const,
    persistenceId: undefined,
    stateType: undefined,
    stateVersion: undefined,
  }
  assert.equal(artefact.description, {
    sdkName: 'écho',
    sdkVersion: '2',
    services: [
      {
        ...base,
        name: 'test.Echo',
        persistenceId: 'echoes',
        snapshotEvery: -7,
        passivateAfterMs: 2147483647,
        stateType: 'test.State',
        headers: ['x-one', 'x-two'],
        views: [
          { method: 'A', view: { kind: 'all' } },
          { method: 'B', view: { kind: 'nothing' } },
          { method: 'C', view: { kind: 'element', field: 'field' } },
          { method: 'D', view: { kind: 'dynamic' } },
        ],
      },
      {
        ...base,
        name: 'test.Second',
        snapshotEvery: 2147483647,
        passivateAfterMs: 0,
        stateVersion: 'v1',
        headers: [],
        views: [],
      },
    ],
    descriptors: Uint8Array.of(1, 2, 3),
  })
})

Layout.run()
