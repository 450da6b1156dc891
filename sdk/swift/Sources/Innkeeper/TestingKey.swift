// TestingKey: which entity a request is for, out of the descriptors that the component has, as the host reads it
// (host/schema/entity-key.ts).
//
// Leaves to others: what follows of it (Testing.swift, TestingTogether.swift).
import InnkeeperABI

enum RequestKey {
  case named(String)
  /// A host refuses the request with these words.
  case forgotten(String)
  /// The method cannot be asked of an entity that its request names.
  case impossible(String)
}

/// What the kit has to know of a method.
struct DescribedMethod {
  let isStreamed: Bool
  private let name: String
  private let request: String
  private let fields: [KeyField]

  /// Nil: the service has no such method.
  init?(_ call: TakenCall) {
    let answer = arrayInArena(1, of: ik_description.self)
    ik_swift_describe(answer)
    let files = Descriptor(answer.pointee.descriptors.buffer).parts(1)
    defer { ik_release() }
    guard let method = DescribedMethod.find(call, files) else { return nil }
    let type = method.text(2)
    var fields: [KeyField] = []
    for file in files {
      guard let message = file.message(4, file.text(2), type) else { continue }
      for field in message.parts(2) { if let key = KeyField(field) { fields.append(key) } }
    }
    isStreamed = method.number(5) != 0 || method.number(6) != 0
    name = "\(call.service)/\(call.method)"
    request = type
    self.fields = fields
  }

  private static func find(_ call: TakenCall, _ files: [Descriptor]) -> Descriptor? {
    for file in files {
      for service in file.parts(6) where same(joined(file.text(2), service.text(1)), call.service) {
        for method in service.parts(2) where same(method.text(1), call.method) { return method }
      }
    }
    return nil
  }

  func key(of payload: [UInt8]) -> RequestKey {
    if fields.isEmpty {
      let type = request.utf8.first == 46 ? String(decoding: Array(request.utf8.dropFirst()), as: UTF8.self) : request
      return .impossible("\(name) names no entity: no field of \(type) is marked (innkeeper.entity_key) = true")
    }
    var key = ""
    for (index, field) in fields.enumerated() {
      if field.isFraction { return .impossible("\(name): name the entity by entity(), since its key is a fraction") }
      let text = field.text(in: payload)
      if text.utf8.isEmpty && field.mustBeSet {
        return .forgotten("\(name): the field \(field.name) names the entity and is empty; set it in the request")
      }
      key = index == 0 ? text : "\(key)-\(text)"
    }
    return .named(key)
  }
}

/// By bytes: `==` would take two forms of a letter for the same.
func same(_ a: String, _ b: String) -> Bool { String.order(a, b) == 0 }

private func joined(_ prefix: String, _ name: String) -> String {
  prefix.utf8.isEmpty ? name : "\(prefix).\(name)"
}

/// A message of google/protobuf/descriptor.proto, by the numbers of its fields. Its bytes are the arena's.
private struct Descriptor {
  let bytes: UnsafeBufferPointer<UInt8>

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  func parts(_ number: UInt32) -> [Descriptor] {
    var found: [Descriptor] = []
    var reader = Reader(bytes)
    while let tag = reader.tag() {
      if tag == number << 3 | 2 { found.append(Descriptor(reader.buffer())) } else { reader.skip(tag) }
    }
    return found
  }

  func text(_ number: UInt32) -> String {
    guard let last = parts(number).last else { return "" }
    return String(decoding: last.bytes, as: UTF8.self)
  }

  func number(_ number: UInt32) -> UInt64 {
    var value: UInt64 = 0
    var reader = Reader(bytes)
    while let tag = reader.tag() { if tag == number << 3 { value = reader.varint() } else { reader.skip(tag) } }
    return value
  }

  /// The message of the name `.package.Outer.Inner`, among those that the field has.
  func message(_ field: UInt32, _ prefix: String, _ name: String) -> Descriptor? {
    for message in parts(field) {
      let full = joined(prefix, message.text(1))
      if same(".\(full)", name) { return message }
      if let inner = message.message(3, full, name) { return inner }
    }
    return nil
  }
}

/// A field that is part of a key.
private struct KeyField {
  let name: String
  let mustBeSet: Bool
  private let number: UInt32
  /// FieldDescriptorProto.Type.
  private let type: UInt64

  init?(_ field: Descriptor) {
    guard let options = field.parts(8).last else { return nil }
    if options.number(51080) == 0 && options.number(1080) == 0 && options.number(50002) == 0 { return nil }
    name = field.text(1)
    number = UInt32(field.number(3))
    type = field.number(5)
    mustBeSet = options.number(51082) == 0
  }

  /// A double or a float: its text is that of JavaScript, which the kit does not have.
  var isFraction: Bool { type <= 2 }

  private var wireType: UInt32 {
    switch type {
    case 6, 16: return 1
    case 9, 12: return 2
    case 7, 15: return 5
    default: return 0
    }
  }

  /// The last of several counts.
  func text(in payload: [UInt8]) -> String {
    var text = type == 9 || type == 12 ? "" : type == 8 ? "false" : "0"
    payload.withUnsafeBufferPointer { buffer in
      var reader = Reader(buffer)
      while let tag = reader.tag() {
        if tag == number << 3 | wireType { text = read(&reader) } else { reader.skip(tag) }
      }
    }
    return text
  }

  private func read(_ reader: inout Reader) -> String {
    switch type {
    case 3: return "\(reader.int64())"
    case 4: return "\(reader.uint64())"
    case 6: return "\(reader.fixed64())"
    case 7: return "\(reader.fixed32())"
    case 8: return reader.bool() ? "true" : "false"
    case 9: return reader.string()
    case 12: return base64(reader.bytes())
    case 13: return "\(reader.uint32())"
    case 15: return "\(reader.sfixed32())"
    case 16: return "\(reader.sfixed64())"
    case 17: return "\(reader.sint32())"
    case 18: return "\(reader.sint64())"
    default: return "\(reader.int32())"
    }
  }
}

private func base64(_ bytes: [UInt8]) -> String {
  let letters: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  var text: [UInt8] = []
  var index = 0
  while index < bytes.count {
    var bits: UInt32 = 0
    for place in index..<index + 3 { bits = bits << 8 | (place < bytes.count ? UInt32(bytes[place]) : 0) }
    for letter in 0..<4 {
      let isThere = index + letter <= bytes.count
      text.append(isThere ? letters.utf8Start[Int(bits >> (18 - 6 * UInt32(letter)) & 63)] : 61)
    }
    index += 3
  }
  return String(decoding: text, as: UTF8.self)
}
