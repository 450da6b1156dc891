// Actions: the model service of what has no state.
import Innkeeper

struct Actions: ActionsAction {
  func `do`(_ request: Script, context: CallContext) -> Answer<Said> {
    switch perform(request, context, Doing { _ in }) {
    case .refusal(let refusal): return .refuse(refusal)
    case .forward(let call): return .forward(call)
    case .later: return .reply(Said())
    case .said(let pieces): return .reply(said(pieces) { "-" })
    }
  }

  func echo(_ request: Everything, context: CallContext) -> Answer<Everything> {
    .reply(request)
  }

  func table(_ request: Script, context: CallContext) -> Answer<Everything> {
    var table = Everything()
    table.fDouble = .nan
    table.fFloat = .nan
    for number in 0..<20 { table.strings["k\(number / 10)\(number % 10)"] = Int32(number + 1) }
    return .reply(table)
  }

  func count() -> Counting { Counting() }
  func join() -> Join { Join() }
  func chat() -> Chat { Chat() }
}

/// Keeps in f_uint32 what was said, in f_fixed32 up to what, and in f_uint64 how many a step.
struct Counting: ServerStream {
  var state = Everything()

  mutating func start(_ request: Script, output: inout Output<Said>, context: CallContext) {
    state.fFixed32 = min(request.count, 1000)
    state.fUint64 = UInt64(max(request.chunk, 1))
    for act in request.acts {
      if case .effect(let target) = act.act, let call = target.call { context.effect(call, synchronous: target.synchronous) }
    }
  }

  mutating func next(output: inout Output<Said>, context: CallContext) {
    var left = state.fUint64
    while left > 0 && state.fUint32 < state.fFixed32 {
      state.fUint32 += 1
      left -= 1
      output.emit(Said(text: "\(state.fUint32)"))
    }
    if state.fUint32 >= state.fFixed32 { output.end() }
  }
}

struct Join: ClientStream {
  var state = Log()

  mutating func item(_ request: Script, context: CallContext) -> Answer<Said>? {
    if let refusal = request.lastRefusal { return .refuse(refusal.asRefusal) }
    state.notes += request.sayings
    return nil
  }

  func sent(context: CallContext) -> Answer<Said> {
    .reply(Said(text: joined(state.notes, ",")))
  }
}

struct Chat: BidiStream {
  var state = Nothing()

  func item(_ request: Script, output: inout Output<Said>, context: CallContext) {
    if let refusal = request.lastRefusal { return output.refuse(refusal.asRefusal) }
    let texts = request.sayings
    if !texts.isEmpty { output.emit(Said(text: joined(texts, ","))) }
    if request.clears { output.end() }
  }

  func sent(output: inout Output<Said>, context: CallContext) {
    output.emit(Said(text: "bye"))
    output.end()
  }

  func cancelled(context: CallContext) {
    context.effect(EventsCalls.do(Script(id: "left", acts: [Act(act: .note("left"))])))
  }
}
