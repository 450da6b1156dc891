// Replicated: an entity whose value is a CRDT, which the host merges.
//
// D1. A refusal brings no operations and no effects.
// D2. A reply is made from what the operations leave, here and now; only where the host alone can know is the host asked (Draft,
//     V3), and the handler decides a second time.
// D3. The note of a subscription is the request that opened it. Nothing is kept in between.
// D4. A reply to a removal is made from the value before it, with the operations that come with the removal.
//
// Leaves to others: the methods of a service (generated code), the value (Draft.swift, Views.swift).
import InnkeeperABI

/// A service that conforms to a generated protocol (`PresenceReplicated`), as generated code runs it.
public protocol Replicated {
  associatedtype EntityView: ReplicatedView
  /// What an entity that is a register holds before it is written: bytes of an element.
  var initial: [UInt8] { get }
  static var serviceName: StaticString { get }
  func decide(_ command: Incoming, view: EntityView, context: ReplicatedContext) -> AnsweredStream?
  func reads(_ command: Incoming) -> [[UInt8]]?
  func changed(_ method: Incoming, view: EntityView, context: Context) -> Told?
  /// False if there is no such stream.
  func cancelled(_ method: Incoming, view: EntityView, context: ReplicatedContext) -> Bool
}

public final class ReplicatedContext: Context {
  fileprivate var isRemoved = false
  fileprivate var consistency = Consistency.local

  /// Deletes the entity, for good. Operations of the same command come first: the reply and subscribers see them.
  public func remove() { isRemoved = true }

  /// How far the changes must be written before the answer.
  public func write(_ consistency: Consistency) { self.consistency = consistency }
}

/// How far a change must be written before its answer: on this host, on most that have the entity, on all. A host that is alone meets each
/// of them by its own commit.
public enum Consistency: UInt8, Sendable {
  case local, majority, all
}

/// What the handler of a streamed method answers: once (`.reply`), or with its stream kept open (`.stream`).
public struct StreamAnswer<Reply: Message> {
  let answered: AnsweredStream

  public static func reply(_ reply: Reply) -> StreamAnswer { StreamAnswer(answered: AnsweredStream(.reply(reply.encoded()))) }
  public static func forward(_ call: Call) -> StreamAnswer { StreamAnswer(answered: AnsweredStream(.forward(call))) }
  public static func refuse(_ code: Code, _ message: String) -> StreamAnswer { refuse(Refusal(code, message)) }
  public static func refuse(_ refusal: Refusal) -> StreamAnswer {
    StreamAnswer(answered: AnsweredStream(.refusal(refusal)))
  }
  /// The first element; the stream stays open.
  public static func stream(_ first: Reply) -> StreamAnswer {
    StreamAnswer(answered: AnsweredStream(.reply(first.encoded()), subscribes: true))
  }
  /// Nothing yet; the stream stays open.
  public static func stream() -> StreamAnswer { StreamAnswer(answered: AnsweredStream(nil, subscribes: true)) }
}

/// An answer whose reply has lost its type.
public struct AnsweredStream {
  let answer: Answered?
  let subscribes: Bool

  init(_ answer: Answered?, subscribes: Bool = false) {
    self.answer = answer
    self.subscribes = subscribes
  }

  var isRefusal: Bool {
    if case .refusal = answer { return true }
    return false
  }
}

/// What a subscriber is told after a change: `.emit(...)`, `.silent()`, `.end()`, `.end(last)`, `.refuse(...)`.
public struct Telling<Reply: Message> {
  let told: Told

  public static func emit(_ element: Reply) -> Telling { Telling(told: Told(answer: .reply(element.encoded()), end: false)) }
  public static func silent() -> Telling { Telling(told: Told(answer: nil, end: false)) }
  public static func end() -> Telling { Telling(told: Told(answer: nil, end: true)) }
  public static func end(_ last: Reply) -> Telling { Telling(told: Told(answer: .reply(last.encoded()), end: true)) }
  public static func refuse(_ code: Code, _ message: String) -> Telling { refuse(Refusal(code, message)) }
  public static func refuse(_ refusal: Refusal) -> Telling { Telling(told: Told(answer: .refusal(refusal), end: true)) }
}

public struct Told {
  let answer: Answered?
  let end: Bool
}

extension Incoming {
  /// For generated code.
  public func decideReplicated<Request: Message, Reply: Message>(_ handler: (Request) -> Answer<Reply>) -> AnsweredStream? {
    switch request(Request.self) {
    case .request(let request): return AnsweredStream(handler(request).answered)
    case .refusal(let refusal): return AnsweredStream(.refusal(refusal))
    }
  }

  public func decideStream<Request: Message, Reply: Message>(
    _ context: ReplicatedContext, _ handler: (Request) -> StreamAnswer<Reply>
  ) -> AnsweredStream? {
    context.streams()
    switch request(Request.self) {
    case .request(let request): return handler(request).answered
    case .refusal(let refusal): return AnsweredStream(.refusal(refusal))
    }
  }

  /// `decide` refuses what is no request.
  public func reads<Request: Message>(_ handler: (Request) -> [[UInt8]]) -> [[UInt8]]? {
    if case .request(let request) = request(Request.self) { return handler(request) }
    return []
  }

  public func changed<Request: Message, Reply: Message>(_ handler: (Request) -> Telling<Reply>) -> Told? {
    handler(subscribed()).told
  }

  public func cancelled<Request: Message>(_ handler: (Request) -> Void) -> Bool {
    handler(subscribed())
    return true
  }

  private func subscribed<Request: Message>() -> Request {
    var request = Request()
    if let problem = request.decode(payload) { fault("the note of the stream is no ", inArena(Request.typeName), ": ", problem) }
    return request
  }
}

