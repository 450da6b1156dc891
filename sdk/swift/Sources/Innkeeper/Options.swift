// Options: what a service says of itself beside its functions.

public struct Options: Sendable {
  /// The name that stored data hangs on. Default: the service's.
  public var persistenceId: StaticString?
  /// Events between two snapshots; 0: the host's default, below 0: never. Event-sourced.
  public var snapshotEvery: Int32
  /// Milliseconds; 0: the host's default.
  public var passivateAfterMs: UInt32
  /// Default: the component's hash, so that an upgrade folds again. Event-sourced.
  public var stateVersion: StaticString?
  /// Request headers that reach the service besides ce-* and x-*, in lower case.
  public var headers: [StaticString]
  /// What methods see of the value. Replicated.
  public var views: [MethodView]

  public init(
    persistenceId: StaticString? = nil, snapshotEvery: Int32 = 0, passivateAfterMs: UInt32 = 0,
    stateVersion: StaticString? = nil, headers: [StaticString] = [], views: [MethodView] = []
  ) {
    self.persistenceId = persistenceId
    self.snapshotEvery = snapshotEvery
    self.passivateAfterMs = passivateAfterMs
    self.stateVersion = stateVersion
    self.headers = headers
    self.views = views
  }
}

/// What a method of a replicated entity sees of the value, where all of it would be too much.
public struct MethodView: Sendable {
  enum Seen: Sendable {
    case nothing
    case element(StaticString)
    case dynamic
  }

  let method: StaticString
  let seen: Seen

  /// Its size alone.
  public static func nothing(_ method: StaticString) -> MethodView { MethodView(method: method, seen: .nothing) }
  /// The element or key that this field of the request names.
  public static func element(_ method: StaticString, _ field: StaticString) -> MethodView {
    MethodView(method: method, seen: .element(field))
  }
  /// What `...Reads` says.
  public static func dynamic(_ method: StaticString) -> MethodView { MethodView(method: method, seen: .dynamic) }
}
