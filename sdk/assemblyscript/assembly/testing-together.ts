// Together: several services without a host. A command's effects and forwards reach the others, as a host brings them.
//
//   const shop = together([new Carts(), new Orders()])
//   shop.call(new Call('shop.v1.Orders', 'Place', order)).replies(placed)
//
// G1. Each service runs in its own kit, so each command is checked for what that checks.
// G2. In the order of a host that does one thing at a time: what a command changes, its effects and all that comes of them, its
//     answer. Effects that nobody waits for run, too: once `call` answers, nothing that is due is left to do.
// G3. A refused effect, or one that forgets its key, does not fail the command that caused it: a host parks it. An ask is not parked: its
//     entity hears the refusal.
// G4. Time stands still but for `turn`, which brings effects that are due later in the order of their time. An ask within a time has failed
//     when `turn` goes past it, also if its target has deferred the reply: the ticket stays open, and means nothing to this asker.
// G5. A caller whose reply comes later is answered when its ticket is resolved; until then it `waits`. If the ticket ends before, or an
//     ask's own time, who asked hears that nobody knows whether it happened.
//
// Leaves to others: streams, whose methods are not called here (testing.ts).

import { Action } from './action'
import { Bytes } from './bytes'
import { Call, Code, Decision, Refusal } from './decision'
import { Due as When, Effect } from './effect'
import { EventSourcedService } from './event-sourced'
import { Message } from './message'
import { Reader } from './reader'
import { Reason } from './reason'
import { ReplicatedService } from './replicated'
import { Kind, Service } from './service'
import {
  __now,
  Answered,
  at as setTime,
  decidedByAction,
  GivenEvents,
  GivenReplicated,
  GivenValue,
  sameCall,
  statusOf,
} from './testing'
import { keyOf, methodNamed, Naming } from './testing-key'
import { Due, Hearer, Place, Timeline, Told } from './testing-timeline'
import { ValueService } from './value'
import { Writer } from './writer'

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

/** An effect that is due later. */
@final
export class Pending {
  constructor(
    /** Milliseconds since 1970. */
    readonly dueMs: i64,
    readonly effect: Effect,
  ) {}

  /** '' for none. */
  get name(): string {
    const name = this.effect.__name
    return name === null ? '' : name
  }
}

