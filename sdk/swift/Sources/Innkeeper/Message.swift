// Message: what every message of a .proto is in Swift: a struct that `inn build` generates, with straight-line code for its bytes.
//
// M1. Same value, same bytes: fields in the order of their numbers, maps in the order of their keys, one NaN. Defaults are left
//     out, -0 is written. Unknown fields are dropped when read.
// M2. What is no message of the type is told, never a trap (Reader).
//
// Leaves to others: the generated code (sdk/build/languages/swift/code.ts), bytes (Reader.swift, Writer.swift).
import InnkeeperABI

public protocol Message: Equatable, Sendable, ReplicatedElement {
  init()
  static var typeName: StaticString { get }
  mutating func decode(from reader: inout Reader)
  func encode(into writer: inout Writer)
}

/// Why bytes are no message of a type.
public struct Malformed: Error, Sendable {
  public let problem: StaticString
}

extension Message {
  public init(bytes: [UInt8]) throws(Malformed) {
    self.init()
    let problem = bytes.withUnsafeBufferPointer { buffer -> StaticString? in
      var reader = Reader(buffer)
      decode(from: &reader)
      return reader.problem
    }
    if let problem { throw Malformed(problem: problem) }
  }

  public func encoded() -> [UInt8] {
    var writer = Writer()
    encode(into: &writer)
    return writer.finish()
  }

  /// From the arena, or the problem.
  mutating func decode(_ bytes: ik_bytes) -> StaticString? {
    var reader = Reader(bytes)
    decode(from: &reader)
    return reader.problem
  }
}

/// An enum of a .proto: open, as protobuf has it, so a number without a name is kept.
public protocol OpenEnum: Equatable, Hashable, Sendable, RawRepresentable where RawValue == Int32 {
  init(rawValue: Int32)
}

/// A message in a field that may hold, through others, a message of its own type: a struct cannot contain itself.
@propertyWrapper
public struct Boxed<Content: Message>: Equatable, Sendable {
  /// One, or none.
  var contents: [Content]

  public init(wrappedValue: Content?) {
    contents = []
    self.wrappedValue = wrappedValue
  }

  public var isEmpty: Bool { contents.isEmpty }

  @inline(never)
  mutating func begin() {
    if contents.isEmpty { contents.append(Content()) }
  }

  public var wrappedValue: Content? {
    get { contents.first }
    set {
      contents.removeAll(keepingCapacity: true)
      if let newValue { contents.append(newValue) }
    }
  }
}

/// A message without fields: for streams that keep nothing.
public struct Nothing: Message {
  public static var typeName: StaticString { "innkeeper.Nothing" }
  public init() {}
  public mutating func decode(from reader: inout Reader) {
    while let tag = reader.tag() { reader.skip(tag) }
  }
  public func encode(into writer: inout Writer) {}
}
