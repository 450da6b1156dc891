// What `npm run bench -- delivery` calls: commands of one event each, alone and with a timer, a cancel, an ask.
import { accept, call, eventSourced } from '@innkeeper/sdk'
import { Asked, Bells, Did, What } from './gen/later.ts'

export default eventSourced(Bells, {
  state: { commands: 0n, rung: 0n, answered: 0n },
  decide: {
    add: (_) => accept(Did({ what: What.COMMAND })).reply((after) => after),
    set: (_, { id, name, atMs }) =>
      accept(Did({ what: What.COMMAND }))
        .at(Number(atMs), call(Bells, 'ring', { id }), { name })
        .reply((after) => after),
    cancel: (_, { name }) =>
      accept(Did({ what: What.COMMAND }))
        .cancel(name)
        .reply((after) => after),
    ring: (_) => accept(Did({ what: What.RUNG })).reply((after) => after),
    ask: (_, { to }) =>
      accept(Did({ what: What.COMMAND }))
        .ask(call(Bells, 'add', { id: to }), 'answered')
        .reply((after) => after),
    askAndWait: (_, { name, to }) =>
      accept(Did({ what: What.COMMAND }))
        .ask(call(Bells, 'add', { id: to }), 'answered', Asked({ ticket: name }))
        .later(name),
    answered: ({ commands, rung, answered }, { note }) =>
      note === undefined
        ? accept(Did({ what: What.ANSWERED })).reply({})
        : accept(Did({ what: What.ANSWERED }))
            .resolve(note.ticket, 'askAndWait', { commands, rung, answered: answered + 1n })
            .reply({}),
    look: (state) => accept().reply(state),
  },
  evolve: {
    Did: (state, { what }) => ({
      commands: state.commands + (what === What.COMMAND ? 1n : 0n),
      rung: state.rung + (what === What.RUNG ? 1n : 0n),
      answered: state.answered + (what === What.ANSWERED ? 1n : 0n),
    }),
  },
})
