// Shares: how much of one bounded thing each holder has: a service, or a client.
//
// S1. All together never hold more than `max`.
// S2. An eighth is kept. Who holds no more than that may have whatever is free; who would hold
//     more leaves that part free. So an idle host lends nearly all, and one big holder cannot keep a small one out.
// S3. What is a service's and a client's at once: a service that holds more than an eighth leaves an eighth free, and a client that does
//     leaves a sixteenth more. So, where one client has one service take all it can, there is room for others of that service, for that
//     client's calls of other services (all clients behind a proxy are one), and most for others of others.
//
// Owns: the count and the rule.   Who holds owns: what is held, and the refusal.

/** One part in so many is kept (S2). */
export const shareParts = 8

/** Rule S2, for one who holds so much with what it asks for, where so much is left free then. */
export function fits(free: number, held: number, reserve: number): boolean {
  return free >= (held <= reserve ? 0 : reserve)
}

/** The rule for what is a service's and a client's at once (S3). Undefined: there is room; else whose share is used up. */
export function usedUpBy(
  max: number,
  total: number,
  service: number,
  client: number | undefined,
  count: number,
): 'service' | 'client' | undefined {
  const part = Math.floor(max / shareParts)
  const free = max - total - count
  const ofService = service + count > part ? part : 0
  if (free < ofService) return 'service'
  const ofClient = client !== undefined && client + count > part ? Math.floor(max / (2 * shareParts)) : 0
  return free < ofService + ofClient ? 'client' : undefined
}

export class Shares {
  private readonly max: number
  private readonly reserve: number
  private readonly held = new Map<string, number>()
  private total = 0

  constructor(max: number) {
    this.max = max
    this.reserve = Math.floor(max / shareParts)
  }

  /** Nobody may have more. */
  get full(): boolean {
    return this.total >= this.max
  }

  /** What all have. */
  get all(): number {
    return this.total
  }

  of(service: string): number {
    return this.held.get(service) ?? 0
  }

  each(): Iterable<readonly [service: string, held: number]> {
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
