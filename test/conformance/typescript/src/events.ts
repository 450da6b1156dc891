// Events: the model service of event sourcing.
import { accept, eventSourced } from '@innkeeper/sdk'
import type { Script } from './gen/conformance.ts'
import { Cleared, Events, Log, Noted } from './gen/conformance.ts'
import { heard, perform, withAll } from './script.ts'

const showing = { state: ({ notes }: Log) => notes.join(',') || '-' }

export default eventSourced(Events, {
  state: Log,
  decide: {
    do: (_state, script: Script, context) => {
      const changes: (ReturnType<typeof Noted> | ReturnType<typeof Cleared>)[] = []
      const done = perform<Log>(script, context.entity, context, showing, (act) => {
        if (act.case === 'note') changes.push(Noted({ text: act.value }))
        if (act.case === 'clear') changes.push(Cleared({}))
      })
      if (done.refusal !== undefined) return done.refusal
      const accepted = withAll(accept(...changes), done)
      const { later } = done
      if (later !== undefined) return accepted.later(later.ticket, later.options)
      return done.forward === undefined
        ? accepted.reply((after: Log) => done.said(after))
        : accepted.forward(done.forward)
    },
    heard: (_state, answered) => {
      const text = heard(answered)
      return accept(Noted({ text })).reply({ text })
    },
  },
  evolve: {
    Noted: ({ notes }, { text }) => ({ notes: [...notes, text] }),
    Cleared: () => ({ notes: [] }),
  },
})
