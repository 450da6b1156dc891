// Untils: effects whose answer must have come by a time.
//
// Owns: the clock of each.   outbox.ts owns: what it means that its time is up.

import type { Clock, Timer } from '../clock.ts'
import { timerMsMax } from '../clock.ts'
import type { EffectEntry } from '../effect.ts'

export class Untils {
  private readonly timers = new Map<number, Timer>()
  private readonly clock: Clock
  private readonly late: (id: number) => void

  constructor(clock: Clock, late: (id: number) => void) {
    this.clock = clock
    this.late = late
  }

  /** Nothing, where it has no such time, or is watched. */
  watch({ id, untilMs }: EffectEntry): void {
    if (untilMs === undefined || this.timers.has(id)) return
    const wait = () => {
      const leftMs = Math.min(Math.max(0, untilMs - this.clock.now()), timerMsMax)
      const timer = this.clock.after(leftMs, () => {
        if (untilMs > this.clock.now()) wait()
        else if (this.timers.delete(id)) this.late(id)
      })
      this.timers.set(id, timer.unref())
    }
    wait()
  }

  forget(id: number): void {
    this.timers.get(id)?.cancel()
    this.timers.delete(id)
  }

  clear(): void {
    for (const timer of this.timers.values()) timer.cancel()
    this.timers.clear()
  }
}
