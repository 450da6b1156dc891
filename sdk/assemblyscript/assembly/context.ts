// Context: all that a handler may know besides state and request, and how it says what it answers.
//
// C1. Same command, same context: time and chance come with the command and are in the journal.
// C2. One answer: a reply, a refusal, a forward, or a ticket for a reply that comes later. A handler that gives none, or two, traps.
//
// Leaves to others: what changes state (service.ts, value.ts, replicated.ts).

import { Bytes } from './bytes'
import { Metadata } from './command'
import { Call, Code, Decision, Header, Refusal, Typed } from './decision'
import { Effect, Hearing, Resolution } from './effect'
import { decode, encode, Message } from './message'
import { Random } from './random'

/** Four words: where a command's seed lies in a record, it is a pointer to them. */
export const seedBytes: usize = 16

@final
export class Context {
  readonly __decision: Decision = new Decision()
  private chance: Random | null = null

  constructor(
    private key: Bytes,
    private nowMs: f64,
    private seed: usize,
    readonly metadata: Metadata,
  ) {}

  /** The entity's key; empty in an action. */
  get entity(): string {
    return this.key.toString()
  }

  /** Whole milliseconds since 1970, never backwards for an entity. */
  get now(): i64 {
    return <i64>this.nowMs
  }

  /** Decide against it: `return context.refuse<Value>(...)`. What the command changed is dropped, and so are an entity's effects. */
  refuse<T>(code: Code, message: string): T | null {
    this.__decision.refusal = new Refusal(code, message)
    return null
  }

  /** Add a detail to the refusal. */
  detail(message: Message): void {
    const refusal = this.__decision.refusal
    if (refusal === null) throw new Error('there is no refusal to add a detail to')
    refusal.details.push(new Typed(message.__typeName(), encode(message)))
  }

  /** Let another command answer: `return context.forward<Value>(...)`. */
  forward<T>(call: Call): T | null {
    this.__decision.forward = call
    return null
  }

  /** Answer a streamed method of a replicated entity, with a first element or without, and keep the stream open. */
  stream<T>(first: T | null): T | null {
    const decision = this.__decision
    decision.subscribes = true
    if (first === null) decision.silent = true
    return first
  }

  /** Where subscribers are told of a change: the last that this one is told, if anything. */
  end<T>(last: T | null): T | null {
    this.__decision.ends = true
    return last
  }

  /** A command that runs once this decision is durable. The reply waits for a synchronous one. */
  effect(call: Call, synchronous: bool = false): Effect {
    const effect = new Effect(call, synchronous)
    this.__decision.effects.push(effect)
    return effect
  }

  /** A command that runs so many milliseconds after this decision: `context.after(minutes(15), call).named('expiry')`. */
  after(ms: i64, call: Call): Effect {
    return this.effect(call).after(ms)
  }

  /** A command that runs at this time, in milliseconds since 1970. */
  at(timeMs: i64, call: Call): Effect {
    return this.effect(call).at(timeMs)
  }

  /** A command whose outcome this entity hears, as a command of a method of its own: `context.ask(call, ShopHears.charged(note))`. */
  ask(call: Call, hearing: Hearing): Effect {
    return this.effect(call).heardBy(hearing)
  }

  /** Drop the pending effect of this name, if there is one, before the effects of this decision act. Entities only. */
  cancel(name: string): void {
    this.__decision.cancels.push(name)
  }

  /** Answer when a later command resolves the ticket: `return context.later<Receipt>('ticket', hours(1))`. Another caller of the method joins
   *  a ticket that is open. `withinMs`: then callers are answered DEADLINE_EXCEEDED; 0: no such limit. Entities only. */
  later<T>(ticket: string, withinMs: i64 = 0): T | null {
    this.__decision.ticket = ticket
    // Whole seconds, rounded up.
    if (withinMs > 0) this.__decision.withinS = <u32>min<i64>((withinMs - 1) / 1000 + 1, u32.MAX_VALUE)
    return null
  }

  /** Answer all who wait for a ticket: `context.resolve(ShopTickets.pay('ticket').reply(receipt))`. Where it is not open, that does nothing.
   *  Entities only. */
  resolve(resolution: Resolution): void {
    this.__decision.resolves.push(resolution)
  }

  /** A response header. `name`: lower case, and not ending in `-bin`. */
  header(name: string, value: string): void {
    this.__decision.headers.push(new Header(name, Bytes.fromText(value), false))
  }

  /** A response header of bytes. `name` ends in `-bin`. */
  headerBytes(name: string, value: Bytes): void {
    this.__decision.headers.push(new Header(name, value, true))
  }

  /** At least 0, below 1. The sequence starts anew with every command. */
  random(): f64 {
    return this.source().fraction()
  }

  /** Not for secrets. */
  randomBytes(length: i32): Bytes {
    return this.source().bytes(length)
  }

  /** A version 4 UUID. */
  uuid(): string {
    return this.source().uuid()
  }

  /** For generated code: decode the request, or refuse it. */
  __reads(request: Message, payload: Bytes): bool {
    const problem = decode(request, payload)
    if (problem === null) return true
    this.refuse<Message>(Code.InvalidArgument, `the request is no ${request.__typeName()}: ${problem}`)
    return false
  }

  /** For generated code: what the handler returned. */
  __answer(reply: Message | null): void {
    const decision = this.__decision
    let answers = (reply !== null ? 1 : 0) + (decision.refusal !== null ? 1 : 0) + (decision.forward !== null ? 1 : 0)
    answers += (decision.silent ? 1 : 0) + (decision.ticket !== null ? 1 : 0)
    if (answers != 1) throw new Error('a handler gives one of a reply, a refusal, a forward and a ticket')
    if (reply !== null) decision.reply = encode(reply)
  }

  /** For generated code: what a subscriber is told, or null for nothing. */
  __tell(message: Message | null): void {
    if (message !== null) this.__decision.reply = encode(message)
    else if (this.__decision.refusal === null) this.__decision.silent = true
  }

  /** For generated code. */
  __unimplemented(service: string, method: Bytes): void {
    this.refuse<Message>(Code.Unimplemented, `${service} has no method ${method.toString()}`)
  }

  private source(): Random {
    let chance = this.chance
    if (chance === null) this.chance = chance = new Random(this.seed)
    return chance
  }
}
