// TestingView: rules of a view, without a host.
//
//   givenView(orders).event(.order, "a", Placed(cents: 5)).then([("a", OrderRow(order: "a", cents: 5))])
//
// V1. `then` also tries what the host relies on, of all changes so far: law L7, a batch projects as its changes one by one, in whatever order different
//     entities come, and without values that are not their entity's newest; and law L4, the same is projected twice.
// V2. A row that is given is one that the entity of the same key has put.
import InnkeeperABI

/// An empty table of a view.
public func givenView(_ view: Service) -> GivenView { GivenView(view, Table()) }

/// A table of a view, with these rows.
public func givenView<Row: Message>(_ view: Service, _ rows: [(String, Row)]) -> GivenView {
  GivenView(view, tableOf(rows))
}

private func tableOf<Row: Message>(_ rows: [(String, Row)]) -> Table {
  var table = Table()
  for (key, row) in rows { table.set(key, row.encoded()) }
  return table
}

public struct GivenView {
  private let view: Service
  private let start: Table
  private var changes: [Changed] = []

  init(_ view: Service, _ start: Table) {
    self.view = view
    self.start = start
  }

  /// An event of an entity.
  public func event<Event: Message>(_ service: ServiceName, _ entity: String, _ event: Event) -> GivenView {
    changed(service, entity, .event, inArena(Event.typeName).string, event.encoded())
  }

  /// The value of an entity is this one from now on.
  public func updated<Value: Message>(_ service: ServiceName, _ entity: String, _ value: Value) -> GivenView {
    changed(service, entity, .updated, inArena(Value.typeName).string, value.encoded())
  }

  /// The value of a replicated entity is, from now on, what these operations make of none: `.replica(.members, "a", ORSet<String>.self) { $0.add("x") }`.
  public func replica<Value: ReplicatedView>(
    _ service: ServiceName, _ entity: String, _ type: Value.Type, _ operations: (Value) -> Void
  ) -> GivenView {
    let draft = Draft(Value.kind.kind, nil)
    operations(Value(Place(draft: draft, path: [])))
    return changed(service, entity, .updated, inArena(replicaName).string, encode(draft.root))
  }

  /// Nothing is left of an entity.
  public func deleted(_ service: ServiceName, _ entity: String) -> GivenView { changed(service, entity, .deleted, "", []) }

  private func changed(
    _ service: ServiceName, _ entity: String, _ what: Changed.What, _ typeName: String, _ data: [UInt8]
  ) -> GivenView {
    var given = self
    let index = Int64(changes.count)
    let change = Change(
      service: inArena(service.text).string, entity: entity, sequence: index + 1, at: 1_700_000_000_000 + index &* 1000)
    given.changes.append(Changed(change: change, what: what, typeName: typeName, data: data, keys: []))
    return given
  }

  /// There are no rows now.
  @discardableResult
  public func thenNone(file: StaticString = #filePath, line: UInt = #line) -> GivenView {
    let together = tried(file, line)
    for left in together.rows where left.row != nil { failTest("there is a row \"\(left.key)\"", file, line) }
    return self
  }

  /// All rows that there are now.
  @discardableResult
  public func then<Row: Message>(_ rows: [(String, Row)], file: StaticString = #filePath, line: UInt = #line) -> GivenView {
    let together = tried(file, line)
    if let key = differing(tableOf(rows), together) { failTest("the row \"\(key)\" is another than was said", file, line) }
    return self
  }

  /// The rows after the changes, however they are brought.
  private func tried(_ file: StaticString, _ line: UInt) -> Table {
    let together = after([changes])
    let check = { (law: String, other: Table) in
      if let key = differing(together, other) { failTest("the row \"\(key)\" breaks law \(law)", file, line) }
    }
    check("L4: the same changes are projected differently twice", after([changes]))
    check("L7: a batch is projected differently than its changes one by one", one(changes))
    var groups: [[Changed]] = []
    for came in changes {
      var isNew = true
      for index in 0..<groups.count where groups[index][0].isOfEntity(of: came) {
        groups[index].append(came)
        isNew = false
      }
      if isNew { groups.append([came]) }
    }
    let order = "L7: rows depend on the order of changes of different entities"
    check(order, one(joined(groups)))
    check(order, one(joined(groups.reversed())))
    check("L7: rows depend on values that are not their entity's newest", one(newest))
    return together
  }

  private func joined(_ groups: [[Changed]]) -> [Changed] {
    var all: [Changed] = []
    for group in groups { all += group }
    return all
  }

  /// All events, and of each value the last change.
  private var newest: [Changed] {
    var kept: [Changed] = []
    for (index, came) in changes.enumerated() {
      var isLast = true
      for other in changes[(index + 1)...] where other.isOfEntity(of: came) { isLast = false }
      if isLast || came.what == .event { kept.append(came) }
    }
    return kept
  }

  private func one(_ order: [Changed]) -> Table {
    var batches: [[Changed]] = []
    for came in order { batches.append([came]) }
    return after(batches)
  }

  private func after(_ batches: [[Changed]]) -> Table {
    var table = start
    var given = start
    var seen: [(came: Changed, keys: [String])] = []
    for batch in batches {
      var changes: [Changed] = []
      for came in batch {
        var keys = given.at(came.change.entity) == nil ? [] : [came.change.entity]
        for one in seen where one.came.isOfEntity(of: came) { keys = one.keys }
        changes.append(
          Changed(change: came.change, what: came.what, typeName: came.typeName, data: came.data, keys: keys))
      }
      var rows: [Put] = []
      for keys in view.keys(changes) {
        for key in keys { rows.append(Put(key: key, row: table.at(key))) }
      }
      for (index, puts) in view.project(changes, rows).enumerated() {
        var keys = changes[index].keys
        for one in seen where one.came.isOfEntity(of: changes[index]) { keys = one.keys }
        seen.append((changes[index], keysAfter(keys, puts)))
        for put in puts { table.set(put.key, put.row) }
      }
    }
    return table
  }
}

/// The key of a row that is not the same in both.
private func differing(_ first: Table, _ second: Table) -> String? {
  var (one, other) = (first, second)
  for put in one.rows where other.at(put.key) != put.row { return put.key }
  for put in other.rows where one.at(put.key) != put.row { return put.key }
  return nil
}
