// Members: the model service of what a method sees of a replicated value, and of its streams.
import Innkeeper

struct Members: MembersReplicated {
  func `do`(_ request: Script, view: ORSet<String>, context: ReplicatedContext) -> Answer<Said> {
    answer(request, view, context, sees: true)
  }

  func blind(_ request: Script, view: ORSet<String>, context: ReplicatedContext) -> Answer<Said> {
    answer(request, view, context, sees: false)
  }

  func one(_ request: Script, view: ORSet<String>, context: ReplicatedContext) -> Answer<Said> {
    answer(request, view, context, sees: true)
  }

  func some(_ request: Script, view: ORSet<String>, context: ReplicatedContext) -> Answer<Said> {
    answer(request, view, context, sees: false)
  }

  func someReads(_ request: Script) -> [[UInt8]] {
    request.look.map { $0.element }
  }

  func open(_ request: Script, view: ORSet<String>, context: ReplicatedContext) -> StreamAnswer<Said> {
    switch act(request, view, context, sees: true, words: nil) {
    case .refusal(let refusal): return .refuse(refusal)
    case .forward(let call): return .forward(call)
    case .later: return .stream()
    case .said(let pieces):
      let first = said(pieces) { shown(view) }
      return request.deletes ? .reply(first) : .stream(first)
    }
  }

  func heard(_ request: Answered, view: ORSet<String>, context: ReplicatedContext) -> Answer<Said> {
    let text = heardText(request)
    view.add(text)
    return .reply(Said(text: text))
  }

  func openChanged(_ request: Script, view: ORSet<String>, context: Context) -> Telling<Said> {
    if view.has("bad") { return .refuse(.failedPrecondition, "bad") }
    let told = Said(text: shown(view))
    return view.has("end") ? .end(told) : .emit(told)
  }

  func openCancelled(_ request: Script, view: ORSet<String>, context: ReplicatedContext) {
    view.add("left")
  }

  private func answer(
    _ request: Script, _ view: ORSet<String>, _ context: ReplicatedContext, sees: Bool
  ) -> Answer<Said> {
    switch act(request, view, context, sees: sees, words: .members(context)) {
    case .refusal(let refusal): return .refuse(refusal)
    case .forward(let call): return .forward(call)
    case .later(let ticket, let within): return .later(ticket, within: within)
    case .said(let pieces): return .reply(said(pieces) { shown(view) })
    }
  }

  private func act(
    _ request: Script, _ view: ORSet<String>, _ context: ReplicatedContext, sees: Bool, words: Words?
  ) -> Done {
    var doing = Doing { act in
      switch act.act {
      case .delete: context.remove()
      case .note(let text): view.add(text)
      case .drop(let text): view.remove(text)
      case .clear: view.clear()
      default: break
      }
    }
    // Before the acts; a view that does not hold them is not looked at without need.
    if request.asks(.size) { doing.size = "\(view.size)" }
    if sees, request.asks(.has) { doing.has = view.has(request.element) ? "true" : "false" }
    return perform(request, context, doing, words: words)
  }
}

private func shown(_ set: ORSet<String>) -> String {
  let elements = set.elements
  return elements.isEmpty ? "-" : joined(elements, ",")
}

extension Script {
  fileprivate func asks(_ ask: Ask) -> Bool {
    for act in acts { if case .ask(ask) = act.act { return true } }
    return false
  }
}

extension Words {
  static func members(_ context: Context) -> Words {
    Words(
      context: context, hears: { MembersHears.heard($0) },
      answers: { method, answer in
        switch (method, answer) {
        case ("Do", .reply(let said)): return MembersAnswers.do(said)
        case ("Do", .refusal(let refusal)): return MembersAnswers.do(refusal)
        case ("Heard", .reply(let said)): return MembersAnswers.heard(said)
        case ("Heard", .refusal(let refusal)): return MembersAnswers.heard(refusal)
        default: return nil
        }
      })
  }
}
