// TestingTogether: several services without a host. A command's effects and forwards reach the others, as a host brings them.
//
//   together(.action(Orders()), .eventSourced(Counter()))
//     .call(OrdersCalls.place(...)).reply(...)
//     .call(CounterCalls.get(...)).reply(Value(value: 1))
//
// G1. Each entity is one of Testing.swift, so each command is checked for the laws.
// G2. In the order of a host that does one thing at a time: what a command changes, its effects and all that comes of them, its
//     answer. Effects that nobody waits for run, too: once `call` answers, nothing is left to do.
// G3. A refused effect does not fail the command that caused it: a host parks it.
// G4. What a test does not say must not be: the last word (`reply`, `refuses`) finds effects that reached nobody or were refused, and
//     were not named.
//
// Leaves to others: streams (Testing.swift).
import InnkeeperABI

/// Services that call each other. Their entities begin with nothing.
public func together(_ services: Service..., file: StaticString = #filePath, line: UInt = #line) -> Together {
  for (index, service) in services.enumerated() {
    for other in services[..<index] where inArena(other.name).equals(service.name) {
      failTest("\(inArena(service.name).string) is here twice", file, line)
    }
  }
  return Together(services)
}

public final class Together {
  /// As many as a host follows.
  private static let hopsMax = 16

  private let services: [Service]
  private var entities: [Given] = []
  private var time: Int64 = 0
  private var asked: UInt32 = 0
  private var outside: [TakenCall] = []
  private var parked: [TakenRefusal] = []

  init(_ services: [Service]) { self.services = services }

  /// Of what follows.
  public func now(_ milliseconds: Int64) -> Together {
    time = milliseconds
    return self
  }

  /// A caller's command, with what the caller sends along; it and all that comes of it is done when this answers.
  public func call(_ call: Call, file: StaticString = #filePath, line: UInt = #line) -> Came {
    outside = []
    parked = []
    let taken = run(TakenCall(call), 0, file, line)
    return Came(together: self, taken: taken, outside: outside, parked: parked)
  }

  private func member(_ call: TakenCall) -> Service? {
    for service in services where inArena(call.service).equals(service.name) { return service }
    return nil
  }

  private func run(_ call: TakenCall, _ hops: Int, _ file: StaticString, _ line: UInt) -> Taken {
    let place = "\(call.service)/\(call.method)"
    guard let service = member(call) else {
      failTest("\(place) is called, and its service is not here: give it to together()", file, line)
    }
    guard let method = DescribedMethod(call) else {
      failTest("\(place) is called, and the service has no such method", file, line)
    }
    if method.isStreamed { failTest("\(place) streams: test it by given()", file, line) }
    if hops > Together.hopsMax {
      failTest("\(place) is the last of \(hops) hops, too many: what calls itself?", file, line)
    }
    let taken = decided(service, method, call, file, line)
    if !taken.cancels.isEmpty || !taken.resolutions.isEmpty || taken.effects.contains(where: { !$0.isPlain }) {
      failTest("\(place) says what needs a clock or an answer, which services together have not: test it by given()", file, line)
    }
    if case .later = taken.answer {
      failTest("\(place) answers later, which services together do not wait for: test it by given()", file, line)
    }
    for effect in taken.effects { deliver(effect.call, hops + 1, file, line) }
    if case .forward(let next) = taken.answer { return run(next, hops + 1, file, line) }
    return taken
  }

  private func deliver(_ call: TakenCall, _ hops: Int, _ file: StaticString, _ line: UInt) {
    if member(call) == nil {
      outside.append(call)
    } else if case .failure(let code, let message, _) = run(call, hops, file, line).answer {
      parked.append(TakenRefusal(call: call, code: code, message: message))
    }
  }

  private func decided(
    _ service: Service, _ method: DescribedMethod, _ call: TakenCall, _ file: StaticString, _ line: UInt
  ) -> Taken {
    var key = ""
    if Int(service.kind) != Int(IK_KIND_ACTION) {
      switch method.key(of: call.payload) {
      case .named(let name): key = name
      case .forgotten(let why): return Taken(refusal: .invalidArgument, why)
      case .impossible(let why): failTest(why, file, line)
      }
    }
    let entity = entity(service, key)
    if entity.isDeleted { return Taken(refusal: .notFound, "Entity deleted") }
    entity.time = time
    // Two commands draw different numbers.
    entity.seed = 4 + asked
    asked += 1
    return entity.decide(call, file, line).taken
  }

  private func entity(_ service: Service, _ key: String) -> Given {
    for entity in entities where entity.service === service && same(entity.key, key) { return entity }
    let entity = Given(service).entity(key)
    entities.append(entity)
    return entity
  }
}

struct TakenRefusal: Equatable {
  let call: TakenCall
  /// On the wire.
  let code: UInt8
  let message: String
}

/// What a caller got.
public struct Came {
  let together: Together
  let taken: Taken
  var outside: [TakenCall]
  var parked: [TakenRefusal]

  /// The next effect on a service that is not here.
  public func outside(_ call: Call, file: StaticString = #filePath, line: UInt = #line) -> Came {
    var came = self
    if came.outside.isEmpty { failTest("no further effect is for a service that is not here", file, line) }
    if came.outside.removeFirst() != TakenCall(call) { failTest("the effect is another", file, line) }
    return came
  }

  /// The next effect that its target refused.
  public func parked(
    _ call: Call, _ code: Code, _ message: String, file: StaticString = #filePath, line: UInt = #line
  ) -> Came {
    var came = self
    if came.parked.isEmpty { failTest("no further effect is parked", file, line) }
    let found = came.parked.removeFirst()
    if found != TakenRefusal(call: TakenCall(call), code: code.rawValue, message: message) {
      failTest("another is parked: \(found.call.service)/\(found.call.method) refuses: \(found.message)", file, line)
    }
    return came
  }

  public func header(_ name: String, _ text: String, file: StaticString = #filePath, line: UInt = #line) -> Came {
    taken.find(name, text, file, line)
    return self
  }

  /// The reply, to look at and to go on with.
  public func read<Reply: Message>(_ type: Reply.Type, file: StaticString = #filePath, line: UInt = #line) -> Reply {
    taken.read(type, file, line)
  }

  @discardableResult
  public func reply<Reply: Message>(_ reply: Reply, file: StaticString = #filePath, line: UInt = #line) -> Together {
    if taken.answer != .message(reply.encoded()) { failTest("the reply is another: \(shown(taken))", file, line) }
    return last(file, line)
  }

  @discardableResult
  public func refuses(
    _ code: Code, _ message: String, file: StaticString = #filePath, line: UInt = #line
  ) -> Together {
    taken.refuses(code, message, file, line)
    return last(file, line)
  }

  private func last(_ file: StaticString, _ line: UInt) -> Together {
    if let left = outside.first {
      failTest("there is one effect more, for a service that is not here: \(left.service)/\(left.method)", file, line)
    }
    if let left = parked.first {
      failTest("there is one parked effect more: \(left.call.service)/\(left.call.method) refuses: \(left.message)", file, line)
    }
    return together
  }
}
