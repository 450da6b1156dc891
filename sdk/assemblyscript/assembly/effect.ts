// Effects: calls that run once a decision is durable, at once or later; and answers to calls that stayed open.
//
// Leaves to others: how a handler says them (context.ts), bytes (lower.ts).

import { Bytes } from './bytes'
import { Call, Code, Header, Refusal, Typed } from './decision'
import { encode, Message } from './message'

/** In milliseconds, as all times of an effect. */
export function seconds(count: i64): i64 {
  return count * 1000
}

export function minutes(count: i64): i64 {
  return count * 60_000
}

export function hours(count: i64): i64 {
  return count * 3_600_000
}

export function days(count: i64): i64 {
  return count * 86_400_000
}

/** When an effect is delivered. The numbers are the contract's (wit/types.wit). */
export const enum Due {
  AtOnce,
  After,
  At,
}

/** A method of a service that hears what a call was answered, and the note that comes back. Made by generated code. */
@final
export class Hearing {
  /** `heard`: the method whose answers it hears, as SERVICE/METHOD. */
  static of(service: string, method: string, heard: string, note: Message | null): Hearing {
    return new Hearing(service, method, heard, note === null ? Bytes.empty() : encode(note))
  }

  constructor(
    readonly service: string,
    readonly method: string,
    readonly heard: string,
    readonly note: Bytes,
  ) {}
}

/** A command that runs once a decision is durable. */
@final
export class Effect {
  __due: Due = Due.AtOnce
  __dueMs: i64 = 0
  __name: string | null = null
  __hearing: Hearing | null = null
  /** 0: no limit. */
  __withinMs: i64 = 0

  constructor(
    readonly call: Call,
    readonly synchronous: bool = false,
  ) {}

  /** Unique within the entity: an effect of this name that is still pending is replaced, and `context.cancel` drops it. */
  named(name: string): this {
    if (name.length == 0) throw new Error('the name of an effect is empty')
    this.__name = name
    return this
  }

  /** Milliseconds, from when it is due, in which the answer must come; then it is a failure. */
  within(ms: i64): this {
    if (ms <= 0) throw new Error('an effect must have more than 0 milliseconds to be answered')
    this.__withinMs = ms
    return this
  }

  /** Due so many milliseconds after the decision. */
  after(ms: i64): this {
    this.__due = Due.After
    this.__dueMs = max<i64>(ms, 0)
    return this
  }

  /** Due at this time, in milliseconds since 1970. */
  at(timeMs: i64): this {
    this.__due = Due.At
    this.__dueMs = max<i64>(timeMs, 0)
    return this
  }

  /** The entity hears what it is answered. */
  heardBy(hearing: Hearing): this {
    const target = this.call.service + '/' + this.call.method
    if (hearing.heard != target)
      throw new Error(`${hearing.service}/${hearing.method} hears what ${hearing.heard} is answered, and not ${target}`)
    this.__hearing = hearing
    return this
  }
}

/** What all who wait for a ticket are answered. Made by a `Ticket`. */
@final
export class Resolution {
  __reply: Bytes = Bytes.empty()
  __refusal: Refusal | null = null
  readonly __headers: Header[] = []

  constructor(
    readonly ticket: string,
    readonly service: string,
    readonly method: string,
  ) {}

  /** Add a detail to the refusal. */
  detail(message: Message): this {
    const refusal = this.__refusal
    if (refusal === null) throw new Error('there is no refusal to add a detail to')
    refusal.details.push(new Typed(message.__typeName(), encode(message)))
    return this
  }

  /** Sent with the answer. `name`: lower case, and not ending in `-bin`. */
  header(name: string, value: string): this {
    this.__headers.push(new Header(name, Bytes.fromText(value), false))
    return this
  }

  /** Bytes that are sent with the answer. `name` ends in `-bin`. */
  headerBytes(name: string, value: Bytes): this {
    this.__headers.push(new Header(name, value, true))
    return this
  }
}

/** A ticket that a command gave, to resolve it. Made by generated code: `ShopTickets.pay('ticket')`. */
@final
export class Ticket<Reply extends Message> {
  constructor(
    private service: string,
    private method: string,
    private name: string,
  ) {}

  reply(reply: Reply): Resolution {
    const resolution = new Resolution(this.name, this.service, this.method)
    resolution.__reply = encode(reply)
    return resolution
  }

  refuse(code: Code, message: string): Resolution {
    const resolution = new Resolution(this.name, this.service, this.method)
    resolution.__refusal = new Refusal(code, message)
    return resolution
  }
}
