// Wall: whether the machine's clock can be believed. One that jumps ahead makes everything due at once, and that cannot be taken back.
//
// W1. Ahead of the steady clock by more than a minute between two looks, it is not believed for five minutes of steady time. A machine that slept looks
//     the same.
// W3. Of a directory that was copied or restored it is not believed until an operator says so: the host that it comes from goes by the same clock.
// W2. An operator may believe it at once (`inn clock accept`).

import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'

const jumpMs = 60_000
const holdMs = 300_000

/** `restored`: the directory was copied or restored, and nobody has said yet that it is to act by the clock. */
export function wallOf(clock: Pick<Clock, 'now' | 'steady'>, log: Pick<Logger, 'warn'>, restored: () => boolean): Wall {
  const jumped = (aheadMs: number) =>
    log.warn(
      { aheadMs: Math.round(aheadMs) },
      "the machine's clock jumped ahead: what is due by it waits for five minutes; run `inn clock accept` if the clock is right",
    )
  return new Wall(clock, jumped, restored)
}

export class Wall {
  private readonly clock: Pick<Clock, 'now' | 'steady'>
  private readonly jumped: (aheadMs: number) => void
  private wallMs: number
  private steadyMs: number
  private heldUntil = Number.NEGATIVE_INFINITY
  private readonly restored: () => boolean

  constructor(clock: Pick<Clock, 'now' | 'steady'>, jumped: (aheadMs: number) => void, restored = () => false) {
    this.clock = clock
    this.jumped = jumped
    this.restored = restored
    this.wallMs = clock.now()
    this.steadyMs = clock.steady()
  }

  /** Milliseconds until it is believed; 0: it is; infinite: until an operator says so. */
  look(): number {
    const [wallMs, steadyMs] = [this.clock.now(), this.clock.steady()]
    const aheadMs = wallMs - this.wallMs - (steadyMs - this.steadyMs)
    this.wallMs = wallMs
    this.steadyMs = steadyMs
    if (aheadMs > jumpMs) {
      this.heldUntil = steadyMs + holdMs
      this.jumped(aheadMs)
    }
    return this.restored() ? Number.POSITIVE_INFINITY : Math.max(0, this.heldUntil - steadyMs)
  }

  accept(): void {
    this.look()
    this.heldUntil = Number.NEGATIVE_INFINITY
  }
}
