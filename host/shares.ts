// Shares: how much of one bounded thing each holder has: a service, or a client.
//
// S1. All together never hold more than `max`.
// S2. A part is kept, an eighth where nothing else is said. Who holds no more than that may have whatever is free; who would hold
//     more leaves that part free. So an idle host lends nearly all, and one big holder cannot keep a small one out.
//
// Owns: the count and the rule.   Who holds owns: what is held, and the refusal.

/** Rule S2, for one who holds so much with what it asks for, where so much is left free then. */
export function fits(free: number, held: number, reserve: number): boolean {
  return free >= (held <= reserve ? 0 : reserve)
}

export class Shares {
  private readonly max: number
  private readonly reserve: number
  private readonly held = new Map<string, number>()
  private total = 0

  /** One part of so many is kept. */
  constructor(max: number, parts = 8) {
    this.max = max
    this.reserve = Math.floor(max / parts)
  }

  /** Nobody may have more. */
  get full(): boolean {
    return this.total >= this.max
  }

  of(service: string): number {
    return this.held.get(service) ?? 0
  }

  all(): Iterable<readonly [service: string, held: number]> {
    return this.held
  }

  admits(service: string, count: number): boolean {
    return fits(this.max - this.total - count, this.of(service) + count, this.reserve)
  }

  take(service: string, count: number): void {
    this.total += count
    this.held.set(service, this.of(service) + count)
  }

  give(service: string, count: number): void {
    this.total -= count
    const left = this.of(service) - count
    if (left > 0) this.held.set(service, left)
    else this.held.delete(service)
  }

  clear(): void {
    this.held.clear()
    this.total = 0
  }
}
