// TestingTimeline: what waits for time, or for another command, where services are together: effects that are due later, and callers whose
// ticket is open.
//
// S1. What is due is in the order of its time; of equal times what was said first is first.
// S2. A name is that of one effect of its entity: a new one takes the place of the old, and a cancel drops it.
// S3. A caller that waits is answered once: by the resolution of its ticket, or by its deadline. So is one that asks.
import InnkeeperABI

/// Of an action there is no entity.
struct Home {
  let service: String
  let entity: String

  func equals(_ other: Home) -> Bool { same(service, other.service) && same(entity, other.entity) }
}

/// An effect that is due later.
public struct Pending {
  let call: TakenCall
  /// Milliseconds since 1970.
  public let due: Int64
  public let name: String?

  public func calls(_ other: Call) -> Bool { call == TakenCall(other) }
}

/// What one caller gets, now or later.
final class Promise {
  var taken: Taken?
  var awaited: [Awaited] = []
}

/// An effect whose end somebody hears: the entity that asked; else a refusal is parked.
final class Awaited {
  let effect: TakenEffect
  let from: Home
  let hops: Int
  var hasHeard = false

  init(effect: TakenEffect, from: Home, hops: Int) {
    self.effect = effect
    self.from = from
    self.hops = hops
  }
}

struct Waiting {
  let at: Home
  let method: String
  let ticket: String
  let promise: Promise
}

final class Timeline {
  enum What {
    case effect(TakenEffect, Home)
    /// The time of a ticket is over.
    case ticket(Promise)
    /// The time of an ask is over.
    case ask(Awaited)
  }

  struct Due {
    let at: Double
    let what: What
  }

  private var due: [Due] = []
  private var open: [Waiting] = []

  var pending: [Pending] {
    var pending: [Pending] = []
    for one in due {
      if case .effect(let effect, _) = one.what {
        pending.append(Pending(call: effect.call, due: Int64(one.at), name: effect.name))
      }
    }
    return pending
  }

  func add(_ at: Double, _ what: What) {
    var index = due.count
    while index > 0 && due[index - 1].at > at { index -= 1 }
    due.insert(Due(at: at, what: what), at: index)
  }

  func cancel(_ from: Home, _ name: String) {
    var kept: [Due] = []
    for one in due {
      if case .effect(let effect, let place) = one.what, let other = effect.name, same(other, name), place.equals(from) {
        continue
      }
      kept.append(one)
    }
    due = kept
  }

  /// The first that is due by then; it no longer waits.
  func next(by time: Double) -> Due? {
    guard let first = due.first, first.at <= time else { return nil }
    return due.removeFirst()
  }

  func wait(_ waiting: Waiting) { open.append(waiting) }

  /// Who waited for the ticket; it is no longer open.
  func resolve(_ at: Home, _ resolution: TakenResolution) -> [Waiting] {
    var resolved: [Waiting] = []
    var left: [Waiting] = []
    for one in open {
      if one.at.equals(at) && same(one.method, resolution.method) && same(one.ticket, resolution.ticket) {
        resolved.append(one)
      } else {
        left.append(one)
      }
    }
    open = left
    return resolved
  }
}
