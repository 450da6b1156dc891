// Testing: a service's rules as a test says them, without a host. `inn test` compiles the tests with the service and runs them.
//
//   test('adds up', () => {
//     given(new Counter(), [Added.of(2)]).when('Add', AddRequest.of('a', 3)).then([Added.of(3)], Value.of(5))
//   })
//
// K1. Every step also checks what the host relies on: a decision made twice is the same, and the state left is the fold of the
//     events, from bytes and to bytes.
// K2. Each test runs in an instance of its own; what fails throws, and the text reaches the runner.
// K3. What a service logs is printed once, however often it is asked; what it logs of events that it is given is not.
//
// Time and chance of a command: `at(ms)` before it, and a seed that is the same for every command.

import { Action, Stream } from './action'
import { Bytes } from './bytes'
import { Metadata } from './command'
import { Context, seedBytes } from './context'
import { Draft } from './crdt'
import { viewBytes } from './crdt-view'
import { Call, Change, Code, Decision, Typed } from './decision'
import { EventSourcedService } from './event-sourced'
import { takeLogs } from './logs'
import { decode, encode, Message } from './message'
import { ReplicatedService } from './replicated'
import { ValueService } from './value'

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
let key = 'entity'

/** The key of the entities that follow; until then `entity`. */
export function entity(name: string): void {
  key = name
}

/** The time of the commands that follow. */
export function at(ms: i64): void {
  nowMs = <f64>ms
}

