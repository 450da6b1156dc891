// Outcomes: what the kits of all kinds share: commands to send, and checks of what came back.
//
// K1. Kits run the code of the component on encoded requests, events and states, so what passes here encodes there too.
// K2. Every step checks the laws, freezes what handlers see, and hides the forbidden globals.
// K3. Deterministic: time starts at 2026-01-01T00:00:00Z and moves a second with each command; the seed counts up.
// K4. A thenable by name only: a test that returns a chain from an async function would have `then` called with two
//     functions, which says so.

import type { Code } from '../codec/codes.ts'
import type { AnyMethod, ServiceType } from '../codec/message.ts'
import { anything } from '../codec/message.ts'
import type { WireCommand } from '../context.ts'
import type { Call, Effect, MetadataEntry } from '../decision.ts'
import { deepFreeze } from '../frozen.ts'
import type { WireCall, WireMetadataEntry, WireOutcome } from '../guest/wire.ts'
import { printLogs } from './console.ts'
import { checkReaches } from './kept-headers.ts'
import { withoutForbidden } from './purity.ts'
import { difference, show } from './show.ts'

/** In an expectation: a reply, a change, an event, or a field of one of them that may be whatever it is. */
export const any: never = anything as never

export interface WhenOptions {
  /** Milliseconds since 1970. */
  readonly now?: number
  readonly metadata?: readonly MetadataEntry[]
  readonly seed?: readonly [number, number, number, number]
}

/** What every answer can be checked for, in every kind. `Next` is what a check answers with, for the next step. */
export interface Checks<This, Next, Reply> {
  /** The reply, to look at and to go on with. Fails the test where there is none. */
  readonly reply: Reply
  /** Refused; the message may be left out, or be a pattern. */
  refuses(code: Code, message?: string | RegExp): Next
  /** These effects, in order. */
  effects(effects: readonly (Call | Effect)[]): This
  /** This entry is among the reply's metadata. */
  metadata(name: string, value: string | Uint8Array): This
}

/** The entity that a request names. @throws TypeError for another one than so far; `before`: undefined at first. */
export function entityOf({ name, key = [] }: AnyMethod, request: object, before: string | undefined): string {
  const parts = key.map((field) => keyText((request as Readonly<Record<string, unknown>>)[field]))
  const entity = parts.join('-')
  // A request that names none: the host refuses it, and a test need not.
  if (entity === '') return before ?? 'entity'
  if (before !== undefined && before !== entity) {
    throw new TypeError(
      `${name} is asked of ${entity}, but the test is about ${before}; begin another one with given()`,
    )
  }
  return entity
}

/** As the host writes it (§key-2). */
function keyText(value: unknown): string {
  return value instanceof Uint8Array ? natives.btoa(String.fromCharCode(...value)) : String(value ?? '')
}

/** What Node has beyond the language that authors' tsconfigs know. Made beforehand, as in codec/text.ts. */
const natives = { btoa: (globalThis as unknown as { btoa(binary: string): string }).btoa }

/** What is expected, with what there is in place of `any`. */
export function filled(expected: unknown, actual: unknown): unknown {
  if (expected === anything) return actual
  if (typeof expected !== 'object' || expected === null || expected instanceof Uint8Array) return expected
  const at = (key: unknown): unknown =>
    actual instanceof Map ? actual.get(key) : (actual as Readonly<Record<string, unknown>> | undefined)?.[key as string]
  if (Array.isArray(expected)) return expected.map((item, index) => filled(item, at(index)))
  if (expected instanceof Map) return new Map([...expected].map(([key, value]) => [key, filled(value, at(key))]))
  // With the symbols: an event knows its type by one.
  const copy = { ...expected } as Record<string, unknown>
  for (const key of Object.keys(copy)) copy[key] = filled(copy[key], at(key))
  return copy
}

const startMs = Date.UTC(2026, 0, 1)

export function timeOf(index: number): number {
  return startMs + index * 1000
}

export function methodOf({ typeName, methods }: ServiceType, key: string): AnyMethod {
  const method = methods[key]
  if (method === undefined) throw new TypeError(`${typeName} has no method ${key}`)
  return method
}

export function commandOf(
  { name, request: type }: AnyMethod,
  request: object,
  options: WhenOptions,
  index: number,
): WireCommand {
  return {
    method: name,
    payload: type.encode(type(request)),
    metadata: wireEntries(options.metadata ?? []),
    nowMs: options.now ?? timeOf(index),
    seed: options.seed ?? [1, 2, 3, index],
  }
}

/** What a caller sends along. @throws TypeError for what a host would not pass on. */
export function wireEntries(entries: readonly MetadataEntry[]): readonly WireMetadataEntry[] {
  return entries.map(([key, value]) => ({
    name: delivered(key.toLowerCase()),
    value: typeof value === 'string' ? { tag: 'text', val: value } : { tag: 'binary', val: value },
  }))
}

function delivered(name: string): string {
  checkReaches(name)
  return name
}

/** Handlers get frozen values (the first `frozen` arguments; contexts and views fill themselves in) and no forbidden globals. */
export function guarded<F extends (...args: never[]) => unknown>(name: string, work: F, frozen: readonly number[]): F {
  return ((...args: Parameters<F>) => {
    for (const index of frozen) deepFreeze(args[index])
    const result = withoutForbidden(() => work(...args))
    if (result instanceof Promise) throw new TypeError(`${name} is async; handlers answer at once`)
    return result
  }) as F
}

