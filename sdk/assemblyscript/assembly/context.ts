// Context: all that a handler may know besides state and request, and how it says what it decides.
//
// C1. An event is encoded, then folded into the state, at once: what follows sees the state after it.
// C2. Same command, same context: time and chance come with the command and are in the journal.
// C3. One answer: a reply, a refusal or a forward. A handler that gives none, or two, traps.

import { Bytes } from './bytes'
import { Command, Metadata } from './command'
import { Call, Code, Decision, Effect, Header, Refusal, Typed } from './decision'
import { decode, encode, Message } from './message'
import { Random } from './random'
import { Service } from './service'

@final
export class Context {
  readonly __decision: Decision = new Decision()
  private chance: Random | null = null

  constructor(
    private service: Service,
    private key: Bytes,
    private command: Command,
  ) {}

  /** The entity's key. */
  get entity(): string {
    return this.key.toString()
  }

  /** Whole milliseconds since 1970, never backwards for an entity. */
  get now(): i64 {
    return <i64>this.command.nowMs
  }

  get metadata(): Metadata {
    return this.command.metadata
  }

  /** An event of this command: `context.emit(Added.of(amount))`. The service's `on...` for it runs before this returns. */
  emit(event: Message): void {
    const data = encode(event)
    this.__decision.events.push(new Typed(event.__typeName(), data))
    this.service.__apply(event)
  }

  /** Decide against it: `return context.refuse<Value>(...)`. Events and effects of this command are dropped. */
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

  /** A command that runs once this decision is durable. The reply waits for a synchronous one. */
  effect(call: Call, synchronous: bool = false): void {
    this.__decision.effects.push(new Effect(call, synchronous))
  }

  /** A response header. `name`: lower case. */
  header(name: string, value: string): void {
    this.__decision.headers.push(new Header(name, value))
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
  __reads(request: Message): bool {
    const problem = decode(request, this.command.payload)
    if (problem === null) return true
    this.refuse<Message>(Code.InvalidArgument, `the request is no ${request.__typeName()}: ${problem}`)
    return false
  }

  /** For generated code: what the handler returned. */
  __answer(reply: Message | null): void {
    const decision = this.__decision
    const answers = (reply !== null ? 1 : 0) + (decision.refusal !== null ? 1 : 0) + (decision.forward !== null ? 1 : 0)
    if (answers != 1) throw new Error('a handler gives one of a reply, a refusal and a forward')
    if (reply !== null) decision.reply = encode(reply)
  }

  /** For generated code. */
  __unimplemented(service: string): void {
    this.refuse<Message>(Code.Unimplemented, `${service} has no method ${this.command.method.toString()}`)
  }

  private source(): Random {
    let chance = this.chance
    if (chance === null) this.chance = chance = new Random(this.command.seed)
    return chance
  }
}
