// Decisions: what a handler answers to a command.
//
// D1. A reply or a forward is compulsory: `accept()` alone does not type-check as an answer.
// D2. A refusal is a value. It carries no changes, so they cannot be lost by accident; effects only where they run: in actions.
//
// The same words for every kind of service. What a decision may change is a type parameter: events, operations, a value.
//
// Leaves to others: encoding (guest/outcome.ts), laws (the host).

import { type Code, codes } from './codec/codes.ts'
import type { Init, MessageType, Methods, RequestOf, ServiceType, Tagged } from './codec/message.ts'
import type { Operation } from './crdt/operation.ts'
import type { Deferred, Effect, Resolution } from './effect.ts'
import { asked, cancelled, checkedText, deferred, effectAfter, effectAt, effectOf, resolution } from './effect.ts'
import type { AnswersLater, AsksWith, CancelsEffects, NamesEffects, ResolvesWith } from './said.ts'

/** Names are lower case; names that end in `-bin` have bytes. In order, duplicates allowed. */
export type MetadataEntry = readonly [name: string, value: string | Uint8Array]

/** A command for another service. Made by `call`. */
export interface Call {
  readonly service: string
  readonly method: string
  readonly payload: Uint8Array
  readonly metadata: readonly MetadataEntry[]
}

export type { Deferred, Effect, Resolution }

/** Any message that was made by its type. */
export type AnyTagged = Tagged<object, string>

/** The short name of a message: what `evolve` calls its event. */
type NameOf<T> = T extends Tagged<object, infer Name> ? Name : never

/** What `accept` is given: an event counts by its name. */
type ChangeOf<T> = T extends Operation ? Operation : NameOf<T>

/** Change: a value takes another's place. */
export interface Updated<Value> {
  readonly updated: Value
}

/** Change: a value, or a replicated entity, is gone. */
export interface Removed {
  readonly removed: true
}

declare const answers: unique symbol
declare const streams: unique symbol
declare const changes: unique symbol
declare const updates: unique symbol
declare const says: unique symbol
declare const effectful: unique symbol

/** Accepted, and answered. `Change` is what it changes, `Reply` the message replied, `State` what a computed reply looks at, `Says` what else
 *  is said that not every service can (said.ts). */
export interface Accepted<Change, Reply, State, Says = never> {
  readonly [answers]: { readonly change: Change; readonly reply: (after: State) => Reply; readonly says: Says }
  /** A command that runs once this decision is durable; its answer is thrown away. */
  effect(call: Call, options?: EffectOptions): Accepted<Change, Reply, State, Says>
  effect(call: Call, options: EffectOptions & NameOption): Accepted<Change, Reply, State, Says | NamesEffects>
  /** An effect that is due so many milliseconds after the commit. */
  after(ms: number, call: Call, options?: DueOptions): Accepted<Change, Reply, State, Says>
  after(ms: number, call: Call, options: DueOptions & NameOption): Accepted<Change, Reply, State, Says | NamesEffects>
  /** An effect that is due at this time, in milliseconds since 1970. */
  at(timeMs: number, call: Call, options?: DueOptions): Accepted<Change, Reply, State, Says>
  at(timeMs: number, call: Call, options: DueOptions & NameOption): Accepted<Change, Reply, State, Says | NamesEffects>
  /** An effect whose answer the entity hears: as a command of this method, with the note as it was given. */
  ask<Key extends string, Note extends AnyTagged | undefined = undefined>(
    call: Call,
    method: Key,
    note?: Note,
    options?: AskOptions,
  ): Accepted<Change, Reply, State, Says | AsksWith<Key, Note>>
  /** Drops the pending effects of these names, before the effects of this answer. */
  cancel(...names: readonly string[]): Accepted<Change, Reply, State, Says | CancelsEffects>
  /** Answers all who wait for the ticket since this method said `later`: a reply of that method, or `refuse(...)`. */
  resolve<Key extends string, const Answer extends object>(
    ticket: string,
    method: Key,
    answer: Answer,
  ): Accepted<Change, Reply, State, Says | ResolvesWith<Key, Answer>>
  /** Sent with the reply, as a response header. */
  metadata(name: string, value: string | Uint8Array): Accepted<Change, Reply, State, Says>
}

/** Accepted, and the stream stays open: its subscriber is told of changes. */
export interface Streamed<Change, Reply, State, Says = never> {
  readonly [streams]: { readonly change: Change; readonly reply: (after: State) => Reply; readonly says: Says }
  effect(call: Call, options?: EffectOptions): Streamed<Change, Reply, State, Says>
  after(ms: number, call: Call, options?: DueOptions): Streamed<Change, Reply, State, Says>
  at(timeMs: number, call: Call, options?: DueOptions): Streamed<Change, Reply, State, Says>
  metadata(name: string, value: string | Uint8Array): Streamed<Change, Reply, State, Says>
}

