// Action: a service without state, and its streams.
//
// A1. A stream's state goes out and comes in with every step, behind one byte of flags. Nothing of it is kept here.
// A2. One `next` a call: a slow client slows the stream. What arrives in between is no answer to it: it still holds.
// A3. Inputs are taken in order, and none after the end. What a step's effects do comes before its elements.
// A4. An action's refusal keeps its effects.
//
// Leaves to others: the methods of a service (generated code).
import InnkeeperABI

/// What a generated protocol (`OrdersAction`) asks of its service.
public protocol Action {
  static var serviceName: StaticString { get }
  func call(_ command: Incoming, context: CallContext) -> Answered?
  /// The step of a stream; false if there is no such method.
  func stream(_ method: Incoming, _ step: inout StreamStep) -> Bool
}

/// What a handler answers: `.reply(...)`, `.refuse(...)`, `.forward(...)`.
public struct Answer<Reply: Message> {
  let answered: Answered

  public static func reply(_ reply: Reply) -> Answer { Answer(answered: .reply(reply.encoded())) }
  /// Another command answers.
  public static func forward(_ call: Call) -> Answer { Answer(answered: .forward(call)) }
  /// The caller's call stays open until a later command of the entity resolves the ticket; another caller of this method joins one that is open.
  /// `within` so many milliseconds, in whole seconds, the answer is DEADLINE_EXCEEDED. Not in an action.
  public static func later(_ ticket: String, within: Int64? = nil) -> Answer {
    Answer(answered: .later(Deferred(ticket, within)))
  }
  public static func refuse(_ code: Code, _ message: String) -> Answer { refuse(Refusal(code, message)) }
  public static func refuse(_ refusal: Refusal) -> Answer { Answer(answered: .refusal(refusal)) }
}

/// An answer whose reply has lost its type.
public enum Answered {
  case reply([UInt8])
  case forward(Call)
  case later(Deferred)
  case refusal(Refusal)
}

/// To each request elements, as long as `next` has some: `start` says with what it begins, `state` is kept in between.
public protocol ServerStream {
  associatedtype Request: Message
  associatedtype Element: Message
  associatedtype Kept: Message
  var state: Kept { get set }
  mutating func start(_ request: Request, output: inout Output<Element>, context: CallContext)
  /// Called once the client has taken what was emitted: emit chunks, not everything.
  mutating func next(output: inout Output<Element>, context: CallContext)
  mutating func cancelled(context: CallContext)
}

/// To many requests one reply: `sent` makes it, and `item` may make it before the client has sent all.
public protocol ClientStream {
  associatedtype Request: Message
  associatedtype Reply: Message
  associatedtype Kept: Message
  var state: Kept { get set }
  /// Nil goes on.
  mutating func item(_ request: Request, context: CallContext) -> Answer<Reply>?
  mutating func sent(context: CallContext) -> Answer<Reply>
  mutating func cancelled(context: CallContext)
}

/// Requests and elements, as they come. `next` is called after a step that says `output.more()`.
public protocol BidiStream {
  associatedtype Request: Message
  associatedtype Element: Message
  associatedtype Kept: Message
  var state: Kept { get set }
  mutating func item(_ request: Request, output: inout Output<Element>, context: CallContext)
  mutating func next(output: inout Output<Element>, context: CallContext)
  /// The client has sent all.
  mutating func sent(output: inout Output<Element>, context: CallContext)
  mutating func cancelled(context: CallContext)
}

extension ServerStream {
  public func cancelled(context: CallContext) {}
}
extension ClientStream {
  public func cancelled(context: CallContext) {}
}
extension BidiStream {
  public func next(output: inout Output<Element>, context: CallContext) {}
  public func sent(output: inout Output<Element>, context: CallContext) { output.end() }
  public func cancelled(context: CallContext) {}
}

/// What a step of a stream says.
public struct Output<Element: Message> {
  fileprivate var said = Saying()

  public mutating func emit(_ element: Element) { said.elements.append(.reply(element.encoded())) }
  /// An element that another command answers.
  public mutating func emit(_ call: Call) { said.elements.append(.forward(call)) }
  /// `next` is to be called once the client has taken this.
  public mutating func more() { said.more = true }
  /// After what was emitted.
  public mutating func end() { said.end = true }
  /// Ends the stream, after what was emitted.
  public mutating func refuse(_ code: Code, _ message: String) { refuse(Refusal(code, message)) }
  public mutating func refuse(_ refusal: Refusal) { said.elements.append(.refusal(refusal)); said.end = true }
}

