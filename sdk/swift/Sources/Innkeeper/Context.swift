// Context: what a handler is told beside its request, and what it does beside its answer.
//
// C1. Time and chance are the command's, and in the journal: nothing else may move a decision.
// C2. Effects and headers of an entity's refused command are dropped with it; an action's refusal keeps its effects.
// C3. Names, asks, cancels and tickets are for unary methods of entities: a context of an action has none, and in a method that streams they are
//     faults in words.
import InnkeeperABI

/// Of a call to an action, and of a step of its streams.
public class CallContext {
  /// The entity's key; empty in an action.
  public let entity: String
  /// Whole milliseconds since 1970, never backwards for an entity.
  public let now: Int64
  /// What the caller sent along.
  public let metadata: Metadata
  private let seed: (UInt32, UInt32, UInt32, UInt32)?
  private var chance: Random?
  fileprivate(set) var effects: [Effect] = []
  private var headers: [MetadataEntry] = []

  init(entity: String, now: Double, metadata: ik_metadata, seed: (UInt32, UInt32, UInt32, UInt32)?) {
    self.entity = entity
    self.now = Int64(now)
    self.metadata = Metadata(metadata)
    self.seed = seed
    // What is logged from here on belongs to this command.
    ik_hear()
  }

  convenience init(_ entity: String, _ command: ik_command) {
    self.init(entity: entity, now: command.now_ms, metadata: command.metadata, seed: command.seed)
  }

  private func word() -> UInt32 {
    if chance == nil {
      guard let seed else { fault("there is no chance where there is no command") }
      chance = Random(seed: seed)
    }
    return chance!.word()
  }

  /// At least 0, below 1. The sequence starts anew with every command.
  public func random() -> Double {
    let high = Double(word() >> 5)
    return (high * 67_108_864 + Double(word() >> 6)) / 9_007_199_254_740_992
  }

