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
      })
    switch done {
    case .refusal(let refusal): return .refuse(refusal)
    case .forward(let call): return change.forward(call)
    case .said(let pieces):
      return change.reply { after in
        said(pieces) {
          guard let after else { return "-" }
          return "[\(after.text)]"
        }
      }
    }
  }
}
