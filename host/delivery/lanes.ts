// Lanes: the way from one entity to another. What one sends to the other is not overtaken while it is being tried again.
//
// Owns: who waits behind whom.   outbox.ts owns: trying.   What is due later, and what goes to no entity, has no lane.

interface Lane {
  /** The entry that is being tried again. */
  readonly holder: number
  readonly waiting: (() => void)[]
}

export class Lanes {
  private readonly lanes = new Map<string, Lane>()
  private readonly held = new Map<number, string>()

  /** Nothing is being tried again. */
  get free(): boolean {
    return this.lanes.size === 0
  }

  hold(lane: string, id: number): void {
    if (this.lanes.has(lane)) return
    this.lanes.set(lane, { holder: id, waiting: [] })
    this.held.set(id, lane)
  }

  /** `go` is called once the way is free; false: it is. */
  waits(lane: string, id: number, go: () => void): boolean {
    const held = this.lanes.get(lane)
    if (held === undefined || held.holder >= id) return false
    held.waiting.push(go)
    return true
  }

  /** The entry is gone, or tried no more. Answers what waited for it, in order. */
  release(id: number): readonly (() => void)[] {
    const lane = this.held.get(id)
    if (lane === undefined) return none
    this.held.delete(id)
    const { waiting } = this.lanes.get(lane)!
    this.lanes.delete(lane)
    return waiting
  }

  clear(): void {
    this.lanes.clear()
    this.held.clear()
  }
}

const none: readonly (() => void)[] = Object.freeze([])
