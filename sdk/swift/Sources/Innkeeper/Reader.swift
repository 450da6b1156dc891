// Reader: a cursor over protobuf bytes, which generated code drives.
//
// R1. Never reads past `end`, the end of the innermost open message. The first thing that is wrong is noted in `problem`, and
//     everything after it reads as the end.
// R2. At most 100 messages are open at once. Nothing is allocated by a claimed length.
// R3. Strings are UTF-8: shortest form, no surrogates, nothing above U+10FFFF.
import InnkeeperABI

public struct Reader {
  private var at: UnsafePointer<UInt8>
  private var end: UnsafePointer<UInt8>
  private var depth = 0
  public private(set) var problem: StaticString?

  static let depthMax = 100

  public init(_ buffer: UnsafeBufferPointer<UInt8>) {
    // Any address serves where there is nothing to be read.
    at = buffer.baseAddress ?? UnsafePointer(bitPattern: 8)!
    end = at + buffer.count
  }

  init(_ bytes: ik_bytes) {
    self.init(UnsafeBufferPointer(start: bytes.data, count: bytes.length))
  }

  @inline(never)
  private mutating func fail(_ why: StaticString) {
    if problem == nil { problem = why }
    at = end
  }

  private mutating func cutOff() {
    fail("the message is cut off")
  }

  /// The next field's; nil at the end.
  public mutating func tag() -> UInt32? {
    if at == end { return nil }
    let start = at
    let tag = varint()
    if problem != nil { return nil }
    if tag > UInt64(UInt32.max) || at - start > 5 {
      fail("a tag is no field number")
      return nil
    }
    if tag < 8 {
      fail("a field has number 0")
      return nil
    }
    return UInt32(truncatingIfNeeded: tag)
  }

  @inline(never)
  public mutating func skip(_ tag: UInt32) {
    switch tag & 7 {
    case 0: _ = varint()
    case 1: _ = take(8)
    case 2: _ = take(varint())
    case 5: _ = take(4)
    case 3, 4: fail("groups are not supported")
    default: fail("there is no such wire type")
    }
  }

  @inline(never)
  private mutating func take(_ length: UInt64) -> UnsafePointer<UInt8>? {
    let start = at
    if length > UInt64(end - start) {
      cutOff()
      return nil
    }
    at = start + Int(truncatingIfNeeded: length)
    return start
  }

  @inline(never)
  public mutating func varint() -> UInt64 {
    if at != end, at.pointee < 128 {
      let value = UInt64(at.pointee)
      at += 1
      return value
    }
    return longVarint()
  }

