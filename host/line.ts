// Line: whose turn is next: deficit round robin over services, then first come, first served over what waits of each.
//
//   ring   ──▶ A: balance 0.4 ms, 3 wait ──▶ B: owes 12 ms, 61 wait ──▶ C: owes 0.1 ms, 1 waits ──▶ (a round later) A
//
// L1. Each round gives every service in line `quantumMs`; it has turns while its balance is above zero, and is charged what they took, which
//     nobody knows before. So a service that had more than its share owes it, and waits until the others had theirs.
// L2. Nobody starves: a round pays debts, and where all who may go on are in debt, they are paid at once what lacks. A loop that
//     others do not want is lent for nothing: when nobody is left in line, all debts are forgiven.
// L3. Debts outlive leaving the line, or one that asks again and again would never pay.
// L4. A sweep is over when all that were in line at its beginning have had a turn. Who comes back meanwhile shares in its rounds, so that a service
//     with few entities has no less than one with many; but nothing that only comes back makes a sweep longer.
// L6. Where some have had all that they asked for, and only those are left who owe, the sweep is over after `servedMs`: what was decided
//     for the first is not kept until a slice of the others has passed.
//
// Turns are many, so none makes garbage here: accounts and the ring are kept.
//
// Owns: the order.   turns.ts owns: the sweep.   throttle.ts owns: who has to wait for another reason.

import type { Count } from './observe/tally.ts'
import { Conduct, Throttle, type ThrottleParts } from './throttle.ts'
import type { Turn } from './turns.ts'

/** What a round gives each service, in milliseconds: a few dozen ordinary turns. */
const quantumMs = 1
/** A sweep in which somebody was served is no shorter than this (L6): each has a sync of its own. In milliseconds. */
const servedMs = 1
/** A turn costs this at least, so that a clock that stands still ends a visit, too. */
const turnMsMin = 0.001
/** More rounds than any debt lasts. */
const roundsOfRest = 1e9

/** What a service has waiting, and what it owes. */
class Account {
  readonly conduct: Conduct
  readonly faults: Readonly<Count>
  /** Faults that were charged. */
  seen: number
  balanceMs = 0
  /** Of those that wait, who were in line when the sweep began. */
  due = 0
  inRing = false
  /** It waits in this sweep, for it is throttled. */
  held = false
  /** It came into line since the last sweep. */
  fresh = false
  /** The round in which it left the line. */
  leftAt = 0
  private waiting: Turn[] = []
  /** Taken already. */
  private head = 0

  constructor(service: string, faults: Readonly<Count>) {
    this.conduct = new Conduct(service)
    this.faults = faults
    this.seen = faults.value
  }

  get size(): number {
    return this.waiting.length - this.head
  }

  put(turn: Turn): void {
    this.waiting.push(turn)
  }

  take(): Turn {
    const turn = this.waiting[this.head++]!
    if (this.head === this.waiting.length) {
      this.waiting.length = 0
      this.head = 0
    } else if (this.head >= 1_024 && this.head * 2 > this.waiting.length) {
      this.waiting.copyWithin(0, this.head)
      this.waiting.length -= this.head
      this.head = 0
    }
    return turn
  }

  /** So many rounds have passed. Those of a throttled service that has to wait are others'. */
  repay(rounds: number): void {
    if (!this.held && this.balanceMs < 0) this.balanceMs = Math.min(0, this.balanceMs + rounds * quantumMs)
  }
}

export interface LineParts extends ThrottleParts {
  /** Faults of a service's functions until now. */
  readonly faultsOf: (service: string) => Readonly<Count>
}

export class Line {
  private readonly accounts = new Map<string, Account>()
  private readonly throttle: Throttle
  private readonly faultsOf: (service: string) => Readonly<Count>
  /** Those with something waiting. */
  private readonly ring: Account[] = []
  private at = 0
  private round = 0
  /** Got its quantum of this round, and is not done with it. */
  private visited: Account | undefined
  /** Had the last turn. */
  private charged: Account | undefined
  /** Of all services: turns that end the sweep. */
  private due = 0
  /** When the sweep began. */
  private beganMs = 0
  /** Somebody has had all that it asked for, in this sweep. */
  private served = false

  constructor(parts: LineParts) {
    this.throttle = new Throttle(parts)
    this.faultsOf = parts.faultsOf
  }

  add(turn: Turn): void {
    const account = this.account(turn.serviceName)
    account.put(turn)
    if (account.inRing) return
    account.inRing = true
    account.fresh = true
    account.repay(this.round - account.leftAt)
    this.ring.push(account)
  }

