// Draft: the view of a replicated value, decoded as far as it is looked at, with the operations of the decision in it.
//
// V1. An operation is at once in what is read after it: a reply is made from the value after the operations.
// V2. Whatever an operation needs and the draft has not (the entity, entries on the way, the value itself) is created first.
// V3. A look at what only the host knows (which of two writes with a custom clock won, the size of a set that the view does not
//     hold) makes the answer `after`: its note is the number of operations and the old view. From them `render` lets the handler
//     decide again, and puts the new view in the place of the draft at the last operation.
// V4. Messages are innkeeper.crdt.v1's (wit/proto), read and written here by hand. Elements and keys ascend by their bytes.
//
// Leaves to others: what authors see (Views.swift), when there is a draft (Replicated.swift).

enum Kind: UInt8 {
  /// Only the host knows what is there.
  case unknown = 0
  case gCounter, pnCounter, gSet, orSet, lwwRegister, flag, orMap, vote
}

public enum Clock: UInt8, Sendable {
  case `default` = 0
  case reverse, custom, customAutoIncrement
}

final class Node {
  let kind: Kind
  /// Bytes of the message of the kind, until it is looked at.
  private var source: [UInt8]?
  var isPartial = false
  /// The register, or the size, is known to the host alone.
  var isUnknown = false
  var number: UInt64 = 0
  var bytes: [UInt8] = []
  var isSelf = false
  var votesFor: UInt32 = 0
  var voters: UInt32 = 1
  /// Ascending; of a map with the values at the same places.
  var keys: [[UInt8]] = []
  var values: [Node?] = []
  var size: UInt64 = 0

  init(_ kind: Kind, source: [UInt8]? = nil) {
    self.kind = kind
    self.source = source
  }

  /// Where the key is, or belongs.
  func find(_ key: [UInt8]) -> (index: Int, isThere: Bool) {
    var low = 0
    var high = keys.count
    while low < high {
      let middle = low + (high - low) / 2
      let order = compareBytes(keys[middle], key)
      if order == 0 { return (middle, true) }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return (low, false)
  }

  func insert(_ key: [UInt8], _ value: Node?, at index: Int) {
    keys.insert(key, at: index)
    if kind == .orMap { values.insert(value, at: index) }
  }

  func remove(at index: Int) {
    keys.remove(at: index)
    if kind == .orMap { values.remove(at: index) }
  }

  func clear() {
    keys = []
    values = []
    size = 0
    isPartial = false
    isUnknown = false
  }

  /// Decodes what the node holds, one level deep.
  func settle() {
    guard let source else { return }
    self.source = nil
    let problem = source.withUnsafeBufferPointer { buffer -> StaticString? in
      var reader = Reader(buffer)
      read(&reader)
      return reader.problem
    }
    if problem != nil { faultOfView() }
    if size < UInt64(keys.count) { size = UInt64(keys.count) }
  }

  private func read(_ reader: inout Reader) {
    while let tag = reader.tag() {
      switch (kind, tag) {
      case (.gSet, 10), (.orSet, 10): add(reader.bytes(), nil)
      case (.orMap, 10):
        var key: [UInt8] = []
        var value: [UInt8] = []
        let outer = reader.enter()
        while let inner = reader.tag() {
          switch inner {
          case 10: key = reader.bytes()
          case 18: value = reader.bytes()
          default: reader.skip(inner)
          }
        }
        reader.leave(outer)
        add(key, Node.read(value: value))
      case (.gSet, 16), (.orSet, 16), (.orMap, 16): size = reader.varint()
      case (.gCounter, 8): number = reader.varint()
      case (.pnCounter, 8): number = UInt64(bitPattern: reader.sint64())
      case (.lwwRegister, 10): bytes = reader.bytes()
      case (.flag, 8): number = reader.bool() ? 1 : 0
      case (.vote, 8): isSelf = reader.bool()
      case (.vote, 16): votesFor = reader.uint32()
      case (.vote, 24): voters = reader.uint32()
      default: reader.skip(tag)
      }
    }
  }

  /// The host's ascend; another would be put where it belongs.
  private func add(_ key: [UInt8], _ value: Node?) {
    if let last = keys.last, compareBytes(last, key) >= 0 {
      let (index, isThere) = find(key)
      if !isThere { insert(key, value, at: index) }
    } else {
      insert(key, value, at: keys.count)
    }
  }

  /// A message Value: its kind, and the bytes of what is in it. Nil if it has none.
  static func read(value: [UInt8]) -> Node? {
    var node: Node?
    let problem = value.withUnsafeBufferPointer { buffer -> StaticString? in
      var reader = Reader(buffer)
      while let tag = reader.tag() {
        if tag & 7 == 2, tag >> 3 <= 8, let kind = Kind(rawValue: UInt8(tag >> 3)) {
          node = Node(kind, source: reader.bytes())
        } else {
          reader.skip(tag)
        }
      }
      return reader.problem
    }
    if problem != nil { faultOfView() }
    return node
  }

  /// A message View; nil where the entity does not exist.
  static func read(view: UnsafeBufferPointer<UInt8>) -> Node? {
    var reader = Reader(view)
    var exists = false
    var isPartial = false
    var value: [UInt8] = []
    while let tag = reader.tag() {
      switch tag {
      case 8: exists = reader.bool()
      case 18: value = reader.bytes()
      case 24: isPartial = reader.bool()
      default: reader.skip(tag)
      }
    }
    if reader.problem != nil { faultOfView() }
    if !exists { return nil }
    let root = read(value: value) ?? Node(.unknown)
    // `nothing` holds no value: what is there is not known, but for its size.
    root.isPartial = isPartial || root.kind == .unknown
    return root
  }
}

private func faultOfView() -> Never {
  fault("the view is no innkeeper.crdt.v1.View")
}

/// Keys of nested maps, outermost first.
typealias Path = [[UInt8]]

struct Operation {
  enum Change {
    case create(Kind)
    case increment(UInt64)
    case add(Int64)
    case insert([UInt8])
    case remove([UInt8])
    case clear
    case assign([UInt8], Clock, Int64)
    case enable
    case vote(Bool)
  }