  @inline(never)
  private mutating func longVarint() -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      if at == end {
        cutOff()
        return 0
      }
      if shift > 63 {
        fail("a varint has more than ten bytes")
        return 0
      }
      let byte = UInt64(at.pointee)
      at += 1
      value |= (byte & 127) << shift
      if byte < 128 { return value }
      shift += 7
    }
  }

  @inline(never)
  public mutating func bool() -> Bool { varint() != 0 }
  public mutating func int32() -> Int32 { Int32(truncatingIfNeeded: varint()) }
  public mutating func uint32() -> UInt32 { UInt32(truncatingIfNeeded: varint()) }
  public mutating func int64() -> Int64 { Int64(bitPattern: varint()) }
  public mutating func uint64() -> UInt64 { varint() }
  @inline(never)
  public mutating func sint32() -> Int32 {
    let value = uint32()
    return Int32(bitPattern: (value >> 1) ^ (0 &- (value & 1)))
  }
  @inline(never)
  public mutating func sint64() -> Int64 {
    let value = varint()
    return Int64(bitPattern: (value >> 1) ^ (0 &- (value & 1)))
  }
  @inline(never)
  public mutating func fixed32() -> UInt32 {
    guard let from = take(4) else { return 0 }
    return UInt32(littleEndian: UnsafeRawPointer(from).loadUnaligned(as: UInt32.self))
  }
  @inline(never)
  public mutating func fixed64() -> UInt64 {
    guard let from = take(8) else { return 0 }
    return UInt64(littleEndian: UnsafeRawPointer(from).loadUnaligned(as: UInt64.self))
  }
  public mutating func sfixed32() -> Int32 { Int32(bitPattern: fixed32()) }
  public mutating func sfixed64() -> Int64 { Int64(bitPattern: fixed64()) }
  public mutating func float() -> Float { Float(bitPattern: fixed32()) }
  public mutating func double() -> Double { Double(bitPattern: fixed64()) }
  public mutating func openEnum<Value: OpenEnum>() -> Value { Value(rawValue: int32()) }

  mutating func buffer() -> UnsafeBufferPointer<UInt8> {
    let length = varint()
    guard let start = take(length) else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(start: start, count: Int(truncatingIfNeeded: length))
  }

  @inline(never)
  public mutating func bytes() -> [UInt8] { [UInt8](buffer()) }

  @inline(never)
  public mutating func string() -> String {
    let utf8 = buffer()
    if utf8.count == 0 { return "" }
    if !isUTF8(utf8) {
      fail("a string is not UTF-8")
      return ""
    }
    return String(decoding: utf8, as: UTF8.self)
  }

  // Embedded messages, into what an earlier occurrence of the field has left. In place: a message that is nested 100 times over must
  // not lie on the stack as often.

  @inline(never)
  public mutating func message<M: Message>(_ value: inout M) {
    let outer = enter()
    value.decode(from: &self)
    leave(outer)
  }

  @inline(never)
  public mutating func message<M: Message>(into value: inout M?) {
    if value == nil { begin(&value) }
    message(&value!)
  }

  @inline(never)
  public mutating func message<M: Message>(into value: inout Boxed<M>) {
    value.begin()
    message(&value.contents[0])
  }

  /// Of a oneof: generated code takes out what is there, and puts back what becomes of it.
  @inline(never)
  public mutating func message<M: Message>(first list: inout [M]) {
    if list.isEmpty { add(&list) }
    message(&list[0])
  }

  @inline(never)
  public mutating func message<M: Message>(appendedTo list: inout [M]) {
    add(&list)
    message(&list[list.count - 1])
  }

  // On their own, for the same reason.
  @inline(never)
  private func begin<M: Message>(_ value: inout M?) { value = M() }
  @inline(never)
  private func add<M: Message>(_ list: inout [M]) { list.append(M()) }

  public struct Outer {
    fileprivate let end: UnsafePointer<UInt8>
  }

  @inline(never)
  public mutating func enter() -> Outer {
    let outer = Outer(end: end)
    let length = varint()
    guard let start = take(length) else { return outer }
    if problem != nil { return outer }
    if depth == Reader.depthMax {
      fail("messages are nested more than 100 deep")
      return outer
    }
    depth += 1
    end = at
    at = start
    return outer
  }

  @inline(never)
  public mutating func leave(_ outer: Outer) {
    end = outer.end
    if problem != nil { at = end } else { depth -= 1 }
  }

  /// The elements of a packed field.
  @inline(never)
  public mutating func packed<Element>(into elements: inout [Element], _ read: (inout Reader) -> Element) {
    let length = varint()
    guard let start = take(length), problem == nil else { return }
    let outer = Outer(end: end)
    end = at
    at = start
    while at != end { elements.append(read(&self)) }
    end = outer.end
    if problem != nil { at = end }
  }
}

func isUTF8(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
  guard var at = text.baseAddress else { return true }
  let end = at + text.count
  while at != end {
    let first = at.pointee
    at += 1
    if first < 0x80 { continue }
    if first < 0xc2 || first > 0xf4 { return false }
    let more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3
    if end - at < more { return false }
    // Overlong forms, surrogates, and what is above U+10FFFF show in the second byte.
    let low: UInt8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80
    let high: UInt8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf
    if at[0] < low || at[0] > high { return false }
    for i in 1..<max(more, 2) where i < more && at[i] & 0xc0 != 0x80 { return false }
    at += more
  }
  return true
}
