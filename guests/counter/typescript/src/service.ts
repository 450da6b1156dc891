// The counter: the smallest service with state.
import { accept, eventSourced, refuse } from '@innkeeper/sdk'
import { Added, Counter } from './gen/counter.ts'

const valueMax = 1_000_000_000_000n

export default eventSourced(Counter, {
  state: { value: 0n },
  decide: {
    add: (state, { amount }) => {
      if (amount <= 0n) return refuse('INVALID_ARGUMENT', `amount must be positive, got ${amount}`)
      if (state.value + amount > valueMax) return refuse('FAILED_PRECONDITION', `the value may not exceed ${valueMax}`)
      return accept(Added({ amount })).reply((after) => ({ value: after.value }))
    },
    get: (state) => accept().reply(state),
  },
  evolve: {
    Added: (state, { amount }) => ({ value: state.value + amount }),
  },
})
