// Test kit: given(events).when(command).then(events, reply), for any test runner: failures are AssertionErrors.
//
// K1. Runs the code of the component on encoded requests, events and states, so what passes here encodes there too.
// K2. Every `when` checks the laws (laws.ts), freezes what handlers see, and hides the forbidden globals.
// K3. Deterministic: time starts at 2026-01-01T00:00:00Z and moves a second with each command; the seed counts up.

import type { Messages, MessageType, Method, Methods, Tagged } from '../codec/message.ts'
import { messageTypeOf } from '../codec/message.ts'
import type { WireCommand } from '../context.ts'
import type { Call, Code, Effect, MetadataEntry } from '../decision.ts'
import type { DeepReadonly, EventSourced } from '../event-sourced.ts'
import type { WireCall, WireDecision, WireTyped } from '../guest/wire.ts'
import { deepFreeze } from '../state.ts'
import { Laws } from './laws.ts'
import { withoutForbidden } from './purity.ts'
import { difference, show } from './show.ts'

type RequestOf<M> = M extends Method<infer Request, object> ? Request : never
type ReplyOf<M> = M extends Method<object, infer Reply> ? Reply : never
type EventOf<E extends Messages> = {
  [K in keyof E & string]: E[K] extends MessageType<infer T, string> ? Tagged<T, K> : never
}[keyof E & string]

export interface WhenOptions {
  /** Milliseconds since 1970. */
  readonly now?: number
  readonly metadata?: readonly MetadataEntry[]
  readonly seed?: readonly [number, number, number, number]
}

export interface TestKit<M extends Methods, E extends Messages, State> {
  /** An entity with this history. */
  given(events?: readonly EventOf<E>[], entity?: string): Given<M, E, State>
}

export interface Given<M extends Methods, E extends Messages, State> {
  /** The state, folded from everything so far. */
  readonly state: DeepReadonly<State>
  when<K extends keyof M & string>(
    method: K,
    request: RequestOf<M[K]>,
    options?: WhenOptions,
  ): When<M, E, State, ReplyOf<M[K]>>
}

/** What a command came to. Each check answers with the entity after it, for the next `when`. */
export interface When<M extends Methods, E extends Messages, State, Reply> {
  /** Accepted with exactly these events and this reply. */
  then(events: readonly EventOf<E>[], reply: Reply): Given<M, E, State>
  /** Accepted with exactly these events, and forwarded. */
  forwards(events: readonly EventOf<E>[], to: Call): Given<M, E, State>
  /** Refused; the message may be left out, or be a pattern. */
  refuses(code: Code, message?: string | RegExp): Given<M, E, State>
  /** These effects, in order. */
  effects(effects: readonly (Call | Effect)[]): When<M, E, State, Reply>
  /** This entry is among the reply's metadata. */
  metadata(name: string, value: string | Uint8Array): When<M, E, State, Reply>
}

/** The test kit of a service. */
export function testKit<M extends Methods, E extends Messages, State>(
  definition: EventSourced<M, E, State>,
): TestKit<M, E, State> {
  const frozen = freezing(definition as unknown as EventSourced)
  return {
    given(events = [], entity = 'entity') {
      const history = events.map((event) => typed(event))
      return givenHistory(frozen, entity, history, [], history) as unknown as Given<M, E, State>
    },
  }
}

type Outcome = When<Methods, Messages, unknown, object>

const startMs = Date.UTC(2026, 0, 1)

/** Handlers and folds get frozen values and no forbidden globals. */
function freezing(definition: EventSourced): EventSourced {
  const frozen = <F extends (...args: never[]) => unknown>(name: string, work: F): F =>
    ((...args: Parameters<F>) => {
      // State and request or event; the context fills itself in as it is used.
      for (const arg of args.slice(0, 2)) deepFreeze(arg)
      const result = withoutForbidden(() => work(...args))
      if (result instanceof Promise) throw new TypeError(`${name} is async; handlers answer at once`)
      return result
    }) as F
  const all = <F extends (...args: never[]) => unknown>(
    kind: string,
    record: Readonly<Record<string, F>>,
  ): Record<string, F> =>
    Object.fromEntries(Object.entries(record).map(([name, work]) => [name, frozen(`${kind}.${name}`, work)]))
  return { ...definition, decide: all('decide', definition.decide), evolve: all('evolve', definition.evolve) }
}

/** `start`: history before the first `when`. `events`: all by now. */
function givenHistory(
  definition: EventSourced,
  entity: string,
  start: readonly WireTyped[],
  commands: readonly WireCommand[],
  events: readonly WireTyped[],
): Given<Methods, Messages, unknown> {
  const laws = new Laws(definition)
  return {
    get state() {
      return laws.readable(laws.evolve(entity, { tag: 'initial' }, events)) as DeepReadonly<unknown>
    },
    when(key, request, options = {}) {
      const method = definition.service.methods[key]
      if (method === undefined) throw new TypeError(`${definition.service.typeName} has no method ${key}`)
      const next = [...commands, commandOf(method, request, options, commands.length)]
      const { decisions } = laws.decide(entity, start, next)
      const decision = decisions.at(-1)!
      const all = [...events, ...decision.events]
      return new Result(definition, method, decision, () => givenHistory(definition, entity, start, next, all))
    },
  }
}

