// Testing: a service's rules as a test says them, without a host. `inn test` compiles the tests with the service and runs them.
//
//   test('adds up', () => {
//     given(new Counter(), [Added.of(2)]).when('Add', AddRequest.of('a', 3)).then([Added.of(3)], Value.of(5))
//   })
//
// K1. Every step also checks what the host relies on: a decision made twice is the same, and the state left is the fold of the
//     events, from bytes and to bytes.
// K2. Each test runs in an instance of its own; what fails throws, and the text reaches the runner.
// K3. The entity of a test is the one that its first request names, or `entity(name)` before it. A request that forgets its key fails.
// K4. What a service logs is printed once, however often it is asked; what it logs of events that it is given is not.
//
// Time and chance of a command: `at(ms)` before it, and a seed that is the same for every command.

import { Action, Stream } from './action'
import { Bytes } from './bytes'
import { Metadata } from './command'
import { Context, seedBytes } from './context'
import { Draft } from './crdt'
import { viewBytes } from './crdt-view'
import { Call, Change, Code, Decision, Typed } from './decision'
import { Effect, Resolution } from './effect'
import { EventSourcedService } from './event-sourced'
import { takeLogs } from './logs'
import { decode, encode, Message } from './message'
import { Reason } from './reason'
import { ReplicatedService } from './replicated'
import { Naming } from './testing-key'
import { ValueService } from './value'
import { Writer } from './writer'

export { Came, Parked, Pending, Together, together } from './testing-together'
export { GivenView, givenView, replicaOf } from './testing-view'

class Test {
  constructor(
    readonly name: string,
    readonly run: () => void,
  ) {}
}

const tests: Test[] = []

/** A test. `run` cannot see local variables around it: AssemblyScript has no closures. */
export function test(name: string, run: () => void): void {
  tests.push(new Test(name, run))
}

/** For the runner. */
export function testCount(): i32 {
  return tests.length
}

/** For the runner. */
export function testName(index: i32): string {
  return tests[index].name
}

/** For the runner. */
export function runTest(index: i32): void {
  // Of the start.
  takeLogs()
  tests[index].run()
}

@external('env', 'print')
declare function print(level: i32, text: string): void

/** Of the handler that has run; for the runner also where one has failed. */
export function printLogs(): void {
  const lines = takeLogs()
  if (lines === null) return
  for (let i = 0; i < lines.length; i++) print(lines[i].level, lines[i].text.toString())
}

let nowMs: f64 = 1_700_000_000_000
let key: string | null = null

/** The key of the entities that follow, in place of the one that their first request names. */
export function entity(name: string): void {
  key = name
}

/** The time of the commands that follow. */
export function at(ms: i64): void {
  nowMs = <f64>ms
}

/** For services together, whose clock is turned. */
export function __now(): i64 {
  return <i64>nowMs
}

function unasked(): Naming {
  return new Naming(key, null)
}

function fresh(entity: string): Context {
  const seed = heap.alloc(seedBytes)
  for (let i: usize = 0; i < seedBytes; i++) store<u8>(seed + i, <u8>i)
  return new Context(Bytes.fromText(entity), nowMs, seed, Metadata.none())
}

function fail(message: string): void {
  throw new Error(message)
}

function hex(bytes: Bytes): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += bytes[i].toString(16).padStart(2, '0')
  return text
}

/** What a handler answered, and what a test says of it. */
export class Answered {
  constructor(
    readonly method: string,
    readonly decision: Decision,
  ) {}

  private nothingElse(): void {
    const refusal = this.decision.refusal
    if (refusal !== null) fail(`${this.method} refuses: ${refusal.code} ${refusal.message}`)
  }

  reply(expected: Message): void {
    this.nothingElse()
    const reply = this.decision.reply
    if (reply === null) return fail(`${this.method} gives no reply`)
    const bytes = encode(expected)
    if (!reply.equals(bytes)) fail(`${this.method} replies ${hex(reply)}, expected ${hex(bytes)} (${expected.__typeName()})`)
  }

