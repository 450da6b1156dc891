// Testing: rules of a service, without a host: `inn test` compiles them with the service and runs each in an instance of its own.
//
//   let tests: [Test] = [
//     Test("adds up") { given(.eventSourced(Counter())).when(CounterCalls.add(...)).event(...).reply(...) }
//   ]
//
// T1. A command runs through the functions of the contract, bytes and all, and it runs twice: what is kept in between shows. What
//     the state becomes is what its events fold to.
// T2. What a test does not say must not be: the last word (`reply`, `refuses`, `forwards`, `streams`) finds events, changes and
//     effects that were not named.
// T3. Operations of a replicated entity go into a view of one replica; nothing is merged. Every method sees the whole value.
//
// T4. A test is about the entity that its requests name; one without its key is told, unless `entity` has said it.
//
// Leaves to others: which entity a request names (TestingKey.swift), several services (TestingTogether.swift), running (sdk/build/languages/swift/test.ts).
import InnkeeperABI

public struct Test: @unchecked Sendable {
  let name: StaticString
  let run: () -> Void

  public init(_ name: StaticString, _ run: @escaping () -> Void) {
    self.name = name
    self.run = run
  }
}

/// For the entry of a test program.
public enum Testing {
  public static func name(_ test: Test) { ik_swift_say(test.name.utf8Start, test.name.utf8CodeUnitCount) }
  public static func run(_ test: Test) { test.run() }
}

/// Ends the test as failed.
public func failTest(_ why: String, _ file: StaticString, _ line: UInt) -> Never {
  fault(why, file: file, line: line)
}

/// What the service logged, for whoever runs the tests.
private func show(_ logs: ik_log_line_list) {
  let levels: [StaticString] = ["debug", "info", "warn", "error"]
  for index in 0..<logs.count {
    let line = logs.items[index]
    var text = "\(inArena(levels[Int(line.level)]).string): \(line.text.string)"
    text.withUTF8 { ik_swift_say($0.baseAddress, $0.count) }
  }
}

public func expect(_ isTrue: Bool, _ what: String, file: StaticString = #filePath, line: UInt = #line) {
  if !isTrue { failTest(what, file, line) }
}

/// An entity of the service, without a history; or an action.
public func given(_ service: Service) -> Given { Given(service) }

struct TakenCall: Equatable {
  let service: String
  let method: String
  let payload: [UInt8]
  let metadata: [MetadataEntry]

  init(_ call: ik_call) {
    service = call.service.string
    method = call.method.string
    payload = call.payload.array
    metadata = Metadata(call.metadata).entries
  }

  init(service: String, method: String, payload: [UInt8]) {
    self.service = service
    self.method = method
    self.payload = payload
    metadata = []
  }

  init(_ hearer: Hearer, _ payload: [UInt8]) {
    service = inArena(hearer.service).string
    method = inArena(hearer.method).string
    self.payload = payload
    metadata = []
  }

  init(_ call: Call) {
    service = inArena(call.service).string
    method = inArena(call.method).string
    payload = call.payload
    metadata = call.metadata
  }
}

/// An outcome, out of the arena.
struct Taken: Equatable {
  enum Answer: Equatable {
    case message([UInt8])
    case forward(TakenCall)
    case failure(UInt8, String, [TakenTyped])
    case later(String, UInt32?)
    case none
  }

  var answer = Answer.none
  var effects: [TakenEffect] = []
  var cancels: [String] = []
  var resolutions: [TakenResolution] = []
  var headers: [MetadataEntry] = []

  init() {}

  /// What those who waited for the ticket are answered.
  init(_ resolution: TakenResolution) {
    answer = resolution.answer
    headers = resolution.headers
  }

  init(refusal code: Code, _ message: String) { answer = .failure(code.rawValue, message, []) }

  /// The message that it has, or the test fails.
  func read<Reply: Message>(_ type: Reply.Type, _ file: StaticString, _ line: UInt) -> Reply {
    guard case .message(let bytes) = answer, let reply = try? Reply(bytes: bytes) else {
      failTest("there is no such message: \(shown(self))", file, line)
    }
    return reply
  }

  func refuses(_ code: Code, _ message: String, _ file: StaticString, _ line: UInt) {
    guard case .failure(let found, let text, _) = answer else { failTest("it is not refused: \(shown(self))", file, line) }
    if found != code.rawValue || text != message { failTest("it is refused otherwise: \(shown(self))", file, line) }
  }

  func find(_ name: String, _ text: String, _ file: StaticString, _ line: UInt) {
    for header in headers where header == MetadataEntry(name: name, value: .text(text)) { return }
    failTest("there is no such header", file, line)
  }