function commandOf(
  { name, request: type }: Method<object, object>,
  request: object,
  options: WhenOptions,
  index: number,
): WireCommand {
  return {
    method: name,
    payload: type.encode(type(request)),
    metadata: (options.metadata ?? []).map(([key, value]) => ({
      name: key.toLowerCase(),
      value: typeof value === 'string' ? { tag: 'text', val: value } : { tag: 'binary', val: value },
    })),
    nowMs: options.now ?? startMs + index * 1000,
    seed: options.seed ?? [1, 2, 3, index],
  }
}

function typed(event: object): WireTyped {
  const type = messageTypeOf(event)
  if (type === undefined)
    throw new TypeError(`given: ${show(event)} was not made by its message type, such as Added({ ... })`)
  return { typeName: type.typeName, data: type.encode(event) }
}

// K4. A thenable by name only: a test that returns it from an async function would have `then` called with two functions.
class Result implements Outcome {
  private readonly definition: EventSourced
  private readonly method: Method<object, object>
  private readonly decision: WireDecision
  private readonly next: () => Given<Methods, Messages, unknown>

  constructor(
    definition: EventSourced,
    method: Method<object, object>,
    decision: WireDecision,
    next: () => Given<Methods, Messages, unknown>,
  ) {
    this.definition = definition
    this.method = method
    this.decision = decision
    this.next = next
  }

  // biome-ignore lint/suspicious/noThenProperty: see K4
  then(events: readonly object[], reply: object): Given<Methods, Messages, unknown> {
    if (typeof events === 'function')
      throw new TypeError('end the chain with .then(events, reply) before returning or awaiting it')
    const expected = { events: events.map((event) => this.readable(typed(event))), reply: this.normal(reply) }
    this.compare(expected, this.shown())
    return this.next()
  }

  forwards(events: readonly object[], to: Call): Given<Methods, Messages, unknown> {
    this.compare({ events: events.map((event) => this.readable(typed(event))), forward: shownCall(to) }, this.shown())
    return this.next()
  }

  refuses(code: Code, message?: string | RegExp): Given<Methods, Messages, unknown> {
    const actual = this.shown()
    const said = 'message' in actual ? actual.message : undefined
    const matches = message instanceof RegExp && said !== undefined && message.test(said)
    const expected = message === undefined || matches ? said : message instanceof RegExp ? String(message) : message
    this.compare({ refused: code, message: expected ?? 'any message' }, actual)
    return this.next()
  }

  effects(effects: readonly (Call | Effect)[]): this {
    const expected = effects.map((effect) => ('call' in effect ? effect : { call: effect, synchronous: false }))
    const actual = this.decision.outcome.effects
    this.compare(
      expected.map(({ call, synchronous }) => ({ ...shownCall(call), synchronous })),
      actual.map(({ call, synchronous }) => ({ ...shownWireCall(call), synchronous })),
    )
    return this
  }

  metadata(name: string, value: string | Uint8Array): this {
    const entries = this.decision.outcome.metadata.map((entry) => [entry.name, entry.value.val] as const)
    const found = entries.some(([key, actual]) => key === name.toLowerCase() && show(actual) === show(value))
    if (!found) this.compare([[name, value]], entries)
    return this
  }

  private shown():
    | { events: unknown[]; reply: unknown }
    | { events: unknown[]; forward: unknown }
    | { refused: string; message: string } {
    const { events, outcome } = this.decision
    if (outcome.answer.tag === 'err') {
      const { code, message } = outcome.answer.val
      return { refused: code.toUpperCase().replaceAll('-', '_'), message }
    }
    const reply = outcome.answer.val
    const readable = events.map((event) => this.readable(event))
    if (reply.tag === 'forward') return { events: readable, forward: shownWireCall(reply.val) }
    return { events: readable, reply: this.method.reply.decode(reply.val) }
  }

  private readable({ typeName, data }: WireTyped): unknown {
    for (const [name, type] of Object.entries(this.definition.service.messages)) {
      if (type.typeName === typeName) return { [name]: type.decode(data) }
    }
    return { [typeName]: data }
  }

  private normal(reply: object): object {
    return this.method.reply.decode(this.method.reply.encode(reply))
  }

  private compare(expected: unknown, actual: unknown): void {
    const [wanted, got] = [show(expected), show(actual)]
    if (wanted === got) return
    throw assertionError(
      `${this.definition.service.typeName}/${this.method.name} decided otherwise\n${difference(wanted, got)}`,
      expected,
      actual,
    )
  }
}

/** What every test runner shows as a failed assertion, without importing `node:assert`, which not every runner has. */
function assertionError(message: string, expected: unknown, actual: unknown): Error {
  const error = Object.assign(new Error(message), { code: 'ERR_ASSERTION', expected, actual, operator: 'then' })
  error.name = 'AssertionError'
  return error
}

function shownCall({ service, method, payload, metadata }: Call): object {
  return { service, method, payload, metadata }
}

function shownWireCall({ service, method, payload, metadata }: WireCall): object {
  return { service, method, payload, metadata: metadata.map(({ name, value }) => [name, value.val]) }
}
