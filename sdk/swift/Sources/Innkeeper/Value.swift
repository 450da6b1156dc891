// Value: an entity that is one message, put in the place of the one before, or none.
//
// D1. A batch is decided one by one, each command on the value that the one before left.
// D2. A refusal leaves the value, and brings no effects.
// D3. Every update is encoded at once, and read again for the next command: a value that cannot be kept is the fault of the
//     command that made it. Values are never held between calls.
//
// Leaves to others: the methods of a service (generated code).
import InnkeeperABI

/// A service that conforms to a generated protocol (`ProfilesValue`), as generated code runs it.
public protocol ValueEntity {
  associatedtype EntityState: Message
  static var serviceName: StaticString { get }
  func decide(_ command: Incoming, value: EntityState?, context: Context) -> DecidedValue<EntityState>?
}

/// What a handler answers: `.update(value).reply(...)`, `.remove().reply(...)`, `.reply { value in ... }`, `.refuse(...)`,
/// `.forward(...)`.
public struct ValueDecision<Value: Message, Reply: Message> {
  let decided: DecidedValue<Value>

  /// Leaves the value.
  public static func accept() -> ValueChange<Value, Reply> { ValueChange(change: .none) }
  /// Puts another in its place.
  public static func update(_ value: Value) -> ValueChange<Value, Reply> { ValueChange(change: .update(value)) }
  /// Deletes it.
  public static func remove() -> ValueChange<Value, Reply> { ValueChange(change: .remove) }

  public static func reply(_ reply: Reply) -> ValueDecision { accept().reply(reply) }
  public static func reply(_ make: @escaping (Value?) -> Reply) -> ValueDecision { accept().reply(make) }
  public static func forward(_ call: Call) -> ValueDecision { accept().forward(call) }
  public static func later(_ ticket: String, within: Int64? = nil) -> ValueDecision { accept().later(ticket, within: within) }

  public static func refuse(_ code: Code, _ message: String) -> ValueDecision { refuse(Refusal(code, message)) }
  public static func refuse(_ refusal: Refusal) -> ValueDecision {
    ValueDecision(decided: DecidedValue(change: .none, answer: .refusal(refusal)))
  }
}

/// A change that is accepted. It becomes an answer by `reply`, `forward` or `later`.
public struct ValueChange<Value: Message, Reply: Message> {
  let change: DecidedValue<Value>.Change

  public func reply(_ reply: Reply) -> ValueDecision<Value, Reply> {
    self.reply { _ in reply }
  }

  /// From the value that is there then.
  public func reply(_ make: @escaping (Value?) -> Reply) -> ValueDecision<Value, Reply> {
    ValueDecision(decided: DecidedValue(change: change, answer: .reply { after in inArena(make(after)) }))
  }

  /// Another command answers.
  public func forward(_ call: Call) -> ValueDecision<Value, Reply> {
    ValueDecision(decided: DecidedValue(change: change, answer: .forward(call)))
  }

  /// The caller's call stays open until a later command of the entity resolves the ticket; another caller of this method joins one that is open.
  /// `within` so many milliseconds, in whole seconds, the answer is DEADLINE_EXCEEDED.
  public func later(_ ticket: String, within: Int64? = nil) -> ValueDecision<Value, Reply> {
    ValueDecision(decided: DecidedValue(change: change, answer: .later(Deferred(ticket, within))))
  }
}

/// A decision whose reply has lost its type.
public struct DecidedValue<Value: Message> {
  let change: Change
  let answer: Decided<Value?>.Answering

  enum Change {
    case none
    case update(Value)
    case remove
  }
}

extension Incoming {
  /// For generated code.
  public func decideValue<Request: Message, Value: Message, Reply: Message>(
    _ handler: (Request) -> ValueDecision<Value, Reply>
  ) -> DecidedValue<Value>? {
    switch request(Request.self) {
    case .request(let request): return handler(request).decided
    case .refusal(let refusal): return DecidedValue(change: .none, answer: .refusal(refusal))
    }
  }
}

extension Service {
  /// For generated code.
  public static func running<Definition: ValueEntity>(_ definition: Definition, _ options: Options) -> Service {
    ValueService(definition, options)
  }
}

final class ValueService<Definition: ValueEntity>: Service, @unchecked Sendable {
  private let definition: Definition

  init(_ definition: Definition, _ options: Options) {
    self.definition = definition
    super.init(
      Definition.serviceName, kind: UInt8(bitPattern: ik_kind_value), stateType: Definition.EntityState.typeName,
      options: options)
  }

  private func value(_ bytes: ik_bytes) -> Definition.EntityState {
    var value = Definition.EntityState()
    if let problem = value.decode(bytes) { fault("the stored value is no ", inArena(Definition.EntityState.typeName), ": ", problem) }
    return value
  }

  override func decideValue(
    _ entity: ik_text, _ basis: ik_basis, _ commands: ik_command_list, _ answer: UnsafeMutablePointer<ik_value_answer>
  ) {
    if basis.kind == UInt8(IK_BASIS_HELD) {
      answer.pointee.unknown = true
      return
    }
    let decisions = arrayInArena(commands.count, of: ik_value_decision.self)
    answer.pointee.decisions = ik_value_decision_list(items: decisions, count: commands.count)
    let key = entity.string
    var current: Definition.EntityState? = basis.kind == UInt8(IK_BASIS_BYTES) ? value(basis.bytes) : nil
    for index in 0..<commands.count {
      let command = commands.items[index]
      let context = Context(name, key, command)
      let incoming = Incoming(method: command.method, payload: command.payload)
      guard let decided = definition.decide(incoming, value: current, context: context) else {
        put(refusal: unknownMethod(name, command.method), &decisions[index].outcome)
        continue
      }
      switch decided.change {
      case .none: break
      case .remove:
        decisions[index].change = UInt8(IK_CHANGE_DELETED)
        current = nil
      case .update(let new):
        let bytes = inArena(new)
        decisions[index].change = UInt8(IK_CHANGE_UPDATED)
        decisions[index].value = bytes
        current = value(bytes)
      }
      var isRefusal = false
      switch decided.answer {
      case .reply(let make): put(reply: make(current), &decisions[index].outcome)
      case .forward(let call): put(forward: call, &decisions[index].outcome)
      case .later(let deferred): put(later: deferred, &decisions[index].outcome)
      case .refusal(let refusal):
        isRefusal = true
        put(refusal: refusal, &decisions[index].outcome)
      }
      put(context, effects: !isRefusal, &decisions[index].outcome)
    }
  }
}