  /** A sweep begins. */
  begin(nowMs: number): void {
    this.due = 0
    this.served = false
    this.beganMs = nowMs
    this.throttle.begin()
    for (const account of this.ring) {
      account.held = false
      account.due = account.size
      this.due += account.due
      if (account.fresh) {
        account.fresh = false
        this.throttle.forgive(account.conduct, nowMs)
      }
      if (!account.conduct.throttled) this.throttle.wanted(nowMs)
    }
  }

  /** Who takes a turn; `undefined`: the sweep is over. */
  next(nowMs: number): Turn | undefined {
    const { ring, throttle } = this
    while (this.due > 0) {
      if (this.at >= ring.length && this.nextRound() && this.served && nowMs >= this.beganMs + servedMs)
        return undefined
      const account = ring[this.at]!
      if (!account.held && account.conduct.throttled && throttle.holds(nowMs)) {
        this.due -= account.due
        account.due = 0
        account.held = true
      }
      if (account.held || account.size === 0) {
        if (account !== this.visited) account.repay(1)
        this.leave()
        continue
      }
      if (account !== this.visited) {
        this.visited = account
        account.balanceMs = Math.min(account.balanceMs, quantumMs) + quantumMs
      }
      if (account.balanceMs <= 0) {
        this.leave()
        continue
      }
      if (account.due > 0) {
        account.due -= 1
        this.due -= 1
      }
      this.charged = account
      const turn = account.take()
      if (account.size === 0) this.served = true
      return turn
    }
    return undefined
  }

  /** What the turn that begins works is to be measured. */
  measures(nowMs: number): boolean {
    if (this.charged === undefined) return false
    const { throttled, suspectUntilMs } = this.charged.conduct
    return throttled || nowMs < suspectUntilMs
  }

  /** What the last turn took, which ended now; and for how long of that it worked, if that was measured. */
  charge(costMs: number, workedMs: number | undefined, nowMs: number): void {
    if (this.charged !== undefined) this.chargeTo(this.charged, costMs, workedMs, nowMs)
  }

  /** Work of a service outside of the line. */
  chargeService(service: string, costMs: number, workedMs: number | undefined, nowMs: number): void {
    this.chargeTo(this.account(service), costMs, workedMs, nowMs)
  }

  /** The sweep is over. When the next one has something to do: at once, after so many milliseconds, or not before somebody comes. */
  end(nowMs: number): number | undefined {
    const { ring } = this
    this.charged = undefined
    let kept = 0
    let runnable = false
    for (let at = 0; at < ring.length; at++) {
      const account = ring[at]!
      if (account.size > 0) {
        if (kept !== at) ring[kept] = account
        if (at === this.at) this.at = kept
        kept += 1
        if (!runnable) runnable = !account.conduct.throttled || !this.throttle.rests(nowMs)
        continue
      }
      account.inRing = false
      // Nothing is saved up for later.
      account.balanceMs = Math.min(account.balanceMs, 0)
      account.leftAt = this.round
      if (account === this.visited) this.visited = undefined
      if (at === this.at) this.at = kept
    }
    ring.length = kept
    if (this.at > kept) this.at = kept
    if (kept === 0) {
      this.round += roundsOfRest
      return undefined
    }
    return runnable ? 0 : Math.max(1, this.throttle.endsMs - nowMs)
  }

  /** Services that are throttled. */
  *throttled(nowMs: number): Iterable<string> {
    for (const [service, { conduct, inRing }] of this.accounts)
      if (conduct.throttled && (inRing || nowMs < conduct.untilMs)) yield service
  }

  /** Services changed: what is known of those that are gone is forgotten. */
  forget(gone: (service: string) => boolean): void {
    for (const [service, { inRing }] of this.accounts) if (!inRing && gone(service)) this.accounts.delete(service)
  }

  private account(service: string): Account {
    let account = this.accounts.get(service)
    if (account === undefined) {
      account = new Account(service, this.faultsOf(service))
      account.leftAt = this.round
      this.accounts.set(service, account)
    }
    return account
  }

  private chargeTo(account: Account, costMs: number, workedMs: number | undefined, nowMs: number): void {
    account.balanceMs -= Math.max(costMs, turnMsMin)
    const faults = account.faults.value - account.seen
    account.seen += faults
    this.throttle.charge(account.conduct, costMs, workedMs, faults, nowMs)
  }

  private leave(): void {
    this.visited = undefined
    this.at += 1
  }

  /** True where all who may go on are in debt. */
  private nextRound(): boolean {
    this.at = 0
    this.round += 1
    let owedMs = Number.POSITIVE_INFINITY
    for (const { balanceMs, size, held } of this.ring) if (size > 0 && !held) owedMs = Math.min(owedMs, -balanceMs)
    if (owedMs < 0) return false
    const rounds = Math.floor(owedMs / quantumMs)
    this.round += rounds
    for (const account of this.ring) account.repay(rounds)
    return true
  }
}
