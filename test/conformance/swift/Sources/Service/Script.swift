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

/// What a script comes to: the last refusal, else the last forward, else the pieces that were said.
enum Done {
  case refusal(Innkeeper.Refusal)
  case forward(Call)
  /// The state is shown where a piece is nil.
  case said([String?])
}

/// Does the acts in order.
func perform(_ script: Script, _ context: CallContext, _ doing: Doing) -> Done {
  let refusal = script.lastRefusal
  var forward: Call?
  var pieces: [String?] = []
  for act in script.acts {
    switch act.act {
    case .say(let text): pieces.append(text)
    case .forward(let target): if let call = target.call { forward = call }
    case .effect(let target): if let call = target.call { context.effect(call, synchronous: target.synchronous) }
    case .header(let header): if refusal == nil { add(header, context) }
    case .log(let text): log.info(text)
    case .fault(let fault): if script.element == "armed" { fail(fault) }
    case .ask(.state): pieces.append(nil)
    case .ask(let ask): pieces.append(answer(ask, context, doing))
    default: doing.change(act)
    }
  }
  if let refusal { return .refusal(refusal.asRefusal) }
  if let forward { return .forward(forward) }
  return .said(pieces)
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

private func answer(_ ask: Ask, _ context: CallContext, _ doing: Doing) -> String {
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
