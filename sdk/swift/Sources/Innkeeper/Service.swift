// Service: one service of the component, as the author lists it: `let services: [Service] = [.eventSourced(Counter())]`.
//
// S1. What makes a service of a kind refers to the kind's symbol in C: so the exports of an interface are linked only where a
//     service has it.
// S2. A component has one thread: services are Sendable, which in Swift 6 a global must be. A `var` that changes is refused.
// S3. What a service has no use for faults: the host asks only for what `describe` says.
import InnkeeperABI

open class Service: @unchecked Sendable {
  let name: StaticString
  let kind: UInt8
  let stateType: StaticString?
  let options: Options

  init(_ name: StaticString, kind: UInt8, stateType: StaticString?, options: Options) {
    self.name = name
    self.kind = kind
    self.stateType = stateType
    self.options = options
  }

  final var isView: Bool { Int(kind) == Int(IK_HAS_VIEWS) }

  /// Names of the events that `evolve` takes.
  func describeEvents() -> ik_bytes_list { ik_bytes_list(items: nil, count: 0) }

  @inline(never)
  private func isAnother() -> Never { fault("the service is of another kind") }

  func decideEvents(
    _ entity: ik_text, _ basis: ik_basis, _ commands: ik_command_list, _ wantState: Bool,
    _ answer: UnsafeMutablePointer<ik_decide_answer>
  ) { isAnother() }
  func evolve(_ basis: ik_basis, _ events: ik_typed_list, _ answer: UnsafeMutablePointer<ik_evolve_answer>) {
    isAnother()
  }
  func decideValue(
    _ entity: ik_text, _ basis: ik_basis, _ commands: ik_command_list, _ answer: UnsafeMutablePointer<ik_value_answer>
  ) { isAnother() }
  func reads(_ command: ik_command) -> [[UInt8]] { isAnother() }
  func decideReplicated(
    _ entity: ik_text, _ view: ik_bytes, _ command: ik_command, _ answer: UnsafeMutablePointer<ik_replicated_decision>
  ) { isAnother() }
  func render(
    _ entity: ik_text, _ view: ik_bytes, _ command: ik_command, _ note: ik_bytes, _ answer: UnsafeMutablePointer<ik_outcome>
  ) { isAnother() }
  func changed(
    _ entity: ik_text, _ view: ik_bytes, _ subscription: ik_subscription, _ now: Double,
    _ step: UnsafeMutablePointer<ik_stream_step>
  ) { isAnother() }
  func cancelled(
    _ entity: ik_text, _ view: ik_bytes, _ subscription: ik_subscription, _ now: Double,
    _ answer: UnsafeMutablePointer<ik_replicated_decision>
  ) { isAnother() }
  func call(_ command: ik_command, _ outcome: UnsafeMutablePointer<ik_outcome>) { isAnother() }
  func describe(_ view: inout ik_described_view) { isAnother() }
  func keys(_ changes: [Changed]) -> [[String]] { isAnother() }
  func project(_ changes: [Changed], _ rows: [Put]) -> [[Put]] { isAnother() }
  func stream(
    _ method: ik_text, _ state: ik_bytes?, _ inputs: ik_input_list, _ now: Double,
    _ seed: (UInt32, UInt32, UInt32, UInt32), _ answer: UnsafeMutablePointer<ik_action_step>
  ) { isAnother() }
}

/// A command on its way to its handler: generated code asks for its method, and runs it.
public struct Incoming {
  let method: ik_text
  let payload: ik_bytes

  public func calls(_ name: StaticString) -> Bool { method.equals(name) }

  /// The request, or the refusal of what is none.
  func request<Request: Message>(_ type: Request.Type) -> Requested<Request> {
    var request = Request()
    guard let problem = request.decode(payload) else { return .request(request) }
    return .refusal(malformed(Request.typeName, problem))
  }
}

enum Requested<Request> {
  case request(Request)
  case refusal(Refusal)
}

@inline(never)
func malformed(_ typeName: StaticString, _ problem: StaticString) -> Refusal {
  Refusal(.invalidArgument, "the request is no \(inArena(typeName).string): \(inArena(problem).string)")
}

@inline(never)
func unknownMethod(_ service: StaticString, _ method: ik_text) -> Refusal {
  Refusal(.unimplemented, "\(inArena(service).string) has no method \(method.string)")
}

// Outcomes in the arena, which come cleared.

func put(reply: ik_bytes, _ outcome: inout ik_outcome) {
  outcome.answer.reply.kind = UInt8(IK_REPLY_MESSAGE)
  outcome.answer.reply.value.message = reply
}

func put(forward: Call, _ outcome: inout ik_outcome) {
  outcome.answer.reply.kind = UInt8(IK_REPLY_FORWARD)
  outcome.answer.reply.value.forward = lower(forward)
}

func putSilence(_ outcome: inout ik_outcome) {
  outcome.answer.reply.kind = UInt8(IK_REPLY_NONE)
}

func put(refusal: Refusal, _ outcome: inout ik_outcome) {
  outcome.is_failure = true
  outcome.answer.failure = lower(refusal)
}

/// Headers, log lines, and unless an entity has refused the effects and what else it says.
func put(_ context: CallContext, effects: Bool, _ outcome: inout ik_outcome) {
  outcome.logs = ik_heard()
  outcome.metadata = context.loweredHeaders
  if !effects { return }
  outcome.effects = context.loweredEffects
  context.putWords(&outcome)
}
