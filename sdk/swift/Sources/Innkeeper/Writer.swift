// Writer: protobuf bytes from the end to the beginning: fields and elements last to first, so that a length is known when it is
// due. Generated code drives it.
//
// W1. Every NaN is written as one. A message that is nested more than 100 deep could not be read again: a fault.
import InnkeeperABI

public struct Writer {
  private var start: UnsafeMutablePointer<UInt8>
  private var at: UnsafeMutablePointer<UInt8>
  private var end: UnsafeMutablePointer<UInt8>
  private var depth = 0

  public init() {
    start = UnsafeMutablePointer<UInt8>.allocate(capacity: 112)
    end = start + 112
    at = end
  }

  /// Of all that was written. Not to be used afterwards.
  public mutating func finish() -> [UInt8] {
    let bytes = [UInt8](UnsafeBufferPointer(start: at, count: count))
    start.deallocate()
    return bytes
  }

  /// The same, in the arena.
  mutating func finishInArena() -> ik_bytes {
    let bytes = inArena(UnsafeBufferPointer(start: at, count: count))
    start.deallocate()
    return bytes
  }

  public var count: Int { end - at }

  @inline(__always)
  private mutating func space(_ size: Int) -> UnsafeMutablePointer<UInt8> {
    if at - start < size { grow(size) }
    at -= size
    return at
  }

  @inline(never)
  private mutating func grow(_ size: Int) {
    let used = count
    let room = 2 * (used + size)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
    (larger + room - used).update(from: at, count: used)
    start.deallocate()
    start = larger
    end = larger + room
    at = end - used
  }

  @inline(never)
  public mutating func varint(_ value: UInt64) {
    var length = 1
    var left = value >> 7
    while left != 0 {
      length += 1
      left >>= 7
    }
    var to = space(length)
    left = value
    while left > 127 {
      to.pointee = UInt8(truncatingIfNeeded: left | 128)
      to += 1
      left >>= 7
    }
    to.pointee = UInt8(truncatingIfNeeded: left)
  }

  @inline(never)
  public mutating func fixed(_ value: UInt32) {
    let to = space(4)
    UnsafeMutableRawPointer(to).storeBytes(of: value.littleEndian, as: UInt32.self)
  }

  @inline(never)
  public mutating func fixed(_ value: UInt64) {
    let to = space(8)
    UnsafeMutableRawPointer(to).storeBytes(of: value.littleEndian, as: UInt64.self)
  }

  mutating func byte(_ byte: UInt8) { space(1).pointee = byte }

  public mutating func tag(_ tag: UInt32) { varint(UInt64(tag)) }

  // A value alone, as in a packed field.
  public mutating func bool(_ value: Bool) { varint(value ? 1 : 0) }
  public mutating func int32(_ value: Int32) { varint(UInt64(bitPattern: Int64(value))) }
  public mutating func uint32(_ value: UInt32) { varint(UInt64(value)) }
  public mutating func int64(_ value: Int64) { varint(UInt64(bitPattern: value)) }
  public mutating func uint64(_ value: UInt64) { varint(value) }
  public mutating func sint32(_ value: Int32) { varint(UInt64(UInt32(bitPattern: (value << 1) ^ (value >> 31)))) }
  public mutating func sint64(_ value: Int64) { varint(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }
  public mutating func fixed32(_ value: UInt32) { fixed(value) }
  public mutating func fixed64(_ value: UInt64) { fixed(value) }
  public mutating func sfixed32(_ value: Int32) { fixed(UInt32(bitPattern: value)) }
  public mutating func sfixed64(_ value: Int64) { fixed(UInt64(bitPattern: value)) }
  public mutating func float(_ value: Float) { fixed(value.isNaN ? 0x7fc0_0000 : value.bitPattern) }
  public mutating func double(_ value: Double) { fixed(value.isNaN ? 0x7ff8_0000_0000_0000 : value.bitPattern) }
  public mutating func openEnum<Value: OpenEnum>(_ value: Value) { int32(value.rawValue) }

  @inline(never)
  public mutating func bytes(_ value: [UInt8]) {
    value.withUnsafeBufferPointer { buffer($0) }
  }

  @inline(never)
  public mutating func string(_ value: String) {
    var value = value
    value.withUTF8 { buffer($0) }
  }

  mutating func buffer(_ value: UnsafeBufferPointer<UInt8>) {
    let to = space(value.count)
    if let from = value.baseAddress { to.update(from: from, count: value.count) }
    varint(UInt64(value.count))
  }

  // In place, as the reader does it: copies of messages that are nested 100 times over would not fit on the stack.

  @inline(never)
  public mutating func message<M: Message>(_ value: M) {
    let opened = open()
    value.encode(into: &self)
    close(opened)
  }

  @inline(never)
  public mutating func message<M: Message>(_ list: [M], _ index: Int) {
    let opened = open()
    list[index].encode(into: &self)
    close(opened)
  }

  public mutating func message<M: Message>(_ boxed: Boxed<M>) { message(boxed.contents, 0) }

  /// Before the content, which is written first.
  public mutating func open() -> Int {
    if depth == Reader.depthMax { fault("a message is nested more than 100 deep") }
    depth += 1
    return count
  }

  public mutating func close(_ opened: Int) {
    depth -= 1
    varint(UInt64(count - opened))
  }

  /// A packed field; nothing of an empty one.
  @inline(never)
  public mutating func packed<Element>(_ tag: UInt32, _ elements: [Element], _ element: (inout Writer, Element) -> Void) {
    if elements.isEmpty { return }
    let opened = count
    var index = elements.count
    while index > 0 {
      index -= 1
      element(&self, elements[index])
    }
    varint(UInt64(count - opened))
    self.tag(tag)
  }
}
