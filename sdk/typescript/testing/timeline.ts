// Timeline: what waits for time, or for another command, where services are together: effects that are due later, and callers whose ticket is
// open.
//
// S1. What is due is in the order of its time; of equal times what was said first is first.
// S2. A name is that of one effect of its entity: a new one takes the place of the old, and a cancel drops it.
// S3. A caller that waits is answered once: by the resolution of its ticket, or by its deadline.

import type { Call } from '../decision.ts'
import type { WireOutcome, WireResolution } from '../guest/wire.ts'

/** Of an action there is no entity. */
export interface Place {
  readonly service: string
  readonly entity: string
}

/** An effect that is due later. */
export interface Pending {
  readonly call: Call
  /** Milliseconds since 1970. */
  readonly dueMs: number
  readonly name: string | undefined
}

interface Due {
  readonly dueMs: number
  /** Undefined: a deadline. */
  readonly effect:
    | { readonly call: Call; readonly name: string | undefined; readonly key: string | undefined }
    | undefined
  readonly act: (nowMs: number) => void
}

/** What one caller gets, now or later. */
export class Reply {
  outcome: WireOutcome | undefined
  private readonly hearing: ((outcome: WireOutcome) => void)[] = []

  settle(outcome: WireOutcome): void {
    if (this.outcome !== undefined) return
    this.outcome = outcome
    for (const hear of this.hearing) hear(outcome)
  }

  /** Now, or as soon as there is one. */
  heard(hear: (outcome: WireOutcome) => void): void {
    if (this.outcome === undefined) this.hearing.push(hear)
    else hear(this.outcome)
  }
}

export class Timeline {
  private due: Due[] = []
  private readonly open = new Map<string, Reply[]>()

  get pending(): readonly Pending[] {
    return this.due.flatMap(({ dueMs, effect }) =>
      effect === undefined ? [] : [{ call: effect.call, dueMs, name: effect.name }],
    )
  }

  /** `from`: whose effect it is. */
  effectAt(dueMs: number, call: Call, name: string | undefined, from: Place, act: (nowMs: number) => void): void {
    this.cancel(from, name)
    this.add({ dueMs, effect: { call, name, key: name === undefined ? undefined : keyOf(from, name) }, act })
  }

  /** An effect of this name is no longer pending. */
  cancel(from: Place, name: string | undefined): void {
    const key = name === undefined ? undefined : keyOf(from, name)
    if (key !== undefined) this.due = this.due.filter(({ effect }) => effect?.key !== key)
  }

  deadline(dueMs: number, act: (nowMs: number) => void): void {
    this.add({ dueMs, effect: undefined, act })
  }

  wait(at: Place, method: string, ticket: string, reply: Reply): void {
    const key = keyOf(at, method, ticket)
    this.open.set(key, [...(this.open.get(key) ?? []), reply])
  }

  /** The ticket is no longer open; where it never was, nothing happens. */
  resolve(at: Place, { ticket, method }: WireResolution, outcome: WireOutcome): void {
    const key = keyOf(at, method, ticket)
    const waiting = this.open.get(key) ?? []
    this.open.delete(key)
    for (const reply of waiting) reply.settle(outcome)
  }

  /** All that is due by then, and what it makes due by then; `reached` is told the time of each before. */
  until(nowMs: number, reached: (dueMs: number) => void): void {
    for (let next = this.due[0]; next !== undefined && next.dueMs <= nowMs; next = this.due[0]) {
      this.due.shift()
      reached(next.dueMs)
      next.act(next.dueMs)
    }
  }

  private add(due: Due): void {
    const after = this.due.findIndex(({ dueMs }) => dueMs > due.dueMs)
    this.due.splice(after === -1 ? this.due.length : after, 0, due)
  }
}

function keyOf({ service, entity }: Place, ...names: readonly string[]): string {
  return JSON.stringify([service, entity, ...names])
}
