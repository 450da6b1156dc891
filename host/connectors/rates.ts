// Rates: how much of a connector may be used now: tries per second, and tries under way.
//
// T1. Nothing waits here: who finds no room is told when it is worth asking again, and keeps what it has.
// T2. Of what may be under way a service has its fair share (shares.S2), so one that floods a connector leaves room for the others.
// T3. The bucket holds the tries of one second at most, and at least one.
//
// Owns: the count.   connectors.ts owns: taking and giving back.

import { Shares } from '../shares.ts'

/** Of no rate: when a place may be free, if nobody says so before. In milliseconds. */
const patienceMs = 100

export class Rates {
  private readonly perMs: number
  private readonly tokensMax: number
  private readonly shares: Shares
  private tokens: number
  private filledMs: number

  constructor(ratePerSecond: number | undefined, concurrency: number, steadyMs: number) {
    this.perMs = (ratePerSecond ?? Number.POSITIVE_INFINITY) / 1000
    this.tokensMax = Math.max(1, ratePerSecond ?? Number.POSITIVE_INFINITY)
    this.tokens = this.tokensMax
    this.filledMs = steadyMs
    this.shares = new Shares(concurrency)
  }

  get underWay(): number {
    return this.shares.all
  }

  /** Taken, if that is 0; else milliseconds after which it is worth asking again. */
  take(service: string, steadyMs: number): number {
    if (!this.shares.admits(service, 1)) return patienceMs
    const waitMs = this.token(steadyMs)
    if (waitMs > 0) return waitMs
    this.shares.take(service, 1)
    return 0
  }

  give(service: string): void {
    this.shares.give(service, 1)
  }

  private token(steadyMs: number): number {
    if (this.perMs === Number.POSITIVE_INFINITY) return 0
    this.tokens = Math.min(this.tokensMax, this.tokens + (steadyMs - this.filledMs) * this.perMs)
    this.filledMs = steadyMs
    // What a fraction lacks to a whole one by rounding is not waited for.
    const lacking = 1 - this.tokens
    if (lacking > 1e-6) return Math.max(1, Math.ceil(lacking / this.perMs))
    this.tokens -= 1
    return 0
  }
}
