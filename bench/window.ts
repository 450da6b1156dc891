// Window: what a client counts: answers and latencies of a span of time, and every answer that it ever had.
//
// The span is what is timed. A client goes on until all that it asked is answered, so that it knows what was acknowledged.

export interface Seen {
  /** Accepted answers of the client's whole life. */
  readonly acknowledged: number
  /** Other answers. */
  readonly errors: number
  /** Asked, and not answered when the connection broke: may or may not have happened. */
  readonly unanswered: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Processors that the client itself was busy on during the span. */
  readonly clientCores: number
}

export class Window {
  private readonly latencies: number[] = []
  private acknowledged = 0
  private errors = 0
  private seconds = 0
  private clientSeconds = 0
  private counting = false
  private readonly warmupMs: number
  private readonly ms: number

  constructor(warmupMs: number, ms: number) {
    this.warmupMs = warmupMs
    this.ms = ms
  }

  /** When all connections are there. Calls `ended` at the end of the span. */
  begin(ended: () => void): void {
    setTimeout(() => {
      this.counting = true
      const started = performance.now()
      const cpu = process.cpuUsage()
      setTimeout(() => {
        this.counting = false
        this.seconds = (performance.now() - started) / 1_000
        const { user, system } = process.cpuUsage(cpu)
        this.clientSeconds = (user + system) / 1_000_000
        ended()
      }, this.ms)
    }, this.warmupMs)
  }

  answered(startedMs: number, nowMs: number, ok: boolean): void {
    if (!ok) {
      this.errors += 1
      return
    }
    this.acknowledged += 1
    if (this.counting) this.latencies.push(nowMs - startedMs)
  }

  seen(unanswered: number): Seen {
    const sorted = Float64Array.from(this.latencies).sort()
    const at = (share: number) => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3))
    return {
      acknowledged: this.acknowledged,
      errors: this.errors,
      unanswered,
      perSecond: this.seconds === 0 ? 0 : Math.round(sorted.length / this.seconds),
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      p999Ms: at(0.999),
      clientCores: this.seconds === 0 ? 0 : Number((this.clientSeconds / this.seconds).toFixed(2)),
    }
  }
}

/** The same keys in every run: xorshift. */
export function keysOf(count: number): () => string {
  const names = Array.from({ length: count }, (_, index) => `k${index}`)
  let random = 88_172_645
  return () => {
    random ^= random << 13
    random ^= random >>> 17
    random ^= random << 5
    return names[(random >>> 0) % count]!
  }
}
