// Values: the model service of values.
import Innkeeper

struct Values: ValuesValue {
  func `do`(_ request: Script, value: Box?, context: Context) -> ValueDecision<Box, Said> {
    var change = ValueDecision<Box, Said>.accept()
    let done = perform(
      request, context,
      Doing { act in
        switch act.act {
        case .note(let text): change = ValueDecision.update(Box(text: text))
        case .clear: change = ValueDecision.remove()
        default: break
        }
      }, words: .values(context))
    switch done {
    case .refusal(let refusal): return .refuse(refusal)
    case .forward(let call): return change.forward(call)
    case .later(let ticket, let within): return change.later(ticket, within: within)
    case .said(let pieces):
      return change.reply { after in
        said(pieces) {
          guard let after else { return "-" }
          return "[\(after.text)]"
        }
      }
    }
  }

  func heard(_ request: Answered, value: Box?, context: Context) -> ValueDecision<Box, Said> {
    let text = heardText(request)
    return .update(Box(text: text)).reply(Said(text: text))
  }
}

extension Words {
  static func values(_ context: Context) -> Words {
    Words(
      context: context, hears: { ValuesHears.heard($0) },
      answers: { method, answer in
        switch (method, answer) {
        case ("Do", .reply(let said)): return ValuesAnswers.do(said)
        case ("Do", .refusal(let refusal)): return ValuesAnswers.do(refusal)
        case ("Heard", .reply(let said)): return ValuesAnswers.heard(said)
        case ("Heard", .refusal(let refusal)): return ValuesAnswers.heard(refusal)
        default: return nil
        }
      })
  }
}
