// View: rows of a table that follow from what entities have committed.
//
//   let orders = Service.view(.ordersView, OrderRow.self,
//     .events(.order,
//       .row(Placed.self) { placed, row, change in OrderRow(order: change.entity, cents: placed.cents) },
//       .row(Cancelled.self) { _, _, _ in nil }))
//
// P1. A batch is projected change by change, each on the rows that the one before left, and these pass through bytes (law L7).
// P2. A change touches only rows that its keys name, and those that its entity has put: else a batch would be another than its changes.
// P3. Of a value, what its entity has put and does not put again is deleted; of an event nothing goes by itself.
//
// Rows must not depend on the order of changes of different entities, nor on values between an entity's newest ones: a rebuild brings them in another
// order, and without those.
import InnkeeperABI

/// Full name of a service. Generated code has those of the project: `.orders`.
public struct ServiceName: Sendable {
  let text: StaticString

  public init(_ text: StaticString) { self.text = text }
}

/// Of which entity a change is, and when it was committed.
public struct Change: Sendable {
  /// Full name of the entity's service.
  public let service: String
  public let entity: String
  /// Of the event, or of the record that changed the value: it rises.
  public let sequence: Int64
  /// Milliseconds since 1970.
  public let at: Int64
}

/// The rows that a change may touch: those that its keys name, and those that earlier changes of its entity have put.
public struct Rows<Row: Message> {
  let touched: Touched

  /// Keys of those that are there.
  public var keys: [String] {
    var keys: [String] = []
    for key in touched.allowed where touched.table.at(key) != nil { keys.append(key) }
    return keys
  }

  /// A fault for a key that is not among those that the change may touch, as `put` and `delete` are.
  public func get(_ key: String) -> Row? {
    touched.check(key)
    guard let bytes = touched.table.at(key) else { return nil }
    return readMessage(bytes)
  }

  public func put(_ key: String, _ row: Row) { touched.set(key, row.encoded()) }

  public func delete(_ key: String) { touched.set(key, nil) }
}

private func readMessage<Read: Message>(_ bytes: [UInt8]) -> Read {
  guard let message = try? Read(bytes: bytes) else { fault("these bytes are no \(inArena(Read.typeName).string)") }
  return message
}

/// A replicated value, as it crosses the boundary.
let replicaName: StaticString = "innkeeper.crdt.v1.View"

/// The value that these bytes hold, to look at.
private func seen<Value: ReplicatedView>(_ bytes: [UInt8]) -> Value {
  let root = bytes.withUnsafeBufferPointer { Node.read(view: $0) }
  return Value(Place(draft: Draft(Value.kind.kind, root, isFixed: true), path: []))
}

/// A message that a source takes, and what comes of it; or what is done when an entity is gone.
public struct Take<Row: Message> {
  /// Nil: it is gone.
  let typeName: StaticString?
  /// Nil: the entity's.
  let keys: (([UInt8], Change) -> [String])?
  let project: ([UInt8], Rows<Row>, Change) -> Void

  /// What becomes of the one row of an entity, whose key is the entity's; nil: there is none.
  public static func row<Taken: Message>(
    _ type: Taken.Type, _ project: @escaping (Taken, Row?, Change) -> Row?
  ) -> Take {
    Take(typeName: type.typeName, keys: nil) { bytes, rows, change in
      if let row = project(readMessage(bytes), rows.get(change.entity), change) {
        rows.put(change.entity, row)
      } else {
        rows.delete(change.entity)
      }
    }
  }

  /// For a change that does not touch the row of its entity alone: the keys of the rows that it may touch, and what it does to them.
  public static func rows<Taken: Message>(
    _ type: Taken.Type, keys: @escaping (Taken, Change) -> [String], _ project: @escaping (Taken, Rows<Row>, Change) -> Void
  ) -> Take {
    Take(typeName: type.typeName, keys: { bytes, change in keys(readMessage(bytes), change) }) { bytes, rows, change in
      project(readMessage(bytes), rows, change)
    }
  }

  /// The same of a replicated entity, whose value is of its service's kind, such as `ORSet<String>`. It can only be looked at.
  public static func row<Value: ReplicatedView>(
    _ type: Value.Type, _ project: @escaping (Value, Row?, Change) -> Row?
  ) -> Take {
    Take(typeName: replicaName, keys: nil) { bytes, rows, change in
      if let row = project(seen(bytes), rows.get(change.entity), change) {
        rows.put(change.entity, row)
      } else {
        rows.delete(change.entity)
      }
    }
  }

