// Element: what sets, registers and keys of maps hold, as bytes that the host compares.
//
// E1. Text, bytes, numbers and booleans are a message with the value as field 1, and no bytes at all for "", 0 and false; a
//     message is its own bytes. So tools can show them, and every SDK reads them.
// E2. Bytes that are none of the type read as its default.

public protocol ReplicatedElement {
  init(element: [UInt8])
  var element: [UInt8] { get }
}

extension Message {
  public init(element: [UInt8]) {
    if let message = try? Self(bytes: element) { self = message } else { self.init() }
  }
  public var element: [UInt8] { encoded() }
}

/// What the fields with this tag say, the last of them last; false if the bytes are no message.
private func readFields(_ element: [UInt8], _ wanted: UInt32, _ read: (inout Reader) -> Void) -> Bool {
  element.withUnsafeBufferPointer { buffer in
    var reader = Reader(buffer)
    while let tag = reader.tag() {
      if tag == wanted { read(&reader) } else { reader.skip(tag) }
    }
    return reader.problem == nil
  }
}

extension String: ReplicatedElement {
  public init(element: [UInt8]) {
    var text = ""
    self = readFields(element, 10, { text = $0.string() }) ? text : ""
  }
  public var element: [UInt8] {
    if isEmpty { return [] }
    var writer = Writer()
    writer.string(self)
    writer.tag(10)
    return writer.finish()
  }
}

extension [UInt8]: ReplicatedElement {
  public init(element: [UInt8]) {
    var bytes: [UInt8] = []
    self = readFields(element, 10, { bytes = $0.bytes() }) ? bytes : []
  }
  public var element: [UInt8] {
    if isEmpty { return [] }
    var writer = Writer()
    writer.bytes(self)
    writer.tag(10)
    return writer.finish()
  }
}

extension Int64: ReplicatedElement {
  public init(element: [UInt8]) {
    var number: Int64 = 0
    self = readFields(element, 8, { number = $0.int64() }) ? number : 0
  }
  public var element: [UInt8] {
    if self == 0 { return [] }
    var writer = Writer()
    writer.int64(self)
    writer.tag(8)
    return writer.finish()
  }
}

extension Bool: ReplicatedElement {
  public init(element: [UInt8]) {
    self = Int64(element: element) != 0
  }
  public var element: [UInt8] { self ? [8, 1] : [] }
}
