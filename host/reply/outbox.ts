// Outbox: side effects on their way, durable since the commit that caused them.
//
// O1. Effects of one outcome are started in list order; a synchronous one ends before the next starts (B1.2).
// O2. The entry is in the journal before the effect is tried, and out of it in the commit of the entity that accepted it:
//     a crash in between loses none and doubles none.
//     Two commands for one entry, a try that took too long and the next one, are decided once: the target asks `awaits`.
// O3. A failing effect is tried with back-off, then parked and listed; nobody waits for a parked one, nor past the deadline.
// O4. At most `outboxEffectsMax` entries; whoever would add more is told so before it commits.
//
// Owns: trying, parking, the waiting for synchronous ones.   Activation owns: the commits.   The target owns: the outcome.

import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { timerMsMax } from '../clock.ts'
import type { Answer, Command, Dispatch } from '../command.ts'
import type { GroupCommit } from '../journal/group-commit.ts'
import type { Journal, OutboxEntry } from '../journal/journal.ts'
import type { Limits } from '../limits.ts'
import { tooManyHops } from './forward.ts'

/** Waits between tries, in milliseconds; after the last the effect is parked. */
export const backOffMs = [100, 500, 2_000, 10_000, 60_000] as const
/** How long one try may wait for its target. In milliseconds. */
const tryMs = 60_000

export interface OutboxParts {
  readonly journal: Journal
  readonly commits: Pick<GroupCommit, 'join'>
  readonly dispatch: Dispatch
  readonly clock: Clock
  readonly limits: Limits
  readonly log: Logger
  /** Told of an effect that arrived, or is parked, by the service that caused it. */
  readonly delivered: (service: string) => void
  readonly parked: (service: string) => void
}

export class Outbox {
  private readonly parts: OutboxParts
  /** All entries that are in the journal's outbox, parked ones too, from the commit that brings them to the one that takes them. */
  private readonly entries = new Map<number, OutboxEntry>()
  private readonly timers = new Set<NodeJS.Timeout>()
  private lastId: number
  /** Counts `resume`: what was tried before it is taken up anew, and its answer means nothing. */
  private era = 0
  private stopped = false

  constructor(parts: OutboxParts) {
    this.parts = parts
    this.lastId = parts.journal.nextOutboxId() - 1
  }

  readonly nextId = (): number => {
    this.lastId += 1
    return this.lastId
  }

  get size(): number {
    return this.entries.size
  }

  admits(count: number): boolean {
    return this.entries.size + count <= this.parts.limits.outboxEffectsMax
  }

  list(): readonly OutboxEntry[] {
    return [...this.entries.values()]
  }

  /** Take up what the last process left, in order. Called once, when all services are there; again after a reopened store. */
  resume(): void {
    this.entries.clear()
    this.era += 1
    for (let after = 0; ; ) {
      const page = this.parts.journal.outbox(after, 1_000)
      for (const entry of page) {
        this.entries.set(entry.id, entry)
        if (entry.parked === undefined) this.attempt(entry, ignore)
        after = entry.id
      }
      if (page.length === 0) return
    }
  }

  /** What a commit that is on disk brought: new entries, entries that became a forward, and ids of those that arrived. */
  committed(enqueued: readonly OutboxEntry[], dequeued: readonly number[]): void {
    for (const entry of enqueued) this.entries.set(entry.id, entry)
    for (const id of dequeued) {
      const entry = this.entries.get(id)
      if (entry === undefined) continue
      this.entries.delete(id)
      this.parts.delivered(entry.cause.service)
    }
  }

  /** False for one that arrived, was given up, became a forward, or was taken up anew: nothing is to be done for it. */
  awaits({ id, call }: OutboxEntry): boolean {
    return this.entries.get(id)?.call === call
  }

