// Timeline: what waits for time, or for another command, where services are together: effects that are due later, asks, and callers
// whose ticket is open.
//
// S1. What is due is in the order of its time; of equal times what was said first is first.
// S2. A name is that of one effect of its entity: a new one takes the place of the old, and a cancel drops it.
// S3. Who waits is answered once: by a resolution or by a deadline.

import { Decision } from './decision'
import { Effect } from './effect'

/** An entity; of an action there is none. */
@final
export class Place {
  constructor(
    readonly service: string,
    readonly entity: string,
  ) {}

  is(other: Place): bool {
    return this.service == other.service && this.entity == other.entity
  }
}

/** What becomes of the answer of an effect: a refusal is listed, or the entity that asks hears it, once. */
@final
export class Hearer {
  heard: bool = false

  constructor(
    readonly effect: Effect,
    readonly from: Place,
    readonly hops: i32,
  ) {}
}

/** What one caller gets, now or later. */
@final
export class Told {
  decision: Decision | null = null
  hearers: Hearer[] = []
}

@final
export class Due {
  effect: Effect | null = null
  from: Place | null = null
  /** A caller that has waited for too long. */
  told: Told | null = null
  /** An ask that has. */
  hearer: Hearer | null = null

  constructor(readonly ms: i64) {}
}

@final
class Open {
  constructor(
    readonly at: Place,
    readonly method: string,
    readonly ticket: string,
    readonly told: Told,
  ) {}
}

@final
export class Timeline {
  due: Due[] = []
  private open: Open[] = []

  add(due: Due): void {
    let at = 0
    while (at < this.due.length && this.due[at].ms <= due.ms) at++
    this.due.push(due)
    for (let i = this.due.length - 1; i > at; i--) this.due[i] = this.due[i - 1]
    this.due[at] = due
  }

  /** An effect of this name is no longer pending. */
  cancel(from: Place, name: string): void {
    const kept: Due[] = []
    for (let i = 0; i < this.due.length; i++) {
      const due = this.due[i]
      const effect = due.effect
      if (effect === null || effect.__name != name || !due.from!.is(from)) kept.push(due)
    }
    this.due = kept
  }

  /** The next that is due by then. */
  next(ms: i64): Due | null {
    return this.due.length > 0 && this.due[0].ms <= ms ? this.due.shift() : null
  }

  wait(at: Place, method: string, ticket: string, told: Told): void {
    this.open.push(new Open(at, method, ticket, told))
  }

  /** Those who wait for it. It is no longer open. */
  resolve(at: Place, method: string, ticket: string): Told[] {
    const waiting: Told[] = []
    const open: Open[] = []
    for (let i = 0; i < this.open.length; i++) {
      const one = this.open[i]
      if (one.at.is(at) && one.method == method && one.ticket == ticket) waiting.push(one.told)
      else open.push(one)
    }
    this.open = open
    return waiting
  }
}