  let path: Path
  let change: Change
}

final class Draft {
  let kind: Kind
  /// Nil: the entity does not exist.
  var root: Node?
  /// It can only be looked at.
  let isFixed: Bool
  var isUndecided = false
  private(set) var operations: [Operation] = []
  /// How often an operation was asked for; at the last one the host's view takes the draft's place.
  private(set) var asked = 0
  private var turn: (at: Int, to: Node?)?

  init(_ kind: Kind, _ root: Node?, isFixed: Bool = false, turn: (at: Int, to: Node?)? = nil) {
    self.kind = kind
    self.root = root
    self.isFixed = isFixed
    self.turn = turn
  }

  /// What is at the path, decoded; nil if nothing is.
  func resolve(_ path: Path) -> Node? {
    guard var node = root else { return nil }
    node.settle()
    for key in path {
      if node.kind == .unknown { return node }
      if node.kind != .orMap { fault("a key of what is no map") }
      let (index, isThere) = node.find(key)
      guard isThere, let inner = node.values[index] else { return nil }
      node = inner
      node.settle()
    }
    return node
  }

  /// The node, if it is of this kind, or the other kind of set.
  func look(_ path: Path, _ kind: Kind) -> Node? {
    guard let node = resolve(path) else { return nil }
    if node.kind == .unknown {
      isUndecided = true
      return nil
    }
    if node.kind != kind { fault("the value is of another kind") }
    return node
  }

  func exists(_ path: Path) -> Bool {
    let node = resolve(path)
    if let node, node.kind == .unknown { isUndecided = true }
    return node != nil
  }

  func operate(_ path: Path, _ kind: Kind, _ change: Operation.Change) {
    if isFixed { fault("an operation where the value can only be looked at") }
    let (node, isNew) = reach(path, kind)
    if node.kind != kind && node.kind != .unknown { fault("an operation of another kind than the value") }
    operations.append(Operation(path: path, change: change))
    Draft.apply(change, to: node, isNew: isNew)
    asked += 1
    if let turn, turn.at == asked { root = turn.to }
  }

  /// Nothing but what comes before every operation: what is not there is created.
  func create(_ path: Path, _ kind: Kind) {
    if isFixed { fault("an operation where the value can only be looked at") }
    let (node, _) = reach(path, kind)
    if node.kind != kind && node.kind != .unknown { fault("an operation of another kind than the value") }
    asked += 1
    if let turn, turn.at == asked { root = turn.to }
  }