private struct Saying {
  var elements: [Answered] = []
  var more = false
  var end = false
}

func put(_ answered: Answered, _ outcome: inout ik_outcome) {
  switch answered {
  case .reply(let bytes): put(reply: inArena(bytes), &outcome)
  case .forward(let call): put(forward: call, &outcome)
  case .later(let deferred): put(later: deferred, &outcome)
  case .refusal(let refusal): put(refusal: refusal, &outcome)
  }
}

extension Incoming {
  /// For generated code.
  public func answer<Request: Message, Reply: Message>(_ handler: (Request) -> Answer<Reply>) -> Answered? {
    switch request(Request.self) {
    case .request(let request): return handler(request).answered
    case .refusal(let refusal): return .refusal(refusal)
    }
  }
}

/// One step of one stream, for generated code: it is given the stream of the method.
public struct StreamStep {
  private let inputs: ik_input_list
  private let state: ik_bytes
  private let now: Double
  private let seed: (UInt32, UInt32, UInt32, UInt32)
  private var context: CallContext
  private var wantsMore: Bool
  private var isClosed: Bool
  fileprivate(set) var isDone = false
  fileprivate var outputs: [ik_outcome] = []
  fileprivate var kept = ik_bytes(data: nil, length: 0)

  private static let more: UInt8 = 1
  private static let closed: UInt8 = 2

  init(_ state: ik_bytes?, _ inputs: ik_input_list, _ now: Double, _ seed: (UInt32, UInt32, UInt32, UInt32)) {
    self.inputs = inputs
    self.now = now
    self.seed = seed
    context = CallContext(entity: "", now: now, metadata: ik_metadata(items: nil, count: 0), seed: seed)
    var flags: UInt8 = 0
    if let state, state.length > 0 {
      flags = state.data[0]
      self.state = ik_bytes(data: state.data + 1, length: state.length - 1)
    } else {
      self.state = ik_bytes(data: nil, length: 0)
    }
    wantsMore = flags & StreamStep.more != 0
    isClosed = flags & StreamStep.closed != 0
  }

  var wantsMoreCalls: Bool { wantsMore }

  private func restore<Kept: Message>(_ kept: inout Kept) {
    // The first step begins with what the author gave `state`.
    if state.data == nil { return }
    var read = Kept()
    if let problem = read.decode(state) { fault("the state of the stream is no ", inArena(Kept.typeName), ": ", problem) }
    kept = read
  }

  private mutating func keep<Kept: Message>(_ kept: Kept) {
    var writer = Writer()
    kept.encode(into: &writer)
    writer.byte((wantsMore ? StreamStep.more : 0) | (isClosed ? StreamStep.closed : 0))
    self.kept = writer.finishInArena()
  }

  /// The client's metadata comes with the first input.
  private mutating func started(_ input: ik_input) {
    context = CallContext(entity: "", now: now, metadata: input.value.start, seed: seed)
  }

  /// It comes with what was logged since the last one.
  private mutating func give(_ outcome: ik_outcome) {
    var output = outcome
    output.logs = ik_heard()
    ik_hear()
    outputs.append(output)
  }

  private mutating func flushEffects() {
    if context.effects.isEmpty { return }
    var outcome = ik_outcome()
    putSilence(&outcome)
    outcome.effects = context.loweredEffects
    give(outcome)
  }

  private mutating func follow(_ said: Saying) {
    flushEffects()
    for element in said.elements {
      var outcome = ik_outcome()
      put(element, &outcome)
      if case .refusal = element { outcome.metadata = context.loweredHeaders }
      give(outcome)
    }
    if said.more { wantsMore = true }
    if said.end { isDone = true }
    context.forget()
  }

  private mutating func finish(_ answer: Answered) {
    var outcome = ik_outcome()
    put(answer, &outcome)
    outcome.metadata = context.loweredHeaders
    outcome.effects = context.loweredEffects
    give(outcome)
    isDone = true
  }

  /// Nil, and the stream ended, if it is none.
  private mutating func request<Request: Message>(_ bytes: ik_bytes) -> Request? {
    var request = Request()
    guard let problem = request.decode(bytes) else { return request }
    finish(.refusal(malformed(Request.typeName, problem)))
    return nil
  }

  private mutating func leave() {
    isDone = true
    flushEffects()
  }