  /// The same of a replicated entity.
  public static func rows<Value: ReplicatedView>(
    _ type: Value.Type, keys: @escaping (Value, Change) -> [String], _ project: @escaping (Value, Rows<Row>, Change) -> Void
  ) -> Take {
    Take(typeName: replicaName, keys: { bytes, change in keys(seen(bytes), change) }) { bytes, rows, change in
      project(seen(bytes), rows, change)
    }
  }

  /// What is done when nothing is left of an entity, instead of deleting the rows that it has put: the rows are these.
  public static func deleted(_ project: @escaping (Rows<Row>, Change) -> Void) -> Take {
    Take(typeName: nil, keys: nil) { _, rows, change in project(rows, change) }
  }
}

/// Whose changes a view takes. Of messages that are not named nothing comes.
public struct Source<Row: Message> {
  let service: StaticString
  let kind: UInt8
  let takes: [Take<Row>]

  /// Events of the entities of an event-sourced service.
  public static func events(_ service: ServiceName, _ takes: Take<Row>...) -> Source {
    Source(service: service.text, kind: UInt8(IK_KIND_EVENT_SOURCED), takes: takes)
  }

  /// The newest values of the entities of a value service. Rows that an entity has put and does not put again are deleted; so are all of them if the
  /// value is, unless `.deleted` says otherwise.
  public static func values(_ service: ServiceName, _ takes: Take<Row>...) -> Source {
    Source(service: service.text, kind: UInt8(IK_KIND_VALUE), takes: takes)
  }

  /// The newest values of the entities of a replicated service. What was said of `values` holds here, too.
  public static func replicas(_ service: ServiceName, _ takes: Take<Row>...) -> Source {
    Source(service: service.text, kind: UInt8(IK_KIND_REPLICATED), takes: takes)
  }

  func take(_ came: Changed) -> Take<Row>? {
    for take in takes {
      if let name = take.typeName, came.what != .deleted, inArena(came.typeName).equals(name) { return take }
    }
    return nil
  }

  var deleted: Take<Row>? {
    for take in takes where take.typeName == nil { return take }
    return nil
  }
}

/// A row by its key; without bytes it is deleted, or not there.
struct Put {
  let key: String
  let row: [UInt8]?
}

/// Items of a list, found by a hash of their names: slots that are at most half full, each with the index of an item plus 1. Swift's dictionaries
/// would bring tables of Unicode along.
struct Finder {
  private var slots: [(hash: UInt32, index: Int)] = []
  private var count = 0

  /// The index of the item that it `is`, or nil: then an item that is added now has `next`.
  mutating func find(_ hash: UInt32, next: Int, _ isItem: (Int) -> Bool) -> Int? {
    if (count + 1) * 2 > slots.count { grow() }
    let at = place(hash, isItem)
    if slots[at].index != 0 { return slots[at].index - 1 }
    slots[at] = (hash, next + 1)
    count += 1
    return nil
  }

  /// The item of this hash has another index from now on.
  mutating func move(_ hash: UInt32, to index: Int, _ isItem: (Int) -> Bool) {
    slots[place(hash, isItem)] = (hash, index + 1)
  }

  private func place(_ hash: UInt32, _ isItem: (Int) -> Bool) -> Int {
    var at = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[at].index != 0 && !(slots[at].hash == hash && isItem(slots[at].index - 1)) { at = (at + 1) & (slots.count - 1) }
    return at
  }

  private mutating func grow() {
    let old = slots
    slots = [(hash: UInt32, index: Int)](repeating: (0, 0), count: max(64, old.count * 2))
    for slot in old where slot.index != 0 {
      var at = Int(truncatingIfNeeded: slot.hash) & (slots.count - 1)
      while slots[at].index != 0 { at = (at + 1) & (slots.count - 1) }
      slots[at] = slot
    }
  }
}

func hash(_ text: String, _ start: UInt32 = 2_166_136_261) -> UInt32 {
  var hash = start
  for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
  return hash
}

