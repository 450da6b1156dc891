// Guards when schedules are due: in their time zone, over changes of the clocks, and what is no time at all.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Times } from '../../host/schedules/times.ts'

const When = suite('times of schedules')

const due = (cron: string, timeZone: string, from: string, count: number): readonly string[] => {
  const times = new Times({ cron, timeZone })
  const found: string[] = []
  for (let at = Date.parse(from); found.length < count; ) {
    at = times.after(at)!
    found.push(new Date(at).toISOString().replace('.000Z', 'Z'))
  }
  return found
}

When('§schedule-2, times.T1: at a time of day of its zone, in winter and in summer', () => {
  assert.equal(due('0 3 * * *', 'Europe/Zurich', '2026-03-27T12:00:00Z', 3), [
    '2026-03-28T02:00:00Z',
    '2026-03-29T01:00:00Z',
    '2026-03-30T01:00:00Z',
  ])
  assert.equal(due('0 3 * * *', '', '2026-03-27T12:00:00Z', 2), ['2026-03-28T03:00:00Z', '2026-03-29T03:00:00Z'])
})

When('§schedule-2, times.T1: a time that is left out is made up for at once, one that comes twice is one', () => {
  assert.equal(due('30 2 * * *', 'Europe/Zurich', '2026-03-28T12:00:00Z', 2), [
    '2026-03-29T01:00:00Z',
    '2026-03-30T00:30:00Z',
  ])
  assert.equal(due('30 2 * * *', 'Europe/Zurich', '2026-10-24T12:00:00Z', 2), [
    '2026-10-25T00:30:00Z',
    '2026-10-26T01:30:00Z',
  ])
  // Every hour is every hour.
  assert.equal(due('0 * * * *', 'Europe/Zurich', '2026-10-24T23:30:00Z', 3), [
    '2026-10-25T00:00:00Z',
    '2026-10-25T01:00:00Z',
    '2026-10-25T02:00:00Z',
  ])
})

When('the last time is not after what is asked, and the next one after it is', () => {
  const from = Date.parse('2026-01-01T00:00:00Z')
  fc.assert(
    fc.property(
      fc.constantFrom('* * * * * *', '*/7 * * * *', '0 0 1 * *', '15 10 * * MON-FRI', '@hourly'),
      fc.constantFrom('', 'Europe/Zurich', 'America/New_York', 'Asia/Kathmandu'),
      fc.nat({ max: 366 * 86_400_000 }),
      (cron, timeZone, offset) => {
        const times = new Times({ cron, timeZone })
        const at = from + offset
        const last = times.last(at)!
        assert.ok(last <= at && at < times.after(last)!, `${cron} ${timeZone} ${new Date(at).toISOString()}`)
        assert.ok(times.after(at)! > at)
      },
    ),
    { numRuns: 300 },
  )
})

When('what is never due has no next time; a leap day has', () => {
  assert.is(new Times({ cron: '0 0 30 2 *', timeZone: '' }).after(Date.parse('2026-01-01T00:00:00Z')), undefined)
  assert.is(new Times({ cron: '0 0 0 1 1 * 2020', timeZone: '' }).after(Date.parse('2026-01-01T00:00:00Z')), undefined)
  assert.equal(due('0 0 29 2 *', '', '2026-01-01T00:00:00Z', 1), ['2028-02-29T00:00:00Z'])
})

When.run()