  init(_ outcome: ik_outcome) {
    if outcome.is_failure {
      let failure = outcome.answer.failure
      var details: [TakenTyped] = []
      for index in 0..<failure.details.count { details.append(TakenTyped(failure.details.items[index])) }
      answer = .failure(failure.code + 1, failure.message.string, details)
    } else if Int(outcome.answer.reply.kind) == IK_REPLY_MESSAGE {
      answer = .message(outcome.answer.reply.value.message.array)
    } else if Int(outcome.answer.reply.kind) == IK_REPLY_FORWARD {
      answer = .forward(TakenCall(outcome.answer.reply.value.forward))
    } else if Int(outcome.answer.reply.kind) == IK_REPLY_LATER {
      let later = outcome.answer.reply.value.later
      answer = .later(later.ticket.string, later.has_within ? later.within_s : nil)
    }
    for index in 0..<outcome.effects.count { effects.append(TakenEffect(outcome.effects.items[index])) }
    for index in 0..<outcome.cancels.count { cancels.append(outcome.cancels.items[index].string) }
    for index in 0..<outcome.resolves.count { resolutions.append(TakenResolution(outcome.resolves.items[index])) }
    headers = Metadata(outcome.metadata).entries
  }
}

struct TakenEffect: Equatable {
  let call: TakenCall
  let isSynchronous: Bool
  let due: UInt8
  let time: Double
  let name: String?
  /// Of the method that hears the answer.
  let hearer: String?
  let note: [UInt8]
  let within: Double?

  init(_ effect: ik_effect) {
    call = TakenCall(effect.call)
    isSynchronous = effect.synchronous
    due = effect.due.kind
    time = effect.due.ms
    name = effect.name.present ? effect.name.value.string : nil
    hearer = effect.has_answer ? effect.answer.method.string : nil
    note = effect.has_answer ? effect.answer.note.array : []
    within = effect.has_within ? effect.within_ms : nil
  }

  var isDueAtOnce: Bool { due == UInt8(IK_DUE_AT_ONCE) }

  func due(from now: Int64) -> Double { due == UInt8(IK_DUE_AFTER) ? Double(now) + time : time }

  /// As the services say it.
  init(_ effect: Effect) {
    let lowered = arrayInArena(1, of: ik_effect.self)
    effect.lower(into: &lowered[0])
    self.init(lowered[0])
  }
}

struct TakenResolution: Equatable {
  let ticket: String
  let method: String
  let answer: Taken.Answer
  let headers: [MetadataEntry]

  init(_ resolution: ik_resolution) {
    headers = Metadata(resolution.metadata).entries
    ticket = resolution.ticket.string
    method = resolution.method.string
    if resolution.is_failure {
      var outcome = ik_outcome()
      outcome.is_failure = true
      outcome.answer.failure = resolution.answer.failure
      answer = Taken(outcome).answer
    } else {
      answer = .message(resolution.answer.message.array)
    }
  }
}

// Answers as a host makes them (host/delivery/answers.ts); last to first.

func heard(reply: [UInt8], _ note: [UInt8]) -> [UInt8] {
  var writer = Writer()
  put(note, &writer)
  writer.bytes(reply)
  writer.tag(10)
  return writer.finish()
}

/// `code`: on the wire.
func heard(failure code: UInt8, _ message: String, _ reason: Reason, _ note: [UInt8]) -> [UInt8] {
  var writer = Writer()
  put(note, &writer)
  let status = writer.open()
  let any = writer.open()
  let info = writer.open()
  writer.string("innkeeper")
  writer.tag(18)
  switch reason {
  case .refused: writer.string("REFUSED")
  case .notSent: writer.string("NOT_SENT")
  case .unknown: writer.string("UNKNOWN")
  }
  writer.tag(10)
  writer.close(info)
  writer.tag(18)
  writer.string("type.googleapis.com/google.rpc.ErrorInfo")
  writer.tag(10)
  writer.close(any)
  writer.tag(26)
  writer.string(message)
  writer.tag(18)
  writer.varint(UInt64(code))
  writer.tag(8)
  writer.close(status)
  writer.tag(18)
  return writer.finish()
}

private func put(_ note: [UInt8], _ writer: inout Writer) {
  if note.isEmpty { return }
  writer.bytes(note)
  writer.tag(26)
}

struct TakenTyped: Equatable {
  let typeName: String
  let data: [UInt8]

  init(_ typed: ik_typed) {
    typeName = typed.type_name.string
    data = typed.data.array
  }

  init<M: Message>(_ message: M) {
    typeName = inArena(M.typeName).string
    data = message.encoded()
  }
}