  public mutating func run<S: ServerStream>(server: S) {
    var stream = server
    restore(&stream.state)
    // Until a step ends it there is more to say.
    wantsMore = true
    if inputs.count == 0 {
      var output = Output<S.Element>()
      stream.next(output: &output, context: context)
      follow(output.said)
    }
    for index in 0..<inputs.count where !isDone {
      let input = inputs.items[index]
      switch Int(input.kind) {
      case IK_INPUT_START: started(input)
      case IK_INPUT_END: break
      case IK_INPUT_ITEM:
        guard let request: S.Request = request(input.value.item) else { break }
        var output = Output<S.Element>()
        stream.start(request, output: &output, context: context)
        // What the start says comes with the first step.
        if !output.said.end { stream.next(output: &output, context: context) }
        follow(output.said)
      default:
        stream.cancelled(context: context)
        leave()
      }
    }
    if !isDone { keep(stream.state) }
  }

  public mutating func run<S: ClientStream>(client: S) {
    var stream = client
    restore(&stream.state)
    for index in 0..<inputs.count where !isDone {
      let input = inputs.items[index]
      switch Int(input.kind) {
      case IK_INPUT_START: started(input)
      case IK_INPUT_END: finish(stream.sent(context: context).answered)
      case IK_INPUT_ITEM:
        guard let request: S.Request = request(input.value.item) else { break }
        if let answer = stream.item(request, context: context) { finish(answer.answered) } else { follow(Saying()) }
      default:
        stream.cancelled(context: context)
        leave()
      }
    }
    if !isDone { keep(stream.state) }
  }

  public mutating func run<S: BidiStream>(bidi: S) {
    var stream = bidi
    restore(&stream.state)
    if inputs.count == 0, wantsMore {
      wantsMore = false
      var output = Output<S.Element>()
      stream.next(output: &output, context: context)
      follow(output.said)
      if isClosed && !wantsMore { isDone = true }
    }
    for index in 0..<inputs.count where !isDone {
      let input = inputs.items[index]
      var output = Output<S.Element>()
      switch Int(input.kind) {
      case IK_INPUT_START: started(input)
      case IK_INPUT_END:
        isClosed = true
        stream.sent(output: &output, context: context)
        follow(output.said)
        // Nothing can come of a stream that neither gets nor gives any more.
        if !wantsMore { isDone = true }
      case IK_INPUT_ITEM:
        guard let request: S.Request = request(input.value.item) else { break }
        stream.item(request, output: &output, context: context)
        follow(output.said)
      default:
        stream.cancelled(context: context)
        leave()
      }
    }
    if !isDone { keep(stream.state) }
  }
}

extension Service {
  public static func action<Definition: Action>(_ definition: Definition, _ options: Options = Options()) -> Service {
    ActionService(definition, options)
  }
}

final class ActionService<Definition: Action>: Service, @unchecked Sendable {
  private let definition: Definition

  init(_ definition: Definition, _ options: Options) {
    self.definition = definition
    super.init(Definition.serviceName, kind: UInt8(bitPattern: ik_kind_action), stateType: nil, options: options)
  }

  override func call(_ command: ik_command, _ outcome: UnsafeMutablePointer<ik_outcome>) {
    let context = CallContext("", command)
    let incoming = Incoming(method: command.method, payload: command.payload)
    let answered = definition.call(incoming, context: context) ?? .refusal(unknownMethod(name, command.method))
    if case .later = answered { fault("tickets: an action has none, only entities do") }
    put(answered, &outcome.pointee)
    put(context, effects: true, &outcome.pointee)
  }

  override func stream(
    _ method: ik_text, _ state: ik_bytes?, _ inputs: ik_input_list, _ now: Double,
    _ seed: (UInt32, UInt32, UInt32, UInt32), _ answer: UnsafeMutablePointer<ik_action_step>
  ) {
    var step = StreamStep(state, inputs, now, seed)
    let incoming = Incoming(method: method, payload: ik_bytes(data: nil, length: 0))
    if !definition.stream(incoming, &step) {
      var outcome = ik_outcome()
      put(refusal: unknownMethod(name, method), &outcome)
      step.outputs.append(outcome)
      step.isDone = true
    }
    let left = ik_heard()
    if left.count > 0 {
      // No output came after these lines.
      var outcome = ik_outcome()
      putSilence(&outcome)
      outcome.logs = left
      step.outputs.append(outcome)
    }
    let outputs = arrayInArena(step.outputs.count, of: ik_outcome.self)
    for (index, outcome) in step.outputs.enumerated() { outputs[index] = outcome }
    answer.pointee.outputs = ik_outcome_list(items: outputs, count: step.outputs.count)
    answer.pointee.done = step.isDone
    if step.isDone { return }
    answer.pointee.more = step.wantsMoreCalls
    answer.pointee.state = ik_optional_bytes(present: true, value: step.kept)
  }
}
