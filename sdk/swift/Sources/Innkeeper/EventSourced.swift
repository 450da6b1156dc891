// Event-sourced: an entity whose state is the fold of its events.
//
// D1. A batch is decided one by one, each command on the state that the one before left.
// D2. A refusal brings no events and no effects, and leaves the state.
// D3. An event is encoded, and what a reader makes of the bytes is folded: nothing enters a state that the journal could not
//     give back.
// D4. States are never held between calls: nothing is there to be out of date.
//
// Leaves to others: the methods of a service (generated code).
import InnkeeperABI

/// What a generated protocol (`CounterEventSourced`) asks of its service.
public protocol EventSourced {
  associatedtype EntityState: Message
  /// Every event that the service emits or has ever emitted, and what it does to the state.
  var events: [On<EntityState>] { get }
  /// The state before the first event.
  var initial: EntityState { get }
  static var serviceName: StaticString { get }
  func decide(_ command: Incoming, state: EntityState, context: Context) -> Decided<EntityState>?
}

extension EventSourced {
  public var initial: EntityState { EntityState() }
}

/// An event and its fold: `.on(Added.self) { state, added in state.value += added.amount }`.
public struct On<State> {
  let typeName: StaticString
  /// Nil, or why the bytes are no such event.
  let fold: (inout State, ik_bytes) -> StaticString?

  public static func on<Event: Message>(_ type: Event.Type, _ fold: @escaping (inout State, Event) -> Void) -> On {
    On(typeName: Event.typeName) { state, bytes in
      var event = Event()
      if let problem = event.decode(bytes) { return problem }
      fold(&state, event)
      return nil
    }
  }
}

/// What a handler answers: `.accept(Added(amount: 2)).reply { after in after }`, `.reply(...)`, `.refuse(...)`, `.forward(...)`.
public struct Decision<State, Reply: Message> {
  let decided: Decided<State>

  public static func accept() -> Acceptance<State, Reply> { Acceptance() }
  public static func accept<Event: Message>(_ event: Event) -> Acceptance<State, Reply> { Acceptance().and(event) }

  /// Without events.
  public static func reply(_ reply: Reply) -> Decision { Acceptance<State, Reply>().reply(reply) }
  public static func reply(_ make: @escaping (State) -> Reply) -> Decision { Acceptance<State, Reply>().reply(make) }
  public static func forward(_ call: Call) -> Decision { Acceptance<State, Reply>().forward(call) }
  public static func later(_ ticket: String, within: Int64? = nil) -> Decision {
    Acceptance<State, Reply>().later(ticket, within: within)
  }

  public static func refuse(_ code: Code, _ message: String) -> Decision { refuse(Refusal(code, message)) }
  public static func refuse(_ refusal: Refusal) -> Decision {
    Decision(decided: Decided(events: [], answer: .refusal(refusal)))
  }
}

/// Events that are accepted. It becomes an answer by `reply`, `forward` or `later`.
public struct Acceptance<State, Reply: Message> {
  private var events: [Emitted] = []

  /// One more event.
  public func and<Event: Message>(_ event: Event) -> Acceptance {
    var acceptance = self
    acceptance.emit(event)
    return acceptance
  }

  public init() {}

  /// The same, in place.
  public mutating func emit<Event: Message>(_ event: Event) {
    events.append(Emitted(typeName: Event.typeName, data: event.encoded()))
  }

  public func reply(_ reply: Reply) -> Decision<State, Reply> {
    self.reply { _ in reply }
  }

  /// From the state after the events.
  public func reply(_ make: @escaping (State) -> Reply) -> Decision<State, Reply> {
    Decision(decided: Decided(events: events, answer: .reply { after in inArena(make(after)) }))
  }

  /// Another command answers.
  public func forward(_ call: Call) -> Decision<State, Reply> {
    Decision(decided: Decided(events: events, answer: .forward(call)))
  }

  /// The caller's call stays open until a later command of the entity resolves the ticket; another caller of this method joins one that is open.
  /// `within` so many milliseconds, in whole seconds, the answer is DEADLINE_EXCEEDED.
  public func later(_ ticket: String, within: Int64? = nil) -> Decision<State, Reply> {
    Decision(decided: Decided(events: events, answer: .later(Deferred(ticket, within))))
  }
}

struct Emitted {
  let typeName: StaticString
  let data: [UInt8]
}

/// A decision whose reply has lost its type.
public struct Decided<State> {
  let events: [Emitted]
  let answer: Answering

  var isRefusal: Bool {
    if case .refusal = answer { return true }
    return false
  }

  enum Answering {
    case reply((State) -> ik_bytes)
    case forward(Call)
    case later(Deferred)
    case refusal(Refusal)
  }
}