  read<T extends Message>(): T {
    this.nothingElse()
    const message = instantiate<T>()
    const reply = this.decision.reply
    if (reply === null || decode(message, reply) !== null) fail(`${this.method} gives no ${message.__typeName()}`)
    return message
  }

  refused(code: Code, message: string): void {
    const refusal = this.decision.refusal
    if (refusal === null) return fail(`${this.method} does not refuse`)
    if (refusal.code != code) fail(`${this.method} refuses with code ${refusal.code}, expected ${code}`)
    if (message != '' && refusal.message != message) fail(`${this.method} refuses: ${refusal.message}; expected: ${message}`)
  }

  forwarded(expected: Call): void {
    this.nothingElse()
    const forward = this.decision.forward
    if (forward === null) return fail(`${this.method} does not forward`)
    sameCall(this.method, forward, expected)
  }

  effects(expected: Call[]): void {
    const effects = this.decision.effects
    if (effects.length != expected.length)
      fail(`${this.method} has ${effects.length} effects, expected ${expected.length}`)
    for (let i = 0; i < effects.length; i++) sameCall(this.method, effects[i].call, expected[i])
  }

  /** With their names, limits, times, and who hears their answers. */
  brings(expected: Effect[]): void {
    const effects = this.decision.effects
    const count = effects.length
    if (count != expected.length) fail(`${this.method} has ${count} effects, expected ${expected.length}`)
    for (let i = 0; i < count; i++) {
      sameCall(this.method, effects[i].call, expected[i].call)
      same(`${this.method}, effect ${i}`, shownEffect(effects[i]), shownEffect(expected[i]))
    }
  }

  later(ticket: string, withinMs: i64): void {
    this.nothingElse()
    if (this.decision.ticket === null) fail(`${this.method} answers at once`)
    const like = fresh('')
    like.later<Message>(ticket, withinMs)
    same(`${this.method}, the ticket`, shownTicket(this.decision), shownTicket(like.__decision))
  }

  cancels(names: string[]): void {
    same(`${this.method}, what is cancelled`, this.decision.cancels.join(', '), names.join(', '))
  }

  resolves(expected: Resolution[]): void {
    same(`${this.method}, what is resolved`, shownResolutions(this.decision.resolves), shownResolutions(expected))
  }

  header(name: string, value: string): void {
    const headers = this.decision.headers
    for (let i = 0; i < headers.length; i++) {
      if (headers[i].name == name && headers[i].value.equals(Bytes.fromText(value))) return
    }
    fail(`${this.method} has no header ${name}: ${value}`)
  }
}

function same(what: string, actual: string, expected: string): void {
  if (actual != expected) fail(`${what}: ${actual}; expected: ${expected}`)
}

function shownEffect(effect: Effect): string {
  let text = effect.synchronous ? 'waited for' : 'not waited for'
  if (effect.__due != 0) text += (effect.__due == 1 ? ', after ' : ', at ') + effect.__dueMs.toString() + ' ms'
  const name = effect.__name
  if (name !== null) text += ', named ' + name
  if (effect.__withinMs != 0) text += ', within ' + effect.__withinMs.toString() + ' ms'
  const hearing = effect.__hearing
  if (hearing !== null) text += `, heard by ${hearing.service}/${hearing.method} with the note ${hex(hearing.note)}`
  return text
}

function shownTicket(decision: Decision): string {
  return `${decision.ticket!}, for ${decision.withinS} s`
}

function shownResolutions(list: Resolution[]): string {
  let text = ''
  for (let i = 0; i < list.length; i++) {
    const resolution = list[i]
    const refusal = resolution.__refusal
    text += `${resolution.ticket} of ${resolution.service}/${resolution.method}: `
    if (refusal === null) text += hex(resolution.__reply)
    else {
      text += `${refusal.code} ${refusal.message}`
      for (let d = 0; d < refusal.details.length; d++) text += ` ${refusal.details[d].typeName} ${hex(refusal.details[d].data)}`
    }
    const headers = resolution.__headers
    for (let h = 0; h < headers.length; h++) text += ` ${headers[h].name}=${hex(headers[h].value)}`
    text += '; '
  }
  return text
}

