// Views: a replicated value and places inside it, as authors see them. What does not exist reads as its default, and the first
// operation on it creates it.
//
// W1. A view that a method declared to see in part (`Options.views`) holds what was looked for, and everything else reads as not
//     there.

public protocol ReplicatedView {
  init(_ place: Place)
  static var kind: ViewKind { get }
}

public struct ViewKind {
  let kind: Kind
}

/// A place in a replicated value.
public struct Place {
  let draft: Draft
  let path: Path

  func look(_ kind: Kind) -> Node? { draft.look(path, kind) }
  func operate(_ kind: Kind, _ change: Operation.Change) { draft.operate(path, kind, change) }
  func create(_ kind: Kind) { draft.create(path, kind) }
  var exists: Bool { draft.exists(path) }

  func at(_ key: [UInt8]) -> Place {
    var path = path
    path.append(key)
    return Place(draft: draft, path: path)
  }

  func size(_ kind: Kind) -> Int {
    guard let node = look(kind) else { return 0 }
    if node.isUnknown { draft.isUndecided = true }
    return Int(truncatingIfNeeded: node.size)
  }

  func has(_ kind: Kind, _ key: [UInt8]) -> Bool { look(kind)?.find(key).isThere ?? false }
  func keys(_ kind: Kind) -> [[UInt8]] { look(kind)?.keys ?? [] }
}

/// A counter that only grows.
public struct GCounter: ReplicatedView {
  private let place: Place
  public init(_ place: Place) { self.place = place }
  public static var kind: ViewKind { ViewKind(kind: .gCounter) }

  public var exists: Bool { place.exists }
  public var value: UInt64 { place.look(.gCounter)?.number ?? 0 }
  public func add(_ amount: UInt64) { place.operate(.gCounter, .increment(amount)) }
}

public struct PNCounter: ReplicatedView {
  private let place: Place
  public init(_ place: Place) { self.place = place }
  public static var kind: ViewKind { ViewKind(kind: .pnCounter) }

  public var exists: Bool { place.exists }
  public var value: Int64 { Int64(bitPattern: place.look(.pnCounter)?.number ?? 0) }
  public func add(_ amount: Int64) { place.operate(.pnCounter, .add(amount)) }
}

/// A set that only grows.
public struct GSet<Element: ReplicatedElement>: ReplicatedView {
  private let place: Place
  public init(_ place: Place) { self.place = place }
  public static var kind: ViewKind { ViewKind(kind: .gSet) }

  public var exists: Bool { place.exists }
  /// Of the whole set, also where the view holds a part.
  public var size: Int { place.size(.gSet) }
  public func has(_ element: Element) -> Bool { place.has(.gSet, element.element) }
  /// In the order of their bytes.
  public var elements: [Element] { place.keys(.gSet).map { Element(element: $0) } }
  public func add(_ element: Element) { place.operate(.gSet, .insert(element.element)) }
}

public struct ORSet<Element: ReplicatedElement>: ReplicatedView {
  private let place: Place
  public init(_ place: Place) { self.place = place }
  public static var kind: ViewKind { ViewKind(kind: .orSet) }

  public var exists: Bool { place.exists }
  /// Of the whole set, also where the view holds a part.
  public var size: Int { place.size(.orSet) }
  public func has(_ element: Element) -> Bool { place.has(.orSet, element.element) }
  /// In the order of their bytes.
  public var elements: [Element] { place.keys(.orSet).map { Element(element: $0) } }
  public func add(_ element: Element) { place.operate(.orSet, .insert(element.element)) }
  public func remove(_ element: Element) { place.operate(.orSet, .remove(element.element)) }
  public func clear() { place.operate(.orSet, .clear) }
}

/// The last write wins. An entity that is a register needs a first value: `Replicated.initial`.
public struct LWWRegister<Element: ReplicatedElement>: ReplicatedView {
  private let place: Place
  public init(_ place: Place) { self.place = place }
  public static var kind: ViewKind { ViewKind(kind: .lwwRegister) }

  public var exists: Bool { place.exists }
  /// Nil where nothing was ever written.
  public var value: Element? {
    guard let node = place.look(.lwwRegister) else { return nil }
    if node.isUnknown { place.draft.isUndecided = true }
    return Element(element: node.bytes)
  }
  public func set(_ value: Element, clock: Clock = .default, custom: Int64 = 0) {
    place.operate(.lwwRegister, .assign(value.element, clock, custom))
  }
}

public struct Flag: ReplicatedView {
  private let place: Place
  public init(_ place: Place) { self.place = place }
  public static var kind: ViewKind { ViewKind(kind: .flag) }

  public var exists: Bool { place.exists }
  public var value: Bool { (place.look(.flag)?.number ?? 0) != 0 }
  /// For good.
  public func enable() { place.operate(.flag, .enable) }
}

/// A vote of each node, not of each client.
public struct Vote: ReplicatedView {
  private let place: Place
  public init(_ place: Place) { self.place = place }
  public static var kind: ViewKind { ViewKind(kind: .vote) }

  public var exists: Bool { place.exists }
  /// This node's.
  public var own: Bool { place.look(.vote)?.isSelf ?? false }
  public var votesFor: UInt32 { place.look(.vote)?.votesFor ?? 0 }
  public var voters: UInt32 { place.look(.vote)?.voters ?? 1 }
  public func set(_ vote: Bool) { place.operate(.vote, .vote(vote)) }
}

public struct ORMap<Key: ReplicatedElement, Inner: ReplicatedView>: ReplicatedView {
  private let place: Place
  public init(_ place: Place) { self.place = place }
  public static var kind: ViewKind { ViewKind(kind: .orMap) }

  public var exists: Bool { place.exists }
  /// Of the whole map, also where the view holds a part.
  public var size: Int { place.size(.orMap) }
  public func has(_ key: Key) -> Bool { place.has(.orMap, key.element) }
  /// In the order of their bytes.
  public var keys: [Key] { place.keys(.orMap).map { Key(element: $0) } }
  /// The value of the key; of one that is not there, a place to create it.
  public subscript(_ key: Key) -> Inner { Inner(place.at(key.element)) }
  /// Adds this key with its value's default; nothing where it is there. Any operation on its value adds it, too.
  public func create(_ key: Key) { place.at(key.element).create(Inner.kind.kind) }
  public func remove(_ key: Key) { place.operate(.orMap, .remove(key.element)) }
  public func clear() { place.operate(.orMap, .clear) }
}

/// A map with known keys: a struct with `let record: Record`, and a getter for each key: `var likes: GCounter { record["likes"] }`.
public protocol RecordView: ReplicatedView {
  init(record: Record)
}

extension RecordView {
  public init(_ place: Place) { self.init(record: Record(place: place)) }
  public static var kind: ViewKind { ViewKind(kind: .orMap) }
}

public struct Record {
  let place: Place
  public var exists: Bool { place.exists }
  public subscript<Inner: ReplicatedView>(_ key: String) -> Inner { Inner(place.at(key.element)) }
}
