// Held states: decoded states that live between calls, named by tokens. A cache: forgetting any changes no answer (law L6).
//
// H1. At most `entriesMax` states and `weightMax` bytes by estimate; the least recently used go first.
// H2. A token names one state of one entity, and is used up by the call that changes it. Tokens are not reused before
//     2^31.
//
// Leaves to others: encoding (state.ts), when to hold (event-sourced.ts, value.ts).

export interface Held {
  readonly service: string
  readonly entity: string
  readonly state: unknown
  readonly sizeMax: number
}

export class HeldStates {
  private readonly entries = new Map<number, Held>()
  private readonly entriesMax: number
  private readonly weightMax: number
  private weight = 0
  private lastToken = 0

  constructor(entriesMax = 10_000, weightMax = 24 * 1024 * 1024) {
    this.entriesMax = entriesMax
    this.weightMax = weightMax
  }

  /** The state, or undefined if it is not held (any more), or not of this entity. */
  find(token: number, service: string, entity: string): Held | undefined {
    const held = this.entries.get(token)
    return held !== undefined && held.entity === entity && held.service === service ? held : undefined
  }

  /** Mark as used: it goes to the end of the queue. */
  touch(token: number, held: Held): void {
    this.entries.delete(token)
    this.entries.set(token, held)
  }

  forget(token: number): void {
    const held = this.entries.get(token)
    if (held === undefined) return
    this.entries.delete(token)
    this.weight -= weightOf(held)
  }

  /** Hold a state. Undefined if it alone is more than may be held. */
  hold(held: Held): number | undefined {
    const weight = weightOf(held)
    if (weight > this.weightMax) return undefined
    for (const oldest of this.entries.keys()) {
      if (this.entries.size < this.entriesMax && this.weight + weight <= this.weightMax) break
      this.forget(oldest)
    }
    do this.lastToken = (this.lastToken + 1) & 0x7fffffff
    while (this.entries.has(this.lastToken))
    this.entries.set(this.lastToken, held)
    this.weight += weight
    return this.lastToken
  }
}

/** A decoded state takes about twice the bound of its encoded size (cart of 10 items: bound 760, in memory 1.5 KB). */
function weightOf(held: Held): number {
  return held.sizeMax * 2 + 128
}