extension Incoming {
  /// For generated code.
  public func decide<Request: Message, State, Reply: Message>(
    _ handler: (Request) -> Decision<State, Reply>
  ) -> Decided<State>? {
    switch request(Request.self) {
    case .request(let request): return handler(request).decided
    case .refusal(let refusal): return Decided(events: [], answer: .refusal(refusal))
    }
  }
}

extension Service {
  public static func eventSourced<Definition: EventSourced>(
    _ definition: Definition, _ options: Options = Options()
  ) -> Service {
    EventSourcedService(definition, options)
  }
}

private func insert(_ name: ik_bytes, into names: UnsafeMutablePointer<ik_bytes>, _ count: inout Int) {
  var at = count
  while at > 0 {
    let order = compareBytes(names[at - 1].buffer, name.buffer)
    if order == 0 { return }
    if order < 0 { break }
    at -= 1
  }
  var above = count
  while above > at {
    names[above] = names[above - 1]
    above -= 1
  }
  names[at] = name
  count += 1
}

final class EventSourcedService<Definition: EventSourced>: Service, @unchecked Sendable {
  private let definition: Definition
  private let events: [On<Definition.EntityState>]

  init(_ definition: Definition, _ options: Options) {
    self.definition = definition
    events = definition.events
    super.init(
      Definition.serviceName, kind: UInt8(bitPattern: ik_kind_event_sourced),
      stateType: Definition.EntityState.typeName, options: options)
  }

  /// In the order of their bytes, each once.
  override func describeEvents() -> ik_bytes_list {
    let items = arrayInArena(events.count, of: ik_bytes.self)
    var count = 0
    for event in events { insert(inArena(event.typeName), into: items, &count) }
    return ik_bytes_list(items: items, count: count)
  }

  private func state(_ basis: ik_basis) -> Definition.EntityState {
    if basis.kind != UInt8(IK_BASIS_BYTES) { return definition.initial }
    var state = Definition.EntityState()
    if let problem = state.decode(basis.bytes) {
      fault("the stored state is no ", inArena(Definition.EntityState.typeName), ": ", problem)
    }
    return state
  }

  private func fold(_ state: inout Definition.EntityState, _ event: ik_typed) {
    for known in events where event.type_name.equals(known.typeName) {
      if let problem = known.fold(&state, event.data) { fault("an event is no ", event.type_name, ": ", problem) }
      return
    }
    fault("the event ", event.type_name, " is not among the service's `events`")
  }

  override func decideEvents(
    _ entity: ik_text, _ basis: ik_basis, _ commands: ik_command_list, _ wantState: Bool,
    _ answer: UnsafeMutablePointer<ik_decide_answer>
  ) {
    if basis.kind == UInt8(IK_BASIS_HELD) {
      answer.pointee.unknown = true
      return
    }
    let decisions = arrayInArena(commands.count, of: ik_decision.self)
    answer.pointee.decisions = ik_decision_list(items: decisions, count: commands.count)
    let key = entity.string
    var state = state(basis)
    var isChanged = wantState
    for index in 0..<commands.count {
      let command = commands.items[index]
      let context = Context(name, key, command)
      let incoming = Incoming(method: command.method, payload: command.payload)
      guard let decided = definition.decide(incoming, state: state, context: context) else {
        put(refusal: unknownMethod(name, command.method), &decisions[index].outcome)
        continue
      }
      if !decided.events.isEmpty {
        isChanged = true
        let items = arrayInArena(decided.events.count, of: ik_typed.self)
        for (at, event) in decided.events.enumerated() {
          items[at] = ik_typed(type_name: inArena(event.typeName), data: inArena(event.data))
          fold(&state, items[at])
        }
        decisions[index].events = ik_typed_list(items: items, count: decided.events.count)
      }
      switch decided.answer {
      case .reply(let make): put(reply: make(state), &decisions[index].outcome)
      case .forward(let call): put(forward: call, &decisions[index].outcome)
      case .later(let deferred): put(later: deferred, &decisions[index].outcome)
      case .refusal(let refusal): put(refusal: refusal, &decisions[index].outcome)
      }
      put(context, effects: !decided.isRefusal, &decisions[index].outcome)
    }
    if !isChanged { return }
    answer.pointee.next.kind = UInt8(IK_NEXT_STATE)
    answer.pointee.next.value.state = inArena(state)
  }

  override func evolve(_ basis: ik_basis, _ events: ik_typed_list, _ answer: UnsafeMutablePointer<ik_evolve_answer>) {
    if basis.kind == UInt8(IK_BASIS_HELD) {
      answer.pointee.kind = UInt8(IK_EVOLVED_UNKNOWN)
      return
    }
    var state = state(basis)
    for index in 0..<events.count { fold(&state, events.items[index]) }
    answer.pointee.value.state = inArena(state)
  }
}
