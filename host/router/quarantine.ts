// Quarantine: a service that held the loop until it was ended from outside is refused for a while, then tried again.
//
//   strike   1      2       3       4th and later
//   refused  1 s    10 s    60 s    until an operator releases it or a new version is deployed
//
// Q1. Strikes are durable: a host that starts anew knows them. Times are not: they begin again at a start.
// Q2. A service that has been served for `forgivenAfterMs` without another strike begins again at the first.
//
// Owns: who is refused.   supervisor/ owns: who held the loop.   The catalog owns: bytes.

import type { Clock, Timer } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { InHand, Strikes } from '../in-hand.ts'

const refusedMs = [1_000, 10_000, 60_000]
const forgivenAfterMs = 60 * 60_000

/** Where strikes are kept. */
interface QuarantineStore {
  /** By service. */
  strikes(): ReadonlyMap<string, Strikes>
  /** `undefined`: none any more. */
  putStrikes(service: string, strikes: Strikes | undefined): void
}

interface Quarantined extends Strikes {
  /** Milliseconds until it is tried again; `undefined`: an operator has to release it. */
  readonly forMs: number | undefined
}

interface Entry {
  readonly strikes: Strikes
  /** Of `clock.steady()`; infinite: until it is released. */
  readonly untilMs: number
}

export class Quarantine {
  private readonly store: QuarantineStore
  private readonly clock: Clock
  private readonly entries = new Map<string, Entry>()
  private readonly timers = new Map<string, Timer>()
  private readonly freed: (service: string) => void

  /** @param freed called when a service is tried again, or released */
  constructor(store: QuarantineStore, clock: Clock, freed: (service: string) => void) {
    this.store = store
    this.clock = clock
    this.freed = freed
    for (const [service, strikes] of store.strikes()) this.enter(service, strikes)
  }

  stop(): void {
    for (const timer of this.timers.values()) timer.cancel()
  }

  /** It held the loop. `deployment`: number of the one that serves it. One act counts once, however often a start tells it: `atMs`. */
  strike(held: InHand, deployment: number, atMs?: number): Strikes {
    const known = this.entries.get(held.service)
    if (atMs !== undefined && known?.strikes.atMs === atMs) return known.strikes
    const strikes = { count: (known?.strikes.count ?? 0) + 1, atMs: atMs ?? this.clock.now(), held, deployment }
    this.store.putStrikes(held.service, strikes)
    this.enter(held.service, strikes)
    return strikes
  }

  /** An operator's word, or a new version. True if there was something to forget. */
  release(service: string): boolean {
    if (!this.entries.delete(service)) return false
    this.store.putStrikes(service, undefined)
    this.free(service)
    return true
  }

  /** Services changed: another version of one begins without strikes. `deployment`: of the one that serves it now. */
  changed(deployment: (service: string) => number | undefined): void {
    for (const [service, { strikes }] of [...this.entries]) {
      const now = deployment(service)
      if (now !== undefined && now !== strikes.deployment) this.release(service)
    }
  }

  /** Why it is refused now. */
  of(service: string): Quarantined | undefined {
    // Hardly a host has one: this is asked for each call.
    if (this.entries.size === 0) return undefined
    const entry = this.entries.get(service)
    if (entry === undefined) return undefined
    const now = this.clock.steady()
    if (now < entry.untilMs) {
      const forMs = entry.untilMs - now
      return { ...entry.strikes, forMs: Number.isFinite(forMs) ? forMs : undefined }
    }
    if (now > entry.untilMs + forgivenAfterMs) this.release(service)
    return undefined
  }

  /** All that have strikes, whether they are refused now or tried again. */
  list(): ReadonlyMap<string, Strikes & { readonly refused: Quarantined | undefined }> {
    return new Map(
      [...this.entries].map(([service, { strikes }]) => [service, { ...strikes, refused: this.of(service) }]),
    )
  }

  private enter(service: string, strikes: Strikes): void {
    const now = this.clock.steady()
    const forMs = refusedMs[strikes.count - 1] ?? Number.POSITIVE_INFINITY
    this.entries.set(service, { strikes, untilMs: now + forMs })
    this.timers.get(service)?.cancel()
    if (Number.isFinite(forMs))
      this.timers.set(
        service,
        this.clock.after(forMs + 1, () => this.free(service)),
      )
  }

  private free(service: string): void {
    this.timers.get(service)?.cancel()
    this.timers.delete(service)
    this.freed(service)
  }
}

export function quarantined(service: string, { forMs }: Quarantined): InnkeeperError {
  const what = `${service} held the host until it was ended, and is refused`
  const message =
    forMs === undefined
      ? `${what} until an operator releases it (inn services ${service} --release) or a new version is deployed`
      : `${what} for ${Math.ceil(forMs / 1000)} more seconds`
  return new InnkeeperError(
    'quarantined',
    message,
    undefined,
    forMs === undefined ? undefined : Math.ceil(forMs / 1000),
  )
}