  /// The node at the path for an operation of this kind, created where it is not there.
  func reach(_ path: Path, _ kind: Kind) -> (Node, isNew: Bool) {
    var isNew = false
    let rootKind = path.isEmpty ? kind : Kind.orMap
    if rootKind != self.kind { fault("an operation of another kind than the value") }
    if root == nil {
      root = Node(rootKind)
      isNew = true
      operations.append(Operation(path: [], change: .create(rootKind)))
    }
    var node = root!
    node.settle()
    for depth in 0..<path.count {
      let innerKind = depth == path.count - 1 ? kind : Kind.orMap
      let key = path[depth]
      isNew = false
      let (index, isThere) = node.kind == .orMap ? node.find(key) : (0, false)
      if isThere {
        guard let inner = node.values[index] else { fault("an entry of the view has no value") }
        node = inner
        node.settle()
        continue
      }
      // Of what the view does not hold nothing is known but that it is there from now on.
      let isKnown = node.kind == .orMap && !node.isPartial
      let inner = Node(isKnown ? innerKind : .unknown)
      isNew = isKnown
      if node.kind == .orMap {
        node.insert(key, inner, at: index)
        node.size += 1
        if !isKnown { node.isUnknown = true }
      }
      operations.append(Operation(path: [[UInt8]](path[0...depth]), change: .create(innerKind)))
      node = inner
    }
    return (node, isNew)
  }

  static func apply(_ change: Operation.Change, to node: Node, isNew: Bool) {
    if node.kind == .unknown { return }
    switch change {
    case .create: return
    case .increment(let amount): node.number = node.number &+ amount
    case .add(let amount): node.number = node.number &+ UInt64(bitPattern: amount)
    case .insert(let element):
      let (index, isThere) = node.find(element)
      if isThere { return }
      node.insert(element, nil, at: index)
      node.size += 1
      if node.isPartial { node.isUnknown = true }
    case .remove(let key):
      let (index, isThere) = node.find(key)
      if !isThere {
        if node.isPartial { node.isUnknown = true }
        return
      }
      node.remove(at: index)
      node.size -= 1
    case .clear: node.clear()
    case .assign(let bytes, let clock, _):
      // The default clock and the incrementing one are always later than what is there.
      node.isUnknown = !isNew && (clock == .reverse || clock == .custom)
      if !node.isUnknown { node.bytes = bytes }
    case .enable: node.number = 1
    case .vote(let vote):
      if node.isSelf == vote { return }
      node.isSelf = vote
      node.votesFor = vote ? node.votesFor &+ 1 : node.votesFor &- 1
    }
  }

  /// Last to first, as a writer has it.
  func encodeOperations(_ consistency: Consistency) -> [UInt8] {
    if operations.isEmpty && consistency == .local { return [] }
    var writer = Writer()
    if consistency != .local {
      writer.varint(UInt64(consistency.rawValue))
      writer.tag(16)
    }
    for operation in operations.reversed() {
      let opened = writer.open()
      write(operation.change, &writer)
      for key in operation.path.reversed() {
        writer.bytes(key)
        writer.tag(10)
      }
      writer.close(opened)
      writer.tag(10)
    }
    return writer.finish()
  }

  private func write(_ change: Operation.Change, _ writer: inout Writer) {
    switch change {
    case .create(let kind):
      writer.varint(UInt64(kind.rawValue))
      writer.tag(2 << 3)
    case .increment(let amount):
      writer.varint(amount)
      writer.tag(3 << 3)
    case .add(let amount):
      writer.sint64(amount)
      writer.tag(4 << 3)
    case .insert(let element):
      writer.bytes(element)
      writer.tag(5 << 3 | 2)
    case .remove(let key):
      writer.bytes(key)
      writer.tag(6 << 3 | 2)
    case .clear:
      writer.bool(true)
      writer.tag(7 << 3)
    case .assign(let bytes, let clock, let custom):
      let opened = writer.open()
      if custom != 0 {
        writer.int64(custom)
        writer.tag(24)
      }
      if clock != .default {
        writer.varint(UInt64(clock.rawValue))
        writer.tag(16)
      }
      if !bytes.isEmpty {
        writer.bytes(bytes)
        writer.tag(10)
      }
      writer.close(opened)
      writer.tag(8 << 3 | 2)
    case .enable:
      writer.bool(true)
      writer.tag(9 << 3)
    case .vote(let vote):
      writer.bool(vote)
      writer.tag(10 << 3)
    }
  }
}
