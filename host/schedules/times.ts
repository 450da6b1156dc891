// Times: when a schedule is due: the cron expression of a method, in its time zone, as milliseconds since 1970.
//
// T1. A time that a change of the clocks leaves out is due when the clocks have changed; one that comes twice is due once.
//
// croner owns: what an expression means.

import { Cron } from 'croner'
import type { ScheduleRule } from '../schema/schema.ts'

const lettersMax = 200
/** What is not due within so many years is a mistake: 30 February. The rarest that is none is a leap day on one day of the week, every 28. */
const yearsMax = 40
const yearMs = 366 * 86_400_000

export class Times {
  readonly timeZone: string
  private readonly cron: Cron

  /** @throws Error that says what is wrong with the expression or the time zone */
  constructor({ cron, timeZone }: Pick<ScheduleRule, 'cron' | 'timeZone'>) {
    if (cron.trim() === '') throw new Error('needs a cron expression, as "0 3 * * *"')
    if (cron.length > lettersMax) throw new Error(`has a cron expression of more than ${lettersMax} characters`)
    const zone = timeZone === '' ? 'UTC' : timeZone
    this.timeZone = zone
    if (!isZone(zone))
      throw new Error(
        `names the time zone ${JSON.stringify(zone.slice(0, 64))}, which is none; write it as "Europe/Zurich"`,
      )
    try {
      this.cron = new Cron(cron, { paused: true, timezone: zone })
    } catch (error) {
      throw new Error(
        `has a cron expression that cannot be read: ${(error as Error).message.replace(/^CronPattern: /, '').slice(0, 200)}`,
      )
    }
  }

  /** The first time after this one; undefined: none. */
  after(ms: number): number | undefined {
    const next = this.cron.nextRun(new Date(ms))?.getTime()
    return next === undefined || next - ms > yearsMax * yearMs ? undefined : next
  }

  /** The last time that is not after this one. */
  last(ms: number): number | undefined {
    // The expression has whole seconds, and what is asked for is not after the next one.
    for (const run of this.cron.previousRuns(2, new Date(ms + 1_000))) if (run.getTime() <= ms) return run.getTime()
    return undefined
  }
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
