// Values of the contract: random ones, and the same in the words of componentize-qjs's bindings, for the echoing guest
// (test/fixtures/guests/echo.js).

import fc from 'fast-check'
import type { Artefact } from '../../host/guest/artefact.ts'
import type { Basis, Decision, GuestCommand, Next, StreamInput, ValueBasis } from '../../host/guest/guest.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import type { Metadata } from '../../host/metadata.ts'
import type { Call, GuestAnswer, Outcome } from '../../host/outcome.ts'
import { quickJsGuest } from './guests.ts'

/** The guest that tells what it is given, and answers what it is told. */
export async function echoing(): Promise<Artefact> {
  const result = await link(
    await quickJsGuest('echo.js', ['event-sourced', 'value', 'replicated', 'action']),
    defaultLimits,
  )
  if (!result.ok) throw new Error(result.reasons.join('; '))
  return result.artefact
}

/** As JSON carries it: bytes as { bytes }, numbers that JSON has not as { number }, and nothing that is undefined. */
export function plain(value: unknown): unknown {
  return JSON.parse(json(value))
}

/** In the characters that componentize-qjs reads fastest. */
export function asciiJson(value: unknown): Uint8Array {
  return Buffer.from(
    json(value).replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}

export function json(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (item instanceof Uint8Array) return { bytes: Array.from(item) }
    const odd = typeof item === 'number' && (!Number.isFinite(item) || Object.is(item, -0))
    return odd ? { number: Object.is(item, -0) ? '-0' : String(item) } : item
  })
}

export const text = fc.string({ unit: 'grapheme', maxLength: 30 })
export const bytes = fc.uint8Array({ maxLength: 80 })
const name = fc.string({ unit: fc.constantFrom(...'abcxyz0-_.'), minLength: 1, maxLength: 12 })
const typeName = fc.oneof(
  name,
  text.filter((one) => one !== ''),
)
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
export const metadata: fc.Arbitrary<Metadata> = fc.array(entry, { maxLength: 4 })
export const typed = fc.record({ typeName, data: bytes })
const call: fc.Arbitrary<Call> = fc.record({ service: text, method: text, payload: bytes, metadata })
const u32 = fc.oneof(fc.constantFrom(0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1), fc.nat(0xffffffff))
/** What the bindings can answer: they cap a u32 here. */
export const u31 = fc.oneof(fc.constantFrom(0, 2 ** 31 - 1), fc.nat(0x7fffffff))
/** Whole milliseconds by contract; the boundary carries any double. */
export const time = fc.oneof(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.double())
export const seed = fc.uint8Array({ minLength: 16, maxLength: 16 })

export const command: fc.Arbitrary<GuestCommand> = fc.record({
  method: text,
  payload: bytes,
  metadata,
  nowMs: time,
  seed,
})

export const basis: fc.Arbitrary<Basis> = fc.oneof(
  fc.constant({ kind: 'initial' } as const),
  fc.record({ kind: fc.constant('state' as const), bytes }),
  fc.record({ kind: fc.constant('held' as const), token: u32 }),
)

export const valueBasis: fc.Arbitrary<ValueBasis> = fc.oneof(
  fc.constant({ kind: 'absent' } as const),
  fc.record({ kind: fc.constant('value' as const), bytes }),
  fc.record({ kind: fc.constant('held' as const), token: u32 }),
)

const answer: fc.Arbitrary<GuestAnswer> = fc.oneof(
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

const outcomeOf = (one: fc.Arbitrary<GuestAnswer>): fc.Arbitrary<Outcome> =>
  fc.record({
    answer: one,
    effects: fc.array(fc.record({ call, synchronous: fc.boolean() }), { maxLength: 3 }),
    metadata,
    logs: fc.array(fc.record({ level: fc.constantFrom('debug', 'info', 'warn', 'error'), text }), { maxLength: 3 }),
  })

/** Of methods that must answer. */
export const outcome = outcomeOf(answer)
/** Of streams, which may say nothing. */
export const streamedOutcome = outcomeOf(fc.oneof(answer, fc.constant({ kind: 'none' } as const)))

export const decision: fc.Arbitrary<Decision> = fc.record({
  events: fc.array(typed, { maxLength: 4 }),
  change: fc.constant(undefined),
  outcome,
})

export const next: fc.Arbitrary<Next> = fc.oneof(
  fc.constant({ kind: 'unchanged' } as const),
  fc.record({ kind: fc.constant('state' as const), bytes }),
  fc.record({ kind: fc.constant('held' as const), token: u31, sizeMax: fc.nat(defaultLimits.stateBytesMax), bytes }),
)

const codes =
  'cancelled unknown invalid-argument deadline-exceeded not-found already-exists permission-denied resource-exhausted failed-precondition aborted out-of-range unimplemented internal unavailable data-loss unauthenticated'.split(
    ' ',
  )

/** Our values in the words of the bindings. */
export const theirs = {
  metadata: (value: Metadata) =>
    value.map(([key, item]) => ({
      name: key,
      value: { tag: typeof item === 'string' ? 'text' : 'binary', val: item },
    })),
  call: (value: Call) => ({ ...value, metadata: theirs.metadata(value.metadata) }),
  basis: (value: Basis) => {
    if (value.kind === 'initial') return { tag: 'initial' }
    return value.kind === 'state' ? { tag: 'state', val: value.bytes } : { tag: 'held', val: value.token }
  },
  valueBasis: (value: ValueBasis) => {
    if (value.kind === 'absent') return { tag: 'absent' }
    return value.kind === 'value' ? { tag: 'value', val: value.bytes } : { tag: 'held', val: value.token }
  },
  seed: (value: Uint8Array) => {
    const words = new DataView(value.buffer, value.byteOffset)
    return [0, 4, 8, 12].map((at) => words.getUint32(at, true))
  },
  command: (value: GuestCommand) => ({
    ...value,
    metadata: theirs.metadata(value.metadata),
    seed: theirs.seed(value.seed),
  }),
  input: (value: StreamInput) => {
    if (value.kind === 'start') return { tag: 'start', val: theirs.metadata(value.metadata) }
    return value.kind === 'item' ? { tag: 'item', val: value.payload } : { tag: value.kind }
  },
  answer: (value: GuestAnswer) => {
    if (value.kind === 'failure') {
      const { code, message, details } = value.failure
      return { tag: 'err', val: { code: codes[code - 1], message, details } }
    }
    if (value.kind === 'message') return { tag: 'ok', val: { tag: 'message', val: value.payload } }
    if (value.kind === 'none') return { tag: 'ok', val: { tag: 'none' } }
    return { tag: 'ok', val: { tag: 'forward', val: theirs.call(value.call) } }
  },
  outcome: ({ answer: given, effects, metadata: sent, logs }: Outcome) => ({
    answer: theirs.answer(given),
    effects: effects.map((effect) => ({ ...effect, call: theirs.call(effect.call) })),
    metadata: theirs.metadata(sent),
    logs,
  }),
  decision: ({ events, outcome: given }: Decision) => ({ events, outcome: theirs.outcome(given) }),
  next: (value: Next) => {
    if (value.kind === 'unchanged') return { tag: 'unchanged' }
    if (value.kind === 'state') return { tag: 'state', val: value.bytes }
    return { tag: 'held', val: { token: value.token, size: value.sizeMax, state: value.bytes } }
  },
}

/** What is left of an entity's outcome: a failure has no effects. */
export function kept(given: Outcome): Outcome {
  return given.answer.kind === 'failure' ? { ...given, effects: [] } : given
}
