// Context: all that a handler may know besides state and request, and how it says what it answers.
//
// C1. Same command, same context: time and chance come with the command and are in the journal.
// C2. One answer: a reply, a refusal or a forward. A handler that gives none, or two, traps.
//
// Leaves to others: what changes state (service.ts, value.ts, replicated.ts).

import { Bytes } from './bytes'
import { Metadata } from './command'
import { Call, Code, Decision, Effect, Header, Refusal, Typed } from './decision'
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
  effect(call: Call, synchronous: bool = false): void {
    this.__decision.effects.push(new Effect(call, synchronous))
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
    const answers = (reply !== null ? 1 : 0) + (decision.refusal !== null ? 1 : 0) + (decision.forward !== null ? 1 : 0)
    if (answers + (decision.silent ? 1 : 0) != 1) throw new Error('a handler gives one of a reply, a refusal and a forward')
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
