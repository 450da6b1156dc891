// Together: several services without a host. A command's effects and forwards reach the others, as a host brings them.
//
//   const shop = together([new Carts(), new Orders()])
//   shop.call(new Call('shop.v1.Orders', 'Place', order)).replies(placed)
//
// G1. Each service runs in its own kit, so each command is checked for what that checks.
// G2. In the order of a host that does one thing at a time: what a command changes, its effects and all that comes of them, its
//     answer. Effects that nobody waits for run, too: once `call` answers, nothing is left to do.
// G3. A refused effect, or one that forgets its key, does not fail the command that caused it: a host parks it.
//
// Leaves to others: streams, whose methods are not called here (testing.ts).

import { Action } from './action'
import { Bytes } from './bytes'
import { Call, Code, Decision, Refusal } from './decision'
import { EventSourcedService } from './event-sourced'
import { Message } from './message'
import { ReplicatedService } from './replicated'
import { Kind, Service } from './service'
import { Answered, decidedByAction, GivenEvents, GivenReplicated, GivenValue, sameCall } from './testing'
import { keyOf, methodNamed, Naming } from './testing-key'
import { ValueService } from './value'

/** As many as a host follows. */
const hopsMax: i32 = 16

/** Services that call each other. Entities begin with nothing. */
export function together(services: Service[]): Together {
  return new Together(services)
}

/** An effect whose target refused it. */
@final
export class Parked {
  constructor(
    readonly call: Call,
    readonly code: Code,
    readonly message: string,
  ) {}
}

export class Together {
  /** Effects on services that are not here, in order. */
  readonly outside: Call[] = []
  /** Effects that were refused, in order. */
  readonly parked: Parked[] = []
  private members: Map<string, Service> = new Map()
  /** Those that a command has reached, by service and key. */
  private events: Map<string, GivenEvents> = new Map()
  private values: Map<string, GivenValue> = new Map()
  private replicas: Map<string, GivenReplicated> = new Map()

  constructor(services: Service[]) {
    for (let i = 0; i < services.length; i++) {
      const name = services[i].__name()
      if (this.members.has(name)) throw new Error(`${name} is here twice`)
      this.members.set(name, services[i])
    }
  }

  /** A caller's command; it and all that comes of it is done when this answers. */
  call(call: Call): Came {
    const key = keyOf(this.member(call), call.method, call.payload)
    if (key !== null && key.forgotten !== null) throw new Error(key.forgotten!)
    return new Came(new Answered(`${call.service}/${call.method}`, this.run(call, 0)))
  }

  /** Effects on services that are not here are exactly these, in order. */
  leaves(calls: Call[]): this {
    if (this.outside.length != calls.length)
      throw new Error(`${this.outside.length} effects are outside, expected ${calls.length}`)
    for (let i = 0; i < calls.length; i++) sameCall(`effect ${i} outside`, this.outside[i], calls[i])
    return this
  }

  /** Effects that were refused are exactly these, in order. */
  parks(calls: Call[]): this {
    if (this.parked.length != calls.length)
      throw new Error(`${this.parked.length} effects are parked, expected ${calls.length}`)
    for (let i = 0; i < calls.length; i++) sameCall(`parked effect ${i}`, this.parked[i].call, calls[i])
    return this
  }

  private member(call: Call): Service {
    if (!this.members.has(call.service)) throw new Error(`${call.service} is not here: give it to together()`)
    return this.members.get(call.service)
  }

  private run(call: Call, hops: i32): Decision {
    const service = this.member(call)
    const name = `${call.service}/${call.method}`
    const method = methodNamed(service, call.method)
    if (method === null) throw new Error(`${call.service} has no method ${call.method}`)
    if (method.streams) throw new Error(`${name} streams: test it by the kit of its kind`)
    if (hops > hopsMax) throw new Error(`${name} is the last of ${hops} hops, too many`)
    const decision = this.decide(service, call)
    for (let i = 0; i < decision.effects.length; i++) this.effect(decision.effects[i].call, hops + 1)
    const forward = decision.forward
    return decision.refusal === null && forward !== null ? this.run(forward, hops + 1) : decision
  }

  private effect(call: Call, hops: i32): void {
    if (!this.members.has(call.service)) {
      this.outside.push(call)
      return
    }
    const refusal = this.run(call, hops).refusal
    if (refusal !== null) this.parked.push(new Parked(call, refusal.code, refusal.message))
  }

  private decide(service: Service, call: Call): Decision {
    const kind = service.__kind()
    if (kind == Kind.Action) return decidedByAction(service as Action, call.method, call.payload)
    const key = keyOf(service, call.method, call.payload)
    if (key === null) throw new Error(`${call.service}/${call.method} names no entity`)
    const forgotten = key.forgotten
    if (forgotten !== null) return refused(Code.InvalidArgument, forgotten)
    const naming = new Naming(key.text, null)
    // No name of a service has a space.
    const at = `${call.service} ${key.text}`
    if (kind == Kind.EventSourced) {
      const when = (
        this.events.has(at)
          ? this.events.get(at)
          : GivenEvents.__new(service as EventSourcedService, naming)
      ).__when(call.method, call.payload)
      this.events.set(at, when.__next())
      return when.__decision
    }
    if (kind == Kind.Value) {
      const when = (
        this.values.has(at) ? this.values.get(at) : new GivenValue(service as ValueService, null, naming)
      ).__when(call.method, call.payload)
      this.values.set(at, when.__next())
      return when.__decision
    }
    const given = this.replicas.has(at)
      ? this.replicas.get(at)
      : new GivenReplicated(service as ReplicatedService, Bytes.empty(), naming)
    if (given.__deleted) return refused(Code.NotFound, 'Entity deleted')
    const when = given.__when(call.method, call.payload)
    this.replicas.set(at, when.__next())
    return when.__decision
  }
}

function refused(code: Code, message: string): Decision {
  const decision = new Decision()
  decision.refusal = new Refusal(code, message)
  return decision
}

/** What a caller got. */
export class Came {
  constructor(private answered: Answered) {}

  /** The reply, to look at and to go on with: `read<Value>()`. */
  read<T extends Message>(): T {
    return this.answered.read<T>()
  }

  replies(reply: Message): void {
    this.answered.reply(reply)
  }

  /** `message`: '' for any. */
  refuses(code: Code, message: string = ''): void {
    this.answered.refused(code, message)
  }

  header(name: string, value: string): this {
    this.answered.header(name, value)
    return this
  }
}
