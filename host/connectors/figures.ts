// Figures: what became of the tries of one connector, in numbers. Their labels are few, whatever providers answer.

import type { ConnectorFigures, Histogram, Reason } from './connector.ts'

const boundsMs = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, Number.POSITIVE_INFINITY]

export class Figures {
  private readonly connector: string
  private readonly counts = boundsMs.map(() => 0)
  private sumMs = 0
  private waits = 0
  private readonly failures: Record<Reason, number> = { REFUSED: 0, NOT_SENT: 0, UNKNOWN: 0 }
  private readonly requests = new Map<string, { status: string; attempt: string; count: number }>()

  constructor(connector: string) {
    this.connector = connector
  }

  waited(): void {
    this.waits += 1
  }

  /** A try ended. `status`: a class of HTTP, the name of a code, or `none`. */
  ended(status: string, attempt: number, tookMs: number): void {
    const shown = attempt < 3 ? String(attempt) : '3+'
    const key = `${status} ${shown}`
    const known = this.requests.get(key)
    if (known === undefined) this.requests.set(key, { status, attempt: shown, count: 1 })
    else known.count += 1
    this.sumMs += tookMs
    for (const [index, bound] of boundsMs.entries()) if (tookMs <= bound) this.counts[index]! += 1
  }

  failed(reason: Reason): void {
    this.failures[reason] += 1
  }

  shown(underWay: number): ConnectorFigures {
    const time: Histogram = { boundsMs, counts: [...this.counts], sumMs: this.sumMs }
    const requests = [...this.requests.values()].map((one) => ({ ...one }))
    return { connector: this.connector, underWay, waits: this.waits, requests, failures: { ...this.failures }, time }
  }
}

/** As `4xx`. */
export function classOf(status: number): string {
  return `${Math.floor(status / 100)}xx`
}