public final class Given {
  let service: Service
  private(set) var key = "entity"
  /// By the test, by a request.
  private var isGiven = false
  private var isAsked = false
  private(set) var isDeleted = false
  var time: Int64 = 0
  /// The last of four.
  var seed: UInt32 = 4
  private var state: [UInt8]?
  private var value: [UInt8]?
  private var root: Node?
  private var sent: [MetadataEntry] = []

  init(_ service: Service) { self.service = service }

  /// Of what follows: requests may then leave it out, and may name no other.
  public func entity(_ key: String) -> Given {
    self.key = key
    isGiven = true
    return self
  }

  /// The entity is the one that requests name.
  private func name(_ call: Call, _ file: StaticString, _ line: UInt) {
    let asked = TakenCall(call)
    if Int(service.kind) == Int(IK_KIND_ACTION) { return }
    guard let method = DescribedMethod(asked) else { return }
    switch method.key(of: asked.payload) {
    case .forgotten(let why), .impossible(let why):
      if !isGiven { failTest(why, file, line) }
    case .named(let name):
      if isGiven && name.utf8.isEmpty { return }
      if (isGiven || isAsked) && !same(name, key) {
        failTest(
          "\(asked.method) is asked of \(name), but the test is about \(key); begin another one with given()", file, line)
      }
      key = name
      isAsked = true
    }
  }

  public func now(_ milliseconds: Int64) -> Given {
    time = milliseconds
    return self
  }

  /// What the caller sends along.
  public func metadata(
    _ name: String, _ text: String, file: StaticString = #filePath, line: UInt = #line
  ) -> Given {
    checkReaches(lowercase(name), file, line)
    sent.append(MetadataEntry(name: lowercase(name), value: .text(text)))
    return self
  }

  /// An event that happened before.
  public func event<Event: Message>(_ event: Event) -> Given {
    state = fold([TakenTyped(event)])
    return self
  }

  /// The value that is there.
  public func value<Value: Message>(_ value: Value) -> Given {
    self.value = value.encoded()
    return self
  }

  private func basis(_ bytes: [UInt8]?) -> ik_basis {
    guard let bytes else { return ik_basis(kind: UInt8(IK_BASIS_NONE), bytes: ik_bytes(data: nil, length: 0), token: 0) }
    return ik_basis(kind: UInt8(IK_BASIS_BYTES), bytes: inArena(bytes), token: 0)
  }