function fresh(): Context {
  const seed = heap.alloc(seedBytes)
  for (let i: usize = 0; i < seedBytes; i++) store<u8>(seed + i, <u8>i)
  return new Context(Bytes.fromText(key), nowMs, seed, Metadata.none())
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
class Answered {
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

  header(name: string, value: string): void {
    const headers = this.decision.headers
    for (let i = 0; i < headers.length; i++) {
      if (headers[i].name == name && headers[i].value.equals(Bytes.fromText(value))) return
    }
    fail(`${this.method} has no header ${name}: ${value}`)
  }
}

function sameCall(method: string, call: Call, expected: Call): void {
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
  return new GivenEvents(service, service.__save())
}

function replay(service: EventSourcedService, event: Typed): void {
  service.__replay(Bytes.fromText(event.typeName), event.data)
}

class GivenEvents {
  constructor(
    private service: EventSourcedService,
    private state: Bytes,
  ) {}

  /** `method`: as in the .proto. */
  when(method: string, request: Message): WhenEvents {
    const service = this.service
    service.__load(this.state)
    service.__events = []
    const context = fresh()
    takeLogs()
    service.__decide(Bytes.fromText(method), encode(request), context)
    printLogs()
    const events = service.__events
    const left = service.__save()
    service.__load(this.state)
    service.__events = []
    const again = fresh()
    service.__decide(Bytes.fromText(method), encode(request), again)
    if (service.__events.length != events.length || !service.__save().equals(left))
      fail(`${method} decides otherwise when it is asked again (law L6)`)
    if (context.__decision.refusal !== null) events.length = 0
    service.__load(this.state)
    for (let i = 0; i < events.length; i++) replay(service, events[i])
    const folded = service.__save()
    takeLogs()
    if (context.__decision.refusal === null && !folded.equals(left))
      fail(`${method} changes the state otherwise than its events do (law L2)`)
    return new WhenEvents(service, folded, events, new Answered(method, context.__decision))
  }
}

class WhenEvents {
  constructor(
    private service: EventSourcedService,
    private state: Bytes,
    private events: Typed[],
    private answered: Answered,
  ) {}

  /** The reply, to look at and to go on with: `read<Value>()`. */
  read<T extends Message>(): T {
    return this.answered.read<T>()
  }

  then(events: Message[], reply: Message): GivenEvents {
    this.answered.reply(reply)
    return this.done(events)
  }

  forwards(events: Message[], call: Call): GivenEvents {
    this.answered.forwarded(call)
    return this.done(events)
  }

  /** `message`: '' for any. */
  refuses(code: Code, message: string = ''): GivenEvents {
    this.answered.refused(code, message)
    return new GivenEvents(this.service, this.state)
  }

  effects(calls: Call[]): this {
    this.answered.effects(calls)
    return this
  }

  header(name: string, value: string): this {
    this.answered.header(name, value)
    return this
  }

  private done(events: Message[]): GivenEvents {
    sameEvents(this.answered.method, this.events, events)
    return new GivenEvents(this.service, this.state)
  }
}

/** A value entity with this value, or without one. */
export function givenValue(service: ValueService, value: Message | null = null): GivenValue {
  if (value === null) return new GivenValue(service, null)
  return new GivenValue(service, encode(value))
}

class GivenValue {
  constructor(
    private service: ValueService,
    private value: Bytes | null,
  ) {}

  when(method: string, request: Message): WhenValue {
    const service = this.service
    service.__load(this.value)
    service.__change = Change.Unchanged
    const context = fresh()
    service.__decide(Bytes.fromText(method), encode(request), context)
    printLogs()
    let after = this.value
    if (context.__decision.refusal === null && service.__change != Change.Unchanged)
      after = service.__change == Change.Updated ? service.__updated : null
    return new WhenValue(service, after, new Answered(method, context.__decision))
  }
}

class WhenValue {
  constructor(
    private service: ValueService,
    private value: Bytes | null,
    private answered: Answered,
  ) {}

  /** `value`: what is there then; null for none. */
  /** The reply, to look at and to go on with: `read<Value>()`. */
  read<T extends Message>(): T {
    return this.answered.read<T>()
  }

  then(value: Message | null, reply: Message): GivenValue {
    this.answered.reply(reply)
    return this.done(value)
  }

  forwards(value: Message | null, call: Call): GivenValue {
    this.answered.forwarded(call)
    return this.done(value)
  }

  refuses(code: Code, message: string = ''): GivenValue {
    this.answered.refused(code, message)
    return new GivenValue(this.service, this.value)
  }

  effects(calls: Call[]): this {
    this.answered.effects(calls)
    return this
  }

  private done(value: Message | null): GivenValue {
    let expected: Bytes | null = null
    if (value !== null) expected = encode(value)
    const left = this.value
    const same = expected === null || left === null ? expected === null && left === null : left.equals(expected)
    if (!same) fail(`${this.answered.method} leaves another value than expected`)
    return new GivenValue(this.service, left)
  }
}

/** A replicated entity that does not exist yet, on one replica: commands before make what is there. */
export function givenReplicated(service: ReplicatedService): GivenReplicated {
  return new GivenReplicated(service, Bytes.empty())
}

class GivenReplicated {
  constructor(
    private service: ReplicatedService,
    private view: Bytes,
  ) {}

  when(method: string, request: Message): WhenReplicated {
    const draft = new Draft(this.view)
    this.service.__open(draft)
    const context = fresh()
    this.service.__decide(Bytes.fromText(method), encode(request), context)
    return this.after(method, draft, context)
  }

  /** What the subscriber of a method, which opened it with this request, is told now. */
  changed(method: string, request: Message): WhenReplicated {
    const draft = new Draft(this.view)
    this.service.__open(draft)
    const context = fresh()
    this.service.__changed(Bytes.fromText(method), encode(request), context)
    return this.after(method, draft, context)
  }

  cancelled(method: string, request: Message): GivenReplicated {
    const draft = new Draft(this.view)
    this.service.__open(draft)
    const context = fresh()
    this.service.__cancelled(Bytes.fromText(method), encode(request), context)
    printLogs()
    return new GivenReplicated(this.service, viewBytes(draft))
  }

  private after(method: string, draft: Draft, context: Context): WhenReplicated {
    printLogs()
    const view = context.__decision.refusal !== null ? this.view : viewBytes(draft)
    return new WhenReplicated(this.service, view, new Answered(method, context.__decision))
  }
}

class WhenReplicated {
  constructor(
    private service: ReplicatedService,
    private view: Bytes,
    private answered: Answered,
  ) {}

  /** The reply, to look at and to go on with: `read<Value>()`. */
  read<T extends Message>(): T {
    return this.answered.read<T>()
  }

  then(reply: Message): GivenReplicated {
    this.answered.reply(reply)
    return new GivenReplicated(this.service, this.view)
  }

  /** The stream stays open, with this as its first element. */
  streams(first: Message): GivenReplicated {
    this.answered.reply(first)
    if (!this.answered.decision.subscribes) fail(`${this.answered.method} does not keep its stream open`)
    return new GivenReplicated(this.service, this.view)
  }

  silent(): GivenReplicated {
    if (this.answered.decision.reply !== null) fail(`${this.answered.method} says something`)
    return new GivenReplicated(this.service, this.view)
  }

  forwards(call: Call): GivenReplicated {
    this.answered.forwarded(call)
    return new GivenReplicated(this.service, this.view)
  }

  refuses(code: Code, message: string = ''): GivenReplicated {
    this.answered.refused(code, message)
    return new GivenReplicated(this.service, this.view)
  }

  effects(calls: Call[]): this {
    this.answered.effects(calls)
    return this
  }
}

/** A unary call of an action. */
export function when(service: Action, method: string, request: Message): WhenAction {
  const context = fresh()
  service.__decide(Bytes.fromText(method), encode(request), context)
  printLogs()
  return new WhenAction(new Answered(method, context.__decision))
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
}

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
    stream.__item(encode(request), fresh())
    return this.keep(stream)
  }

  /** The client has sent all. */
  closes(): this {
    const stream = this.open()
    stream.__closed(fresh())
    return this.keep(stream)
  }

  /** The client has left; its effects are what `effects` looks at. */
  cancels(): this {
    const stream = this.open()
    const context = fresh()
    stream.cancelled(context)
    context.__decision.silent = true
    stream.__outputs.push(context.__decision)
    stream.__done = true
    return this.keep(stream)
  }

  /** The next elements, all of those that were given so far; asks for more where there is. */
  emits(replies: Message[]): this {
    while (this.more && !this.ended && this.elements() < replies.length) {
      const stream = this.open()
      stream.__next(fresh())
      this.keep(stream)
    }
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
    const all = new Decision()
    for (let i = 0; i < this.outputs.length; i++) {
      for (let each = 0; each < this.outputs[i].effects.length; each++) all.effects.push(this.outputs[i].effects[each])
    }
    new Answered(this.method, all).effects(calls)
    return this
  }

  refuses(code: Code, message: string = ''): void {
    const last = this.outputs.length - 1
    if (last < 0) return fail(`${this.method} says nothing`)
    new Answered(this.method, this.outputs[last]).refused(code, message)
  }

  /** It has nothing more to say; asks for more where there is. */
  ends(): void {
    while (this.more && !this.ended && this.elements() == 0) {
      const stream = this.open()
      stream.__next(fresh())
      this.keep(stream)
    }
    if (!this.ended) fail(`${this.method} does not end`)
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
    if (!this.begun) stream.__start(fresh())
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
