// The counter: the smallest service with state.
import Innkeeper

let valueMax: Int64 = 1_000_000_000_000

struct Counter: CounterEventSourced {
  let events: [On<Value>] = [
    .on(Added.self) { state, added in state.value += added.amount }
  ]

  func add(_ request: AddRequest, state: Value, context: Context) -> Decision<Value, Value> {
    let amount = request.amount
    if amount <= 0 { return .refuse(.invalidArgument, "amount must be positive, got \(amount)") }
    // The sum itself could overflow.
    if amount > valueMax - state.value {
      return .refuse(.failedPrecondition, "the value may not exceed \(valueMax)")
    }
    return .accept(Added(amount: amount)).reply { after in after }
  }

  func get(_ request: GetRequest, state: Value, context: Context) -> Decision<Value, Value> {
    .reply(state)
  }
}

let services: [Service] = [.eventSourced(Counter())]
