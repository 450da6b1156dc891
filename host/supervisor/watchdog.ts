// Watchdog: looks from outside what the loop has in hand, and says so when it does not get on.
//
// D1. A turn that has run for `turnMsMax` is guilty: by the processor time of its thread, where that can be read, since on a machine that is
//     busy with other things an honest turn takes long, too. A turn that stands still for ten times as long is guilty as well.
// D2. The loop's own work between turns (parsing, commits on a slow disk) is not a service's: only when nothing has moved for thirty
//     times as long is the loop itself given up, with nobody to blame.
// D3. It looks `looksEach` times in `turnMsMax`, by a clock that never jumps. A look that comes late counts as two at most: a machine that
//     slept looks as if the loop had.
//
// Owns: finding.   supervisor.ts owns: ending, and the next start.   thread-time.ts owns: processor time.

import type { InHand, InHandMemory } from '../in-hand.ts'

const looksEach = 10
const standingTurns = 10
const silenceTurns = 30

interface WatchdogParts {
  readonly memory: InHandMemory
  readonly turnMsMax: number
  readonly nowMs: () => number
  /** Processor time that the loop's thread has used, in milliseconds; undefined where nobody can say. */
  readonly ranMs: () => number | undefined
  /** `undefined`: nothing was in hand. Called once. */
  readonly stuck: (guilty: InHand | undefined) => void
}

export class Watchdog {
  private readonly parts: WatchdogParts
  private readonly everyMs: number
  private readonly timer: NodeJS.Timeout
  private lookedMs: number
  private turn = 0
  /** Of the turn in hand. */
  private stoodMs = 0
  private turnRanMs = 0
  private ranMs: number | undefined
  private beat = -1
  private silentMs = 0
  private barked = false

  constructor(parts: WatchdogParts) {
    this.parts = parts
    this.everyMs = parts.turnMsMax / looksEach
    this.lookedMs = parts.nowMs()
    this.timer = setInterval(() => this.look(), this.everyMs)
  }

  stop(): void {
    clearInterval(this.timer)
  }

  /** Called by itself; tests do it by hand. */
  look(): void {
    if (this.barked) return
    const { memory, turnMsMax } = this.parts
    const passed = this.passed()
    const ran = this.ran() ?? passed
    const { beats } = memory
    this.silentMs = beats === this.beat ? this.silentMs + passed : 0
    this.beat = beats
    const seen = memory.read()
    if (seen === undefined || seen.turn !== this.turn) {
      this.turn = seen?.turn ?? 0
      this.stoodMs = 0
      this.turnRanMs = 0
    } else {
      this.stoodMs += passed
      this.turnRanMs += ran
    }
    const guilty = this.turnRanMs >= turnMsMax || this.stoodMs >= standingTurns * turnMsMax
    if (guilty) this.bark(seen)
    else if (seen === undefined && this.silentMs >= silenceTurns * turnMsMax) this.bark(undefined)
  }

  /** Since the last look. */
  private passed(): number {
    const now = this.parts.nowMs()
    const passed = Math.min(now - this.lookedMs, 2 * this.everyMs)
    this.lookedMs = now
    return passed
  }

  private ran(): number | undefined {
    const before = this.ranMs
    this.ranMs = this.parts.ranMs()
    return before === undefined || this.ranMs === undefined ? undefined : this.ranMs - before
  }

  private bark(guilty: InHand | undefined): void {
    this.barked = true
    this.stop()
    this.parts.stuck(guilty)
  }
}