export class Together {
  /** Effects on services that are not here, in order. */
  readonly outside: Call[] = []
  /** Effects that were refused, in order. */
  readonly parked: Parked[] = []
  private timeline: Timeline = new Timeline()
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
    return new Came(`${call.service}/${call.method}`, this.run(call, 0, null))
  }

  /** So many milliseconds pass: what is due by then is done. */
  turn(ms: i64): void {
    const end = __now() + ms
    let due = this.timeline.next(end)
    while (due !== null) {
      // Of what was due in the past, the time is not that.
      setTime(max<i64>(__now(), due.ms))
      const effect = due.effect
      const told = due.told
      const hearer = due.hearer
      if (effect !== null) this.deliver(effect, due.from!, due.ms, 0)
      else if (told !== null)
        this.settle(told, refused(Code.DeadlineExceeded, 'the reply did not come in time'), Reason.Unknown)
      else if (hearer !== null)
        this.tell(hearer, refused(Code.DeadlineExceeded, 'the call was not answered in time'), Reason.Unknown)
      due = this.timeline.next(end)
    }
    setTime(end)
  }

  /** Effects that are due later, in the order of their time. */
  get pending(): Pending[] {
    const pending: Pending[] = []
    for (let i = 0; i < this.timeline.due.length; i++) {
      const due = this.timeline.due[i]
      const effect = due.effect
      if (effect !== null) pending.push(new Pending(due.ms, effect))
    }
    return pending
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

  /** `asker`: the entity that hears an answer by this command, whose request names none. */
  private run(call: Call, hops: i32, asker: string | null): Told {
    const service = this.member(call)
    const name = `${call.service}/${call.method}`
    const method = methodNamed(service, call.method)
    if (method === null) throw new Error(`${call.service} has no method ${call.method}`)
    if (method.streams) throw new Error(`${name} streams: test it by the kit of its kind`)
    if (hops > hopsMax) throw new Error(`${name} is the last of ${hops} hops, too many`)
    const told = new Told()
    let entity = ''
    if (service.__kind() != Kind.Action) {
      const key = keyOf(service, call.method, call.payload)
      if (key === null && asker === null) throw new Error(`${name} names no entity`)
      if (key !== null && key.forgotten !== null) {
        told.decision = refused(Code.InvalidArgument, key.forgotten!)
        return told
      }
      entity = key !== null ? key.text : asker!
    }
    const decision = this.decide(service, call, entity)
    const from = new Place(call.service, entity)
    const accepted = decision.refusal === null
    const ticket = decision.ticket
    if (accepted && ticket !== null) {
      this.timeline.wait(from, call.method, ticket, told)
      if (decision.withinS != 0) {
        const deadline = new Due(__now() + <i64>decision.withinS * 1000)
        deadline.told = told
        this.timeline.add(deadline)
      }
    }
    for (let i = 0; i < decision.resolves.length; i++) {
      const resolution = decision.resolves[i]
      const resolved = new Decision()
      resolved.refusal = resolution.__refusal
      if (resolved.refusal === null) resolved.reply = resolution.__reply
      for (let h = 0; h < resolution.__headers.length; h++) resolved.headers.push(resolution.__headers[h])
      const waiting = this.timeline.resolve(from, resolution.method, resolution.ticket)
      for (let w = 0; w < waiting.length; w++) this.settle(waiting[w], resolved, Reason.Refused)
    }
    for (let i = 0; i < decision.cancels.length; i++) this.timeline.cancel(from, decision.cancels[i])
    // All are of one commit: what the answer to an effect cancels is pending by then.
    const now = __now()
    for (let i = 0; i < decision.effects.length; i++) this.pend(decision.effects[i], from)
    for (let i = 0; i < decision.effects.length; i++) {
      const effect = decision.effects[i]
      if (effect.__due == When.AtOnce) this.deliver(effect, from, now, hops + 1)
    }
    const forward = decision.forward
    if (accepted && forward !== null) return this.run(forward, hops + 1, null)
    if (!accepted || ticket === null) this.settle(told, decision, Reason.Refused)
    return told
  }

  private settle(told: Told, decision: Decision, reason: Reason): void {
    if (told.decision !== null) return
    told.decision = decision
    for (let i = 0; i < told.hearers.length; i++) this.tell(told.hearers[i], decision, reason)
  }

  private tell(hearer: Hearer, decision: Decision, reason: Reason): void {
    if (hearer.heard) return
    hearer.heard = true
    const call = hearer.effect.call
    const refusal = decision.refusal
    const hearing = hearer.effect.__hearing
    if (hearing === null) {
      if (refusal !== null) this.parked.push(new Parked(call, refusal.code, refusal.message))
      return
    }
    const heard = new Heard(decision, hearing.note, reason)
    this.run(new Call(hearing.service, hearing.method, heard), hearer.hops, hearer.from.entity)
  }

  /** If it is due later. */
  private pend(effect: Effect, from: Place): void {
    const name = effect.__name
    // A pending one of this name is replaced.
    if (name !== null) this.timeline.cancel(from, name)
    if (effect.__due == When.AtOnce) return
    const due = new Due(effect.__due == When.After ? __now() + effect.__dueMs : effect.__dueMs)
    due.effect = effect
    due.from = from
    this.timeline.add(due)
  }

  private deliver(effect: Effect, from: Place, dueMs: i64, hops: i32): void {
    let told = new Told()
    if (this.members.has(effect.call.service)) told = this.run(effect.call, hops, null)
    else this.outside.push(effect.call)
    const hearer = new Hearer(effect, from, hops)
    const decision = told.decision
    if (decision !== null) {
      this.tell(hearer, decision, Reason.Refused)
      return
    }
    told.hearers.push(hearer)
    if (effect.__hearing === null || effect.__withinMs == 0) return
    const late = new Due(dueMs + effect.__withinMs)
    late.hearer = hearer
    this.timeline.add(late)
  }

  private decide(service: Service, call: Call, entity: string): Decision {
    const kind = service.__kind()
    if (kind == Kind.Action) return decidedByAction(service as Action, call.method, call.payload)
    const naming = new Naming(entity, null)
    // No name of a service has a space.
    const at = `${call.service} ${entity}`
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

/** The request of a method that hears an answer. */
@final
class Heard extends Message {
  constructor(
    private decision: Decision,
    private note: Bytes,
    private reason: Reason,
  ) {
    super()
  }

  __typeName(): string {
    return ''
  }

  __write(out: Writer): void {
    const refusal = this.decision.refusal
    const reply = this.decision.reply
    if (refusal !== null) {
      out.uint32(18)
      out.raw(statusOf(refusal.code, refusal.message, refusal.details, this.reason))
    } else if (reply !== null) {
      out.uint32(10)
      out.raw(reply)
    }
    if (this.note.length == 0) return
    out.uint32(26)
    out.raw(this.note)
  }

  __read(reader: Reader): void {
    throw new Error('it is only written')
  }
}

/** What a caller got, or will get. */
export class Came {
  constructor(
    private method: string,
    private told: Told,
  ) {}

  /** The reply comes later: the ticket is open. */
  waits(): void {
    if (this.told.decision !== null) throw new Error(`${this.method} is answered already`)
  }

  private get answered(): Answered {
    const decision = this.told.decision
    if (decision === null) throw new Error(`the reply of ${this.method} comes later: its ticket is open`)
    return new Answered(this.method, decision)
  }

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