  public func randomBytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    for _ in 0..<count { bytes.append(UInt8(word() >> 24)) }
    return bytes
  }

  /// A version 4 UUID. Not for secrets.
  public func uuid() -> String {
    var bytes = randomBytes(16)
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    var text: [UInt8] = []
    for (index, byte) in bytes.enumerated() {
      if index == 4 || index == 6 || index == 8 || index == 10 { text.append(45) }
      text.append(hexadecimal(byte >> 4))
      text.append(hexadecimal(byte & 15))
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// A command that runs once the decision is durable; its answer is thrown away. The reply waits for a synchronous one. `within` so many
  /// milliseconds it must be answered; then it has failed.
  public final func effect(_ call: Call, synchronous: Bool = false, within: Int64? = nil) {
    effects.append(Effect(call: call, isSynchronous: synchronous, within: within))
  }

  /// An effect that is due so many milliseconds after the commit; below 0 counts as 0.
  public final func after(_ milliseconds: Int64, _ call: Call, within: Int64? = nil) {
    effects.append(Effect(call: call, due: .after(milliseconds), within: within))
  }

  /// An effect that is due at this time, in milliseconds since 1970. Late rather than never.
  public final func at(_ time: Int64, _ call: Call, within: Int64? = nil) {
    effects.append(Effect(call: call, due: .at(time), within: within))
  }

  /// A header of the answer.
  public func header(_ name: String, _ text: String) {
    headers.append(MetadataEntry(name: lowercase(name), value: .text(text)))
  }

  /// For names that end in -bin.
  public func header(_ name: String, _ bytes: [UInt8]) {
    headers.append(MetadataEntry(name: lowercase(name), value: .bytes(bytes)))
  }

  var loweredHeaders: ik_metadata { lower(headers) }

  var loweredEffects: ik_effect_list {
    if effects.isEmpty { return ik_effect_list(items: nil, count: 0) }
    let items = arrayInArena(effects.count, of: ik_effect.self)
    for (index, effect) in effects.enumerated() { effect.lower(into: &items[index]) }
    return ik_effect_list(items: items, count: effects.count)
  }

  /// What was said so far is with the host: the next step of a stream begins with nothing said.
  func forget() {
    effects = []
    headers = []
  }

  /// What only an entity says.
  func putWords(_ outcome: inout ik_outcome) {}
}

/// Of a command to an entity.
public class Context: CallContext {
  /// The service's; nil where no word of an entity may be said.
  private var service: StaticString?
  private var cancels: [String] = []
  private var resolutions: [(ticket: String, resolution: Resolution)] = []

  init(
    _ service: StaticString?, entity: String, now: Double, metadata: ik_metadata, seed: (UInt32, UInt32, UInt32, UInt32)?
  ) {
    self.service = service
    super.init(entity: entity, now: now, metadata: metadata, seed: seed)
  }

  convenience init(_ service: StaticString, _ entity: String, _ command: ik_command) {
    self.init(service, entity: entity, now: command.now_ms, metadata: command.metadata, seed: command.seed)
  }

  /// The method streams.
  final func streams() { service = nil }

  @inline(never)
  final func check(_ what: StaticString) {
    if service == nil { fault("", inArena(what), ": a method that streams has none") }
  }

  @inline(never)
  private final func checkOwn(_ other: StaticString, _ method: StaticString) {
    check("asks and tickets")
    if let service, inArena(other).equals(service) { return }
    fault("\(inArena(other).string)/\(inArena(method).string) is a method of another service")
  }

  private final func checkedName(_ name: String) -> String {
    check("names of effects")
    return checked(name, "the name of an effect is empty")
  }

  /// With a name, unique within the entity: an effect of this name that is still pending is replaced, and `cancel` drops it.
  public final func effect(_ call: Call, synchronous: Bool = false, name: String, within: Int64? = nil) {
    effects.append(Effect(call: call, isSynchronous: synchronous, name: checkedName(name), within: within))
  }

  public final func after(_ milliseconds: Int64, _ call: Call, name: String, within: Int64? = nil) {
    effects.append(Effect(call: call, due: .after(milliseconds), name: checkedName(name), within: within))
  }

  public final func at(_ time: Int64, _ call: Call, name: String, within: Int64? = nil) {
    effects.append(Effect(call: call, due: .at(time), name: checkedName(name), within: within))
  }

  /// An effect whose outcome this entity hears, as a command of a method of its own: `context.ask(BankCalls.charge(line),
  /// ShopHears.charged(note))`. Due at once, `after` so many milliseconds, or `at` a time since 1970.
  public final func ask(
    _ call: Call, _ hearer: Hearer, name: String? = nil, after: Int64? = nil, at: Int64? = nil, within: Int64? = nil
  ) {
    checkOwn(hearer.service, hearer.method)
    hearer.check(call)
    if after != nil && at != nil { fault("an effect is due either after or at") }
    var effect = Effect(call: call, name: name.map { checkedName($0) }, hearer: hearer, within: within)
    if let after { effect.due = .after(after) }
    if let at { effect.due = .at(at) }
    effects.append(effect)
  }

  /// Drops the pending effects of these names, before the effects of this command.
  public final func cancel(_ names: String...) {
    check("cancels")
    for name in names { cancels.append(checked(name, "the name of an effect is empty")) }
  }

  /// Answers all who wait for the ticket, since a method has answered with `.later`: `context.resolve("t", ShopAnswers.place(line))`.
  public final func resolve(_ ticket: String, _ resolution: Resolution) {
    checkOwn(resolution.service, resolution.method)
    resolutions.append((checked(ticket, "a ticket is empty"), resolution))
  }

  override func putWords(_ outcome: inout ik_outcome) {
    if !cancels.isEmpty {
      let items = arrayInArena(cancels.count, of: ik_bytes.self)
      for (index, name) in cancels.enumerated() { items[index] = inArena(name) }
      outcome.cancels = ik_bytes_list(items: items, count: cancels.count)
    }
    if !resolutions.isEmpty {
      let items = arrayInArena(resolutions.count, of: ik_resolution.self)
      for (index, one) in resolutions.enumerated() { one.resolution.lower(one.ticket, into: &items[index]) }
      outcome.resolves = ik_resolution_list(items: items, count: resolutions.count)
    }
  }
}

private func hexadecimal(_ digit: UInt8) -> UInt8 {
  digit < 10 ? 48 + digit : 87 + digit
}
