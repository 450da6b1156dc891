// Effect: a command that runs once a decision is durable, and what may be said of it: when it is due, its name, who hears its answer, and how
// long one waits for that. Beside it the tickets of callers whose calls stay open.
//
// E1. Times are whole milliseconds in an Int64: `Duration` of Swift needs products of 128 bits, which a component has not. What is no such number is
//     a fault. A span below 0 is 0.
// E2. An empty name is a fault, and so is a call that a method does not hear the answers of.
import InnkeeperABI

/// Spans in whole milliseconds, rounded up: `context.after(.minutes(30), call)`.
extension Int64 {
  public static func seconds(_ count: Double) -> Int64 { span(count, 1000) }
  public static func minutes(_ count: Double) -> Int64 { span(count, 60_000) }
  public static func hours(_ count: Double) -> Int64 { span(count, 3_600_000) }
  public static func days(_ count: Double) -> Int64 { span(count, 86_400_000) }
}

private let millisecondsMax: Int64 = 9_007_199_254_740_991

@inline(never)
private func span(_ count: Double, _ unit: Double) -> Int64 {
  let milliseconds = count * unit
  if !(milliseconds.magnitude <= Double(millisecondsMax)) { fault("a span of time is no number of milliseconds") }
  // Rounded up, but for what a fraction of ten is beside one of two.
  let whole = Int64(milliseconds)
  let rest = milliseconds - Double(whole)
  return rest > 1e-6 ? whole + 1 : rest < 1e-6 - 1 ? whole - 1 : whole
}

@inline(never)
private func whole(_ milliseconds: Int64) -> Double {
  if milliseconds > millisecondsMax { fault("more milliseconds than an effect can wait") }
  return milliseconds < 0 ? 0 : Double(milliseconds)
}

struct Effect {
  enum Due {
    case atOnce
    case after(Int64)
    case at(Int64)
  }

  let call: Call
  var isSynchronous = false
  var due = Due.atOnce
  var name: String?
  var hearer: Hearer?
  var within: Int64?

  func lower(into effect: inout ik_effect) {
    effect.call = Innkeeper.lower(call)
    effect.synchronous = isSynchronous
    switch due {
    case .atOnce: break
    case .after(let time): effect.due = ik_due(kind: UInt8(IK_DUE_AFTER), ms: whole(time))
    case .at(let time): effect.due = ik_due(kind: UInt8(IK_DUE_AT), ms: whole(time))
    }
    if let name { effect.name = ik_optional_bytes(present: true, value: inArena(name)) }
    if let hearer {
      effect.has_answer = true
      effect.answer = ik_answer_to(method: inArena(hearer.method), note: inArena(hearer.note))
    }
    if let within {
      effect.has_within = true
      effect.within_ms = whole(max(within, 1))
    }
  }
}

/// A method of an entity that hears what a call was answered, and the note that comes back to it. Generated code makes it:
/// `ShopHears.charged(note)`.
public struct Hearer {
  let service: StaticString
  let method: StaticString
  let answers: StaticString
  let note: [UInt8]

  public init(_ service: StaticString, _ method: StaticString, answers: StaticString) {
    self.service = service
    self.method = method
    self.answers = answers
    note = []
  }

  public init<Note: Message>(_ service: StaticString, _ method: StaticString, answers: StaticString, note: Note?) {
    self.service = service
    self.method = method
    self.answers = answers
    self.note = note?.encoded() ?? []
  }

  @inline(never)
  func check(_ call: Call) {
    let asked = "\(inArena(call.service).string)/\(inArena(call.method).string)"
    if inArena(asked).equals(answers) { return }
    fault("\(inArena(method).string) hears the answers of \(inArena(answers).string), and the call is to \(asked)")
  }
}

/// What all who wait for a ticket are answered: a reply of the method that deferred, or a refusal. Generated code makes it:
/// `ShopAnswers.place(reply)`, with `.header(name, text)` for what is sent along.
public struct Resolution {
  enum Answer {
    case reply([UInt8])
    case refusal(Refusal)
  }

  let service: StaticString
  let method: StaticString
  let answer: Answer
  var headers: [MetadataEntry] = []

  public init<Reply: Message>(_ service: StaticString, _ method: StaticString, _ reply: Reply) {
    self.service = service
    self.method = method
    answer = .reply(reply.encoded())
  }

  public init(_ service: StaticString, _ method: StaticString, refusal: Refusal) {
    self.service = service
    self.method = method
    answer = .refusal(refusal)
  }

  /// Sent with the answer.
  public func header(_ name: String, _ text: String) -> Resolution {
    with(MetadataEntry(name: lowercase(name), value: .text(text)))
  }

  /// For names that end in -bin.
  public func header(_ name: String, _ bytes: [UInt8]) -> Resolution {
    with(MetadataEntry(name: lowercase(name), value: .bytes(bytes)))
  }

  private func with(_ header: MetadataEntry) -> Resolution {
    var resolution = self
    resolution.headers.append(header)
    return resolution
  }

  func lower(_ ticket: String, into resolution: inout ik_resolution) {
    resolution.metadata = Innkeeper.lower(headers)
    resolution.ticket = inArena(ticket)
    resolution.method = inArena(method)
    switch answer {
    case .reply(let bytes): resolution.answer.message = inArena(bytes)
    case .refusal(let refusal):
      resolution.is_failure = true
      resolution.answer.failure = Innkeeper.lower(refusal)
    }
  }
}

/// The caller's call stays open.
public struct Deferred {
  let ticket: String
  let within: UInt32?

  init(_ ticket: String, _ within: Int64?) {
    self.ticket = checked(ticket, "a ticket is empty")
    guard let within else {
      self.within = nil
      return
    }
    // Whole seconds, rounded up.
    let seconds = within < 1 ? 1 : (within - 1) / 1000 + 1
    if seconds > Int64(UInt32.max) { fault("a ticket is open for 4294967295 seconds at most") }
    self.within = UInt32(seconds)
  }
}

func checked(_ name: String, _ problem: StaticString) -> String {
  if name.utf8.isEmpty { fault(problem) }
  return name
}

func put(later: Deferred, _ outcome: inout ik_outcome) {
  outcome.answer.reply.kind = UInt8(IK_REPLY_LATER)
  outcome.answer.reply.value.later.ticket = inArena(later.ticket)
  if let within = later.within {
    outcome.answer.reply.value.later.has_within = true
    outcome.answer.reply.value.later.within_s = within
  }
}
