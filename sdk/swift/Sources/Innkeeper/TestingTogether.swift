// TestingTogether: several services without a host. A command's effects and forwards reach the others, as a host brings them.
//
//   together(.action(Orders()), .eventSourced(Counter()))
//     .call(OrdersCalls.place(...)).reply(...)
//     .call(CounterCalls.get(...)).reply(Value(value: 1))
//
// G1. Each entity is one of Testing.swift, so each command is checked for the laws.
// G2. In the order of a host that does one thing at a time: what a command changes, its effects and all that comes of them, its
//     answer. Effects that nobody waits for run, too: once `call` answers, nothing that is due is left to do.
// G3. A refused effect does not fail the command that caused it: a host parks it. An ask is not parked: its entity hears the refusal.
// G4. What a test does not say must not be: the last word (`reply`, `refuses`, `waits`, `nothingMore`) finds effects that reached nobody or
//     were refused, and were not named.
// G5. Time stands still but for `turn`, which brings what is due by then in the order of its time. A caller whose reply comes later `waits`, and
//     is answered when its ticket is resolved, or when its time is over.
//
// Leaves to others: streams (Testing.swift), what waits for time (TestingTimeline.swift).
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
  private let timeline = Timeline()
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
    let promise = run(TakenCall(call), 0, nil, file, line)
    return Came(together: self, promise: promise, outside: outside, parked: parked)
  }

  /// So much time passes: `.turn(.minutes(5)).nothingMore()`. What is due by then is done.
  public func turn(_ milliseconds: Int64, file: StaticString = #filePath, line: UInt = #line) -> Came {
    outside = []
    parked = []
    let end = time + max(milliseconds, 0)
    while let due = timeline.next(by: Double(end)) {
      // Of what was due in the past, the time is not that.
      time = max(time, Int64(due.at))
      switch due.what {
      case .effect(let effect, let from): deliver(effect, from, due.at, 0, file, line)
      case .ticket(let promise): settle(promise, late("the reply did not come in time"), .unknown, file, line)
      case .ask(let hearing): tell(hearing, late("the call was not answered in time"), .unknown, file, line)
      }
    }
    time = end
    return Came(together: self, promise: Promise(), outside: outside, parked: parked)
  }

  /// Effects that are due later, in the order of their time.
  public var pending: [Pending] { timeline.pending }

  private func late(_ why: String) -> Taken { Taken(refusal: .deadlineExceeded, why) }

  private func member(_ call: TakenCall) -> Service? {
    for service in services where inArena(call.service).equals(service.name) { return service }
    return nil
  }

  /// `asker`: the entity that hears an answer by this command, whose request names none.
  private func run(_ call: TakenCall, _ hops: Int, _ asker: String?, _ file: StaticString, _ line: UInt) -> Promise {
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
    let (taken, key) = decided(service, method, call, asker, file, line)
    let promise = Promise()
    let at = Home(service: call.service, entity: key)
    if case .later(let ticket, let within) = taken.answer {
      timeline.wait(Waiting(at: at, method: call.method, ticket: ticket, promise: promise))
      if let within { timeline.add(Double(time) + Double(within) * 1000, .ticket(promise)) }
    }
    for resolution in taken.resolutions {
      let resolved = Taken(resolution)
      for waiting in timeline.resolve(at, resolution) { settle(waiting.promise, resolved, .refused, file, line) }
    }
    for name in taken.cancels { timeline.cancel(at, name) }
    // All are of one commit: what the answer to an effect cancels is pending by then.
    for effect in taken.effects {
      // A pending one of this name is replaced.
      if let name = effect.name { timeline.cancel(at, name) }
      if !effect.isDueAtOnce { timeline.add(effect.due(from: time), .effect(effect, at)) }
    }
    let now = Double(time)
    for effect in taken.effects where effect.isDueAtOnce { deliver(effect, at, now, hops + 1, file, line) }
    if case .forward(let next) = taken.answer { return run(next, hops + 1, nil, file, line) }
    if case .later = taken.answer { return promise }
    settle(promise, taken, .refused, file, line)
    return promise
  }

  private func deliver(
    _ effect: TakenEffect, _ from: Home, _ due: Double, _ hops: Int, _ file: StaticString, _ line: UInt
  ) {
    let hearing = Awaited(effect: effect, from: from, hops: hops)
    var promise = Promise()
    if member(effect.call) == nil {
      outside.append(effect.call)
    } else {
      promise = run(effect.call, hops, nil, file, line)
    }
    if let taken = promise.taken {
      tell(hearing, taken, .refused, file, line)
      return
    }
    promise.awaited.append(hearing)
    if effect.hearer != nil, let within = effect.within { timeline.add(due + within, .ask(hearing)) }
  }

  private func settle(
    _ promise: Promise, _ taken: Taken, _ reason: Reason, _ file: StaticString, _ line: UInt
  ) {
    if promise.taken != nil { return }
    promise.taken = taken
    for hearing in promise.awaited { tell(hearing, taken, reason, file, line) }
  }

  private func tell(_ hearing: Awaited, _ taken: Taken, _ reason: Reason, _ file: StaticString, _ line: UInt) {
    let effect = hearing.effect
    guard let hearer = effect.hearer else {
      if case .failure(let code, let message, _) = taken.answer {
        parked.append(TakenRefusal(call: effect.call, code: code, message: message))
      }
      return
    }
    if hearing.hasHeard { return }
    hearing.hasHeard = true
    var payload: [UInt8] = []
    switch taken.answer {
    case .message(let bytes): payload = heard(reply: bytes, effect.note)
    case .failure(let code, let message, _): payload = heard(failure: code, message, reason, effect.note)
    default: payload = heard(reply: [], effect.note)
    }
    let call = TakenCall(service: hearing.from.service, method: hearer, payload: payload)
    _ = run(call, hearing.hops, hearing.from.entity, file, line)
  }

  private func decided(
    _ service: Service, _ method: DescribedMethod, _ call: TakenCall, _ asker: String?, _ file: StaticString, _ line: UInt
  ) -> (Taken, String) {
    var key = asker ?? ""
    if asker == nil && Int(service.kind) != Int(IK_KIND_ACTION) {
      switch method.key(of: call.payload) {
      case .named(let name): key = name
      case .forgotten(let why): return (Taken(refusal: .invalidArgument, why), key)
      case .impossible(let why): failTest(why, file, line)
      }
    }
    let entity = entity(service, key)
    if entity.isDeleted { return (Taken(refusal: .notFound, "Entity deleted"), key) }
    entity.time = time
    // Two commands draw different numbers.
    entity.seed = 4 + asked
    asked += 1
    return (entity.decide(call, file, line).taken, key)
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

/// What a caller got, or will get; and what came of a turn of the clock.
public struct Came {
  let together: Together
  let promise: Promise
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
    answer(file, line).find(name, text, file, line)
    return self
  }

  private func answer(_ file: StaticString, _ line: UInt) -> Taken {
    guard let taken = promise.taken else { failTest("the reply comes later: its ticket is open", file, line) }
    return taken
  }

  /// The reply comes later: the ticket is open. Say what the caller hears in the end of this one.
  @discardableResult
  public func waits(file: StaticString = #filePath, line: UInt = #line) -> Came {
    if let taken = promise.taken { failTest("the reply does not come later: \(shown(taken))", file, line) }
    _ = last(file, line)
    return self
  }

  /// Of a turn: nothing else came of it.
  @discardableResult
  public func nothingMore(file: StaticString = #filePath, line: UInt = #line) -> Together { last(file, line) }

  /// The reply, to look at and to go on with.
  public func read<Reply: Message>(_ type: Reply.Type, file: StaticString = #filePath, line: UInt = #line) -> Reply {
    answer(file, line).read(type, file, line)
  }

  @discardableResult
  public func reply<Reply: Message>(_ reply: Reply, file: StaticString = #filePath, line: UInt = #line) -> Together {
    let taken = answer(file, line)
    if taken.answer != .message(reply.encoded()) { failTest("the reply is another: \(shown(taken))", file, line) }
    return last(file, line)
  }

  @discardableResult
  public func refuses(
    _ code: Code, _ message: String, file: StaticString = #filePath, line: UInt = #line
  ) -> Together {
    answer(file, line).refuses(code, message, file, line)
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
