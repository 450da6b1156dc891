// The rules of the counter, without a host.
import Innkeeper

private func counter() -> Given { given(.eventSourced(Counter())) }
private func add(_ amount: Int64) -> Call { CounterCalls.add(AddRequest(id: "a", amount: amount)) }

let tests: [Test] = [
  Test("adds up, and replies the value after the event") {
    counter()
      .when(add(2)).event(Added(amount: 2)).reply(Value(value: 2))
      .when(add(3)).event(Added(amount: 3)).reply(Value(value: 5))
  },
  Test("starts at nothing") {
    counter().when(CounterCalls.get(GetRequest(id: "a"))).reply(Value())
  },
  Test("has the sum of its history") {
    counter().event(Added(amount: 40)).event(Added(amount: 2))
      .when(CounterCalls.get(GetRequest(id: "a"))).reply(Value(value: 42))
  },
  Test("refuses amounts that are not positive") {
    counter()
      .when(add(0)).refuses(.invalidArgument, "amount must be positive, got 0")
      .when(add(-5)).refuses(.invalidArgument, "amount must be positive, got -5")
  },
  Test("refuses sums above the most") {
    counter().event(Added(amount: valueMax))
      .when(add(1)).refuses(.failedPrecondition, "the value may not exceed 1000000000000")
  },
]