/** The `failure` of an answer, as the host makes it for an ask that has no reply: `failure<Status>(Code.Aborted, 'no', Reason.Refused)`. */
export function failure<Status extends Message>(code: Code, message: string, reason: Reason): Status {
  const status = instantiate<Status>()
  if (decode(status, statusOf(code, message, [], reason)) !== null) fail('the failure of an answer is a google.rpc.Status')
  return status
}

/** Bytes of a google.rpc.Status, with the detail of the host. */
export function statusOf(code: Code, message: string, details: Typed[], reason: Reason): Bytes {
  const out = new Writer()
  out.uint32(8)
  out.int32(<i32>code + 1)
  out.uint32(18)
  out.string(message)
  const any = out.open(26)
  out.uint32(10)
  out.string('type.googleapis.com/google.rpc.ErrorInfo')
  const info = out.open(18)
  out.uint32(10)
  out.string(reason == Reason.Refused ? 'REFUSED' : reason == Reason.NotSent ? 'NOT_SENT' : 'UNKNOWN')
  out.uint32(18)
  out.string('innkeeper')
  out.close(info)
  out.close(any)
  for (let i = 0; i < details.length; i++) {
    const detail = out.open(26)
    out.uint32(10)
    out.string('type.googleapis.com/' + details[i].typeName)
    out.uint32(18)
    out.raw(details[i].data)
    out.close(detail)
  }
  return out.finish()
}

export function sameCall(method: string, call: Call, expected: Call): void {
  const same = call.service == expected.service && call.method == expected.method && call.payload.equals(expected.payload)
  if (!same) fail(`${method} calls ${call.service}/${call.method}, expected ${expected.service}/${expected.method}, or with another request`)
}

function sameEvents(method: string, events: Typed[], expected: Message[]): void {
  if (events.length != expected.length) fail(`${method} emits ${events.length} events, expected ${expected.length}`)
  for (let i = 0; i < events.length; i++) {
    const name = expected[i].__typeName()
    if (events[i].typeName != name) fail(`${method} emits ${events[i].typeName}, expected ${name}`)
    const bytes = encode(expected[i])
    if (!events[i].data.equals(bytes)) fail(`${method} emits ${name} ${hex(events[i].data)}, expected ${hex(bytes)}`)
  }
}

function typed(message: Message): Typed {
  return new Typed(message.__typeName(), encode(message))
}

/** An event-sourced entity with these events. */
export function given(service: EventSourcedService, events: Message[] = []): GivenEvents {
  service.__load(null)
  for (let i = 0; i < events.length; i++) replay(service, typed(events[i]))
  return new GivenEvents(service, service.__save(), unasked())
}

function replay(service: EventSourcedService, event: Typed): void {
  service.__replay(Bytes.fromText(event.typeName), event.data)
}

export class GivenEvents {
  constructor(
    private service: EventSourcedService,
    private state: Bytes,
    private naming: Naming,
  ) {}

  /** With no events. */
  static __new(service: EventSourcedService, naming: Naming): GivenEvents {
    service.__load(null)
    return new GivenEvents(service, service.__save(), naming)
  }

  /** `method`: as in the .proto. */
  when(method: string, request: Message): WhenEvents {
    return this.__when(method, encode(request))
  }

