// What bench/run.ts calls: the same addition in each state model, and a stream of small messages.
import {
  accept,
  action,
  bidi,
  emit,
  end,
  eventSourced,
  pnCounter,
  replicated,
  serverStream,
  update,
  value,
} from '@innkeeper/sdk'
import { Added, Events, Replicas, Streams, Total, Values } from './gen/kinds.ts'

/** Elements of one step: what a client has not taken yet is bounded by it. */
const chunk = 250

export default [
  eventSourced(Events, {
    state: { value: 0n },
    decide: {
      add: (_, { amount }) => accept(Added({ amount })).reply((after) => ({ value: after.value })),
    },
    evolve: {
      Added: (state, { amount }) => ({ value: state.value + amount }),
    },
  }),

  value(Values, {
    value: Total,
    decide: {
      add: (current, { amount }) => {
        const total = Total({ value: (current?.value ?? 0n) + amount })
        return update(total).reply(total)
      },
    },
  }),

  replicated(Replicas, {
    value: pnCounter(),
    decide: {
      add: (counter, { amount }) => accept(counter.add(amount)).reply((after) => ({ value: after.value })),
    },
  }),

  action(Streams, {
    methods: {
      count: serverStream({
        start: ({ elements }) => ({ at: 0, elements }),
        next: ({ at, elements }) => {
          const upTo = Math.min(at + chunk, elements)
          const some = Array.from({ length: upTo - at }, (_, index) => ({ number: at + index + 1, text: 'benchmark' }))
          return upTo === elements ? end(...some) : emit(...some).keep({ at: upTo, elements })
        },
      }),
      // An element for each that comes, and nothing else for as long as the client stays.
      listen: bidi({
        item: () => emit({ number: 1, text: 'benchmark' }),
      }),
    },
  }),
]