/// Rows by their keys.
struct Table {
  /// Also those that were deleted.
  private(set) var rows: [Put] = []
  private var finder = Finder()

  private mutating func index(_ key: String) -> Int {
    let rows = rows
    if let found = finder.find(hash(key), next: rows.count, { same(rows[$0].key, key) }) { return found }
    self.rows.append(Put(key: key, row: nil))
    return self.rows.count - 1
  }

  mutating func at(_ key: String) -> [UInt8]? { rows[index(key)].row }

  mutating func set(_ key: String, _ row: [UInt8]?) { rows[index(key)] = Put(key: key, row: row) }
}

/// The rows that one change may touch, and what it has done to them.
final class Touched {
  var table = Table()
  var allowed: [String] = []
  /// In the order in which they were touched first.
  var puts: [Put] = []

  func check(_ key: String) {
    if !has(allowed, key) { fault("the row \"\(key)\" is none that the change may touch; name its key in `rows`") }
  }

  func set(_ key: String, _ row: [UInt8]?) {
    check(key)
    table.set(key, row)
    for (index, put) in puts.enumerated() where same(put.key, key) {
      puts[index] = Put(key: key, row: row)
      return
    }
    puts.append(Put(key: key, row: row))
  }

  func touches(_ key: String) -> Bool {
    for put in puts where same(put.key, key) { return true }
    return false
  }
}

func has(_ keys: [String], _ key: String) -> Bool {
  for one in keys where same(one, key) { return true }
  return false
}

/// The keys that are not there yet come behind those that are.
private func withNew(_ keys: [String], _ more: [String]) -> [String] {
  var all = keys
  for key in more where !has(all, key) { all.append(key) }
  return all
}

/// A change as it comes.
struct Changed {
  enum What: UInt8 {
    case event, updated, deleted
  }

  let change: Change
  let what: What
  let typeName: String
  let data: [UInt8]
  /// Of the rows that its entity has put.
  let keys: [String]

  func isOfEntity(of other: Changed) -> Bool {
    same(change.service, other.change.service) && same(change.entity, other.change.entity)
  }
}

extension Finder {
  /// The change before this one of the same entity; this one is then the last.
  mutating func before(_ index: Int, _ changes: [Changed]) -> Int? {
    let change = changes[index].change
    let name = hash(change.entity, hash(change.service))
    let isIt = { (other: Int) in changes[other].isOfEntity(of: changes[index]) }
    guard let before = find(name, next: index, isIt) else { return nil }
    move(name, to: index, isIt)
    return before
  }
}

/// The keys of the rows that an entity has put, after these puts.
func keysAfter(_ former: [String], _ puts: [Put]) -> [String] {
  var keys: [String] = []
  for key in former {
    var isTouched = false
    for put in puts where same(put.key, key) { isTouched = true }
    if !isTouched { keys.append(key) }
  }
  for put in puts where put.row != nil { keys.append(put.key) }
  return keys
}

extension Service {
  /// A view: its service, which has queries alone that the host answers, its rows, and what the changes of each source do to them.
  public static func view<Row: Message>(_ name: ServiceName, _ row: Row.Type, _ sources: Source<Row>...) -> Service {
    ViewService(name.text, sources)
  }
}

final class ViewService<Row: Message>: Service, @unchecked Sendable {
  private let sources: [Source<Row>]

  init(_ name: StaticString, _ sources: [Source<Row>]) {
    self.sources = sources
    super.init(name, kind: UInt8(bitPattern: ik_kind_view), stateType: nil, options: Options())
  }

  override func describe(_ view: inout ik_described_view) {
    view.name = inArena(name)
    view.row_type = inArena(Row.typeName)
    let items = arrayInArena(sources.count, of: ik_described_source.self)
    view.sources = ik_described_source_list(items: items, count: sources.count)
    for (index, source) in sources.enumerated() {
      items[index].service = inArena(source.service)
      items[index].kind = source.kind
      let types = arrayInArena(source.takes.count, of: ik_bytes.self)
      var count = 0
      for take in source.takes {
        guard let name = take.typeName else { continue }
        types[count] = inArena(name)
        count += 1
      }
      items[index].types = ik_bytes_list(items: types, count: count)
    }
  }

