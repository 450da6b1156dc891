// Watchdog: looks from outside what the loop has in hand, and says so when it does not get on.
//
// D1. A turn that is in hand for `turnMsMax` is guilty. The loop's own work between turns (parsing, commits on a slow disk) is not a
//     service's: only when nothing has moved for `silenceMsMax` is the loop itself given up, with nobody to blame.
// D2. It looks `looksEach` times in that time, by a clock that never jumps. A machine that slept looks as if the loop had: a look that
//     comes much too late starts over.
//
// Owns: finding.   supervisor.ts owns: ending, and the next start.

import type { InHand, InHandMemory } from '../in-hand.ts'

const looksEach = 10
/** The loop tells that it lives by beats; so long without one, and without a turn in hand, it is stuck in the host's own code. */
const silenceTurns = 30

export interface WatchdogParts {
  readonly memory: InHandMemory
  readonly turnMsMax: number
  readonly nowMs: () => number
  /** `undefined`: nothing was in hand. Called once. */
  readonly stuck: (guilty: InHand | undefined) => void
}

export class Watchdog {
  private readonly parts: WatchdogParts
  private turn = 0
  private sinceMs = 0
  private beat = -1
  private beatMs = 0
  private lookedMs: number
  private readonly everyMs: number
  private readonly timer: NodeJS.Timeout
  private barked = false

  constructor(parts: WatchdogParts) {
    this.parts = parts
    this.everyMs = parts.turnMsMax / looksEach
    this.lookedMs = parts.nowMs()
    this.beatMs = this.lookedMs
    this.timer = setInterval(() => this.look(), this.everyMs)
  }

  stop(): void {
    clearInterval(this.timer)
  }

  /** Called by itself; tests do it by hand. */
  look(): void {
    if (this.barked) return
    const { memory, turnMsMax, nowMs } = this.parts
    const now = nowMs()
    const slept = now - this.lookedMs > turnMsMax
    this.lookedMs = now
    const beat = memory.beats
    const seen = memory.read()
    if (beat !== this.beat || slept) {
      this.beat = beat
      this.beatMs = now
    }
    if (seen === undefined || seen.turn !== this.turn || slept) {
      this.turn = seen?.turn ?? 0
      this.sinceMs = now
    } else if (now - this.sinceMs >= turnMsMax) {
      this.bark(seen)
      return
    }
    if (seen === undefined && now - this.beatMs >= silenceTurns * turnMsMax) this.bark(undefined)
  }

  private bark(guilty: InHand | undefined): void {
    this.barked = true
    this.stop()
    this.parts.stuck(guilty)
  }
}
