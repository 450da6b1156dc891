// Events: the model service of event sourcing.
import Innkeeper

struct Events: EventsEventSourced {
  let events: [On<Log>] = [
    .on(Noted.self) { log, noted in log.notes.append(noted.text) },
    .on(Cleared.self) { log, _ in log.notes = [] },
  ]

  func `do`(_ request: Script, state: Log, context: Context) -> Decision<Log, Said> {
    var acceptance = Acceptance<Log, Said>()
    let done = perform(
      request, context,
      Doing { act in
        switch act.act {
        case .note(let text): acceptance.emit(Noted(text: text))
        case .clear: acceptance.emit(Cleared())
        default: break
        }
      }, words: .events(context))
    switch done {
    case .refusal(let refusal): return .refuse(refusal)
    case .forward(let call): return acceptance.forward(call)
    case .later(let ticket, let within): return acceptance.later(ticket, within: within)
    case .said(let pieces): return acceptance.reply { after in said(pieces) { after.shown } }
    }
  }

  func heard(_ request: Answered, state: Log, context: Context) -> Decision<Log, Said> {
    let text = heardText(request)
    return .accept(Noted(text: text)).reply(Said(text: text))
  }
}

extension Log {
  var shown: String { notes.isEmpty ? "-" : joined(notes, ",") }
}

extension Words {
  static func events(_ context: Context) -> Words {
    Words(
      context: context, hears: { EventsHears.heard($0) },
      answers: { method, answer in
        switch (method, answer) {
        case ("Do", .reply(let said)): return EventsAnswers.do(said)
        case ("Do", .refusal(let refusal)): return EventsAnswers.do(refusal)
        case ("Heard", .reply(let said)): return EventsAnswers.heard(said)
        case ("Heard", .refusal(let refusal)): return EventsAnswers.heard(refusal)
        default: return nil
        }
      })
  }
}
