// What the model services share: acts that mean the same in all of them. conformance.proto says what each means.
import Innkeeper

/// How a service does the acts that change it, and what it says before them.
struct Doing {
  /// A change of the service.
  var change: (Act) -> Void
  /// What SIZE and HAS say.
  var size = "-"
  var has = "-"
}

/// What an entity says of asks and tickets: its context, and what is generated of its methods. Without `hears`: it has no Heard.
struct Words {
  let context: Context
  var hears: ((Noted?) -> Hearer)?
  let answers: (_ method: String, Answering) -> Resolution?

  enum Answering {
    case reply(Said)
    case refusal(Innkeeper.Refusal)
  }
}

/// What a script comes to: the last refusal, else the last forward or ticket, else the pieces that were said.
enum Done {
  case refusal(Innkeeper.Refusal)
  case forward(Call)
  case later(String, within: Int64?)
  /// The state is shown where a piece is nil.
  case said([String?])
}

/// Does the acts in order.
func perform(_ script: Script, _ context: CallContext, _ doing: Doing, words: Words? = nil) -> Done {
  let refusal = script.lastRefusal
  var answer: Done?
  var names: [String] = []
  var pieces: [String?] = []
  for act in script.acts {
    switch act.act {
    case .say(let text): pieces.append(text)
    case .forward(let target): if let call = target.call { answer = .forward(call) }
    case .effect(let target): if let call = target.call { context.effect(call, synchronous: target.synchronous) }
    case .timed(let timed): add(timed, context, words, &names)
    case .cancel(let name): if let words, !name.isEmpty { words.context.cancel(name) }
    case .later(let waiting):
      if words != nil, !waiting.ticket.isEmpty {
        answer = .later(waiting.ticket, within: waiting.within == 0 ? nil : span(Double(waiting.within)))
      }
    case .resolve(let resolved): if let words { resolve(resolved, words) }
    case .header(let header): if refusal == nil { add(header, context) }
    case .log(let text): log.info(text)
    case .fault(let fault): if script.element == "armed" { fail(fault) }
    case .ask(.state): pieces.append(nil)
    case .ask(let ask): pieces.append(answered(ask, context, doing))
    default: doing.change(act)
    }
  }
  if let refusal { return .refusal(refusal.asRefusal) }
  if let answer { return answer }
  return .said(pieces)
}

/// The script's spans are microseconds.
private func span(_ microseconds: Double) -> Int64 { .seconds(microseconds / 1e6) }

/// `names`: those that earlier effects have.
private func add(_ timed: Timed, _ context: CallContext, _ words: Words?, _ names: inout [String]) {
  guard let target = timed.target, let call = target.call else { return }
  let within = timed.within == 0 ? nil : span(Double(timed.within))
  var after: Int64?
  var at: Int64?
  switch timed.due {
  case .after(let time): after = span(Double(time))
  case .at(let time): at = context.now + span(Double(time))
  case nil: break
  }
  var name: String?
  if words != nil, !timed.name.isEmpty, !names.contains(where: { $0 == timed.name }) { name = timed.name }
  if let name { names.append(name) }
  let isHeard = target.service == "Events" && target.method == "Do"
  if timed.asks, isHeard, let words, let hears = words.hears {
    let note = timed.note.isEmpty ? nil : Noted(text: timed.note)
    words.context.ask(call, hears(note), name: name, after: after, at: at, within: within)
  } else if let words, let name {
    if let after {
      words.context.after(after, call, name: name, within: within)
    } else if let at {
      words.context.at(at, call, name: name, within: within)
    } else {
      words.context.effect(call, synchronous: target.synchronous, name: name, within: within)
    }
  } else if let after {
    context.after(after, call, within: within)
  } else if let at {
    context.at(at, call, within: within)
  } else {
    context.effect(call, synchronous: target.synchronous, within: within)
  }
}

