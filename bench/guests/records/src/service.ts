// What bench/scale.ts fills a host with: an event for each command, with the command's bytes in it.
import { accept, eventSourced } from '@innkeeper/sdk'
import { Records, Written } from './gen/records.ts'

export default eventSourced(Records, {
  state: { bytes: 0n },
  decide: {
    put: (_, { data }) => accept(Written({ data })).reply((after) => after),
    get: (state) => accept().reply(state),
  },
  evolve: {
    Written: (state, { data }) => ({ bytes: state.bytes + BigInt(data.length) }),
  },
})
