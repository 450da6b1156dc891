// Values of the contract: random ones, and the same in the words of componentize-qjs's bindings, for the echoing guest
// (test/fixtures/guests/echo.js).

import fc from 'fast-check'
import type { Artefact } from '../../host/guest/artefact.ts'
import type { Basis, Decision, GuestCommand, Next, StreamInput, ValueBasis } from '../../host/guest/guest.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import type { Metadata } from '../../host/metadata.ts'
import type { Call, Due, Effect, Failure, GuestAnswer, Outcome, Resolution } from '../../host/outcome.ts'
import { quickJsGuest } from './guests.ts'

/** The guest that tells what it is given, and answers what it is told. */
export async function echoing(): Promise<Artefact> {
  const result = await link(
    await quickJsGuest('echo.js', ['event-sourced', 'value', 'replicated', 'action', 'view']),
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

const failure = fc.record({
  code: fc.integer({ min: 1, max: 16 }),
  message: text,
  details: fc.array(typed, { maxLength: 3 }),
})
const unique = text.filter((one) => one !== '')
const wholeMs = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const later: fc.Arbitrary<GuestAnswer> = fc.record({
  kind: fc.constant('later' as const),
  deferred: fc.record({
    ticket: unique,
    withinS: fc.option(fc.integer({ min: 1, max: 0x7fffffff }), { nil: undefined }),
  }),
})
const due: fc.Arbitrary<Due> = fc.record({ kind: fc.constantFrom('after', 'at'), ms: fc.nat(Number.MAX_SAFE_INTEGER) })
const plainEffect: fc.Arbitrary<Effect> = fc.record(
  { call, synchronous: fc.boolean(), withinMs: wholeMs },
  { requiredKeys: ['call', 'synchronous'] },
)
const dueEffect: fc.Arbitrary<Effect> = fc.record({ call, synchronous: fc.constant(false), due })
const askingEffect: fc.Arbitrary<Effect> = fc.record(
  {
    call,
    synchronous: fc.constant(false),
    due,
    name: unique,
    answer: fc.record({ method: unique, note: bytes }),
    withinMs: wholeMs,
  },
  { requiredKeys: ['call', 'synchronous'] },
)
const resolution: fc.Arbitrary<Resolution> = fc.record({
  ticket: unique,
  method: text,
  answer: fc.oneof(
    fc.record({ kind: fc.constant('message' as const), payload: bytes }),
    fc.record({ kind: fc.constant('failure' as const), failure }),
  ),
  metadata,
})
const namesOnce = (effects: readonly Effect[]): readonly Effect[] =>
  effects.filter(({ name }, at) => name === undefined || effects.findIndex((other) => other.name === name) === at)
const some = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<readonly T[] | undefined> =>
  fc.array(of, { maxLength: 3 }).map((list) => (list.length === 0 ? undefined : list))

/** `words`: those of entities' unary methods, too. */
const outcomeOf = (one: fc.Arbitrary<GuestAnswer>, words: boolean): fc.Arbitrary<Outcome> =>
  fc.record({
    answer: one,
    effects: fc
      .array(words ? fc.oneof(plainEffect, dueEffect, askingEffect) : fc.oneof(plainEffect, dueEffect), {
        maxLength: 3,
      })
      .map(namesOnce),
    metadata,
    logs: fc.array(fc.record({ level: fc.constantFrom('debug', 'info', 'warn', 'error'), text }), { maxLength: 3 }),
    cancels: words ? some(unique) : fc.constant(undefined),
    resolves: words ? some(resolution) : fc.constant(undefined),
  })

/** Of unary methods of entities, which must answer. */
export const outcome = outcomeOf(fc.oneof(answer, later), true)
/** Of actions. */
export const actionOutcome = outcomeOf(answer, false)
/** Of streams, which may say nothing. */
export const streamedOutcome = outcomeOf(fc.oneof(answer, fc.constant({ kind: 'none' } as const)), false)

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
    principal: null,
  }),
  input: (value: StreamInput) => {
    if (value.kind === 'start') return { tag: 'start', val: theirs.metadata(value.metadata) }
    return value.kind === 'item' ? { tag: 'item', val: value.payload } : { tag: value.kind }
  },
  failure: ({ code, message, details }: Failure) => ({ code: codes[code - 1], message, details }),
  answer: (value: GuestAnswer) => {
    if (value.kind === 'failure') return { tag: 'err', val: theirs.failure(value.failure) }
    if (value.kind === 'later') {
      const { ticket, withinS } = value.deferred
      return { tag: 'ok', val: { tag: 'later', val: { ticket, within: withinS } } }
    }
    if (value.kind === 'message') return { tag: 'ok', val: { tag: 'message', val: value.payload } }
    if (value.kind === 'none') return { tag: 'ok', val: { tag: 'none' } }
    return { tag: 'ok', val: { tag: 'forward', val: theirs.call(value.call) } }
  },
  effect: ({ call: to, synchronous, due: when, name: named, answer: hears, withinMs }: Effect) => ({
    call: theirs.call(to),
    synchronous,
    due: when === undefined ? { tag: 'at-once' } : { tag: when.kind, val: when.ms },
    name: named,
    answer: hears,
    within: withinMs,
  }),
  resolution: ({ ticket, method, answer: given, metadata: sent }: Resolution) => ({
    ticket,
    method,
    answer:
      given.kind === 'message' ? { tag: 'ok', val: given.payload } : { tag: 'err', val: theirs.failure(given.failure) },
    metadata: theirs.metadata(sent),
  }),
  outcome: ({ answer: given, effects, metadata: sent, logs, cancels, resolves }: Outcome) => ({
    answer: theirs.answer(given),
    effects: effects.map(theirs.effect),
    metadata: theirs.metadata(sent),
    logs,
    cancels: cancels ?? [],
    resolves: (resolves ?? []).map(theirs.resolution),
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
  if (given.answer.kind !== 'failure') return given
  return { ...given, effects: [], cancels: undefined, resolves: undefined }
}
