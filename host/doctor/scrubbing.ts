// Scrubbing: a running host reads its whole store again and again, slowly, so that damage is found before it is needed
// (`inn up --scrub`).
//
// B1. At most `bytesPerSecond` on average: what was read is followed by the pause that it has earned.
// B2. What is found is logged once, counted, and kept for `inn doctor`, up to `findingsMax`.

import type { Logger } from 'pino'
import type { Clock, Timer } from '../clock.ts'
import type { Finding, Scrubbed } from './scrub.ts'
import { Scrub } from './scrub.ts'

export const bytesPerSecond = 1_000_000
const findingsMax = 1_000
/** Between two rounds. */
const restMs = 60_000
const shortestPauseMs = 20

interface ScrubbingParts {
  readonly store: Scrubbed
  readonly log: Logger
  readonly clock: Pick<Clock, 'after'>
  /** The store has failed: not now. */
  readonly unfit: () => boolean
}

export class Scrubbing {
  /** Rounds through the whole store that have ended. */
  rounds = 0
  /** Findings of this round or the last one that ended. */
  readonly findings = new Map<string, Finding>()
  private readonly parts: ScrubbingParts
  private readonly scrub: Scrub
  private timer: Timer | undefined

  constructor(parts: ScrubbingParts) {
    this.parts = parts
    this.scrub = new Scrub({ store: parts.store, found: (finding) => this.found(finding) })
  }

  get bytes(): number {
    return this.scrub.bytes
  }

  get values(): number {
    return this.scrub.values
  }

  start(): void {
    this.later(shortestPauseMs)
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  private later(ms: number): void {
    this.timer = this.parts.clock.after(ms, () => this.run()).unref()
  }

  private run(): void {
    if (this.parts.unfit()) {
      this.later(restMs)
      return
    }
    const before = this.scrub.bytes
    try {
      while (this.scrub.bytes - before < (bytesPerSecond * shortestPauseMs) / 1000) {
        if (this.scrub.step()) continue
        this.rounds += 1
        this.parts.log.info(
          { values: this.values, bytes: this.bytes, findings: this.findings.size },
          'the store was scrubbed',
        )
        this.later(restMs)
        return
      }
    } catch (error) {
      this.parts.log.error({ err: error }, 'scrubbing failed and will be continued later')
      this.later(restMs)
      return
    }
    this.later(Math.max(shortestPauseMs, ((this.scrub.bytes - before) / bytesPerSecond) * 1000))
  }

  private found(finding: Finding): void {
    const { column, storage, entity, what, reason } = finding
    const name = `${column} ${storage} ${entity} ${what}`
    if (this.findings.has(name) || this.findings.size >= findingsMax) return
    this.findings.set(name, finding)
    this.parts.log.error({ column, storage, entity, what, reason }, 'scrubbing found damage')
  }
}
