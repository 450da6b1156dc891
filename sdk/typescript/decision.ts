// Decisions: what a handler answers to a command.
//
// D1. A reply or a forward is compulsory: `accept()` alone does not type-check as an answer.
// D2. A refusal is a value. It carries no events and no effects, so they cannot be lost by accident.
//
// Leaves to others: encoding (guest/decide.ts), laws (the host).

import type { MessageType, Method, Methods, ServiceType, Tagged } from './codec/message.ts'

export const codes = [
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

/** Name of a google.rpc.Code. */
export type Code = (typeof codes)[number]

/** Names are lower case; names that end in `-bin` have bytes. In order, duplicates allowed. */
export type MetadataEntry = readonly [name: string, value: string | Uint8Array]

/** A command for another service. Made by `call`. */
export interface Call {
  readonly service: string
  readonly method: string
  readonly payload: Uint8Array
  readonly metadata: readonly MetadataEntry[]
}

export interface Effect {
  readonly call: Call
  readonly synchronous: boolean
}

/** Any message that was made by its type. */
export type AnyTagged = Tagged<object, string>

/** The short name of a message: what `evolve` calls its event. */
export type NameOf<T> = T extends Tagged<object, infer Name> ? Name : never

declare const answers: unique symbol

/** Accepted, and answered. `Event` is the names of the events, `Reply` the message replied, `State` what a computed reply looks at. */
export interface Accepted<Event extends string, Reply, State> {
  readonly [answers]: { readonly event: Event; readonly reply: (after: State) => Reply }
  /** A command that runs once this decision is durable; its answer is thrown away. */
  effect(call: Call, options?: EffectOptions): Accepted<Event, Reply, State>
  /** Sent with the reply, as a response header. */
  metadata(name: string, value: string | Uint8Array): Accepted<Event, Reply, State>
}

export interface EffectOptions {
  /** The caller's reply waits until the effect has ended. */
  readonly synchronous?: boolean
}

// An unannotated `after` cannot be inferred: a method call has no contextual type. `any` is only the fallback; an
// annotation is checked against the service's state, and the reply against the method either way.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Unannotated = any

/** Accepted, without an answer yet. */
export interface Accepting<Event extends string> {
  effect(call: Call, options?: EffectOptions): Accepting<Event>
  metadata(name: string, value: string | Uint8Array): Accepting<Event>
  /** Answer with a message, or with one made from the state after the events. */
  reply<Reply extends object, State = Unannotated>(compute: (after: State) => Reply): Accepted<Event, Reply, State>
  reply<Reply extends object>(reply: Reply): Accepted<Event, Reply, unknown>
  /** Let another command answer. */
  forward(call: Call): Accepted<Event, never, unknown>
}

export interface Refused {
  readonly code: Code
  readonly message: string
}

/** Accept the command. The events, in order, become history once the decision is durable. */
export function accept<Events extends readonly AnyTagged[]>(...events: Events): Accepting<NameOf<Events[number]>> {
  return new Acceptance(events) as unknown as Accepting<NameOf<Events[number]>>
}

export interface RefuseOptions {
  /** Messages that say more, for programs; they reach the caller as google.rpc.Status details. */
  readonly details?: readonly AnyTagged[]
  readonly metadata?: readonly MetadataEntry[]
}

/** Refuse the command. The message reaches the caller as it is. */
export function refuse(code: Code, message: string, options: RefuseOptions = {}): Refused {
  return new Refusal(code, message, options.details ?? [], options.metadata ?? [])
}

type RequestOf<M> = M extends Method<infer Request, object> ? Request : never

/** A command for a method of another service, to forward to or as an effect. */
export function call<M extends Methods, K extends keyof M & string>(
  service: ServiceType<M>,
  method: K,
  request: RequestOf<M[K]>,
  metadata: readonly MetadataEntry[] = [],
): Call {
  const target = service.methods[method]
  if (target === undefined) throw new TypeError(`${service.typeName} has no method ${method}`)
  const type = target.request as MessageType<object>
  return { service: service.typeName, method: target.name, payload: type.encode(request), metadata }
}

type Answer =
  | { readonly kind: 'due' }
  | { readonly kind: 'reply'; readonly reply: object | ((after: unknown) => object) }
  | { readonly kind: 'forward'; readonly call: Call }

const due: Answer = { kind: 'due' }

/** What `accept` makes: one object, filled in by the chain. */
export class Acceptance {
  readonly events: readonly AnyTagged[]
  readonly effects: Effect[] = []
  readonly headers: MetadataEntry[] = []
  answer: Answer = due

  constructor(events: readonly AnyTagged[]) {
    this.events = events
  }

  effect(target: Call, options: EffectOptions = {}): this {
    this.effects.push({ call: target, synchronous: options.synchronous === true })
    return this
  }

  metadata(name: string, value: string | Uint8Array): this {
    this.headers.push(checkedEntry(name, value))
    return this
  }

  reply(reply: object | ((after: unknown) => object)): this {
    this.answer = { kind: 'reply', reply }
    return this
  }

  forward(target: Call): this {
    this.answer = { kind: 'forward', call: target }
    return this
  }
}

export class Refusal implements Refused {
  readonly code: Code
  readonly message: string
  readonly details: readonly AnyTagged[]
  readonly headers: readonly MetadataEntry[]

  constructor(code: Code, message: string, details: readonly AnyTagged[], headers: readonly MetadataEntry[]) {
    if (!codes.includes(code))
      throw new RangeError(`refuse: ${String(code)} is no code; the codes are ${codes.join(', ')}`)
    this.code = code
    this.message = message
    this.details = details
    this.headers = headers.map(([name, value]) => checkedEntry(name, value))
  }
}

function checkedEntry(name: string, value: string | Uint8Array): MetadataEntry {
  const lower = name.toLowerCase()
  if (lower.endsWith('-bin') === (typeof value === 'string')) {
    throw new TypeError(`metadata ${lower}: names that end in -bin take bytes, all others text`)
  }
  return [lower, value]
}
