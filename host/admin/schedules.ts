// Schedules: what an operator may see and do of calls by the clock (schedules/schedules.ts).

import type { AdminRoute } from './api.ts'
import type { AdminContext } from './context.ts'

export function scheduleRoutes({ schedules }: AdminContext): readonly Omit<AdminRoute, 'pattern'>[] {
  const clock = () => ({
    nowMs: schedules.nowMs,
    heldMs: schedules.restored ? null : Math.round(schedules.heldMs),
  })
  return [
    {
      method: 'GET',
      path: '/v1/schedules',
      summary: 'Calls that the host makes by the clock, and when the next of each is due.',
      query: { service: 'Only those of this service.' },
      run: ({ query }) => {
        const service = query.get('service')
        const shown = schedules
          .list()
          .filter((one) => service === null || one.service === service)
          .map(({ next, ...one }) => ({ ...one, next: next === undefined ? null : new Date(next).toISOString() }))
        return { json: { schedules: shown, clock: clock() } }
      },
    },
    {
      method: 'POST',
      path: '/v1/schedules/{service}/{name}/run',
      summary: 'One run more, now. Answers with the id of its effect once that is stored.',
      run: async ({ parts }) => ({ json: { effect: await schedules.run(parts[0]!, parts[1]!) } }),
    },
    {
      method: 'GET',
      path: '/v1/clock',
      summary:
        'The clock that schedules and timers go by. `heldMs`: so long they still wait, since it jumped ahead; null: until `POST /v1/effects/resume`.',
      run: () => ({ json: clock() }),
    },
    {
      method: 'POST',
      path: '/v1/clock/accept',
      summary: 'The clock is right: schedules and timers wait no longer.',
      run: () => {
        schedules.accept()
        return { json: clock() }
      },
    },
  ]
}