  __when(method: string, request: Bytes): WhenEvents {
    const naming = this.naming.of(this.service, method, request)
    const service = this.service
    service.__load(this.state)
    service.__events = []
    const context = fresh(naming.entity)
    takeLogs()
    service.__decide(Bytes.fromText(method), request, context)
    printLogs()
    const events = service.__events
    const left = service.__save()
    service.__load(this.state)
    service.__events = []
    const again = fresh(naming.entity)
    service.__decide(Bytes.fromText(method), request, again)
    if (service.__events.length != events.length || !service.__save().equals(left))
      fail(`${method} decides otherwise when it is asked again (law L6)`)
    if (isRefused(context)) events.length = 0
    service.__load(this.state)
    for (let i = 0; i < events.length; i++) replay(service, events[i])
    const folded = service.__save()
    takeLogs()
    if (!isRefused(context) && !folded.equals(left))
      fail(`${method} changes the state otherwise than its events do (law L2)`)
    return new WhenEvents(service, folded, events, naming, new Answered(method, context.__decision))
  }
}

/** A refusal of an entity brings no effects, as in a component. */
function isRefused(context: Context): bool {
  const decision = context.__decision
  if (decision.refusal === null) return false
  decision.undo()
  return true
}

class WhenEvents {
  constructor(
    private service: EventSourcedService,
    private state: Bytes,
    private events: Typed[],
    private naming: Naming,
    private answered: Answered,
  ) {}

  get __decision(): Decision {
    return this.answered.decision
  }

  __next(): GivenEvents {
    return new GivenEvents(this.service, this.state, this.naming)
  }

  /** The reply, to look at and to go on with: `read<Value>()`. */
  read<T extends Message>(): T {
    return this.answered.read<T>()
  }

  /** The full names of the types of this command's events, in order. */
  get eventNames(): string[] {
    const names: string[] = []
    for (let i = 0; i < this.events.length; i++) names.push(this.events[i].typeName)
    return names
  }

  /** An event of this command, to look at and to go on with: `event<Added>(0)`. */
  event<T extends Message>(index: i32): T {
    const message = instantiate<T>()
    const name = message.__typeName()
    if (index < 0 || index >= this.events.length)
      throw new Error(`${this.answered.method} emits ${this.events.length} events, and so no event ${index}`)
    const event = this.events[index]
    if (event.typeName != name) fail(`${this.answered.method} emits ${event.typeName} as event ${index}, not ${name}`)
    if (decode(message, event.data) !== null) fail(`${this.answered.method} emits bytes that are no ${name}`)
    return message
  }

  then(events: Message[], reply: Message): GivenEvents {
    this.answered.reply(reply)
    return this.done(events)
  }

  /** Answered when the ticket is resolved. */
  later(events: Message[], ticket: string, withinMs: i64 = 0): GivenEvents {
    this.answered.later(ticket, withinMs)
    return this.done(events)
  }

  forwards(events: Message[], call: Call): GivenEvents {
    this.answered.forwarded(call)
    return this.done(events)
  }

  /** `message`: '' for any. */
  refuses(code: Code, message: string = ''): GivenEvents {
    this.answered.refused(code, message)
    return this.__next()
  }

  effects(calls: Call[]): this {
    this.answered.effects(calls)
    return this
  }

  /** Effects, with their names, limits, times and who hears their answers: `[new Effect(call).after(minutes(1)).named('expiry')]`. */
  brings(effects: Effect[]): this {
    this.answered.brings(effects)
    return this
  }

  cancels(names: string[]): this {
    this.answered.cancels(names)
    return this
  }

  resolves(resolutions: Resolution[]): this {
    this.answered.resolves(resolutions)
    return this
  }

  header(name: string, value: string): this {
    this.answered.header(name, value)
    return this
  }

  private done(events: Message[]): GivenEvents {
    sameEvents(this.answered.method, this.events, events)
    return this.__next()
  }
}

/** A value entity with this value, or without one. */
export function givenValue(service: ValueService, value: Message | null = null): GivenValue {
  if (value === null) return new GivenValue(service, null, unasked())
  return new GivenValue(service, encode(value), unasked())
}

export class GivenValue {
  constructor(
    private service: ValueService,
    private value: Bytes | null,
    private naming: Naming,
  ) {}

  when(method: string, request: Message): WhenValue {
    return this.__when(method, encode(request))
  }

