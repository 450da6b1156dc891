// Passed: effects that are due and cannot enter the outbox now, since their service has no room there or cannot be run: from where on they are sought
// again, and when. The wait grows while it is in vain.
//
// Owns: the place and the time.   pending.ts owns: seeking.

import type { Clock } from '../clock.ts'

/** What is passed over is sought again after so long, at first. */
const passMsMin = 1_000
const passMsMax = 60_000
const soonestMs = 1

export class Passed {
  /** Services that have no room. */
  readonly full = new Set<string>()
  private readonly clock: Pick<Clock, 'steady'>
  /** The first of all that was passed over. */
  private from: Buffer | undefined
  /** Of `Clock.steady`. */
  private againMs = 0
  private passMs = passMsMin

  constructor(clock: Pick<Clock, 'steady'>) {
    this.clock = clock
  }

  forget(): void {
    this.full.clear()
    this.from = undefined
  }

  /** It may be another thing now. */
  look(): void {
    this.againMs = 0
    this.passMs = passMsMin
  }

  add(key: Buffer): void {
    if (this.from === undefined) this.againMs = this.clock.steady() + this.passMs
    if (this.from === undefined || Buffer.compare(key, this.from) < 0) this.from = key
  }

  /** Where to seek again, once it is time. */
  again(): Buffer | undefined {
    const { from } = this
    if (from === undefined) this.passMs = passMsMin
    if (from === undefined || this.clock.steady() < this.againMs) return undefined
    this.forget()
    this.passMs = Math.min(2 * this.passMs, passMsMax)
    return from
  }

  /** In how many milliseconds to look, `ms` at the latest. */
  until(ms: number): number {
    return this.from === undefined ? ms : Math.min(ms, Math.max(soonestMs, this.againMs - this.clock.steady()))
  }
}
