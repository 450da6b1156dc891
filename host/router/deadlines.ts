// Deadlines: who waits for an answer, and until when.
//
// D1. A watched reply is called exactly once: with the answer, or with `deadline_exceeded`, whichever comes first.
// D2. One timer for all: deadlines are looked at every `tickMs`, so a caller may wait that much longer, never shorter.
//
// A timer for each command would cost more than the command's whole way through the router.

import type { Clock, Timer } from '../clock.ts'
import type { Answer, Reply } from '../command.ts'
import { InnkeeperError } from '../errors.ts'

const tickMs = 20

export class Deadlines {
  private readonly clock: Clock
  /** By the tick in which they are due. */
  private readonly due = new Map<number, Set<Pending>>()
  private lastTick: number
  private readonly timer: Timer

  constructor(clock: Clock) {
    this.clock = clock
    this.lastTick = Math.floor(clock.now() / tickMs)
    this.timer = clock.every(tickMs, () => this.tick()).unref()
  }

  watch(deadlineMs: number, reply: Reply): Pending {
    const tick = Math.max(Math.ceil(deadlineMs / tickMs), this.lastTick + 1)
    let set = this.due.get(tick)
    if (set === undefined) {
      set = new Set()
      this.due.set(tick, set)
    }
    const pending = new Pending(reply, set)
    set.add(pending)
    return pending
  }

  stop(): void {
    this.timer.cancel()
  }

  private tick(): void {
    const tick = Math.floor(this.clock.now() / tickMs)
    if (tick === this.lastTick) return
    this.lastTick = tick
    for (const [at, set] of this.due) {
      if (at > tick) continue
      this.due.delete(at)
      for (const pending of set) pending.expire()
    }
  }
}

export class Pending {
  /** The command where it waits, once it is there. */
  waiting: { abandoned: boolean } | undefined
  private reply: Reply | undefined
  private readonly set: Set<Pending>

  constructor(reply: Reply, set: Set<Pending>) {
    this.reply = reply
    this.set = set
  }

  readonly answer = (answer: Answer): void => {
    const reply = this.reply
    if (reply === undefined) return
    this.reply = undefined
    this.set.delete(this)
    reply(answer)
  }

  expire(): void {
    if (this.waiting !== undefined) this.waiting.abandoned = true
    const message = 'no answer before the deadline; a command already decided may still have been stored'
    this.answer({ kind: 'error', error: new InnkeeperError('deadline_exceeded', message) })
  }
}
