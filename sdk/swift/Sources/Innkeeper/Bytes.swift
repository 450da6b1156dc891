// Bytes: how they are compared, and how they get into the arena of the contract.
//
// B1. What an author can keep owns its bytes. Only what goes to the host lies in the arena.
import InnkeeperABI

func compareBytes(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Int {
  let length = min(a.count, b.count)
  if length > 0 {
    let order = memcmp(a.baseAddress!, b.baseAddress!, length)
    if order != 0 { return Int(order) }
  }
  return a.count - b.count
}

func compareBytes(_ a: [UInt8], _ b: [UInt8]) -> Int {
  a.withUnsafeBufferPointer { left in b.withUnsafeBufferPointer { right in compareBytes(left, right) } }
}

extension ik_bytes {
  var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: data, count: length) }
  var array: [UInt8] { length == 0 ? [] : [UInt8](buffer) }
  /// The host's strings are UTF-8.
  var string: String { length == 0 ? "" : String(decoding: buffer, as: UTF8.self) }

  func equals(_ text: StaticString) -> Bool {
    length == text.utf8CodeUnitCount && (length == 0 || memcmp(data, text.utf8Start, length) == 0)
  }
}

@inline(never)
func inArena(_ buffer: UnsafeBufferPointer<UInt8>) -> ik_bytes {
  guard let from = buffer.baseAddress, buffer.count > 0 else { return ik_bytes(data: nil, length: 0) }
  let to = ik_allocate(buffer.count, 1)!.assumingMemoryBound(to: UInt8.self)
  to.update(from: from, count: buffer.count)
  return ik_bytes(data: UnsafePointer(to), length: buffer.count)
}

func inArena(_ bytes: [UInt8]) -> ik_bytes {
  bytes.withUnsafeBufferPointer { inArena($0) }
}

func inArena(_ text: String) -> ik_bytes {
  var text = text
  return text.withUTF8 { inArena($0) }
}

/// Without a copy.
func inArena(_ text: StaticString) -> ik_bytes {
  ik_bytes(data: text.utf8Start, length: text.utf8CodeUnitCount)
}

func inArena<M: Message>(_ message: M) -> ik_bytes {
  var writer = Writer()
  message.encode(into: &writer)
  return writer.finishInArena()
}

/// Cleared.
func arrayInArena<Item>(_ count: Int, of type: Item.Type) -> UnsafeMutablePointer<Item> {
  ik_allocate_zeroed(count * MemoryLayout<Item>.stride)!.bindMemory(to: type, capacity: count)
}