  private func source(_ came: Changed) -> Source<Row> {
    for source in sources where inArena(came.change.service).equals(source.service) { return source }
    fault("the host brings changes only of sources that were described")
  }

  private func ownKeys(_ came: Changed) -> [String] {
    guard let take = source(came).take(came) else { return [] }
    guard let keys = take.keys else { return [came.change.entity] }
    return withNew([], keys(came.data, came.change))
  }

  override func keys(_ changes: [Changed]) -> [[String]] {
    var lists: [[String]] = []
    var entities = Finder()
    for (index, came) in changes.enumerated() {
      var keys = withNew(ownKeys(came), came.keys)
      // What an earlier change of the same call may put, a later one of its entity may find.
      if let before = entities.before(index, changes) { keys = withNew(keys, lists[before]) }
      lists.append(keys)
    }
    return lists
  }

  override func project(_ changes: [Changed], _ rows: [Put]) -> [[Put]] {
    let touched = Touched()
    for put in rows { touched.table.set(put.key, put.row) }
    var lists: [[Put]] = []
    var formers: [[String]] = []
    var entities = Finder()
    for (index, came) in changes.enumerated() {
      var former = came.keys
      if let before = entities.before(index, changes) { former = formers[before] }
      touched.allowed = withNew(ownKeys(came), former)
      touched.puts = []
      run(came, former, touched)
      lists.append(touched.puts)
      formers.append(keysAfter(former, touched.puts))
    }
    return lists
  }

  private func run(_ came: Changed, _ former: [String], _ touched: Touched) {
    let source = source(came)
    let rows = Rows<Row>(touched: touched)
    if came.what == .deleted, let deleted = source.deleted {
      deleted.project([], rows, came.change)
      return
    }
    let take = source.take(came)
    if let take { take.project(came.data, rows, came.change) }
    if came.what == .event || (came.what == .updated && take == nil) { return }
    for key in former where !touched.touches(key) { touched.set(key, nil) }
  }
}

extension Guest {
  private static func came(_ changes: ik_view_change_list) -> [Changed] {
    var came: [Changed] = []
    for index in 0..<changes.count {
      let change = changes.items[index]
      var keys: [String] = []
      for key in 0..<change.keys.count { keys.append(change.keys.items[key].string) }
      let what = Changed.What(rawValue: change.what) ?? .deleted
      came.append(
        Changed(
          change: Change(
            service: change.service.string, entity: change.entity.string, sequence: Int64(change.sequence),
            at: Int64(change.at_ms)),
          what: what,
          typeName: what == .deleted ? "" : change.message.type_name.string,
          data: what == .deleted ? [] : change.message.data.array,
          keys: keys))
    }
    return came
  }

  public static func viewKeys(
    _ services: [Service], _ view: ik_text, _ changes: ik_view_change_list, _ answer: UnsafeMutablePointer<ik_keys_list>
  ) {
    let lists = find(services, view).keys(came(changes))
    let items = arrayInArena(lists.count, of: ik_bytes_list.self)
    answer.pointee = ik_keys_list(items: items, count: lists.count)
    for (index, keys) in lists.enumerated() {
      let texts = arrayInArena(keys.count, of: ik_bytes.self)
      for (at, key) in keys.enumerated() { texts[at] = inArena(key) }
      items[index] = ik_bytes_list(items: texts, count: keys.count)
    }
  }

  public static func viewProject(
    _ services: [Service], _ view: ik_text, _ changes: ik_view_change_list, _ rows: ik_row_list,
    _ answer: UnsafeMutablePointer<ik_rows_list>
  ) {
    var before: [Put] = []
    for index in 0..<rows.count {
      let row = rows.items[index]
      before.append(Put(key: row.key.string, row: row.row.present ? row.row.value.array : nil))
    }
    let lists = find(services, view).project(came(changes), before)
    let items = arrayInArena(lists.count, of: ik_row_list.self)
    answer.pointee = ik_rows_list(items: items, count: lists.count)
    for (index, puts) in lists.enumerated() {
      let list = arrayInArena(puts.count, of: ik_row.self)
      for (at, put) in puts.enumerated() {
        list[at].key = inArena(put.key)
        if let row = put.row { list[at].row = ik_optional_bytes(present: true, value: inArena(row)) }
      }
      items[index] = ik_row_list(items: list, count: puts.count)
    }
  }
}