  __when(method: string, request: Bytes): WhenValue {
    const naming = this.naming.of(this.service, method, request)
    const service = this.service
    service.__load(this.value)
    service.__change = Change.Unchanged
    const context = fresh(naming.entity)
    service.__decide(Bytes.fromText(method), request, context)
    printLogs()
    let after = this.value
    if (!isRefused(context) && service.__change != Change.Unchanged)
      after = service.__change == Change.Updated ? service.__updated : null
    return new WhenValue(service, after, naming, new Answered(method, context.__decision))
  }
}

class WhenValue {
  constructor(
    private service: ValueService,
    private value: Bytes | null,
    private naming: Naming,
    private answered: Answered,
  ) {}

  get __decision(): Decision {
    return this.answered.decision
  }

  __next(): GivenValue {
    return new GivenValue(this.service, this.value, this.naming)
  }

  /** The reply, to look at and to go on with: `read<Value>()`. */
  read<T extends Message>(): T {
    return this.answered.read<T>()
  }

  /** `value`: what is there then; null for none. */
  then(value: Message | null, reply: Message): GivenValue {
    this.answered.reply(reply)
    return this.done(value)
  }

  /** Answered when the ticket is resolved. */
  later(value: Message | null, ticket: string, withinMs: i64 = 0): GivenValue {
    this.answered.later(ticket, withinMs)
    return this.done(value)
  }

  forwards(value: Message | null, call: Call): GivenValue {
    this.answered.forwarded(call)
    return this.done(value)
  }

  refuses(code: Code, message: string = ''): GivenValue {
    this.answered.refused(code, message)
    return this.__next()
  }

  effects(calls: Call[]): this {
    this.answered.effects(calls)
    return this
  }

  /** Effects, with their names, limits, times and who hears their answers: `[new Effect(call).after(minutes(1)).named('expiry')]`. */
  brings(effects: Effect[]): this {
    this.answered.brings(effects)
    return this
  }

  cancels(names: string[]): this {
    this.answered.cancels(names)
    return this
  }

  resolves(resolutions: Resolution[]): this {
    this.answered.resolves(resolutions)
    return this
  }

  private done(value: Message | null): GivenValue {
    let expected: Bytes | null = null
    if (value !== null) expected = encode(value)
    const left = this.value
    const same = expected === null || left === null ? expected === null && left === null : left.equals(expected)
    if (!same) fail(`${this.answered.method} leaves another value than expected`)
    return this.__next()
  }
}

/** A replicated entity that does not exist yet, on one replica: commands before make what is there. */
export function givenReplicated(service: ReplicatedService): GivenReplicated {
  return new GivenReplicated(service, Bytes.empty(), unasked())
}

export class GivenReplicated {
  constructor(
    private service: ReplicatedService,
    private view: Bytes,
    private naming: Naming,
    /** For good: a host answers NOT_FOUND from then on. */
    readonly __deleted: bool = false,
  ) {}

  when(method: string, request: Message): WhenReplicated {
    return this.__when(method, encode(request))
  }

  __when(method: string, request: Bytes): WhenReplicated {
    const naming = this.naming.of(this.service, method, request)
    const draft = new Draft(this.view)
    this.service.__open(draft)
    const context = fresh(naming.entity)
    this.service.__decide(Bytes.fromText(method), request, context)
    return this.after(method, draft, context, naming)
  }

  /** What the subscriber of a method, which opened it with this request, is told now. */
  changed(method: string, request: Message): WhenReplicated {
    const bytes = encode(request)
    const naming = this.naming.of(this.service, method, bytes)
    const draft = new Draft(this.view)
    this.service.__open(draft)
    const context = fresh(naming.entity)
    this.service.__changed(Bytes.fromText(method), bytes, context)
    return this.after(method, draft, context, naming)
  }

