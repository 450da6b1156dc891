// What is done at night: the report of the day before the one for which the schedule runs, however late that is.
import { accept, action, call } from '@innkeeper/sdk'
import { dayBefore } from './days.ts'
import { Day, Office } from './gen/shop.ts'

export const office = action(Office, {
  methods: {
    nightly: ({ to }, { now, metadata }) => {
      const due = Date.parse(metadata.get('innkeeper-due') ?? '')
      const day = dayBefore(Number.isNaN(due) ? now : due)
      return accept()
        .effect(call(Day, 'report', { day, to }))
        .reply({})
    },
  },
})