  /** Run effects of a commit. `done` is called once, when the synchronous ones have ended, been parked, or `deadlineMs` has
   *  passed. */
  run(effects: readonly OutboxEntry[], deadlineMs: number, done: () => void): void {
    let waiting = true
    const finish = () => {
      if (!waiting) return
      waiting = false
      done()
    }
    const next = (index: number): void => {
      for (let at = index; at < effects.length; at++) {
        const entry = effects[at]!
        if (!entry.synchronous) {
          this.attempt(entry, ignore)
          continue
        }
        const timer = this.later(Math.min(Math.max(0, deadlineMs - this.parts.clock.now()), timerMsMax), () => {
          finish()
          next(at + 1)
        })
        let ended = false
        this.attempt(entry, () => {
          // Parked or done after the deadline: the chain has gone on without it.
          if (ended || !this.timers.has(timer)) return
          ended = true
          this.forget(timer)
          next(at + 1)
        })
        return
      }
      finish()
    }
    next(0)
  }

  /** Try a parked effect again. False if there is none of this id. */
  retry(id: number): boolean {
    const entry = this.entries.get(id)
    if (entry?.parked === undefined) return false
    const fresh = { ...entry, parked: undefined, attempts: 0 }
    this.store(fresh, () => this.attempt(fresh, ignore))
    return true
  }

  /** Give an effect up. False if there is none of this id. */
  drop(id: number): boolean {
    if (!this.entries.has(id)) return false
    this.entries.delete(id)
    this.parts.commits.join(
      (batch) => batch.dequeue(id),
      (error) => {
        if (error !== undefined) this.parts.log.error({ effect: id, err: error }, 'an effect could not be dropped')
      },
    )
    return true
  }

  stop(): void {
    this.stopped = true
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
  }

  private attempt(entry: OutboxEntry, ended: () => void): void {
    if (this.stopped) return
    if (!this.awaits(entry)) {
      ended()
      return
    }
    const { dispatch, limits, clock } = this.parts
    const { era } = this
    if (entry.hops > limits.hopsMax) {
      this.park(entry, tooManyHops(limits.hopsMax).message, ended)
      return
    }
    const command: Command = {
      ...entry.call,
      idempotencyKey: undefined,
      deadlineMs: clock.now() + tryMs,
      hops: entry.hops,
      requestId: `effect-${entry.id}`,
      effect: entry,
    }
    dispatch(command, (answer) => this.answered(entry.id, era, answer, ended))
  }

  private answered(id: number, era: number, answer: Answer, ended: () => void): void {
    const entry = this.entries.get(id)
    // Whoever accepted it took it out in the commit; however the answer was in the end.
    if (answer.kind === 'reply' || entry === undefined || era !== this.era) {
      ended()
      return
    }
    const reason = answer.kind === 'refusal' ? answer.failure.message : answer.error.message
    const code = answer.kind === 'error' ? answer.error.code : undefined
    if (code === 'unknown_service' || code === 'unknown_method' || code === 'bad_request') {
      this.park(entry, reason, ended)
      return
    }
    const wait = backOffMs[entry.attempts]
    if (wait === undefined) {
      this.park(entry, reason, ended)
      return
    }
    const again = { ...entry, attempts: entry.attempts + 1 }
    this.entries.set(id, again)
    this.parts.log.warn(
      { effect: id, to: target(entry), attempt: again.attempts, reason },
      'an effect failed; it is tried again',
    )
    this.later(wait, () => this.attempt(again, ended))
  }

  private park(entry: OutboxEntry, reason: string, ended: () => void): void {
    const parked = { ...entry, parked: reason }
    this.parts.parked(entry.cause.service)
    this.parts.log.error({ effect: entry.id, to: target(entry), cause: entry.cause, reason }, 'an effect is parked')
    this.store(parked, ended)
  }

  private store(entry: OutboxEntry, stored: () => void): void {
    this.entries.set(entry.id, entry)
    this.parts.commits.join(
      (batch) => batch.enqueue(entry),
      (error) => {
        if (error !== undefined) this.parts.log.error({ effect: entry.id, err: error }, 'an effect could not be stored')
        stored()
      },
    )
  }

  private later(ms: number, run: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      run()
    }, ms)
    this.timers.add(timer)
    return timer
  }

  private forget(timer: NodeJS.Timeout): void {
    clearTimeout(timer)
    this.timers.delete(timer)
  }
}

function target(entry: OutboxEntry): string {
  return `${entry.call.service}/${entry.call.method}`
}

function ignore(): void {}