  cancelled(method: string, request: Message): GivenReplicated {
    const bytes = encode(request)
    const naming = this.naming.of(this.service, method, bytes)
    const draft = new Draft(this.view)
    this.service.__open(draft)
    const context = fresh(naming.entity)
    this.service.__cancelled(Bytes.fromText(method), bytes, context)
    printLogs()
    return new GivenReplicated(this.service, viewBytes(draft), naming, draft.removed)
  }

  private after(method: string, draft: Draft, context: Context, naming: Naming): WhenReplicated {
    printLogs()
    const refused = isRefused(context)
    const next = refused ? this.view : viewBytes(draft)
    const given = new GivenReplicated(this.service, next, naming, draft.removed && !refused)
    return new WhenReplicated(given, new Answered(method, context.__decision))
  }
}

class WhenReplicated {
  constructor(
    private next: GivenReplicated,
    private answered: Answered,
  ) {}

  get __decision(): Decision {
    return this.answered.decision
  }

  __next(): GivenReplicated {
    return this.next
  }

  /** The reply, to look at and to go on with: `read<Value>()`. */
  read<T extends Message>(): T {
    return this.answered.read<T>()
  }

  then(reply: Message): GivenReplicated {
    this.answered.reply(reply)
    return this.next
  }

  /** The stream stays open, with this as its first element. */
  streams(first: Message): GivenReplicated {
    this.answered.reply(first)
    if (!this.answered.decision.subscribes) fail(`${this.answered.method} does not keep its stream open`)
    return this.next
  }

  silent(): GivenReplicated {
    if (this.answered.decision.reply !== null) fail(`${this.answered.method} says something`)
    return this.next
  }

  /** Answered when the ticket is resolved. */
  later(ticket: string, withinMs: i64 = 0): GivenReplicated {
    this.answered.later(ticket, withinMs)
    return this.next
  }

  forwards(call: Call): GivenReplicated {
    this.answered.forwarded(call)
    return this.next
  }

  refuses(code: Code, message: string = ''): GivenReplicated {
    this.answered.refused(code, message)
    return this.next
  }

  effects(calls: Call[]): this {
    this.answered.effects(calls)
    return this
  }

  /** Effects, with their names, limits, times and who hears their answers: `[new Effect(call).after(minutes(1)).named('expiry')]`. */
  brings(effects: Effect[]): this {
    this.answered.brings(effects)
    return this
  }

  cancels(names: string[]): this {
    this.answered.cancels(names)
    return this
  }

  resolves(resolutions: Resolution[]): this {
    this.answered.resolves(resolutions)
    return this
  }
}

/** A unary call of an action. */
export function when(service: Action, method: string, request: Message): WhenAction {
  return new WhenAction(new Answered(method, decidedByAction(service, method, encode(request))))
}

export function decidedByAction(service: Action, method: string, request: Bytes): Decision {
  const context = fresh('')
  service.__decide(Bytes.fromText(method), request, context)
  printLogs()
  return context.__decision
}

class WhenAction {
  constructor(private answered: Answered) {}

  /** The reply, to look at and to go on with: `read<Value>()`. */
  read<T extends Message>(): T {
    return this.answered.read<T>()
  }

  then(reply: Message): void {
    this.answered.reply(reply)
  }

  forwards(call: Call): void {
    this.answered.forwarded(call)
  }

  refuses(code: Code, message: string = ''): void {
    this.answered.refused(code, message)
  }

  effects(calls: Call[]): this {
    this.answered.effects(calls)
    return this
  }

  /** Effects, with their names, limits, times and who hears their answers: `[new Effect(call).after(minutes(1)).named('expiry')]`. */
  brings(effects: Effect[]): this {
    this.answered.brings(effects)
    return this
  }
}

/** More steps without an element than any stream has a reason for. */
const idleStepsMax: i32 = 1000

/** A stream of an action, driven as a client would. The state goes through bytes between the steps, as in the host. */
export function stream(service: Action, method: string): StreamDriver {
  return new StreamDriver(service, method)
}

class StreamDriver {
  private state: Bytes | null = null
  private outputs: Decision[] = []
  private ended: bool = false
  private more: bool = false
  private begun: bool = false