extension Service {
  /// For generated code.
  public static func running<Definition: Replicated>(
    _ definition: Definition, _ options: Options
  ) -> Service {
    ReplicatedService(definition, options)
  }
}

final class ReplicatedService<Definition: Replicated>: Service, @unchecked Sendable {
  private let definition: Definition
  private let valueKind: Kind

  init(_ definition: Definition, _ options: Options) {
    self.definition = definition
    valueKind = Definition.EntityView.kind.kind
    super.init(Definition.serviceName, kind: UInt8(bitPattern: ik_kind_replicated), stateType: nil, options: options)
  }

  private func view(_ draft: Draft) -> Definition.EntityView { Definition.EntityView(Place(draft: draft, path: [])) }

  private func context(_ entity: ik_text, _ command: ik_command) -> ReplicatedContext {
    ReplicatedContext(name, entity: entity.string, now: command.now_ms, metadata: command.metadata, seed: command.seed)
  }

  private func occasion(_ entity: ik_text, _ now: Double) -> ReplicatedContext {
    ReplicatedContext(nil, entity: entity.string, now: now, metadata: ik_metadata(items: nil, count: 0), seed: nil)
  }

  private func put(_ answer: Answered?, _ context: Context, effects: Bool, _ outcome: inout ik_outcome) {
    if let answer { Innkeeper.put(answer, &outcome) } else { putSilence(&outcome) }
    Innkeeper.put(context, effects: effects, &outcome)
  }

  override func reads(_ command: ik_command) -> [[UInt8]] {
    definition.reads(Incoming(method: command.method, payload: command.payload)) ?? []
  }

  override func decideReplicated(
    _ entity: ik_text, _ view: ik_bytes, _ command: ik_command, _ answer: UnsafeMutablePointer<ik_replicated_decision>
  ) {
    let context = context(entity, command)
    let draft = Draft(valueKind, Node.read(view: view.buffer))
    let incoming = Incoming(method: command.method, payload: command.payload)
    let answered =
      definition.decide(incoming, view: self.view(draft), context: context)
      ?? AnsweredStream(.refusal(unknownMethod(name, command.method)))
    if answered.isRefusal {
      put(answered.answer, context, effects: false, &answer.pointee.value.now)
      return
    }
    answer.pointee.is_deleted = context.isRemoved
    let asked = draft.asked
    if !context.isRemoved {
      // A register's first value is a write: a decision on a new one that sets none sets the initial value.
      if draft.root == nil && valueKind == .lwwRegister {
        draft.operate([], .lwwRegister, .assign(definition.initial, .default, 0))
      }
      if answered.subscribes { answer.pointee.subscribe = ik_optional_bytes(present: true, value: command.payload) }
    }
    answer.pointee.operations = inArena(draft.encodeOperations(context.consistency))
    if draft.isUndecided && !(context.isRemoved && asked == 0) {
      if asked == 0 { fault("", command.method, " looks at what its view does not hold") }
      var writer = Writer()
      writer.buffer(view.buffer)
      writer.varint(UInt64(asked))
      answer.pointee.answer = UInt8(IK_ANSWER_AFTER)
      answer.pointee.value.after = writer.finishInArena()
      return
    }
    put(answered.answer, context, effects: true, &answer.pointee.value.now)
  }

  override func render(
    _ entity: ik_text, _ view: ik_bytes, _ command: ik_command, _ note: ik_bytes, _ answer: UnsafeMutablePointer<ik_outcome>
  ) {
    let context = context(entity, command)
    var reader = Reader(note)
    let asked = Int(truncatingIfNeeded: reader.varint())
    let before = reader.buffer()
    let draft = Draft(valueKind, Node.read(view: before), turn: (at: asked, to: Node.read(view: view.buffer)))
    let incoming = Incoming(method: command.method, payload: command.payload)
    guard let answered = definition.decide(incoming, view: self.view(draft), context: context) else {
      fault("a command is to be rendered that was refused")
    }
    put(answered.answer, context, effects: !answered.isRefusal, &answer.pointee)
  }

  override func changed(
    _ entity: ik_text, _ view: ik_bytes, _ subscription: ik_subscription, _ now: Double,
    _ step: UnsafeMutablePointer<ik_stream_step>
  ) {
    let context = occasion(entity, now)
    let draft = Draft(valueKind, Node.read(view: view.buffer), isFixed: true)
    let incoming = Incoming(method: subscription.method, payload: subscription.note)
    guard let told = definition.changed(incoming, view: self.view(draft), context: context) else {
      fault("", subscription.method, " has no streams")
    }
    step.pointee.subscription = subscription.id
    step.pointee.end = told.end
    var isRefusal = false
    if case .refusal = told.answer { isRefusal = true }
    put(told.answer, context, effects: !isRefusal, &step.pointee.outcome)
    step.pointee.has_outcome = told.answer != nil || !context.effects.isEmpty || step.pointee.outcome.logs.count > 0
  }

  override func cancelled(
    _ entity: ik_text, _ view: ik_bytes, _ subscription: ik_subscription, _ now: Double,
    _ answer: UnsafeMutablePointer<ik_replicated_decision>
  ) {
    let context = occasion(entity, now)
    let draft = Draft(valueKind, Node.read(view: view.buffer))
    let incoming = Incoming(method: subscription.method, payload: subscription.note)
    if !definition.cancelled(incoming, view: self.view(draft), context: context) {
      fault("", subscription.method, " has no streams")
    }
    put(nil, context, effects: true, &answer.pointee.value.now)
    answer.pointee.is_deleted = context.isRemoved
    answer.pointee.operations = inArena(draft.encodeOperations(context.consistency))
  }
}