export function guardedAll<F extends (...args: never[]) => unknown>(
  kind: string,
  record: Readonly<Record<string, F>>,
  frozen: readonly number[],
): Record<string, F> {
  return Object.fromEntries(
    Object.entries(record).map(([name, work]) => [name, guarded(`${kind}.${name}`, work, frozen)]),
  )
}

/** An answer as a person reads it. `changes` is what came with it. */
export function shownOutcome(method: AnyMethod, outcome: WireOutcome, changes: object): object {
  const { answer } = outcome
  if (answer.tag === 'err') {
    return { refused: answer.val.code.toUpperCase().replaceAll('-', '_'), message: answer.val.message }
  }
  if (answer.val.tag === 'forward') return { ...changes, forward: shownWireCall(answer.val.val) }
  if (answer.val.tag === 'none') return { ...changes, reply: 'none' }
  if (answer.val.tag === 'later') return { ...changes, later: answer.val.val }
  return { ...changes, reply: method.reply.decode(answer.val.val) }
}

/** The answer to one command, and the checks that every kind has. */
export abstract class OutcomeChecks {
  protected readonly name: string
  protected readonly method: AnyMethod
  protected readonly outcome: WireOutcome

  constructor(service: ServiceType, method: AnyMethod, outcome: WireOutcome) {
    this.name = `${service.typeName}/${method.name}`
    this.method = method
    this.outcome = outcome
    printLogs(outcome.logs)
  }

  get reply(): object {
    const { answer } = this.outcome
    if (answer.tag === 'ok' && answer.val.tag === 'message') return this.method.reply.decode(answer.val.val)
    throw assertionError(`${this.name} has no reply\n${show(this.shown())}`, 'a reply', this.shown())
  }

  /** For tests of several services (together.ts). */
  get came(): WireOutcome {
    return this.outcome
  }

  effects(effects: readonly (Call | Effect)[]): this {
    compareEffects(this.name, effects, [this.outcome])
    return this
  }

  metadata(name: string, value: string | Uint8Array): this {
    const entries = this.outcome.metadata.map((entry) => [entry.name, entry.value.val] as const)
    const found = entries.some(([key, actual]) => key === name.toLowerCase() && show(actual) === show(value))
    if (!found) compare(this.name, [[name, value]], entries)
    return this
  }

  protected compareRefusal(code: Code, message?: string | RegExp): void {
    const actual = this.shown()
    const said = 'message' in actual ? String(actual.message) : undefined
    compare(this.name, refusal(code, message, said), actual)
  }

  protected compareReply(changes: object, reply: object): void {
    if (typeof changes === 'function') {
      throw new TypeError('end the chain with .then(..., reply) before returning or awaiting it')
    }
    compare(this.name, { ...changes, reply: this.expectedReply(reply) }, this.shown())
  }

  protected expectedReply(reply: unknown): unknown {
    const { answer } = this.outcome
    const replied = answer.tag === 'ok' && answer.val.tag === 'message'
    if (replied) return normal(this.method, filled(reply, this.reply) as object)
    return reply === anything ? 'any' : reply
  }

  protected compareForward(changes: object, to: Call): void {
    compare(this.name, { ...changes, forward: shownCall(to) }, this.shown())
  }

  protected abstract shown(): object
}

export function refusal(code: Code, message: string | RegExp | undefined, said: string | undefined): object {
  const matches = message instanceof RegExp && said !== undefined && message.test(said)
  const expected = message === undefined || matches ? said : message instanceof RegExp ? String(message) : message
  return { refused: code, message: expected ?? 'any message' }
}

export function compareEffects(
  name: string,
  effects: readonly (Call | Effect)[],
  outcomes: readonly WireOutcome[],
): void {
  const expected = effects.map((effect) => ('call' in effect ? effect : { call: effect, synchronous: false }))
  compare(
    name,
    expected.map(({ call, synchronous }) => ({ ...shownCall(call), synchronous })),
    outcomes.flatMap((outcome) =>
      outcome.effects.map(({ call, synchronous }) => ({ ...shownWireCall(call), synchronous })),
    ),
  )
}

/** A reply as it comes back from its bytes. */
export function normal({ reply: type }: AnyMethod, reply: object): object {
  return type.decode(type.encode(reply))
}

export function compare(name: string, expected: unknown, actual: unknown): void {
  const [wanted, got] = [show(expected), show(actual)]
  if (wanted !== got) throw assertionError(`${name} decided otherwise\n${difference(wanted, got)}`, expected, actual)
}

/** What every test runner shows as a failed assertion, without importing `node:assert`, which not every runner has. */
function assertionError(message: string, expected: unknown, actual: unknown): Error {
  const error = Object.assign(new Error(message), { code: 'ERR_ASSERTION', expected, actual, operator: 'then' })
  error.name = 'AssertionError'
  return error
}

export function shownCall({ service, method, payload, metadata }: Call): object {
  return { service, method, payload, metadata }
}

function shownWireCall({ service, method, payload, metadata }: WireCall): object {
  return { service, method, payload, metadata: metadata.map(({ name, value }) => [name, value.val]) }
}