  private func command(_ call: TakenCall) -> ik_command {
    for entry in call.metadata { checkReaches(entry.name, #filePath, #line) }
    return ik_command(
      method: inArena(call.method), payload: inArena(call.payload), metadata: lower(sent + call.metadata),
      now_ms: Double(time), seed: (1, 2, 3, seed), principal: ik_optional_bytes())
  }

  private func fold(_ events: [TakenTyped]) -> [UInt8] {
    let items = arrayInArena(events.count, of: ik_typed.self)
    for (index, event) in events.enumerated() {
      items[index] = ik_typed(type_name: inArena(event.typeName), data: inArena(event.data))
    }
    let answer = arrayInArena(1, of: ik_evolve_answer.self)
    service.evolve(basis(state), ik_typed_list(items: items, count: events.count), answer)
    let after = answer.pointee.value.state.array
    ik_release()
    return after
  }

  struct Step: Equatable {
    var taken = Taken()
    var events: [TakenTyped] = []
    var change = 0
    var bytes: [UInt8] = []
    var note: [UInt8]?
    var subscribes = false
    var isDeleted = false
  }

  /// `isFirst`: what it logs is shown.
  private func step(_ call: TakenCall, isFirst: Bool) -> Step {
    var step = Step()
    var logs = ik_log_line_list(items: nil, count: 0)
    let commands = arrayInArena(1, of: ik_command.self)
    commands[0] = command(call)
    let list = ik_command_list(items: commands, count: 1)
    switch Int(service.kind) {
    case Int(IK_KIND_EVENT_SOURCED):
      let answer = arrayInArena(1, of: ik_decide_answer.self)
      service.decideEvents(inArena(key), basis(state), list, true, answer)
      let decision = answer.pointee.decisions.items[0]
      step.taken = Taken(decision.outcome)
      logs = decision.outcome.logs
      for index in 0..<decision.events.count { step.events.append(TakenTyped(decision.events.items[index])) }
      step.bytes = answer.pointee.next.value.state.array
    case Int(IK_KIND_VALUE):
      let answer = arrayInArena(1, of: ik_value_answer.self)
      service.decideValue(inArena(key), basis(value), list, answer)
      let decision = answer.pointee.decisions.items[0]
      step.taken = Taken(decision.outcome)
      logs = decision.outcome.logs
      step.change = Int(decision.change)
      step.bytes = decision.value.array
    case Int(IK_KIND_REPLICATED):
      let answer = arrayInArena(1, of: ik_replicated_decision.self)
      service.decideReplicated(inArena(key), inArena(encode(root)), commands[0], answer)
      step.bytes = answer.pointee.operations.array
      step.isDeleted = answer.pointee.is_deleted
      step.subscribes = answer.pointee.subscribe.present
      if Int(answer.pointee.answer) == IK_ANSWER_AFTER {
        step.note = answer.pointee.value.after.array
      } else {
        step.taken = Taken(answer.pointee.value.now)
        logs = answer.pointee.value.now.logs
      }
    default:
      let outcome = arrayInArena(1, of: ik_outcome.self)
      service.call(commands[0], outcome)
      step.taken = Taken(outcome.pointee)
      logs = outcome.pointee.logs
    }
    if isFirst { show(logs) }
    ik_release()
    return step
  }

  /// A command; what it does holds for those that follow.
  public func when(_ call: Call, file: StaticString = #filePath, line: UInt = #line) -> Then {
    if !inArena(call.service).equals(service.name) { failTest("the command is for another service", file, line) }
    name(call, file, line)
    return then(decide(TakenCall(call), file, line))
  }

  /// The entity hears what it has asked for: `.when(ShopHears.charged(note), reply: Line())`.
  public func when<Reply: Message>(
    _ hearer: Hearer, reply: Reply, file: StaticString = #filePath, line: UInt = #line
  ) -> Then {
    hears(hearer, heard(reply: reply.encoded(), hearer.note), file, line)
  }

  /// It hears why there is no reply.
  public func when(
    _ hearer: Hearer, failure code: Code, _ message: String, _ reason: Reason, file: StaticString = #filePath,
    line: UInt = #line
  ) -> Then {
    hears(hearer, heard(failure: code.rawValue, message, reason, hearer.note), file, line)
  }

  /// Its request names no entity: the host knows which one asked.
  private func hears(_ hearer: Hearer, _ payload: [UInt8], _ file: StaticString, _ line: UInt) -> Then {
    if !inArena(hearer.service).equals(service.name) { failTest("another service hears that", file, line) }
    return then(decide(TakenCall(hearer, payload), file, line))
  }

  private func then(_ step: Step) -> Then {
    Then(
      given: self, taken: step.taken, events: step.events,
      updated: step.change == IK_CHANGE_UPDATED ? step.bytes : nil,
      isRemoved: step.change == IK_CHANGE_DELETED || step.isDeleted, subscribes: step.subscribes)
  }

  /// What the entity comes to.
  func decide(_ call: TakenCall, _ file: StaticString, _ line: UInt) -> Step {
    var step = step(call, isFirst: true)
    if self.step(call, isFirst: false) != step { failTest("the same command is decided otherwise the second time", file, line) }
    switch Int(service.kind) {
    case Int(IK_KIND_EVENT_SOURCED):
      if fold(step.events) != step.bytes { failTest("the state is not what the events fold to", file, line) }
      state = step.bytes
    case Int(IK_KIND_VALUE):
      if step.change == IK_CHANGE_UPDATED { value = step.bytes }
      if step.change == IK_CHANGE_DELETED { value = nil }
    case Int(IK_KIND_REPLICATED):
      operate(step.bytes)
      if let note = step.note {
        let outcome = arrayInArena(1, of: ik_outcome.self)
        service.render(inArena(key), inArena(encode(root)), command(call), inArena(note), outcome)
        step.taken = Taken(outcome.pointee)
        show(outcome.pointee.logs)
        ik_release()
      }
      isDeleted = step.isDeleted
      if step.isDeleted { root = nil }
    default: break
    }
    return step
  }

  // Replicated: what streams are told.

  private func subscription(_ call: Call) -> ik_subscription {
    ik_subscription(id: inArena("1"), method: inArena(call.method), note: inArena(call.payload))
  }

  /// What the subscriber whom this command made is told now.
  public func tells(_ call: Call, file: StaticString = #filePath, line: UInt = #line) -> Hearing {
    name(call, file, line)
    let answer = arrayInArena(1, of: ik_stream_step.self)
    service.changed(inArena(key), inArena(encode(root)), subscription(call), Double(time), answer)
    let taken = Taken(answer.pointee.outcome)
    show(answer.pointee.outcome.logs)
    // An outcome may come for its log lines alone.
    let isTold = answer.pointee.has_outcome && (taken.answer != .none || !taken.effects.isEmpty)
    let told = Hearing(given: self, taken: isTold ? taken : nil, end: answer.pointee.end)
    ik_release()
    return told
  }

  /// The subscriber leaves.
  public func cancels(_ call: Call, file: StaticString = #filePath, line: UInt = #line) -> Given {
    name(call, file, line)
    let answer = arrayInArena(1, of: ik_replicated_decision.self)
    service.cancelled(inArena(key), inArena(encode(root)), subscription(call), Double(time), answer)
    let operations = answer.pointee.operations.array
    let isDeleted = answer.pointee.is_deleted
    show(answer.pointee.value.now.logs)
    ik_release()
    operate(operations)
    if isDeleted { root = nil }
    return self
  }

  private func operate(_ bytes: [UInt8]) {
    for (path, change) in readOperations(bytes) {
      if case .create(let kind) = change {
        let draft = Draft(path.isEmpty ? kind : .orMap, root)
        _ = draft.reach(path, kind)
        root = draft.root
      } else if let node = Draft(.orMap, root).resolve(path) {
        Draft.apply(change, to: node, isNew: true)
      }
    }
  }

  // Actions: streams.

  /// A stream of this method: `given(.action(Actions())).stream("Chat")`.
  public func stream(_ method: StaticString) -> StreamDriver { StreamDriver(self, method, Double(time)) }
}

public struct Then {
  let given: Given
  let taken: Taken
  var events: [TakenTyped]
  var updated: [UInt8]?
  var isRemoved: Bool
  var subscribes: Bool
  var effects: [TakenEffect]
  var cancels: [String]
  var resolutions: [TakenResolution]

  init(given: Given, taken: Taken, events: [TakenTyped], updated: [UInt8]?, isRemoved: Bool, subscribes: Bool) {
    self.given = given
    self.taken = taken
    self.events = events
    self.updated = updated
    self.isRemoved = isRemoved
    self.subscribes = subscribes
    effects = taken.effects
    cancels = taken.cancels
    resolutions = taken.resolutions
  }

  /// The next event.
  public func event<Event: Message>(_ event: Event, file: StaticString = #filePath, line: UInt = #line) -> Then {
    var then = self
    let expected = TakenTyped(event)
    if then.events.isEmpty { failTest("there is no event \(expected.typeName): \(shown(taken))", file, line) }
    let found = then.events.removeFirst()
    if found != expected { failTest("the event is another: \(found.typeName), or with other fields", file, line) }
    return then
  }

  /// The next event, to look at: `.event(Added.self) { added in expect(added.amount > 0, "more") }`.
  public func event<Event: Message>(
    _ type: Event.Type, file: StaticString = #filePath, line: UInt = #line, _ look: (Event) -> Void
  ) -> Then {
    var then = self
    let expected = inArena(Event.typeName).string
    if then.events.isEmpty { failTest("there is no event \(expected): \(shown(taken))", file, line) }
    let found = then.events.removeFirst()
    guard same(found.typeName, expected), let event = try? Event(bytes: found.data) else {
      failTest("the event is another: \(found.typeName)", file, line)
    }
    look(event)
    return then
  }

  /// The value is put in the place of what was there.
  public func updates<Value: Message>(_ value: Value, file: StaticString = #filePath, line: UInt = #line) -> Then {
    var then = self
    if then.updated != value.encoded() { failTest("the value is not updated to that", file, line) }
    then.updated = nil
    return then
  }

  public func removes(file: StaticString = #filePath, line: UInt = #line) -> Then {
    var then = self
    if !isRemoved { failTest("nothing is removed", file, line) }
    then.isRemoved = false
    return then
  }

  private func next(_ effect: Effect, _ file: StaticString, _ line: UInt) -> Then {
    var then = self
    let expected = TakenEffect(effect)
    if then.effects.isEmpty { failTest("there is no effect", file, line) }
    let found = then.effects.removeFirst()
    if found == expected { return then }
    if found.call != expected.call || found.isSynchronous != expected.isSynchronous {
      failTest("the effect is another", file, line)
    }
    if found.due != expected.due || found.time != expected.time { failTest("the effect is due at another time", file, line) }
    if found.name != expected.name { failTest("the effect has another name, or none", file, line) }
    if found.within != expected.within { failTest("the effect is to be answered within another time", file, line) }
    failTest("the answer of the effect is heard by another method, or with another note", file, line)
  }

  /// The next effect.
  public func effect(
    _ call: Call, synchronous: Bool = false, name: String? = nil, within: Int64? = nil, file: StaticString = #filePath,
    line: UInt = #line
  ) -> Then {
    next(Effect(call: call, isSynchronous: synchronous, name: name, within: within), file, line)
  }

  /// The next effect, due so many milliseconds after the commit.
  public func after(
    _ milliseconds: Int64, _ call: Call, name: String? = nil, within: Int64? = nil, file: StaticString = #filePath,
    line: UInt = #line
  ) -> Then {
    next(Effect(call: call, due: .after(milliseconds), name: name, within: within), file, line)
  }

  /// The next effect, due at this time since 1970.
  public func at(
    _ time: Int64, _ call: Call, name: String? = nil, within: Int64? = nil, file: StaticString = #filePath,
    line: UInt = #line
  ) -> Then {
    next(Effect(call: call, due: .at(time), name: name, within: within), file, line)
  }

  /// The next effect, whose answer the entity hears.
  public func asks(
    _ call: Call, _ hearer: Hearer, name: String? = nil, after: Int64? = nil, at: Int64? = nil, within: Int64? = nil,
    file: StaticString = #filePath, line: UInt = #line
  ) -> Then {
    var effect = Effect(call: call, name: name, hearer: hearer, within: within)
    if let after { effect.due = .after(after) }
    if let at { effect.due = .at(at) }
    return next(effect, file, line)
  }

  /// The next names of effects that are dropped.
  public func cancels(_ names: String..., file: StaticString = #filePath, line: UInt = #line) -> Then {
    var then = self
    for name in names {
      if then.cancels.isEmpty { failTest("no further effect is cancelled", file, line) }
      let found = then.cancels.removeFirst()
      if !same(found, name) { failTest("another effect is cancelled: \(found)", file, line) }
    }
    return then
  }

  /// The next ticket that is resolved.
  public func resolves(
    _ ticket: String, _ resolution: Resolution, file: StaticString = #filePath, line: UInt = #line
  ) -> Then {
    var then = self
    if then.resolutions.isEmpty { failTest("no further ticket is resolved", file, line) }
    let lowered = arrayInArena(1, of: ik_resolution.self)
    resolution.lower(ticket, into: &lowered[0])
    let found = then.resolutions.removeFirst()
    if found != TakenResolution(lowered[0]) {
      failTest("another ticket is resolved, or otherwise: \(found.ticket) of \(found.method)", file, line)
    }
    return then
  }

  public func header(_ name: String, _ text: String, file: StaticString = #filePath, line: UInt = #line) -> Then {
    taken.find(name, text, file, line)
    return self
  }

  private func last(_ file: StaticString, _ line: UInt) -> Given {
    if let left = events.first { failTest("there is one event more: \(left.typeName)", file, line) }
    if updated != nil { failTest("the value is updated", file, line) }
    if isRemoved { failTest("something is removed", file, line) }
    if !effects.isEmpty { failTest("there is one effect more", file, line) }
    if let left = cancels.first { failTest("there is one cancelled effect more: \(left)", file, line) }
    if let left = resolutions.first { failTest("there is one resolved ticket more: \(left.ticket)", file, line) }
    return given
  }

  /// The reply comes later.
  @discardableResult
  public func later(
    _ ticket: String, within: Int64? = nil, file: StaticString = #filePath, line: UInt = #line
  ) -> Given {
    let expected = Deferred(ticket, within)
    if taken.answer != .later(ticket, expected.within) {
      failTest("the reply does not come later so: \(shown(taken))", file, line)
    }
    return last(file, line)
  }

  /// The reply, to look at and to go on with.
  public func read<Reply: Message>(_ type: Reply.Type, file: StaticString = #filePath, line: UInt = #line) -> Reply {
    taken.read(type, file, line)
  }

  @discardableResult
  public func reply<Reply: Message>(_ reply: Reply, file: StaticString = #filePath, line: UInt = #line) -> Given {
    if taken.answer != .message(reply.encoded()) { failTest("the reply is another: \(shown(taken))", file, line) }
    if subscribes { failTest("the stream stays open", file, line) }
    return last(file, line)
  }

  /// The first element of a stream that stays open.
  @discardableResult
  public func streams<Reply: Message>(_ first: Reply, file: StaticString = #filePath, line: UInt = #line) -> Given {
    if taken.answer != .message(first.encoded()) { failTest("the first element is another: \(shown(taken))", file, line) }
    if !subscribes { failTest("the stream does not stay open", file, line) }
    return last(file, line)
  }

  @discardableResult
  public func refuses(
    _ code: Code, _ message: String, file: StaticString = #filePath, line: UInt = #line
  ) -> Given {
    taken.refuses(code, message, file, line)
    return last(file, line)
  }

  @discardableResult
  public func forwards(_ call: Call, file: StaticString = #filePath, line: UInt = #line) -> Given {
    if taken.answer != .forward(TakenCall(call)) { failTest("it is not forwarded there: \(shown(taken))", file, line) }
    return last(file, line)
  }
}

/// What a subscriber is told.
public struct Hearing {
  let given: Given
  let taken: Taken?
  let end: Bool

  /// The element, to look at and to go on with.
  public func read<Reply: Message>(_ type: Reply.Type, file: StaticString = #filePath, line: UInt = #line) -> Reply {
    guard let taken else { failTest("nothing is told", file, line) }
    return taken.read(type, file, line)
  }

  @discardableResult
  public func emits<Reply: Message>(_ element: Reply, file: StaticString = #filePath, line: UInt = #line) -> Given {
    if taken?.answer != .message(element.encoded()) || end { failTest("another is told", file, line) }
    return given
  }

  @discardableResult
  public func ends<Reply: Message>(_ last: Reply, file: StaticString = #filePath, line: UInt = #line) -> Given {
    if taken?.answer != .message(last.encoded()) || !end { failTest("it does not end with that", file, line) }
    return given
  }

  @discardableResult
  public func silent(file: StaticString = #filePath, line: UInt = #line) -> Given {
    if taken != nil || end { failTest("something is told", file, line) }
    return given
  }

  @discardableResult
  public func refuses(_ code: Code, _ message: String, file: StaticString = #filePath, line: UInt = #line) -> Given {
    guard case .failure(let found, let text, _)? = taken?.answer, found == code.rawValue, text == message else {
      failTest("it is not refused so", file, line)
    }
    return given
  }
}

/// A stream of an action, as its client sees it: `send`, `sent` and `cancel` are what it does, the rest is what it gets, in order.
public final class StreamDriver {
  private let given: Given
  private let method: StaticString
  private let time: Double
  private var state: [UInt8]?
  private var outputs: [Taken] = []
  private var isDone = false
  private var wantsMore = false
  private var effects: [TakenEffect] = []

  init(_ given: Given, _ method: StaticString, _ time: Double) {
    self.given = given
    self.method = method
    self.time = time
    step([ik_input()])
  }

  private func step(_ inputs: [ik_input]) {
    let items = arrayInArena(inputs.count, of: ik_input.self)
    for (index, input) in inputs.enumerated() { items[index] = input }
    let answer = arrayInArena(1, of: ik_action_step.self)
    given.service.stream(
      inArena(method), state.map { inArena($0) }, ik_input_list(items: items, count: inputs.count), time, (1, 2, 3, 4),
      answer)
    for index in 0..<answer.pointee.outputs.count {
      let taken = Taken(answer.pointee.outputs.items[index])
      show(answer.pointee.outputs.items[index].logs)
      effects += taken.effects
      if taken.answer != .none { outputs.append(taken) }
    }
    isDone = answer.pointee.done
    wantsMore = answer.pointee.more
    state = answer.pointee.state.present ? answer.pointee.state.value.array : nil
    ik_release()
  }

  @discardableResult
  public func send<Request: Message>(_ request: Request, file: StaticString = #filePath, line: UInt = #line) -> StreamDriver {
    if isDone { failTest("the stream is over", file, line) }
    var input = ik_input()
    input.kind = UInt8(IK_INPUT_ITEM)
    input.value.item = inArena(request.encoded())
    step([input])
    return self
  }

  /// The client has sent all.
  @discardableResult
  public func sent() -> StreamDriver {
    var input = ik_input()
    input.kind = UInt8(IK_INPUT_END)
    step([input])
    return self
  }

  /// The client leaves.
  @discardableResult
  public func cancel() -> StreamDriver {
    var input = ik_input()
    input.kind = UInt8(IK_INPUT_CANCELLED)
    step([input])
    return self
  }

  private func next(_ file: StaticString, _ line: UInt) -> Taken {
    // The client has taken what there was.
    while outputs.isEmpty && wantsMore && !isDone { step([]) }
    if outputs.isEmpty { failTest("nothing comes", file, line) }
    return outputs.removeFirst()
  }

  /// The next element, to look at and to go on with.
  public func read<Element: Message>(_ type: Element.Type, file: StaticString = #filePath, line: UInt = #line) -> Element {
    next(file, line).read(type, file, line)
  }

  @discardableResult
  public func emits<Element: Message>(_ element: Element, file: StaticString = #filePath, line: UInt = #line) -> StreamDriver {
    let taken = next(file, line)
    if taken.answer != .message(element.encoded()) { failTest("the element is another: \(shown(taken))", file, line) }
    return self
  }

  @discardableResult
  public func refuses(_ code: Code, _ message: String, file: StaticString = #filePath, line: UInt = #line) -> StreamDriver {
    let taken = next(file, line)
    guard case .failure(let found, let text, _) = taken.answer, found == code.rawValue, text == message else {
      failTest("it is not refused so: \(shown(taken))", file, line)
    }
    return self
  }

  @discardableResult
  public func effect(
    _ call: Call, synchronous: Bool = false, file: StaticString = #filePath, line: UInt = #line
  ) -> StreamDriver {
    if effects.isEmpty || effects.removeFirst() != TakenEffect(Effect(call: call, isSynchronous: synchronous)) {
      failTest("there is no such effect", file, line)
    }
    return self
  }

  /// Nothing more comes.
  @discardableResult
  public func ends(file: StaticString = #filePath, line: UInt = #line) -> StreamDriver {
    while outputs.isEmpty && wantsMore && !isDone { step([]) }
    if !outputs.isEmpty { failTest("there is more", file, line) }
    if !isDone { failTest("the stream goes on", file, line) }
    return self
  }
}

func shown(_ taken: Taken) -> String {
  switch taken.answer {
  case .message(let bytes): return "a reply of \(bytes.count) bytes"
  case .forward(let call): return "a forward to \(call.service)/\(call.method)"
  case .failure(let code, let message, _): return "a refusal, \(code), \(message)"
  case .later(let ticket, let within): return "the ticket \(ticket), open for \(within.map { "\($0) s" } ?? "ever")"
  case .none: return "nothing"
  }
}

/// Bytes of innkeeper.crdt.v1.View.
func encode(_ root: Node?) -> [UInt8] {
  guard let root else { return [] }
  var writer = Writer()
  write(root, &writer, tag: 18)
  writer.bool(true)
  writer.tag(8)
  return writer.finish()
}

/// A message Value, under the tag.
private func write(_ node: Node, _ writer: inout Writer, tag: UInt32) {
  node.settle()
  let value = writer.open()
  let content = writer.open()
  switch node.kind {
  case .unknown: break
  case .gCounter, .flag:
    writer.varint(node.number)
    writer.tag(8)
  case .pnCounter:
    writer.sint64(Int64(bitPattern: node.number))
    writer.tag(8)
  case .lwwRegister:
    writer.bytes(node.bytes)
    writer.tag(10)
  case .vote:
    writer.uint32(node.voters)
    writer.tag(24)
    writer.uint32(node.votesFor)
    writer.tag(16)
    writer.bool(node.isSelf)
    writer.tag(8)
  case .gSet, .orSet, .orMap:
    writer.varint(node.size)
    writer.tag(16)
    for index in node.keys.indices.reversed() {
      if node.kind == .orMap, let inner = node.values[index] {
        let entry = writer.open()
        write(inner, &writer, tag: 18)
        writer.bytes(node.keys[index])
        writer.tag(10)
        writer.close(entry)
      } else {
        writer.bytes(node.keys[index])
      }
      writer.tag(10)
    }
  }
  writer.close(content)
  writer.tag(UInt32(node.kind.rawValue) << 3 | 2)
  writer.close(value)
  writer.tag(tag)
}

private func readOperations(_ bytes: [UInt8]) -> [(Path, Operation.Change)] {
  var operations: [(Path, Operation.Change)] = []
  bytes.withUnsafeBufferPointer { buffer in
    var reader = Reader(buffer)
    while let tag = reader.tag() {
      if tag != 10 {
        reader.skip(tag)
        continue
      }
      let outer = reader.enter()
      var path: Path = []
      var change = Operation.Change.clear
      while let tag = reader.tag() {
        switch tag >> 3 {
        case 1: path.append(reader.bytes())
        case 2: change = .create(Kind(rawValue: UInt8(reader.varint()))!)
        case 3: change = .increment(reader.varint())
        case 4: change = .add(reader.sint64())
        case 5: change = .insert(reader.bytes())
        case 6: change = .remove(reader.bytes())
        case 8:
          let assign = reader.enter()
          var value: [UInt8] = []
          while let tag = reader.tag() { if tag == 10 { value = reader.bytes() } else { reader.skip(tag) } }
          reader.leave(assign)
          change = .assign(value, .default, 0)
        case 9:
          reader.skip(tag)
          change = .enable
        case 10: change = .vote(reader.bool())
        default: reader.skip(tag)
        }
      }
      reader.leave(outer)
      operations.append((path, change))
    }
  }
  return operations
}
