// The counter: the smallest service with state.
import { Code, Context, serve } from '@innkeeper/sdk-assemblyscript/assembly'
import { Added, AddRequest, CounterEventSourced, GetRequest, Value } from './gen/counter'

const valueMax: i64 = 1_000_000_000_000

export class Counter extends CounterEventSourced<Value> {
  add(request: AddRequest, context: Context): Value | null {
    const amount = request.amount
    if (amount <= 0) return context.refuse<Value>(Code.InvalidArgument, `amount must be positive, got ${amount}`)
    // The sum itself could overflow.
    if (amount > valueMax - this.state.value) {
      return context.refuse<Value>(Code.FailedPrecondition, `the value may not exceed ${valueMax}`)
    }
    this.emit(Added.of(amount))
    return this.state
  }

  get(request: GetRequest, context: Context): Value | null {
    return this.state
  }

  onAdded(event: Added): void {
    this.state.value += event.amount
  }
}

serve(new Counter())