export interface DueOptions {
  /** Milliseconds in which the effect must be answered, from when it is due; after that it has failed. */
  readonly within?: number
}

export interface EffectOptions extends DueOptions {
  /** The caller's reply waits until the effect has ended. */
  readonly synchronous?: boolean
}

export interface NameOption {
  /** Unique within the entity: an effect of this name that is still pending is replaced, and `cancel` drops it. */
  readonly name?: string
}

/** Due at once, `after` so many milliseconds, or `at` a time in milliseconds since 1970. */
export type AskOptions = DueOptions &
  NameOption &
  ({ readonly after?: number; readonly at?: never } | { readonly after?: never; readonly at?: number })

export interface LaterOptions {
  /** Milliseconds after which the caller is answered DEADLINE_EXCEEDED; whole seconds are sent, rounded up. */
  readonly within?: number
}

/** How far a change of a replicated entity must be written before its answer: on this host, on most that have the entity, on all.
 *  A host that is alone meets each of them by its own commit. */
export type Consistency = 'local' | 'majority' | 'all'

type ChangeIn<Chain> = Chain extends { readonly [changes]: infer Change } ? Change : never
type SaidIn<Chain> = Chain extends { readonly [says]: infer Says } ? Says : never

/** The chain, which has also said this. */
type Saying<Chain, More> =
  Chain extends Updating<infer Value, infer Says>
    ? Updating<Value, Says | More>
    : Chain extends Accepting<infer Change, infer Says>
      ? Accepting<Change, Says | More>
      : never

// `this` is a type parameter, so that one signature serves each change: a choice of `update` and `remove` is a chain, too.
//
// `after` is inferred from the place where the decision is returned. In a function inside of that there is no such place: it is unknown
// there, and an author annotates it. What the annotation says is checked against the service's state either way.
interface Chained {
  /** A command that runs once this decision is durable; its answer is thrown away. */
  effect(call: Call, options?: EffectOptions): this
  effect<This extends Chained>(this: This, call: Call, options: EffectOptions & NameOption): Saying<This, NamesEffects>
  /** An effect that is due so many milliseconds after the commit. */
  after(ms: number, call: Call, options?: DueOptions): this
  after<This extends Chained>(
    this: This,
    ms: number,
    call: Call,
    options: DueOptions & NameOption,
  ): Saying<This, NamesEffects>
  /** An effect that is due at this time, in milliseconds since 1970. */
  at(timeMs: number, call: Call, options?: DueOptions): this
  at<This extends Chained>(
    this: This,
    timeMs: number,
    call: Call,
    options: DueOptions & NameOption,
  ): Saying<This, NamesEffects>
  /** An effect whose answer the entity hears: as a command of this method, with the note as it was given. */
  ask<This extends Chained, Key extends string, Note extends AnyTagged | undefined = undefined>(
    this: This,
    call: Call,
    method: Key,
    note?: Note,
    options?: AskOptions,
  ): Saying<This, AsksWith<Key, Note>>
  /** Drops the pending effects of these names, before the effects of this answer. */
  cancel<This extends Chained>(this: This, ...names: readonly string[]): Saying<This, CancelsEffects>
  /** Answers all who wait for the ticket since this method said `later`: a reply of that method, or `refuse(...)`. */
  resolve<This extends Chained, Key extends string, const Answer extends object>(
    this: This,
    ticket: string,
    method: Key,
    answer: Answer,
  ): Saying<This, ResolvesWith<Key, Answer>>
  /** Sent with the reply, as a response header. */
  metadata(name: string, value: string | Uint8Array): this
  /** Of a replicated entity. Default: `local`. */
  consistency<This extends Chained>(
    this: This,
    consistency: Consistency,
  ): Accepting<ChangeIn<This> | Operation, SaidIn<This>>
  /** Answer with a message, or with one made from what the changes leave. */
  reply<Value, Says, Reply extends object>(
    this: Updating<Value, Says>,
    compute: (after: Value) => Reply,
  ): Accepted<Updated<Value>, Reply, unknown, Says>
  reply<This extends Chained, Reply extends object, State = unknown>(
    this: This,
    compute: (after: State) => Reply,
  ): Accepted<ChangeIn<This>, Reply, State, SaidIn<This>>
  reply<This extends Chained, Reply extends object>(
    this: This,
    reply: Reply,
  ): Accepted<ChangeIn<This>, Reply, unknown, SaidIn<This>>
  /** Let another command answer. */
  forward<This extends Chained>(this: This, call: Call): Accepted<ChangeIn<This>, never, unknown, SaidIn<This>>
  /** The caller waits, and another caller of this method can join it, until a later command of the entity resolves the ticket. */
  later<This extends Chained>(
    this: This,
    ticket: string,
    options?: LaterOptions,
  ): Accepted<ChangeIn<This>, never, unknown, SaidIn<This> | AnswersLater>
  /** Answer a streamed method of a replicated entity, with a first element or without, and keep the stream open. */
  stream<This extends Chained, Reply extends object, State = unknown>(
    this: This,
    compute: (after: State) => Reply,
  ): Streamed<ChangeIn<This>, Reply, State, SaidIn<This>>
  stream<This extends Chained, Reply extends object>(
    this: This,
    first: Reply,
  ): Streamed<ChangeIn<This>, Reply, unknown, SaidIn<This>>
  stream<This extends Chained>(this: This): Streamed<ChangeIn<This>, never, unknown, SaidIn<This>>
}