private func resolve(_ resolved: Resolved, _ words: Words) {
  if resolved.ticket.isEmpty { return }
  let answer: Words.Answering =
    if let refusal = resolved.refuse { .refusal(refusal.asRefusal) } else { .reply(Said(text: resolved.text)) }
  if let resolution = words.answers(resolved.method, answer) { words.context.resolve(resolved.ticket, resolution) }
}

/// What Heard makes of an answer.
func heardText(_ answered: Answered) -> String {
  let note = answered.note?.text ?? ""
  switch answered.outcome {
  case .reply(let said): return "\(note)=\(said.text)"
  case .failure(let failure):
    switch failure.reason {
    case .refused: return "\(note)!REFUSED"
    case .notSent: return "\(note)!NOT_SENT"
    case .unknown: return "\(note)!UNKNOWN"
    }
  case nil: return "\(note)!UNKNOWN"
  }
}

func said(_ pieces: [String?], _ state: () -> String) -> Said {
  var shown: [String] = []
  for piece in pieces { shown.append(piece ?? state()) }
  return Said(text: joined(shown, " "))
}

func joined(_ texts: [String], _ separator: String) -> String {
  var all = ""
  for (index, text) in texts.enumerated() {
    if index > 0 { all += separator }
    all += text
  }
  return all
}

extension Script {
  var lastRefusal: Refusal? {
    var last: Refusal?
    for act in acts { if case .refuse(let refusal) = act.act { last = refusal } }
    return last
  }

  var sayings: [String] {
    var texts: [String] = []
    for act in acts { if case .say(let text) = act.act { texts.append(text) } }
    return texts
  }

  var clears: Bool {
    for act in acts { if case .clear = act.act { return true } }
    return false
  }

  var deletes: Bool {
    for act in acts { if case .delete = act.act { return true } }
    return false
  }
}



extension Refusal {
  var asRefusal: Innkeeper.Refusal {
    let known = Code(rawValue: code <= 16 ? UInt8(code) : 0) ?? .unknown
    let refusal = Innkeeper.Refusal(known, message)
    return detail.isEmpty ? refusal : refusal.detail(Noted(text: detail))
  }
}

extension Target {
  /// Nil of what is not there.
  var call: Call? {
    let script = script ?? Script()
    switch "\(service)/\(method)" {
    case "Events/Do": return EventsCalls.do(script)
    case "Values/Do": return ValuesCalls.do(script)
    case "Replicas/Do": return ReplicasCalls.do(script)
    case "Members/Do": return MembersCalls.do(script)
    case "Members/Open": return MembersCalls.open(script)
    case "Actions/Do": return ActionsCalls.do(script)
    case "Actions/Count": return ActionsCalls.count(script)
    default: return nil
    }
  }
}

private func answered(_ ask: Ask, _ context: CallContext, _ doing: Doing) -> String {
  switch ask {
  case .now: return "\(context.now)"
  case .random: return "\(UInt64(context.random() * 4_294_967_296))"
  case .uuid: return context.uuid()
  case .entity: return context.entity.isEmpty ? "-" : context.entity
  case .metadata: return shown(context.metadata)
  case .size: return doing.size
  case .has: return doing.has
  default: return "-"
  }
}

private func shown(_ metadata: Metadata) -> String {
  var entries: [String] = []
  for entry in metadata {
    switch entry.value {
    case .text(let text): entries.append("\(entry.name)=\(text)")
    case .bytes(let bytes): entries.append("\(entry.name)=\(hexadecimal(bytes))")
    }
  }
  return entries.isEmpty ? "-" : joined(entries, ",")
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits: [Character] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"]
  var text = ""
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return text
}

private func add(_ header: Header, _ context: CallContext) {
  if header.name.isEmpty { return }
  if header.name.hasSuffix("-bin") {
    context.header(header.name, header.data)
  } else {
    context.header(header.name, header.text)
  }
}

private func fail(_ fault: Fault) {
  switch fault {
  case .trap: fatalError("armed to fail")
  case .loop: while true {}
  case .grow:
    var kept: [[UInt8]] = []
    while true { kept.append([UInt8](repeating: 1, count: 1 << 20)) }
  default: return
  }
}
