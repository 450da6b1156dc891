// Map: a map field of a message, and a map for authors: in the order of its keys, and of nothing else.
//
// It is what there is instead of Dictionary and Set: those hash with a seed that the system's chance gives, and iterate in an
// order that hangs on addresses.
//
// O1. Iteration is ascending: numbers by value, strings by the bytes of their UTF-8, false before true. So the same value has
//     the same bytes, and nothing of an answer hangs on a hash.
// O2. Strings are keys by their bytes. In a Swift Dictionary "é" written in two ways is one key, in protobuf it is two.

public protocol MapKey {
  /// Below 0, 0, above 0.
  static func order(_ a: Self, _ b: Self) -> Int
}

public struct Map<Key: MapKey, Value>: Sequence, ExpressibleByDictionaryLiteral {
  public typealias Element = (key: Key, value: Value)
  // Ascending, but for what `append` has added since the last `settle`.
  private var entries: [Element] = []
  private var isSettled = true

  public init() {}

  public init(dictionaryLiteral elements: (Key, Value)...) {
    for (key, value) in elements { self[key] = value }
  }

  public var count: Int { entries.count }
  public var isEmpty: Bool { entries.isEmpty }

  public subscript(key: Key) -> Value? {
    get {
      let (index, isThere) = find(key)
      return isThere ? entries[index].value : nil
    }
    set {
      let (index, isThere) = find(key)
      if let newValue {
        if isThere { entries[index].value = newValue } else { entries.insert((key, newValue), at: index) }
      } else if isThere {
        entries.remove(at: index)
      }
    }
  }

  public subscript(key: Key, default otherwise: @autoclosure () -> Value) -> Value {
    get { self[key] ?? otherwise() }
    set { self[key] = newValue }
  }

  public var keys: [Key] { entries.map { $0.key } }
  public var values: [Value] { entries.map { $0.value } }

  public func makeIterator() -> IndexingIterator<[Element]> { entries.makeIterator() }

  /// By place, from 0 to `count - 1`: ascending.
  public func entry(at index: Int) -> Element { entries[index] }

  private func find(_ key: Key) -> (index: Int, isThere: Bool) {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = low + (high - low) / 2
      let order = Key.order(entries[middle].key, key)
      if order == 0 { return (middle, true) }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return (low, false)
  }

  /// For generated code, which settles afterwards: a strange order of keys must not cost the square of their number.
  public mutating func append(_ key: Key, _ value: Value) {
    if isSettled, let last = entries.last, Key.order(last.key, key) >= 0 { isSettled = false }
    entries.append((key, value))
  }

  /// Of equal keys the last counts.
  @inline(never)
  public mutating func settle() {
    if isSettled { return }
    var order = [Int](unsafeUninitializedCapacity: entries.count) { buffer, count in
      for index in 0..<entries.count { (buffer.baseAddress! + index).initialize(to: index) }
      count = entries.count
    }
    order.sort { a, b in
      let order = Key.order(entries[a].key, entries[b].key)
      return order != 0 ? order < 0 : a < b
    }
    var sorted: [Element] = []
    sorted.reserveCapacity(entries.count)
    for index in order {
      if let last = sorted.last, Key.order(last.key, entries[index].key) == 0 { sorted.removeLast() }
      sorted.append(entries[index])
    }
    entries = sorted
    isSettled = true
  }
}

extension Map: Sendable where Key: Sendable, Value: Sendable {}

extension Map: Equatable where Value: Equatable {
  public static func == (a: Map, b: Map) -> Bool {
    if a.count != b.count { return false }
    for index in 0..<a.count {
      let (left, right) = (a.entries[index], b.entries[index])
      if Key.order(left.key, right.key) != 0 || left.value != right.value { return false }
    }
    return true
  }
}

extension Int32: MapKey {
  public static func order(_ a: Int32, _ b: Int32) -> Int { a < b ? -1 : a > b ? 1 : 0 }
}
extension UInt32: MapKey {
  public static func order(_ a: UInt32, _ b: UInt32) -> Int { a < b ? -1 : a > b ? 1 : 0 }
}
extension Int64: MapKey {
  public static func order(_ a: Int64, _ b: Int64) -> Int { a < b ? -1 : a > b ? 1 : 0 }
}
extension UInt64: MapKey {
  public static func order(_ a: UInt64, _ b: UInt64) -> Int { a < b ? -1 : a > b ? 1 : 0 }
}
extension Int: MapKey {
  public static func order(_ a: Int, _ b: Int) -> Int { a < b ? -1 : a > b ? 1 : 0 }
}
extension [UInt8]: MapKey {
  public static func order(_ a: [UInt8], _ b: [UInt8]) -> Int { compareBytes(a, b) }
}
extension Bool: MapKey {
  public static func order(_ a: Bool, _ b: Bool) -> Int { a == b ? 0 : a ? 1 : -1 }
}
extension String: MapKey {
  public static func order(_ a: String, _ b: String) -> Int {
    var a = a
    var b = b
    return a.withUTF8 { left in b.withUTF8 { right in compareBytes(left, right) } }
  }
}
