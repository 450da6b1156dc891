// Guards the line of one entity: its order, and that what waits is counted.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Mailbox, type News } from '../../host/entity/mailbox.ts'
import { defaultLimits } from '../../host/limits.ts'
import { WaitingBudget } from '../../host/waiting-budget.ts'

const Line = suite('a mailbox')

Line('mailbox.M1, mailbox.M2: order is that of arrival, what is put back comes first, and all of it is counted', () => {
  const step = fc.record({ kind: fc.constantFrom('put', 'take', 'back'), count: fc.integer({ min: 0, max: 200 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const budget = new WaitingBudget(defaultLimits)
      const mailbox = new Mailbox(budget, 's')
      const model: News[] = []
      let last: News[] = []
      let made = 0
      for (const { kind, count } of steps) {
        if (kind === 'put')
          for (let at = 0; at < count; at++) {
            const news: News = { kind: 'news', delta: new Uint8Array(made++ % 7), done: () => {} }
            mailbox.put(news)
            model.push(news)
          }
        else if (kind === 'take') {
          last = model.splice(0, count)
          for (const news of last) assert.ok(mailbox.take() === news)
        } else {
          mailbox.putBack(last)
          model.unshift(...last.splice(0))
        }
        const bytes = model.reduce((sum, { delta }) => sum + delta.length, 0)
        assert.equal([mailbox.size, budget.commands, mailbox.account.bytes], [model.length, model.length, bytes])
      }
    }),
  )
})

Line.run()
