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
import type {
  AnyTagged,
  AskOptions,
  Call,
  DueOptions,
  Effect,
  LaterOptions,
  MetadataEntry,
  NameOption,
} from '../decision.ts'
import { asked, deferred, effectAfter, effectAt, resolution } from '../effect.ts'
import { deepFreeze } from '../frozen.ts'
import { wireEffect, wireResolution } from '../guest/outcome.ts'
import type { WireCall, WireEffect, WireMetadataEntry, WireOutcome, WireResolution } from '../guest/wire.ts'
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
  /** The next effect, and the last one if no other is said, is due so many milliseconds after the commit. */
  after(ms: number, call: Call, options?: DueOptions & NameOption): This
  /** The next effect is due at this time. */
  at(timeMs: number, call: Call, options?: DueOptions & NameOption): This
  /** The answer of the next effect is heard by this method, as handlers spell it. */
  asks(call: Call, method: string, note?: AnyTagged, options?: AskOptions): This
  /** The pending effects that are dropped are these, in order. */
  cancels(...names: readonly string[]): This
  /** The next ticket that is resolved, and the last one if no other is said: by a reply, or by `refuse(...)`. */
  resolves(ticket: string, method: string, answer: object): This
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
  protected readonly service: ServiceType
  protected readonly method: AnyMethod
  private readonly decided: WireOutcome
  private readonly saidEffects: WireEffect[] = []
  private readonly saidTickets: WireResolution[] = []

  constructor(service: ServiceType, method: AnyMethod, outcome: WireOutcome) {
    this.name = `${service.typeName}/${method.name}`
    this.service = service
    this.method = method
    this.decided = outcome
    printLogs(outcome.logs)
  }

  protected get outcome(): WireOutcome {
    return this.decided
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

  after(ms: number, call: Call, options?: DueOptions & NameOption): this {
    return this.sayEffect(effectAfter(ms, call, options))
  }

  at(timeMs: number, call: Call, options?: DueOptions & NameOption): this {
    return this.sayEffect(effectAt(timeMs, call, options))
  }

  asks(call: Call, method: string, note?: AnyTagged, options?: AskOptions): this {
    return this.sayEffect(asked(call, method, note, options))
  }

  cancels(...names: readonly string[]): this {
    compare(this.name, { cancels: names }, { cancels: this.outcome.cancels })
    return this
  }

  resolves(ticket: string, method: string, answer: object): this {
    this.saidTickets.push(wireResolution(resolution(ticket, method, answer), this.naming))
    const came = this.outcome.resolves.slice(0, this.saidTickets.length)
    compare(this.name, this.saidTickets.map(this.shownTicket), came.map(this.shownTicket))
    return this
  }

  private get naming() {
    return { service: this.service, name: this.name }
  }

  private sayEffect(effect: Effect): this {
    this.saidEffects.push(wireEffect(effect, this.naming))
    const came = this.outcome.effects.slice(0, this.saidEffects.length)
    compare(this.name, this.saidEffects.map(shownEffect), came.map(shownEffect))
    return this
  }

  /** Where some were said, there are no others. */
  private compareSaid(): void {
    const { effects, resolves } = this.outcome
    if (this.saidEffects.length > 0) compare(this.name, this.saidEffects.map(shownEffect), effects.map(shownEffect))
    if (this.saidTickets.length > 0)
      compare(this.name, this.saidTickets.map(this.shownTicket), resolves.map(this.shownTicket))
  }

  private readonly shownTicket = ({ ticket, method, answer, metadata }: WireResolution): object => {
    const type = Object.values(this.service.methods).find(({ name }) => name === method)!
    const shown = answer.tag === 'ok' ? { reply: type.reply.decode(answer.val) } : { refused: answer.val }
    return { ticket, method, ...shown, metadata }
  }

  metadata(name: string, value: string | Uint8Array): this {
    const entries = this.outcome.metadata.map((entry) => [entry.name, entry.value.val] as const)
    const found = entries.some(([key, actual]) => key === name.toLowerCase() && show(actual) === show(value))
    if (!found) compare(this.name, [[name, value]], entries)
    return this
  }

  protected compareRefusal(code: Code, message?: string | RegExp): void {
    this.compareSaid()
    const actual = this.shown()
    const said = 'message' in actual ? String(actual.message) : undefined
    compare(this.name, refusal(code, message, said), actual)
  }

  protected compareReply(changes: object, reply: object): void {
    if (typeof changes === 'function') {
      throw new TypeError('end the chain with .then(..., reply) before returning or awaiting it')
    }
    this.compareSaid()
    compare(this.name, { ...changes, reply: this.expectedReply(reply) }, this.shown())
  }

  protected expectedReply(reply: unknown): unknown {
    const { answer } = this.outcome
    const replied = answer.tag === 'ok' && answer.val.tag === 'message'
    if (replied) return normal(this.method, filled(reply, this.reply) as object)
    return reply === anything ? 'any' : reply
  }

  protected compareLater(changes: object, ticket: string, options: LaterOptions | undefined): void {
    this.compareSaid()
    compare(this.name, { ...changes, later: deferred(ticket, options) }, this.shown())
  }

  protected compareForward(changes: object, to: Call): void {
    this.compareSaid()
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
  const expected = effects.map((effect) => wireEffect('call' in effect ? effect : { call: effect, synchronous: false }))
  const came = outcomes.flatMap((outcome) => outcome.effects)
  compare(name, expected.map(shownEffect), came.map(shownEffect))
}

/** Without what it has not. */
function shownEffect({ call, synchronous, due, name, answer, within }: WireEffect): object {
  return {
    ...shownWireCall(call),
    synchronous,
    ...(due.tag === 'at-once' ? {} : { [due.tag]: due.val }),
    ...(name === undefined ? {} : { name }),
    ...(answer === undefined ? {} : { answer: answer.method, note: answer.note }),
    ...(within === undefined ? {} : { within }),
  }
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
