// Context: what a handler is told beside its request, and what it does beside its answer.
//
// C1. Time and chance are the command's, and in the journal: nothing else may move a decision.
// C2. Effects and headers of an entity's refused command are dropped with it; an action's refusal keeps its effects.
import InnkeeperABI

public class Context {
  /// The entity's key; empty in an action.
  public let entity: String
  /// Whole milliseconds since 1970, never backwards for an entity.
  public let now: Int64
  /// What the caller sent along.
  public let metadata: Metadata
  private let seed: (UInt32, UInt32, UInt32, UInt32)?
  private var chance: Random?
  private(set) var effects: [Effect] = []
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

  /// A command that runs once the decision is durable; its answer is thrown away. The reply waits for a synchronous one.
  public func effect(_ call: Call, synchronous: Bool = false) {
    effects.append(Effect(call: call, isSynchronous: synchronous))
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
    for (index, effect) in effects.enumerated() {
      items[index].call = lower(effect.call)
      items[index].synchronous = effect.isSynchronous
    }
    return ik_effect_list(items: items, count: effects.count)
  }

  /// What was said so far is with the host: the next step of a stream begins with nothing said.
  func forget() {
    effects = []
    headers = []
  }
}

private func hexadecimal(_ digit: UInt8) -> UInt8 {
  digit < 10 ? 48 + digit : 87 + digit
}