/** Accepted with a new value: `after` is that value. */
interface Updating<Value, Says = never> extends Accepting<Updated<Value>, Says> {
  readonly [updates]: Value
}

/** Accepted, without an answer yet: what `accept`, `update` and `remove` begin. */
export interface Accepting<Change, Says = never> extends Chained {
  readonly [changes]: Change
  readonly [says]: Says
}

/** The effects of an action run although it refuses; an entity's refusal has none. */
interface RefusedEffects {
  effect(call: Call, options?: EffectOptions): RefusedWithEffects
  after(ms: number, call: Call, options?: DueOptions): RefusedWithEffects
  at(timeMs: number, call: Call, options?: DueOptions): RefusedWithEffects
}

export interface Refused extends RefusedEffects {
  readonly [effectful]: false
  readonly code: Code
  readonly message: string
}

/** An action's. */
export interface RefusedWithEffects extends RefusedEffects {
  readonly [effectful]: true
  readonly code: Code
  readonly message: string
}

/** Accept the command, with what it changes, in order: events (of an event-sourced entity), operations (of a replicated one). */
export function accept<Changes extends readonly (AnyTagged | Operation)[]>(
  ...changes: Changes
): Accepting<ChangeOf<Changes[number]>> {
  return new Acceptance(changes, kept) as unknown as Accepting<ChangeOf<Changes[number]>>
}

/** Accept the command; the value of the entity is this one from now on. */
export function update<const Value>(value: Value): Updating<Value> {
  return new Acceptance(noChanges, value) as unknown as Updating<Value>
}

/** Accept the command, and delete: the value, which may be set again, or a replicated entity, for good. Operations of a replicated
 *  entity come first: the reply and its subscribers still see them. */
export function remove(): Accepting<Removed>
export function remove(...operations: readonly Operation[]): Accepting<Operation | Removed>
export function remove(...operations: readonly Operation[]): Accepting<Operation | Removed> {
  return new Acceptance(operations, removed) as unknown as Accepting<Operation | Removed>
}

export interface RefuseOptions {
  /** Messages that say more, for programs; they reach the caller as google.rpc.Status details. */
  readonly details?: readonly AnyTagged[]
  readonly metadata?: readonly MetadataEntry[]
}

/** Refuse the command, with the name of a google.rpc.Code or its number, 1 to 16. The message reaches the caller as it is. */
export function refuse(code: Code | number, message: string, options: RefuseOptions = {}): Refused {
  return new Refusal(codeOf(code), message, options.details ?? [], options.metadata ?? []) as unknown as Refused
}

/** @throws RangeError for what is no code; OK is none. */
function codeOf(code: Code | number): Code {
  const named = typeof code === 'number' ? codes[code - 1] : code
  if (named !== undefined && codes.includes(named)) return named
  throw new RangeError(`refuse: ${String(code)} is no code; the codes are 1 to ${codes.length}: ${codes.join(', ')}`)
}

/** A handler behind a check: where `check` refuses, `handler` is not asked. Both get what a handler gets, in an action `request` and
 *  `context`. */
export function guard<A, B, C, Answer>(
  check: (state: NoInfer<A>, request: NoInfer<B>, context: NoInfer<C>) => Refused | undefined,
  handler: (state: A, request: B, context: C) => Answer,
): (state: A, request: B, context?: C) => Answer | Refused {
  return (...given) => check(...(given as [A, B, C])) ?? handler(...(given as [A, B, C]))
}

/** A command for a method of another service, to forward to or as an effect. Fields that are left out have their default. */
export function call<M extends Methods, K extends keyof M & string>(
  service: ServiceType<M>,
  method: K,
  request: Init<RequestOf<M[K]>>,
  metadata: readonly MetadataEntry[] = [],
): Call {
  const target = service.methods[method]
  if (target === undefined) throw new TypeError(`${service.typeName} has no method ${method}`)
  const type = target.request as MessageType<object>
  return {
    service: service.typeName,
    method: target.name,
    payload: type.encode(type(request)),
    metadata: metadata.length === 0 ? metadata : metadata.map(([name, value]) => checkedEntry(name, value)),
  }
}

