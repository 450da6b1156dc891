// Values: the model service of values.
import { accept, remove, update, value } from '@innkeeper/sdk'
import { Box, Values } from './gen/conformance.ts'
import { heard, perform, withAll } from './script.ts'

type Kept = { readonly text: string } | undefined

const showing = { state: (box: Kept) => (box === undefined ? '-' : `[${box.text}]`) }

export default value(Values, {
  value: Box,
  decide: {
    do: (current, script, context) => {
      let next: Kept | 'same' = 'same'
      const done = perform<Kept>(script, context.entity, context, showing, (act) => {
        if (act.case === 'note') next = { text: act.value }
        if (act.case === 'clear') next = undefined
      })
      if (done.refusal !== undefined) return done.refusal
      // The compiler does not see that the callback has run.
      const changed = next as Kept | 'same'
      const said = done.said(changed === 'same' ? current : changed)
      const { forward, later } = done
      if (changed === 'same') {
        const accepted = withAll(accept(), done)
        if (later !== undefined) return accepted.later(later.ticket, later.options)
        return forward === undefined ? accepted.reply(said) : accepted.forward(forward)
      }
      if (changed === undefined) {
        const removed = withAll(remove(), done)
        if (later !== undefined) return removed.later(later.ticket, later.options)
        return forward === undefined ? removed.reply(said) : removed.forward(forward)
      }
      const updated = withAll(update(changed), done)
      if (later !== undefined) return updated.later(later.ticket, later.options)
      return forward === undefined ? updated.reply(said) : updated.forward(forward)
    },
    heard: (_current, answered) => {
      const text = heard(answered)
      return update({ text }).reply({ text })
    },
  },
})