  constructor(
    private service: Action,
    private method: string,
  ) {}

  /** The client sends this. */
  sends(request: Message): this {
    const stream = this.open()
    stream.__item(encode(request), fresh(''))
    return this.keep(stream)
  }

  /** The client has sent all. */
  closes(): this {
    const stream = this.open()
    stream.__closed(fresh(''))
    return this.keep(stream)
  }

  /** The client has left; its effects are what `effects` looks at. */
  cancels(): this {
    const stream = this.open()
    const context = fresh('')
    stream.cancelled(context)
    context.__decision.silent = true
    stream.__outputs.push(context.__decision)
    stream.__done = true
    return this.keep(stream)
  }

  /** The next element, to look at and to go on with: `read<Said>()`. Asks for more where there is. */
  read<T extends Message>(): T {
    this.ask(1)
    for (let i = 0; i < this.outputs.length; i++) {
      const output = this.outputs[i]
      if (output.silent) continue
      const element = new Answered(this.method, output).read<T>()
      // Its effects are still to be looked at.
      output.reply = null
      output.silent = true
      return element
    }
    throw new Error(`${this.method} says nothing`)
  }

  /** The next elements, all of those that were given so far; asks for more where there is. */
  emits(replies: Message[]): this {
    this.ask(replies.length)
    if (this.elements() != replies.length) fail(`${this.method} emits ${this.elements()} elements, expected ${replies.length}`)
    let next = 0
    for (let i = 0; i < this.outputs.length; i++) {
      if (this.outputs[i].reply === null) continue
      new Answered(this.method, this.outputs[i]).reply(replies[next++])
    }
    this.outputs = []
    return this
  }

  effects(calls: Call[]): this {
    this.all().effects(calls)
    return this
  }

  /** Effects, with their limits and times: `[new Effect(call).after(minutes(1))]`. */
  brings(effects: Effect[]): this {
    this.all().brings(effects)
    return this
  }

  private all(): Answered {
    const all = new Decision()
    for (let i = 0; i < this.outputs.length; i++) {
      for (let each = 0; each < this.outputs[i].effects.length; each++) all.effects.push(this.outputs[i].effects[each])
    }
    return new Answered(this.method, all)
  }

  refuses(code: Code, message: string = ''): void {
    const last = this.outputs.length - 1
    if (last < 0) return fail(`${this.method} says nothing`)
    new Answered(this.method, this.outputs[last]).refused(code, message)
  }

  /** It has nothing more to say; asks for more where there is. */
  ends(): void {
    this.ask(1)
    if (!this.ended) fail(`${this.method} does not end`)
  }

  /** Until there are so many elements to take, or nothing comes unasked. */
  private ask(count: i32): void {
    let idle = 0
    while (this.more && !this.ended && this.elements() < count) {
      const before = this.elements()
      const stream = this.open()
      stream.__next(fresh(''))
      this.keep(stream)
      idle = this.elements() > before ? 0 : idle + 1
      if (idle == idleStepsMax) fail(`${this.method} asks for more ${idle} times in a row, and says nothing`)
    }
  }

  private elements(): i32 {
    let count = 0
    for (let i = 0; i < this.outputs.length; i++) if (this.outputs[i].reply !== null) count++
    return count
  }

  private open(): Stream {
    if (this.ended) fail(`${this.method} has ended`)
    const stream = this.service.__stream(Bytes.fromText(this.method))
    if (stream === null) throw new Error(`${this.method} does not stream`)
    const state = this.state
    if (state !== null) stream.__load(state)
    if (!this.begun) stream.__start(fresh(''))
    this.begun = true
    return stream
  }

  private keep(stream: Stream): this {
    printLogs()
    for (let i = 0; i < stream.__outputs.length; i++) this.outputs.push(stream.__outputs[i])
    this.ended = stream.__done
    this.more = stream.__more
    if (!this.ended) this.state = stream.__save()
    return this
  }
}