type Computed = object | ((after: unknown) => object)

type Answer =
  | { readonly kind: 'due' }
  | { readonly kind: 'reply'; readonly reply: Computed }
  | { readonly kind: 'forward'; readonly call: Call }
  | { readonly kind: 'stream'; readonly reply: Computed | undefined }
  | { readonly kind: 'later'; readonly deferred: Deferred }

const due: Answer = { kind: 'due' }
const noChanges: readonly never[] = []

/** In place of a value: the one that is there stays, or goes. */
export const kept: unique symbol = Symbol('kept')
export const removed: unique symbol = Symbol('removed')

/** What `accept`, `update` and `remove` make: one object, filled in by the chain. */
export class Acceptance {
  readonly changes: readonly (AnyTagged | Operation)[]
  /** The new value, `kept` or `removed`. */
  readonly value: unknown
  readonly effects: Effect[] = []
  readonly headers: MetadataEntry[] = []
  readonly cancels: string[] = []
  readonly resolves: Resolution[] = []
  written: Consistency = 'local'
  answer: Answer = due

  constructor(changes: readonly (AnyTagged | Operation)[], value: unknown) {
    this.changes = changes
    this.value = value
  }

  effect(target: Call, options?: EffectOptions & NameOption): this {
    this.effects.push(effectOf(target, options))
    return this
  }

  after(ms: number, target: Call, options?: DueOptions & NameOption): this {
    this.effects.push(effectAfter(ms, target, options))
    return this
  }

  at(timeMs: number, target: Call, options?: DueOptions & NameOption): this {
    this.effects.push(effectAt(timeMs, target, options))
    return this
  }

  ask(target: Call, method: string, note?: AnyTagged, options?: AskOptions): this {
    this.effects.push(asked(target, method, note, options))
    return this
  }

  cancel(...names: readonly string[]): this {
    this.cancels.push(...cancelled(...names))
    return this
  }

  resolve(ticket: string, method: string, answer: object): this {
    this.resolves.push(resolution(ticket, method, answer))
    return this
  }

  later(ticket: string, options?: LaterOptions): this {
    this.answer = { kind: 'later', deferred: deferred(ticket, options) }
    return this
  }

  metadata(name: string, value: string | Uint8Array): this {
    this.headers.push(checkedEntry(name, value))
    return this
  }

  consistency(consistency: Consistency): this {
    this.written = checkedConsistency(consistency)
    return this
  }

  reply(reply: Computed): this {
    this.answer = { kind: 'reply', reply }
    return this
  }

  forward(target: Call): this {
    this.answer = { kind: 'forward', call: target }
    return this
  }

  stream(first?: Computed): this {
    this.answer = { kind: 'stream', reply: first }
    return this
  }
}

export class Refusal {
  readonly code: Code
  readonly message: string
  readonly details: readonly AnyTagged[]
  readonly headers: readonly MetadataEntry[]
  readonly effects: readonly Effect[]

  constructor(
    code: Code,
    message: string,
    details: readonly AnyTagged[] = noChanges,
    headers: readonly MetadataEntry[] = noChanges,
    effects: readonly Effect[] = noChanges,
  ) {
    this.code = code
    this.message = checkedText('the message of a refusal', message)
    this.details = details
    this.headers = headers.map(([name, value]) => checkedEntry(name, value))
    this.effects = effects
  }

  /** Another refusal: one that is kept in a constant must not gather effects. */
  effect(target: Call, options?: EffectOptions): Refusal {
    return this.with(effectOf(target, options))
  }

  after(ms: number, target: Call, options?: DueOptions): Refusal {
    return this.with(effectAfter(ms, target, options))
  }

  at(timeMs: number, target: Call, options?: DueOptions): Refusal {
    return this.with(effectAt(timeMs, target, options))
  }

  private with(effect: Effect): Refusal {
    return new Refusal(this.code, this.message, this.details, this.headers, [...this.effects, effect])
  }
}

/** In the order of their numbers in innkeeper.crdt.v1.Consistency. */
export const consistencies: readonly Consistency[] = ['local', 'majority', 'all']

function checkedConsistency(consistency: Consistency): Consistency {
  if (consistencies.includes(consistency)) return consistency
  throw new RangeError(`consistency: ${String(consistency)} is none of ${consistencies.join(', ')}`)
}

/** Metadata as it is sent: the name in lower case. @throws TypeError, RangeError for what cannot be. */
export function checkedEntry(name: string, value: string | Uint8Array): MetadataEntry {
  const lower = name.toLowerCase()
  if (lower.endsWith('-bin') === (typeof value === 'string')) {
    throw new TypeError(`metadata ${lower}: names that end in -bin take bytes, all others text`)
  }
  return [lower, typeof value === 'string' ? checkedText(`metadata ${lower}`, value) : value]
}
