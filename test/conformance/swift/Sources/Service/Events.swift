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
      })
    switch done {
    case .refusal(let refusal): return .refuse(refusal)
    case .forward(let call): return acceptance.forward(call)
    case .said(let pieces): return acceptance.reply { after in said(pieces) { after.shown } }
    }
  }
}

extension Log {
  var shown: String { notes.isEmpty ? "-" : joined(notes, ",") }
}
