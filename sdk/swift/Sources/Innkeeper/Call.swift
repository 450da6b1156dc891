// Call: a command to a service, for forwards, effects and tests. Generated code makes them, typed: `CounterCalls.add(request)`.
import InnkeeperABI

public struct Call: Sendable {
  public let service: StaticString
  public let method: StaticString
  public let payload: [UInt8]
  public private(set) var metadata: [MetadataEntry] = []

  public init<Request: Message>(_ service: StaticString, _ method: StaticString, _ request: Request) {
    self.service = service
    self.method = method
    payload = request.encoded()
  }

  /// The same, with one more entry.
  public func metadata(_ name: String, _ text: String) -> Call {
    with(MetadataEntry(name: lowercase(name), value: .text(text)))
  }

  /// For names that end in -bin.
  public func metadata(_ name: String, _ bytes: [UInt8]) -> Call {
    with(MetadataEntry(name: lowercase(name), value: .bytes(bytes)))
  }

  private func with(_ entry: MetadataEntry) -> Call {
    var call = self
    call.metadata.append(entry)
    return call
  }
}

func lower(_ call: Call) -> ik_call {
  ik_call(
    service: inArena(call.service), method: inArena(call.method), payload: inArena(call.payload),
    metadata: lower(call.metadata))
}
